"""A bot's process: its settings, logs, metrics port, signals and exit codes."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import uvloop

from config import Community, ConfigError, Settings, heartbeat, metrics, set_up_logs_of
from config.outside_text import tell
from db.release_number import RELEASE
from schemas import Source

from .errors import Refused, Stopped
from .supervisor import Supervisor

log = structlog.get_logger("twinstream.bots")

EXIT_STOPPED = 0
EXIT_REFUSED = 2
EXIT_SECOND_SIGNAL = 130
#: Added to the configured metrics port, which the consumers use themselves, so that all three
#: processes can share one host and one setting.
METRICS_PORT_OFFSETS: dict[Source, int] = {"telegram": 1, "discord": 2}

Serve = Callable[[Settings, Community, Supervisor], Awaitable[None]]


def run(load: Callable[[], Serve], *, platform: Source) -> int:
    """Run the bot that `load` imports until SIGINT or SIGTERM; return the exit code.

    2 means that a setting has to be corrected first; the last line of output names it. With
    --version it prints the release and does nothing else.
    """
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"twinstream {RELEASE}\n")
        return EXIT_STOPPED
    try:
        settings = Settings.from_env(os.environ)
        set_up_logs_of(settings)
        settings.require(f"{platform}_token", "database_url", "redis_url")
        community = Community.from_toml(Path(settings.twinstream_config))
        log.info("process.started", release=RELEASE, platform=platform)
    except ConfigError as error:
        tell(error)
        return EXIT_REFUSED
    try:
        with metrics(settings, offset=METRICS_PORT_OFFSETS[platform]):
            uvloop.run(_serve_until_stopped(load(), settings, community))
    except ConfigError as error:
        tell(error)
        return EXIT_REFUSED
    except Refused as error:
        log.error("bot.refused", platform=platform, why=str(error))
        return EXIT_REFUSED
    log.info("bot.stopped", platform=platform)
    return EXIT_STOPPED


async def _serve_until_stopped(serve: Serve, settings: Settings, community: Community) -> None:
    supervisor = Supervisor(asyncio.Event())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop_or_exit, supervisor.stop)
    is_healthy = supervisor.health.is_healthy
    async with heartbeat(settings.twinstream_heartbeat_file, is_healthy=is_healthy):
        with contextlib.suppress(Stopped):
            await serve(settings, community, supervisor)


def _stop_or_exit(stop: asyncio.Event) -> None:
    """Finish the work in progress at the first signal; exit at once at the second."""
    if stop.is_set():
        os._exit(EXIT_SECOND_SIGNAL)
    stop.set()
