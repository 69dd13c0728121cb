"""The phases, in the order in which they run. Each brings the deployment up and leaves it well."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.engine.phases import (
    endurance,
    monitoring,
    operation,
    pages,
    settings,
    standing,
    token_files,
    upgrade,
)
from tests.engine.world import World

#: The modules that type commands of the pages, which are their COMMANDS.
TYPING: Final = (token_files, monitoring, pages, upgrade)
PHASES: Final[Mapping[str, Callable[[World], Awaitable[None]]]] = {
    "build": standing.build,
    "up": standing.up,
    "play": standing.play,
    "restart": endurance.restart,
    "kill": endurance.kill,
    "scale": endurance.scale,
    "passwords": operation.passwords,
    "settings": settings.settings,
    "secrets": token_files.secrets,
    "down": standing.down,
    "monitoring": monitoring.monitoring,
    "pages": pages.pages,
    "upgrade": upgrade.upgrade,
}
