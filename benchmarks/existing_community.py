"""An existing community: members, their books, and a ledger, made by SQL.

On an empty database Postgres would plan for empty tables, and keep those plans as the tables grow.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import asyncpg

from db.ledger.ranks import RankRow, set_ranks

#: A prime, so that consecutive numbers belong to different members, in no order.
STRIDE: Final = 7_919
#: Events of the history have numbers above this one, so that their keys are unique.
BEFORE: Final = 1_000_000_000_000
EVENTS_KEPT: Final = 50_000

#: The ladder of the consumers' twinstream.toml, so that no rank changes when they start.
RUNGS: Final = (RankRow("Newcomer", 10),)

# Members with books on both platforms, and a ledger in no order of members, as in production.
COMMUNITY: Final = """
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';
ALTER TABLE transactions DROP CONSTRAINT transaction_once;
DROP INDEX transactions_by_account, transactions_with_achievement;
INSERT INTO members (xp) SELECT 1000 FROM generate_series(1, {members});
INSERT INTO accounts (platform, account_id, member_id)
    SELECT p, m, m FROM generate_series(1, {members}) AS m,
        unnest(ARRAY['telegram', 'discord']) AS p;
INSERT INTO sync_state (member_id, platform, xp, rank)
    SELECT member_id, platform, 1000, rank_of(1000) FROM accounts;
INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp,
        reason, entity_id, occurred_at, created_at)
    SELECT 'tg_game_guess_' || e.member || '_' || e.number, p, 'telegram', 'xp.changed', e.member,
        1 + e.number % 7, 'game_guess', e.number::text, now() - interval '1 day',
        now() - interval '1 day'
    FROM (
        SELECT {before} + number AS number, 1 + (number::bigint * {stride}) % {members} AS member
        FROM generate_series(1, {rows} / 2) AS number
    ) AS e, unnest(ARRAY['telegram', 'discord']) AS p;
INSERT INTO sync_events (idempotency_key, source, type, account_id, payload, status, published_at,
        processed_by, processed_at)
    SELECT idempotency_key, source, type, account_id, repeat('x', 180), 'completed', now(),
        'discord', now()
    FROM transactions WHERE platform = 'telegram' ORDER BY id DESC LIMIT {events};
ALTER TABLE transactions ADD CONSTRAINT transaction_once UNIQUE (idempotency_key, platform);
CREATE INDEX transactions_by_account ON transactions (account_id, id);
CREATE INDEX transactions_with_achievement ON transactions (account_id, achievement)
    WHERE achievement IS NOT NULL;
RESET session_replication_role;
"""


class Size(NamedTuple):
    """The size of the community."""

    members: int
    ledger_rows: int

    @property
    def arrived(self) -> int:
        """The number of ledger rows of the platform where events are applied."""
        return self.ledger_rows // 2

    @property
    def events(self) -> int:
        """The number of completed events; unlike the ledger, old ones have been deleted."""
        return min(self.arrived, EVENTS_KEPT)

    @property
    def name(self) -> str:
        """The size in words."""
        return f"{self.members:,} members, {self.ledger_rows:,} ledger rows"


async def make(database_url: str, size: Size, rungs: Sequence[RankRow] = RUNGS) -> None:
    """Fill an empty database. Every member has 1,000 XP on both sides."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        await set_ranks(pool, rungs)
        async with pool.acquire() as conn:
            await conn.execute(
                COMMUNITY.format(
                    members=size.members,
                    rows=size.ledger_rows,
                    events=size.events,
                    stride=STRIDE,
                    before=BEFORE,
                )
            )
            await conn.execute("VACUUM ANALYZE")
            await conn.execute("CHECKPOINT")
