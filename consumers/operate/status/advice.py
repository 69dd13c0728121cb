"""Advice: what one look asks the operator to do. None means that all is well. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from config.outside_text import visible
from consumers.runtime.operator_commands import command, destroy_group, end_transaction, start
from db import PLATFORMS, Platform
from db.reconcile.drift import Held
from db.upkeep.overview import COUNTED_MAX, HeldExample, Locker

from .observation import Advice, Observation, Record, ServerState, StreamState
from .spans import ago, span

#: Seconds: running consumers ask for entries every few seconds, and settle or claim each within a
#: minute.
SILENT_S_MAX: Final = 60.0
WAITING_S_MAX: Final = 60.0
#: Seconds that a bot may take to connect, at its start and after its platform cut the connection.
CONNECTING_S_MAX: Final = 10.0
#: Seconds for which an event may wait for the relay, which looks every second.
UNPUBLISHED_S_MAX: Final = 60.0
#: Intervals after which a pass is late, as the alert TwinstreamReconcileLate has it.
PASS_LATE_INTERVALS: Final = 4
#: How much of a reason or an error one line shows.
REASON_MAX: Final = 120
#: The same where the text names a file or says what mends it. Two troubles of a bot fit into it.
LONG_REASON_MAX: Final = 400

# The urgencies: nothing works; events wait; the operator has to decide; less is shown or kept.
STANDS, WAITS, DECIDE, LESS = range(4)


def advise(seen: Observation) -> list[Advice]:
    """Return what to do, the most urgent first. Pure."""
    found = [*_servers(seen), *_settings(seen)]
    for stream in seen.streams:
        found += _stream(stream, seen.record)
    if seen.record is not None:
        found += _bots(seen.record, seen.tokens)
        found += _late_pass(seen.record, PASS_LATE_INTERVALS * seen.passes_every_s)
        for part in _PARTS:
            found += part(seen.record)
    return sorted(found, key=lambda one: one.urgency)


def counted(number: int, noun: str = "") -> str:
    """Write a figure that was counted up to COUNTED_MAX, and what it counts. Pure."""
    figure = f"{number} or more" if number >= COUNTED_MAX else str(number)
    return f"{figure} {noun}{'' if number == 1 else 's'}" if noun else figure


def shortened(text: str, length: int = REASON_MAX) -> str:
    """Make a text from outside visible, and cut it at `length`. Pure."""
    shown = visible(text)
    return shown if len(shown) <= length else f"{shown[: length - 3]}..."


def _servers(seen: Observation) -> Iterator[Advice]:
    for server, why in (
        (seen.postgres, "nothing is recorded meanwhile"),
        (seen.redis, "events wait in Postgres meanwhile"),
    ):
        if server.trouble is not None:
            yield Advice(
                urgency=STANDS,
                what=f"{_named(server)}; {why}",
                command=command("doctor"),
            )


def _named(server: ServerState) -> str:
    """Say what is wrong with a server, and name it once."""
    trouble = visible(server.trouble or "")
    return trouble if trouble.startswith(server.name) else f"{server.name} {trouble}"


def _settings(seen: Observation) -> Iterator[Advice]:
    if seen.unfit_settings is not None:
        yield Advice(
            urgency=DECIDE,
            what="a process that starts now refuses its settings:"
            f" {shortened(seen.unfit_settings, LONG_REASON_MAX)}",
            command=command("doctor"),
        )


def _stream(stream: StreamState, record: Record | None) -> Iterator[Advice]:
    waiting = stream.unread + stream.unacknowledged
    role = f"to-{stream.group}"
    if stream.trouble is not None:
        yield Advice(
            urgency=WAITS,
            what=f"{stream.stream}: {visible(stream.trouble)}",
            command=command("doctor"),
        )
    elif not any(one.seen_s <= SILENT_S_MAX for one in stream.readers):
        yield Advice(
            urgency=WAITS,
            what=f"no consumer reads {stream.stream}, where {waiting} wait: start {role}",
            command=start(),
        )
    elif waiting and (stream.oldest_s is None or stream.oldest_s > WAITING_S_MAX):
        lockers = [] if record is None else record.lockers
        yield _late(stream, waiting, lockers)
    if stream.held_by is not None and stream.is_held:
        group = visible(stream.held_by)
        yield Advice(
            urgency=LESS,
            what=f"{stream.stream} is not trimmed, because the group {group} of another program has"
            " not read what ours has: have it read on, or",
            command=destroy_group(stream.stream, stream.held_by),
        )


def _late(stream: StreamState, waiting: int, lockers: Sequence[Locker]) -> Advice:
    since = "for an unknown time" if stream.oldest_s is None else f"for {span(stream.oldest_s)}"
    what = f"{stream.stream} is {waiting} behind, the oldest {since}"
    if lockers:
        return Advice(
            urgency=WAITS,
            what=f"{what}; {_locker(lockers[0])} holds members: end that transaction, or",
            command=end_transaction(lockers[0].pid),
        )
    return Advice(
        urgency=WAITS,
        what=f"{what}: see why in the log of to-{stream.group}",
        command=command("doctor"),
    )


def _locker(one: Locker) -> str:
    since = "" if one.locked_s is None else f", for {span(one.locked_s)}"
    program = f" ({visible(one.program)})" if one.program else ""
    login = f" of {visible(one.login)}" if one.login else ""
    return f"process {one.pid}{login}{program}{since}"


def _lockers(record: Record) -> Iterator[Advice]:
    known = [one for one in record.lockers if one.locked_s is not None]
    late = sum(record.late_members.values())
    if known:
        needed = f"; {counted(late, 'member')} with late events need that transaction to end"
        yield Advice(
            urgency=WAITS,
            what=f"members are held by {_locker(known[0])}{needed if late else ''}",
            command=end_transaction(known[0].pid),
        )


def _bots(record: Record, tokens: Sequence[Platform]) -> Iterator[Advice]:
    """Other people's bots report no connection, so only a token says that ours should have."""
    known = {one.platform: one for one in record.bots}
    for platform in PLATFORMS:
        one = known.get(platform)
        if one is None:
            if platform not in tokens:
                continue
            what = f"the {platform.capitalize()} bot never reported"
        elif one.is_silent:
            what = f"the {platform.capitalize()} bot has said nothing for {span(one.reported_s)}"
            if one.trouble is not None:
                what += f" (its last report: {shortened(one.trouble, LONG_REASON_MAX)})"
        elif one.trouble is not None:
            what = (
                f"the {platform.capitalize()} bot has been out of service for {span(one.since_s)}:"
                f" {shortened(one.trouble, LONG_REASON_MAX)}"
            )
            yield Advice(urgency=WAITS, what=what, command=command("doctor"))
            continue
        elif not one.is_connected and one.since_s > CONNECTING_S_MAX:
            what = f"{platform.capitalize()} has not answered its bot for {span(one.since_s)}"
            yield Advice(urgency=WAITS, what=what, command=command("doctor"))
            continue
        else:
            continue
        yield Advice(urgency=WAITS, what=f"{what}: start it", command=start())


