"""Which messages earn, how much, and when this process does not even ask."""

import asyncio
import datetime
import zoneinfo
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bots.features.message_xp.amounts import amount
from bots.features.message_xp.multipliers import Multipliers
from bots.features.message_xp.pauses import Pauses
from bots.features.message_xp.places import EarningPlaces
from bots.features.message_xp.repetition import LastMessages, says_something
from bots.features.message_xp.room import MessageXp
from bots.features.posted_messages import MessagePlace, Posted
from config.community_sections.earning import (
    EarningSetting,
    ExcludedSetting,
    MessageSetting,
    MultiplierSetting,
    PlaceSetting,
)
from db.earning import Earned
from tests.support.bot_texts import COMMUNITY

NOTHING_EXCLUDED = ExcludedSetting()
GROUP, OTHER = -1001000000001, -1009999999999
#: A Saturday evening in Moscow, three hours ahead of UTC.
EVENING = datetime.datetime(2026, 11, 28, 20, 30, tzinfo=datetime.UTC)
MOSCOW = zoneinfo.ZoneInfo("Europe/Moscow")


class Asked:
    """In the place of Postgres: every earning is noted, and answered as the test says."""

    def __init__(self) -> None:
        self.earnings: list[Any] = []
        self.answers: list[asyncio.Future[Earned]] = []

    def earn(self, earning: Any) -> asyncio.Future[Earned]:
        self.earnings.append(earning)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


def opened(
    asked: Asked,
    *,
    timezone: str = "UTC",
    excluded: ExcludedSetting = NOTHING_EXCLUDED,
    **setting: Any,
) -> MessageXp:
    community = msgspec.structs.replace(
        COMMUNITY,
        earning=EarningSetting(excluded=excluded, messages=MessageSetting(**setting)),
        timezone=timezone,
    )
    services: Any = SimpleNamespace(
        platform="discord", community=community, earnings=asked, amount_secret=b"secret"
    )
    return MessageXp(services)


def posted(at_s: float = 0, text: str | None = "A message of some length", **more: Any) -> Posted:
    place = more.pop("place", MessagePlace(10, within=(5,)))
    at = EVENING + datetime.timedelta(seconds=at_s)
    return Posted(7, "Ann", int(1_000 + at_s * 10), place, at, text, **more)


async def test_a_message_in_the_cooldown_asks_nobody():
    asked = Asked()
    room = opened(asked)
    room.note(posted(0, "The first message"))
    room.note(posted(1, "A second one with other words"))
    assert len(asked.earnings) == 1

    asked.answers[0].set_result(Earned(12, EVENING, 12))
    await asyncio.sleep(0)
    room.note(posted(59, "Yet another message to read"))
    assert len(asked.earnings) == 1
    room.note(posted(60, "Finally a message that counts"))
    assert len(asked.earnings) == 2


async def test_an_answer_teaches_the_cooldown_of_the_other_account():
    asked = Asked()
    room = opened(asked)
    room.note(posted(0))
    later = EVENING + datetime.timedelta(seconds=50)
    asked.answers[0].set_result(Earned(0, later, 12))
    await asyncio.sleep(0)
    room.note(posted(109, "This one is too early still"))
    assert len(asked.earnings) == 1
    room.note(posted(110, "Finally a message that counts"))
    assert len(asked.earnings) == 2


async def test_who_reached_the_limit_of_the_day_asks_nobody_until_midnight():
    asked = Asked()
    room = opened(asked, timezone="Europe/Moscow", xp_per_day_max=100)
    room.note(posted(0))  # 23:30 in Moscow
    asked.answers[0].set_result(Earned(3, EVENING, 100))
    await asyncio.sleep(0)
    room.note(posted(1_799, "Something new for this evening"))
    assert len(asked.earnings) == 1
    room.note(posted(1_800, "Midnight is a new day for all"))
    assert len(asked.earnings) == 2


@pytest.mark.parametrize(
    "message",
    [
        posted(text="ok"),
        posted(text=""),
        posted(text="!play some music"),
        posted(text="/roll 20", is_command=True),
        posted(text="/roll 20"),
        posted(text="haaaaaaaaaaaaaaaaaaaaaaa"),
        posted(text="spam spam spam spam spam"),
        posted(text="🎉🎉🎉🎉🎉🎉🎉"),
        posted(text="....................."),
        posted(roles=frozenset({66})),
        posted(place=MessagePlace(20, within=(6,))),
        posted(place=MessagePlace(10, within=(5,), is_home=False)),
    ],
    ids=lambda one: f"{one.text} in {one.place.id}",
)
async def test_a_message_that_does_not_count_asks_nobody(message):
    asked = Asked()
    excluded = ExcludedSetting(roles=(66,), places=(PlaceSetting(discord_channel=6),))
    opened(asked, excluded=excluded).note(message)
    assert asked.earnings == []


async def test_excluded_people_earn_nothing():
    asked = Asked()
    opened(asked, excluded=ExcludedSetting(discord=(7,))).note(posted())
    opened(asked, excluded=ExcludedSetting(telegram=(7,))).note(posted())
    assert len(asked.earnings) == 1


@pytest.mark.parametrize("text", ["你好吗", "Да!", "नमस्ते", "สวัสดี", "مرحبا", "a b c", None])
async def test_short_messages_in_any_script_count(text):
    asked = Asked()
    opened(asked, least_characters=2).note(posted(text=text))
    assert len(asked.earnings) == 1


def test_a_sticker_says_nothing_whatever_length_is_asked_for():
    assert not says_something("", 0)
    assert says_something("k", 0)


