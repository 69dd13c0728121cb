"""Metrics of the consumers: counters and gauges. docs/operate.md explains each figure."""

import itertools
import math
from typing import Final, get_args

from prometheus_client import Counter, Gauge, Histogram

from bus import SOURCES, Keys
from db import PLATFORMS
from schemas.snapshots import SubjectName

SETTLED: Final = Counter(
    "twinstream_entries_settled", "Entries settled and acknowledged.", ["source"]
)
ENTERED: Final = Counter(
    "twinstream_events_entered", "Events new in the books of the other platform.", ["source"]
)
XP_EARNED: Final = Counter(
    "twinstream_xp_earned",
    "XP of events new in the books of the other platform; what was taken away is left out.",
    ["source"],
)
BURIED: Final = Counter(
    "twinstream_entries_buried", "Entries moved to the dead letters.", ["source"]
)
RELAYED: Final = Counter(
    "twinstream_events_relayed", "Events published by the relay, not by their producer.", ["source"]
)
LOST: Final = Counter(
    "twinstream_events_lost_by_redis", "Events found missing, and published again.", ["source"]
)
DELETED: Final = Counter(
    "twinstream_entries_deleted",
    "Entries that somebody deleted before they were settled.",
    ["source"],
)
TRIMMED: Final = Counter(
    "twinstream_entries_trimmed", "Settled entries removed from a stream.", ["stream"]
)
REMOVED: Final = Counter(
    "twinstream_records_removed",
    "Rows that the daily cleanup removed: events, passes of reconcile, and their findings.",
    ["kind"],
)
WINDOWS_CLOSED: Final = Counter(
    "twinstream_windows_closed",
    "Windows of earnings that were old enough, and became an event each.",
    ["platform"],
)
WINDOWS_OPEN: Final = Gauge(
    "twinstream_windows_open", "Windows of earnings that are no event yet.", ["platform"]
)
WINDOW_AGE_SECONDS: Final = Gauge(
    "twinstream_window_age_seconds", "Age of the oldest open window of earnings.", ["platform"]
)
BATCH_SECONDS: Final = Histogram(
    "twinstream_batch_seconds", "From reading a batch until it is acknowledged.", ["source"]
)
SHOWN: Final = Counter(
    "twinstream_surfaces_shown",
    "Members whose roles or tags were brought up to date.",
    ["platform"],
)
POSTPONED: Final = Counter(
    "twinstream_surfaces_postponed", "Visits that the platform refused for now.", ["platform"]
)
WRITES_LOST: Final = Counter(
    "twinstream_surface_writes_lost",
    "Visits after which a platform did not show what it had accepted.",
    ["platform"],
)
DRIFT_FOUND: Final = Counter(
    "twinstream_drift_found", "Differences that passes found.", ["platform", "subject"]
)
DRIFT_DECIDED: Final = Counter(
    "twinstream_drift_decided",
    "Differences that stood in two passes, by what became of them.",
    ["platform", "subject", "decision"],
)
PASSES: Final = Counter("twinstream_reconcile_passes", "Passes that ended, by how.", ["status"])
PASS_FINISHED: Final = Gauge(
    "twinstream_reconcile_last_finished_timestamp_seconds",
    "When a pass over the community was finished last, in seconds since 1970. Until the first one,"
    " when this process began to look.",
)
PASS_INTERVAL_SECONDS: Final = Gauge(
    "twinstream_reconcile_interval_seconds", "Seconds between two passes, by the settings."
)
FINDINGS_HELD: Final = Gauge(
    "twinstream_findings_held", "Differences that wait for the operator.", ["platform", "held_for"]
)
ROLE_WAITING: Final = Gauge(
    "twinstream_role_waiting", "1 while a role waits for Redis, Postgres or its platform.", ["role"]
)

UP: Final = Gauge("twinstream_server_up", "1 if the server answered at the last look.", ["server"])
UNREAD: Final = Gauge("twinstream_entries_unread", "Entries delivered to nobody yet.", ["stream"])
UNACKNOWLEDGED: Final = Gauge(
    "twinstream_entries_unacknowledged", "Entries delivered and not settled.", ["stream"]
)
OLDEST_SECONDS: Final = Gauge(
    "twinstream_oldest_entry_seconds",
    "Age of the oldest unfinished entry, 0 without any, NaN if its id is ahead of the clock.",
    ["stream"],
)
AHEAD_SECONDS: Final = Gauge(
    "twinstream_stream_ahead_seconds",
    "How far the newest id of a stream is ahead of Redis's clock, 0 if it is not.",
    ["stream"],
)
HELD_SECONDS: Final = Gauge(
    "twinstream_stream_held_seconds",
    "How old the entry is at which another program's group stands, if that keeps finished entries.",
    ["stream", "group"],
)
EVENTS: Final = Gauge("twinstream_events", "Events that are not completed, by status.", ["status"])
STOP_SIGN: Final = Gauge(
    "twinstream_stop_sign", "1 while the stop sign of this release is set in Postgres."
)
SURFACES_WAITING: Final = Gauge(
    "twinstream_surfaces_waiting",
    "Roles and tags that are not shown as wanted, and not parked.",
    ["platform"],
)
SURFACES_PARKED: Final = Gauge(
    "twinstream_surfaces_parked",
    "Roles and tags that are not tried until the operator has removed a cause.",
    ["platform"],
)

MEMBERS: Final = Gauge(
    "twinstream_members",
    "Members by the number and the name of their rank; the number 0 is below the first rank.",
    ["number", "rank"],
)
ACTIVE: Final = Gauge(
    "twinstream_members_active", "Members whose XP changed within so many days.", ["days"]
)
LINKED: Final = Gauge("twinstream_members_linked", "Members who have linked their two accounts.")
ACCOUNTS: Final = Gauge(
    "twinstream_accounts", "Accounts that are there: not gone, and no bots.", ["platform"]
)

#: Why findings are held, as a label. `too_much`: too much differed at once.
HELD_FOR: Final = ("history", "number", "too_much")


def begin_at_zero() -> None:
    """Give every counter its labels before anything is counted.

    A counter that first appears with 1 has not increased: Prometheus, and every alert on the first
    occurrence, would miss it.
    """
    for by_source in (SETTLED, ENTERED, XP_EARNED, BURIED, RELAYED, LOST, DELETED):
        for source in SOURCES:
            by_source.labels(source)
    for by_platform in (SHOWN, POSTPONED, WRITES_LOST, WINDOWS_CLOSED):
        for platform in PLATFORMS:
            by_platform.labels(platform)
    keys = Keys()
    for stream in (*map(keys.stream, SOURCES), keys.snapshots.stream):
        TRIMMED.labels(stream)
    for kind in ("events", "passes", "findings"):
        REMOVED.labels(kind)
    for status in ("finished", "stopped"):
        PASSES.labels(status)
    for platform, subject in itertools.product(PLATFORMS, get_args(SubjectName)):
        DRIFT_FOUND.labels(platform, subject)
        for decision in ("repaired", "gone", "left", "held"):
            DRIFT_DECIDED.labels(platform, subject, decision)
    # Unknown until Postgres has answered: zero would be a pass in 1970, which is late.
    PASS_FINISHED.set(math.nan)
    PASS_INTERVAL_SECONDS.set(math.nan)
    # Nothing is counted before the first count, which only a process with the relay makes.
    LINKED.set(math.nan)


begin_at_zero()
