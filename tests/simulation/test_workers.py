"""Seeds that run side by side."""

import pytest

from simulation.simulated_run import simulate
from simulation.workers import open_workers


@pytest.mark.nightly
def test_a_seed_gives_the_same_outcome_in_every_worker(real_postgres):
    with open_workers(2) as workers:
        found = list(workers.run([1, 2, 1], without=""))

    assert [one.seed for one in found] == [1, 2, 1]
    assert found[0].digest == found[2].digest == simulate(1, real_postgres).digest
    assert not any(one.broken for one in found)
