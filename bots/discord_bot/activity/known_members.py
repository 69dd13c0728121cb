"""Members whom an event names by number only: whether they are there, and whether they are bots."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

import aiohttp
import discord
import structlog

from config.discord_answers import UNREADABLE

log = structlog.get_logger("twinstream.discord_bot")

#: Seconds for which an answer is believed: members come and go seldom, and each look is a call.
BELIEVED_S: Final = 600.0
#: Accounts that are remembered, about a megabyte.
REMEMBERED_MAX: Final = 10_000


class Seen(NamedTuple):
    """An account as Discord shows it."""

    is_here: bool
    is_bot: bool
    name: str | None


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
        self._known: OrderedDict[int, tuple[Seen, float]] = OrderedDict()

    async def look(self, account_id: int) -> Seen | None:
        """Return what Discord says of an account; None while it does not answer."""
        known = self._known.get(account_id)
        if known is not None and self._clock() < known[1]:
            return known[0]
        guild = self._client.get_guild(self._guild_id)
        if guild is None:
            return None
        try:
            member = await guild.fetch_member(account_id)
            seen = Seen(True, member.bot, member.display_name)
        except discord.NotFound:
            seen = Seen(False, False, None)
        except (discord.DiscordException, aiohttp.ClientError, OSError, *UNREADABLE) as error:
            log.warning("membership.unresolved", account_id=account_id, why=str(error))
            return None
        self._remember(account_id, seen)
        return seen

    def note(self, member: discord.Member) -> None:
        """Remember a member whom an event showed whole, so that nobody is asked."""
        self._remember(member.id, Seen(True, member.bot, member.display_name))

    def forget(self, account_id: int) -> None:
        """Ask again: the account joined or left."""
        self._known.pop(account_id, None)

    def _remember(self, account_id: int, seen: Seen) -> None:
        self._known[account_id] = seen, self._clock() + BELIEVED_S
        self._known.move_to_end(account_id)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
