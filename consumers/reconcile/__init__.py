"""Reconcile compares both platforms with the record, and repairs what differs: docs/reconcile.md.

The process opens the role; the operator's command opens the subjects and drives the role itself.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from consumers.runtime.resources import Resources
from consumers.runtime.stream_rebuild import make_ready
from db import PLATFORMS

from .platforms import Alarm, open_platform_subjects
from .port import Subject
from .role import Reconcile
from .subjects.books import BooksSubject
from .subjects.stores import StoreSubject


class Opened(NamedTuple):
    """The subjects of a pass, and the alarm that can ask for a pass before it is due."""

    subjects: list[Subject]
    alarm: Alarm | None


@contextlib.asynccontextmanager
async def open_subjects(resources: Resources) -> AsyncIterator[Opened]:
    """Open all subjects that this process can compare."""
    rows = resources.community.reconcile.page_members
    subjects: list[Subject] = []
    for platform in PLATFORMS:
        store = resources.stores.get(platform)
        are_the_truth = platform == "telegram" and store is None
        subjects.append(BooksSubject(platform, page_rows=rows, are_the_truth=are_the_truth))
        if store is not None:
            setting = resources.community.stores.by_platform()[platform]
            subjects.append(StoreSubject(platform, store, setting=setting, page_rows=rows))
    async with open_platform_subjects(resources) as opened:
        yield Opened([*subjects, *opened.subjects], opened.alarm)


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[Reconcile]:
    """Open the role `reconcile`."""
    await make_ready(resources.redis, resources.keys.snapshots)
    async with open_subjects(resources) as (subjects, alarm):
        yield Reconcile(resources, subjects, alarm=alarm)
