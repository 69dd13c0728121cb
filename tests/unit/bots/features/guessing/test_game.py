import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from bots.features.guessing.game import (
    NUMBER_MAX,
    NUMBER_MIN,
    TRIES_MAX,
    Counting,
    Explained,
    GameService,
    Hint,
    Lost,
    Missed,
    OutOfRange,
    Owed,
    Resting,
    Reward,
    Round,
    Won,
)
from db import Recorded, StorageUnavailable

ALICE = 1001
NOW = datetime(2026, 1, 2, tzinfo=UTC)
numbers = st.integers(NUMBER_MIN, NUMBER_MAX)


class Ledger:
    """Rewards in memory that refuse the same key twice, as Postgres does."""

    def __init__(self) -> None:
        self.events: dict[str, schemas.Event] = {}
        self.calls_left: int | None = None
        self.held_elsewhere: set[tuple[int, str]] = set()

    def _enter(self, event: schemas.Event) -> Recorded:
        if self.calls_left is not None:
            if self.calls_left == 0:
                raise StorageUnavailable("away")
            self.calls_left -= 1
        created = event.idempotency_key not in self.events
        self.events.setdefault(event.idempotency_key, event)
        return Recorded(event.idempotency_key, event.source, 1, b"", created)

    @asynccontextmanager
    async def transaction(self):
        before = dict(self.events)
        try:
            yield self
        except BaseException:
            self.events = before
            raise

    async def create_xp_change_event(self, *, conn, **fields):
        assert conn is self
        return self._enter(schemas.xp_changed(occurred_at=NOW, **fields))

    async def create_balance_change_event(self, *, conn, **fields):
        assert conn is self
        return self._enter(schemas.balance_changed(occurred_at=NOW, **fields))

    async def holds_achievement(self, *, conn, user_id, achievement, source):
        assert conn is self
        return (user_id, achievement) in self.held_elsewhere

    async def create_achievement_event(self, *, conn, **fields):
        assert conn is self
        return self._enter(schemas.achievement_unlocked(occurred_at=NOW, **fields))


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def thought():
    """The number that the bot thinks of next."""
    return SimpleNamespace(number=7)


@pytest.fixture
def game(ledger, thought):
    return GameService(source="telegram", rewards=ledger, think=lambda *_: thought.number)


def xp_of(ledger: Ledger) -> int:
    return sum(getattr(event, "delta_xp", 0) for event in ledger.events.values())


def balance_of(ledger: Ledger) -> int:
    return sum(getattr(event, "delta_balance", 0) for event in ledger.events.values())


@given(number=numbers, guess=numbers)
def test_a_hint_leads_towards_the_number(number, guess):
    hint = Round(number).judge(guess)

    assert (hint is Hint.RIGHT) == (guess == number)
    assert (hint is Hint.HIGHER) == (number > guess)


@given(number=numbers)
def test_a_member_who_halves_the_range_always_wins(number):
    low, high = NUMBER_MIN, NUMBER_MAX
    for _ in range(TRIES_MAX):
        guess = (low + high) // 2
        match Round(number).judge(guess):
            case Hint.RIGHT:
                return
            case Hint.HIGHER:
                low = guess + 1
            case Hint.LOWER:
                high = guess - 1
    pytest.fail(f"{number} was not found")


async def test_all_that_a_win_earns_carries_the_name_of_the_account(game, ledger):
    await game.guess(ALICE, 7, entity_id="1", display_name="Alice")

    assert [event.display_name for event in ledger.events.values()] == ["Alice"] * 3


async def test_asking_starts_a_round_and_costs_no_try(game):
    assert await game.guess(ALICE, None, entity_id="1") == Explained(TRIES_MAX)
    assert await game.guess(ALICE, None, entity_id="2") == Explained(TRIES_MAX)


async def test_a_guess_without_a_round_starts_one(game):
    assert await game.guess(ALICE, 3, entity_id="1") == Missed(3, Hint.HIGHER, TRIES_MAX - 1)


@pytest.mark.parametrize("guess", [-1, 0, NUMBER_MAX + 1, 10**9])
async def test_a_guess_out_of_range_costs_no_try(game, guess):
    assert await game.guess(ALICE, guess, entity_id="1") == OutOfRange()
    assert await game.guess(ALICE, None, entity_id="2") == Explained(TRIES_MAX)


async def test_the_last_miss_reveals_the_number_and_ends_the_round(game, thought, ledger):
    for turn in range(TRIES_MAX - 1):
        await game.guess(ALICE, 1, entity_id=str(turn))

    assert await game.guess(ALICE, 1, entity_id="last") == Lost(7)

    thought.number = 2
    assert await game.guess(ALICE, 2, entity_id="next") == Won(
        2, Reward(xp=15, balance=5, achievement="lucky_guess")
    )


async def test_a_win_pays_under_the_update_that_brought_it(game, ledger):
    await game.guess(ALICE, 7, entity_id="-1001.42")

    assert set(ledger.events) == {
        "tg_game_guess_1001_-1001.42",
        "tg_game_guess.balance_1001_-1001.42",
        "tg_achievement.lucky_guess_1001",
    }
    assert (xp_of(ledger), balance_of(ledger)) == (15, 5)


async def test_only_the_first_win_unlocks_the_achievement(game):
    await game.guess(ALICE, 7, entity_id="1")

    assert await game.guess(ALICE, 7, entity_id="2") == Won(7, Reward(15, 5, None))


async def test_a_redelivered_win_is_paid_once(ledger, game):
    await game.guess(ALICE, 7, entity_id="1")
    after_a_restart = GameService(source="telegram", rewards=ledger, think=lambda *_: 7)

    await after_a_restart.guess(ALICE, 7, entity_id="1")

    assert (xp_of(ledger), balance_of(ledger)) == (15, 5)


