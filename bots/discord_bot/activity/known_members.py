"""Members whom an event names by number only: whether they are there, and whether they are bots."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import aiohttp
import discord
import structlog

from config.discord_answers import UNREADABLE

log = structlog.get_logger("twinstream.discord_bot")

#: Seconds for which an answer is believed: members come and go seldom, and each look is a call.
BELIEVED_S: Final = 600.0
#: Seconds for which nobody asks again after Discord did not answer, so that a burst of events costs
#: one call, and a member who tries again finds out.
FAILURE_BELIEVED_S: Final = 5.0
#: Accounts that are remembered, about a megabyte.
REMEMBERED_MAX: Final = 10_000


class Seen(NamedTuple):
    """An account as Discord shows it."""

    is_here: bool
    is_bot: bool
    name: str | None
    roles: frozenset[int] = frozenset()


class KnownMembers:
    """Asks Discord about members, and remembers each answer for a while."""

    def __init__(
        self,
        client: discord.Client,
        guild_id: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._guild_id = guild_id
        self._clock = clock
        self._known: OrderedDict[int, tuple[Seen | None, float]] = OrderedDict()
        self._asking: dict[int, asyncio.Future[Seen | None]] = {}

    async def look(self, account_id: int) -> Seen | None:
        """Return what Discord says of an account; None while it does not answer."""
        known = self._known.get(account_id)
        if known is not None and self._clock() < known[1]:
            return known[0]
        guild = self._client.get_guild(self._guild_id)
        if guild is None:
            return None
        asking = self._asking.get(account_id)
        if asking is None:
            asking = asyncio.ensure_future(self._ask(guild, account_id))
            self._asking[account_id] = asking
            asking.add_done_callback(partial(self._answered, account_id))
        # One who asks may be cancelled; the others wait on.
        return await asyncio.shield(asking)

    async def _ask(self, guild: discord.Guild, account_id: int) -> Seen | None:
        try:
            member = await guild.fetch_member(account_id)
        except discord.NotFound:
            return Seen(False, False, None)
        except (discord.DiscordException, aiohttp.ClientError, OSError, *UNREADABLE) as error:
            log.warning("membership.unresolved", account_id=account_id, why=str(error))
            return None
        return _seen(member)

    def _answered(self, account_id: int, asking: asyncio.Future[Seen | None]) -> None:
        """Remember an answer, unless an event said something newer while it was under way."""
        if self._asking.get(account_id) is asking:
            del self._asking[account_id]
            if not asking.cancelled() and asking.exception() is None:
                self._remember(account_id, asking.result())

    def note(self, member: discord.Member) -> None:
        """Remember a member whom an event showed whole, so that nobody is asked."""
        self._asking.pop(member.id, None)
        self._remember(member.id, _seen(member))

    def forget(self, account_id: int) -> None:
        """Ask again: the account joined or left."""
        self._asking.pop(account_id, None)
        self._known.pop(account_id, None)

    def _remember(self, account_id: int, seen: Seen | None) -> None:
        believed_s = FAILURE_BELIEVED_S if seen is None else BELIEVED_S
        self._known[account_id] = seen, self._clock() + believed_s
        self._known.move_to_end(account_id)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)


def _seen(member: discord.Member) -> Seen:
    return Seen(True, member.bot, member.display_name, frozenset(member._roles))
