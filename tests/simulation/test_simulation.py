"""Seeds run clean, run the same twice, and run into trouble when a guard is missing."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulation.clock import EPOCH_MS
from simulation.mutants import MUTANTS
from simulation.postgres import RealPostgres
from simulation.simulated_run import Outcome, simulate

#: `make nightly` goes through a thousand.
SEEDS = (11,)
PACKAGES = ("schemas", "bus", "db", "config", "consumers", "bots", "sandbox", "launch")
#: A guard whose loss shows within a few seeds; `make nightly` goes through all of them.
SOON_MISSED = ("ledger key",)
SEEDS_MAX = 20


@pytest.fixture(scope="module")
def outcomes(real_postgres: RealPostgres) -> list[Outcome]:
    """The outcomes of a few seeds: each is simulated once for all tests."""
    return [simulate(seed, real_postgres) for seed in SEEDS]


def test_a_few_seeds_are_sound(outcomes: list[Outcome]):
    assert {one.seed: one.broken for one in outcomes if one.broken} == {}
    assert sum(one.events for one in outcomes) > 5 * len(SEEDS)


def test_a_seed_replays_step_by_step_in_virtual_time(
    outcomes: list[Outcome], real_postgres: RealPostgres
):
    assert simulate(outcomes[0].seed, real_postgres) == outcomes[0]

    [(first, last)] = real_postgres.fetch(
        "SELECT min(created_at), max(processed_at) FROM sync_events"
    )
    began = datetime.fromtimestamp(EPOCH_MS / 1_000, UTC)
    assert began - timedelta(minutes=61) < first < last < began + timedelta(days=60)


@pytest.mark.nightly
@pytest.mark.parametrize("guard", SOON_MISSED)
def test_a_missing_guard_is_found_and_its_seed_finds_it_again(
    guard: str, real_postgres: RealPostgres
):
    outcomes = (simulate(seed, real_postgres, mutant=MUTANTS[guard]) for seed in range(SEEDS_MAX))
    found = next((one for one in outcomes if one.broken), None)

    assert found is not None
    assert simulate(found.seed, real_postgres, mutant=MUTANTS[guard]).digest == found.digest
    assert simulate(found.seed, real_postgres).broken is None


def test_no_other_package_imports_the_simulation(checkout: Path):
    strays = [
        str(path)
        for package in PACKAGES
        for path in (checkout / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("simulation"))
        or (
            isinstance(node, ast.Import)
            and any(alias.name.startswith("simulation") for alias in node.names)
        )
    ]

    assert strays == []
