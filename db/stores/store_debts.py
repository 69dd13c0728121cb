"""Debts: amounts that a platform's own table could not take, because a member has no row there.

No row means "not there yet", never zero. Amounts that arrive for such a member are kept in
`store_debts`, and paid once the row exists. A row of the table therefore always equals the sum of
its ledger less what it is owed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import asyncpg

from ..connections import LOCK_WAIT_AGAIN_MS, LOCK_WAIT_MS
from ..errors import mapped_errors
from ..platforms import Platform
from .port import Change, Store
from .row_reading import read_rows
from .row_refusals import Written, write

#: Seconds after which a member who could not be paid is tried again, at the latest. The wait begins
#: at one second and doubles, so that a row that was corrected is paid within minutes.
RETRY_S_MAX: Final = 300.0


class Amounts(NamedTuple):
    """Signed amounts."""

    xp: int
    balance: int

    def plus(self, other: "Amounts") -> "Amounts":
        """Add up field by field."""
        return Amounts(self.xp + other.xp, self.balance + other.balance)

    def negated(self) -> "Amounts":
        """Change the sign of each field."""
        return Amounts(-self.xp, -self.balance)


NOTHING: Final = Amounts(0, 0)


class Payment(NamedTuple):
    """One round of paying."""

    paid: int
    """How many members were paid what they were owed."""
    set_aside: Mapping[int, str]
    """The accounts whose row exists and could not be paid, and why. They are tried again, less and
    less often."""
    upto: int | None
    """The account after which the next round continues; None after the last account."""


class SetAside(NamedTuple):
    """The members of one platform whose rows could not be paid."""

    platform: Platform
    members: int
    account_id: int
    """One of the accounts."""
    error: str
    """Why that one could not be paid."""


async def apply(
    conn: asyncpg.Connection,
    platform: Platform,
    store: Store,
    due: Mapping[int, Amounts],
    *,
    check_deferred: bool = True,
) -> None:
    """Apply what just entered the ledger to the platform's own table, by member.

    Call it after `twinstream.enter`, in the same transaction: locks on the books keep two callers
    from each other. A member is also paid what they were owed, unless that was set aside. For
    `check_deferred` see `write`.

    Raises:
        RowRefused: the table refuses a member's row, while it takes others.
        StoreClosed: the table takes no row now.
    """
    if due:
        with mapped_errors():
            await _apply(conn, platform, store, due, check_deferred=check_deferred)


async def pay(
    conn: asyncpg.Connection, platform: Platform, store: Store, *, after: int, limit: int
) -> Payment:
    """Pay up to `limit` members who are owed something and have a row by now.

    Considers accounts above `after`, in account order. Processes that pay at the same time share
    the work. A member whose row is refused, locked or not changed is set aside, and the others are
    paid. The caller owns the transaction.

    Raises:
        StoreClosed: the table takes no row now.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT a.account_id, d.member_id, d.xp, d.balance FROM twinstream.store_debts AS d
            JOIN twinstream.accounts AS a ON a.member_id = d.member_id AND a.platform = d.platform
            WHERE d.platform = $1 AND a.account_id > $2
                -- A time that no delay explains was written before the clock was set back.
                AND (d.retry_at IS NULL OR d.retry_at <= now()
                    OR d.retry_at > now() + make_interval(secs => $4))
            ORDER BY a.account_id LIMIT $3
            FOR UPDATE OF d SKIP LOCKED
            """,
            platform,
            after,
            limit,
            RETRY_S_MAX,
        )
        members = {row["account_id"]: row["member_id"] for row in rows}
        there = await read_rows(conn, platform, store, list(members))
        changes = [
            Change(account_id, xp, balance)
            for account_id, _, xp, balance in rows
            if account_id in there.holdings
        ]
        written = await write(conn, platform, store, changes)
        unpaid = {
            **there.unreadable,
            **written.unapplied,
            **{account_id: str(error) for account_id, error in written.refused.items()},
        }
        paid = [members[one.account_id] for one in changes if one.account_id not in unpaid]
        await _forgive(conn, platform, paid)
        await _set_aside(conn, platform, {members[one]: why for one, why in unpaid.items()})
    return Payment(len(paid), unpaid, max(members) if len(members) == limit else None)


async def set_aside(conn: asyncpg.Connection, *, counted_max: int | None = None) -> list[SetAside]:
    """Return the platforms with members who were set aside.

    With `counted_max` no more members than that are counted, on both platforms together.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT d.platform, count(*), min(a.account_id),
                (array_agg(d.error ORDER BY a.account_id))[1]
            FROM (
                SELECT member_id, platform, error FROM twinstream.store_debts
                WHERE error IS NOT NULL LIMIT $1
            ) AS d
            JOIN twinstream.accounts AS a USING (member_id, platform)
            GROUP BY d.platform ORDER BY d.platform
            """,
            counted_max,
        )
    return [SetAside(*row) for row in rows]


async def _apply(
    conn: asyncpg.Connection,
    platform: Platform,
    store: Store,
    due: Mapping[int, Amounts],
    *,
    check_deferred: bool,
) -> None:
    """Apply amounts that are due, together with debts. Amounts that cannot be applied are owed."""
    account_of, debts, is_set_aside = await _locked(conn, platform, sorted(due))
    # The row of a member who was set aside may still be locked, so the batch waits for it briefly.
    lock_wait_ms = LOCK_WAIT_AGAIN_MS if is_set_aside else LOCK_WAIT_MS

    async def written(members: Iterable[int], owed: Mapping[int, Amounts]) -> Written:
        changes = sorted(
            Change(account_of[one], *due[one].plus(owed.get(one, NOTHING))) for one in members
        )
        return await write(
            conn,
            platform,
            store,
            changes,
            lock_wait_ms=lock_wait_ms,
            check_deferred=check_deferred,
        )

    together = await written(account_of, debts)
    # The table may refuse the debt, not the event. Then the event is applied alone, and `pay` tries
    # the debt again.
    left = [one for one in debts if account_of[one] in together.refused]
    alone = await written(left, {})
    retried = {account_of[one] for one in left}
    refused = {one: why for one, why in together.refused.items() if one not in retried}
    Written({}, {**refused, **alone.refused}).require()
    unapplied = {*together.unapplied, *alone.unapplied}
    paid = [one for one in debts if one not in left and account_of[one] not in unapplied]
    await _forgive(conn, platform, paid)
    owing = {one: due[one] for one in due if account_of.get(one) in {None, *unapplied}}
    await owe(conn, platform, {one: it for one, it in owing.items() if it != NOTHING})


async def owe(conn: asyncpg.Connection, platform: Platform, debts: Mapping[int, Amounts]) -> None:
    """Add amounts to what members are owed."""
    if not debts:
        return
    members = sorted(debts)
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.owe_to_store($1, $2, $3, $4)",
            platform,
            members,
            [debts[member].xp for member in members],
            [debts[member].balance for member in members],
        )


async def _locked(
    conn: asyncpg.Connection, platform: Platform, members: Sequence[int]
) -> tuple[dict[int, int], dict[int, Amounts], bool]:
    """Lock what members are owed.

    Returns the members' accounts, what they are owed, and whether a debt was left out that is set
    aside.
    """
    rows = await conn.fetch(
        "SELECT * FROM twinstream.lock_store_debts($1, $2)", platform, list(members)
    )
    account_of = {row["member_id"]: row["account_id"] for row in rows}
    owed = {
        row["member_id"]: Amounts(row["xp"], row["balance"])
        for row in rows
        if row["is_set_aside"] is False
    }
    return account_of, owed, any(row["is_set_aside"] for row in rows)


async def _forgive(conn: asyncpg.Connection, platform: Platform, members: Sequence[int]) -> None:
    if members:
        await conn.execute("SELECT twinstream.forgive_store_debts($1, $2)", platform, list(members))


async def _set_aside(conn: asyncpg.Connection, platform: Platform, whys: Mapping[int, str]) -> None:
    """Note why members could not be paid. Each time their wait for the next try doubles."""
    if whys:
        await conn.execute(
            """
            UPDATE twinstream.store_debts AS d SET error = u.why, attempts = d.attempts + 1,
                retry_at = now() + least($4, 2 ^ least(d.attempts, 20)) * interval '1 second'
            FROM unnest($2::bigint[], $3::text[]) AS u (member_id, why)
            WHERE d.platform = $1 AND d.member_id = u.member_id
            """,
            platform,
            list(whys),
            [why.replace("\x00", "") for why in whys.values()],
            RETRY_S_MAX,
        )
