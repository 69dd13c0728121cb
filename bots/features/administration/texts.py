"""The texts of /links. Pure functions."""

from collections.abc import Sequence
from typing import Final

from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts, marked
from bots.texts.link_acts import act_line
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, account_name, shown_name
from db.links.states import LinkAct, LinkState, OneSided
from schemas import Source, opposite

from .requests import Request

#: Characters of an answer: a Discord message holds 2,000. Older acts are left out.
ANSWER_CHARS_MAX: Final = 1_950

_DONE = {
    "link": marked("Done: the two accounts are one member now, and both are told."),
    "unlink": marked("Done: the accounts are unlinked, and both are told."),
    "undo": marked("Done: the link is undone, and both accounts are told."),
    "move": marked(
        "Done: the member goes on with the new account. Both accounts are told, and the one that"
        " they are linked with."
    ),
    "forbid": marked("Done: this account may not link any more. A link that exists stays."),
    "allow": marked("Done: this account may link again."),
}
_POLICIES = {
    "sum": marked("what both accounts had"),
    "max": marked("the greater amounts"),
    "telegram": marked("what the Telegram account had"),
    "discord": marked("what the Discord account had"),
}


def usage(platform: Source, request: Request | None, texts: Texts, mark: Markup) -> str:
    """Answer /links without a request, or with half of one."""
    other = PLATFORM_NAMES[opposite(platform)]
    whom = (
        texts.gettext(
            "An account is its number; in a reply to a member's message you can leave it out."
        )
        if platform == "telegram"
        else texts.gettext("An account is a mention such as @name, or its number.")
    )
    lines = [
        texts.gettext(
            "For administrators. Each change needs a reason, which the members can read."
        ),
        whom,
        *(
            f"{mark.code(command)} {what}"
            for command, what in (
                ("/links see 123", texts.gettext("with whom, since when, and what was done")),
                (
                    "/links link 123 456 reason",
                    texts.gettext("link 123 here with 456 on {other}", other=other),
                ),
                ("/links unlink 123 reason", texts.gettext("XP and balance stay with Telegram")),
                (
                    "/links undo 123 reason",
                    texts.gettext("each account gets back what it had before the link"),
                ),
                (
                    "/links move 123 789 reason",
                    texts.gettext("123 is lost: its member goes on with 789, both here"),
                ),
                ("/links forbid 123 reason", texts.gettext("let this member link no more")),
                ("/links allow 123 reason", texts.gettext("let this member link again")),
                ("/links acts", texts.gettext("what administrators did lately")),
                (
                    "/links one-sided",
                    texts.gettext("members who earn here only, to be reminded of /link"),
                ),
            )
        ),
    ]
    if request is not None and request.is_ambiguous:
        lines.insert(
            0,
            texts.gettext(
                "You replied to one member and named another one. Please leave one of the two out."
            ),
        )
    elif request is not None and request.accounts and not request.reason:
        lines.insert(0, texts.gettext("Please add a reason."))
    return "\n".join(lines)


def done(request: Request, texts: Texts) -> str:
    """Answer a request that was done."""
    return texts.gettext(_DONE[request.act])


def admins_only(texts: Texts) -> str:
    """Answer a member who is no administrator."""
    return texts.gettext(
        "Only administrators can do this. For your own account send /link, /unlink or /undo."
    )


def standing(
    account_id: int,
    state: LinkState,
    acts: Sequence[LinkAct],
    platform: Source,
    texts: Texts,
    mark: Markup,
) -> str:
    """Answer /links see."""
    other = PLATFORM_NAMES[opposite(platform)]
    values = {
        "account": mark.code(str(account_id)),
        "name": account_name(state.other_name, state.other_account_id, mark),
        "number": mark.code(str(state.other_account_id)),
        "other": other,
        "moment": "" if state.linked_at is None else mark.moment(state.linked_at),
    }
    lines = [
        texts.gettext(
            "{account} is linked with {name} ({number}) on {other}, since {moment}.", **values
        )
        if state.is_linked
        else texts.gettext("{account} is not linked.", **values)
    ]
    if state.is_linked and state.policy is not None:
        lines.append(
            texts.gettext("The member has {what}.", what=texts.gettext(_POLICIES[state.policy]))
        )
        lines += _amounts_before(state, other, texts)
    if state.undo_until is not None:
        lines.append(
            texts.gettext(
                "The last link can be undone until {moment}.", moment=mark.moment(state.undo_until)
            )
        )
    if state.free_at is not None:
        lines.append(
            texts.gettext(
                "Unlinked lately: from {moment} on it can link another account.",
                moment=mark.moment(state.free_at),
            )
        )
    if state.forbidden_at is not None:
        lines.append(
            texts.gettext("May not link, since {moment}.", moment=mark.moment(state.forbidden_at))
        )
    return _fitting([*lines, *_act_lines(acts, platform, texts, mark)])


def acts(found: Sequence[LinkAct], platform: Source, texts: Texts, mark: Markup) -> str:
    """Answer /links acts."""
    if not found:
        return texts.gettext("Administrators have done nothing about links yet.")
    heading = texts.gettext("What administrators did, newest first:")
    return _fitting([heading, *_act_lines(found, platform, texts, mark)])


def one_sided(
    found: Sequence[OneSided], past: int, next_page: int | None, texts: Texts, mark: Markup
) -> str:
    """Answer /links one-sided."""
    if not found:
        return texts.gettext("There is nobody here who earns on this side only.")
    lines = [texts.gettext("Members who earn here only, most XP first:")]
    for place, one in enumerate(found, past + 1):
        name = shown_name(one.display_name, texts)
        amounts = f"{xp_text(one.xp, texts)}, {coins_text(one.balance, texts)}"
        lines.append(f"{place}. {mark.plain(name)} ({mark.code(str(one.account_id))}): {amounts}")
    if next_page is not None:
        more = mark.code(f"/links one-sided {next_page}")
        lines.append(texts.gettext("More of them: {command}", command=more))
    return "\n".join(lines)


def _fitting(lines: Sequence[str]) -> str:
    """Join the lines, as far as they fit into a message: the oldest acts are left out. Pure."""
    answer = lines[0]
    for line in lines[1:]:
        if len(answer) + len(line) >= ANSWER_CHARS_MAX:
            break
        answer += f"\n{line}"
    return answer


def _amounts_before(state: LinkState, other: str, texts: Texts) -> list[str]:
    mine = (state.xp_before, state.balance_before)
    theirs = (state.other_xp_before, state.other_balance_before)
    if None in (*mine, *theirs):
        return []
    return [
        texts.gettext(
            "Before the link: here {mine}, on {other} {theirs}.",
            mine=_amounts(mine, texts),
            other=other,
            theirs=_amounts(theirs, texts),
        )
    ]


def _amounts(had: tuple[int | None, int | None], texts: Texts) -> str:
    return f"{xp_text(had[0] or 0, texts)}, {coins_text(had[1] or 0, texts)}"


def _act_lines(found: Sequence[LinkAct], platform: Source, texts: Texts, mark: Markup) -> list[str]:
    """Write a line for each act, with the accounts and the administrator."""
    lines = []
    for act in found:
        here = act.telegram_account_id if platform == "telegram" else act.discord_account_id
        done = act_line(act, platform, texts, mark)
        by = f" · {mark.code(str(act.actor_account_id))}" if act.actor == "administrator" else ""
        lines.append(f"{mark.moment(act.acted_at)} · {mark.code(str(here))}: {done}{by}")
    return lines
