"""A Debian server with systemd as its first process, in namespaces of its own.

systemd and the daemons that it starts see their own processes, mounts and cgroups, and lack the
capabilities that would reach further than that: nothing of the machine's own changes. The network
is the test's own, so that it outlasts a reboot.
"""

import asyncio
import contextlib
import shlex
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from launch.errors import LaunchError
from launch.waiting import until
from tests.engine import namespaces
from tests.engine.errors import EngineError
from tests.engine.namespaces import Done, Namespaces

#: The person who types the commands of the pages: not root, but in the group `sudo`.
ADMINISTRATOR: Final = "admin"
#: The server's own address, where the sandbox stands in for the platforms.
ADDRESS: Final = "127.0.0.1"
HOSTNAME: Final = "server"
#: Seconds until systemd has started everything, and until it has stopped everything.
BOOTED_TIMEOUT_S: Final = 120.0
DOWN_TIMEOUT_S: Final = 120.0
#: Seconds for one command of a page. Installing the packages takes longest.
COMMAND_TIMEOUT_S: Final = 300.0
#: The answer of `systemctl is-system-running` once the system has come up.
BOOTED: Final = "running"
#: Capabilities by which a process would change the machine itself: its clock, its kernel, its log.
WITHHELD: Final = (
    "sys_time",
    "sys_module",
    "sys_rawio",
    "sys_boot",
    "syslog",
    "audit_control",
    "audit_read",
    "wake_alarm",
)

NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})

#: Runs outside of the namespaces: joins a cgroup, which becomes the top of what systemd sees.
_JOIN_A_CGROUP: Final = """
set -e
cgroups=$1 name=$2
shift 2
mkdir -p "$cgroups"
mountpoint --quiet "$cgroups" || mount -t cgroup2 cgroup2 "$cgroups"
mkdir -p "$cgroups/$name"
echo $$ > "$cgroups/$name/cgroup.procs"
exec "$@"
"""
#: Runs as the first process of the namespaces: makes the root of the server the only one, with
#: kernel interfaces that cannot be written to and a `/dev` of its own, and becomes systemd. Mounts
#: are shared, as systemd expects of a container: credentials are mounted in one of its children.
_BECOME_SYSTEMD: Final = """
set -e
root=$1 withheld=$2
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mkdir -p old
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for name in 0:stdin 1:stdout 2:stderr; do ln -s /proc/self/fd/${name%:*} dev/${name#*:}; done
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=namespaces \\
    setpriv --bounding-set "$withheld" /sbin/init
"""


class DebianServer(Namespaces):
    """A server that boots, runs and is booted again."""

    def __init__(self, root: Path, work: Path, logs: Path) -> None:
        super().__init__(0, logs / "commands.log")
        #: Its files, as the machine sees them.
        self.root = root
        self._cgroups = work / "cgroups"
        self._name = work.name
        self._boot_log = logs / "systemd.log"
        self._process: asyncio.subprocess.Process | None = None

    async def boot(self) -> None:
        """Start systemd, and wait until it has started everything else.

        Raises:
            EngineError: a unit failed, or it did not boot in time; the message says what.
        """
        with self._boot_log.open("ab") as output:
            self._process = process = await asyncio.create_subprocess_exec(
                *namespaces.DIES_WITH_US,
                *("sh", "-c", _JOIN_A_CGROUP, "sh", str(self._cgroups), self._name),
                *("unshare", "--mount", "--pid", "--ipc", "--uts", "--cgroup"),
                *("--fork", "--kill-child"),
                *("sh", "-c", _BECOME_SYSTEMD, "sh", str(self.root)),
                ",".join(f"-{one}" for one in WITHHELD),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        said = "nothing"

        async def booted() -> bool:
            nonlocal said
            if process.returncode is not None:
                raise EngineError(f"systemd ended:\n{namespaces.last_lines(self._boot_log)}")
            pid = namespaces.first_child(process.pid)
            if pid is None or not _is_systemd(pid):  # until then the root is the machine's own
                return False
            self.pid = pid
            said = (await self.run("systemctl", "is-system-running", may_fail=True)).output.strip()
            if said == "degraded":
                failed = await self.run("systemctl", "list-units", "--failed", "--no-legend")
                raise EngineError(f"units failed as the server booted:\n{failed.output}")
            return said == BOOTED

        try:
            await until("the boot of the server", booted, timeout_s=BOOTED_TIMEOUT_S)
        except LaunchError as error:
            log = namespaces.last_lines(self._boot_log)
            raise EngineError(f"{error}; systemd said {said!r}; its log:\n{log}") from error

    async def reboot(self) -> None:
        """Have systemd stop everything, and boot again.

        Raises:
            EngineError: it did not end, or did not boot.
        """
        assert self._process is not None
        await self.run("systemctl", "reboot", may_fail=True)
        try:
            async with asyncio.timeout(DOWN_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            raise EngineError("systemd did not end when it was told to reboot") from None
        await self.boot()

    async def kill(self) -> None:
        """End everything at once, and remove the cgroups."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            await namespaces.remove_cgroups(self._name, below=self._cgroups)

    async def type(
        self,
        text: str,
        *,
        folder: Path = Path("/"),
        answers: str = "",
        variables: Mapping[str, str] = NO_VARIABLES,
        may_fail: bool = False,
    ) -> Done:
        """Have the administrator type a text at the prompt of a shell in this folder.

        Raises:
            EngineError: the last command of it failed, or it did not end in time.
        """
        exported = "".join(
            f"export {name}={shlex.quote(value)}; " for name, value in variables.items()
        )
        script = f"{exported}cd {shlex.quote(str(folder))} || exit\n{text}"
        return await self.run(
            *("su", "--login", ADMINISTRATOR, "--command", script),
            stdin=answers.encode(),
            may_fail=may_fail,
            timeout_s=COMMAND_TIMEOUT_S,
        )


@contextlib.asynccontextmanager
async def open_server(root: Path, work: Path, logs: Path) -> AsyncIterator[DebianServer]:
    """Boot the server of this root, which it changes, and kill it when the block ends.

    Raises:
        EngineError: it did not boot; the message says why.
    """
    _prepare(root)
    server = DebianServer(root, work, logs)
    try:
        await server.boot()
        yield server
    finally:
        await server.kill()


def _prepare(root: Path) -> None:
    """Give the server a name, and no console to log in at."""
    (root / "etc/hostname").write_text(f"{HOSTNAME}\n", encoding="utf-8")
    (root / "etc/hosts").write_text(f"{ADDRESS} localhost {HOSTNAME}\n", encoding="utf-8")
    (root / "etc/systemd/system/console-getty.service").symlink_to("/dev/null")


def _is_systemd(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name == "systemd"
    except OSError:
        return False
