"""The guessing game: the bot thinks of a number, and a member has a few tries to find it.

1. The first `/guess` starts a round for the member.
2. Every guess is answered: higher, lower or right. After the last miss the number is revealed.
3. A win is paid in one transaction, and owed until that transaction is committed. If Postgres is
   unavailable, the answer says so, and the next `/guess` pays under the same entity id. So a win is
   paid once, however often payment is attempted.
4. After a round the member has to rest, which limits what one member can win in a day.

Rounds live in memory: a restart forgets them, and costs a member no more than a few tries. The
buttons of a round carry its token, so a press tells whether it is of this round.
"""

import enum
import math
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from db import Contention, Recorded, StorageUnavailable
from schemas import Source

NUMBER_MIN = 1
NUMBER_MAX = 10
TRIES_MAX = 4
XP_PER_WIN = 15
BALANCE_PER_WIN = 5
REASON = "game_guess"
ACHIEVEMENT = "lucky_guess"
#: Members whose rounds, and as many whose pauses, are kept in memory: some megabytes.
ROUNDS_MAX = 10_000


class Rewards(Protocol):
    """Pays for a win, all of it or nothing. `db.Producer` implements it."""

    def transaction(self) -> AbstractAsyncContextManager[Any]: ...

    async def create_xp_change_event(
        self,
        *,
        user_id: int,
        delta_xp: int,
        source: Source,
        reason: str,
        entity_id: str,
        display_name: str | None,
        conn: Any,
    ) -> Recorded: ...

    async def create_balance_change_event(
        self,
        *,
        user_id: int,
        delta_balance: int,
        source: Source,
        reason: str,
        entity_id: str,
        display_name: str | None,
        conn: Any,
    ) -> Recorded: ...

    async def create_achievement_event(
        self,
        *,
        user_id: int,
        achievement: str,
        source: Source,
        display_name: str | None,
        conn: Any,
    ) -> Recorded: ...

    async def holds_achievement(
        self, *, user_id: int, achievement: str, source: Source, conn: Any
    ) -> bool: ...


class Hint(enum.Enum):
    """How a guess compares with the number."""

    HIGHER = "higher"
    LOWER = "lower"
    RIGHT = "right"


class Round(NamedTuple):
    """A number to guess, the tries that are left, and the numbers that it may still be."""

    number: int
    tries_left: int = TRIES_MAX
    least: int = NUMBER_MIN
    most: int = NUMBER_MAX
    token: str = ""

    def judge(self, guess: int) -> Hint:
        """Compare a guess with the number; HIGHER means that the number is higher."""
        if guess == self.number:
            return Hint.RIGHT
        return Hint.HIGHER if guess < self.number else Hint.LOWER

    def after_a_miss(self, guess: int) -> "Round | None":
        """Return the round with one try and some numbers fewer, or None after the last try."""
        if self.tries_left <= 1:
            return None
        least, most = self.least, self.most
        if guess < self.number:
            least = max(least, guess + 1)
        else:
            most = min(most, guess - 1)
        return self._replace(tries_left=self.tries_left - 1, least=least, most=most)


class Reward(NamedTuple):
    """The payment for a win."""

    xp: int
    balance: int
    achievement: str | None
    """The achievement that this win unlocked; None when the member had it already."""


class Explained(NamedTuple):
    """No guess was made: the round goes on with this many tries left."""

    tries_left: int


class Restarted(NamedTuple):
    """A button of a round that nobody remembers was pressed, so a new round has begun."""

    tries_left: int


class Resting(NamedTuple):
    """The member has just finished a round; the next one may begin in this many seconds."""

    seconds: int


class OutOfRange(NamedTuple):
    """The guess is no number of this game; it cost no try."""


class Missed(NamedTuple):
    """A wrong guess, and in which direction the number is."""

    guess: int
    hint: Hint
    tries_left: int


class Lost(NamedTuple):
    """The last try missed; this was the number."""

    number: int


class Won(NamedTuple):
    """The number was found. `reward` is None in a game that pays nothing."""

    number: int
    reward: Reward | None


class Counting(NamedTuple):
    """The number was found, and an earlier guess is being answered with the win already."""

    number: int


class Owed(NamedTuple):
    """The number was found, but the win could not be recorded; the next `/guess` tries again."""

    number: int


Turn = Explained | Restarted | Resting | OutOfRange | Missed | Lost | Won | Counting | Owed


class Board(NamedTuple):
    """The buttons of a round: its token, and the numbers that it may still be."""

    token: str
    numbers: range


class _Win(NamedTuple):
    """A win that is not paid yet, and the entity id under which it will be paid."""

    number: int
    entity_id: str


def _new_token() -> str:
    return f"{random.getrandbits(32):08x}"


