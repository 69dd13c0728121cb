"""The consumers process: reads the settings, runs the roles, and ends cleanly."""

import asyncio
import functools
import os
import signal
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path

import structlog
import uvloop

from bus import BadRedisUrl, BusError, ServerUnfit, address
from config import Community, ConfigError, Settings, heartbeat, metrics, set_up_logs_of
from config.outside_text import tell
from db import BadDatabaseUrl, Contention, DatabaseUnfit, StorageUnavailable, StoreUnfit
from db.release_number import RELEASE
from db.sessions.slots import Lease, SlotTaken, lease_slots

from . import community_figures, gauges, roles
from .resources import Resources, open_resources
from .runner import Backoff, RoleFailed, run, unless_stopped

log = structlog.get_logger("twinstream.consumers")

#: How long a step may go on after a stop was requested; supervisors mostly wait 10 s. A step that
#: is cancelled then loses nothing: its entries are delivered again.
STOP_GRACE_S = 5.0
EXIT_CODE_FAILED = 1
EXIT_CODE_UNFIT_SETTINGS = 2
EXIT_CODE_SECOND_SIGNAL = 130


def run_roles(names: Sequence[str]) -> None:
    """Run the roles that are named, or all, with the settings of the environment.

    Raises:
        SystemExit: a setting has to be corrected first, or a role failed; stderr says which.
    """
    try:
        settings = Settings.from_env(os.environ)
        set_up_logs_of(settings)
        uvloop.run(serve(settings, names))
    except ConfigError as error:
        tell(error)
        raise SystemExit(EXIT_CODE_UNFIT_SETTINGS) from None
    except RoleFailed as error:
        tell(f"{error}; the log above says where")
        raise SystemExit(EXIT_CODE_FAILED) from None


async def serve(settings: Settings, names: Sequence[str]) -> None:
    """Run the roles until SIGINT or SIGTERM.

    While Postgres or Redis cannot be reached yet, wait for them: after a power cut all servers
    start at once.

    Raises:
        ConfigError: the process cannot work with these settings.
        RoleFailed: a role ended by an unexpected error.
    """
    wanted = roles.chosen(names)
    settings.require(*roles.needed_settings(wanted))
    community = Community.from_toml(Path(settings.twinstream_config))
    stop = asyncio.Event()
    _stop_on_signals(stop)
    try:
        redis = address(settings.redis_url or "")
        log.info("consumers.started", release=RELEASE, roles=wanted, redis=redis)
        async with heartbeat(settings.twinstream_heartbeat_file):
            with metrics(settings):
                await _serve_until(stop, settings, community, wanted)
    except StoreUnfit as error:
        raise ConfigError(f"{settings.twinstream_config}: {error}") from error
    except (DatabaseUnfit, BadDatabaseUrl, BadRedisUrl) as error:
        raise ConfigError(str(error)) from error
    except ServerUnfit as error:
        raise ConfigError(
            f"Redis cannot serve as the bus ({error}): it must be Redis 7.0 or newer, or Valkey"
        ) from error
    log.info("consumers.stopped")


async def _serve_until(
    stop: asyncio.Event, settings: Settings, community: Community, names: Sequence[str]
) -> None:
    backoff = Backoff("consumers", stop)
    while not stop.is_set():
        try:
            async with AsyncExitStack() as stack:
                opening = stack.enter_async_context(
                    open_resources(settings, community, stop, has_relay="relay" in names)
                )
                resources = await unless_stopped(stop, opening)
                if resources is None:
                    continue
                leasing = stack.enter_async_context(_lease(settings, names))
                lease = await unless_stopped(stop, leasing)
                if lease is not None:
                    backoff.reset()
                    await _run_all(names, replace(resources, slots=lease.slots), lease)
        except SlotTaken as error:
            log.warning("slot.lost", why=str(error))
        except (BadRedisUrl, ServerUnfit):
            raise
        except (StorageUnavailable, Contention, BusError) as error:
            await backoff.wait(error)


def _lease(settings: Settings, names: Sequence[str]) -> AbstractAsyncContextManager[Lease]:
    """Lease a slot in each group of which a role is a consumer."""
    address, setting = settings.session_address()
    first = settings.twinstream_consumer_slot
    return lease_slots(address, roles.groups(names), first=first, setting=setting)


async def _run_all(names: Sequence[str], resources: Resources, lease: Lease) -> None:
    """Run the roles side by side until a stop; if one fails, end the others as well.

    Raises the first failure, which the runner logged, or SlotTaken.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(run(name, opening, resources.stop), name=name)
                for name, opening in roles.openings(names, resources).items()
            ]
            if resources.settings.twinstream_metrics_port is not None:
                opening = functools.partial(gauges.open_role, resources, has_relay="relay" in names)
                tasks.append(group.create_task(run("watch", opening, resources.stop), name="watch"))
                if "relay" in names:
                    counting = functools.partial(community_figures.open_role, resources)
                    work = run("count", counting, resources.stop)
                    tasks.append(group.create_task(work, name="count"))
            losing = group.create_task(lease.lost())
            await resources.stop.wait()
            losing.cancel()
            _, late = await asyncio.wait(tasks, timeout=STOP_GRACE_S)
            for task in late:
                log.warning("role.cut_off", role=task.get_name(), grace_s=STOP_GRACE_S)
                task.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _stop_on_signals(stop: asyncio.Event) -> None:
    """At the first signal let the roles finish their step; at the second exit at once."""

    def on_signal() -> None:
        if stop.is_set():
            os._exit(EXIT_CODE_SECOND_SIGNAL)
        log.info("stop.requested")
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
