"""`python -m consumers trace KEY`: the life of one event, from all places that know of it.

Postgres has what happened, Redis where the entry is now, and the run folder the processes' log
lines. A place that cannot be asked is named, and the others are shown.
"""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from bus import SOURCES, BusError, Client, Keys, Source, connect
from bus.entry import id_ms, id_order, to_id
from bus.groups import find_group
from bus.search import Found, find_delivery, find_entries, whole
from config import Settings, masking
from config.log_lines import short_line
from config.outside_text import visible
from config.outside_text.terminal import Terminal
from db import DbError, open_pool
from db.errors import mapped_errors
from db.ledger import event_life
from db.ledger.event_life import EntryRow, EventLife, EventRow, SurfaceRow

EXIT_CODE_FOUND: Final = 0
EXIT_CODE_UNKNOWN: Final = 1
EXIT_CODE_NOT_LOOKED: Final = 2
#: Seconds in which a server has to answer.
ANSWER_S_MAX: Final = 10.0
#: The newest bytes of a log file that are searched.
LOG_BYTES_MAX: Final = 64 * 2**20
#: Log lines that are shown at most.
LOG_LINES_MAX: Final = 50
_UNKNOWN: Final = ": no place knows of it, or cleanup has removed it"
_NOT_FOUND: Final = ": not found, and not every place could be asked"


class Step(NamedTuple):
    """One thing that happened, or that is so now if it has no time."""

    at: datetime | None
    place: str
    said: str


async def run(
    settings: Settings,
    console: Terminal,
    key: str,
    *,
    keys: Keys = Keys(),  # noqa: B008 - frozen
) -> int:
    """Print what is known of an event by its idempotency key. Returns the exit code."""
    mask = masking(settings.secrets())
    life = EventLife(None, [], [], [])
    steps: list[Step] = []
    failed: list[Step] = []
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            life = await _read_life(settings.database_url or "", key)
        steps += _record_steps(life)
    except (DbError, TimeoutError) as error:
        failed.append(Step(None, "Postgres", f"cannot be asked: {mask(str(error)) or 'it hangs'}"))
    entry_ids: list[str] = []
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            async for step, entry_id in _redis_steps(settings.redis_url or "", keys, key, life):
                steps.append(step)
                entry_ids.append(entry_id)
    except (BusError, TimeoutError) as error:
        failed.append(Step(None, "Redis", f"cannot be asked: {mask(str(error)) or 'it hangs'}"))
    wanted = [key, *filter(None, entry_ids)]
    lines, unread = await asyncio.to_thread(_log_steps, Path(settings.twinstream_run_dir), wanted)
    failed += unread
    is_known = bool(life.is_known or entry_ids or lines)
    said = "" if is_known else _UNKNOWN if not failed else _NOT_FOUND
    _print(console, f"{visible(key)}{said}", [*steps, *lines, *failed])
    if is_known:
        return EXIT_CODE_FOUND
    return EXIT_CODE_NOT_LOOKED if failed else EXIT_CODE_UNKNOWN


def _print(console: Terminal, title: str, steps: list[Step]) -> None:
    console.print(title, soft_wrap=True)
    happened = sorted((one for one in steps if one.at is not None), key=lambda one: str(one.at))
    for one in [*happened, *(step for step in steps if step.at is None)]:
        at = "now" if one.at is None else one.at.astimezone().strftime("%m-%d %H:%M:%S.%f")[:-3]
        console.print(f"{at:18} {one.place:9} {visible(one.said)}", soft_wrap=True)


async def _read_life(url: str, key: str) -> EventLife:
    pool = await open_pool(url, name="trace", size_max=1)
    try:
        with mapped_errors():
            async with pool.acquire() as conn:
                return await event_life.read(conn, key)
    finally:
        pool.terminate()  # nothing is under way; a server that hangs must not hold up the end


def _record_steps(life: EventLife) -> Iterator[Step]:
    for entry in life.entries:
        yield Step(entry.created_at, "Postgres", _told_entry(entry))
    if life.event is not None:
        yield from _told_event(life.event)
    for surface in life.surfaces:
        yield Step(surface.shown_at, "Postgres", _told_surface(surface))
    for one in life.drift:
        yield Step(
            one.decided_at,
            "Postgres",
            f"finding {one.id} of pass {one.run_id} on {one.platform} {one.subject} {one.field}:"
            f" {one.decision}: {one.why}",
        )


def _told_entry(entry: EntryRow) -> str:
    effect = (
        f"achievement {entry.achievement}"
        if entry.achievement is not None
        else f"{entry.delta_xp:+} XP"
        if entry.delta_xp
        else f"{entry.delta_balance:+} balance"
    )
    name = f" ({entry.display_name})" if entry.display_name else ""
    member = f", member {entry.member_id}" if entry.member_id is not None else ""
    return (
        f"ledger entry {entry.id} on {entry.platform}: {effect} for {entry.source} account"
        f" {entry.account_id}{name}{member}; {entry.reason}"
    )


