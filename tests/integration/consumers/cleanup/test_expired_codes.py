"""Expired codes and old counts of wrong ones are deleted; live ones stay."""

from consumers.cleanup.role import Cleanup
from consumers.runtime.resources import Resources
from db.links import offers


async def test_codes_and_counts_that_ended_are_deleted(resources: Resources):
    pool = resources.pool
    async with pool.acquire() as conn:
        for account_id in (1001, 1002):
            await conn.execute("SELECT issue_code('telegram', $1, 'move')", account_id)
            await offers.open_offer(conn, "telegram", account_id, "WRONGCODE1")
    await pool.execute(
        "UPDATE link_codes SET expires_at = now() - interval '2 hours' WHERE account_id = 1001"
    )
    await pool.execute(
        "UPDATE link_attempts SET window_ends_at = now() - interval '2 hours'"
        " WHERE account_id = 1001"
    )

    assert await Cleanup(resources).step() >= 2

    for table in ("link_codes", "link_attempts"):
        left = await pool.fetch(f"SELECT account_id FROM {table}")
        assert [account_id for (account_id,) in left] == [1002]
