"""Opening the stores that twinstream.toml names, at start, so that an unfit one is refused then."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Final

import asyncpg

from ..connections import LOCK_WAIT_MS
from ..error_causes.sqlstates import Fault, fault_of
from ..errors import StoreUnfit, mapped_errors, may_concern_a_row
from ..platforms import Platform
from .error_texts import described, remedy
from .port import Change, Store, StoreSetting
from .savepoint import savepoint
from .table import TableNames, TableStore

#: An account that no platform has.
_NO_ACCOUNT: Final = -(2**63)
_DUTIES = ("apply", "snapshot")


async def open_stores(
    pool: asyncpg.Pool, settings: Mapping[Platform, StoreSetting | None]
) -> dict[Platform, Store]:
    """Open the stores that are configured, and check that each can work.

    Raises:
        StoreUnfit: one cannot; the text says which, why, and what corrects it.
        StorageUnavailable: Postgres is away.
    """
    stores: dict[Platform, Store] = {}
    for platform, setting in settings.items():
        if setting is None:
            continue
        try:
            stores[platform] = store = await _open(pool, setting)
            await _try_out(pool, platform, store)
        except StoreUnfit as error:
            lines = str(error).splitlines()
            raise StoreUnfit("\n".join(f"stores.{platform}: {line}" for line in lines)) from error
    return stores


async def _open(pool: asyncpg.Pool, setting: StoreSetting) -> Store:
    if setting.class_:
        return _make(setting)
    store = TableStore(TableNames(setting.table, setting.id, setting.xp, setting.balance))
    with mapped_errors():
        async with pool.acquire() as conn:
            await store.check(conn)
    return store


async def _try_out(pool: asyncpg.Pool, platform: Platform, store: Store) -> None:
    """Run the statements of a store once, and roll them back.

    The catalogue does not tell of everything, such as a rule or a generated column. A trigger that
    refuses, or a lock, is no reason to end the process: events wait for that. A class of another
    program may have effects that no rollback takes back, so it only reads.

    Raises:
        StoreUnfit: a statement fits no row of the table.
        StorageUnavailable: Postgres is away.
    """
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction():
            try:
                async with savepoint(conn, LOCK_WAIT_MS, keep=False):
                    await store.snapshot(conn, 0, 1)
                    if isinstance(store, TableStore):
                        await store.apply(conn, [Change(_NO_ACCOUNT, 0, 0)])
            except Exception as error:
                if not may_concern_a_row(error):
                    raise
                if fault_of(error) is Fault.STATEMENT:
                    what = described(platform, store, "cannot be used", error)
                    raise StoreUnfit(f"{what}; {remedy(error)}") from error


def _make(setting: StoreSetting) -> Store:
    """Import another program's class and call it. Anything that it raises becomes StoreUnfit."""
    module_name, _, class_name = setting.class_.partition(":")
    try:
        made = getattr(importlib.import_module(module_name), class_name)(**setting.options)
    except Exception as error:
        raise StoreUnfit(
            f"{setting.class_} cannot be used ({type(error).__name__}: {error}); it must read"
            " module:Class, PYTHONPATH must lead to its module, and Class is called with the"
            " options"
        ) from error
    missing = [duty for duty in _DUTIES if not inspect.iscoroutinefunction(getattr(made, duty, 0))]
    if missing:
        raise StoreUnfit(f"{setting.class_} has no async method {' and no '.join(missing)}")
    store: Store = made
    return store
