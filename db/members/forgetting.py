"""Forgetting people: what was asked for, what the platforms still show, and the forgetting itself.

`twinstream.forget_person` (db/migrations/..._forgetting.sql) does it in one transaction: it happens
whole or not at all. A request stays until the entries in Redis are gone too, so that a process that
dies in between is followed by one that goes on.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from .. import stop_signs
from ..errors import Contention, RuleBroken, mapped_errors
from ..platforms import Platform
from ..stop_signs import Paused
from ..stores import row_reading
from ..stores.port import Change, Store
from ..stores.row_refusals import write

#: Seconds that forgetting may take. A million entries take about a minute; nobody else waits.
FORGET_S_MAX: Final = 3_600.0
#: Seconds after which a request that was refused is tried again, and between two looks at what the
#: platforms still show.
RETRY_S: Final = 60.0
LOOK_AGAIN_S: Final = 1.0


class LinkIsYoung(RuleBroken):
    """The link of an account can still be undone, so neither account takes the other one along."""

    RULE: Final = "link_is_settled"


class Account(NamedTuple):
    """An account of the person who is forgotten."""

    platform: Platform
    account_id: int


class Request(NamedTuple):
    """A member's wish to be forgotten, while it is locked."""

    platform: Platform
    account_id: int
    asked_at: datetime
    undress_until: datetime | None
    forgotten_at: datetime | None
    forgotten_s: float | None
    """Seconds since then, by the clock of Postgres."""

    @property
    def account(self) -> Account:
        """Return the account that asked, or that belongs to the person who did."""
        return Account(self.platform, self.account_id)


class Failed(NamedTuple):
    """A request that could not be met so far, for operators."""

    platform: Platform
    account_id: int
    attempts: int
    error: str


async def ask(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Note that a member wants to be forgotten. The consumers do it within seconds.

    Raises:
        LinkIsYoung: the account is linked, and the other one could be somebody else's.
        Paused: the stop sign of this release is set; try again later.
    """
    try:
        with _mapped():
            await conn.execute("SELECT twinstream.ask_to_forget($1, $2)", platform, account_id)
    except RuleBroken as error:
        if error.rule == LinkIsYoung.RULE:
            raise LinkIsYoung(error.rule, str(error)) from error
        raise


async def ask_as_owner(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Note that the owner wants a person forgotten, however young their link is."""
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO twinstream.forget_requests (platform, account_id) VALUES ($1, $2)
            ON CONFLICT ON CONSTRAINT forget_request_once DO UPDATE SET
                asked_at = excluded.asked_at, undress_until = NULL, forgotten_at = NULL,
                attempts = 0, retry_at = NULL, error = NULL
            """,
            platform,
            account_id,
        )


async def take(conn: asyncpg.Connection) -> Request | None:
    """Lock the oldest request that is due; None if there is none. The caller's transaction has it.

    Other processes skip it meanwhile.
    """
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT platform, account_id, asked_at, undress_until, forgotten_at,
                extract(epoch FROM clock_timestamp() - forgotten_at)::float8
            FROM twinstream.forget_requests
            WHERE retry_at IS NULL OR retry_at <= now()
                -- A time that no delay explains was written before the clock was set back.
                OR retry_at > now() + make_interval(secs => $1)
            ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED
            """,
            2 * RETRY_S,
        )
    return None if row is None else Request(*row)


async def undress(conn: asyncpg.Connection, request: Request, *, wait_s: float) -> bool:
    """Have the platforms take off what they show of the member.

    Returns whether nothing is shown any more, or `wait_s` seconds have passed since the first call.
    """
    with mapped_errors():
        if request.undress_until is None:
            await conn.execute(
                """
                UPDATE twinstream.forget_requests
                SET undress_until = clock_timestamp() + make_interval(secs => $3)
                WHERE platform = $1 AND account_id = $2
                """,
                *request.account,
                wait_s,
            )
        await conn.execute(
            """
            SELECT twinstream.want(
                array_agg(f.member_id), array_agg(f.platform), array_agg(f.surface),
                array_agg(0), array_agg('forgotten'::text), array_agg(0)
            )
            FROM twinstream.accounts AS a JOIN twinstream.surfaces AS f USING (member_id)
            WHERE a.platform = $1 AND a.account_id = $2 AND f.wanted <> 0
            """,
            *request.account,
        )
        is_done: bool = await conn.fetchval(
            """
            SELECT coalesce($3::timestamptz, clock_timestamp() + make_interval(secs => $4))
                <= clock_timestamp() OR NOT EXISTS (
                SELECT FROM twinstream.accounts AS a JOIN twinstream.surfaces AS f USING (member_id)
                WHERE a.platform = $1 AND a.account_id = $2 AND f.parked IS NULL
                    AND f.shown IS DISTINCT FROM 0
            )
            """,
            *request.account,
            request.undress_until,
            wait_s,
        )
    return is_done


