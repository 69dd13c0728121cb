"""Members whom events name by number only: how often Discord is asked about them."""

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import pytest

from bots.discord_bot.activity.known_members import FAILURE_BELIEVED_S, KnownMembers, Seen
from bots.discord_bot.activity.reactions import Reactions
from bots.features.exclusions import Exclusions
from bots.features.room import Room
from config.community_sections.earning import EarningSetting, ExcludedSetting, PlaceSetting
from db.earning.reactions import Reaction
from tests.support.bot_texts import COMMUNITY

GUILD, CATEGORY, CHANNEL, MESSAGE = 1, 7, 70, 5
ANN, BOB = 1001, 1002
ANNS_ROLE, BOBS_ROLE = 51, 52
NOTHING_EXCLUDED = ExcludedSetting()


class Guild:
    """A server of discord.py that answers once it is let, and counts the calls."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_away = False

    async def fetch_member(self, account_id: int) -> Any:
        self.asked.append(account_id)
        await self.may_answer.wait()
        if self.is_away:
            raise aiohttp.ClientError("away")
        return SimpleNamespace(bot=False, display_name="Ann", _roles=[ANNS_ROLE])

    def get_channel_or_thread(self, channel_id: int) -> Any:
        return SimpleNamespace(id=channel_id, category_id=CATEGORY)


class Lookups:
    """Members as the bot knows them, a clock that is told the time, and what rooms are handed."""

    def __init__(self, excluded: ExcludedSetting = NOTHING_EXCLUDED) -> None:
        self.now_s = 0.0
        self.guild = Guild()
        client: Any = SimpleNamespace(get_guild=lambda _: self.guild)
        self.members = KnownMembers(client, GUILD, clock=lambda: self.now_s)
        self.handed: list[Reaction] = []
        earning = EarningSetting(excluded=excluded)
        community = msgspec.structs.replace(COMMUNITY, earning=earning)
        exclusions = Exclusions(community, "discord")
        self.reactions = Reactions(
            [Room(on_reaction=self.handed.append)], self.members, exclusions, GUILD
        )

    async def react(self, giver_id: int, message_id: int = MESSAGE, role: int = 1) -> None:
        event: Any = SimpleNamespace(
            guild_id=GUILD,
            channel_id=CHANNEL,
            message_id=message_id,
            message_author_id=ANN,
            member=SimpleNamespace(
                id=giver_id, bot=False, pending=False, _roles=[role], guild=self.guild
            ),
        )
        await self.reactions.add(event)


async def test_quick_reactions_to_one_author_share_a_call():
    at = Lookups()
    at.guild.may_answer.clear()
    quick = [asyncio.ensure_future(at.react(giver)) for giver in range(2_000, 2_500)]
    await asyncio.sleep(0)
    quick[0].cancel()  # one who asks ends, and nobody else does
    await asyncio.sleep(0)
    at.guild.may_answer.set()
    await asyncio.gather(*quick, return_exceptions=True)

    assert at.guild.asked == [ANN]
    assert len(at.handed) == 499


async def test_nobody_asks_again_at_once_after_discord_did_not_answer():
    at = Lookups()
    at.guild.is_away = True
    for giver in range(2_000, 2_500):
        await at.react(giver)
    assert at.guild.asked == [ANN]
    assert at.handed == []

    at.guild.is_away = False
    at.now_s += FAILURE_BELIEVED_S
    await at.react(2_000)
    assert at.guild.asked == [ANN, ANN]
    assert [one.giver_id for one in at.handed] == [2_000]


@pytest.mark.parametrize(
    "excluded",
    [
        ExcludedSetting(discord=(ANN,)),
        ExcludedSetting(discord=(BOB,)),
        ExcludedSetting(roles=(ANNS_ROLE,)),
        ExcludedSetting(roles=(BOBS_ROLE,)),
        ExcludedSetting(places=(PlaceSetting(discord_channel=CHANNEL),)),
        ExcludedSetting(places=(PlaceSetting(discord_channel=CATEGORY),)),
    ],
    ids=["the author", "the giver", "the author's role", "the giver's role", "channel", "category"],
)
async def test_reactions_by_and_for_the_excluded_and_in_excluded_places_do_not_count(excluded):
    at = Lookups(excluded)
    await at.react(BOB, role=BOBS_ROLE)
    assert at.handed == []

    other = ExcludedSetting(telegram=(ANN, BOB), places=(PlaceSetting(discord_channel=71),))
    at = Lookups(other)
    await at.react(BOB, role=BOBS_ROLE)
    assert len(at.handed) == 1


async def test_a_reaction_that_is_toggled_asks_nothing():
    at = Lookups()
    for _ in range(500):
        await at.react(BOB)
        at.members.forget(ANN)

    assert at.guild.asked == [ANN]
    assert len(at.handed) == 1


async def test_an_answer_that_an_event_overtook_is_not_believed():
    at = Lookups()
    at.guild.may_answer.clear()
    looking = asyncio.ensure_future(at.members.look(ANN))
    await asyncio.sleep(0)
    member: Any = SimpleNamespace(id=ANN, bot=True, display_name="Robot", _roles=[])
    at.members.note(member)
    at.guild.may_answer.set()
    await looking

    assert await at.members.look(ANN) == Seen(True, True, "Robot")
