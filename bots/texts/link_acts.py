"""Texts of links that rooms share: acts of the record, and why one was refused. Pure."""

from db.links.refusals import BooksDiffer, LinkRefused
from db.links.states import LinkAct
from db.stop_signs import Paused
from schemas import Source, opposite

from .amounts import coins_text, xp_text
from .languages import Texts, marked
from .markup import Markup
from .names import PLATFORM_NAMES, account_name
from .outside_text import one_line

#: Characters of a reason in a message. The record keeps more.
REASON_CHARS_MAX = 120


def reason_text(reason: str, mark: Markup) -> str:
    """Return a reason as an administrator wrote it, cut off where it crowds out the message."""
    seen = one_line(reason)
    # Before the markup: a cut inside of it would show its pieces.
    return mark.plain(seen if len(seen) <= REASON_CHARS_MAX else f"{seen[: REASON_CHARS_MAX - 1]}…")


def act_line(act: LinkAct, platform: Source, texts: Texts, mark: Markup) -> str:
    """Say in a few words what was done with an account on `platform`, by whom and why."""
    done = _done(act, platform, texts, mark)
    if act.actor == "member":
        return done
    by = (
        texts.gettext("by an administrator")
        if act.actor == "administrator"
        else texts.gettext("by the owner")
    )
    reason = reason_text(act.reason, mark)
    return f"{done} ({by}: {reason})" if reason else f"{done} ({by})"


def _done(act: LinkAct, platform: Source, texts: Texts, mark: Markup) -> str:
    other = opposite(platform)
    other_id = act.discord_account_id if other == "discord" else act.telegram_account_id
    values = {
        "name": account_name(act.other_name, other_id, mark),
        "other": PLATFORM_NAMES[other],
    }
    match act.operation:
        case "link":
            return texts.gettext("linked with {name} on {other}", **values)
        case "unlink":
            return texts.gettext("unlinked from {name} on {other}", **values)
        case "undo":
            return texts.gettext("link with {name} on {other} undone", **values)
        case "move":
            return texts.gettext(
                "moved from account {account} on {platform}",
                account=mark.code(str(act.from_account_id)),
                platform=PLATFORM_NAMES[act.from_platform or platform],
            )
        case "forbid":
            return texts.gettext("may not link accounts")
        case "allow":
            return texts.gettext("may link accounts again")


def refusal(error: Exception, texts: Texts) -> str:
    """Say why a link, unlink, undo or move was refused, and what can be done instead."""
    if isinstance(error, Paused):
        return texts.gettext(
            "Nothing was changed: linking is paused while the bot is being updated. Please try"
            " again in a few minutes."
        )
    if isinstance(error, BooksDiffer):
        return texts.gettext(
            "Nothing was changed: some of these points are being checked at this moment. Please"
            " try again in half an hour."
        )
    if isinstance(error, LinkRefused) and error.lacking:
        return texts.gettext(
            "Nothing was changed: both accounts together lack {amount} to get back what they had."
            " The accounts can still be unlinked.",
            amount=_amount(error.lacking, texts),
        )
    return texts.gettext(_REFUSALS.get(getattr(error, "rule", ""), _REFUSED))


def _amount(lacking: str, texts: Texts) -> str:
    """Say an amount that Postgres names, such as `5 xp`, in words."""
    number, name = lacking.split()
    return (xp_text if name == "xp" else coins_text)(int(number), texts)


_REFUSED = marked("Nothing was changed: this is not possible.")
_REFUSALS = {
    "account_is_not_linked": marked("Nothing was changed: the account is not linked."),
    "account_is_linked": marked("Nothing was changed: one of these accounts is linked already."),
    "account_may_link": marked(
        "Nothing was changed: an administrator has forbidden one of these accounts to link."
    ),
    "account_is_linked_since": marked(
        "Nothing was changed: one of the accounts was linked anew since then."
    ),
    "link_is_known": marked("Nothing was changed: the account was never linked."),
    "link_is_not_undone": marked("Nothing was changed: this link is undone already."),
    "undo_is_in_time": marked(
        "Nothing was changed: it is too late to undo this link. The accounts can still be unlinked."
    ),
    "links_per_account_limited": marked(
        "Nothing was changed: one of these accounts was linked or moved too often lately."
    ),
    "own_ends_limited": marked(
        "Nothing was changed: too many links were ended today. Please ask an administrator, or try"
        " again tomorrow."
    ),
    "support_uses_limited": marked(
        "Nothing was changed: administrators have acted for members too often today. Please try"
        " again tomorrow, or ask the owner, who has no such limit."
    ),
    "account_is_known": marked(
        "Nothing was changed: I have never seen one of these accounts. Please compare the number,"
        " or ask its owner to send me /profile first."
    ),
    "administrator_acts_for_others": marked(
        "Nothing was changed: administrators link and move accounts of others. For your own, send"
        " /link, or ask another administrator."
    ),
    "move_is_between_two_accounts": marked("Nothing was changed: both accounts are the same."),
}
