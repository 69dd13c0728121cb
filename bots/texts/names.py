"""Names of platforms, members and achievements, as people read them. Pure functions."""

from config import Community
from schemas import Source

from .languages import Texts
from .markup import Markup
from .outside_text import one_line

PLATFORM_NAMES: dict[Source, str] = {"telegram": "Telegram", "discord": "Discord"}
#: Characters of a name in an answer. A Discord message holds 2,000 characters, and a list of ten
#: longest names has to fit into one.
NAME_CHARS_MAX = 32


def shortened(text: str) -> str:
    """Cut a text from outside that would crowd out the rest of the message."""
    seen = one_line(text)
    return seen if len(seen) <= NAME_CHARS_MAX else f"{seen[: NAME_CHARS_MAX - 1]}…"


def shown_name(name: str | None, texts: Texts) -> str:
    """Return a name that fits into a message; a word for it if nothing in it can be seen."""
    return shortened(name or "") or texts.gettext("(name unknown)")


def account_name(
    name: str | None, account_id: int | None, mark: Markup, *, is_bold: bool = False
) -> str:
    """Return the name of an account, ready to send; its number if nothing in it can be seen."""
    shown = mark.plain(shortened(name or ""))
    if not shown:
        return mark.code(str(account_id))
    return mark.bold(shown) if is_bold else shown


def achievement_title(achievement: str, community: Community, texts: Texts) -> str:
    """Return the title that twinstream.toml gives an achievement, else its internal name."""
    setting = community.achievement(achievement)
    return setting.titled(texts.language) if setting else achievement


def rank_title(name: str, community: Community, texts: Texts) -> str:
    """Return the name of a rank in the reader's language, by its name for all."""
    rank = community.rank_called(name)
    return rank.named(texts.language) if rank else name
