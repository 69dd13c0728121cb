"""The texts of notices, by their kind, and the buttons under them. Pure functions."""

from typing import Final

from bots.features.linking.texts import code_was_voided
from bots.features.unlinking import UNDO
from bots.features.unlinking.texts import undo_label
from bots.texts.buttons import PressButton, Rows
from bots.texts.languages import Texts, marked
from bots.texts.link_acts import reason_text
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, account_name
from db.members.notices import (
    CODE_VOID,
    LINK_UNDONE,
    LINKED,
    MOVED_AWAY,
    MOVED_HERE,
    PARTNER_MOVED,
    UNLINKED,
    Notice,
)
from schemas import Source


def notice_text(notice: Notice, undo_days: int, texts: Texts, mark: Markup) -> str | None:
    """Return what a notice says; None for a kind that this release does not know.

    `undo_days` are the days within which a link can be undone.
    """
    if notice.kind == CODE_VOID:
        return code_was_voided(texts)
    other: Source = notice.details.get("platform", "telegram")
    account_id = notice.details.get("account_id")
    name = account_name(notice.name, account_id, mark, is_bold=True)
    told = _told(notice, name, PLATFORM_NAMES[other], texts)
    if told is None:
        return None
    reason = reason_text(notice.details.get("reason", ""), mark)
    lines = [told, texts.gettext("Reason: {reason}", reason=reason)] if reason else [told]
    return "\n".join([*lines, _advice(notice, undo_days, texts)])


def notice_buttons(notice: Notice, texts: Texts) -> Rows:
    """Return the button that undoes the link which a notice tells of."""
    link_id = notice.details.get("link_id")
    if notice.kind not in (LINKED, UNLINKED) or link_id is None:
        return ()
    return ((PressButton(undo_label(texts), UNDO, str(link_id)),),)


def _told(notice: Notice, name: str, other: str, texts: Texts) -> str | None:
    is_own = notice.details.get("by") == "member"
    told = _TOLD.get(notice.kind)
    if told is None:
        return None
    by_member, by_others = told
    return texts.gettext(by_member if is_own else by_others, name=name, other=other)


def _advice(notice: Notice, undo_days: int, texts: Texts) -> str:
    if notice.kind == LINKED:
        return texts.ngettext(
            "If this is not right, undo it within {count} day, here or with /undo: each account"
            " gets back what it had.",
            "If this is not right, undo it within {count} days, here or with /undo: each account"
            " gets back what it had.",
            undo_days,
        )
    return texts.gettext(_ADVICE.get(notice.kind, _TELL))


_MOVED_HERE = marked(
    "All that the account {name} had was moved to yours, because its member lost that account."
)
_MOVED_AWAY = marked(
    "All that your account had was moved to the account {name}, because you are said to have lost"
    " this one."
)
_PARTNER_MOVED = marked(
    "Your account is linked with {name} on {other} now, in the place of an account that was lost."
)
#: The texts of a kind: if the other member acted, and if an administrator or the owner did.
_TOLD: Final = {
    LINKED: (
        marked("Your account was linked with {name} on {other}: you are one member now."),
        marked(
            "An administrator has linked your account with {name} on {other}: you are one member"
            " now."
        ),
    ),
    UNLINKED: (
        marked(
            "Your account was unlinked from {name} on {other}. XP and balance are with the Telegram"
            " account now."
        ),
        marked(
            "An administrator has unlinked your account from {name} on {other}. XP and balance are"
            " with the Telegram account now."
        ),
    ),
    LINK_UNDONE: (
        marked(
            "The link of your account with {name} on {other} was undone: each account has again"
            " what it had before."
        ),
        marked(
            "An administrator has undone the link of your account with {name} on {other}: each"
            " account has again what it had before."
        ),
    ),
    MOVED_HERE: (_MOVED_HERE, _MOVED_HERE),
    MOVED_AWAY: (_MOVED_AWAY, _MOVED_AWAY),
    PARTNER_MOVED: (_PARTNER_MOVED, _PARTNER_MOVED),
}
_ADVICE: Final = {
    UNLINKED: marked(
        "Send /link to link the two again. While it can still be undone, /undo gives each account"
        " back its own."
    ),
    LINK_UNDONE: marked("To link the two again, send /link."),
}
_TELL: Final = marked("If this is not right, tell an administrator at once.")
