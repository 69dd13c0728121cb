"""Names of platforms, members and achievements, as people read them. Pure functions."""

from config import Community
from schemas import Source

PLATFORM_NAMES: dict[Source, str] = {"telegram": "Telegram", "discord": "Discord"}
#: Characters of a name in an answer. A Discord message holds 2,000 characters, and a list of ten
#: longest names has to fit into one.
NAME_CHARS_MAX = 32


def shortened(name: str) -> str:
    """Cut a name that would crowd out the rest of the message."""
    return name if len(name) <= NAME_CHARS_MAX else f"{name[: NAME_CHARS_MAX - 1]}…"


def achievement_title(achievement: str, community: Community) -> str:
    """Return the title that twinstream.toml gives an achievement, else its internal name."""
    setting = community.achievement(achievement)
    return setting.title if setting else achievement
