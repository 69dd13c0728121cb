"""How a change that people made on Telegram becomes an event, which Discord follows."""

from datetime import UTC, datetime
from typing import Final

import asyncpg

import schemas
from db import Fact, IdempotencyConflict, RuleBroken, events

from .subjects import Finding, Repair

REASON: Final = "reconcile"


async def tell(conn: asyncpg.Connection, finding: Finding) -> Repair:
    """Record what was seen as an event of Telegram's, or say why that is not possible.

    Its key is made of the pass and the finding, so it is recorded once. The relay publishes it.
    """
    assert finding.account_id is not None
    try:
        event = _event(finding, finding.account_id)
        async with conn.transaction():
            [recorded] = await events.record(conn, "telegram", [Fact(event, schemas.encode(event))])
    except (RuleBroken, IdempotencyConflict, schemas.SchemaError) as error:
        return Repair("left", f"It cannot become an event, so it is left as it is: {error}.")
    return Repair(
        "repaired",
        f"Telegram is the source of truth: it is an event now ({recorded.idempotency_key}), and"
        " Discord follows.",
        recorded.idempotency_key,
    )


def _event(finding: Finding, account_id: int) -> schemas.Event:
    parts: schemas.EventParts = {
        "user_id": account_id,
        "source": "telegram",
        "reason": REASON,
        "entity_id": f"{finding.run_id}.{finding.finding_id}",
        "occurred_at": datetime.now(UTC),
    }
    if finding.field == "xp":
        return schemas.xp_changed(delta_xp=finding.difference or 0, **parts)
    if finding.field == "balance":
        return schemas.balance_changed(delta_balance=finding.difference or 0, **parts)
    name = finding.field.removeprefix("achievement:")
    return schemas.achievement_unlocked(achievement=name, **parts)
