"""Changes by hand that count: what a platform has and the ledger has not becomes an event."""

from datetime import UTC, datetime
from typing import Final

import asyncpg

import schemas
from consumers.reconcile.port import Repair
from db import IdempotencyConflict, RuleBroken
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.reconcile.compared_fields import FieldKind
from db.reconcile.drift import Finding

REASON: Final = "reconcile"


async def record_as_event(conn: asyncpg.Connection, finding: Finding) -> Repair:
    """Record a finding as an event of its platform, or say why that is not possible.

    The key is made of the pass and the finding, so the event is recorded once. The relay publishes
    it. The platform's own table is left as it is, because it has what the event brings.
    """
    what = finding.difference
    assert what.account_id is not None
    try:
        event = _event_of(finding, what.account_id)
        async with conn.transaction():
            [recorded] = await events.record_ours(
                conn,
                what.platform,
                [Envelope(event, schemas.encode(event))],
                is_left_to_relay=True,
            )
    except (RuleBroken, IdempotencyConflict, schemas.SchemaError) as error:
        return Repair("left", f"It cannot become an event, so it is left as it is: {error}.")
    key = recorded.idempotency_key
    if what.held_for == "history":
        why = f"It was accepted: it is an event now ({key}), which brings it to both platforms."
    else:
        why = f"Telegram is the source of truth: it is an event now ({key}), and Discord follows."
    return Repair("repaired", why, key)


def _event_of(finding: Finding, account_id: int) -> schemas.Event:
    what = finding.difference
    parts: schemas.EventParts = {
        "user_id": account_id,
        "source": what.platform,
        "reason": REASON,
        "entity_id": f"{finding.run_id}.{finding.id}",
        "occurred_at": datetime.now(UTC),
    }
    match what.field.kind:
        case FieldKind.XP:
            return schemas.xp_changed(delta_xp=what.amount or 0, **parts)
        case FieldKind.BALANCE:
            return schemas.balance_changed(delta_balance=what.amount or 0, **parts)
        case FieldKind.ACHIEVEMENT:
            return schemas.achievement_unlocked(achievement=what.field.name, **parts)
    raise AssertionError(f"no event says that {what.field.text} changed")
