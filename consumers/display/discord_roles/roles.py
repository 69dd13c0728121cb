"""The role `discord-roles`: ranks and achievements as roles in the Discord server.

Discord loses role writes that run side by side and, rarely, others too. So the writes for one
member run one after the other, and every change is read back.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import aiohttp
import discord
import structlog

from config import Community, ConfigError, Settings, point_discord_at
from config.discord_answers import UNREADABLE, wait_asked_s
from config.outside_text import visible
from consumers.display.call_pacing import RateLimit
from consumers.display.port import CannotShow, Hindrances
from consumers.display.role import DisplayRole
from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.runner import NotYet
from db import Platform, surfaces
from db.surfaces.display_visits import Visit

from .answer_decoding import read_member, read_roles
from .errors import (
    INVALID_ROLE,
    MISSING_PERMISSIONS,
    REFUSED_RETRY_S,
    TROUBLE_RETRY_S,
    UNKNOWN_ROLE,
    mapped_errors,
)
from .hierarchy import NOT_IN_SERVER, RoleHierarchy, RoleHindrance, examine
from .rate_limit_headers import MEMBER_LOOKS, ROLE_WRITES, DiscordLimits

log = structlog.get_logger("twinstream.surfaces")

REASON_CHARS_MAX = 512  # Discord refuses a longer one
#: Seconds until a visit is repeated that did not read back what it wrote.
READ_BACK_RETRY_S = 1.0
#: Membership screening takes minutes, and some members never finish it; visits to them become as
#: rare as one in six hours.
SCREENING_RETRY_S = 60.0
SCREENING_BACKOFF_S_MAX = 6 * 3_600.0
#: Another bot gives and takes its role within minutes or days. A look costs one call.
LEFT_ALONE_RETRY_S = 60.0
LEFT_ALONE_BACKOFF_S_MAX = 600.0
RATE_LIMIT_WAIT_S_MAX = 30.0  # the least that discord.py allows

#: Seconds that a role rests after the second refusal without a cause. The first one may be a stray.
STRAY_REST_S = 15.0

#: A visit reads the member before its write and after it.
LOOKS_PER_VISIT = 2
#: Reads allowed per allowed write: one more than a visit needs, for visits that write nothing.
LOOKS_PER_WRITE = 3


class RoleChanges(NamedTuple):
    """Roles to give and to take, in a stable order."""

    add: tuple[int, ...]
    remove: tuple[int, ...]


def role_changes(
    *, held: Collection[int], wanted: Collection[int], ours: Collection[int]
) -> RoleChanges:
    """Return the changes from the held roles to the wanted ones. Foreign roles stay. Pure."""
    return RoleChanges(
        add=tuple(sorted(set(wanted) - set(held))),
        remove=tuple(sorted((set(held) & set(ours)) - set(wanted))),
    )


def wanted_roles(community: Community, wanted: Mapping[str, int]) -> frozenset[int]:
    """Return the configured roles that a member should hold. Pure.

    A rank or achievement that twinstream.toml does not have, or has without a role, has none.
    """
    unlocked = [
        surface.removeprefix(surfaces.ACHIEVEMENT_PREFIX)
        for surface, number in wanted.items()
        if surface.startswith(surfaces.ACHIEVEMENT_PREFIX) and number
    ]
    return community.roles_for(
        wanted.get(surfaces.RANK, 0), unlocked, is_linked=wanted.get(surfaces.LINKED, 0) > 0
    )


def given_roles(community: Community, visit: Visit) -> tuple[frozenset[int], frozenset[int]]:
    """Return the roles of ours that earlier visits surely gave, and those they may have. Pure."""
    surely, perhaps = set[int](), set[int]()
    for name, shown in visit.shown.items():
        numbers = visit.unconfirmed[name] if shown is None else {shown}
        alternatives = [wanted_roles(community, {name: number}) for number in numbers or {0}]
        surely.update(frozenset.intersection(*alternatives))
        perhaps.update(*alternatives)
    return frozenset(surely), frozenset(perhaps)


def audit_reason(visit: Visit, community: Community) -> str:
    """Word the reason for Discord's audit log, with the key of the event behind it. Pure."""
    rank = community.rank(visit.wanted.get(surfaces.RANK, 0))
    if visit.priority == surfaces.LINK:
        why = "accounts were linked"
    elif visit.priority == surfaces.BACKFILL:
        why = "the ladder of ranks changed"
    elif visit.put_back:
        why = "put back after a change by hand or a return"
    else:
        why = f"rank {rank.name}" if rank is not None else "no rank"
    return f"twinstream: {why} ({visible(visit.wanted_key)})"[:REASON_CHARS_MAX]


