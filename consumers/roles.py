"""Which roles there are. A role's libraries are imported only when it runs."""

import importlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from config import ConfigError

from .loop import Role
from .parts import Parts


class RoleEntry(NamedTuple):
    """Where a role is made, and which settings it cannot do without."""

    module: str
    needs: tuple[str, ...] = ()


ROLES: Final = {
    "to-discord": RoleEntry("consumers.to_discord"),
    "to-telegram": RoleEntry("consumers.to_telegram"),
    "relay": RoleEntry("consumers.relay"),
    "discord-roles": RoleEntry("consumers.discord_roles", ("discord_token",)),
    "telegram-tags": RoleEntry("consumers.telegram_tags", ("telegram_token",)),
}


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


async def build(name: str, parts: Parts) -> Role:
    """Make one role."""
    module = importlib.import_module(ROLES[name].module)
    role: Role = await module.build(parts)
    return role
