"""The size of a run, and the settings of its consumers."""

from typing import NamedTuple

#: Short times, so that each timeout occurs many times in a run.
TWINSTREAM_TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[stores.telegram]
table = "users"
[[ranks]]
name = "Newcomer"
xp = 10
[[ranks]]
name = "Regular"
xp = 500
[[ranks]]
name = "Veteran"
xp = 5000
[earning]
window_minutes = 0.05
[consumers]
batch_entries_max = 100
block_ms = 200
claim_idle_ms = 1000
relay_interval_ms = 100
relay_after_ms = 500
cleanup_interval_ms = 300
keep_finished_ms = 1000
"""
#: `claim_idle_ms` in seconds: after a longer pause, another consumer has claimed the entries.
CLAIM_IDLE_S = 1.0
#: Accounts on each platform for which the load's bots record events: 1 and up.
ACCOUNTS = 200


class RunSize(NamedTuple):
    """A run goes on until its time, its events and its faults reach these minima."""

    seconds: float
    events_min: int = 0
    faults_min: int = 0
    #: The most actions per second of each of the two bots; an action has one to five events.
    actions_per_s: float = 60.0
    #: Accounts on each platform; during the run, pairs of them are linked.
    accounts: int = ACCOUNTS
    #: Whether people act on both platforms as well, through the real bots.
    has_people: bool = False
