"""The audit of links finds what links must not do to the ledger."""

from collections.abc import Callable, Coroutine
from typing import Any

import asyncpg
import pytest

import schemas
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.links import links
from simulation.expectations import Expectations
from simulation.link_audit import link_breaches
from simulation.postgres import RealPostgres
from tests.support.settling import NOON

TELEGRAM, DISCORD = 1, 101
BONUS_XP = 7
BOTH: dict[str, Any] = {"telegram_account_id": TELEGRAM, "discord_account_id": DISCORD}


async def earn(conn: asyncpg.Connection, source: Any, amount: int) -> None:
    event = schemas.xp_changed(
        user_id=TELEGRAM if source == "telegram" else DISCORD,
        delta_xp=amount,
        source=source,
        reason="game",
        entity_id=f"{amount}",
        occurred_at=NOON,
    )
    envelope = Envelope(event, schemas.encode(event))
    await events.record(conn, source, [envelope])
    await events.settle(conn, schemas.opposite(source), source, [envelope])


async def history(conn: asyncpg.Connection) -> None:
    """A link by a policy, ended and then undone; one with debts of one account; one that lasts."""
    await earn(conn, "telegram", 10)
    await earn(conn, "discord", 4)
    made = await links.link(conn, **BOTH, policy="telegram")
    await links.unlink(conn, platform="telegram", account_id=TELEGRAM)
    await earn(conn, "telegram", -9)
    await links.undo(conn, made.id)
    made = await links.link(conn, **BOTH)
    await earn(conn, "telegram", -3)
    await links.undo(conn, made.id)
    await earn(conn, "telegram", 1)
    await links.link(conn, **BOTH, policy="max", links_max=9)


@pytest.fixture
def found(real_postgres: RealPostgres) -> Callable[..., list[str]]:
    """Carry out the history and some harm; returns the breaches."""

    def find(*harm: str, expected: Expectations | None = None) -> list[str]:
        real_postgres.reset()
        backend = real_postgres.lend()

        def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
            real_postgres.begin(backend, work)
            real_postgres.result(backend)

        run(lambda: backend.conn.execute("BEGIN"))
        run(lambda: history(backend.conn))
        run(lambda: backend.conn.execute("COMMIT"))
        real_postgres.take_back(backend)
        for statement in harm:
            real_postgres.execute(
                f"BEGIN; SET LOCAL session_replication_role = replica; {statement}; COMMIT"
            )
        return list(link_breaches(real_postgres, expected or Expectations(), BONUS_XP))

    return find


def test_a_history_of_links_passes(found):
    assert found() == []


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        (
            "UPDATE transactions SET delta_xp = -3 WHERE idempotency_key LIKE 'link:1:policy%'",
            "move",
        ),
        (
            "UPDATE transactions SET delta_xp = 3 WHERE idempotency_key LIKE 'link:1:undo:dis%'",
            "move",
        ),
        ("DELETE FROM transactions WHERE idempotency_key = 'link:2:undo:discord:xp'", "lacks"),
        (
            "DELETE FROM transactions WHERE idempotency_key LIKE 'link:3:%' AND platform <> source",
            "stands in",
        ),
        ("DELETE FROM transactions WHERE idempotency_key LIKE 'link:1:undo:%'", "gave back"),
        ("UPDATE transactions SET account_id = 9 WHERE idempotency_key LIKE 'link:3:%'", "concern"),
        ("UPDATE links SET unlinked_at = linked_at WHERE id = 3", "linked are"),
    ],
)
def test_harm_to_links_is_found(found, harm: str, finding: str):
    assert any(finding in breach for breach in found(harm))


def test_a_bonus_that_is_paid_again_after_a_link_is_found(found):
    pay = """
        INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp,
            reason, entity_id, occurred_at)
        SELECT 'bonus of ' || a.platform, p.platform, a.platform, 'xp.changed', a.account_id, 7,
            'achievement_bonus', 'lucky', now()
        FROM (VALUES ('telegram', 1), ('discord', 101)) AS a (platform, account_id),
            (VALUES ('telegram'), ('discord')) AS p (platform)
    """
    linked_later = "UPDATE simulation.links_made SET last_entry = 1000"
    assert found(pay, linked_later) == []
    assert any("paid one again" in breach for breach in found(pay))


def test_an_answer_that_was_not_kept_is_found(found):
    expected = Expectations()
    expected.links.made[1] = (TELEGRAM, DISCORD, "telegram")
    expected.links.undone.add(1)
    assert found(expected=expected) == []

    expected.links.made[9] = (TELEGRAM, DISCORD, "sum")
    expected.links.redeemed[TELEGRAM, 102] += 1
    expected.links.unlinked.add(3)
    assert len(found(expected=expected)) == 3
