"""How what a platform has and the ledger has not becomes an event, which the other one follows."""

from datetime import UTC, datetime
from typing import Final

import asyncpg

import schemas
from consumers.reconcile.port import Finding, Repair
from db import Fact, IdempotencyConflict, RuleBroken
from db.ledger import events

REASON: Final = "reconcile"


async def tell(conn: asyncpg.Connection, finding: Finding) -> Repair:
    """Record what was seen as an event of its platform's, or say why that is not possible.

    Its key is made of the pass and the finding, so it is recorded once. The relay publishes it. The
    platform's own table is left as it is, because it has what the event brings.
    """
    assert finding.account_id is not None
    try:
        event = _event(finding, finding.account_id)
        async with conn.transaction():
            [recorded] = await events.record(
                conn, finding.platform, [Fact(event, schemas.encode(event))]
            )
    except (RuleBroken, IdempotencyConflict, schemas.SchemaError) as error:
        return Repair("left", f"It cannot become an event, so it is left as it is: {error}.")
    key = recorded.idempotency_key
    if finding.held_for == "history":
        why = f"It was accepted: it is an event now ({key}), which brings it to both platforms."
    else:
        why = f"Telegram is the source of truth: it is an event now ({key}), and Discord follows."
    return Repair("repaired", why, key)


def _event(finding: Finding, account_id: int) -> schemas.Event:
    parts: schemas.EventParts = {
        "user_id": account_id,
        "source": finding.platform,
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
