"""The plan of a run's faults: which ones, and how often. Each seed has its own plan.

Some runs have one kind of fault only, some have many. So the simulation finds bugs that need a
quiet moment after a fault, as well as bugs that need two faults at once.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, field

#: Events of the whole deployment, as opposed to faults of single calls.
INCIDENTS = (
    "redis loses everything",
    "redis comes back empty, before the consumers",
    "redis fails over",
    "a group is destroyed",
    "redis is full",
    "redis is cut off",
    "the clock of redis jumps",
    "the clock of postgres jumps",
    "postgres is cut off",
    "a process is killed",
    "a process is paused",
    "a platform is cut off",
    "a place is closed",
    "a visit is paused",
    "a member leaves",
    "an operator replays",
    "an operator rebuilds",
)
#: The shares of failing calls among which a plan chooses; 0.0 is there twice, to be chosen often.
CALL_SHARES = (0.0, 0.0, 0.002, 0.01, 0.04)
#: Calls to the platforms are few, and fail more often.
PLATFORM_SHARES = (0.0, 0.0, 0.02, 0.1, 0.3)
INCIDENTS_MAX = 8
#: The number of extra occurrences of each incident in `met`.
MET_TIMES = 4


@dataclass
class FaultPlan:
    """The faults of one run."""

    reset_share: float = 0.0
    reply_lost_share: float = 0.0
    cut_share: float = 0.0
    commit_lost_share: float = 0.0
    contention_share: float = 0.0
    platform_trouble_share: float = 0.0
    incidents: list[tuple[float, str]] = field(default_factory=list)

    def describe(self) -> str:
        """Return the kinds of faults, for a report."""
        shares = {name: value for name, value in vars(self).items() if name != "incidents"}
        kinds = sorted({what for _, what in self.incidents})
        return ", ".join([*(f"{name}={value}" for name, value in shares.items() if value), *kinds])


def draw_fault_plan(
    dice: random.Random,
    faults_s: float,
    *,
    spared: Collection[str] = (),
    met: Collection[str] = (),
) -> FaultPlan:
    """Draw the faults of a run: none of `spared`, and each of `met` MET_TIMES times more."""
    drawn = [kind for kind in INCIDENTS if dice.random() < 0.4]
    kinds = [kind for kind in drawn if kind not in spared]
    number = dice.randint(0, INCIDENTS_MAX) if kinds else 0
    return FaultPlan(
        reset_share=dice.choice(CALL_SHARES),
        reply_lost_share=dice.choice(CALL_SHARES),
        cut_share=dice.choice(CALL_SHARES),
        commit_lost_share=dice.choice(CALL_SHARES),
        contention_share=dice.choice(CALL_SHARES),
        platform_trouble_share=dice.choice(PLATFORM_SHARES),
        incidents=sorted(
            [
                *((dice.uniform(0, faults_s), dice.choice(kinds)) for _ in range(number)),
                *((dice.uniform(0, faults_s), kind) for kind in met for _ in range(MET_TIMES)),
            ]
        ),
    )
