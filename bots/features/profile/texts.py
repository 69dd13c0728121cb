"""The texts of /profile. Pure functions."""

from typing import NamedTuple

from bots.cards import Card, Stat
from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, achievement_title, rank_title, shown_name
from bots.texts.outside_text import one_line
from config import Community, LevelProgress
from db.members.profiles import PLACES_MAX, Figures, Profile

#: Cells of the progress bar: ten show steps of 10 % and fit beside a rank's name on a phone.
BAR_CELLS = 10
#: Achievements in one answer, the newest. A Discord message holds 2,000 characters.
ACHIEVEMENTS_SHOWN_MAX = 10
#: Characters of a name on a card. It is cut where it is too wide; most have fewer characters.
CARD_NAME_CHARS_MAX = 100


class Unformatted:
    """Markup for texts that no platform formats, such as the description of a picture."""

    def plain(self, text: str) -> str:
        """Show a text from outside in one line."""
        return one_line(text)

    def bold(self, text: str) -> str:
        """Return the text as it is."""
        return text


Formatting = Markup | Unformatted


class Seen(NamedTuple):
    """A member as /profile shows them, to themselves or to others."""

    name: str
    profile: Profile
    figures: Figures
    is_own: bool


def nothing_earned(name: str, texts: Texts, mark: Formatting, *, is_own: bool) -> str:
    """Answer about a member who has earned nothing yet."""
    title = _title(name, texts, mark)
    if is_own:
        nothing = texts.gettext(
            "Nothing earned yet. Take part in the chat, or send /guess to win your first XP."
        )
        return f"{title}\n{nothing}"
    return f"{title}\n" + texts.gettext("This member has earned nothing yet.")


def hidden(texts: Texts) -> str:
    """Answer about a member who shows nothing to others."""
    return texts.gettext("This member keeps their profile to themselves.")


def is_bot(texts: Texts) -> str:
    """Answer about a bot."""
    return texts.gettext("That is a bot, and bots earn nothing.")


def unclear(texts: Texts) -> str:
    """Answer a member who named another one by something that names nobody."""
    return texts.gettext(
        "I cannot tell whom you mean. Reply to a message of theirs with /profile, or choose them"
        " from the list that opens when you type @: names that begin with @ alone say too little."
    )


def nameless(texts: Texts) -> str:
    """Answer a reply to a message in the name of a group or channel."""
    return texts.gettext(
        "That message is written in the name of a group or a channel, so I cannot tell whose it is."
    )


def card(seen: Seen, texts: Texts, mark: Formatting, community: Community) -> str:
    """Answer /profile in words."""
    return "\n".join(
        [
            _title(seen.name, texts, mark),
            *_standing(seen, texts, mark, community),
            *beside_card(seen, texts, mark, community),
        ]
    )


def beside_card(seen: Seen, texts: Texts, mark: Formatting, community: Community) -> list[str]:
    """Return the lines about what a picture does not show."""
    profile, lines = seen.profile, []
    if seen.figures.left_out == "gone" and not seen.is_own:
        lines.append(texts.gettext("This member has left."))
    if profile.achievements:
        newest = profile.achievements[-ACHIEVEMENTS_SHOWN_MAX:]
        titles = [achievement_title(one.name, community, texts) for one in newest]
        if len(newest) < len(profile.achievements):
            titles.insert(0, "…")
        lines.append(texts.gettext("Achievements: {list}", list=mark.plain(", ".join(titles))))
    if not seen.is_own:
        linked = [PLATFORM_NAMES[one] for one in sorted(seen.figures.platforms, reverse=True)]
        if len(linked) > 1:
            lines.append(texts.gettext("On both platforms: {list}", list=", ".join(linked)))
    elif profile.linked:
        lines.append(texts.gettext("Your Telegram and Discord accounts are linked."))
    else:
        lines.append(texts.gettext("Your other account is not linked yet: send /link."))
    return lines


