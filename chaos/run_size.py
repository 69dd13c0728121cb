"""How large a run is, and the settings that its consumers work with."""

from typing import NamedTuple

#: Short times, so that every one of them runs out many times in a run.
TWINSTREAM_TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
[[ranks]]
name = "Regular"
xp = 500
[[ranks]]
name = "Veteran"
xp = 5000
[consumers]
batch_entries_max = 100
block_ms = 200
claim_idle_ms = 1000
relay_interval_ms = 100
relay_after_ms = 500
cleanup_interval_ms = 300
keep_finished_ms = 1000
"""
#: A consumer that is paused for longer than this finds its entries claimed by another.
CLAIM_IDLE_S = 1.0


class RunSize(NamedTuple):
    """A run goes on until it has lasted, seen and suffered enough."""

    seconds: float
    events_min: int = 0
    faults_min: int = 0
    #: What each of the two bots does in a second, at most; a action is one to five events.
    actions_per_s: float = 60.0
    #: Accounts on each platform; half of them belong to members who are on both.
    accounts: int = 200
