"""The demo's chapter about reconcile: somebody changes the books by hand, and it is found."""

import asyncio
import sys
from collections.abc import Mapping

import asyncpg

from .errors import LaunchError

XP_ADDED = 500
#: What the operator's command exits with when the pass came to its end.
ENDED = (0, 1)

_CHANGE = """
    UPDATE sync_state AS s SET xp = s.xp + $2
    FROM accounts AS a
    WHERE a.member_id = s.member_id AND a.platform = s.platform
        AND s.platform = 'discord' AND a.account_id = $1
"""


async def change_discords_books(pool: asyncpg.Pool, account_id: int) -> None:
    """Give a member XP on Discord that nobody earned, as anybody with psql could."""
    await pool.execute(_CHANGE, account_id, XP_ADDED)


async def reconcile_now(environment: Mapping[str, str], account_id: int) -> None:
    """Ask for a pass over one member, as an operator does.

    Raises:
        LaunchError: the pass did not come to its end; says what the command said.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "consumers", "reconcile", "--now", "--member", f"discord:{account_id}"),
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode not in ENDED:
        raise LaunchError(f"`reconcile --now` failed: {output.decode(errors='replace')}")


async def last_explanation(pool: asyncpg.Pool) -> tuple[str, str]:
    """Return what was decided about the newest finding, and why."""
    row = await pool.fetchrow("SELECT decision, why FROM drift ORDER BY id DESC LIMIT 1")
    if row is None:
        raise LaunchError("the pass did not find what was changed by hand")
    return row["decision"], row["why"]
