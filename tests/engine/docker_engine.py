"""A Docker Engine in namespaces of its own: it sees no other engine, and no other one sees it."""

import asyncio
import contextlib
import shlex
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from launch.errors import LaunchError
from launch.waiting import until
from tests.engine import namespaces
from tests.engine.errors import EngineError
from tests.engine.namespaces import Namespaces
from tests.engine.terminal import Terminal, open_terminal

#: The engine's address in its own network, where containers reach the sandbox.
ADDRESS: Final = "172.17.0.1"
#: Where the engine sees the checkouts.
CHECKOUTS: Final = Path("/checkouts")
CGROUPS: Final = Path("/sys/fs/cgroup")
#: Seconds until the engine answers.
READY_TIMEOUT_S: Final = 60.0
#: Seconds between two looks that begin a process in the engine. More would take the processor from
#: those that they wait for.
LOOK_PAUSE_S: Final = 0.5
#: Folders of a root that no image needs.
LEFT_OUT: Final = (
    "proc",
    "sys",
    "dev",
    "var/lib/apt",
    "var/cache",
    "usr/share/doc",
    "usr/share/locale",
)

#: Runs as the first process of the namespaces: makes the root of the engine the only one, and
#: becomes the engine. The host's cgroups are there, as an engine needs them, below our own parent.
_BECOME_THE_ENGINE: Final = """
set -e
root=$1 checkouts=$2 data=$3 volumes=$4 parent=$5
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount --bind "$checkouts" checkouts
mount --bind "$data" var/lib/docker
mkdir var/lib/docker/volumes
mount --bind "$volumes" var/lib/docker/volumes
ip link set lo up
driver=vfs
cd var/lib/docker
mkdir -p try/lower try/upper try/work try/all
if mount -t overlay overlay -o lowerdir=try/lower,upperdir=try/upper,workdir=try/work try/all; then
    umount try/all
    driver=overlay2
fi
rm -r try
cd "$root"
pivot_root . old
umount -l /old
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \\
    tini -- dockerd --storage-driver="$driver" --cgroup-parent="$parent" --log-level=warn
"""


class DockerEngine(Namespaces):
    """A running engine. Commands run inside of its namespaces."""

    @contextlib.asynccontextmanager
    async def terminal(self, line: str, *, folder: Path) -> AsyncIterator[Terminal]:
        """Type a line for the shell at a terminal in the engine's namespaces."""
        # Compose draws what it does over and over at a terminal; plain lines can be read.
        plain = "export COMPOSE_PROGRESS=plain COMPOSE_ANSI=never BUILDKIT_PROGRESS=plain"
        script = f"{plain}; cd {shlex.quote(str(folder))}; {line}"
        async with open_terminal(line, [*self._enter(), "sh", "-c", script]) as terminal:
            try:
                yield terminal
            finally:
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(f"$ {line}\n{terminal.said}\n")

    async def bring(self, root: Path, tag: str, changes: Sequence[str]) -> None:
        """Make an image of a root under this tag."""
        left_out = [f"--exclude=./{folder}/*" for folder in LEFT_OUT]
        options = [word for change in changes for word in ("--change", change)]
        pack = shlex.join(["tar", "-C", str(root), *left_out, "-c", "."])
        take = shlex.join([*self._enter(), "docker", "import", *options, "-", tag])
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"set -o pipefail; {pack} | {take}"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise EngineError(f"{tag} could not be imported: {said.decode(errors='replace')}")

    async def derive(self, base_image: str, tag: str, instructions: Sequence[str]) -> None:
        """Make an image of another one, with these instructions of a Dockerfile, under this tag."""
        dockerfile = "\n".join([f"FROM {base_image}", *instructions, ""])
        await self.run("docker", "build", "--tag", tag, "-", stdin=dockerfile.encode())


@contextlib.asynccontextmanager
async def open_engine(
    root: Path, checkouts: Path, data: Path, volumes: Path, logs: Path
) -> AsyncIterator[DockerEngine]:
    """Start an engine on this root that keeps its data in folders; stop it when the block ends.

    Raises:
        EngineError: the engine did not start; the message has its log.
    """
    parent = data.parent.name
    log = logs / "dockerd.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *namespaces.DIES_WITH_US,
            *("unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"),
            *(
                "sh",
                "-c",
                _BECOME_THE_ENGINE,
                "sh",
                str(root),
                str(checkouts),
                str(data),
                str(volumes),
                f"/{parent}",
            ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield await _ready(process, logs / "commands.log", log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await namespaces.remove_cgroups(parent, below=CGROUPS)


async def _ready(process: asyncio.subprocess.Process, commands: Path, log: Path) -> DockerEngine:
    engine: DockerEngine | None = None

    async def answers() -> bool:
        nonlocal engine
        if process.returncode is not None:
            raise EngineError(f"the engine ended:\n{namespaces.last_lines(log)}")
        if (pid := namespaces.first_child(process.pid)) is None:
            return False
        engine = DockerEngine(pid, commands)
        return (await engine.run("docker", "version", may_fail=True)).code == 0

    try:
        await until(
            "an answer of the engine", answers, timeout_s=READY_TIMEOUT_S, pause_s=LOOK_PAUSE_S
        )
    except LaunchError as error:
        raise EngineError(f"{error}; its log:\n{namespaces.last_lines(log)}") from error
    assert engine is not None
    return engine
