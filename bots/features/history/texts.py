"""The texts of /why. Pure functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts, marked
from bots.texts.link_acts import act_line
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, achievement_title, shortened, shown_name
from config import Community
from db.links.states import LinkAct
from db.members.history import History, HistoryRow
from db.rewards.administrators import Note
from schemas import Source, opposite

#: The reason of a bonus, whose entity is the achievement.
BONUS = "achievement_bonus"
#: The reason of a reward by an administrator, whose words are in its note.
REWARD = "reward"
#: The reasons of events that our own processes record, in words.
REASONS = {
    "game_guess": marked("guessing game"),
    "messages": marked("messages"),
    "voice": marked("time in voice channels"),
    "reactions": marked("reactions to messages"),
    "reactions_given": marked("reactions to others' messages"),
    "thanks": marked("thanks"),
    REWARD: marked("reward by an administrator"),
    "invite": marked("invited a member"),
    "daily_claim": marked("daily reward"),
    "reconcile": marked("changed by hand"),
    "import": marked("earned earlier"),
    "link": marked("accounts linked"),
    "link_max": marked("accounts linked: the greater amount counts"),
    "link_telegram": marked("accounts linked: what Telegram had counts"),
    "link_discord": marked("accounts linked: what Discord had counts"),
    "link_reward": marked("reward for linking"),
    "unlink": marked("accounts unlinked"),
    "link_undo": marked("link undone"),
    "account_move": marked("account moved"),
}
#: Acts in one answer.
ACTS_SHOWN_MAX = 12
#: Characters of an administrator's reason in one line, so that one does not crowd out the others.
REASON_CHARS_MAX = 100
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
    notes: Mapping[tuple[Source, str], Note] | None = None,
) -> str:
    """Answer /why on `platform` about the member called `name`, whose history may be empty.

    `acts` are the links of the account, and what administrators did about them; `notes` say of
    rewards by administrators what for.
    """
    title = mark.bold(mark.plain(shown_name(name, texts)))
    dated = [
        (one[0].occurred_at, _line(one, platform, texts, mark, community, notes or {}))
        for one in gathered(history.changes if history else ())[:ACTS_SHOWN_MAX]
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


def gathered(changes: Sequence[HistoryRow]) -> list[list[HistoryRow]]:
    """Gather the changes that came from one act, such as a won game, in the order of the newest.

    An unlocked achievement is an act of its own. Pure.
    """
    found: dict[tuple[str | None, ...], list[HistoryRow]] = {}
    for one in changes:
        key = (one.source, one.reason, one.entity_id, one.achievement)
        found.setdefault(key, []).append(one)
    return list(found.values())


def _line(
    act: Sequence[HistoryRow],
    platform: Source,
    texts: Texts,
    mark: Markup,
    community: Community,
    notes: Mapping[tuple[Source, str], Note],
) -> str:
    newest = act[0]
    begin = f"{mark.moment(newest.occurred_at)} · {PLATFORM_NAMES[newest.source]} · "
    if newest.achievement is not None:
        title = mark.plain(achievement_title(newest.achievement, community, texts))
        line = begin + texts.gettext("Achievement unlocked: {title}", title=title)
    else:
        reason = mark.plain(_reason(newest, texts, community))
        given = notes.get((newest.source, newest.entity_id)) if newest.reason == REWARD else None
        line = f"{begin}{reason}{_given(given, texts, mark)}: {_effect(act, texts)}"
    note = _note(act, platform, texts)
    return f"{line} — {note}" if note else line


def _given(note: Note | None, texts: Texts, mark: Markup) -> str:
    """Say what a reward was for, and whose it was if the reader may know."""
    if note is None:
        return ""
    by = "" if note.administrator_id is None else f" {mark.code(str(note.administrator_id))}"
    reason = mark.plain(note.reason[:REASON_CHARS_MAX])
    return f"{by} " + texts.gettext("({reason})", reason=reason) if reason else by


def _reason(change: HistoryRow, texts: Texts, community: Community) -> str:
    """Say the reason in words: the operator's own, ours, or else those that it consists of."""
    own = community.reason(change.reason, texts.language)
    if own is not None:
        return own
    if change.reason == BONUS:
        title = achievement_title(change.entity_id, community, texts)
        return texts.gettext("bonus for “{title}”", title=title)
    ours = REASONS.get(change.reason)
    return texts.gettext(ours) if ours else shortened(change.reason.replace("_", " "))


def _effect(act: Sequence[HistoryRow], texts: Texts) -> str:
    """Add up what the act changed, and say what the member had after it."""
    changes, sums = [], []
    newest = act[0]
    for delta, total, amount in (
        (sum(one.delta_xp for one in act), newest.xp, xp_text),
        (sum(one.delta_balance for one in act), newest.balance, coins_text),
    ):
        if delta:
            text = amount(delta, texts)
            changes.append(text if text.startswith(("-", "\u2212")) else f"+{text}")
            if total is not None:
                sums.append(amount(max(total, 0), texts))
    if not changes:
        return texts.gettext("no change")
    listed = ", ".join(changes)
    if not sums:
        return listed
    return texts.gettext("{changes} ({sums} in all)", changes=listed, sums=", ".join(sums))


def _note(act: Sequence[HistoryRow], platform: Source, texts: Texts) -> str:
    """Say that a part of the act has not arrived on the other platform."""
    states = {one.state for one in act}
    if states == {"arrived"}:
        return ""
    source = act[0].source
    other = opposite(platform) if source == platform else platform
    if "buried" in states:
        return texts.gettext(
            "did not get through to {other}, ask an administrator", other=PLATFORM_NAMES[other]
        )
    return texts.gettext("on its way to {other}", other=PLATFORM_NAMES[other])
