"""Notices: each is sent or shown at its owner's next command, once, and none stops the others."""

import asyncio

import asyncpg
import pytest
from structlog.testing import capture_logs

from bots.features.command import Asker
from bots.features.notices import notifier
from bots.features.notices.notifier import ATTEMPTS_MAX, Notifier
from bots.features.notices.unsent import SHOWN_MAX, UnsentNotices
from bots.runtime.database import Database
from bots.runtime.delivery import PerhapsSent, Unwanted
from bots.texts.buttons import PressButton, Rows
from tests.support.bot_texts import ENGLISH, TELEGRAM
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


def notifier_of(pool: asyncpg.Pool, send: notifier.Send) -> Notifier:
    return Notifier(Database(pool, "telegram"), 7, ENGLISH, TELEGRAM, send)


async def waiting(pool: asyncpg.Pool) -> list[int]:
    rows = await pool.fetch("SELECT account_id FROM notices ORDER BY account_id")
    return [row["account_id"] for row in rows]


async def test_a_mistake_with_one_notice_costs_no_other(pool: asyncpg.Pool):
    told = []

    async def send(account_id: int, text: str, buttons: Rows) -> None:
        if account_id == ANN:
            raise ZeroDivisionError
        told.append(account_id)

    assert await notifier_of(pool, send).step() == 1

    assert told == [BEN]
    assert await waiting(pool) == [ANN]
    assert await pool.fetchval("SELECT taken_until > now() FROM notices")


async def test_a_notice_that_cannot_be_written_costs_no_other(pool: asyncpg.Pool):
    await pool.execute(
        "UPDATE notices SET kind = 'linked', details = $2 WHERE account_id = $1",
        ANN,
        '{"platform": "another planet"}',
    )
    told = []

    async def send(account_id: int, text: str, buttons: Rows) -> None:
        told.append(account_id)

    assert await notifier_of(pool, send).step() == 1
    assert told == [BEN]


async def test_a_notice_is_left_to_its_owners_next_command_after_so_many_attempts(
    pool: asyncpg.Pool,
):
    tried = []

    async def send(account_id: int, text: str, buttons: Rows) -> None:
        if account_id == ANN:
            tried.append(account_id)
            raise PerhapsSent("no answer")

    sending = notifier_of(pool, send)
    for _ in range(ATTEMPTS_MAX + 2):
        await sending.step()
        await pool.execute("UPDATE notices SET taken_until = NULL")

    assert len(tried) == ATTEMPTS_MAX
    assert await pool.fetch("SELECT account_id FROM notices WHERE refused_at IS NULL") == []
    assert await waiting(pool) == [ANN]


async def refuse(account_id: int, text: str, buttons: Rows) -> None:
    raise Unwanted("blocked")


class Seen:
    """An answer that the platform has shown."""

    async def replace(self, answer: object) -> bool:
        return True


async def test_a_refused_notice_is_shown_beside_a_command_until_it_was_seen(pool: asyncpg.Pool):
    assert await notifier_of(pool, refuse).step() == 2
    assert await notifier_of(pool, refuse).step() == 0
    unsent = UnsentNotices(Database(pool, "telegram"), 7, TELEGRAM)
    ann = Asker(ANN, "Ann", ENGLISH)

    [not_seen] = await unsent.answers(ann)
    assert await unsent.answers(ann) == []  # the first command has it
    await pool.execute("UPDATE notices SET taken_until = now() - interval '1 s'")
    [seen] = await unsent.answers(ann)
    assert seen.text == not_seen.text
    assert seen.on_sent is not None
    with capture_logs() as logs:
        seen.on_sent(Seen())
        await until_logged(logs, "notice.shown")
    await pool.execute("UPDATE notices SET taken_until = NULL")

    assert await unsent.answers(ann) == []
    assert await waiting(pool) == [BEN]


async def test_a_notice_that_can_be_sent_is_shown_beside_no_command(pool: asyncpg.Pool):
    unsent = UnsentNotices(Database(pool, "telegram"), 7, TELEGRAM)

    assert await unsent.answers(Asker(ANN, "Ann", ENGLISH)) == []


async def test_a_few_notices_are_shown_at_once(pool: asyncpg.Pool):
    await pool.execute("DELETE FROM notices")
    await pool.execute(
        """
        INSERT INTO notices (platform, account_id, kind, subject, details, refused_at)
        SELECT 'telegram', $1, 'linked', n::text,
            '{"platform": "discord", "account_id": 7, "by": "member", "link_id": 3}', now()
        FROM generate_series(1, 9) AS n
        """,
        ANN,
    )
    unsent = UnsentNotices(Database(pool, "telegram"), 7, TELEGRAM)

    answers = await unsent.answers(Asker(ANN, "Ann", ENGLISH))

    assert len(answers) == SHOWN_MAX
    assert answers[0].text.startswith("Your account was linked with <code>7</code> on Discord")
    [[button]] = answers[0].buttons
    assert isinstance(button, PressButton)
    assert (button.action, button.value) == ("undo_link", "3")


async def test_an_outage_and_its_end_are_told_once(pool: asyncpg.Pool, monkeypatch):
    monkeypatch.setattr(notifier, "INTERVAL_S", 0.001)

    async def send(account_id: int, text: str, buttons: Rows) -> None: ...

    await pool.execute("ALTER TABLE notices RENAME TO elsewhere")
    with capture_logs() as logs:
        notifying = asyncio.create_task(notifier_of(pool, send).run())
        await until_logged(logs, "notices.delayed", times=5)
        await pool.execute("ALTER TABLE elsewhere RENAME TO notices")
        await until_logged(logs, "notices.resumed")
        notifying.cancel()

    assert told(logs) == ["notices.delayed", "notice.sent", "notice.sent", "notices.resumed"]
