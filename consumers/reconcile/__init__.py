"""Proving that both sides are the same, and mending what is not: see docs/reconcile.md."""

import contextlib
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from consumers.runtime import metrics
from consumers.runtime.rebuild import make_ready
from consumers.runtime.resources import Parts
from consumers.runtime.transactions import transaction
from db import PLATFORMS
from db.reconcile import runs

from .platforms import Alarm, open_looking
from .port import Subject
from .role import Reconcile
from .subjects.books import Books
from .subjects.stores import Stored


class Opened(NamedTuple):
    """What a pass looks at, and what may ask for one before its time."""

    subjects: list[Subject]
    alarm: Alarm | None


@contextlib.asynccontextmanager
async def open_subjects(parts: Parts) -> AsyncIterator[Opened]:
    """Open everything that a pass of this process looks at."""
    rows = parts.community.reconcile.page_members
    subjects: list[Subject] = []
    for platform in PLATFORMS:
        store = parts.stores.get(platform)
        are_the_truth = platform == "telegram" and store is None
        subjects.append(Books(platform, page_rows=rows, are_the_truth=are_the_truth))
        if store is not None:
            setting = parts.community.stores.by_platform()[platform]
            subjects.append(Stored(platform, store, setting=setting, page_rows=rows))
    async with open_looking(parts) as looking:
        yield Opened([*subjects, *looking.subjects], looking.alarm)


@contextlib.asynccontextmanager
async def open_role(parts: Parts) -> AsyncIterator[Reconcile]:
    """Open the role `reconcile`."""
    await make_ready(parts.redis, parts.keys.snapshots)
    async with transaction(parts.pool) as conn:
        age_s = await runs.age_of_last_s(conn)
    if age_s is not None:
        metrics.PASS_FINISHED.set(time.time() - age_s)
    async with open_subjects(parts) as (subjects, alarm):
        yield Reconcile(parts, subjects, alarm=alarm)
