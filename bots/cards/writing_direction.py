"""The directions in which a line is written: Unicode's bidirectional algorithm for one line. Pure.

Lines come from `one_line`, which leaves no embedding, override or isolate in them, so the rules of
explicit levels (X) have nothing to do here. Pairs of brackets (N0) are taken for other neutrals.
"""

import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final, TypeVar

T = TypeVar("T")

_STRONG: Final = {"L": "L", "R": "R", "AL": "R"}
_NEUTRAL: Final = frozenset({"B", "S", "WS", "ON", "BN", "ES", "ET", "CS"})


def levels(line: str) -> list[int]:
    """Return the level of each character: even ones run from left to right, odd ones back."""
    kinds = [unicodedata.bidirectional(mark) or "L" for mark in line]
    base = next((0 if kind == "L" else 1 for kind in kinds if kind in _STRONG), 0)
    embedding = "R" if base else "L"
    weak = _weak(kinds, embedding)
    found = [_level(kind, base) for kind in _neutral([*weak], embedding)]
    # L1: white space at the end follows the line.
    for index in range(len(line) - 1, -1, -1):
        if kinds[index] not in ("WS", "BN"):
            break
        found[index] = base
    return found


def in_visual_order(items: Sequence[T], level_of: Callable[[T], int]) -> list[T]:
    """Return the items as they stand from left to right (rule L2)."""
    ordered = list(items)
    if not ordered:
        return ordered
    highest = max(map(level_of, ordered))
    for level in range(highest, 0, -1):
        start = 0
        for is_deep, group in groupby(list(ordered), lambda item: level_of(item) >= level):  # noqa: B023
            count = len(list(group))
            if is_deep:
                ordered[start : start + count] = ordered[start : start + count][::-1]
            start += count
    return ordered


def _weak(kinds: Sequence[str], embedding: str) -> list[str]:
    """Resolve weak characters: rules W1 to W7."""
    found = list(kinds)
    previous = embedding
    for index, kind in enumerate(found):  # W1: marks are like what they stand on
        if kind == "NSM":
            found[index] = previous
        previous = found[index]
    strong = embedding
    for index, kind in enumerate(found):  # W2: digits behind Arabic letters are Arabic digits
        if kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "AL":
            found[index] = "AN"
    found = ["R" if kind == "AL" else kind for kind in found]  # W3
    for index in range(1, len(found) - 1):  # W4: a separator between two digits of a kind
        before, kind, after = found[index - 1 : index + 2]
        if before == after and (
            (kind == "ES" and before == "EN") or (kind == "CS" and before in ("EN", "AN"))
        ):
            found[index] = before
    _terminators(found)
    strong = embedding
    for index, kind in enumerate(found):  # W6, W7
        if kind in ("ES", "ET", "CS"):
            found[index] = "ON"
        elif kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "L":
            found[index] = "L"
    return found


def _terminators(found: list[str]) -> None:
    """W5: signs such as % beside European digits are like these."""
    start = 0
    for kind, group in groupby(list(found)):
        end = start + len(list(group))
        beside = (found[start - 1 : start] if start else []) + found[end : end + 1]
        if kind == "ET" and "EN" in beside:
            found[start:end] = ["EN"] * (end - start)
        start = end


def _neutral(found: list[str], embedding: str) -> list[str]:
    """Resolve neutral characters: between two of a direction they follow it (N1, N2)."""
    start = 0
    for is_neutral, group in groupby(list(found), lambda kind: kind in _NEUTRAL):
        end = start + len(list(group))
        if is_neutral:
            before = _direction(found[start - 1]) if start else embedding
            after = _direction(found[end]) if end < len(found) else embedding
            found[start:end] = [before if before == after else embedding] * (end - start)
        start = end
    return found


def _direction(kind: str) -> str:
    return "R" if kind in ("R", "EN", "AN") else "L"


def _level(kind: str, base: int) -> int:
    """I1, I2."""
    if base:
        return 1 if kind == "R" else 2
    return {"L": 0, "R": 1}.get(kind, 2)
