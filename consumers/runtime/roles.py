"""The roles and how each is opened. A role's libraries are imported only when it runs."""

import asyncio
import contextlib
import importlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Final, NamedTuple

from bus import Keys
from config import ConfigError

from .resources import Resources
from .runner import Role


class RoleEntry(NamedTuple):
    """How a role is opened, and which settings the role cannot do without.

    `module.open_role(resources, **arguments)` opens it.
    """

    module: str
    arguments: Mapping[str, str] = MappingProxyType({})
    needs: tuple[str, ...] = ()
    #: Its library takes seconds to import, so a thread does that and the other roles start first.
    slow: bool = False
    #: The group of which it is a consumer, under a number that no other living process has.
    group: str | None = None
    #: It runs once in each lane, side by side, and each of these is a consumer of its own.
    in_lanes: bool = False


ROLES: Final = {
    "to-discord": RoleEntry(
        "consumers.settling.role", {"source": "telegram"}, group="discord", in_lanes=True
    ),
    "to-telegram": RoleEntry(
        "consumers.settling.role", {"source": "discord"}, group="telegram", in_lanes=True
    ),
    "relay": RoleEntry("consumers.relay.role"),
    "reconcile": RoleEntry("consumers.reconcile", group=Keys().snapshots.group),
    "cleanup": RoleEntry("consumers.cleanup.role"),
    "forgetting": RoleEntry("consumers.forgetting.role"),
    "levels": RoleEntry("consumers.levels.role"),
    "earning": RoleEntry("consumers.earning.role"),
    "discord-roles": RoleEntry(
        "consumers.display.discord_roles.roles", needs=("discord_token",), slow=True
    ),
    "telegram-tags": RoleEntry(
        "consumers.display.telegram_tags.tags", needs=("telegram_token",), slow=True
    ),
}

_one_slow_import_at_a_time = threading.Lock()


def chosen(names: Iterable[str]) -> list[str]:
    """Return the roles to run: those that are named, or all of them if none is.

    Raises:
        ConfigError: a name is not that of a role.
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


def groups(names: Iterable[str]) -> list[str]:
    """Return the groups of which these roles are consumers."""
    return [group for name in names if (group := ROLES[name].group) is not None]


def openings(
    names: Iterable[str], resources: Resources
) -> dict[str, Callable[[], AbstractAsyncContextManager[Role]]]:
    """Return an opening of each of these roles for each of its lanes, by name: `to-discord/2`."""
    lanes = resources.community.consumers.lanes
    return {
        name if lane == 1 else f"{name}/{lane}": partial(
            open_role, name, replace(resources, lane=lane)
        )
        for name in names
        for lane in range(1, (lanes if ROLES[name].in_lanes else 1) + 1)
    }


@contextlib.asynccontextmanager
async def open_role(name: str, resources: Resources) -> AsyncIterator[Role]:
    """Open one role; at the end of the block it closes what it opened for itself.

    Raises:
        ConfigError: the role cannot work with these settings.
        NotYet: it cannot start now.
    """
    entry = ROLES[name]
    if entry.slow:
        module = await asyncio.to_thread(import_slowly, entry.module)
    else:
        module = importlib.import_module(entry.module)
    async with module.open_role(resources, **entry.arguments) as role:
        yield role


def import_slowly(module: str) -> ModuleType:
    """Import in a thread, one module after the other: discord.py and aiogram share aiohttp."""
    with _one_slow_import_at_a_time:
        return importlib.import_module(module)
