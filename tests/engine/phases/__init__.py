"""The phases, in the order in which they run. Each brings the deployment up and leaves it well."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.engine.phases import endurance, monitoring, operation, settings, standing, upgrade
from tests.engine.world import World

PHASES: Final[Mapping[str, Callable[[World], Awaitable[None]]]] = {
    "build": standing.build,
    "up": standing.up,
    "play": standing.play,
    "restart": endurance.restart,
    "kill": endurance.kill,
    "scale": endurance.scale,
    "passwords": operation.passwords,
    "settings": settings.settings,
    "down": standing.down,
    "monitoring": monitoring.monitoring,
    "upgrade": upgrade.upgrade,
}
