"""Notices: each is sent until it arrived or was refused, and none stops the notices behind it."""

import asyncio

import asyncpg
import pytest
from structlog.testing import capture_logs

from bots.features.notices import notifier
from bots.features.notices.notifier import ATTEMPTS_MAX, Notifier
from bots.runtime.database import Database
from bots.runtime.delivery import PerhapsSent
from tests.support.bot_texts import ENGLISH
from tests.support.log_lines import told, until_logged

ANN, BEN = 1001, 1002


@pytest.fixture(autouse=True)
async def notices(pool: asyncpg.Pool) -> None:
    """One notice each for Ann and Ben; Ann's is the older one."""
    await pool.execute(
        """
        INSERT INTO notices (platform, account_id, kind, created_at)
        VALUES ('telegram', $1, 'code_void', now() - interval '1 minute'),
            ('telegram', $2, 'code_void', now())
        """,
        ANN,
        BEN,
    )


async def waiting(pool: asyncpg.Pool) -> list[int]:
    rows = await pool.fetch("SELECT account_id FROM notices ORDER BY account_id")
    return [row["account_id"] for row in rows]


async def test_a_mistake_with_one_notice_costs_no_other(pool: asyncpg.Pool):
    told = []

    async def send(account_id: int, text: str) -> None:
        if account_id == ANN:
            raise ZeroDivisionError
        told.append(account_id)

    assert await Notifier(Database(pool, "telegram"), ENGLISH, send).step() == 1

    assert told == [BEN]
    assert await waiting(pool) == [ANN]
    assert await pool.fetchval("SELECT taken_until > now() FROM notices")


async def test_a_notice_is_given_up_after_so_many_attempts(pool: asyncpg.Pool):
    tried = []

    async def send(account_id: int, text: str) -> None:
        if account_id == ANN:
            tried.append(account_id)
            raise PerhapsSent("no answer")

    notifier = Notifier(Database(pool, "telegram"), ENGLISH, send)
    for _ in range(ATTEMPTS_MAX + 2):
        await notifier.step()
        await pool.execute("UPDATE notices SET taken_until = NULL")

    assert len(tried) == ATTEMPTS_MAX
    assert await waiting(pool) == []


async def test_an_outage_and_its_end_are_told_once(pool: asyncpg.Pool, monkeypatch):
    monkeypatch.setattr(notifier, "INTERVAL_S", 0.001)

    async def send(account_id: int, text: str) -> None: ...

    await pool.execute("ALTER TABLE notices RENAME TO elsewhere")
    with capture_logs() as logs:
        notifying = asyncio.create_task(Notifier(Database(pool, "telegram"), ENGLISH, send).run())
        await until_logged(logs, "notices.delayed", times=5)
        await pool.execute("ALTER TABLE elsewhere RENAME TO notices")
        await until_logged(logs, "notices.resumed")
        notifying.cancel()

    assert told(logs) == ["notices.delayed", "notice.sent", "notice.sent", "notices.resumed"]
