"""Errors that are expected while something is away: a look or a deed that meets one is repeated."""

import aiohttp
import asyncpg

from bus import BusError
from db import DbError
from launch.errors import LaunchError

__all__ = ["FAILURES"]

FAILURES = (
    LaunchError,
    DbError,
    BusError,
    aiohttp.ClientError,
    asyncpg.InterfaceError,
    asyncpg.PostgresError,
    OSError,
    TimeoutError,
)
