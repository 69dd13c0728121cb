"""Payloads of a platform, garbled: a seed replaces, removes and doubles parts of a valid one."""

import copy
import random
from collections.abc import Sequence
from typing import Any, Final

JUNK: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    2**63,
    2**70,
    1.5,
    "",
    "\x00",
    "\u202e\U0001f4a5" * 40,
    "9" * 400,
    [],
    {},
    [[[[]]]],
    {"id": {"id": {"id": 1}}},
)


def garbled(payload: Any, chance: random.Random) -> Any:
    """Return a copy of `payload` with one to three parts changed."""
    changed = copy.deepcopy(payload)
    for _ in range(chance.randint(1, 3)):
        places = list(_places(changed))
        if not places:
            return changed
        holder, key = chance.choice(places)
        match chance.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder += [copy.deepcopy(holder[key])] * chance.choice((1, 200))
            case 2:  # a part of the payload in the place of another one
                holder[key] = copy.deepcopy(chance.choice([one[at] for one, at in places]))
            case _:
                holder[key] = copy.deepcopy(chance.choice(JUNK))
    return changed


def garbled_fields(fields: Sequence[str], chance: random.Random) -> Any:
    """Return junk for an answer as a whole, or a merge patch with junk for one or two fields."""
    if chance.random() < 0.2:
        return chance.choice([junk for junk in JUNK if junk is not None])
    return {
        field: chance.choice(JUNK)
        for field in chance.sample(fields, chance.randint(1, min(2, len(fields))))
    }


def _places(value: Any) -> Any:
    """Yield each part of a payload as its holder and its key or index there."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
