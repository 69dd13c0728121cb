"""A story has its steps in the order in which they happened, and keeps them."""

from datetime import UTC, datetime, timedelta

from launch.play.bus.calls import CallSeen
from launch.play.bus.record import Account, Books, EventSeen, Ledger, Surface
from launch.play.bus.stories import ERROR_CHARACTERS_MAX, STEPS_MAX, Story
from launch.play.bus.streams import EntrySeen

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1_000)


def after(ms: float) -> datetime:
    return NOON + timedelta(milliseconds=ms)


def ledger(number: int, platform: str, ms: float) -> Ledger:
    return Ledger(number, platform, 15, 0, None, "game_guess", after(ms))  # type: ignore[arg-type]


EVENT = EventSeen(
    7, "tg_key", "telegram", "xp.changed", "completed", NOON, after(3), after(20), None, 1001, 0, 1
)._replace(
    accounts=[Account("telegram", 1001, "Alice"), Account("discord", 8, "Alice")],
    ledger=[ledger(1, "telegram", 0), ledger(2, "discord", 20)],
    books=[Books("telegram", 15, 0), Books("discord", 15, 0)],
    surfaces=[Surface("discord", "rank", 1, "Newcomer", after(20), 1, after(40), None)],
)
ENTRY = EntrySeen(
    f"{NOON_MS + 2}-0",
    consumers=("to-discord-1",),
    read_at=(NOON_MS + 50) / 1_000,
    acknowledged_at=(NOON_MS + 51) / 1_000,
)
CALLS = [
    CallSeen(3, after(30).timestamp(), "discord", "PUT role", 200, 8, "{}"),
    CallSeen(2, after(-5).timestamp(), "telegram", "update", 0, 1001, "{}"),
    CallSeen(1, after(-9).timestamp(), "telegram", "update", 0, 1001, "{}"),
]
ORDERED = [
    *("asked", "recorded", "ledger", "books", "entry", "read", "ledger", "books", "wanted"),
    *("completed", "call", "shown", "acknowledged"),
]


def kinds(story: dict[str, object]) -> list[str]:
    return [step["kind"] for step in story["steps"]]  # type: ignore[attr-defined]


def test_the_steps_are_in_order_whatever_was_seen_first() -> None:
    told = Story(is_earlier=False).tell(EVENT, ENTRY, CALLS)
    assert kinds(told) == ORDERED

    slowly = Story(is_earlier=False)
    slowly.tell(EVENT._replace(ledger=EVENT.ledger[:1], surfaces=[]), None, [])
    slowly.tell(EVENT._replace(ledger=EVENT.ledger[:1]), ENTRY, [])
    assert kinds(slowly.tell(EVENT, ENTRY, CALLS)) == ORDERED


def test_the_latest_request_of_the_account_is_the_one_that_led_to_it() -> None:
    told = Story(is_earlier=False).tell(EVENT, ENTRY, CALLS)

    assert told["steps"][0]["number"] == 2


def test_calls_for_others_and_after_it_is_shown_are_left_out() -> None:
    others = [
        CallSeen(9, after(60).timestamp(), "discord", "PUT role", 200, 8, "{}"),
        CallSeen(8, after(30).timestamp(), "discord", "PUT role", 200, 9, "{}"),
        CallSeen(7, after(30).timestamp(), "telegram", "setChatMemberTag", 200, 1001, "{}"),
        CallSeen(6, after(-10_001).timestamp(), "telegram", "update", 0, 1001, "{}"),
        CallSeen(5, after(1).timestamp(), "telegram", "update", 0, 1001, "{}"),
    ]

    told = kinds(Story(is_earlier=False).tell(EVENT, ENTRY, others))
    assert "call" not in told
    assert "asked" not in told


def test_the_books_stay_as_they_were_when_the_entry_was_seen() -> None:
    story = Story(is_earlier=False)
    story.tell(EVENT, ENTRY, [])
    later = EVENT._replace(books=[Books("telegram", 99, 0), Books("discord", 99, 0)])
    told = story.tell(later, ENTRY, [])

    assert [step["xp"] for step in told["steps"] if step["kind"] == "books"] == [15, 15]


def test_one_event_has_bounded_steps_and_texts() -> None:
    failed = EVENT._replace(status="failed", error="x" * 10**6)
    calls = [
        CallSeen(number, after(30).timestamp(), "discord", "PUT role", 429, 8, "{}")
        for number in range(1_000)
    ]
    told = Story(is_earlier=False).tell(failed, ENTRY, calls)

    assert len(told["steps"]) == STEPS_MAX
    [error] = [step["error"] for step in told["steps"] if step["kind"] == "failed"]
    assert len(error) == ERROR_CHARACTERS_MAX