def _unpublished(record: Record) -> Iterator[Advice]:
    for one in record.unpublished:
        if one.oldest_s > UNPUBLISHED_S_MAX:
            yield Advice(
                urgency=WAITS,
                what=f"{counted(one.events, 'event')} of {one.source} unpublished, the oldest for"
                f" {span(one.oldest_s)}: see that the role relay runs, and its log",
                command=start(),
            )


def _reconcile(record: Record) -> Iterator[Advice]:
    if record.stop_sign is not None:
        yield Advice(
            urgency=DECIDE,
            what=f"this release links and reconciles no more: {shortened(record.stop_sign)}",
            command=command("doctor"),
        )
    last = record.last_pass
    if last is not None and last.stopped_because is not None:
        yield Advice(
            urgency=DECIDE,
            what=f"pass {last.id} was stopped {ago(last.ended_s)}:"
            f" {shortened(last.stopped_because)}",
            command=command("reconcile", "--now", "--dry-run"),
        )


def _late_pass(record: Record, late_s: float) -> Iterator[Advice]:
    if record.finished_s is not None and record.finished_s > late_s and not record.stop_sign:
        yield Advice(
            urgency=DECIDE,
            what=f"no pass of reconcile was finished for {span(record.finished_s)}",
            command=command("reconcile", "--now"),
        )


