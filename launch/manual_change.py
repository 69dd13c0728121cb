"""The demo's chapter about reconcile: the books are changed by hand, and reconcile finds it."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping

import asyncpg

from db import Platform
from db.errors import mapped_errors

from .errors import LaunchError

XP_ADDED = 500
#: Exit codes of `reconcile --now` after a completed pass: nothing to do, or findings remain.
COMPLETED = (0, 1)

_CHANGE = """
    UPDATE twinstream.sync_state AS s SET xp = s.xp + $3
    FROM twinstream.accounts AS a
    WHERE a.member_id = s.member_id AND a.platform = s.platform
        AND s.platform = $1 AND a.account_id = $2
"""


async def change_books(
    pool: asyncpg.Pool, platform: Platform, account_id: int, xp: int = XP_ADDED
) -> None:
    """Add XP to a member's books of one platform without an event, as anyone with psql could.

    Raises:
        LaunchError: the member has no books there.
    """
    with mapped_errors():
        if await pool.execute(_CHANGE, platform, account_id, xp) != "UPDATE 1":
            raise LaunchError(f"there are no books of {platform}:{account_id} to change")


async def reconcile_now(environment: Mapping[str, str], account_id: int) -> None:
    """Run a reconcile pass over one member with the operator's command.

    Raises:
        LaunchError: the pass did not complete; the message holds the command's output.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "consumers", "reconcile", "--now", "--member", f"discord:{account_id}"),
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.returncode not in COMPLETED:
        raise LaunchError(f"a pass of reconcile failed: {output.decode(errors='replace')}")


async def last_explanation(pool: asyncpg.Pool) -> tuple[str, str]:
    """Return the decision about the newest finding, and its reason."""
    row = await pool.fetchrow("SELECT decision, why FROM twinstream.drift ORDER BY id DESC LIMIT 1")
    if row is None:
        raise LaunchError("the pass did not find the manual change")
    return row["decision"], row["why"]
