"""The rows of bots' own tables when accounts change hands: what each row lacks is owed to it.

A row belongs to an account, and holds the books of the account's member less the debt. A link or an
unlink changes the member and not the row, so the debt becomes the difference. The role that pays
debts brings the row up to it within seconds.
"""

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from ..platforms import Platform

#: By platform, what the row of each account holds: XP and balance.
Held = Mapping[Platform, Mapping[int, tuple[int, int]]]


async def held(
    conn: asyncpg.Connection, stores: Collection[Platform], member_ids: Sequence[int]
) -> Held:
    """Return what the rows of these members' accounts hold, and lock their debts.

    `stores` are the platforms whose bot has such a table. The caller has locked the accounts.
    """
    found: dict[Platform, Mapping[int, tuple[int, int]]] = {}
    for platform in stores:
        # A payment under way commits first; then its debt is gone.
        await conn.execute(
            """
            SELECT FROM twinstream.store_debts
            WHERE platform = $1 AND member_id = ANY ($2::bigint[])
            ORDER BY member_id
            FOR UPDATE
            """,
            platform,
            list(member_ids),
        )
        rows = await conn.fetch(
            """
            SELECT a.account_id, coalesce(s.xp, 0) - coalesce(d.xp, 0) AS xp,
                coalesce(s.balance, 0) - coalesce(d.balance, 0) AS balance
            FROM twinstream.accounts AS a
            LEFT JOIN twinstream.sync_state AS s USING (member_id, platform)
            LEFT JOIN twinstream.store_debts AS d USING (member_id, platform)
            WHERE a.platform = $1 AND a.member_id = ANY ($2::bigint[])
            """,
            platform,
            list(member_ids),
        )
        found[platform] = {account_id: (xp, balance) for account_id, xp, balance in rows}
    return found


async def owe_the_rest(conn: asyncpg.Connection, rows: Held, member_ids: Sequence[int]) -> None:
    """Owe these members what their books have and the row of their account does not hold.

    An account without a row, and a member without an account on the platform, are owed all.
    """
    for platform, amounts in rows.items():
        await conn.execute(
            """
            INSERT INTO twinstream.store_debts (member_id, platform, xp, balance)
            SELECT m.id, $1, coalesce(s.xp, 0) - coalesce(h.xp, 0),
                coalesce(s.balance, 0) - coalesce(h.balance, 0)
            FROM unnest($2::bigint[]) AS m (id)
            LEFT JOIN twinstream.sync_state AS s ON s.member_id = m.id AND s.platform = $1
            LEFT JOIN twinstream.accounts AS a ON a.member_id = m.id AND a.platform = $1
            LEFT JOIN unnest($3::bigint[], $4::bigint[], $5::bigint[])
                AS h (account_id, xp, balance) ON h.account_id = a.account_id
            ORDER BY m.id
            ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
                xp = excluded.xp, balance = excluded.balance, updated_at = now(),
                attempts = 0, retry_at = NULL, error = NULL
            """,
            platform,
            sorted(set(member_ids)),
            list(amounts),
            [xp for xp, _ in amounts.values()],
            [balance for _, balance in amounts.values()],
        )
        await conn.execute(
            """
            DELETE FROM twinstream.store_debts
            WHERE platform = $1 AND member_id = ANY ($2::bigint[]) AND xp = 0 AND balance = 0
            """,
            platform,
            sorted(set(member_ids)),
        )
