"""The order in which files of tests are handed to workers.

A long file that begins last has one worker work alone while the other one waits.
"""

from pathlib import Path
from typing import Final

#: The files that take longest, as the end of their path; a file has ten seconds or more.
LONGEST: Final = (
    "runtime/test_process.py",
    "release/test_moving_over.py",
    "e2e/test_launch.py",
    "simulation/test_simulation.py",
    "property/test_reconciling.py",
    "chaos/test_chaos_run.py",
    "property/test_convergence.py",
    "e2e/test_bot_processes.py",
    "settling/test_example_bot.py",
    "relay/test_examples_in_sql.py",
    "contract/test_failover.py",
    "runtime/test_failover.py",
    "reconcile/test_history.py",
    "settling/test_store_refusals.py",
    "reconcile/test_refused_pages.py",
    "e2e/test_unreadable.py",
    "reconcile/test_extreme_amounts.py",
    "launch/test_server_isolation.py",
    "display/test_backfill.py",
    "e2e/test_kill_consumers.py",
)


def place(file: Path) -> int:
    """Return the place of a file: the longest ones come first, in this order, then all others."""
    name = f"{file.parent.name}/{file.name}"
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)
