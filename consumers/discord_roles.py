"""The role `discord-roles`: ranks and achievements as roles in the Discord server.

Discord loses role writes that run side by side and, rarely, others too; so one member's writes go
one after the other, and every change is read back.
"""

import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import aiohttp
import discord

from config import AchievementSetting, Community, ConfigError, Rank, point_discord_at
from db import Platform, surfaces
from db.surfaces import Showing

from .loop import NotYet
from .parts import Parts
from .surfaces import CannotShow, Surfaces

READ_BACK_RETRY_S = 1.0
MEMBER_GONE_RETRY_S = 3_600.0
REFUSED_RETRY_S = 300.0
TROUBLE_RETRY_S = 10.0
RATE_LIMIT_WAIT_S_MAX = 30.0  # the least that discord.py allows

UNKNOWN_GUILD = 10004
UNKNOWN_MEMBER = 10007
UNKNOWN_ROLE = 10011
UNKNOWN_USER = 10013
MISSING_ACCESS = 50001


class RoleChanges(NamedTuple):
    """Roles to give and to take, in a stable order."""

    add: tuple[int, ...]
    remove: tuple[int, ...]


def role_changes(
    *, held: Collection[int], wanted: Collection[int], ours: Collection[int]
) -> RoleChanges:
    """Say what leads from the held roles to the wanted ones. Roles that are not ours stay. Pure."""
    return RoleChanges(
        add=tuple(sorted(set(wanted) - set(held))),
        remove=tuple(sorted((set(held) & set(ours)) - set(wanted))),
    )


def wanted_roles(community: Community, wanted: Mapping[str, int]) -> frozenset[int]:
    """Say which of our roles a member should hold. Pure.

    A rank or achievement that twinstream.toml does not have, or has without a role, asks for none.
    """
    settings: list[Rank | AchievementSetting | None] = [
        community.rank(wanted.get(surfaces.RANK, 0))
    ]
    settings += [
        community.achievement(surface.removeprefix(surfaces.ACHIEVEMENT_PREFIX))
        for surface, number in wanted.items()
        if surface.startswith(surfaces.ACHIEVEMENT_PREFIX) and number
    ]
    return _roles_of(settings)


def our_roles(community: Community) -> frozenset[int]:
    """Name every role that twinstream.toml speaks of; no other is ever touched. Pure."""
    return _roles_of([*community.ranks, *community.achievements])


def _roles_of(settings: Iterable[Rank | AchievementSetting | None]) -> frozenset[int]:
    return frozenset(
        one.discord_role for one in settings if one is not None and one.discord_role is not None
    )


class DiscordRoles:
    """Shows a member's state as roles, over discord.py's REST side; no gateway is opened."""

    platform: Platform = "discord"

    def __init__(self, client: discord.Client, community: Community) -> None:
        self._http = client.http
        self._community = community
        self._guild_id = community.discord.guild_id
        self._ours = our_roles(community)

    def describe(self) -> Mapping[str, object]:
        """Name the server."""
        return {"guild": self._guild_id, "roles": len(self._ours)}

    async def show(self, showing: Showing) -> None:
        """Bring the member's roles to the wanted ones."""
        try:
            wanted = wanted_roles(self._community, showing.wanted)
            changes = await self._changes(showing.account_id, wanted)
            if not any(changes):
                return
            await self._write(showing, changes)
            left = await self._changes(showing.account_id, wanted)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            raise obstacle(error) from error
        if any(left):
            raise CannotShow(
                "Discord accepted a role change that did not stick", retry_s=READ_BACK_RETRY_S
            )

    async def _changes(self, user_id: int, wanted: frozenset[int]) -> RoleChanges:
        member = await self._http.get_member(self._guild_id, user_id)
        held = {int(role) for role in member["roles"]}
        return role_changes(held=held, wanted=wanted, ours=self._ours)

    async def _write(self, showing: Showing, changes: RoleChanges) -> None:
        reason = f"twinstream: {showing.wanted_key}"
        # First the new, then the old: at no moment has the member neither.
        for role_id in changes.add:
            await self._http.add_role(self._guild_id, showing.account_id, role_id, reason=reason)
        for role_id in changes.remove:
            await self._http.remove_role(self._guild_id, showing.account_id, role_id, reason=reason)


def obstacle(error: Exception) -> CannotShow:
    """Say what Discord's refusal means for whom, and when to look again. Pure."""
    if isinstance(error, discord.RateLimited):
        return CannotShow("Discord asks to wait", retry_s=error.retry_after, everyone=True)
    if isinstance(error, discord.HTTPException) and (refusal := _refusal(error)):
        return refusal
    return CannotShow(
        f"Discord is in trouble ({type(error).__name__}: {error})",
        retry_s=TROUBLE_RETRY_S,
        everyone=True,
    )


def _refusal(error: discord.HTTPException) -> CannotShow | None:
    """Say what an answer that Discord meant means; None for one out of trouble."""
    if error.code in (UNKNOWN_MEMBER, UNKNOWN_USER):
        return CannotShow("is not a member of the Discord server", retry_s=MEMBER_GONE_RETRY_S)
    if error.code == UNKNOWN_ROLE:
        return CannotShow(
            "a discord_role of twinstream.toml does not exist in the server:"
            " create it or correct its id",
            retry_s=REFUSED_RETRY_S,
        )
    if error.code in (UNKNOWN_GUILD, MISSING_ACCESS):
        return CannotShow(
            "the bot is not in the Discord server: invite it, or correct guild_id in"
            " twinstream.toml",
            retry_s=REFUSED_RETRY_S,
            everyone=True,
        )
    if error.status == HTTPStatus.UNAUTHORIZED:
        return CannotShow(
            "Discord refuses DISCORD_TOKEN: was it reset?", retry_s=REFUSED_RETRY_S, everyone=True
        )
    if error.status == HTTPStatus.FORBIDDEN:
        return CannotShow(
            f"Discord forbids it ({error.code} {error.text}): give the bot the permission"
            " Manage Roles, and drag its own role above every role that twinstream.toml names",
            retry_s=REFUSED_RETRY_S,
        )
    return None


@contextlib.asynccontextmanager
async def open_role(parts: Parts) -> AsyncIterator[Surfaces]:
    """Open the role: log in, without opening a gateway.

    Raises:
        ConfigError: Discord refuses the token.
        NotYet: Discord does not answer.
    """
    point_discord_at(parts.settings)
    # Else it warns at every start that it cannot speak, which nobody asks of it.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    async with discord.Client(
        intents=discord.Intents(guilds=True), max_ratelimit_timeout=RATE_LIMIT_WAIT_S_MAX
    ) as client:
        try:
            await client.login(parts.settings.discord_token or "")
        except discord.LoginFailure as error:
            raise ConfigError(
                "Discord refuses DISCORD_TOKEN: copy it again from the application's Bot page"
            ) from error
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            raise NotYet(f"Discord does not let us log in: {error}") from error
        yield Surfaces(DiscordRoles(client, parts.community), parts)
