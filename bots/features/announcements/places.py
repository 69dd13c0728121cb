"""Where news goes: to a place of the settings, a spot, or a private chat. Pure."""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from bots.runtime.delivery import PublicPlace
from config.community_file import KINDS, AnnouncementSetting, Kind
from db.surfaces.announcements import Announcement
from schemas import Source

from .member_whereabouts import Spot


class Target(NamedTuple):
    """Where one message goes."""

    place: PublicPlace | None = None
    """None: to the account alone."""
    account_id: int | None = None
    """The account that is told in private, or at whose spot it is told."""
    message_id: int | None = None
    """The message that it replies to, at a spot."""

    @property
    def is_private(self) -> bool:
        return self.place is None


def place_for_all(setting: AnnouncementSetting, platform: Source) -> PublicPlace | None:
    """Return the place for all kinds; None if nothing is announced on this platform. Pure."""
    if platform == "telegram":
        return PublicPlace(topic_id=setting.telegram_topic_id) if setting.telegram else None
    channel_id = setting.discord_channel_id
    return None if channel_id is None else PublicPlace(channel_id)


def target_of(
    one: Announcement,
    setting: AnnouncementSetting,
    platform: Source,
    *,
    spot_of: Callable[[int], Spot | None],
    closed: Collection[int],
) -> Target | None:
    """Return where a piece of news goes; None if it is not announced. Pure.

    `closed` are accounts that take no private messages. Without a way to tell a member on the spot
    or in private, the place for all kinds stands in, unless the setting wants nothing then.
    """
    if one.kind not in KINDS:
        return None  # a kind of a newer release
    kind = setting.kind(one.kind)
    wanted = kind.telegram if platform == "telegram" else kind.discord
    otherwise = place_for_all(setting, platform) if kind.otherwise == "default" else None
    match wanted:
        case "off":
            return None
        case "here":
            spot = spot_of(one.account_id)
            if spot is not None:
                return Target(spot.place, one.account_id, spot.message_id)
        case "private":
            if one.account_id not in closed:
                return Target(account_id=one.account_id)
        case None:
            otherwise = place_for_all(setting, platform)
        case _:
            return Target(_place(wanted, platform))
    return None if otherwise is None else Target(otherwise)


def fixed_places(
    setting: AnnouncementSetting, platform: Source
) -> Iterator[tuple[Kind, PublicPlace]]:
    """Yield the place of each kind that has one for all its news. Pure."""
    default = place_for_all(setting, platform)
    for kind in KINDS:
        wanted = (
            setting.kind(kind).telegram if platform == "telegram" else setting.kind(kind).discord
        )
        if wanted is None and default is not None:
            yield kind, default
        elif wanted == "group" or isinstance(wanted, int):
            yield kind, _place(wanted, platform)


def named(place: PublicPlace, platform: Source) -> str:
    """Name a place in the words of the settings. Pure."""
    if platform == "discord":
        return f"channel {place.channel_id}"
    return "group" if place.topic_id is None else f"topic {place.topic_id}"


def _place(wanted: int | str, platform: Source) -> PublicPlace:
    if platform == "discord":
        return PublicPlace(int(wanted))
    return PublicPlace() if wanted == "group" else PublicPlace(topic_id=int(wanted))
