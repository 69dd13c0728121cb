"""The invariants, read from the tables: SQL only, and none of the code under test."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from bus import SOURCES, Keys

from .expectations import Effect, Expectations
from .postgres import RealPostgres
from .redis_server import RedisServer


class InvariantBroken(AssertionError):
    """Something happened that must not."""


def audit(real: RealPostgres, redis: RedisServer, keys: Keys, expected: Expectations) -> None:
    """Check the books once everything has come to rest.

    Raises:
        InvariantBroken: with every breach.
    """
    breaches = [
        *_ledger(real, expected),
        *_statuses(real, expected),
        *_books(real, expected),
        *_streams(redis, keys, expected),
    ]
    if breaches:
        raise InvariantBroken("\n".join(breaches))


def unfinished(real: RealPostgres, redis: RedisServer, keys: Keys) -> dict[str, int]:
    """Count what is still under way; empty when nothing is."""
    counts = dict(
        real.fetch(
            "SELECT status, count(*) FROM sync_events"
            " WHERE status IN ('pending', 'published') GROUP BY status"
        )
    )
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
    """Exactly two rows for each committed event, none for what never was, nothing else."""
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
        f"nobody made event {key}" for key, found in rows.items() if found and key not in known
    )


def _streams(redis: RedisServer, keys: Keys, expected: Expectations) -> Iterator[str]:
    """A stream holds what happened on its own platform, and is never made by adding to it."""
    known = expected.committed.keys() | expected.unknown.keys() | expected.foreign.keys()
    for source in SOURCES:
        name = keys.stream(source)
        if name in redis.made_by_adding:
            yield f"somebody added to {name} while it was missing, and made it without its group"
        for entry_id, fields in redis.store.streams.keys[name.encode()].entries.items():
            if f"entry:{name}:{entry_id.raw().decode()}" in expected.unreadable:
                continue
            event = json.loads(fields[1])
            if event["source"] != source or event["idempotency_key"] not in known:
                yield f"{name} holds {event['idempotency_key']}, which happened elsewhere or never"


def _differences(key: str, effect: Effect, rows: list[Any]) -> Iterator[str]:
    wanted = (effect.source, effect.account, effect.xp, effect.balance, effect.achievement)
    columns = ("source", "account_id", "delta_xp", "delta_balance", "achievement")
    for row in rows:
        if (found := tuple(row[column] for column in columns)) != wanted:
            yield f"event {key} is {wanted}, the ledger has {found}"
    if len(rows) == 2 and {row["platform"] for row in rows} != set(SOURCES):
        yield f"event {key} has two ledger rows on one platform"


def _statuses(real: RealPostgres, expected: Expectations) -> Iterator[str]:
    """What a bot committed is completed; only what another program wrote may fail."""
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


def _books(real: RealPostgres, expected: Expectations) -> Iterator[str]:
    """Each platform's books are the sum of its ledger, and both platforms' are the same."""
    sums: dict[str, Counter[Any]] = defaultdict(Counter)
    settled: Counter[Any] = Counter()
    held: dict[str, set[Any]] = defaultdict(set)
    for row in real.fetch("SELECT * FROM transactions"):
        for what in ("xp", "balance"):
            sums[row["platform"]][row["member_id"], what] += row[f"delta_{what}"]
            if row["platform"] == row["source"]:
                settled[row["member_id"], what] += row[f"delta_{what}"]
        if row["achievement"]:
            held[row["platform"]].add((row["member_id"], row["achievement"]))
    books: dict[str, Counter[Any]] = defaultdict(Counter)
    for row in real.fetch("SELECT * FROM sync_state"):
        for what in ("xp", "balance"):
            books[row["platform"]][row["member_id"], what] = row[what]
    members = Counter(
        {
            (row["id"], what): row[what]
            for row in real.fetch("SELECT * FROM members")
            for what in ("xp", "balance")
        }
    )
    for platform in SOURCES:
        if +books[platform] != +sums[platform] or -books[platform] != -sums[platform]:
            yield f"{platform}: the books say {books[platform]}, the ledger {sums[platform]}"
        rows = real.fetch("SELECT * FROM achievements WHERE platform = $1", platform)
        if {(row["member_id"], row["achievement"]) for row in rows} != held[platform]:
            yield f"{platform}: the achievements differ from the ledger"
    if +books["telegram"] != +books["discord"] or -books["telegram"] != -books["discord"]:
        yield f"the platforms differ: {books['telegram']}, {books['discord']}"
    if +members != +settled:
        yield f"the members' totals are {members}, the ledger says {settled}"
    committed = sum(one.xp for one in expected.committed.values())
    if (
        not expected.unknown
        and not expected.foreign
        and committed
        != sum(value for (_, what), value in books["telegram"].items() if what == "xp")
    ):
        yield f"{committed} XP were committed, the books have another sum"
