"""The section [announcements]: what is announced, where on each platform, and in which words."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

import msgspec

from ..setting_error_texts import Problem
from .quiet_hours import QuietHours, quiet_hours
from .wordings import wording_problem

TopicId = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
ChannelId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
TelegramPlace = TopicId | Literal["group", "here", "private", "off"]
DiscordPlace = ChannelId | Literal["here", "private", "off"]
#: Kinds of news. The surface of a change names its kind: the part before a colon.
Kind = Literal["rank", "achievement", "level"]
KINDS: Final[tuple[Kind, ...]] = ("rank", "achievement", "level")
#: The placeholders of a wording of each kind.
ALLOWED: Final[dict[Kind, tuple[str, ...]]] = {
    "rank": ("name", "rank", "xp", "community"),
    "achievement": ("name", "achievement", "xp", "community"),
    "level": ("name", "level", "xp", "community"),
}


class Wordings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's own words in two languages. None: ours."""

    en: str | None = None
    ru: str | None = None


class KindSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one kind of news is announced, and in which words."""

    telegram: TelegramPlace | None = None
    """None: the place for all kinds, for the kinds that were always announced there."""
    discord: DiscordPlace | None = None
    otherwise: Literal["default", "off"] = "default"
    """Where news goes for which "here" or "private" is no way: the place for all kinds, or none."""
    text: str | Wordings | None = None

    def wording(self, language: str) -> str | None:
        """Return the operator's own words in a language; None for ours."""
        if isinstance(self.text, Wordings):
            return self.text.ru if language == "ru" else self.text.en
        return self.text


class AnnouncementSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where news is announced, in which language, and when not."""

    telegram: bool = False
    telegram_topic_id: TopicId | None = None
    discord_channel_id: ChannelId | None = None
    language: Literal["en", "ru"] = "en"
    quiet_hours: str = ""
    rank: KindSetting = KindSetting()
    achievement: KindSetting = KindSetting()
    level: KindSetting = KindSetting(telegram="off", discord="off")

    def kind(self, kind: Kind) -> KindSetting:
        """Return the setting of one kind."""
        setting: KindSetting = getattr(self, kind)
        return setting

    def discord_channels(self) -> dict[str, int]:
        """Return each channel or thread of Discord that is named, by the key that names it."""
        named = {"discord_channel_id": self.discord_channel_id}
        named |= {
            f"announcements.{kind}.discord": place
            for kind in KINDS
            if isinstance(place := self.kind(kind).discord, int)
        }
        by_channel = {channel: key for key, channel in reversed(named.items()) if channel}
        return {key: channel for channel, key in by_channel.items()}

    def quiet(self) -> QuietHours | None:
        """Return the hours in which nothing is announced; None for none."""
        return quiet_hours(self.quiet_hours)


def announcement_problems(setting: AnnouncementSetting) -> Iterator[Problem]:
    """Name each part of the section that cannot be used. Pure."""
    try:
        setting.quiet()
    except ValueError as error:
        yield Problem(
            ("announcements", "quiet_hours"),
            f"announcements.quiet_hours {setting.quiet_hours!r} cannot be used: {error}",
        )
    if setting.telegram_topic_id is not None and not setting.telegram:
        yield Problem(
            ("announcements", "telegram_topic_id"),
            "announcements.telegram_topic_id names a topic, but nothing is announced in the group:"
            " set telegram = true, or leave the topic out",
        )
    for kind in KINDS:
        yield from _wording_problems(kind, setting.kind(kind).text)


def _wording_problems(kind: Kind, text: str | Wordings | None) -> Iterator[Problem]:
    place: tuple[str, ...] = ("announcements", kind, "text")
    texts = {place: text} if not isinstance(text, Wordings) else {}
    if isinstance(text, Wordings):
        texts = {(*place, "en"): text.en, (*place, "ru"): text.ru}
    for where, wording in texts.items():
        why = None if wording is None else wording_problem(wording, ALLOWED[kind])
        if why is not None:
            yield Problem(where, f"{'.'.join(where)} {why}")
