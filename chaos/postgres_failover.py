"""A standby of Postgres that takes the primary's place, without losing a commit.

Replication is synchronous before the primary goes, so a commit that was answered is on both. An
asynchronous standby would lose the last ones, with everything they say (docs/reliability.md).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Final

import asyncpg

from launch import private_files
from launch.servers import PASSWORD, SUPERUSER, Server, postgres_tool

from .deployment import Deployment, port_of
from .errors import ChaosError

SYNC_S_MAX: Final = 30.0
PROMOTED_S_MAX: Final = 60.0
POLL_S: Final = 0.05
_REPLICATION_RULE: Final = "host replication all 127.0.0.1/32 scram-sha-256\n"
_IS_SYNCHRONOUS: Final = """
    SELECT coalesce(bool_or(sync_state = 'sync' AND flush_lsn >= pg_current_wal_flush_lsn()), false)
    FROM pg_stat_replication
"""


async def start_standby(deployment: Deployment) -> tuple[Server, Path]:
    """Copy the primary, and start the copy as its synchronous standby.

    Raises:
        ChaosError: it could not be copied, or did not follow its primary in time.
    """
    primary = deployment.postgres
    folder = deployment.new_postgres_folder()
    rules = deployment.postgres_folder / "data" / "pg_hba.conf"
    if _REPLICATION_RULE not in rules.read_text():
        with rules.open("a") as file:
            file.write(_REPLICATION_RULE)
        async with deployment.conn() as conn:
            await conn.execute("SELECT pg_reload_conf()")
    await asyncio.to_thread(_copy, primary, deployment.postgres_folder, folder)
    standby = await deployment.start_postgres_in(folder)
    try:
        async with deployment.conn() as conn, asyncio.timeout(SYNC_S_MAX):
            await conn.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            await conn.execute("SELECT pg_reload_conf()")
            while not await conn.fetchval(_IS_SYNCHRONOUS):  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        standby.kill()
        raise ChaosError("the standby did not follow its primary in time") from error
    return standby, folder


async def make_read_only(server: Server) -> None:
    """Make a primary refuse to write in every transaction that begins from now on."""
    conn = await asyncpg.connect(server.url)
    try:
        await conn.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await conn.execute("SELECT pg_reload_conf()")
    finally:
        await conn.close()


async def promote(standby: Server) -> None:
    """Make a standby a primary, and return once it is one.

    Raises:
        ChaosError: it was not promoted in time.
    """
    conn = await asyncpg.connect(standby.url)
    try:
        # A standby may cancel a query for what it still replays, but not the promotion.
        with contextlib.suppress(asyncpg.SerializationError):
            await conn.execute("SELECT pg_promote(wait => false)")
        async with asyncio.timeout(PROMOTED_S_MAX):
            while await _is_standby(conn):  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise ChaosError("the standby was not promoted in time") from error
    finally:
        await conn.close()


async def _is_standby(conn: asyncpg.Connection) -> bool:
    try:
        return bool(await conn.fetchval("SELECT pg_is_in_recovery()"))
    except asyncpg.SerializationError:
        return True


def end_at_once(server: Server) -> None:
    """Kill every process of a server: a commit that waits for its standby is never answered."""
    os.killpg(server.pid, signal.SIGKILL)
    server.kill()


def _copy(primary: Server, from_folder: Path, folder: Path) -> None:
    password = private_files.read_password(from_folder / PASSWORD) or ""
    private_files.make_folder(folder)
    done = subprocess.run(
        [
            *(str(postgres_tool("pg_basebackup")), "-D", str(folder / "data"), "-R", "-c", "fast"),
            *("-d", f"host=127.0.0.1 port={port_of(primary)} user={SUPERUSER} password={password}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ChaosError(f"Postgres could not be copied: {done.stderr.strip()}")
    private_files.write(folder / PASSWORD, password.encode())