def _told_event(event: EventRow) -> Iterator[Step]:
    what = f"event {event.id} ({event.type} of {event.source})"
    yield Step(event.created_at, "Postgres", f"{what} is recorded")
    if event.published_at is not None:
        lost = f"; Redis lost it {event.stream_losses} times" if event.stream_losses else ""
        yield Step(event.published_at, "Postgres", f"{what} is published{lost}")
    if event.processed_at is not None:
        yield Step(event.processed_at, "Postgres", f"{what} is completed by {event.processed_by}")
    why = f": {event.error_message}" if event.error_message else ""
    yield Step(None, "Postgres", f"{what} has the status {event.status}{why}")


def _told_surface(one: SurfaceRow) -> str:
    rank = f" ({one.wanted_rank})" if one.wanted_rank else ""
    shown = "nothing known" if one.shown is None else one.shown
    news = (
        ", to be announced" if one.is_to_announce else f", {one.announced} announced"
        if one.announced else ""
    )  # fmt: skip
    parked = f"; parked for {one.parked}: {one.error}" if one.parked else ""
    return (
        f"{one.surface} on {one.platform}: wanted {one.wanted}{rank}, shown {shown}{news}{parked}"
    )


async def _redis_steps(
    url: str, keys: Keys, key: str, life: EventLife
) -> AsyncIterator[tuple[Step, str]]:
    """Yield what Redis has of the event, each with the id of the entry."""
    redis = connect(url, name="twinstream/trace")
    try:
        sources = SOURCES if life.event is None else (life.event.source,)
        for source in sources:
            for found in await _entries(redis, keys, source, key, life.event):
                said = await _told_place(redis, keys, source, found)
                added = f"entry {found.id} was added to {keys.stream(source)}"
                yield Step(_time_of(found.id), "Redis", added), found.id
                yield Step(None, "Redis", f"entry {found.id} {said}"), found.id
        for dead in await find_entries(redis, keys.dead, key):
            fields = dead.fields
            yield (
                Step(
                    _time_of(dead.id),
                    "Redis",
                    f"dead letter of entry {fields.get('id')} of {fields.get('stream')}:"
                    f" {fields.get('reason')}",
                ),
                fields.get("id", ""),
            )
    finally:
        await redis.aclose()


async def _entries(
    redis: Client, keys: Keys, source: Source, key: str, event: EventRow | None
) -> list[Found]:
    """Find the event's entries: around its publication, or among the newest of the stream."""
    around_ms = None
    if event is not None:
        published = event.published_at or event.created_at
        around_ms = int(published.timestamp() * 1_000)
    return await find_entries(redis, keys.stream(source), f'"{key}"', around_ms=around_ms)


async def _told_place(redis: Client, keys: Keys, source: Source, found: Found) -> str:
    subscription = keys.subscription(source)
    held = await find_delivery(redis, subscription, found.id)
    if held is not None:
        return (
            f"is with {held.consumer}, which has not acknowledged it, for"
            f" {held.idle_ms / 1_000:.1f} s; delivered {held.deliveries} times"
        )
    group = await find_group(redis, subscription)
    if group is None:
        return f"waits: the group {subscription.group} is missing"
    delivered = id_order(to_id(group["last-delivered-id"])) >= id_order(found.id)
    return "is acknowledged" if delivered else "is delivered to no consumer yet"


def _time_of(entry_id: str) -> datetime | None:
    """Return when an entry was added; None if its sender chose an id that tells no time."""
    try:
        return datetime.fromtimestamp(id_ms(entry_id) / 1_000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _log_steps(run_folder: Path, wanted: list[str]) -> tuple[list[Step], list[Step]]:
    """Find the processes' log lines with one of these texts, where the run folder has logs.

    Also return which logs could not be read.
    """
    unread: list[Step] = []
    patterns = [whole(one) for one in wanted]
    files = sorted(run_folder.glob("*/logs/*.log"))
    found = (step for file in files for step in _lines_of(file, patterns, unread))
    return list(itertools.islice(found, LOG_LINES_MAX)), unread


def _lines_of(file: Path, wanted: list[re.Pattern[bytes]], unread: list[Step]) -> Iterator[Step]:
    try:
        with file.open("rb") as log:
            log.seek(max(file.stat().st_size - LOG_BYTES_MAX, 0))
            for raw in log:
                if any(one.search(raw) for one in wanted):
                    yield _told_line(file.stem, raw.decode(errors="replace").strip())
    except OSError as error:
        unread.append(Step(None, file.stem, f"its log cannot be read: {error}"))


def _told_line(process: str, text: str) -> Step:
    try:
        line = json.loads(text)
        at = datetime.fromisoformat(line["timestamp"])
    except (ValueError, KeyError, TypeError):
        return Step(None, process, text)
    return Step(at, process, short_line(line, width=None).partition(" ")[2])
