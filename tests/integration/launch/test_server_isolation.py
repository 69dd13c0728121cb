"""Embedded servers are isolated: another user of this machine can do nothing to them."""

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from bus import connect
from launch import privileges
from launch.processes import Crew, Module
from launch.servers import PASSWORD, Server, start_postgres, start_redis

#: A user id without an account.
STRANGER = 54_321
NO_CAPABILITY = f"{0:016x}"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, so that only the modes of its content deny access."""
    with tempfile.TemporaryDirectory(prefix="twinstream-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_user(uid: int, act: Callable[[], object]) -> str:
    """Call `act` in a process of another user. Returns the result, or the error's name."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.environ["HOME"] = "/"  # asyncpg reads more settings from there
            result = repr(act())
        except BaseException as error:  # noqa: BLE001 - the child must not return into pytest
            result = type(error).__name__
        os.write(writing, result.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return result


def without_password(url: str) -> str:
    """Return the address without its password."""
    there = urlsplit(url)
    user = f"{there.username}@" if there.username else ""
    return there._replace(netloc=f"{user}{there.hostname}:{there.port}").geturl()


def password_in(url: str) -> str:
    found = urlsplit(url).password
    assert found
    return found


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def family(server: Server) -> list[psutil.Process]:
    parent = psutil.Process(server.pid)
    return [parent, *parent.children(recursive=True)]


def statuses(server: Server) -> list[dict[str, str]]:
    """The status of the server and of its children; a worker that ends meanwhile is left out."""
    found = [status(server.pid)]
    for process in family(server)[1:]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(status(process.pid))
    return found


async def answer_of_postgres(url: str) -> object:
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetchval("SELECT 42")
    finally:
        await conn.close()


def answer_of_redis(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64)


async def test_postgres_admits_only_clients_with_the_password(postgres: Server) -> None:
    assert await answer_of_postgres(postgres.url) == 42
    for url in (
        without_password(postgres.url),
        postgres.url.replace(password_in(postgres.url), "postgres"),
    ):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await answer_of_postgres(url)


def test_redis_answers_only_clients_with_the_password(redis_server: Server) -> None:
    port = urlsplit(redis_server.url).port
    assert port

    assert answer_of_redis(port).startswith(b"-NOAUTH")
    assert password_in(redis_server.url)


def test_each_folder_has_a_password_of_its_own(tmp_path: Path) -> None:
    with start_redis(tmp_path / "one") as one, start_redis(tmp_path / "two") as two:
        assert password_in(one.url) != password_in(two.url)


@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_the_password_stays_over_a_restart_in_a_file_of_the_owner_alone(
    start: Callable[[Path], Server], tmp_path: Path
) -> None:
    folder = tmp_path / "server"
    with start(folder) as server:
        before = password_in(server.url)
    with start(folder) as server:
        assert password_in(server.url) == before

    assert (folder / PASSWORD).read_text() == before
    assert (folder / PASSWORD).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "data").stat().st_mode & 0o777 == 0o700


def test_no_process_shows_a_password_in_its_arguments(
    postgres: Server, redis_server: Server
) -> None:
    secrets = [password_in(server.url) for server in (postgres, redis_server)]

    for process in psutil.process_iter(["cmdline"]):
        shown = " ".join(process.info["cmdline"] or [])
        assert not any(secret in shown for secret in secrets), process


def test_no_log_of_a_server_holds_its_password(postgres: Server, redis_server: Server) -> None:
    for server in (postgres, redis_server):
        assert password_in(server.url) not in server.log.read_text()


