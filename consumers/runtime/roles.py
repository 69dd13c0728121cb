"""Which roles there are. A role's libraries are imported only when it runs."""

import asyncio
import contextlib
import importlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Final, NamedTuple

from config import ConfigError

from .resources import Parts
from .runner import Role


class RoleEntry(NamedTuple):
    """The module that opens a role, and which settings the role cannot do without."""

    module: str
    needs: tuple[str, ...] = ()
    #: Its library takes so long to import that the other roles must not wait for it.
    slow: bool = False
    #: It runs once in each lane, side by side, and each is a consumer of its own.
    in_lanes: bool = False


ROLES: Final = {
    "to-discord": RoleEntry("consumers.settling.to_discord", in_lanes=True),
    "to-telegram": RoleEntry("consumers.settling.to_telegram", in_lanes=True),
    "relay": RoleEntry("consumers.relay.role"),
    "reconcile": RoleEntry("consumers.reconcile"),
    "cleanup": RoleEntry("consumers.cleanup.role"),
    "discord-roles": RoleEntry(
        "consumers.display.discord_roles.roles", ("discord_token",), slow=True
    ),
    "telegram-tags": RoleEntry(
        "consumers.display.telegram_tags.tags", ("telegram_token",), slow=True
    ),
}

_one_slow_import_at_a_time = threading.Lock()


def chosen(names: Iterable[str]) -> list[str]:
    """Return the roles to run: those named, or all if none is.

    Raises:
        ConfigError: there is no role of such a name.
    """
    wanted = list(dict.fromkeys(names)) or list(ROLES)
    unknown = [name for name in wanted if name not in ROLES]
    if unknown:
        raise ConfigError(
            f"there is no role {', '.join(unknown)}; the roles are {', '.join(ROLES)}"
        )
    return wanted


def needed_settings(names: Iterable[str]) -> list[str]:
    """Return the settings that these roles need, each once."""
    needs = ["redis_url", "database_url", *(need for name in names for need in ROLES[name].needs)]
    return list(dict.fromkeys(needs))


def openings(
    names: Iterable[str], parts: Parts
) -> dict[str, Callable[[], AbstractAsyncContextManager[Role]]]:
    """Return what opens each of these roles, once for each of its lanes: `to-discord/2`."""
    lanes = parts.community.consumers.lanes
    return {
        name if lane == 1 else f"{name}/{lane}": partial(open_role, name, replace(parts, lane=lane))
        for name in names
        for lane in range(1, (lanes if ROLES[name].in_lanes else 1) + 1)
    }


@contextlib.asynccontextmanager
async def open_role(name: str, parts: Parts) -> AsyncIterator[Role]:
    """Open one role; what it opened for itself is closed at the end of the block.

    Raises:
        ConfigError: the role cannot work with these settings.
        NotYet: it cannot start now.
    """
    entry = ROLES[name]
    if entry.slow:
        module = await asyncio.to_thread(import_slowly, entry.module)
    else:
        module = importlib.import_module(entry.module)
    async with module.open_role(parts) as role:
        yield role


def import_slowly(module: str) -> ModuleType:
    """Import in a thread, one module after the other: both libraries share a third, aiohttp."""
    with _one_slow_import_at_a_time:
        return importlib.import_module(module)
