"""Held members: another program's transaction keeps a lock on them, perhaps without end.

Their events wait, and those of all other members go on. The first wait of a step is long enough for
any transaction that works; the further ones, which find out whose member is held, are short. A
member who was found held is then left at once for `FORGOTTEN_AFTER_S`, so an active member who is
held costs the others no wait in each step.
"""

import asyncio
from collections.abc import Collection
from typing import Final

from db.connections import LOCK_WAIT_AGAIN_MS, LOCK_WAIT_MS

from .entry_decoding import Delivery

#: Accounts that one step finds held before it stops looking: then a whole table may be locked, and
#: what is in hand waits as in an outage.
ACCOUNTS_MAX: Final = 10
#: Seconds after which a member is tried again: a few, because a short wait may also find a member
#: held who is only busy.
FORGOTTEN_AFTER_S: Final = 10.0


class HeldMembers:
    """The accounts whose members were found held a moment ago."""

    def __init__(self) -> None:
        #: The time of the event loop at which each account is forgotten.
        self._accounts: dict[int, float] = {}
        self._was_any = False
        self._found_in_step = 0

    @property
    def lock_wait_ms(self) -> int:
        """How long the next transaction waits for a lock."""
        return LOCK_WAIT_AGAIN_MS if self._was_any else LOCK_WAIT_MS

    @property
    def are_too_many(self) -> bool:
        """Whether the step is to stop and wait."""
        return self._found_in_step >= ACCOUNTS_MAX

    def note_any(self) -> None:
        """Note that a transaction on several members waited in vain for one of them."""
        self._was_any = True

    def note(self, account_id: int) -> None:
        """Note an account whose member is held."""
        self._was_any = True
        self._found_in_step += 1
        self._accounts[account_id] = asyncio.get_running_loop().time() + FORGOTTEN_AFTER_S

    def split(self, deliveries: Collection[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """Return the deliveries of members who are not known to be held, and the others."""
        free = [one for one in deliveries if not self.knows(one.envelope.event.user_id)]
        held = [one for one in deliveries if self.knows(one.envelope.event.user_id)]
        return free, held

    def knows(self, account_id: int) -> bool:
        """Tell whether the member of an account was found held."""
        return account_id in self._accounts

    def begin_step(self) -> None:
        """Forget what may have been released meanwhile."""
        now = asyncio.get_running_loop().time()
        self._accounts = {one: until for one, until in self._accounts.items() if until > now}
        self._was_any = False
        self._found_in_step = 0

    def forget(self) -> None:
        """Try every member again, because this process will not do it later."""
        self._accounts.clear()
        self._was_any = False
        self._found_in_step = 0