def picture(seen: Seen, texts: Texts, community: Community) -> Card:
    """Return the card that shows a member."""
    profile, figures = seen.profile, seen.figures
    progress = community.level_curve.progress(profile.xp)
    rank = profile.rank_name
    stats = [
        Stat(texts.gettext("Place"), _place(figures.place, texts)),
        Stat(texts.gettext("XP"), texts.number(profile.xp)),
        Stat(texts.gettext("Balance"), texts.number(profile.balance)),
    ]
    if figures.streak:
        stats.append(Stat(texts.gettext("Days in a row"), texts.number(figures.streak)))
    if figures.reputation:
        stats.append(Stat(texts.gettext("Reputation"), texts.number(figures.reputation)))
    name = one_line(seen.name)[:CARD_NAME_CHARS_MAX] or texts.gettext("(name unknown)")
    return Card(
        name=name,
        rank=None if rank is None else one_line(rank_title(rank, community, texts)),
        level=texts.gettext("Level {level}", level=progress.level),
        progress=_level_progress(progress, texts),
        done=1000 if progress.whole is None else progress.done * 1000 // progress.whole,
        stats=tuple(stats),
        platforms=frozenset(figures.platforms),
    )


def progress_bar(done: int, whole: int) -> str:
    """Draw the progress from one rank to the next. It is full only when all of it is done."""
    filled = max(0, min(BAR_CELLS, done * BAR_CELLS // whole)) if whole > 0 else BAR_CELLS
    return "▰" * filled + "▱" * (BAR_CELLS - filled)


def _title(name: str, texts: Texts, mark: Formatting) -> str:
    return mark.bold(mark.plain(shown_name(name, texts)))


def _standing(seen: Seen, texts: Texts, mark: Formatting, community: Community) -> list[str]:
    profile, figures = seen.profile, seen.figures
    lines = []
    if profile.rank_name is not None:
        rank = rank_title(profile.rank_name, community, texts)
        lines.append(texts.gettext("Rank: {rank}", rank=mark.plain(rank)))
    progress = community.level_curve.progress(profile.xp)
    level = texts.gettext("Level {level}", level=progress.level)
    lines.append(f"{level}: {_level_progress(progress, texts)}")
    if figures.place is not None:
        place = _place(figures.place, texts)
        lines.append(texts.gettext("Place: {place}", place=place))
    lines.append(texts.gettext("XP: {xp}", xp=profile.xp))
    lines.append(texts.gettext("Balance: {coins}", coins=coins_text(profile.balance, texts)))
    if figures.streak:
        lines.append(
            texts.ngettext("{count} day in a row", "{count} days in a row", figures.streak)
        )
    if figures.reputation:
        lines.append(texts.gettext("Reputation: {reputation}", reputation=figures.reputation))
    lines.append(_rank_progress(profile, texts, mark, community, is_own=seen.is_own))
    return lines


def _place(place: int | None, texts: Texts) -> str:
    if place is None:
        return "–"
    if place > PLACES_MAX:
        return texts.gettext("beyond {place}", place=PLACES_MAX)
    return f"#{texts.number(place)}"


def _level_progress(progress: LevelProgress, texts: Texts) -> str:
    if progress.whole is None:
        return texts.gettext("the highest level")
    return texts.gettext("{done} / {whole} XP", done=progress.done, whole=progress.whole)


def _rank_progress(
    profile: Profile, texts: Texts, mark: Formatting, community: Community, *, is_own: bool
) -> str:
    if profile.next_rank_xp is None or profile.next_rank_name is None:
        if not is_own:
            return texts.gettext("The highest rank")
        return texts.gettext("This is the highest rank: well done!")
    bar = progress_bar(profile.xp - profile.rank_xp, profile.next_rank_xp - profile.rank_xp)
    missing = texts.gettext(
        "{xp} to {rank}",
        xp=xp_text(profile.next_rank_xp - profile.xp, texts),
        rank=mark.plain(rank_title(profile.next_rank_name, community, texts)),
    )
    # A voice that reads the text out would name each cell.
    return missing if isinstance(mark, Unformatted) else f"{bar} {missing}"
