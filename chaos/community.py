"""The community of a run: its people, the places where they meet, and the rules of what they earn.

The people act on the sandbox's platforms, through the real bots. Their accounts have other numbers
than those for which the load's bots record events.
"""

from datetime import UTC, datetime
from typing import Final

from .run_size import TWINSTREAM_TOML

CHAT_ID: Final = -1001000000001
CHANNEL_ID: Final = 900000000000000010
VOICE_CHANNEL_ID: Final = 900000000000000011
#: The first and the last number of an account of Telegram that the bot's own table has a row for.
TELEGRAM_IDS: Final = (1_000, 9_000)
TELEGRAM_ADMINISTRATORS: Final = (1000, 1009)
DISCORD_ADMINISTRATORS: Final = (800000000000000100,)
#: Members of the sandbox's seed who speak English, each with an account on both platforms.
SEEDED: Final = {1001: 800000000000000101, 1003: 800000000000000103}

#: The rules. Amounts are one number each, so that the record shows how often each was paid; limits
#: of a day are low, so that every run reaches them.
MESSAGE_XP, MESSAGE_COOLDOWN_S, MESSAGE_XP_PER_DAY = 7, 3, 84
REACTION_XP, REACTIONS_PER_PAIR, REACTIONS_PER_DAY, REACTION_XP_PER_DAY = 2, 3, 20, 40
THANK_XP, THANKS_PER_DAY, THANK_XP_PER_DAY = 5, 4, 15
VOICE_XP, VOICE_INTERVAL_S, VOICE_XP_PER_DAY = 3, 2, 60
REWARD_XP, REWARDS_PER_DAY = 400_000, 15
INVITE_XP, INVITE_BALANCE, INVITE_LEAST_XP, INVITES_PER_DAY = 50, 25, 20, 3
DAILY_XP, DAILY_BALANCE = 20, 10
#: XP of one level: only rewards are so large, so the load's accounts reach none.
LEVEL_XP: Final = 1_000_000
LEVELS: Final = 40
#: The highest rank, which is shown as role and tag, and its XP.
RANK, RANK_XP = "Captain", 1_500_000
#: All ranks in their order, with their XP.
RANKS: Final = {"Newcomer": 10, "Regular": 500, "Veteran": 5_000, RANK: RANK_XP}

_SECTIONS = f"""
[[ranks]]
name = "{RANK}"
xp = {RANK_XP}
discord_role = 900000000000000104
telegram_tag = "{RANK}"
[levels]
table = {[LEVEL_XP * level for level in range(1, LEVELS + 1)]}
[announcements]
telegram = true
discord_channel_id = {CHANNEL_ID}
[announcements.level]
telegram = "group"
discord = {CHANNEL_ID}
[earning.messages]
xp_min = {MESSAGE_XP}
xp_max = {MESSAGE_XP}
cooldown_s = {MESSAGE_COOLDOWN_S}
xp_per_day_max = {MESSAGE_XP_PER_DAY}
[earning.reactions]
xp = {REACTION_XP}
per_pair_max = {REACTIONS_PER_PAIR}
per_day_max = {REACTIONS_PER_DAY}
xp_per_day_max = {REACTION_XP_PER_DAY}
[earning.thanks]
xp = {THANK_XP}
per_day_max = {THANKS_PER_DAY}
xp_per_day_max = {THANK_XP_PER_DAY}
[earning.voice]
xp = {VOICE_XP}
interval_s = {VOICE_INTERVAL_S}
xp_per_day_max = {VOICE_XP_PER_DAY}
[daily]
xp = {DAILY_XP}
balance = {DAILY_BALANCE}
[rewards]
per_day_max = {REWARDS_PER_DAY}
xp_per_day_max = {REWARD_XP * REWARDS_PER_DAY}
[invites]
enabled = true
xp = {INVITE_XP}
balance = {INVITE_BALANCE}
stay_hours = 0
least_xp = {INVITE_LEAST_XP}
per_day_max = {INVITES_PER_DAY}
"""


def settings_of(now: datetime) -> str:
    """Return twinstream.toml. Its days begin far from `now`, so a run is within one day. Pure."""
    # In POSIX's names of zones, hours west of Greenwich are positive.
    hours_west = now.astimezone(UTC).hour - 6
    zone = "Etc/UTC" if hours_west == 0 else f"Etc/GMT{max(-14, min(12, hours_west)):+d}"
    return f'timezone = "{zone}"\n{TWINSTREAM_TOML}{_SECTIONS}'
