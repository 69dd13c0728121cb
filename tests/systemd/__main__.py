"""`python -m tests.systemd [PHASE ...]`, which `make systemd-test` calls.

Installs a copy of this checkout on a Debian server with systemd, by the commands of the pages: exit
code 0 if every phase went well, or if this machine cannot run it, with the reason.
"""

import asyncio
import contextlib
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from launch.errors import LaunchError
from launch.sandbox_client import SandboxClient
from tests.engine import namespaces
from tests.engine.__main__ import (
    EXIT_CODE_FAILED,
    EXIT_CODE_UNKNOWN_PHASE,
    Places,
    check_machine,
    copy_checkout,
    open_places,
    tell,
)
from tests.engine.errors import EngineError, MachineUnfit
from tests.engine.sandbox_process import open_sandbox
from tests.systemd.debian_server import ADDRESS, open_server
from tests.systemd.page_walk import WALKED, Administrator, of_a_server
from tests.systemd.phases import INSTALLING, PHASES
from tests.systemd.server_root import ServerRoots
from tests.systemd.world import UNITS, World


def main(
    phases: Annotated[
        list[str] | None,
        typer.Argument(help=f"Some of {', '.join(PHASES)}; without any, all."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the Debian system here, and use it the next time.")
    ] = None,
) -> None:
    """Install this checkout on a Debian server with systemd, as the pages say, and try it."""
    if unknown := set(phases or ()) - set(PHASES):
        tell(f"no phase {', '.join(sorted(unknown))}; there are: {', '.join(PHASES)}")
        raise SystemExit(EXIT_CODE_UNKNOWN_PHASE)
    chosen = [name for name in PHASES if not phases or name in phases or name == INSTALLING]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_machine()
        namespaces.own_mounts()
        with open_places(folder) as places:
            is_passed = asyncio.run(_passes(places, chosen))
    except MachineUnfit as reason:
        tell(f"skipped: {reason}")
        return
    except KeyboardInterrupt:
        tell("stopped before the end")
        raise SystemExit(EXIT_CODE_FAILED) from None
    if not is_passed:
        raise SystemExit(EXIT_CODE_FAILED)


async def _passes(places: Places, chosen: list[str]) -> bool:
    try:
        await _run(places, chosen)
    except (EngineError, LaunchError) as error:
        tell(f"FAILED: {error}")
        return False
    return True


async def _run(places: Places, chosen: list[str]) -> None:
    began = time.monotonic()

    def say(text: str) -> None:
        tell(f"[{time.monotonic() - began:4.0f} s] {text}")

    say("making the Debian system of the server")
    checkout = places.checkouts / "this"
    copy_checkout(checkout)
    commands = [one.command for page in WALKED for one in of_a_server(page)]
    roots = ServerRoots(places.roots, places.logs / "roots.log")
    root = places.checkouts / "server"
    await roots.copy_server(root, checkout / "requirements.txt", commands)
    namespaces.own_network()
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(open_server(root, places.data.parent, places.logs))
        say("systemd runs, as the first process of a server")
        log = places.logs / "sandbox.log"
        endpoints = await stack.enter_async_context(open_sandbox(checkout, log, address=ADDRESS))
        client = await stack.enter_async_context(SandboxClient(endpoints.control_url))
        world = World(server, checkout, endpoints, client, Administrator(server), say)
        await world.prepare()
        for name in chosen:
            since = time.monotonic()
            say(f"{name}: {PHASES[name].__doc__}")
            try:
                await PHASES[name](world)
            except (EngineError, LaunchError) as error:
                for unit in UNITS:  # into commands.log, for whoever reads why
                    await world.journal(unit)
                raise EngineError(f"in phase {name}: {error}") from error
            say(f"{name}: done in {time.monotonic() - since:.0f} s")
    say(f"passed: {', '.join(chosen)}")


if __name__ == "__main__":
    typer.run(main)