class DiscordRoles:
    """Shows a member's state as roles, over discord.py's REST client; it opens no gateway."""

    platform: Platform = "discord"

    def __init__(
        self,
        client: discord.Client,
        community: Community,
        observed: DiscordLimits | None = None,
    ) -> None:
        limits = community.consumers
        window_s = limits.discord_window_ms / 1_000
        self._client = client
        self._http = client.http
        self._community = community
        self._guild_id = community.discord.guild_id
        self._ours = community.discord_roles
        self._clock = asyncio.get_running_loop().time
        self._writes = RateLimit(limits.discord_writes_max, window_s, clock=self._clock)
        self._looks = RateLimit(
            LOOKS_PER_WRITE * limits.discord_writes_max, window_s, clock=self._clock
        )
        if observed is not None:
            observed.lead(ROLE_WRITES, self._writes)
            observed.lead(MEMBER_LOOKS, self._looks)
        self._bots: set[int] = set()
        self._hierarchy = RoleHierarchy(None, {})
        #: Roles that Discord refused although the survey found no hindrance, the reason, and when
        #: to try them again.
        self._refused: dict[int, tuple[str, float]] = {}
        #: How many such refusals of a role followed one another.
        self._strays: dict[int, int] = {}

    def describe(self) -> Mapping[str, object]:
        """Name the server."""
        return {"guild": self._guild_id, "roles": len(self._ours)}

    def room(self, *, urgent: bool) -> int:
        """Say how many members can be visited now without waiting."""
        looks = self._looks.free(urgent=urgent) // LOOKS_PER_VISIT
        return min(self._writes.free(urgent=urgent), looks)

    async def survey(self) -> Hindrances:
        """Read the server's roles and the bot's own."""
        assert self._client.user is not None  # it is logged in
        with mapped_errors():
            if not await self._is_in_server():
                return Hindrances(NOT_IN_SERVER, {})
            roles = read_roles(await self._http.get_roles(self._guild_id))
            me = await self._http.get_member(self._guild_id, self._client.user.id)
        hierarchy = self._examine(roles, me)
        now = self._clock()
        self._refused = {
            role_id: (why, until)
            for role_id, (why, until) in self._refused.items()
            if now < until and role_id not in hierarchy.roles and hierarchy.everyone is None
        }
        refused = {role_id: RoleHindrance(why) for role_id, (why, _) in self._refused.items()}
        self._hierarchy = RoleHierarchy(hierarchy.everyone, {**hierarchy.roles, **refused})
        causes = {_cause(role_id): one.why for role_id, one in self._hierarchy.roles.items()}
        return Hindrances(hierarchy.everyone, causes)

    def _examine(self, roles: list[dict[str, Any]], me: Any) -> RoleHierarchy:
        """Compare; if the bot's own roles cannot be read, no hindrance is known."""
        try:
            held = read_member(me).roles
        except CannotShow as unread:
            if unread.everyone:
                raise
            log.warning("bot_roles.not_read", why=str(unread))
            return RoleHierarchy(None, {})
        return examine(self._community, roles, held)

    def take_bots(self) -> Collection[int]:
        """Return the accounts that visits since the last call found to be bots."""
        bots, self._bots = self._bots, set()
        return bots

    async def show(self, visit: Visit) -> None:
        """Bring the member's roles to the wanted ones, as far as the hierarchy allows."""
        with mapped_errors():
            changes, hindered = self._possible(await self._changes(visit))
            if any(changes):
                await self._write(visit, changes)
                left, _ = self._possible(await self._changes(visit))
                if any(left):
                    metrics.WRITES_LOST.labels(self.platform).inc()
                    raise CannotShow(
                        "Discord accepted a role change that did not stick",
                        retry_s=READ_BACK_RETRY_S,
                    )
        for role_id in hindered:
            raise _hindered(role_id, self._hierarchy.roles[role_id].why)

    def _possible(self, changes: RoleChanges) -> tuple[RoleChanges, list[int]]:
        """Leave out hopeless changes, and return their roles.

        A member who cannot be given the new role keeps the old one, so that they always have one.
        """
        hindered = self._hierarchy.roles
        add = tuple(role_id for role_id in changes.add if role_id not in hindered)
        remove = tuple(
            role_id
            for role_id in changes.remove
            if role_id not in hindered or hindered[role_id].only_giving
        )
        hopeless = [one for one in (*changes.add, *changes.remove) if one not in (*add, *remove)]
        if len(add) < len(changes.add):
            remove = ()
        return RoleChanges(add, remove), hopeless

    async def _is_in_server(self) -> bool:
        """Tell whether the bot is in the server, at no risk of a refusal."""
        found = await self._http.get_guilds(1, after=self._guild_id - 1, with_counts=False)
        return any(int(guild["id"]) == self._guild_id for guild in found)

    async def _changes(self, visit: Visit) -> RoleChanges:
        await self._looks.take()
        member = read_member(await self._http.get_member(self._guild_id, visit.account_id))
        if member.is_bot:
            self._bots.add(visit.account_id)
        if member.pending:
            raise CannotShow(
                "has not passed the server's membership screening",
                retry_s=SCREENING_RETRY_S,
                backoff_s_max=SCREENING_BACKOFF_S_MAX,
            )
        if self._community.leaves_alone(member.roles):
            raise CannotShow(
                "holds a role of discord.leave_alone_roles",
                retry_s=LEFT_ALONE_RETRY_S,
                backoff_s_max=LEFT_ALONE_BACKOFF_S_MAX,
            )
        held = member.roles
        wanted = wanted_roles(self._community, visit.wanted)
        if not self._community.keep_manual_changes:
            return role_changes(held=held, wanted=wanted, ours=self._ours)
        surely, perhaps = given_roles(self._community, visit)
        return role_changes(held=held, wanted=wanted - surely, ours=perhaps - wanted)

    async def _write(self, visit: Visit, changes: RoleChanges) -> None:
        reason = audit_reason(visit, self._community)
        member = (self._guild_id, visit.account_id)
        # Add the new role before removing the old one, so that the member always has one.
        for role_id in changes.add:
            await self._writes.take()
            with self._refusals_of(role_id):
                await self._http.add_role(*member, role_id, reason=reason)
        for role_id in changes.remove:
            await self._writes.take()
            with self._refusals_of(role_id):
                await self._http.remove_role(*member, role_id, reason=reason)

    @contextlib.contextmanager
    def _refusals_of(self, role_id: int) -> Iterator[None]:
        """Remember a refusal as the role's, so that no other member costs another one.

        The next survey finds the cause. If it finds none, the role is tried once more, and rests
        the longer the more refusals follow one another.
        """
        try:
            yield
            self._strays.pop(role_id, None)
        except discord.HTTPException as error:
            if error.code not in (MISSING_PERMISSIONS, INVALID_ROLE, UNKNOWN_ROLE):
                raise
            why = f"Discord refuses the role {role_id} ({error.code} {error.text})"
            strays = self._strays[role_id] = self._strays.get(role_id, 0) + 1
            self._refused[role_id] = (why, self._clock() + rest_s(strays))
            self._hierarchy.roles[role_id] = RoleHindrance(why)
            raise _hindered(role_id, why) from error


