"""The texts of announcements. Pure functions."""

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import shown_name
from bots.texts.outside_text import WORD_JOINER
from config import Community
from config.community_file import Kind, parts_of
from db.surfaces.announcements import Announcement

#: Members named in one message; the rest is counted, so that the message stays readable.
NAMES_MAX: Final = 10
#: Characters of a message, with its markup: Discord takes 2,000, and the last line counts the rest.
MESSAGE_CHARS_MAX: Final = 1_900
#: Characters of the community's name that are shown.
COMMUNITY_CHARS_MAX: Final = 64


class Speaker(NamedTuple):
    """The words of one community on one platform."""

    texts: Texts
    mark: Markup
    community: Community
    community_name: str = ""


def announcement(taken: Sequence[Announcement], speaker: Speaker) -> str:
    """Write a line for each of the first, as many as fit, and the number of those left out.

    A rank or achievement that twinstream.toml does not have (any more) gets no line.
    """
    lines = [line for one in taken if (line := _line(one, speaker))]
    shown: list[str] = []
    chars = 0
    for line in lines[:NAMES_MAX]:
        chars += len(line) + 1
        if shown and chars > MESSAGE_CHARS_MAX:
            break
        shown.append(line)
    left = len(lines) - len(shown)
    if left > 0:
        more = speaker.texts.ngettext("... and {count} more", "... and {count} more", left)
        shown.append(more)
    return "\n".join(shown)


def names_community(one: Announcement, speaker: Speaker) -> bool:
    """Tell whether the words for a piece of news say the community's name."""
    setting = speaker.community.announcements
    wording = setting.kind(cast("Kind", one.kind)).wording(speaker.texts.language)
    return wording is not None and "community" in [part.placeholder for part in parts_of(wording)]


def _line(one: Announcement, speaker: Speaker) -> str:
    texts, community = speaker.texts, speaker.community
    values = _values(one, speaker)
    if values is None:
        return ""
    kind = cast("Kind", one.kind)
    wording = community.announcements.kind(kind).wording(texts.language)
    if wording is not None:
        return _worded(wording, values, speaker.mark)
    if kind == "achievement":
        return texts.gettext("🏆 {name} has unlocked {achievement}", **values)
    if kind == "level":
        return texts.gettext("⭐ {name} has reached level {level}", **values)
    return texts.gettext("🎉 {name} is {rank} now", **values)


def _values(one: Announcement, speaker: Speaker) -> dict[str, str] | None:
    """Return what the placeholders of this kind say; None if there is nothing to announce."""
    texts, mark, community, community_name = speaker
    values = {
        "name": mark.plain(shown_name(one.display_name, texts)),
        "xp": texts.number(one.xp),
        "community": mark.plain(community_name[:COMMUNITY_CHARS_MAX]),
    }
    if one.kind == "achievement":
        setting = community.achievement(one.surface.partition(":")[2])
        title = None if setting is None else setting.titled(texts.language)
        return None if title is None else {**values, "achievement": _bold(mark, title)}
    if one.kind == "level":
        return {**values, "level": mark.bold(texts.number(one.number))}
    rank = community.rank(one.number)
    return None if rank is None else {**values, "rank": _bold(mark, rank.named(texts.language))}


def _worded(wording: str, values: dict[str, str], mark: Markup) -> str:
    """Fill in the operator's own words.

    Words that touch a value are kept from making a mention or a link together with it.
    """
    shown: list[str] = []
    touches = False
    for words, placeholder in parts_of(wording):
        if touches and not words[:1].isspace():
            shown.append(WORD_JOINER)
        shown.append(mark.literal(words))
        touches = placeholder is not None
        if placeholder is None:
            continue
        if words and not words[-1].isspace():
            shown.append(WORD_JOINER)
        shown.append(values[placeholder])
    return "".join(shown)


def _bold(mark: Markup, text: str) -> str:
    return mark.bold(mark.plain(text))
