"""The roles that members hold in the Discord server.

Where the application has the members intent, Discord lists a thousand members a call; else each of
them costs a call of the kind that the worker which shows ranks needs too, so few are spent on it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

import discord

from config import Community
from consumers.display.discord_roles.answers import read_member
from consumers.display.discord_roles.errors import UNKNOWN_MEMBER, UNKNOWN_USER, mapped_errors
from consumers.display.discord_roles.rate_limits import MEMBER_LOOKS, DiscordLimits
from consumers.display.discord_roles.roles import wanted_roles
from consumers.display.port import CannotShow
from consumers.display.rate import Pace
from consumers.reconcile.port import CannotLook
from db import Platform
from schemas.snapshots import SubjectName

from .appearance import Looks, Words

#: Discord lists at most so many members at once.
LISTED_MAX: Final = 1_000
#: So many rounds of the pace a pass spends on members whom nothing has touched.
SLICE_ROUNDS: Final = 20

Member = Mapping[str, Any]


class WornRoles:
    """Asks the real Discord API which of our roles members hold."""

    platform: Platform = "discord"
    name: SubjectName = "roles"
    field = "roles"
    place = "the Discord server"

    def __init__(
        self,
        login: Callable[[], Awaitable[discord.Client]],
        community: Community,
        observed: DiscordLimits,
        *,
        looks_max: int,
        window_s: float,
    ) -> None:
        """Make at most `looks_max` calls in `window_s` seconds, fewer where Discord is stricter.

        `login` may raise CannotLook.
        """
        self._login = login
        self._community = community
        self._guild_id = community.discord.guild_id
        self._ours = community.discord_roles
        #: Whether Discord lists members to us; None while that is not known.
        self._lists: bool | None = None
        #: How many of those we ask for one call tells of, as far as was seen.
        self._told_by_call = 1
        self._looks_max = looks_max
        self._pace = Pace(looks_max, window_s, clock=asyncio.get_running_loop().time)
        observed.lead(MEMBER_LOOKS, self._pace)

    @property
    def page_rows(self) -> int:
        """As many as one round of the pace tells of."""
        return min(LISTED_MAX, self._looks_max * self._told_by_call)

    @property
    def slice_rows_max(self) -> int | None:
        """As many as a pass can look at without taking long."""
        return SLICE_ROUNDS * self._looks_max * self._told_by_call

    def describe(self) -> Mapping[str, object]:
        """Name the server, and how its members are looked at."""
        return {"guild": self._guild_id}

    async def look(
        self, account_ids: Sequence[int], *, known_absent: Collection[int]
    ) -> Looks[frozenset[int]]:
        """Ask which of our roles these hold.

        A list only proves who is there. Who is missing from it is asked about alone: only an answer
        that says of this one member that they are not there is believed.

        Raises:
            CannotLook: Discord cannot be asked, or contradicts itself.
        """
        client = await self._login()
        try:
            with mapped_errors():
                return await self._look(client, account_ids, known_absent)
        except CannotShow as error:
            self._lists, self._told_by_call = None, 1
            raise CannotLook(str(error)) from error

    async def _look(
        self, client: discord.Client, account_ids: Sequence[int], known_absent: Collection[int]
    ) -> Looks[frozenset[int]]:
        if self._lists is None:
            self._lists = await may_list(client)
        listed = await self._list(client, account_ids) if self._lists else {}
        missing = [one for one in account_ids if one not in listed]
        absent = [one for one in missing if self._lists and one in known_absent]
        asked = [one for one in missing if one not in absent][: self._looks_max]
        answers = {one: await self._member(client, one) for one in asked}
        if answers and not listed and all(one is None for one in answers.values()):
            await self._prove_that_it_knows_members(client)
        known = listed | {one: found for one, found in answers.items() if found is not None}
        absent += [one for one, found in answers.items() if found is None]
        worn = {
            account_id: roles & self._ours
            for account_id, found in known.items()
            if (roles := _held(found)) is not None
        }
        # Who has not passed the server's membership screening can be given no roles.
        return Looks(worn, absent, exempt=known.keys() - worn.keys())

    def words(self, worn: frozenset[int], numbers: Mapping[str, int]) -> Words | None:
        """Name the roles by the ranks and achievements that they stand for."""
        return Words(self._named(worn), self._named(wanted_roles(self._community, numbers)))

    def _named(self, roles: Collection[int]) -> str:
        names = [f"rank {one.name}" for one in self._community.ranks if one.discord_role in roles]
        names += [
            f"achievement {one.title}"
            for one in self._community.achievements
            if one.discord_role in roles
        ]
        return ", ".join(names) or "none of our roles"

    async def _list(self, client: discord.Client, account_ids: Sequence[int]) -> dict[int, Member]:
        """Page through the members from the first of these to the last, leaving gaps out."""
        found: dict[int, Member] = {}
        waiting = sorted(account_ids, reverse=True)
        calls = 0
        while waiting:
            after = waiting[-1] - 1
            calls += 1
            await self._pace.take()
            listed = await client.http.get_members(self._guild_id, LISTED_MAX, after)
            # One that cannot be read is asked about alone.
            listed = [member for member in listed if _id_of(member) is not None]
            ids = [int(member["user"]["id"]) for member in listed]
            if ids != sorted(set(ids)) or (ids and ids[0] <= after):
                raise CannotLook("Discord lists members out of order")
            found.update(zip(ids, listed, strict=True))
            # Those behind the last one listed are asked for again, however short the list is.
            upto = ids[-1] if ids else waiting[0]
            while waiting and waiting[-1] <= upto:
                waiting.pop()
        self._learn(len(account_ids), calls)
        return {one: found[one] for one in account_ids if one in found}

    def _learn(self, asked: int, calls: int) -> None:
        """Ask for more at once if one call told of them all, and for fewer if it took many."""
        if calls == 1:
            self._told_by_call = min(LISTED_MAX, max(self._told_by_call, 2 * asked))
        elif calls:
            self._told_by_call = max(1, asked // calls)

    async def _member(self, client: discord.Client, account_id: int) -> Member | None:
        """Ask about one member; None if Discord says that they are not there."""
        await self._pace.take()
        try:
            member: Member = await client.http.get_member(self._guild_id, account_id)
        except discord.NotFound as error:
            if error.code not in (UNKNOWN_MEMBER, UNKNOWN_USER):
                raise CannotLook(f"Discord does not know what we ask for: {error}") from error
            return None
        return member

    async def _prove_that_it_knows_members(self, client: discord.Client) -> None:
        """Where nobody is there, see that at least the bot is."""
        assert client.user is not None  # it is logged in
        if await self._member(client, client.user.id) is None:
            raise CannotLook("Discord says that nobody is in the server, not even the bot")


def _held(member: Member) -> frozenset[int] | None:
    """The roles of somebody who can be given roles; None also if that cannot be read."""
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
    except (LookupError, TypeError, ValueError):
        return None


async def may_list(client: discord.Client) -> bool:
    """Tell whether the application has the intent that listing members needs.

    Raises what discord.py raises.
    """
    flags = (await client.application_info()).flags
    return bool(flags.gateway_guild_members or flags.gateway_guild_members_limited)
