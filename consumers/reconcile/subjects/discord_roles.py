"""The roles that members hold in the Discord server.

Where the application has the members intent, Discord lists a thousand members per call. Without it
each member costs a call of a kind that the worker which shows ranks needs too, so a pass spends few
of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

import discord

from config import Community
from consumers.display.call_pacing import RateLimit
from consumers.display.discord_roles.answer_decoding import read_member
from consumers.display.discord_roles.errors import UNKNOWN_MEMBER, UNKNOWN_USER, mapped_errors
from consumers.display.discord_roles.rate_limit_headers import MEMBER_LOOKS, DiscordLimits
from consumers.display.discord_roles.roles import wanted_roles
from consumers.display.port import CannotShow
from consumers.reconcile.port import CannotRead
from db import Platform
from db.reconcile.compared_fields import Field, FieldKind
from schemas.snapshots import SubjectName

from .appearance import Observation, Wording

#: Members that Discord lists per call, at most.
LISTED_MAX: Final = 1_000
#: The size of a slice, in rounds of the pace: a few minutes at the default one.
SLICE_ROUNDS: Final = 20

Member = Mapping[str, Any]


class DiscordRoles:
    """Asks the real Discord API which of our roles members hold."""

    platform: Platform = "discord"
    name: SubjectName = "roles"
    field = Field(FieldKind.ROLES)
    place = "the Discord server"

    def __init__(
        self,
        login: Callable[[], Awaitable[discord.Client]],
        community: Community,
        limits: DiscordLimits,
        *,
        looks_max: int,
        window_s: float,
    ) -> None:
        """Make at most `looks_max` calls in `window_s` seconds, fewer where Discord is stricter.

        `login` may raise CannotRead.
        """
        self._login = login
        self._community = community
        self._guild_id = community.discord.guild_id
        self._ours = community.discord_roles
        #: Whether Discord lists members to this application; None while that is unknown.
        self._lists: bool | None = None
        #: How many of the wanted members one call has answered about, so far.
        self._answered_by_call = 1
        self._looks_max = looks_max
        self._pace = RateLimit(looks_max, window_s, clock=asyncio.get_running_loop().time)
        limits.lead(MEMBER_LOOKS, self._pace)

    @property
    def page_rows(self) -> int:
        """As many as one round of the pace answers about."""
        return min(LISTED_MAX, self._looks_max * self._answered_by_call)

    @property
    def slice_rows_max(self) -> int | None:
        """As many as a pass can ask about without taking long."""
        return SLICE_ROUNDS * self._looks_max * self._answered_by_call

    def describe(self) -> Mapping[str, object]:
        """Name the server."""
        return {"guild": self._guild_id}

    async def observe(
        self, account_ids: Sequence[int], *, known_absent: Collection[int]
    ) -> Observation[frozenset[int]]:
        """Ask which of our roles these accounts hold.

        A list only proves that a member is there. A member missing from it is asked about alone:
        only an answer that says of this one member that they are not there is believed.

        Raises:
            CannotRead: Discord cannot be asked, or contradicts itself.
        """
        client = await self._login()
        try:
            with mapped_errors():
                return await self._observe(client, account_ids, known_absent)
        except CannotShow as error:
            self._lists, self._answered_by_call = None, 1
            raise CannotRead(str(error)) from error

    async def _observe(
        self, client: discord.Client, account_ids: Sequence[int], known_absent: Collection[int]
    ) -> Observation[frozenset[int]]:
        listed = await self._listed(client, account_ids)
        missing = [one for one in account_ids if one not in listed]
        # Known to be absent, and in no list: no call is spent on them.
        still_absent = set(missing) & set(known_absent) if self._lists else set()
        asked = [one for one in missing if one not in still_absent][: self._looks_max]
        answers = {one: await self._member(client, one) for one in asked}
        there = listed | {one: found for one, found in answers.items() if found is not None}
        absent = [one for one in asked if one not in there]
        if absent and not there:
            await self._require_the_bot(client)
        shown = self._shown(there)
        # A member in the server's membership screening can be given no roles, and the operator
        # leaves others alone.
        return Observation(
            shown, absent=[*still_absent, *absent], exempt=there.keys() - shown.keys()
        )

    def _shown(self, there: Mapping[int, Member]) -> dict[int, frozenset[int]]:
        held = {account_id: _held(member) for account_id, member in there.items()}
        return {
            one: roles & self._ours
            for one, roles in held.items()
            if roles is not None and not self._community.leaves_alone(roles)
        }

    def wording(self, shown: frozenset[int], numbers: Mapping[str, int]) -> Wording | None:
        """Name the roles by the ranks and achievements that they stand for."""
        return Wording(self._named(shown), self._named(wanted_roles(self._community, numbers)))

    def _named(self, roles: Collection[int]) -> str:
        names = [f"rank {one.name}" for one in self._community.ranks if one.discord_role in roles]
        names += [
            f"achievement {one.title}"
            for one in self._community.achievements
            if one.discord_role in roles
        ]
        return ", ".join(names) or "none of our roles"

    async def _listed(
        self, client: discord.Client, account_ids: Sequence[int]
    ) -> dict[int, Member]:
        """Return those of these members that Discord lists; none without the intent."""
        if self._lists is None:
            self._lists = await may_list(client)
        return await self._list(client, account_ids) if self._lists else {}

    async def _list(self, client: discord.Client, account_ids: Sequence[int]) -> dict[int, Member]:
        """List the members from the first of these to the last, skipping gaps between them."""
        found: dict[int, Member] = {}
        waiting = sorted(account_ids, reverse=True)
        calls = 0
        while waiting:
            calls += 1
            listed = await self._list_after(client, waiting[-1] - 1)
            found |= listed
            # Members behind the last one listed are asked for again, however short the list is.
            upto = max(listed, default=waiting[0])
            while waiting and waiting[-1] <= upto:
                waiting.pop()
        self._learn(len(account_ids), calls)
        return {one: found[one] for one in account_ids if one in found}

    async def _list_after(self, client: discord.Client, after: int) -> dict[int, Member]:
        """List the next members above `after` that can be read; the others are asked about alone.

        Raises:
            CannotRead: the list is out of order, so nothing follows from a gap in it.
        """
        await self._pace.take()
        listed = [
            (account_id, member)
            for member in await client.http.get_members(self._guild_id, LISTED_MAX, after)
            if (account_id := _id_of(member)) is not None
        ]
        ids = [account_id for account_id, _ in listed]
        if ids != sorted(set(ids)) or (ids and ids[0] <= after):
            raise CannotRead("Discord lists members out of order")
        return dict(listed)

    def _learn(self, asked: int, calls: int) -> None:
        """Ask for more at once if one call answered about them all, for fewer if it took many."""
        if calls == 1:
            self._answered_by_call = min(LISTED_MAX, max(self._answered_by_call, 2 * asked))
        elif calls:
            self._answered_by_call = max(1, asked // calls)

    async def _member(self, client: discord.Client, account_id: int) -> Member | None:
        """Ask about one member; None if Discord says that this one is not there."""
        await self._pace.take()
        try:
            member: Member = await client.http.get_member(self._guild_id, account_id)
        except discord.NotFound as error:
            if error.code not in (UNKNOWN_MEMBER, UNKNOWN_USER):
                raise CannotRead(f"Discord does not know what we ask for: {error}") from error
            return None
        return member

    async def _require_the_bot(self, client: discord.Client) -> None:
        """Check that the bot itself is known, where no other account is.

        Raises:
            CannotRead: it is not, so the answers prove nothing.
        """
        assert client.user is not None, "it is logged in"
        if await self._member(client, client.user.id) is None:
            raise CannotRead("Discord says that nobody is in the server, not even the bot")


def _held(member: Member) -> frozenset[int] | None:
    """Return the roles of a member; None if they can be given none, or cannot be read."""
    try:
        read = read_member(member)
    except CannotShow as unread:
        if unread.everyone:
            raise
        return None
    return None if read.pending else read.roles


def _id_of(member: Any) -> int | None:
    try:
        return int(member["user"]["id"])
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None


async def may_list(client: discord.Client) -> bool:
    """Tell whether the application has the intent that listing members needs.

    Raises what discord.py raises.
    """
    flags = (await client.application_info()).flags
    return bool(flags.gateway_guild_members or flags.gateway_guild_members_limited)
