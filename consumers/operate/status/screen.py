"""The screen's lines: a label and what was seen, never wider than the terminal. Pure."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text

from config.outside_text import visible
from db import PLATFORMS
from db.release_number import RELEASE

from .advice import SILENT_S_MAX, counted, shortened
from .observation import Advice, Observation, Record, ServerState, StreamState
from .spans import ago, span

#: The column at which what was seen begins.
INDENT: Final = 13
#: The least and the most columns that lines are wrapped at: longer lines are hard to read.
WIDTHS: Final = (60, 100)
#: Readers, reasons and causes that are named before the rest is counted.
NAMED_MAX: Final = 4


def lines(seen: Observation, advices: Sequence[Advice], *, width: int) -> list[Text]:
    """Return the whole screen."""
    width = min(max(width, WIDTHS[0]), WIDTHS[1])
    written = [_verdict(seen, advices), Text()]
    for label, said in _parts(seen):
        written += _wrapped(label, said, width)
    return [*written, *_what_to_do(advices, width)]


def _verdict(seen: Observation, advices: Sequence[Advice]) -> Text:
    count = f"{len(advices)} thing{'s' if len(advices) != 1 else ''} to do"
    said, style = ("well", "bold green") if not advices else (count, "bold red")
    at = seen.at[:19].replace("T", " ")
    return Text(f"twinstream {RELEASE} at {at}: ").append(said, style=style)


def _parts(seen: Observation) -> Iterator[tuple[str, str]]:
    yield "Postgres", _server(seen.postgres)
    yield "Redis", _server(seen.redis)
    for stream in seen.streams:
        yield f"to {stream.group}", _stream(stream, seen.record)
        if stream.trouble is None:
            yield "", f"read by {_readers(stream)}"
    if seen.record is not None:
        yield from _record(seen.record)


def _server(server: ServerState) -> str:
    if server.trouble is not None:
        return visible(server.trouble)
    return f"{server.version}, answered in {server.answered_ms:.0f} ms"


def _stream(stream: StreamState, record: Record | None) -> str:
    if stream.trouble is not None:
        return visible(stream.trouble)
    said = f"{stream.unread} unread, {stream.unacknowledged} unacknowledged"
    if stream.unread + stream.unacknowledged:
        age = "of unknown age" if stream.oldest_s is None else span(stream.oldest_s)
        said += f", the oldest {age}"
    if record is not None:
        rates = {one.source: one for one in record.flow}
        one = rates.get(stream.source)
        recorded, arrived = (0.0, 0.0) if one is None else (one.recorded, one.arrived)
        said = f"{recorded:.0f}/min recorded, {arrived:.0f}/min arrived; {said}"
    if stream.held_by is not None:
        said += f"; held by the group {visible(stream.held_by)} of another program"
        said += "" if stream.held_s is None else f", {span(stream.held_s)} behind"
    return said


def _readers(stream: StreamState) -> str:
    living = [one for one in stream.readers if one.seen_s <= SILENT_S_MAX]
    named = [f"{visible(one.name)} {ago(one.seen_s)}" for one in living[:NAMED_MAX]]
    if len(living) > NAMED_MAX:
        named.append(f"{len(living) - NAMED_MAX} more")
    reading = ", ".join(named) or "no consumer"
    if silent := [one for one in stream.readers if one.seen_s > SILENT_S_MAX]:
        first = silent[0]
        others = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        return f"{reading}; {visible(first.name)}{others} last seen {ago(first.seen_s)}"
    return reading


def _record(record: Record) -> Iterator[tuple[str, str]]:
    waiting = [
        f"{counted(one.events)} of {one.source}, the oldest {span(one.oldest_s)}"
        for one in record.unpublished
    ]
    yield "unpublished", "; ".join(waiting) or "0"
    yield "buried", counted(sum(one.events for one in record.buried))
    for one in record.buried[:NAMED_MAX]:
        yield "", f"{one.events} of {one.source}: {shortened(one.reason)}"
    if len(record.buried) > NAMED_MAX:
        yield "", f"... and {len(record.buried) - NAMED_MAX} reasons more"
    yield from _display(record)
    yield from _reconcile(record)
    links = record.links
    yield "links", f"{links.made} made and {links.ended} ended in the last hour"
    yield "bots", "; ".join(_bots(record))


def _display(record: Record) -> Iterator[tuple[str, str]]:
    waiting = ", ".join(f"{counted(record.waiting.get(one, 0))} on {one}" for one in PLATFORMS)
    yield "display", f"waiting: {waiting}"
    for one in record.parked[:NAMED_MAX]:
        where = f"{counted(one.surfaces)} on {one.platform} ({visible(one.cause)})"
        yield "", f"parked: {where}: {shortened(one.error)}"
    if len(record.parked) > NAMED_MAX:
        yield "", f"... and {len(record.parked) - NAMED_MAX} causes more"
    for place in record.parked_places:
        where = f"{place.platform}, {visible(place.place)}"
        yield (
            "",
            f"announcements wait: {where}: {visible(place.cause)} since {span(place.parked_s)}",
        )
    for platform, members in record.owed.items():
        yield "", f"{counted(members)} on {platform} are owed what their rows do not take"


def _reconcile(record: Record) -> Iterator[tuple[str, str]]:
    finished = (
        "never finished" if record.finished_s is None else f"finished {ago(record.finished_s)}"
    )
    said = f"last pass {finished}"
    last = record.last_pass
    if last is not None and last.stopped_because is not None:
        said += f"; pass {last.id} stopped {ago(last.ended_s)}: {shortened(last.stopped_because)}"
    yield "reconcile", said
    for one in record.held:
        kind = {"history": "history", "number": "numbers"}.get(
            one.held_for or "", "too much at once"
        )
        yield "", f"held: {counted(one.findings)} in {one.platform} {one.subject} ({kind})"
    if record.stop_sign is not None:
        yield "", f"stop sign: {shortened(record.stop_sign)}"
    held = {one: count for one, count in record.late_members.items() if count}
    if held:
        waiting = ", ".join(f"{counted(count)} of {one}" for one, count in held.items())
        yield "late", f"members whose events wait for more than 10 s: {waiting}"


def _bots(record: Record) -> Iterator[str]:
    known = {one.platform: one for one in record.bots}
    for platform in PLATFORMS:
        one = known.get(platform)
        if one is None:
            yield f"{platform}: never reported"
        elif one.is_silent:
            yield f"{platform}: silent for {span(one.reported_s)}"
        else:
            state = "connected" if one.is_connected else "not connected"
            if one.trouble is not None:
                state = "out of service"
            yield f"{platform}: {state} for {span(one.since_s)}"


def _what_to_do(advices: Sequence[Advice], width: int) -> Iterator[Text]:
    if not advices:
        return
    yield Text()
    yield Text("What to do next", style="bold")
    for number, one in enumerate(advices, 1):
        lead = f"{number}. "
        yield from map(Text, textwrap.wrap(
            one.what, width, initial_indent=lead, subsequent_indent=" " * len(lead)
        ))  # fmt: skip
        if one.command is not None:
            yield Text(f"   {one.command.strip('`')}", style="cyan")


def _wrapped(label: str, said: str, width: int) -> Iterator[Text]:
    yield from map(Text, textwrap.wrap(
        said, width, initial_indent=label.ljust(INDENT), subsequent_indent=" " * INDENT
    ))  # fmt: skip
