"""`[earning]`: what members earn by being there, where, and how much at most."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Annotated, Literal

import msgspec

from ..setting_error_texts import Problem
from .reactions import ReactionSetting
from .thanks import ThankSetting, thank_problems
from .voice import VoiceSetting

#: The most XP that one message or one day may bring: far below what one event may carry.
XP_MAX = 10**6
#: The largest factor of a multiplier: more is a slip of the keyboard.
FACTOR_MAX = 100
#: The longest window in minutes: a day.
WINDOW_MINUTES_MAX = 1_440

Snowflake = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=XP_MAX)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class PlaceSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place where members write: a Telegram chat, a topic of one, or a Discord channel."""

    telegram_chat: int | None = None
    telegram_topic: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """A topic of that chat, or of the community's group."""
    discord_channel: Snowflake | None = None
    """A channel with its threads, or a category with its channels."""


class MultiplierSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """More XP, or less, for messages that meet every condition given."""

    factor: Annotated[float, msgspec.Meta(ge=0, le=FACTOR_MAX)]
    places: tuple[PlaceSetting, ...] = ()
    discord_roles: tuple[Snowflake, ...] = ()
    from_: datetime | None = msgspec.field(default=None, name="from")
    until: datetime | None = None
    weekdays: tuple[Weekday, ...] = ()
    from_hour: Annotated[int, msgspec.Meta(ge=0, le=23)] | None = None
    until_hour: Annotated[int, msgspec.Meta(ge=0, le=24)] | None = None


class MessageSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """XP for writing."""

    enabled: bool = True
    xp_min: Amount = 10
    xp_max: Amount = 20
    cooldown_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 60
    """Seconds between two messages of a person that count, on both platforms together."""
    xp_per_day_max: Amount = 600
    """XP that a person gets for messages on one day of the community."""
    least_characters: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 3
    alike_max: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    """The likeness to one of the member's last messages from which on one is a repetition."""
    command_prefixes: Annotated[str, msgspec.Meta(max_length=20)] = "/!.?$"
    places: tuple[PlaceSetting, ...] = ()
    multipliers: tuple[MultiplierSetting, ...] = ()

    @property
    def telegram_chats(self) -> frozenset[int]:
        """The Telegram chats beside the community's group in which members earn."""
        return _chats_of(self.places)


class ExcludedSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Places and people that earn nothing by being there, and for whom nobody earns."""

    places: tuple[PlaceSetting, ...] = ()
    roles: tuple[Snowflake, ...] = ()
    telegram: tuple[Snowflake, ...] = ()
    discord: tuple[Snowflake, ...] = ()


def _chats_of(places: Iterable[PlaceSetting]) -> frozenset[int]:
    return frozenset(one.telegram_chat for one in places if one.telegram_chat is not None)


class EarningSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts earned by being there. They become an event when their window is closed."""

    window_minutes: Annotated[float, msgspec.Meta(gt=0, le=WINDOW_MINUTES_MAX)] = 240
    excluded: ExcludedSetting = ExcludedSetting()
    messages: MessageSetting = MessageSetting()
    voice: VoiceSetting = VoiceSetting()
    reactions: ReactionSetting = ReactionSetting()
    thanks: ThankSetting = ThankSetting()

    @property
    def named_telegram_chats(self) -> frozenset[int]:
        """The Telegram chats that the settings name, if only to leave them out."""
        multiplied = chain.from_iterable(one.places for one in self.messages.multipliers)
        return _chats_of(chain(self.messages.places, self.excluded.places, multiplied))


def earning_problems(earning: EarningSetting) -> Iterator[Problem]:
    """Name what is unfit in the section beyond the types. Pure."""
    yield from thank_problems(earning.thanks)
    messages = earning.messages
    here = "earning.messages"
    if messages.xp_max < messages.xp_min:
        yield Problem(
            ("earning", "messages", "xp_max"),
            f"{here}.xp_max is {messages.xp_max}, which is less than xp_min ({messages.xp_min})",
        )
    lists = {"messages": messages.places, "excluded": earning.excluded.places}
    for section, places in lists.items():
        for index, place in enumerate(places):
            if why := place_fault(place):
                yield Problem(
                    ("earning", section, "places", index),
                    f"earning.{section}.places {index + 1} {why}",
                )
    for index, multiplier in enumerate(messages.multipliers):
        if why := _multiplier_fault(multiplier):
            yield Problem(
                ("earning", "messages", "multipliers", index),
                f"{here}.multipliers {index + 1} {why}",
            )


def place_fault(place: PlaceSetting) -> str:
    """Say why this is no place; empty if it is one. Pure."""
    is_telegram = place.telegram_chat is not None or place.telegram_topic is not None
    if is_telegram == (place.discord_channel is not None):
        return (
            "must name one place: telegram_chat, telegram_topic or both of them, or discord_channel"
        )
    if place.telegram_chat is not None and not -(2**63) <= place.telegram_chat < 0:
        return (
            f"has telegram_chat = {place.telegram_chat}: the id of a group is negative, write its"
            " minus sign too"
        )
    return ""


def _multiplier_fault(multiplier: MultiplierSetting) -> str:
    """Say why this multiplier can never apply; empty if it can. Pure."""
    for index, place in enumerate(multiplier.places):
        if why := place_fault(place):
            return f"place {index + 1} {why}"
    first, last = multiplier.from_, multiplier.until
    if first is not None and last is not None:
        if (first.tzinfo is None) != (last.tzinfo is None):
            return "has one time with a zone and one without: write both in the same way"
        if last <= first:
            return f"ends ({last}) before it begins ({first})"
    if multiplier.from_hour is not None and multiplier.from_hour == multiplier.until_hour:
        return "has the same from_hour and until_hour: leave both out for the whole day"
    return ""
