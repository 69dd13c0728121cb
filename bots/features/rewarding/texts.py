"""The texts of /reward. Pure functions."""

from collections.abc import Collection

from bots.features.command import Target, TargetKind
from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import achievement_title, shortened, shown_name
from config import Community
from db.rewards.administrators import Given, Reward
from schemas import Source

#: Names of achievements in one answer, so that it fits into a message.
NAMES_SHOWN_MAX = 20


def admins_only(texts: Texts) -> str:
    """Answer a member who is no administrator."""
    return texts.gettext("Only administrators can give rewards. Your own: send /daily.")


def usage(platform: Source, texts: Texts, mark: Markup) -> str:
    """Say how the command is used."""
    if platform == "discord":
        return texts.gettext(
            "Please name a member, an amount or an achievement, and the reason. An amount below 0"
            " takes away."
        )
    lines = [
        texts.gettext(
            "Reply with this to a message of the member, or put the number of their account first."
            " I cannot look up @names. An amount below 0 takes away; the reason is needed."
        ),
        mark.code(texts.gettext("/reward 50 xp 10 coins for the quiz")),
        mark.code(texts.gettext("/reward 1234567 achievement organiser for the meeting")),
    ]
    return "\n".join(lines)


def not_for(kind: TargetKind, target: Target, texts: Texts, mark: Markup) -> str:
    """Answer a reward for an account that can get none."""
    name = _name(target, texts, mark)
    match kind:
        case TargetKind.BOT:
            return texts.gettext("{name} is a bot, and bots get no rewards.", name=name)
        case TargetKind.OUTSIDE:
            return texts.gettext(
                "{name} is not a member here at the moment, so nothing was given.", name=name
            )
        case TargetKind.UNKNOWN | TargetKind.MEMBER:
            return texts.gettext(
                "I cannot see at the moment whether {name} is a member, so nothing was given."
                " Please try again in a few minutes.",
                name=name,
            )


def unknown_achievement(name: str, known: Collection[str], texts: Texts, mark: Markup) -> str:
    """Answer a reward with an achievement that the settings do not have."""
    written = mark.code(shortened(name))
    if not known:
        return texts.gettext(
            "There is no achievement {name}: the settings have none.", name=written
        )
    return texts.gettext(
        "There is no achievement {name}. There are: {list}",
        name=written,
        list=", ".join(mark.code(one) for one in sorted(known)[:NAMES_SHOWN_MAX]),
    )


def answer(
    given: Given, reward: Reward, target: Target, texts: Texts, mark: Markup, community: Community
) -> str:
    """Answer a reward, by what became of it."""
    name = _name(target, texts, mark)
    match given.outcome:
        case "own":
            return texts.gettext("You cannot reward yourself.")
        case "held":
            return texts.gettext("{name} has this achievement already.", name=name)
        case "less":
            return texts.gettext(
                "Nothing was taken: {name} has {xp} and {coins}.",
                name=name,
                xp=xp_text(given.xp, texts),
                coins=coins_text(given.balance, texts),
            )
        case "limited":
            return _limited(given, texts, mark)
        case "given" | "again":
            return _given(given, reward, name, texts, mark, community)


def _given(
    given: Given, reward: Reward, name: str, texts: Texts, mark: Markup, community: Community
) -> str:
    amounts = [
        text if text.startswith(("-", "\u2212")) else f"+{text}"
        for amount, text in (
            (given.xp, xp_text(given.xp, texts)),
            (given.balance, coins_text(given.balance, texts)),
        )
        if amount
    ]
    if given.unlocked and reward.achievement is not None:
        title = achievement_title(reward.achievement, community, texts)
        amounts.append(texts.gettext("achievement “{title}”", title=mark.plain(title)))
    return texts.gettext(
        "{name}: {amounts}. Reason: {reason}",
        name=name,
        amounts=", ".join(amounts),
        reason=mark.plain(reward.reason[:200]),
    )


def _limited(given: Given, texts: Texts, mark: Markup) -> str:
    left = texts.gettext(
        "Nothing was given: this is more than an administrator may give within 24 hours."
        " Left: {xp}, {coins}.",
        xp=xp_text(given.xp, texts),
        coins=coins_text(given.balance, texts),
    )
    if given.free_at is None:
        return left
    return f"{left} " + texts.gettext(
        "From {moment} on it is more.", moment=mark.moment(given.free_at)
    )


def _name(target: Target, texts: Texts, mark: Markup) -> str:
    shown = shown_name(target.name, texts) if target.name else ""
    return mark.bold(mark.plain(shown)) if shown else mark.code(str(target.account_id))
