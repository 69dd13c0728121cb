"""Variants of a test: a few of them every day, and all of them in `make nightly`."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def variants(
    named: Iterable[tuple[str, tuple[Any, ...]]], *, every_day: Collection[str]
) -> list[ParameterSet]:
    """Return the parameters of the variants by their names; `every_day` names some of them."""
    found = dict(named)
    unknown = set(every_day) - found.keys()
    assert not unknown, f"there is no variant {unknown}"
    return [
        pytest.param(*values, id=name, marks=[] if name in every_day else [pytest.mark.nightly])
        for name, values in found.items()
    ]
