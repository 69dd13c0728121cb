"""Opening the stores that twinstream.toml names, at start, so that an unfit one is refused then."""

import importlib
import inspect
from collections.abc import Mapping

import asyncpg

from ..errors import StoreUnfit, mapped_errors
from ..platforms import Platform
from .port import Store, StoreSetting
from .table import TableNames, TableStore

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
            stores[platform] = await _open(pool, setting)
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