async def forget(
    conn: asyncpg.Connection,
    account: Account,
    *,
    secret: str,
    stores: Mapping[Platform, Store],
    moment: datetime | None = None,
) -> list[Account]:
    """Forget the person behind an account; the caller owns the transaction.

    The rows that bots' own tables have of them are set to zero. Returns the person's accounts, and
    leaves a request for each: their entries in Redis have to go next.

    Raises:
        RowRefused, StoreClosed: a bot's own table does not take the zero; nothing was changed.
        RuleBroken: the secret is not the one that was used before.
        Paused: the stop sign of this release is set.
        Contention, StorageUnavailable: try again later.
    """
    with _mapped():
        rows = await conn.fetch(
            "SELECT platform, account_id FROM twinstream.forget_person($1, $2, $3, $4)",
            *account,
            secret,
            moment,
            timeout=FORGET_S_MAX,
        )
        accounts = [Account(*row) for row in rows]
        for one in accounts:
            if (store := stores.get(one.platform)) is not None:
                await _empty(conn, one, store)
        await conn.execute(
            """
            INSERT INTO twinstream.forget_requests AS r (platform, account_id, forgotten_at)
            SELECT u.platform, u.account_id, clock_timestamp()
            FROM unnest($1::text[], $2::bigint[]) AS u (platform, account_id)
            ON CONFLICT ON CONSTRAINT forget_request_once DO UPDATE SET
                forgotten_at = excluded.forgotten_at, retry_at = NULL, error = NULL, attempts = 0
            """,
            [one.platform for one in accounts],
            [one.account_id for one in accounts],
        )
    return accounts


@contextlib.contextmanager
def _mapped() -> Iterator[None]:
    try:
        with mapped_errors():
            yield
    except RuleBroken as error:
        if error.rule == stop_signs.RULE:
            raise Paused(getattr(error.__cause__, "detail", "")) from error
        raise


async def _empty(conn: asyncpg.Connection, account: Account, store: Store) -> None:
    """Take from a bot's own table what it holds of an account. The row stays: it is the bot's."""
    after = account.account_id - 1
    among = [account.account_id]
    for held in await row_reading.read(conn, account.platform, store, after, 1, among):
        # An amount that is no whole number is the bot's to correct; its audit says so already.
        if isinstance(held.xp, int) and isinstance(held.balance, int) and (held.xp or held.balance):
            change = Change(held.account_id, -held.xp, -held.balance)
            written = await write(conn, account.platform, store, [change])
            written.require()
            if written.unapplied:
                raise Contention(f"a row of the {account.platform} bot's own table is locked")


async def put_off(conn: asyncpg.Connection, account: Account, *, error: str | None = None) -> None:
    """Look at a request again later: soon, or after an error, which operators are shown."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.forget_requests
            SET retry_at = clock_timestamp() + make_interval(secs => $3), error = $4,
                attempts = attempts + ($4::text IS NOT NULL)::integer
            WHERE platform = $1 AND account_id = $2
            """,
            *account,
            LOOK_AGAIN_S if error is None else RETRY_S,
            error,
        )


async def finish(conn: asyncpg.Connection, request: Request) -> None:
    """Remove what was found of an account since it was forgotten, and its request.

    A request that the member has repeated meanwhile stays.
    """
    with mapped_errors():
        await conn.execute(
            """
            SELECT twinstream.forget_findings(
                ARRAY[ROW ($1, $2, NULL, NULL)::twinstream.forgotten_one]
            )
            """,
            *request.account,
        )
        await conn.execute(
            """
            DELETE FROM twinstream.forget_requests
            WHERE platform = $1 AND account_id = $2 AND asked_at = $3
            """,
            *request.account,
            request.asked_at,
        )


async def find_forgotten(
    conn: asyncpg.Connection, payloads: Sequence[bytes], *, secret: str
) -> list[int]:
    """Return the places of those events, of one platform, that count no more."""
    with mapped_errors():
        places: list[int] | None = await conn.fetchval(
            "SELECT twinstream.find_forgotten(twinstream.read_events($1), $2, true)",
            [payload.decode() for payload in payloads],
            secret,
        )
    return [place - 1 for place in places or ()]


async def failed(conn: asyncpg.Connection) -> list[Failed]:
    """Return the requests that could not be met so far, and why."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, account_id, attempts, error FROM twinstream.forget_requests
            WHERE error IS NOT NULL ORDER BY asked_at
            """
        )
    return [Failed(*row) for row in rows]


async def waiting(conn: asyncpg.Connection) -> int:
    """Count the people who asked to be forgotten and are not yet."""
    with mapped_errors():
        count: int = await conn.fetchval("SELECT count(*) FROM twinstream.forget_requests")
    return count
