"""A seed names the order of the faults."""

from itertools import islice

from chaos.faults import FAULTS, forgery, target_of
from chaos.schedule import Strike, strikes


def first(number: int, seed: str) -> list[Strike]:
    return list(islice(strikes(seed), number))


def test_the_same_seed_makes_the_same_order():
    assert first(100, "7") == first(100, "7")
    assert first(100, "7") != first(100, "8")


def test_every_kind_strikes_before_any_strikes_again():
    for seed in map(str, range(20)):
        seen = [kind for strike in first(len(FAULTS), seed) for kind in strike.kinds]

        assert sorted(seen[: len(FAULTS)]) == sorted(FAULTS)


def test_two_faults_at_once_act_on_different_things():
    pairs = [strike.kinds for strike in first(500, "7") if len(strike.kinds) == 2]

    assert pairs
    assert all(target_of(one) != target_of(other) for one, other in pairs)


def test_every_fault_acts_on_the_target_in_its_name():
    assert target_of("FLUSHALL") == target_of("promote a replica without the tail") == "Redis"
    assert target_of("silent line to Postgres") == "Postgres"
    assert target_of("kill -9 a bot") == "processes"


def test_a_forgery_keeps_the_key_and_changes_the_amount():
    assert forgery('{"idempotency_key": "k", "delta_xp": 5}') == (
        '{"idempotency_key": "k", "delta_xp": 1005}'
    )
    assert forgery('{"idempotency_key": "k", "achievement": "first_win"}') is None
    assert forgery("junk") is None
