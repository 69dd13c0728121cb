"""The workload of a bot: events in transactions of every shape, chosen at random."""

import enum
import random
from typing import NamedTuple

from bus import Source

ACHIEVEMENTS = ("first_win", "ten_wins", "lucky_guess", "night_owl")
EVENTS_PER_TRANSACTION_MAX = 5
#: Share of events that spend: enough for some refusals, since a member with nothing cannot spend.
SPENDS_SHARE = 0.15
#: The number of recent actions from which repeated ones are chosen.
ACTIONS_REMEMBERED = 200


class Shape(enum.Enum):
    """How the events of an action are recorded."""

    ALONE = "alone"
    """One event in the producer's own transaction."""
    AT_ONCE_TWICE = "at once, twice"
    """The same event from two concurrent tasks."""
    AT_ONCE = "at once"
    """Several events from as many concurrent tasks, some of which are cancelled."""
    LENT = "lent"
    """Several events in a transaction that the producer lends and publishes."""
    OWN = "own"
    """Several events in the bot's own transaction; the bot publishes them afterwards."""
    FORGOTTEN = "forgotten"
    """As OWN, but the bot does not publish them, so the relay must."""
    ROLLED_BACK = "rolled back"
    """As OWN, but the bot rolls back, and publishes them nevertheless."""
    LENT_IN_PARTS = "lent, in parts"
    """As LENT, but each event has a savepoint of its own, and some are rolled back."""
    OWN_IN_PARTS = "own, in parts"
    """As OWN, but each event has a savepoint of its own, and some are rolled back."""
    SQL = "in SQL"
    """As OWN, but by calls of the function of Postgres. The events are left to the relay."""
    SQL_IN_PARTS = "in SQL, in parts"
    """As SQL, but each event has a savepoint of its own, and some are rolled back."""
    DAILY = "daily"
    """A member claims the reward of the day, whose events and keys are Postgres's."""


class Fate(enum.Enum):
    """The outcome of an event that is recorded in an inner savepoint within an outer one."""

    KEPT = "kept"
    INNER_ROLLED_BACK = "inner rolled back"
    OUTER_ROLLED_BACK = "outer rolled back"
    KEPT_AT_SECOND_TRY = "kept at the second try"
    """Recorded, rolled back, and recorded again with the same key."""


SHARES = {
    Shape.ALONE: 40,
    Shape.AT_ONCE_TWICE: 5,
    Shape.LENT: 20,
    Shape.OWN: 20,
    Shape.FORGOTTEN: 10,
    Shape.ROLLED_BACK: 5,
    Shape.LENT_IN_PARTS: 8,
    Shape.OWN_IN_PARTS: 8,
    Shape.SQL: 10,
    Shape.SQL_IN_PARTS: 5,
    Shape.AT_ONCE: 8,
    Shape.DAILY: 4,
}
#: Shapes whose events have a fate of their own.
IN_PARTS = (Shape.LENT_IN_PARTS, Shape.OWN_IN_PARTS, Shape.SQL_IN_PARTS)
#: Share of actions that repeat an earlier one, with the same keys.
REPEATED_SHARE = 0.05


class PlannedEvent(NamedTuple):
    """An event to record. Exactly one of the three effects is set."""

    account_id: int
    entity_id: str
    delta_xp: int = 0
    delta_balance: int = 0
    achievement: str | None = None
    fate: Fate = Fate.KEPT
    """Differs from KEPT only in IN_PARTS."""


class Action(NamedTuple):
    """Events that are recorded together."""

    shape: Shape
    events: tuple[PlannedEvent, ...]


class Workload:
    """An endless series of actions; some repeat an earlier one, with the same keys."""

    def __init__(self, source: Source, accounts: int, incarnation: str, seed: str) -> None:
        self._accounts = accounts
        self._prefix = f"{source}-{incarnation}"
        self._chance = random.Random(seed)
        self._number = 0
        self._remembered: list[Action] = []

    def account(self) -> int:
        """Return an account that earns something by being there."""
        return self._chance.randint(1, self._accounts)

    def next(self) -> Action:
        """Return the next action."""
        chance = self._chance
        if self._remembered and chance.random() < REPEATED_SHARE:
            return chance.choice(self._remembered)
        shape = chance.choices(list(SHARES), list(SHARES.values()))[0]
        several = shape not in (Shape.ALONE, Shape.AT_ONCE_TWICE, Shape.DAILY)
        count = chance.randint(1, EVENTS_PER_TRANSACTION_MAX) if several else 1
        # Mostly events of one member. Those of several members, in random order, can deadlock.
        same = chance.randint(1, self._accounts) if chance.random() < 0.9 else None
        events = tuple(self._event(same) for _ in range(count))
        if shape in IN_PARTS:
            events = tuple(event._replace(fate=chance.choice(list(Fate))) for event in events)
        action = Action(shape, events)
        if shape is not Shape.ROLLED_BACK:
            self._remembered = [*self._remembered[-ACTIONS_REMEMBERED:], action]
        return action

    def _event(self, account_id: int | None) -> PlannedEvent:
        chance = self._chance
        account_id = account_id or chance.randint(1, self._accounts)
        self._number += 1
        entity_id = f"{self._prefix}-{self._number}"
        sign = -1 if chance.random() < SPENDS_SHARE else 1
        match chance.randrange(10):
            case 0:
                return PlannedEvent(account_id, entity_id, achievement=chance.choice(ACHIEVEMENTS))
            case 1 | 2 | 3:
                return PlannedEvent(
                    account_id, entity_id, delta_balance=sign * chance.randint(1, 20)
                )
            case _:
                return PlannedEvent(account_id, entity_id, delta_xp=sign * chance.randint(1, 9))
