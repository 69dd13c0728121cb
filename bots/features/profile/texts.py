"""The texts of /profile. Pure functions."""

from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import achievement_title, rank_title, shown_name
from config import Community
from db.members.profiles import Profile

#: Cells of the progress bar: ten show steps of 10 % and fit beside a rank's name on a phone.
BAR_CELLS = 10
#: Achievements in one answer, the newest. A Discord message holds 2,000 characters.
ACHIEVEMENTS_SHOWN_MAX = 10


def card(
    profile: Profile | None, name: str, texts: Texts, mark: Markup, community: Community
) -> str:
    """Answer /profile."""
    title = mark.bold(mark.plain(shown_name(name, texts)))
    if profile is None:
        return f"{title}\n" + texts.gettext("Nothing earned yet. Send /guess to win your first XP.")
    lines = [title]
    if profile.rank_name is not None:
        rank = rank_title(profile.rank_name, community, texts)
        lines.append(texts.gettext("Rank: {rank}", rank=mark.plain(rank)))
    lines.append(texts.gettext("XP: {xp}", xp=profile.xp))
    lines.append(texts.gettext("Balance: {coins}", coins=coins_text(profile.balance, texts)))
    lines.append(_progress(profile, texts, mark, community))
    if profile.achievements:
        newest = profile.achievements[-ACHIEVEMENTS_SHOWN_MAX:]
        titles = [achievement_title(one.name, community, texts) for one in newest]
        if len(newest) < len(profile.achievements):
            titles.insert(0, "…")
        lines.append(texts.gettext("Achievements: {list}", list=mark.plain(", ".join(titles))))
    lines.append(
        texts.gettext("Your Telegram and Discord accounts are linked.")
        if profile.linked
        else texts.gettext("Your other account is not linked yet: send /link.")
    )
    return "\n".join(lines)


def progress_bar(done: int, whole: int) -> str:
    """Draw the progress from one rank to the next. It is full only when all of it is done."""
    filled = max(0, min(BAR_CELLS, done * BAR_CELLS // whole)) if whole > 0 else BAR_CELLS
    return "▰" * filled + "▱" * (BAR_CELLS - filled)


def _progress(profile: Profile, texts: Texts, mark: Markup, community: Community) -> str:
    if profile.next_rank_xp is None or profile.next_rank_name is None:
        return texts.gettext("This is the highest rank: well done!")
    bar = progress_bar(profile.xp - profile.rank_xp, profile.next_rank_xp - profile.rank_xp)
    missing = texts.gettext(
        "{xp} to {rank}",
        xp=xp_text(profile.next_rank_xp - profile.xp, texts),
        rank=mark.plain(rank_title(profile.next_rank_name, community, texts)),
    )
    return f"{bar} {missing}"
