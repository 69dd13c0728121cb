"""The consumers process: settings in, roles running, a clean end."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import structlog

from bus import BadRedisUrl, BusError
from config import Community, ConfigError, Settings
from db import SchemaOutdated, StorageUnavailable

from . import roles
from .loop import NotYet, Role, pause, run
from .parts import open_parts

log = structlog.get_logger("twinstream.consumers")

RECONNECT_S = 2.0
EXIT_CODE_SECOND_SIGNAL = 130


async def serve(settings: Settings, names: Sequence[str]) -> None:
    """Run the roles until SIGINT or SIGTERM.

    While Postgres or Redis cannot be reached yet, wait for them: after a power cut everything
    starts at once.

    Raises:
        ConfigError: the settings are not fit to start with.
    """
    wanted = roles.chosen(names)
    settings.require(*roles.needed_settings(wanted))
    community = Community.from_toml(Path(settings.twinstream_config))
    stop = asyncio.Event()
    _stop_on_signals(stop)
    while not stop.is_set():
        try:
            async with open_parts(settings, community, stop) as parts:
                built = [await roles.build(name, parts) for name in wanted]
                await _run_all(built, stop)
        except (SchemaOutdated, BadRedisUrl) as error:
            raise ConfigError(str(error)) from error
        except (StorageUnavailable, BusError, NotYet) as error:
            log.warning("consumers.waiting", retry_s=RECONNECT_S, why=str(error))
            await pause(stop, RECONNECT_S)
    log.info("consumers.stopped")


async def _run_all(built: Sequence[Role], stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        for role in built:
            group.create_task(run(role, stop), name=role.name)


def _stop_on_signals(stop: asyncio.Event) -> None:
    """Finish what is under way at the first signal; leave at once at the second."""

    def asked() -> None:
        if stop.is_set():
            os._exit(EXIT_CODE_SECOND_SIGNAL)
        log.info("consumers.stopping")
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