@pytest.mark.parametrize("recorded_before_the_outage", [0, 1, 2])
async def test_a_win_is_owed_until_postgres_is_back(game, ledger, recorded_before_the_outage):
    ledger.calls_left = recorded_before_the_outage
    assert await game.guess(ALICE, 7, entity_id="1") == Owed(7)
    assert await game.guess(ALICE, 3, entity_id="2") == Owed(7)

    ledger.calls_left = None
    paid = await game.guess(ALICE, None, entity_id="3")

    assert paid == Won(7, Reward(15, 5, "lucky_guess"))
    assert (xp_of(ledger), balance_of(ledger)) == (15, 5)
    assert await game.guess(ALICE, None, entity_id="4") == Explained(TRIES_MAX)


class SlowLedger(Ledger):
    """A ledger that lets other tasks run while it records."""

    @asynccontextmanager
    async def transaction(self):
        await asyncio.sleep(0)
        async with super().transaction() as conn:
            yield conn


async def test_of_several_guesses_at_once_one_is_answered_with_the_win():
    ledger = SlowLedger()
    game = GameService(source="telegram", rewards=ledger, think=lambda *_: 7)

    answers = await asyncio.gather(
        *(game.guess(ALICE, 7, entity_id=str(number)) for number in range(4))
    )

    assert sorted(answers, key=str) == [Counting(7)] * 3 + [Won(7, Reward(15, 5, "lucky_guess"))]
    assert (xp_of(ledger), balance_of(ledger)) == (15, 5)


async def test_a_win_that_is_owed_outlives_the_rounds_of_many_others(ledger):
    game = GameService(source="telegram", rewards=ledger, rounds_max=3, think=lambda *_: 7)
    ledger.calls_left = 0
    assert await game.guess(ALICE, 7, entity_id="1") == Owed(7)
    for member in range(2_000, 2_010):
        await game.guess(member, 3, entity_id="1")

    ledger.calls_left = None
    assert isinstance(await game.guess(ALICE, None, entity_id="2"), Won)


async def test_a_win_that_can_never_be_recorded_does_not_stop_the_member_from_playing(ledger):
    game = GameService(source="telegram", rewards=ledger, think=lambda *_: 7)
    with pytest.raises(schemas.SchemaError):
        await game.guess(ALICE, 7, entity_id="not an entity id")

    assert await game.guess(ALICE, None, entity_id="2") == Explained(TRIES_MAX)


async def test_without_rewards_the_game_is_the_same():
    game = GameService(source="discord", think=lambda *_: 7)

    assert await game.guess(ALICE, 9, entity_id="1") == Missed(9, Hint.LOWER, TRIES_MAX - 1)
    assert await game.guess(ALICE, 7, entity_id="2") == Won(7, None)
    assert await game.guess(ALICE, None, entity_id="3") == Explained(TRIES_MAX)


async def test_members_have_rounds_of_their_own(game):
    await game.guess(ALICE, 1, entity_id="1")

    assert await game.guess(1002, None, entity_id="2") == Explained(TRIES_MAX)


async def test_the_round_that_was_idle_longest_is_dropped_first():
    game = GameService(source="telegram", rounds_max=2, think=lambda *_: 7)
    await game.guess(1, 2, entity_id="1")
    await game.guess(2, 2, entity_id="2")
    await game.guess(1, 3, entity_id="3")

    await game.guess(3, 2, entity_id="4")

    assert await game.guess(1, None, entity_id="5") == Explained(TRIES_MAX - 2)
    assert await game.guess(3, None, entity_id="6") == Explained(TRIES_MAX - 1)
    assert await game.guess(2, None, entity_id="7") == Explained(TRIES_MAX)


async def test_an_achievement_that_the_other_account_unlocked_is_not_unlocked_again(game, ledger):
    ledger.held_elsewhere.add((ALICE, "lucky_guess"))

    won = await game.guess(ALICE, 7, entity_id="1")

    assert won == Won(7, Reward(15, 5, None))
    assert len(ledger.events) == 2


async def test_after_a_round_a_member_rests_and_others_play(ledger):
    now = SimpleNamespace(s=1_000.0)
    game = GameService(
        source="telegram", rewards=ledger, pause_s=60, think=lambda *_: 7, clock=lambda: now.s
    )
    await game.guess(ALICE, 7, entity_id="1")

    assert await game.guess(ALICE, 7, entity_id="2") == Resting(60)
    now.s += 30.5
    assert await game.guess(ALICE, None, entity_id="3") == Resting(30)
    assert isinstance(await game.guess(ALICE + 1, 7, entity_id="4"), Won)
    now.s += 29.5
    assert isinstance(await game.guess(ALICE, 7, entity_id="5"), Won)


async def test_a_lost_round_is_followed_by_a_pause_too():
    game = GameService(source="telegram", pause_s=60, think=lambda *_: 7, clock=lambda: 0.0)
    for number in range(TRIES_MAX):
        turn = await game.guess(ALICE, 1, entity_id=str(number))

    assert turn == Lost(7)
    assert await game.guess(ALICE, 7, entity_id="9") == Resting(60)


async def test_the_memory_of_pauses_is_bounded():
    game = GameService(
        source="telegram", pause_s=60, rounds_max=2, think=lambda *_: 7, clock=lambda: 0.0
    )
    for user_id in (1, 2, 3):
        await game.guess(user_id, 7, entity_id="1")

    assert isinstance(await game.guess(1, 7, entity_id="2"), Won)
    assert await game.guess(3, 7, entity_id="2") == Resting(60)
