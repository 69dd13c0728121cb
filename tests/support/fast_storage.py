"""A folder in memory for the files of tests, and databases without durability for them.

A run makes about a thousand databases. On a disk that costs more processor time than all tests
together: each database is some three hundred files, which the kernel writes in the background.
"""

import os
from pathlib import Path

import asyncpg
from redis.asyncio import Redis

from launch.postgres_schema import SEARCH_PATH

MEMORY = Path("/dev/shm")
#: Bytes that must be free in memory: the servers of two workers take about a fifth of it.
FREE_BYTES_MIN = 4 << 30

#: Nothing here has to outlive a power cut. Tests that kill a Postgres start one of their own, with
#: the settings of a deployment.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # A connection lives for one test and runs most statements a few times: Postgres would plan
    # each of them anew five times before it kept a plan. Tests of plans set another mode.
    "plan_cache_mode": "force_generic_plan",
    # A log of writes in memory is no place for a gigabyte of them.
    "max_wal_size": "128MB",
    # A database made from the template does not inherit what `migrate` set for the login in that.
    "search_path": SEARCH_PATH,
}


def folder_in_memory() -> Path | None:
    """Return a folder in memory with room for all files of the tests, or None."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    may_run_programs = not found.f_flag & os.ST_NOEXEC
    has_room = found.f_bavail * found.f_frsize >= FREE_BYTES_MIN
    return MEMORY if may_run_programs and has_room and os.access(MEMORY, os.W_OK) else None


async def make_fast(url: str) -> None:
    """Give the Postgres at this address settings that are only good for tests."""
    conn = await asyncpg.connect(url)
    try:
        for name, value in SETTINGS.items():
            quoted = value if name == "search_path" else f"'{value}'"
            await conn.execute(f"ALTER SYSTEM SET {name} = {quoted}")
        await conn.execute("SELECT pg_reload_conf()")
    finally:
        await conn.close()


async def make_punctual(url: str) -> None:
    """Let the Redis at this address end a blocking read when it should.

    It looks for reads whose time is over `hz` times a second, by default ten times: a read that is
    to wait 20 ms waits 100.
    """
    redis = Redis.from_url(url)
    try:
        await redis.config_set("hz", 200)
    finally:
        await redis.aclose()


async def make_database(postgres_url: str, name: str) -> str:
    """Copy the template, which `postgres_url` leads to, and return the address of the copy."""
    admin = await asyncpg.connect(in_database(postgres_url, "postgres"))
    try:
        await copy_template(admin, name)
    finally:
        await admin.close()
    return in_database(postgres_url, name)


async def copy_template(admin: asyncpg.Connection, name: str) -> None:
    """Copy the template into a new database."""
    # Copying files costs half the processor time of logging each page, which is the default from
    # Postgres 15 on. Postgres 14 copies files, and does not know the option.
    strategy = "STRATEGY file_copy" if admin.get_server_version().major > 14 else ""
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template {strategy}')


async def drop_database(postgres_url: str, name: str) -> None:
    """Drop a database, whoever is connected."""
    admin = await asyncpg.connect(in_database(postgres_url, "postgres"))
    try:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


def in_database(postgres_url: str, name: str) -> str:
    """Return the address of a database beside the template. Pure."""
    return postgres_url.replace("/template", f"/{name}")
