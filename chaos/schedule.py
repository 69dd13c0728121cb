"""The order of the faults. The same seed makes the same order, and the same chances within each."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .faults import FAULTS, target_of

#: How often a second fault strikes while the first has not been recovered from.
TWO_AT_ONCE_SHARE = 0.2
PAUSE_S_MAX = 1.5


class Strike(NamedTuple):
    """One fault, or two at once, and a seed for the chances within."""

    number: int
    kinds: tuple[str, ...]
    seed: str
    #: How long to wait before it.
    pause_s: float


def strikes(seed: str, kinds: Sequence[str] = tuple(FAULTS)) -> Iterator[Strike]:
    """Name the faults one after the other, without an end.

    They come like cards: all kinds in a shuffled order, then all of them shuffled anew.
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
