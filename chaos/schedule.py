"""The order of the faults. The same seed gives the same order, and the same choices in each."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .faults import FAULTS, target_of

#: Share of strikes that inject two faults at once.
TWO_AT_ONCE_SHARE = 0.2
PAUSE_S_MAX = 1.5


class Strike(NamedTuple):
    """One fault, or two at once, and the seed for their random choices."""

    number: int
    kinds: tuple[str, ...]
    seed: str
    #: Seconds to wait before it.
    pause_s: float


def strikes(seed: str, kinds: Sequence[str] = tuple(FAULTS)) -> Iterator[Strike]:
    """Yield strikes without end.

    Kinds are dealt like cards: all of them in a shuffled order, then all of them shuffled again.
    """
    chance = random.Random(seed)
    number = 0
    cards: list[str] = []
    while True:
        if not cards:
            cards = list(kinds)
            chance.shuffle(cards)
        number += 1
        first = cards.pop()
        chosen: tuple[str, ...] = (first,)
        if chance.random() < TWO_AT_ONCE_SHARE:
            others = [kind for kind in cards if target_of(kind) != target_of(first)]
            if others:
                second = chance.choice(others)
                cards.remove(second)
                chosen = (first, second)
        yield Strike(number, chosen, f"{seed}/{number}", chance.uniform(0.0, PAUSE_S_MAX))
