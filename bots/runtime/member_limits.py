"""How often one account may ask, so that no account takes the answers of the others."""

import time
from collections import OrderedDict
from collections.abc import Callable

#: Commands that an account may send at once: more than a round of the game and a look at the rest.
BURST = 12
#: Seconds until an account that used its burst may send one more command.
REFILL_S = 2.0
#: Accounts that are remembered, about a megabyte. Beyond it the one that was quiet the longest is
#: forgotten, and has its whole burst again.
ACCOUNTS_MAX = 10_000


class MemberLimits:
    """Lets each account ask BURST times at once, and then once in REFILL_S seconds."""

    def __init__(
        self,
        *,
        burst: int = BURST,
        refill_s: float = REFILL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowance_s = (burst - 1) * refill_s
        self._refill_s = refill_s
        self._clock = clock
        #: When each account will have its whole burst again, the quietest account first.
        self._full_at: OrderedDict[int, float] = OrderedDict()

    def admits(self, account_id: int) -> bool:
        """Count one command of the account, if it may be answered. Returns whether it may."""
        now = self._clock()
        full_at = max(now, self._full_at.get(account_id, now))
        if full_at - now > self._allowance_s:
            return False
        self._full_at[account_id] = full_at + self._refill_s
        self._full_at.move_to_end(account_id)
        if len(self._full_at) > ACCOUNTS_MAX:
            self._full_at.popitem(last=False)
        return True
