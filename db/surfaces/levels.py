"""Levels that are news: the surface `level`, which only announcements show.

A level is a function of XP, so nothing records that one was reached. Each member keeps the XP at
which the next level is news (`members.level_due_xp`), and an index holds the members who have it.
The role that looks there decides by the level that a member has now: five levels at once are one
piece of news, and a level that was lost and reached again is none.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import asyncpg

from ..errors import mapped_errors
from . import LEVEL, wishes

#: `level_due_xp` where no higher level exists: the largest amount.
NEVER: Final = 2**63 - 1
#: Ledger entries of an account among which the one is looked for that reached the level. A level
#: takes fewer, unless nobody has looked for long.
ENTRIES_MAX: Final = 1_000
#: Age in hours of that entry beyond which the level is no news any more.
NEWS_HOURS: Final = 24


class Due(NamedTuple):
    """A member who has the XP of a level that is not noted yet."""

    member_id: int
    xp: int
    due_xp: int
    is_news: bool
    """Whether the member earned it just now, in place of an import, a repair or a link."""


class Noted(NamedTuple):
    """The level of a member, and when to look again."""

    member_id: int
    level: int
    due_xp: int
    next_due_xp: int
    is_news: bool


async def due(conn: asyncpg.Connection, *, first_level_xp: int, limit: int) -> list[Due]:
    """Return up to `limit` members who have a level that is not noted yet."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT m.id, m.xp, m.level_due_xp, coalesce((
                -- The newest entry by which the member came to the XP that was waited for. What
                -- accounts earned before they were linked, parted or moved is no news of theirs.
                SELECT s.created_at > now() - make_interval(hours => $4)
                    AND s.reason <> 'reconcile'
                    AND NOT starts_with(s.idempotency_key, 'import:')
                    AND NOT starts_with(s.idempotency_key, 'link:')
                FROM (
                    SELECT t.*, m.xp - sum(t.delta_xp) OVER (ORDER BY t.id DESC) AS before
                    FROM twinstream.accounts AS a
                    CROSS JOIN LATERAL (
                        SELECT max(c.at) AS since FROM (
                            SELECT greatest(l.linked_at, l.unlinked_at, l.undone_at) AS at
                            FROM twinstream.links AS l
                            WHERE a.platform = 'telegram' AND l.telegram_account_id = a.account_id
                            UNION ALL
                            SELECT greatest(l.linked_at, l.unlinked_at, l.undone_at)
                            FROM twinstream.links AS l
                            WHERE a.platform = 'discord' AND l.discord_account_id = a.account_id
                            UNION ALL
                            SELECT v.moved_at FROM twinstream.moves AS v
                            WHERE v.platform = a.platform AND v.to_account_id = a.account_id
                        ) AS c
                    ) AS changed
                    CROSS JOIN LATERAL (
                        SELECT e.id, e.delta_xp, e.reason, e.idempotency_key, e.created_at
                        FROM twinstream.transactions AS e
                        WHERE e.account_id = a.account_id AND e.platform = a.platform
                            AND e.source = a.platform
                        ORDER BY e.id DESC LIMIT $3
                    ) AS t
                    WHERE a.member_id = m.id
                        AND t.created_at > coalesce(changed.since, '-infinity')
                ) AS s
                WHERE s.before < greatest(m.level_due_xp, $1)
                    AND s.before + s.delta_xp >= greatest(m.level_due_xp, $1)
                ORDER BY s.id DESC LIMIT 1
            ), false)
            FROM twinstream.members AS m
            WHERE m.xp >= m.level_due_xp
            ORDER BY m.id LIMIT $2
            """,
            first_level_xp,
            limit,
            ENTRIES_MAX,
            NEWS_HOURS,
        )
    return [Due(*row) for row in rows]


async def note(conn: asyncpg.Connection, noted: Sequence[Noted]) -> int:
    """Note levels, and have those announced that are news. Returns how many were noted.

    A member whom another process has noted meanwhile is left out. It runs in a transaction of the
    caller's.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH given AS (
                SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
                    AS g (member_id, due_xp, next_due_xp)
            ), locked AS (
                SELECT m.id FROM twinstream.members AS m
                JOIN given AS g ON m.id = g.member_id AND m.level_due_xp = g.due_xp
                ORDER BY m.id FOR NO KEY UPDATE OF m
            )
            UPDATE twinstream.members AS m SET level_due_xp = g.next_due_xp
            FROM given AS g, locked AS l
            WHERE m.id = g.member_id AND l.id = m.id AND m.level_due_xp = g.due_xp
            RETURNING m.id
            """,
            [one.member_id for one in noted],
            [one.due_xp for one in noted],
            [one.next_due_xp for one in noted],
        )
        moved_on = {row["id"] for row in rows}
        await _show(conn, [one for one in noted if one.member_id in moved_on and one.level])
    return len(moved_on)


async def _show(conn: asyncpg.Connection, noted: Sequence[Noted]) -> None:
    """Want levels, and count them as shown at once: no platform shows them anywhere."""
    if not noted:
        return
    await wishes.want_levels(conn, {one.member_id: one.level for one in noted})
    await conn.execute(
        """
        UPDATE twinstream.surfaces AS f SET shown = f.wanted, unconfirmed = NULL, shown_at = now(),
            forgotten = false, announce = (f.announce OR g.is_news) AND g.level > f.announced,
            announced = greatest(f.announced, g.level)
        FROM unnest($1::bigint[], $2::integer[], $3::boolean[]) AS g (member_id, level, is_news)
        WHERE f.member_id = g.member_id AND f.surface = $4 AND f.wanted = g.level
        """,
        [one.member_id for one in noted],
        [one.level for one in noted],
        [one.is_news for one in noted],
        LEVEL,
    )


async def noted_to(conn: asyncpg.Connection, curve: str) -> int:
    """Return the highest id of a member whose level is noted by this curve; 0 for none yet."""
    with mapped_errors():
        found: int | None = await conn.fetchval(
            "SELECT noted_to FROM twinstream.level_curve WHERE curve = $1", curve
        )
    return found or 0


async def members_after(
    conn: asyncpg.Connection, member_id: int, *, limit: int
) -> list[tuple[int, int, int | None]]:
    """Return the ids, XP and due XP of the members after this one, in the order of their ids."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT id, xp, level_due_xp FROM twinstream.members WHERE id > $1 ORDER BY id LIMIT $2
            """,
            member_id,
            limit,
        )
    return [(row["id"], row["xp"], row["level_due_xp"]) for row in rows]


async def note_silently(
    conn: asyncpg.Connection, curve: str, noted: Sequence[Noted], *, noted_to: int
) -> None:
    """Note levels of members by a curve that is new to them, none of which is news.

    It runs in a transaction of the caller's.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH given AS (
                SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS g (member_id, next_due_xp)
            ), locked AS (
                SELECT m.id FROM twinstream.members AS m JOIN given AS g ON m.id = g.member_id
                ORDER BY m.id FOR NO KEY UPDATE OF m
            ), due AS (
                UPDATE twinstream.members AS m SET level_due_xp = g.next_due_xp
                FROM given AS g, locked AS l WHERE m.id = g.member_id AND l.id = m.id
            )
            SELECT DISTINCT f.member_id FROM twinstream.surfaces AS f
            JOIN given AS g ON g.member_id = f.member_id WHERE f.surface = $3
            """,
            [one.member_id for one in noted],
            [one.next_due_xp for one in noted],
            LEVEL,
        )
        known = {row["member_id"] for row in rows}
        levels = {one.member_id: one.level for one in noted if one.member_id in known}
        await wishes.want_levels(conn, levels)
        await conn.execute(
            """
            UPDATE twinstream.surfaces AS f
            SET shown = f.wanted, unconfirmed = NULL, shown_at = now(), forgotten = false,
                announced = f.wanted, announce = false
            WHERE f.member_id = ANY ($1) AND f.surface = $2
            """,
            list(levels),
            LEVEL,
        )
        await conn.execute(
            """
            INSERT INTO twinstream.level_curve AS c (curve, noted_to) VALUES ($1, $2)
            ON CONFLICT ON CONSTRAINT level_curve_once DO UPDATE SET
                curve = excluded.curve, noted_to = excluded.noted_to
            """,
            curve,
            noted_to,
        )