def test_a_text_of_many_words_says_something():
    assert says_something("The ship leaves the harbour at noon, be there", 3)
    assert not says_something("buy now buy now buy now buy now", 3)


def test_nearly_the_same_message_is_a_repetition_for_its_author_only():
    last = LastMessages(0.8)
    first = "Good morning everybody, how are you all doing on this fine day?"
    assert not last.is_repetition(1, first)
    assert last.is_repetition(1, first.upper() + " !!!")
    assert not last.is_repetition(2, first)
    assert not last.is_repetition(1, "I found the lighthouse on the map, it is further north.")
    for number in range(3):
        assert not last.is_repetition(1, f"{number} ".join("abcdefgh") + str(number) * 9)
    assert last.is_repetition(1, first)


def test_what_is_remembered_of_authors_is_bounded():
    last = LastMessages(0.8, authors_max=2)
    for account_id in (1, 2, 3):
        last.is_repetition(account_id, "The same text of everybody")
    assert not last.is_repetition(1, "The same text of everybody")
    pauses = Pauses(accounts_max=2)
    for account_id in (1, 2, 3):
        pauses.pause(account_id, EVENING)
    early = EVENING - datetime.timedelta(seconds=1)
    assert [pauses.is_paused(one, early) for one in (1, 2, 3)] == [False, True, True]


def test_an_amount_is_stable_within_its_range_and_hidden_without_the_secret():
    amounts = [amount(b"secret", f"telegram:1:{number}", 10, 20) for number in range(2_000)]
    assert set(amounts) == set(range(10, 21))
    assert amounts == [amount(b"secret", f"telegram:1:{n}", 10, 20) for n in range(2_000)]
    assert amounts != [amount(b"other", f"telegram:1:{n}", 10, 20) for n in range(2_000)]
    assert amount(b"secret", "any", 5, 5) == 5


@pytest.mark.parametrize(
    ("listed", "place", "counts"),
    [
        ((), MessagePlace(GROUP, 3), True),
        ((), MessagePlace(OTHER, is_home=False), False),
        ((PlaceSetting(telegram_topic=3),), MessagePlace(GROUP, 3), True),
        ((PlaceSetting(telegram_topic=3),), MessagePlace(GROUP), False),
        ((PlaceSetting(telegram_topic=1),), MessagePlace(GROUP), True),
        ((PlaceSetting(telegram_chat=GROUP),), MessagePlace(-100777, is_home=True), True),
        ((PlaceSetting(telegram_chat=OTHER),), MessagePlace(OTHER, 9, is_home=False), True),
        ((PlaceSetting(telegram_chat=OTHER),), MessagePlace(GROUP), False),
        ((PlaceSetting(telegram_chat=OTHER),), MessagePlace(10), True),
        ((PlaceSetting(discord_channel=10),), MessagePlace(10), True),
        ((PlaceSetting(discord_channel=5),), MessagePlace(77, within=(10, 5)), True),
        ((PlaceSetting(discord_channel=11),), MessagePlace(10), False),
        ((PlaceSetting(discord_channel=11),), MessagePlace(GROUP), True),
    ],
)
def test_a_list_of_places_concerns_its_own_platform(listed, place, counts):
    assert (place in EarningPlaces(listed, GROUP)) is counts


@pytest.mark.parametrize(
    ("setting", "factor"),
    [
        ({}, 2.0),
        ({"weekdays": ("saturday",)}, 2.0),
        ({"weekdays": ("sunday",)}, 1.0),
        ({"from_hour": 23}, 2.0),
        ({"from_hour": 22, "until_hour": 2}, 2.0),
        ({"from_hour": 1, "until_hour": 23}, 1.0),
        ({"until_hour": 23}, 1.0),
        ({"discord_roles": (5,)}, 2.0),
        ({"discord_roles": (6,)}, 1.0),
        ({"places": (PlaceSetting(discord_channel=10),)}, 2.0),
        ({"places": (PlaceSetting(discord_channel=11),)}, 1.0),
        ({"from_": datetime.datetime(2026, 11, 28, 23, 30)}, 2.0),  # noqa: DTZ001 - as in TOML
        ({"until": datetime.datetime(2026, 11, 28, 23, 30)}, 1.0),  # noqa: DTZ001 - as in TOML
        ({"until": EVENING + datetime.timedelta(seconds=1)}, 2.0),
    ],
    ids=str,
)
def test_a_multiplier_applies_if_all_its_conditions_hold(setting, factor):
    multipliers = Multipliers([MultiplierSetting(factor=2, **setting)], MOSCOW, GROUP)
    assert multipliers.factor(posted(roles=frozenset({5}))) == factor


def test_factors_are_multiplied_with_each_other_up_to_a_hundred():
    three = [MultiplierSetting(factor=factor) for factor in (3, 0.5, 4)]
    assert Multipliers(three, MOSCOW, GROUP).factor(posted()) == 6
    two = [MultiplierSetting(factor=90), MultiplierSetting(factor=90)]
    assert Multipliers(two, MOSCOW, GROUP).factor(posted()) == 100


def test_a_chat_that_is_named_to_be_left_out_or_multiplied_is_not_served():
    left_out, multiplied, listed = (PlaceSetting(telegram_chat=-one) for one in (2001, 2002, 2003))
    messages = MessageSetting(
        places=(listed,), multipliers=(MultiplierSetting(factor=2, places=(multiplied,)),)
    )
    earning = EarningSetting(messages=messages, excluded=ExcludedSetting(places=(left_out,)))
    assert messages.telegram_chats == {-2003}
    assert earning.named_telegram_chats == {-2001, -2002, -2003}  # none is logged as unknown
