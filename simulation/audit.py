"""The invariants, checked by SQL on the tables, without any of the code under test."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from bus import SOURCES, Keys

from .earning_model import WINDOW_REASONS
from .expectations import Effect, Expectations
from .link_audit import BONUS_REASON, is_ours, link_breaches
from .postgres import RealPostgres
from .redis_server import RedisServer
from .reward_deeds import reward_breaches
from .thank_deeds import thank_breaches

#: The columns of books and totals that are sums of ledger entries.
AMOUNTS: Final = ("xp", "balance")
#: An entry names its account; `accounts` says which member that is.
_ENTRIES: Final = """
    SELECT t.*, a.member_id FROM transactions AS t
    LEFT JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
"""


class InvariantBroken(AssertionError):
    """An invariant does not hold."""


def audit(
    real: RealPostgres, redis: RedisServer, keys: Keys, expected: Expectations, bonus_xp: int
) -> None:
    """Check all invariants once nothing is unfinished.

    Raises:
        InvariantBroken: lists every breach.
    """
    breaches = [
        *_ledger(real, expected),
        *_statuses(real, expected),
        *_books(real, expected),
        *_streams(real, redis, keys, expected),
        *expected.earnings.breaches(real),
        *link_breaches(real, expected, bonus_xp),
        *thank_breaches(real),
        *reward_breaches(real),
    ]
    if breaches:
        raise InvariantBroken("\n".join(breaches))


def unfinished(real: RealPostgres, redis: RedisServer, keys: Keys) -> dict[str, int]:
    """Count unfinished events, open windows, missing groups, entries behind; empty for nothing."""
    counts = dict(
        real.fetch(
            "SELECT status, count(*) FROM sync_events"
            " WHERE status IN ('pending', 'published') GROUP BY status"
        )
    )
    [(open_windows,)] = real.fetch("SELECT count(opened_at) FROM earning_windows")
    if open_windows:
        counts["open windows"] = open_windows
    for source in SOURCES:
        stream, group = keys.subscription(source)
        found = redis.store.streams.keys.get(stream.encode())
        reading = found.groups.get(group.encode()) if found else None
        if found is None or reading is None:
            counts[f"{source}: group missing"] = 1
        elif behind := len(found.after(reading.last)) + len(reading.unacknowledged):
            counts[f"{source}: entries behind"] = behind
    return counts


def _ledger(real: RealPostgres, expected: Expectations) -> Iterator[str]:
    """Each committed event has exactly two rows; an event that was never made has none."""
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in real.fetch("SELECT * FROM transactions ORDER BY id"):
        rows[row["idempotency_key"]].append(row)
    for key, effect in expected.committed.items():
        if len(rows[key]) != 2:
            yield f"event {key} was committed and has {len(rows[key])} ledger rows"
        yield from _differences(key, effect, rows[key])
    for key, effect in (expected.unknown | expected.foreign).items():
        if key in expected.committed:
            continue
        if len(rows[key]) not in (0, 2):
            yield f"event {key} has {len(rows[key])} ledger rows"
        if key not in expected.foreign or key not in expected.unknown:
            yield from _differences(key, effect, rows[key])
    known = expected.committed.keys() | expected.unknown.keys() | expected.foreign.keys()
    yield from (
        f"no bot or program made event {key}"
        for key, found in rows.items()
        if found and key not in known and not is_ours(found[0])
    )


def _streams(
    real: RealPostgres, redis: RedisServer, keys: Keys, expected: Expectations
) -> Iterator[str]:
    """A stream holds events of its own platform, and is never created by XADD."""
    known = expected.committed.keys() | expected.unknown.keys() | expected.foreign.keys()
    known |= expected.refused | {
        row["idempotency_key"]
        for row in real.fetch(
            "SELECT * FROM transactions WHERE reason = ANY ($1)", [BONUS_REASON, *WINDOW_REASONS]
        )
    }
    for source in SOURCES:
        name = keys.stream(source)
        if name in redis.made_by_adding:
            yield f"an XADD created {name}, which was missing, without its group"
        for entry_id, fields in redis.store.streams.keys[name.encode()].entries.items():
            if f"entry:{name}:{entry_id.raw().decode()}" in expected.unreadable:
                continue
            event = json.loads(fields[1])
            if event["source"] != source or event["idempotency_key"] not in known:
                yield f"{name} holds {event['idempotency_key']}, which is not an event of {source}"


def _differences(key: str, effect: Effect, rows: list[Any]) -> Iterator[str]:
    wanted = (effect.source, effect.account, effect.xp, effect.balance, effect.achievement)
    columns = ("source", "account_id", "delta_xp", "delta_balance", "achievement")
    for row in rows:
        if (found := tuple(row[column] for column in columns)) != wanted:
            yield f"event {key} is {wanted}, the ledger has {found}"
    if len(rows) == 2 and {row["platform"] for row in rows} != set(SOURCES):
        yield f"event {key} has two ledger rows on one platform"


def _statuses(real: RealPostgres, expected: Expectations) -> Iterator[str]:
    """Events committed by a bot are completed; only entries of another program may fail."""
    found = {row["idempotency_key"]: row for row in real.fetch("SELECT * FROM sync_events")}
    for key in expected.committed:
        status = found[key]["status"] if key in found else "missing"
        if status != "completed":
            why = found[key]["error_message"] if key in found else ""
            yield f"event {key} was committed and is {status} {why or ''}"
    if not expected.redis_lost_data:
        for key in sorted(expected.foreign.keys() | expected.unreadable):
            if key not in found or found[key]["status"] not in ("completed", "failed"):
                yield f"entry {key} of another program is neither settled nor failed"
    for key, row in found.items():
        if row["status"] == "failed" and not row["error_message"]:
            yield f"event {key} failed without a reason"
        if row["status"] == "failed" and key in expected.unknown and key not in expected.foreign:
            yield f"event {key} failed: {row['error_message']}"
    if not expected.redis_lost_data:
        for key in sorted(expected.refused):
            if key not in found or found[key]["status"] != "failed":
                yield f"entry {key}, whose key no event may have, is not buried"


class _LedgerSums(NamedTuple):
    """The ledger added up: the books that each platform and each member should have."""

    #: By platform: (member id, column of the books) to the sum of the entries. A column is one of
    #: AMOUNTS, or the part of it that the Discord account earned.
    platforms: dict[str, Counter[Any]]
    #: (member id, "xp" or "balance") to the sum of the entries at their origin.
    origin: Counter[Any]
    #: By platform: pairs of member id and achievement.
    achievements: dict[str, set[Any]]


def _books(real: RealPostgres, expected: Expectations) -> Iterator[str]:
    """Each platform's books are the sum of its ledger, and both platforms' are the same."""
    ledger = _ledger_sums(real)
    books: dict[str, Counter[Any]] = defaultdict(Counter)
    for row in real.fetch("SELECT * FROM sync_state"):
        for what in (*AMOUNTS, *map(_of_discord, AMOUNTS)):
            books[row["platform"]][row["member_id"], what] = row[what]
    for platform in SOURCES:
        if not _equal(books[platform], ledger.platforms[platform]):
            yield f"{platform}: books {books[platform]}, ledger {ledger.platforms[platform]}"
        rows = real.fetch("SELECT * FROM achievements WHERE platform = $1", platform)
        if {(row["member_id"], row["achievement"]) for row in rows} != ledger.achievements[
            platform
        ]:
            yield f"{platform}: the achievements differ from the ledger"
    if not _equal(books["telegram"], books["discord"]):
        yield f"the platforms differ: {books['telegram']}, {books['discord']}"
    yield from _totals(real, ledger)
    yield from _committed_xp(real, books["telegram"], expected)


def _ledger_sums(real: RealPostgres) -> _LedgerSums:
    sums = _LedgerSums(defaultdict(Counter), Counter(), defaultdict(set))
    for row in real.fetch(_ENTRIES):
        for what in AMOUNTS:
            delta = row[f"delta_{what}"]
            sums.platforms[row["platform"]][row["member_id"], what] += delta
            if row["source"] == "discord":
                sums.platforms[row["platform"]][row["member_id"], _of_discord(what)] += delta
            if row["platform"] == row["source"]:
                sums.origin[row["member_id"], what] += delta
        if row["achievement"]:
            sums.achievements[row["platform"]].add((row["member_id"], row["achievement"]))
    return sums


def _totals(real: RealPostgres, ledger: _LedgerSums) -> Iterator[str]:
    """The members' totals are the sum of the entries at their origin."""
    members = Counter(
        {
            (row["id"], what): row[what]
            for row in real.fetch("SELECT * FROM members")
            for what in AMOUNTS
        }
    )
    if +members != +ledger.origin:
        yield f"the members' totals are {members}, the ledger says {ledger.origin}"


def _committed_xp(real: RealPostgres, books: Counter[Any], expected: Expectations) -> Iterator[str]:
    """The books hold exactly the committed XP, if the outcome of every event is known.

    Links and bonuses have entries of their own, which are judged elsewhere.
    """
    if expected.unknown or expected.foreign:
        return
    committed = sum(one.xp for one in expected.committed.values())
    committed += sum(
        row["delta_xp"]
        for row in real.fetch("SELECT * FROM transactions WHERE platform = source")
        if is_ours(row)
    )
    if committed != sum(value for (_, what), value in books.items() if what == "xp"):
        yield f"{committed} XP were committed, the books have another sum"


def _of_discord(what: str) -> str:
    """Name the column of the books that holds the Discord account's part of an amount. Pure."""
    return f"discord_{what}"


def _equal(left: Counter[Any], right: Counter[Any]) -> bool:
    """Compare positive and negative amounts; a missing amount counts as zero. Pure."""
    return +left == +right and -left == -right