def _held(record: Record) -> Iterator[Advice]:
    history = [one for one in record.held if one.held_for == "history"]
    for platform in PLATFORMS:
        theirs = [one for one in history if one.platform == platform]
        if theirs:
            yield Advice(
                urgency=DECIDE,
                what=f"{_findings(theirs)} of history that is not imported"
                f"{_such_as(record.held_examples, theirs)}: look, then import",
                command=command("import-history", platform, "--dry-run"),
            )
    others = [one for one in record.held if one.held_for != "history"]
    if others:
        where = ", ".join(f"{one.findings} in {one.platform} {one.subject}" for one in others)
        yield Advice(
            urgency=DECIDE,
            what=f"{_findings(others)} held and not repaired: {where}"
            f"{_such_as(record.held_examples, others)}; look, then"
            f" {command('reconcile', '--now', '--accept')} repairs them",
            command=command("reconcile", "--now", "--dry-run"),
        )


def _findings(held: Sequence[Held]) -> str:
    return counted(sum(one.findings for one in held), "finding")


def _such_as(examples: Sequence[HeldExample], held: Sequence[Held]) -> str:
    kinds = {(one.platform, one.subject) for one in held}
    for one in examples:
        if (one.platform, one.subject) in kinds and one.account_id is not None:
            name = f" ({shortened(one.display_name, 40)})" if one.display_name else ""
            return f", such as {one.platform} account {one.account_id}{name}"
    return ""


def _buried(record: Record) -> Iterator[Advice]:
    if record.buried:
        first = record.buried[0]
        mending = "mend that, then replay"
        if record.buried_is_unusable:
            ids = [str(first.newest_id)] if first.events == 1 else ["ID", "..."]
            mending = (
                "it cannot be replayed:"
                f" correct the sender, then {command('dead', 'discard', *ids)}"
            )
        yield Advice(
            urgency=DECIDE,
            what=f"{counted(sum(one.events for one in record.buried), 'event')} buried, mostly"
            f" because: {shortened(first.reason)}; {mending}",
            command=command("dead", "list"),
        )


def _display(record: Record) -> Iterator[Advice]:
    for late in record.put_off:
        yield Advice(
            urgency=LESS,
            what=f"{counted(late.surfaces, 'surface')} put off on {late.platform}, the oldest for"
            f" {span(late.oldest_s)}: {shortened(late.error, LONG_REASON_MAX)}",
            command=command("doctor"),
        )
    for one in record.parked:
        if not one.is_personal:
            yield Advice(
                urgency=LESS,
                what=f"{counted(one.surfaces, 'surface')} not shown on"
                f" {one.platform} ({visible(one.cause)}): {shortened(one.error, LONG_REASON_MAX)}",
                command=command("doctor"),
            )
    for place in record.parked_places:
        yield Advice(
            urgency=LESS,
            what=f"announcements on {place.platform} wait ({visible(place.place)}):"
            f" {visible(place.cause)}: {shortened(place.error)}",
            command=command("doctor"),
        )
    for platform, members in record.owed.items():
        yield Advice(
            urgency=LESS,
            what=f"{counted(members, 'member')} owed what the rows of the bot's own table of"
            f" {platform} do not take",
            command=command("doctor"),
        )


_PARTS: Final[tuple[Callable[[Record], Iterator[Advice]], ...]] = (
    *(_unpublished, _lockers, _reconcile, _held, _buried, _display),
)
