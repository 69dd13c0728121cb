"""The texts of announcements. Pure functions."""

from collections.abc import Sequence

from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import shown_name
from config import Community
from db.surfaces import ACHIEVEMENT_PREFIX, RANK
from db.surfaces.announcements import Announcement

#: Members named in one message; the rest is counted, so that the message stays readable and short
#: enough for both platforms.
NAMES_MAX = 10


def announcement(
    taken: Sequence[Announcement], texts: Texts, mark: Markup, community: Community
) -> str:
    """Write a line for each of the first NAMES_MAX, and the number of those left out.

    A rank or achievement that twinstream.toml does not have (any more) gets no line.
    """
    lines = [line for one in taken if (line := _line(one, texts, mark, community))]
    left = len(lines) - NAMES_MAX
    if left > 0:
        lines = lines[:NAMES_MAX]
        lines.append(texts.ngettext("... and {count} more", "... and {count} more", left))
    return "\n".join(lines)


def _line(one: Announcement, texts: Texts, mark: Markup, community: Community) -> str:
    name = mark.plain(shown_name(one.display_name, texts.gettext("A member")))
    if one.surface.startswith(ACHIEVEMENT_PREFIX):
        setting = community.achievement(one.surface.removeprefix(ACHIEVEMENT_PREFIX))
        if setting is None:
            return ""
        return texts.gettext(
            "🏆 {name} has unlocked {title}",
            name=name,
            title=_bold(mark, setting.titled(texts.language)),
        )
    rank = community.rank(one.number) if one.surface == RANK else None
    if rank is None:
        return ""
    return texts.gettext(
        "🎉 {name} is {rank} now", name=name, rank=_bold(mark, rank.named(texts.language))
    )


def _bold(mark: Markup, text: str) -> str:
    return mark.bold(mark.plain(text))
