"""Seeds that run side by side."""

import pytest

from simulation.workers import open_workers


@pytest.mark.nightly
def test_a_seed_gives_the_same_run_in_every_worker():
    with open_workers(2) as workers:
        found = list(workers.run([1] * 4, without=""))

    assert [one.broken for one in found] == [None] * 4
    assert len({one.digest for one in found}) == 1