def rest_s(strays: int) -> float:
    """Return for how many seconds a role rests after so many refusals without a cause. Pure."""
    if strays == 1:
        return 0.0
    return min(STRAY_REST_S * 2.0 ** min(strays - 2, 16), REFUSED_RETRY_S)


def _cause(role_id: int) -> str:
    return f"role:{role_id}"


def _hindered(role_id: int, why: str) -> CannotShow:
    return CannotShow(why, retry_s=REFUSED_RETRY_S, cause=_cause(role_id))


async def channel_trouble(client: discord.Client, channel_id: int, key: str) -> str | None:
    """Say why the bot cannot see a channel, and the remedy; None if it can see it.

    `key` is the setting that names the channel.
    """
    try:
        with mapped_errors():
            await client.http.get_channel(channel_id)
    except CannotShow as error:
        return (
            f"{error}: let the bot see and write in the channel {channel_id}, or correct"
            f" {key} in twinstream.toml"
        )
    return None


@contextlib.asynccontextmanager
async def open_client(
    settings: Settings, observed: DiscordLimits | None = None
) -> AsyncIterator[discord.Client]:
    """Log in, without opening a gateway. `observed` follows the rate limits in Discord's answers.

    Raises:
        ConfigError: Discord refuses the token.
        NotYet: Discord does not answer.
    """
    point_discord_at(settings)
    # Otherwise discord.py warns at every start that voice is not available. The bot needs no voice.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    async with discord.Client(
        intents=discord.Intents(guilds=True),
        max_ratelimit_timeout=RATE_LIMIT_WAIT_S_MAX,
        http_trace=(observed or DiscordLimits()).trace,
    ) as client:
        try:
            await client.login(settings.discord_token or "")
        except discord.LoginFailure as error:
            raise ConfigError(
                "Discord refuses DISCORD_TOKEN: copy it again from the application's Bot page"
            ) from error
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            why = f"Discord does not let us log in: {error}"
            raise NotYet(
                why, retry_s=wait_asked_s(error, unsaid_s=TROUBLE_RETRY_S) or 0.0
            ) from error
        except UNREADABLE as error:
            why = f"Discord's answer to the login cannot be read ({type(error).__name__})"
            raise NotYet(why) from error
        yield client


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[DisplayRole]:
    """Open the role: log in, without opening a gateway.

    Raises:
        ConfigError: Discord refuses the token.
        NotYet: Discord does not answer.
    """
    observed = DiscordLimits()
    async with open_client(resources.settings, observed) as client:
        yield DisplayRole(DiscordRoles(client, resources.community, observed), resources)
