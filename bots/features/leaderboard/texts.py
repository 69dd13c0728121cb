"""The texts of /top. Pure functions."""

from collections.abc import Sequence

from bots.texts.amounts import xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import rank_title, shown_name
from config import Community
from db.members.profiles import LeaderboardRow


def table(
    standings: Sequence[LeaderboardRow], texts: Texts, mark: Markup, community: Community
) -> str:
    """Answer /top."""
    if not standings:
        return texts.gettext("Nobody has any XP yet. Send /guess and be the first.")
    lines = [mark.bold(texts.gettext("The members with the most XP"))]
    for one in standings:
        name = shown_name(one.display_name, texts)
        line = f"{one.position}. {mark.plain(name)} — {xp_text(one.xp, texts)}"
        if one.rank_name:
            line += f" ({mark.plain(rank_title(one.rank_name, community, texts))})"
        lines.append(line)
    return "\n".join(lines)