@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_a_server_knows_nothing_of_our_environment(
    start: Callable[[Path], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "42:SECRET")
    with start(tmp_path) as server:
        assert b"SECRET" not in Path(f"/proc/{server.pid}/environ").read_bytes()
        for process in family(server)[1:]:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                assert b"SECRET" not in Path(f"/proc/{process.pid}/environ").read_bytes()


@as_root
def test_another_user_reaches_neither_the_files_nor_the_servers(
    open_folder: Path, postgres: Server, redis_server: Server
) -> None:
    port = urlsplit(redis_server.url).port or 0
    url = without_password(postgres.url)
    with start_postgres(open_folder / "postgres"), start_redis(open_folder / "redis"):
        for name in ("postgres", "redis"):
            folder = open_folder / name
            for path in (folder / PASSWORD, folder / f"{name}.log"):
                assert as_user(STRANGER, path.read_bytes) == "PermissionError"
            for path in (folder, folder / "data"):
                names = partial(os.listdir, path)
                assert as_user(STRANGER, names) == "PermissionError"

    assert as_user(STRANGER, lambda: asyncio.run(answer_of_postgres(url))) == (
        "InvalidPasswordError"
    )
    assert "NOAUTH" in as_user(STRANGER, lambda: answer_of_redis(port))
    for server in (postgres, redis_server):
        for process in family(server):
            told = as_user(STRANGER, partial(os.kill, process.pid, 0))
            assert told == "PermissionError" or (
                told == "ProcessLookupError" and not process.is_running()
            )


@as_root
def test_another_user_reads_no_secret_of_our_own_processes(tmp_path: Path) -> None:
    crew = Crew(
        {**os.environ, "TELEGRAM_TOKEN": "42:SECRET"},
        roster=tmp_path / "processes.json",
        log_folder=tmp_path / "logs",
    )
    process = crew.start(Module("served", "http.server", ("--bind", "127.0.0.1", "0")))
    try:
        about = Path(f"/proc/{process.pid}")
        assert as_user(STRANGER, (about / "environ").read_bytes) == "PermissionError"
        assert "SECRET" not in as_user(STRANGER, (about / "cmdline").read_bytes)
        assert "SECRET" not in (tmp_path / "processes.json").read_text()
    finally:
        crew.stop()


def test_root_is_told_that_bots_and_consumers_stay_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "the bots and the consumers run as root" in (privileges.notice() or "")

    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    assert privileges.notice() is None


@as_root
@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_a_server_of_root_is_not_root_and_has_no_capability(
    start: Callable[[Path], Server], tmp_path: Path
) -> None:
    with start(tmp_path) as server:
        for found in statuses(server):
            assert found["NoNewPrivs"] == "1"
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert found[kind] == NO_CAPABILITY, kind
            assert found["Groups"] == ""
            uids = set(found["Uid"].split())
            assert len(uids) == 1
            with pytest.raises(
                KeyError
            ):  # the processes of an account could read the server's memory
                pwd.getpwuid(int(uids.pop()))


@as_root
async def test_a_program_that_postgres_runs_cannot_write_where_only_root_may(
    open_folder: Path,
) -> None:
    private, open_ = open_folder / "private", open_folder / "open"
    private.write_text("root's")
    private.chmod(0o600)
    open_.touch()
    open_.chmod(0o666)
    with start_postgres(open_folder / "postgres") as server:
        conn = await asyncpg.connect(server.url)
        try:
            with pytest.raises(asyncpg.PostgresError):
                await conn.execute(f"COPY (SELECT 1) TO PROGRAM 'cat > {private}'")
            await conn.execute(f"COPY (SELECT 1) TO PROGRAM 'cat /proc/self/status > {open_}'")
        finally:
            await conn.close()

    assert private.read_text() == "root's"
    assert f"CapEff:\t{NO_CAPABILITY}" in open_.read_text()
    assert "NoNewPrivs:\t1" in open_.read_text()


@as_root
@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_root_runs_the_server_of_an_ordinary_users_folder_as_that_user(
    start: Callable[[Path], Server], tmp_path: Path
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    os.chown(folder, STRANGER, STRANGER)
    with start(folder) as server:
        uids = {uid for found in statuses(server) for uid in found["Uid"].split()}

    assert uids == {str(STRANGER)}
    for path in (folder, folder / PASSWORD, folder / "data"):
        assert path.stat().st_uid == STRANGER


async def test_data_that_an_earlier_version_left_open_stays_and_is_closed(tmp_path: Path) -> None:
    folder, data = tmp_path / "postgres", tmp_path / "postgres" / "data"
    with start_postgres(folder) as server:
        conn = await asyncpg.connect(server.url)
        await conn.execute("CREATE TABLE earned AS SELECT 42 AS xp")
        await conn.execute("ALTER ROLE postgres PASSWORD NULL")
        await conn.close()
    (folder / PASSWORD).unlink()
    folder.chmod(0o755)
    (data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        privileges.give(data, privileges.User(nobody.pw_uid, nobody.pw_gid))

    with start_postgres(folder) as server:
        conn = await asyncpg.connect(server.url)
        assert await conn.fetchval("SELECT xp FROM earned") == 42
        await conn.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await answer_of_postgres(without_password(server.url))


async def test_streams_that_an_earlier_version_kept_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    with start_redis(folder) as server:
        client = connect(server.url, name="test")
        await client.set("kept", "42")
        await client.aclose()
    for entry in (folder / "data").iterdir():
        shutil.move(entry, folder / entry.name)
    (folder / "data").rmdir()
    (folder / PASSWORD).unlink()

    with start_redis(folder) as server:
        client = connect(server.url, name="test")
        assert await client.get("kept") == b"42"
        await client.aclose()


def test_an_unfinished_data_folder_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18\n")

    with start_postgres(tmp_path) as server:
        assert server.is_running()


@as_root
async def test_the_server_of_an_earlier_version_that_still_runs_is_stopped_first(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "postgres"
    left = start_postgres(folder)
    (folder / PASSWORD).unlink()

    with start_postgres(folder) as server:
        assert not left.is_running()
        assert await answer_of_postgres(server.url) == 42


@as_root
def test_another_users_process_is_not_stopped_though_it_has_the_number(open_folder: Path) -> None:
    sleep = shutil.which("sleep")
    assert sleep is not None
    postgres = open_folder / "postgres"
    shutil.copy(sleep, postgres)
    postgres.chmod(0o755)
    process = subprocess.Popen([postgres, "60"], user=STRANGER, group=STRANGER)
    try:
        data = open_folder / "server" / "data"
        with start_postgres(data.parent):
            pass
        (data / "postmaster.pid").write_text(f"{process.pid}\n")
        with start_postgres(data.parent):
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
