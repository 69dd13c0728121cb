"""The texts of /why. Pure functions."""

from collections.abc import Sequence
from datetime import datetime

from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts, marked
from bots.texts.link_acts import act_line
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, achievement_title, shortened, shown_name
from config import Community
from db.links.states import LinkAct
from db.members.history import History, HistoryRow
from schemas import Source, opposite

#: The reason of events that reconcile recorded for a change that was made by hand.
BY_HAND = "reconcile"
#: The reason of events that brought what a bot's own table held before twinstream.
IMPORTED = "import"
#: The reasons of entries that links made.
_LINK_REASONS = {
    "link": marked("accounts linked"),
    "link_max": marked("accounts linked: the greater amount counts"),
    "link_telegram": marked("accounts linked: what Telegram had counts"),
    "link_discord": marked("accounts linked: what Discord had counts"),
    "link_reward": marked("reward for linking"),
    "unlink": marked("accounts unlinked"),
    "link_undo": marked("link undone"),
    "account_move": marked("account moved"),
}
#: Characters of an answer: a Discord message holds 2,000. Older changes are left out.
ANSWER_CHARS_MAX = 1_950


def changes(
    history: History | None,
    name: str,
    platform: Source,
    texts: Texts,
    mark: Markup,
    community: Community,
    acts: Sequence[LinkAct] = (),
) -> str:
    """Answer /why on `platform` about the member called `name`, whose history may be empty.

    `acts` are the links of the account, and what administrators did about them.
    """
    title = mark.bold(mark.plain(shown_name(name, texts.gettext("A member"))))
    dated = [
        (change.occurred_at, _line(change, platform, texts, mark, community))
        for change in (history.changes if history else ())
    ]
    if not dated and not acts:
        return f"{title}\n" + texts.gettext("Nothing has happened here yet.")
    heading = texts.gettext("the last changes, newest first")
    answer = f"{title}: {heading}"
    for line in _with_acts(dated, acts, platform, texts, mark):
        if len(answer) + len(line) >= ANSWER_CHARS_MAX:
            break
        answer += f"\n{line}"
    return answer


def _with_acts(
    dated: Sequence[tuple[datetime, str]],
    acts: Sequence[LinkAct],
    platform: Source,
    texts: Texts,
    mark: Markup,
) -> list[str]:
    """Put each act before the first change that is older; changes keep their order. Pure."""
    lines: list[str] = []
    waiting = list(acts)
    for occurred_at, line in dated:
        while waiting and waiting[0].acted_at > occurred_at:
            lines.append(_act(waiting.pop(0), platform, texts, mark))
        lines.append(line)
    return lines + [_act(act, platform, texts, mark) for act in waiting]


def _act(act: LinkAct, platform: Source, texts: Texts, mark: Markup) -> str:
    return f"{mark.moment(act.acted_at)} · {act_line(act, platform, texts, mark)}"


def admins_only(texts: Texts) -> str:
    """Answer a member who asks about another one and is no administrator."""
    return texts.gettext(
        "Only administrators can ask about others. Send /why alone to see your own changes."
    )


def unclear(texts: Texts) -> str:
    """Answer a /why whose argument names no account."""
    return texts.gettext(
        "Reply with /why to somebody's message, or send it with the number of their account."
    )


def _line(
    change: HistoryRow, platform: Source, texts: Texts, mark: Markup, community: Community
) -> str:
    parts = [
        mark.moment(change.occurred_at),
        PLATFORM_NAMES[change.source],
        mark.plain(_reason(change, texts)),
    ]
    line = f"{' · '.join(parts)}: {_effect(change, texts, mark, community)}"
    note = _note(change, platform, texts)
    return f"{line} ({note})" if note else line


def _reason(change: HistoryRow, texts: Texts) -> str:
    if change.reason == BY_HAND:
        return texts.gettext("changed by hand")
    if change.reason == IMPORTED:
        return texts.gettext("earned earlier")
    if change.reason in _LINK_REASONS:
        return texts.gettext(_LINK_REASONS[change.reason])
    return shortened(change.reason.replace("_", " "))


def _effect(change: HistoryRow, texts: Texts, mark: Markup, community: Community) -> str:
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


def _note(change: HistoryRow, platform: Source, texts: Texts) -> str:
    if change.state == "arrived":
        return ""
    other = opposite(platform) if change.source == platform else platform
    if change.state == "buried":
        return texts.gettext(
            "did not get through to {other}, ask an administrator", other=PLATFORM_NAMES[other]
        )
    return texts.gettext("on its way to {other}", other=PLATFORM_NAMES[other])
