"""Linux namespaces, so that nothing of the test is left on the machine, however it ends.

Mounts, networks and processes that are made in namespaces of their own are gone with the last
process in them, and each process here ends with the one that started it.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from launch.errors import LaunchError
from launch.waiting import until
from tests.engine.errors import EngineError, MachineUnfit

#: The programs by which namespaces are made and entered; util-linux and coreutils bring them.
PROGRAMS: Final = ("unshare", "nsenter", "setpriv", "mount", "chroot", "tar")
#: A command after this prefix gets SIGKILL when the thread that started it ends.
DIES_WITH_US: Final = ("setpriv", "--pdeathsig", "KILL", "--")
#: Mounts are private, and the processes that a command leaves behind are killed at its end.
_BUILDING: Final = (
    *DIES_WITH_US,
    *("unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--"),
)
PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
#: The flags of unshare(2) for mounts and for the network, of <sched.h>.
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWNET: Final = 0x40000000
#: Bytes of memory that must be free to keep everything in it: it takes about five gigabytes.
MEMORY_BYTES_MIN: Final = 10 << 30
#: Lines of a failed program's output that its error repeats.
LINES_SHOWN: Final = 25
#: Seconds for one command inside. Building an image is the longest.
COMMAND_TIMEOUT_S: Final = 900.0


class Done(NamedTuple):
    """A command that ended."""

    code: int
    output: str


class Namespaces:
    """The namespaces of a process that runs. Commands run inside of them."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self._log = log

    async def run(
        self,
        *command: str,
        folder: Path = Path("/"),
        may_fail: bool = False,
        stdin: bytes | None = None,
        timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> Done:
        """Run a command in the namespaces.

        Raises:
            EngineError: the command failed, or did not end in time.
        """
        inside = shlex.join(command)
        process = await asyncio.create_subprocess_exec(
            *self._enter(),
            *("sh", "-c", f"cd {shlex.quote(str(folder))} && exec {inside}"),
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(timeout_s):
                said, _ = await process.communicate(stdin)
        except TimeoutError:
            raise EngineError(f"`{inside}` did not end within {timeout_s:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        output = said.decode(errors="replace")
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ {inside}\n{output}[{process.returncode}]\n")
        if process.returncode and not may_fail:
            shown = "\n".join(output.splitlines()[-LINES_SHOWN:])
            raise EngineError(f"`{inside}` ended with {process.returncode}:\n{shown}")
        return Done(process.returncode, output)

    def _enter(self) -> list[str]:
        """Return the words before a command by which it runs in the namespaces."""
        namespaces_of = ("--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup", "--root")
        clean = ("env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8")
        return [*DIES_WITH_US, "nsenter", f"--target={self.pid}", *namespaces_of, "--", *clean]


def check() -> None:
    """Prove that this machine lets us make namespaces.

    Raises:
        MachineUnfit: it does not; the message says why.
    """
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MachineUnfit(f"this machine allows no namespaces: {done.stderr.strip()}")


async def build(command: Sequence[str], *, log: Path, environment: dict[str, str]) -> None:
    """Run a command of the host in mounts of its own.

    Raises:
        EngineError: the command failed; the message has the end of its output.
    """
    await _run([*_BUILDING, *command], log=log, environment=environment)


async def build_in(root: Path, command: str, *, log: Path, environment: dict[str, str]) -> None:
    """Run a shell command in this root, with a `/proc`; the host's network is there.

    Raises:
        EngineError: the command failed; the message has the end of its output.
    """
    enter = 'mount -t proc proc "$1/proc" && exec chroot "$1" sh -c "$2"'
    arguments = ("sh", "-c", enter, "sh", str(root), command)
    await _run(
        [*_BUILDING, *arguments],
        log=log,
        environment={"HOME": "/root", **environment, "PATH": PATH},
    )


def own_mounts() -> None:
    """Give this process, and all that it starts, mounts that no other process sees.

    Raises:
        EngineError: the kernel refuses.
    """
    _unshare(CLONE_NEWNS, "mounts")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def own_network() -> None:
    """Give this thread, and all that it starts, a network without a way out.

    Raises:
        EngineError: the kernel refuses.
    """
    _unshare(CLONE_NEWNET, "a network")


def _unshare(flag: int, what: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flag):
        raise EngineError(f"{what} of our own: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def in_memory(folder: Path) -> Iterator[None]:
    """Keep what is in a folder in memory, if there is room. Nothing has to be removed then."""
    available = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text("ascii"))
    if available is None or int(available[1]) << 10 < MEMORY_BYTES_MIN:
        yield
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def enter_network(pid: int) -> None:
    """Move this thread, and all that it starts from now on, to the network of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open("rb") as network:
        if libc.setns(network.fileno(), 0):
            raise EngineError(f"entering the engine's network: {os.strerror(ctypes.get_errno())}")


def first_child(pid: int) -> int | None:
    """Return the process that is the first one of its namespaces; `unshare` is its parent."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(children[0]) if children else None


async def remove_cgroups(name: str, *, below: Path) -> None:
    """Remove the cgroups of this name and what is in them; one that is not empty is tried again."""

    async def removed() -> bool:
        return _removed_cgroups(name, below)

    with contextlib.suppress(LaunchError):
        await until(f"the removal of the cgroups {name}", removed, timeout_s=10.0)


def _removed_cgroups(name: str, below: Path) -> bool:
    """Remove those that are empty, and tell whether none is left."""
    found = [path for path in below.rglob(name) if path.is_dir()]
    for top in found:
        folders = [path for path in top.rglob("*") if path.is_dir()]
        for path in [*sorted(folders, reverse=True), top]:
            with contextlib.suppress(OSError):
                path.rmdir()
    return not any(top.exists() for top in found)


async def _run(command: Sequence[str], *, log: Path, environment: dict[str, str]) -> None:
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        try:
            code = await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    if code:
        raise EngineError(f"`{' '.join(command[-2:])[:200]}` ended with {code}:\n{last_lines(log)}")


def last_lines(log: Path) -> str:
    """Return the end of a log, for an error."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LINES_SHOWN:])
