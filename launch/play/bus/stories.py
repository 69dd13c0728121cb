"""Stories: what became of an event, step by step, put together from the record, streams and calls.

A burst is sampled: the page draws a few events a second and says how many it does not draw.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bus import Source
from launch.play.panels import Json

from .calls import CallSeen
from .record import EventSeen, Ledger, Newest, Surface
from .streams import EntrySeen

__all__ = ["STORIES_SHOWN", "Sampler", "Story"]

#: Stories that the page shows.
STORIES_SHOWN = 30
#: Events that are drawn of each second, and at once after a quiet time.
DRAWN_PER_SECOND, DRAWN_AT_ONCE = 4, 12
#: Stories of events from before the panel began.
EARLIER_SHOWN = 12
#: Seconds over which the pace is measured.
PACE_S = 3.0
#: Seconds before an event within which its account asked the bot for it.
ASKED_S_MAX = 10.0
#: Steps of one story, so that an account that is called again and again does not fill the page.
STEPS_MAX = 40
#: Characters of the reason for which an event was buried. Its raw form has all of them.
ERROR_CHARACTERS_MAX = 500

#: The steps of the same moment, in the order in which they follow from each other.
ORDER = (
    *("asked", "recorded", "ledger", "books", "wanted", "entry", "read", "completed"),
    *("failed", "acknowledged", "call", "shown"),
)


class Sampler:
    """Chooses the events that are drawn, and counts those that are not."""

    def __init__(self) -> None:
        self._newest: set[int] | None = None
        self._highest = 0
        self._budget = float(DRAWN_AT_ONCE)
        self._looked_at = 0.0
        self._recorded = self._drawn = 0
        self._counts: deque[tuple[float, int]] = deque()

    @property
    def is_new(self) -> bool:
        """Whether no events were seen yet, so that the next ones are from before."""
        return self._newest is None

    @property
    def highest(self) -> int:
        """The highest id that was seen."""
        return self._highest

    def choose(self, newest: Newest, now: float) -> list[int]:
        """Return the new events to draw, oldest first."""
        ids = newest.ids
        if self._newest is None:
            chosen = ids[:EARLIER_SHOWN][::-1]
        else:
            # One that committed late has a lower id than others that were there before.
            floor = min(self._newest, default=0)
            fresh = sorted(one for one in ids if one > floor and one not in self._newest)
            late = sum(one <= self._highest for one in fresh)
            passed = max(now - self._looked_at, 0.0)
            self._budget = min(DRAWN_AT_ONCE, self._budget + passed * DRAWN_PER_SECOND)
            chosen = fresh[: int(self._budget)]
            self._budget -= len(chosen)
            self._recorded += newest.later + late
            self._drawn += len(chosen)
        self._counts.append((now, self._recorded))
        while self._counts[0][0] < now - PACE_S:
            self._counts.popleft()
        self._newest = set(ids)
        self._highest = max([self._highest, *ids])
        self._looked_at = now
        return chosen

    def pace(self) -> Json:
        """Return how many events there are, and how many of them are not drawn."""
        before, now = self._counts[0], self._counts[-1]
        return {
            "recorded": self._recorded,
            "passed_over": self._recorded - self._drawn,
            "per_second": round((now[1] - before[1]) / PACE_S),
        }


class Story:
    """The steps of one event. A step stays as it was when it was first seen.

    The books of one from before the panel began have changed since, so it does not name them.
    """

    def __init__(self, *, is_earlier: bool) -> None:
        self._is_earlier = is_earlier
        self._steps: dict[str, Json] = {}

    def tell(self, event: EventSeen, entry: EntrySeen | None, calls: Iterable[CallSeen]) -> Json:
        """Note what is known now, and return the story as the page gets it."""
        self._note_record(event)
        if entry is not None:
            self._note_entry(event, entry)
        self._note_calls(event, calls)
        steps = sorted(self._steps.values(), key=_place)
        names = [
            one.name
            for one in event.accounts
            if (one.platform, one.account_id) == (event.source, event.account_id)
        ]
        origin = next((one for one in event.ledger if one.platform == event.source), None)
        return {
            "id": event.id,
            "key": event.key,
            "source": event.source,
            "target": _opposite(event.source),
            "type": event.type,
            "status": event.status,
            "losses": event.stream_losses,
            "account": None if event.account_id is None else str(event.account_id),
            "name": names[0] if names else None,
            "member": event.member_id,
            "amount": _amount(origin),
            "reason": origin.reason if origin else None,
            "at": _ms(event.created_at),
            "steps": steps,
        }

    def _note(self, name: str, kind: str, at: float | None, **said: Any) -> None:
        if name not in self._steps and len(self._steps) < STEPS_MAX:
            self._steps[name] = {"name": name, "kind": kind, "at": at, **said}

    def _note_record(self, event: EventSeen) -> None:
        self._note("recorded", "recorded", _ms(event.created_at))
        for one in event.ledger:
            at = _ms(one.at)
            self._note(
                f"ledger:{one.platform}",
                "ledger",
                at,
                platform=one.platform,
                id=one.id,
                amount=_amount(one),
            )
            books = next((each for each in event.books if each.platform == one.platform), None)
            if books is not None:
                self._note(
                    f"books:{one.platform}",
                    "books",
                    at,
                    platform=one.platform,
                    xp=None if self._is_earlier else books.xp,
                    balance=None if self._is_earlier else books.balance,
                )
        for surface in event.surfaces:
            self._note_surface(surface)
        if event.processed_at is not None:
            self._note("completed", "completed", _ms(event.processed_at))
        if event.status == "failed":
            self._note("failed", "failed", None, error=(event.error or "")[:ERROR_CHARACTERS_MAX])

    def _note_surface(self, one: Surface) -> None:
        said = {"platform": one.platform, "surface": one.surface, "rank": one.rank}
        place = f"{one.platform}:{one.surface}:{one.wanted}"
        self._note(f"wanted:{place}", "wanted", _ms(one.wanted_at), level=one.wanted, **said)
        if one.shown == one.wanted and one.shown_at is not None:
            self._note(f"shown:{place}", "shown", _ms(one.shown_at), level=one.wanted, **said)

    def _note_entry(self, event: EventSeen, entry: EntrySeen) -> None:
        # Ids have whole milliseconds, and the panel sees a little late that an entry was read.
        added_at = max(float(entry.id.partition("-")[0]), _ms(event.created_at))
        self._note(f"entry:{entry.id}", "entry", added_at, id=entry.id)
        if entry.read_at is not None:
            arrived = [_ms(one.at) for one in event.ledger if one.platform != event.source]
            read_at = max(added_at, min([entry.read_at * 1_000, *arrived]))
            name = f"read:{entry.id}"
            self._note(name, "read", read_at, consumers=entry.consumers)
            self._steps[name]["at"] = None if entry.is_old else read_at
        if entry.acknowledged_at is not None:
            at = None if entry.is_old else entry.acknowledged_at * 1_000
            self._note(
                f"acknowledged:{entry.id}", "acknowledged", at, group=_opposite(event.source)
            )

    def _note_calls(self, event: EventSeen, newest_first: Iterable[CallSeen]) -> None:
        asked_at = event.created_at.timestamp()
        wanted = [(one.platform, one.wanted_at.timestamp(), _until(one)) for one in event.surfaces]
        theirs = {(one.platform, one.account_id) for one in event.accounts}
        asked = None
        for call in newest_first:
            if call.is_pushed:
                is_asked = (call.platform, call.account_id) == (
                    event.source,
                    event.account_id,
                ) and asked_at - ASKED_S_MAX <= call.at <= asked_at
                asked = asked or (call if is_asked else None)
            elif (call.platform, call.account_id) in theirs and any(
                platform == call.platform and since <= call.at <= until
                for platform, since, until in wanted
            ):
                self._note_call(f"call:{call.number}", "call", call)
        if asked is not None:
            self._note_call("asked", "asked", asked)

    def _note_call(self, name: str, kind: str, call: CallSeen) -> None:
        self._note(
            name,
            kind,
            call.at * 1_000,
            platform=call.platform,
            number=call.number,
            call=call.name,
            status=call.status,
        )


def _until(surface: Surface) -> float:
    """Return until when calls are made for what a platform should show."""
    is_shown = surface.shown == surface.wanted and surface.shown_at is not None
    return surface.shown_at.timestamp() if is_shown and surface.shown_at else float("inf")


def _place(step: Json) -> tuple[bool, float, int]:
    """Return the key that orders steps: those without a time come last."""
    return step["at"] is None, step["at"] or 0.0, ORDER.index(step["kind"])


def _amount(entry: Ledger | None) -> Json | None:
    if entry is None:
        return None
    if entry.achievement is not None:
        return {"kind": "achievement", "value": entry.achievement}
    if entry.delta_xp:
        return {"kind": "xp", "value": entry.delta_xp}
    return {"kind": "balance", "value": entry.delta_balance}


def _ms(at: datetime) -> float:
    return round(at.timestamp() * 1_000, 3)


def _opposite(source: Source) -> Source:
    return "discord" if source == "telegram" else "telegram"
