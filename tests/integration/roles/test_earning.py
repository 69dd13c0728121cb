"""Earning with the rights of a bot."""

import datetime
from datetime import UTC

from db.earning import Earning, Rules, windows


async def test_a_bot_closes_windows_of_the_other_platform_for_its_member(pool, logins):
    """The bot of Telegram may record nothing for Discord, and asks for its member all the same."""
    rules = Rules(window_s=3_600, zone=UTC)
    now = datetime.datetime.now(UTC)
    await pool.execute("SELECT twinstream.link_accounts(1001, 2001)")
    async with pool.acquire() as conn:
        await conn.execute(f"SET SESSION AUTHORIZATION {logins['discord_bot']}")
        theirs = Earning(2001, "messages", 10, now - datetime.timedelta(hours=1), 60, 600)
        [earned] = await windows.earn(conn, "discord", [theirs], rules)
        assert earned is not None
        assert earned.xp == 10
        await conn.execute("RESET SESSION AUTHORIZATION")
        await conn.execute(f"SET SESSION AUTHORIZATION {logins['telegram_bot']}")
        assert await windows.close_of(conn, "telegram", 1001)
        await conn.execute("RESET SESSION AUTHORIZATION")

    sources = await pool.fetch("SELECT source, account_id, status FROM sync_events")
    assert [tuple(row) for row in sources] == [("discord", 2001, "pending")]
