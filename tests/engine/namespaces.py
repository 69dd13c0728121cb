"""Linux namespaces, so that nothing of the test is left on the machine, however it ends.

Mounts, networks and processes that are made in namespaces of their own are gone with the last
process in them, and each process here ends with the one that started it.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

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
#: The flag of unshare(2) for mounts, of <sched.h>.
CLONE_NEWNS: Final = 0x00020000
#: Bytes of memory that must be free to keep everything in it: it takes about five gigabytes.
MEMORY_BYTES_MIN: Final = 10 << 30
#: Lines of a failed program's output that its error repeats.
LINES_SHOWN: Final = 25


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
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise EngineError(f"mounts of our own: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


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
