"""Proving that both sides are the same, and mending what is not: see docs/reconcile.md."""

import contextlib
from collections.abc import AsyncIterator

from bus import ensure_group
from consumers.parts import Parts
from db import PLATFORMS

from .books import Books
from .role import Reconcile
from .subjects import Subject


@contextlib.asynccontextmanager
async def open_subjects(parts: Parts) -> AsyncIterator[list[Subject]]:
    """Open everything that a pass of this process looks at."""
    rows = parts.community.reconcile.page_members
    yield [
        Books(platform, page_rows=rows, are_the_truth=platform == "telegram")
        for platform in PLATFORMS
    ]


@contextlib.asynccontextmanager
async def open_role(parts: Parts) -> AsyncIterator[Reconcile]:
    """Open the role `reconcile`."""
    await ensure_group(parts.redis, parts.keys.snapshots)
    async with open_subjects(parts) as subjects:
        yield Reconcile(parts, subjects)