class GameService:
    """Plays with many members at once and has their wins paid.

    Without `rewards` the game is the same, but pays nothing. Between two rounds a member waits
    `pause_s` seconds. The rounds and the pauses of at most `rounds_max` members each are kept; the
    one that was idle the longest is dropped first.
    """

    def __init__(
        self,
        *,
        source: Source,
        rewards: Rewards | None = None,
        pause_s: float = 0.0,
        rounds_max: int = ROUNDS_MAX,
        think: Callable[[int, int], int] = random.randint,
        name_round: Callable[[], str] = _new_token,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._rewards = rewards
        self._pause_s = pause_s
        self._rounds_max = rounds_max
        self._think = think
        self._name_round = name_round
        self._clock = clock
        self._rounds: OrderedDict[int, Round | _Win] = OrderedDict()
        #: Members whose win is being recorded at this moment. One guess is answered with it.
        self._paying: set[int] = set()
        #: When members finished their last round, the longest ago first.
        self._finished: OrderedDict[int, float] = OrderedDict()

    async def guess(
        self, user_id: int, guess: int | None, *, entity_id: str, display_name: str | None = None
    ) -> Turn:
        """Take one turn of the account `user_id`; a guess of None asks where the round stands.

        `entity_id` names the update that brought the guess: a win is paid once under it.
        `display_name` is the account's name, which goes with what it wins.
        """
        current = self._rounds.get(user_id)
        if isinstance(current, _Win):
            if user_id in self._paying:
                return Counting(current.number)
            return await self._pay(user_id, current, display_name)
        if current is None:
            rest_s = self._rest_s(user_id)
            if rest_s > 0:
                return Resting(math.ceil(rest_s))
            current = self._new_round()
        self._keep(user_id, current)
        if guess is None:
            return Explained(current.tries_left)
        if not NUMBER_MIN <= guess <= NUMBER_MAX:
            return OutOfRange()
        hint = current.judge(guess)
        if hint is not Hint.RIGHT:
            return self._miss(user_id, current, guess, hint)
        win = _Win(current.number, entity_id)
        # Owed before it is paid: a concurrent second guess finds no round to win again.
        self._keep(user_id, win)
        return await self._pay(user_id, win, display_name)

    async def press(
        self,
        user_id: int,
        guess: int,
        token: str,
        *,
        entity_id: str,
        display_name: str | None = None,
    ) -> Turn:
        """Take the turn of a pressed button of the round `token`.

        A number that was ruled out already costs no try, so a press that comes twice counts once.
        """
        current = self._rounds.get(user_id)
        if current is None:
            rest_s = self._rest_s(user_id)
            if rest_s > 0:
                return Resting(math.ceil(rest_s))
            begun = self._new_round()
            self._keep(user_id, begun)
            return Restarted(begun.tries_left)
        if isinstance(current, Round) and (
            current.token != token or not current.least <= guess <= current.most
        ):
            return Explained(current.tries_left)
        return await self.guess(user_id, guess, entity_id=entity_id, display_name=display_name)

    def board(self, user_id: int) -> Board | None:
        """Return the buttons of the member's round; None while there is none."""
        current = self._rounds.get(user_id)
        if not isinstance(current, Round):
            return None
        return Board(current.token, range(current.least, current.most + 1))

    def _new_round(self) -> Round:
        return Round(self._think(NUMBER_MIN, NUMBER_MAX), token=self._name_round())

    def _miss(self, user_id: int, current: Round, guess: int, hint: Hint) -> Missed | Lost:
        left = current.after_a_miss(guess)
        if left is None:
            self._finish(user_id)
            return Lost(current.number)
        self._keep(user_id, left)
        return Missed(guess, hint, left.tries_left)

    async def _pay(self, user_id: int, win: _Win, display_name: str | None) -> Won | Owed:
        self._paying.add(user_id)
        try:
            reward = await self._record(user_id, win.entity_id, display_name)
        except (StorageUnavailable, Contention):
            return Owed(win.number)
        except Exception:
            self._forget(user_id, win)  # a retry cannot succeed, so the member may play on
            raise
        finally:
            self._paying.discard(user_id)
        self._forget(user_id, win)
        return Won(win.number, reward)

    async def _record(
        self, user_id: int, entity_id: str, display_name: str | None
    ) -> Reward | None:
        if self._rewards is None:
            return None
        async with self._rewards.transaction() as conn:
            await self._rewards.create_xp_change_event(
                user_id=user_id,
                delta_xp=XP_PER_WIN,
                source=self._source,
                reason=REASON,
                entity_id=entity_id,
                display_name=display_name,
                conn=conn,
            )
            await self._rewards.create_balance_change_event(
                user_id=user_id,
                delta_balance=BALANCE_PER_WIN,
                source=self._source,
                reason=REASON,
                entity_id=entity_id,
                display_name=display_name,
                conn=conn,
            )
            # Only a member's first win unlocks it: the idempotency key of an achievement names no
            # entity. A linked member may have it from the account on the other platform.
            is_new = not await self._rewards.holds_achievement(
                user_id=user_id, achievement=ACHIEVEMENT, source=self._source, conn=conn
            )
            if is_new:
                unlocked = await self._rewards.create_achievement_event(
                    user_id=user_id,
                    achievement=ACHIEVEMENT,
                    source=self._source,
                    display_name=display_name,
                    conn=conn,
                )
                is_new = unlocked.created
        return Reward(XP_PER_WIN, BALANCE_PER_WIN, ACHIEVEMENT if is_new else None)

    def _keep(self, user_id: int, current: Round | _Win) -> None:
        self._rounds[user_id] = current
        self._rounds.move_to_end(user_id)
        while len(self._rounds) > self._rounds_max:
            # A win that is owed outlives rounds, which cost a member a few tries only.
            oldest = (one for one, held in self._rounds.items() if not isinstance(held, _Win))
            del self._rounds[next(oldest, next(iter(self._rounds)))]

    def _forget(self, user_id: int, win: _Win) -> None:
        """Close this win, unless the member has begun another round since."""
        if self._rounds.get(user_id) == win:
            self._finish(user_id)

    def _finish(self, user_id: int) -> None:
        """End a member's round, and begin their pause."""
        del self._rounds[user_id]
        if not self._pause_s:
            return
        self._finished[user_id] = self._clock()
        self._finished.move_to_end(user_id)
        while len(self._finished) > self._rounds_max:
            self._finished.popitem(last=False)

    def _rest_s(self, user_id: int) -> float:
        """Return for how many seconds the member still has to rest."""
        finished = self._finished.get(user_id)
        return 0.0 if finished is None else finished + self._pause_s - self._clock()
