"""Corrections of the books to the sums of the ledger: by signed amounts, never by writing a total.

Each function works on one member whom the caller has locked with `lock_member`. No other
transaction can enter anything for that member meanwhile, so what the caller read under the lock
still holds.
"""

import asyncpg

from ..errors import mapped_errors
from ..ledger.entries import LedgerRow
from ..platforms import Platform
from ..surfaces import RECONCILE, wishes

#: In their order, and before the member, as every transaction that enters something does.
_LOCK_ACCOUNTS = """
    SELECT FROM twinstream.accounts WHERE member_id = $1 ORDER BY platform, account_id FOR UPDATE
"""
#: The mark of a wish of reconcile, in place of an event's key.
_WANTED_KEY = "reconcile"


async def lock_member(
    conn: asyncpg.Connection, member_id: int, *, paying: Platform | None = None
) -> bool:
    """Lock a member against every other change until the transaction ends. False: no such member.

    With `paying`, no process pays the debts to the member's row of that platform's own table
    meanwhile, either.
    """
    with mapped_errors():
        await conn.execute(_LOCK_ACCOUNTS, member_id)
        locked: int | None = await conn.fetchval(
            "SELECT 1 FROM twinstream.members WHERE id = $1 FOR UPDATE", member_id
        )
        # An account may have been linked to the member while this transaction waited.
        await conn.execute(_LOCK_ACCOUNTS, member_id)
        if paying is not None:
            await conn.execute(
                "SELECT 1 FROM twinstream.store_debts WHERE member_id = $1"
                " AND platform = $2 FOR UPDATE",
                member_id,
                paying,
            )
    return locked is not None


async def add_to_books(
    conn: asyncpg.Connection, platform: Platform, member_id: int, *, xp: int = 0, balance: int = 0
) -> None:
    """Add signed amounts to a member's books; the rank and the rank to show follow.

    Missing books are made, holding these amounts. An amount may exceed a bigint as long as the
    result does not.
    """
    with mapped_errors():
        changed = await conn.fetchval(
            """
            UPDATE twinstream.sync_state AS s SET
                xp = (s.xp + $3::numeric)::bigint,
                balance = (s.balance + $4::numeric)::bigint,
                rank = twinstream.rank_of((s.xp + $3::numeric)::bigint),
                version = s.version + 1, updated_at = now()
            WHERE s.member_id = $1 AND s.platform = $2
            RETURNING 1
            """,
            member_id,
            platform,
            xp,
            balance,
        )
        if changed is None:
            await conn.execute(
                "INSERT INTO twinstream.sync_state (member_id, platform, xp, balance, rank)"
                " VALUES ($1, $2, $3, $4, twinstream.rank_of($3))",
                member_id,
                platform,
                xp,
                balance,
            )
    await want_rank(conn, platform, member_id)


async def add_to_discord_part(
    conn: asyncpg.Connection, platform: Platform, member_id: int, *, xp: int = 0, balance: int = 0
) -> None:
    """Add signed amounts to the part of a member's books that the Discord account earned."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.sync_state SET
                discord_xp = (discord_xp + $3::numeric)::bigint,
                discord_balance = (discord_balance + $4::numeric)::bigint,
                version = version + 1, updated_at = now()
            WHERE member_id = $1 AND platform = $2
            """,
            member_id,
            platform,
            xp,
            balance,
        )


async def want_rank(conn: asyncpg.Connection, platform: Platform, member_id: int) -> None:
    """Derive the rank from XP, and the rank to show from the rank."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.sync_state
                SET rank = twinstream.rank_of(xp), version = version + 1, updated_at = now()
            WHERE member_id = $1 AND platform = $2 AND rank <> twinstream.rank_of(xp)
            """,
            member_id,
            platform,
        )
        await wishes.want_rank(
            conn, platform, member_id, wanted_key=_WANTED_KEY, priority=RECONCILE
        )


async def add_to_totals(
    conn: asyncpg.Connection, member_id: int, *, xp: int = 0, balance: int = 0
) -> None:
    """Add signed amounts to a member's settled totals.

    Raises:
        InsufficientFunds: a total would go below zero.
    """
    with mapped_errors():
        await conn.execute(
            "UPDATE twinstream.members SET xp = xp + $2, balance = balance + $3 WHERE id = $1",
            member_id,
            xp,
            balance,
        )


async def restore_achievement(
    conn: asyncpg.Connection, platform: Platform, member_id: int, achievement: str
) -> None:
    """Put an achievement that the ledger has back into the books."""
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO twinstream.achievements (member_id, platform, achievement, unlocked_at)
            SELECT a.member_id, t.platform, t.achievement, min(t.occurred_at)
            FROM twinstream.accounts AS a
            JOIN twinstream.transactions AS t
                ON t.source = a.platform AND t.account_id = a.account_id
            WHERE a.member_id = $1 AND t.platform = $2 AND t.achievement = $3
            GROUP BY a.member_id, t.platform, t.achievement
            ON CONFLICT ON CONSTRAINT achievement_once DO NOTHING
            """,
            member_id,
            platform,
            achievement,
        )
    await _want_achievement(conn, platform, member_id, achievement, is_held=True)


async def remove_achievement(
    conn: asyncpg.Connection, platform: Platform, member_id: int, achievement: str
) -> None:
    """Take an achievement that no event ever brought out of the books."""
    with mapped_errors():
        await conn.execute(
            "DELETE FROM twinstream.achievements"
            " WHERE (member_id, platform, achievement) = ($1, $2, $3)",
            member_id,
            platform,
            achievement,
        )
    await _want_achievement(conn, platform, member_id, achievement, is_held=False)


async def _want_achievement(
    conn: asyncpg.Connection, platform: Platform, member_id: int, achievement: str, *, is_held: bool
) -> None:
    await wishes.want_achievement(
        conn,
        platform,
        member_id,
        achievement,
        is_held=is_held,
        wanted_key=_WANTED_KEY,
        priority=RECONCILE,
    )


async def origin_row(conn: asyncpg.Connection, idempotency_key: str) -> LedgerRow | None:
    """Return an event's ledger row at its origin."""
    with mapped_errors():
        row = await conn.fetchrow(
            f"SELECT {', '.join(LedgerRow._fields)} FROM twinstream.transactions"  # noqa: S608 - the ledger's own columns
            " WHERE idempotency_key = $1 AND platform = source",
            idempotency_key,
        )
    return None if row is None else LedgerRow(**row)


async def send_again(conn: asyncpg.Connection, row: LedgerRow, payload: bytes) -> None:
    """Make a completed event pending again, so that the relay publishes it once more.

    `payload` is made of its ledger row, because the event's own was kept until it was completed.
    """
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO twinstream.sync_events
                AS e (idempotency_key, source, type, account_id, payload)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT ON CONSTRAINT sync_event_once DO UPDATE SET
                status = 'pending', published_at = NULL, processed_by = NULL, processed_at = NULL,
                payload = excluded.payload
            WHERE e.status = 'completed'
            """,
            row.idempotency_key,
            row.source,
            row.type,
            row.account_id,
            payload.decode(),
        )
