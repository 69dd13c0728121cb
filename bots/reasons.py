"""The answer to /why: pure functions from a member's history to a text."""

from config import Community
from db.members.history import Change, History
from schemas import Source, opposite

from .answers import achievement_title, coins_text, shortened, xp_text
from .markup import Markup
from .texts import PLATFORM_NAMES, Texts

#: The reason of what reconcile found changed by hand, and told as an event.
BY_HAND = "reconcile"
#: A Discord message holds 2,000; whatever is older is left out.
ANSWER_CHARS_MAX = 1_950


def listed(
    history: History | None,
    name: str,
    platform: Source,
    texts: Texts,
    mark: Markup,
    community: Community,
) -> str:
    """Answer /why on `platform`, for the member who goes by `name`."""
    title = mark.bold(mark.plain(shortened(name)))
    if history is None:
        return f"{title}\n" + texts.gettext("Nothing has happened here yet.")
    heading = texts.gettext("the last changes, newest first")
    answer = f"{title}: {heading}"
    for change in history.changes:
        line = _line(change, platform, texts, mark, community)
        if len(answer) + len(line) >= ANSWER_CHARS_MAX:
            break
        answer += f"\n{line}"
    return answer


def admins_only(texts: Texts) -> str:
    """Answer somebody who asks about another member."""
    return texts.gettext(
        "Only administrators can ask about others. Send /why alone to see your own changes."
    )


def whom(texts: Texts) -> str:
    """Answer an administrator whose /why names nobody that could be meant."""
    return texts.gettext(
        "Reply with /why to somebody's message, or send it with the number of their account."
    )


def in_private(texts: Texts) -> str:
    """Answer in a group when Telegram shows nobody a message of their own there."""
    return texts.gettext("I cannot show this to you alone here. Please send me /why in private.")


def _line(
    change: Change, platform: Source, texts: Texts, mark: Markup, community: Community
) -> str:
    parts = [
        mark.moment(change.occurred_at),
        PLATFORM_NAMES[change.source],
        mark.plain(_reason(change, texts)),
    ]
    line = f"{' · '.join(parts)}: {_effect(change, texts, mark, community)}"
    note = _note(change, platform, texts)
    return f"{line} ({note})" if note else line


def _reason(change: Change, texts: Texts) -> str:
    if change.reason == BY_HAND:
        return texts.gettext("changed by hand")
    return shortened(change.reason.replace("_", " "))


def _effect(change: Change, texts: Texts, mark: Markup, community: Community) -> str:
    if change.achievement is not None:
        title = mark.plain(achievement_title(change.achievement, community))
        return texts.gettext("Achievement unlocked: {title}", title=title)
    if change.delta_xp:
        effect, total = xp_text(change.delta_xp, texts), change.xp
        sum_ = None if total is None else xp_text(max(total, 0), texts)
    else:
        effect, total = coins_text(change.delta_balance, texts), change.balance
        sum_ = None if total is None else coins_text(max(total, 0), texts)
    signed = effect if effect.startswith(("-", "\u2212")) else f"+{effect}"
    return (
        signed if sum_ is None else texts.gettext("{change}, {sum} in all", change=signed, sum=sum_)
    )


def _note(change: Change, platform: Source, texts: Texts) -> str:
    if change.state == "arrived":
        return ""
    other = opposite(platform) if change.source == platform else platform
    if change.state == "buried":
        return texts.gettext(
            "did not get through to {other}, ask an administrator", other=PLATFORM_NAMES[other]
        )
    return texts.gettext("on its way to {other}", other=PLATFORM_NAMES[other])
