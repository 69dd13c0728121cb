"""The seed: people, roles and rights on both platforms before anything happens, from seed.json."""

from pathlib import Path
from typing import Literal

import msgspec

from .errors import SeedError

__all__ = [
    "DiscordChannelSeed",
    "DiscordGuildSeed",
    "DiscordRoleSeed",
    "DiscordSeed",
    "DiscordUserSeed",
    "Seed",
    "TelegramGroupSeed",
    "TelegramPersonSeed",
    "TelegramSeed",
    "load_seed",
]


class TelegramPersonSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person in the group. `promoted_by` is the id of the person who made them administrator."""

    id: int
    first_name: str
    username: str
    language_code: str | None = None
    status: Literal["creator", "administrator", "member"] = "member"
    promoted_by: int | None = None


class TelegramGroupSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The supergroup. `bot_rights` are the `can_...` rights of the bot, an administrator."""

    id: int
    title: str
    people: tuple[TelegramPersonSeed, ...]
    bot_rights: frozenset[str]


class TelegramSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Telegram side: one bot, one supergroup. The bot's id is the number in its token."""

    token: str
    bot_name: str
    bot_username: str
    group: TelegramGroupSeed

    @property
    def bot_id(self) -> int:
        """The bot's user id: the part of the token before the colon."""
        return int(self.token.partition(":")[0])


class DiscordUserSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member of the guild. `role_ids` leaves out @everyone, which all members have."""

    id: str
    username: str
    global_name: str | None = None
    locale: str = "en-US"
    role_ids: tuple[str, ...] = ()


class DiscordRoleSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role. `permissions` are Discord's names; `managed_by` is the integration that gives it."""

    id: str
    name: str
    permissions: tuple[str, ...] = ()
    color: int = 0
    hoist: bool = False
    managed_by: Literal["bot", "booster"] | None = None


class DiscordChannelSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A channel of the guild."""

    id: str
    name: str
    kind: Literal["text", "voice", "stage", "category", "forum"] = "text"


class DiscordGuildSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The guild. `roles` go from low to high, @everyone (whose id is the guild's) first.

    `members` leaves out the bot, which is always a member.
    """

    id: str
    name: str
    owner_id: str
    channels: tuple[DiscordChannelSeed, ...]
    roles: tuple[DiscordRoleSeed, ...]
    members: tuple[DiscordUserSeed, ...]
    afk_channel_id: str | None = None
    system_channel_id: str | None = None


class DiscordSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Discord side: one bot (whose user id is the application's id too), one guild."""

    token: str
    bot: DiscordUserSeed
    guild: DiscordGuildSeed

    @property
    def application_id(self) -> str:
        """The application's id, equal to the bot's user id."""
        return self.bot.id


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The initial state of both platforms."""

    telegram: TelegramSeed
    discord: DiscordSeed


def load_seed(path: Path | None = None) -> Seed:
    """Read a seed; without a path, the one that comes with the sandbox.

    Raises SeedError when the file cannot be read, lacks a key or holds an unknown one.
    """
    source = path or Path(__file__).with_name("seed.json")
    try:
        return msgspec.json.decode(source.read_bytes(), type=Seed)
    except (OSError, msgspec.MsgspecError) as error:
        raise SeedError(f"the seed {source.name} cannot be used: {error}") from error
