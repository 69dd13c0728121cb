"""The texts of linking, of posted codes and of the notices about them. Pure functions."""

from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, rank_title, shown_name
from config import Community
from db import Platform
from db.links.codes import CODE_LENGTH, CODE_LIFETIME_S
from db.links.offers import Confirmation, Has, Offer, Opening
from schemas import opposite

# Invitations: what the member who starts is told.


def invitation_on_discord(code: str, has_button: bool, texts: Texts, mark: Markup) -> str:
    """Answer /link on Discord. The button opens the Telegram bot with the offer inside."""
    if has_button:
        first = texts.gettext(
            "Press the button: it opens our bot on Telegram. Then come back here and confirm."
        )
        second = texts.gettext(
            "Or send the bot on Telegram this code: {code}", code=mark.code(code)
        )
        return "\n\n".join([first, second, _care(texts)])
    told = texts.gettext(
        "Send our bot on Telegram this code: {code}\nThen come back here and confirm.",
        code=mark.code(code),
    )
    return f"{told}\n\n{_care(texts)}"


def invitation_on_telegram(code: str, texts: Texts, mark: Markup) -> str:
    """Answer /link on Telegram."""
    told = texts.gettext(
        "Your code: {code}\nOn Discord, type /link and paste the code. Then come back here and"
        " confirm.",
        code=mark.code(code),
    )
    return f"{told}\n\n{_care(texts)}"


def _care(texts: Texts) -> str:
    """Say how long an offer lasts, and what happens if others see it."""
    lifetime = texts.ngettext(
        "It works once, for {count} minute. Show it to nobody.",
        "It works once, for {count} minutes. Show it to nobody.",
        CODE_LIFETIME_S // 60,
    )
    posted = texts.gettext(
        "If it is posted in our Telegram group, I make it void at once. On Discord I do not look"
        " for codes: if others saw it there, send /link again, and the old one is void."
    )
    return f"{lifetime} {posted}"


def open_telegram(texts: Texts) -> str:
    """Label the button that opens the Telegram bot."""
    return texts.gettext("Open Telegram")


def copy_code(texts: Texts) -> str:
    """Label the button that copies the code."""
    return texts.gettext("Copy the code")


# Opening: what the member is told who sends a code or opens a link.


def opened(offer: Offer, other: str, texts: Texts, mark: Markup) -> str:
    """Tell whom the member is about to join, and that the other side confirms."""
    return texts.gettext(
        "You are about to link your account with {name} on {other}. Nothing has changed yet: go"
        " back to {other} and confirm there. If you do not see my question, send /link there.\n\n"
        "If {name} is not you, press Cancel.",
        name=_name(offer.other_name, texts, mark),
        other=other,
    )


def not_opened(outcome: Opening, wait_s: int, other: str, texts: Texts) -> str:
    """Answer a code or a link that opens nothing; `other` is the platform that gave it out."""
    match outcome:
        case Opening.WRONG_CODE:
            return texts.gettext(
                "I never gave out this code. Please compare it, or send me /link on {other} for a"
                " new one.",
                other=other,
            )
        case Opening.ENDED:
            return texts.gettext(
                "This code was used already, is void, or is too old. Send me /link on {other} for a"
                " new one.",
                other=other,
            )
        case Opening.OWN_CODE | Opening.SAME_PLATFORM:
            return texts.gettext("This code is for {other}: send it to me there.", other=other)
        case Opening.TAKEN:
            return texts.gettext(
                "Another account opened this before you. If the code is yours, decline on {other},"
                " and send me /link there for a new one.",
                other=other,
            )
        case Opening.LOCKED_OUT:
            return texts.ngettext(
                "Too many wrong codes. Please wait {count} minute and try again.",
                "Too many wrong codes. Please wait {count} minutes and try again.",
                -(-wait_s // 60),
            )
        case Opening.PAUSED:
            return texts.gettext(
                "Linking is paused while the bot is being updated. Nothing was changed: please send"
                " the code again in a few minutes. If it is too old by then, send me /link on"
                " {other} for a new one.",
                other=other,
            )
        case Opening.ALREADY_LINKED | Opening.OPENED:
            return one_is_linked(texts)


def no_code(other: str, texts: Texts) -> str:
    """Answer a text that has not the shape of a code."""
    return texts.gettext(
        "This is not a code: a code has {count} letters and digits. Send me /link on {other} for"
        " one.",
        count=CODE_LENGTH,
        other=other,
    )


def cancel(texts: Texts) -> str:
    """Label the button of the one who opened an offer."""
    return texts.gettext("Cancel")


# Confirming: what the member who started is asked.


def confirmation(
    offer: Offer, platform: Platform, texts: Texts, mark: Markup, community: Community
) -> str:
    """Ask the member who started whether the account that opened the offer is theirs."""
    here, other = PLATFORM_NAMES[platform], PLATFORM_NAMES[opposite(platform)]
    question = texts.gettext(
        "{name} on {other} has opened your link or code. Confirm only if that is you.",
        name=_name(offer.other_name, texts, mark),
        other=other,
    )
    lines = [
        _has(other, offer.theirs, texts, mark, community),
        _has(here, offer.mine, texts, mark, community),
        _has(texts.gettext("Together"), offer.joint, texts, mark, community),
    ]
    reward = [
        text
        for amount, text in (
            (offer.reward_xp, xp_text(offer.reward_xp, texts)),
            (offer.reward_balance, coins_text(offer.reward_balance, texts)),
        )
        if amount
    ]
    if reward:
        told = texts.gettext(
            "For linking you get {reward}: that is counted in.", reward=", ".join(reward)
        )
        lines.append(told)
    if offer.achievements:
        lines.append(
            texts.gettext(
                "Achievements: you keep those of both sides, {count} together.",
                count=offer.achievements,
            )
        )
    waiting = texts.gettext("Nothing has changed yet.")
    return "\n\n".join([question, "\n".join(lines), waiting])


def confirm(texts: Texts) -> str:
    """Label the button that links."""
    return texts.gettext("Yes, that is me")


def decline(texts: Texts) -> str:
    """Label the button that declines."""
    return texts.gettext("No")


# Outcomes.


def linked(other_name: str | None, other: str, texts: Texts, mark: Markup) -> str:
    """Tell a member with whom they are linked now.

    The name tells a member who was talked into it whom they are linked with.
    """
    return texts.gettext(
        "Done: you and {name} on {other} are one member now. Send /profile to see what you have. If"
        " that is not you, send /undo: each account gets back what it had.",
        name=_name(other_name, texts, mark),
        other=other,
    )


def not_linked(outcome: Confirmation, texts: Texts) -> str:
    """Tell the member who confirmed why nothing was changed."""
    match outcome:
        case Confirmation.ALREADY_LINKED:
            return one_is_linked(texts)
        case Confirmation.TOO_MANY_LINKS:
            return texts.gettext(
                "One of these two accounts was linked or moved too often lately, so nothing was"
                " changed."
                " Please ask an administrator."
            )
        case Confirmation.FORBIDDEN:
            return texts.gettext(
                "Nothing was changed: an administrator has forbidden one of these accounts to link."
            )
        case Confirmation.COOLING_DOWN:
            return texts.gettext(
                "Nothing was changed: one of these accounts was unlinked from another one a short"
                " time ago. Please try again later; /unlink there says when."
            )
        case Confirmation.PAUSED:
            return linking_paused(texts)
        case Confirmation.ENDED | Confirmation.LINKED:
            return ended(texts)


def ended(texts: Texts) -> str:
    """Answer a button of an offer that is over."""
    return texts.gettext(
        "This question is too old, and nothing was changed. Send /link to start again."
    )


def one_is_linked(texts: Texts) -> str:
    """Answer where one of the two accounts is linked with a third one."""
    return texts.gettext("One of these two accounts is linked already, so nothing was changed.")


def declined(texts: Texts) -> str:
    """Answer the member who started and declined."""
    return texts.gettext(
        "Declined: nothing was changed, and the link and its code no longer work. If somebody else"
        " opened it, others have seen it. Send /link for a new one."
    )


def cancelled(texts: Texts) -> str:
    """Answer the member who opened and cancelled."""
    return texts.gettext("Cancelled: nothing was changed.")


def other_declined(other: str, texts: Texts) -> str:
    """Tell one side that the other side does not want it."""
    return texts.gettext(
        "The other side on {other} declined, so nothing was changed. Send /link to start again.",
        other=other,
    )


def linking_paused(texts: Texts) -> str:
    """Answer /link without a code while linking is paused for an upgrade."""
    return texts.gettext(
        "Linking is paused while the bot is being updated. Please send /link again in a few"
        " minutes."
    )


# Groups and posted codes.


def in_private(texts: Texts, code_was_shown: bool) -> str:
    """Answer /link in a group, where everybody reads along."""
    answer = texts.gettext("Let us do this in private, so that nobody else sees your code.")
    if not code_was_shown:
        return answer
    return f"{answer} " + texts.gettext(
        "Others have seen this one, so send /link on Discord for a new code first."
    )


def code_void(issued_on: Platform, texts: Texts) -> str:
    """Answer in the group to a live code that everybody there could read."""
    if issued_on == "discord":
        return texts.gettext(
            "Everybody here could read this code, so I have made it void. Send /link on Discord for"
            " a new one, and then send that one to me in a private chat."
        )
    return texts.gettext(
        "Everybody here could read this code, so I have made it void. Send me /link in a private"
        " chat for a new one, and then send that one to me on Discord."
    )


def code_not_void_yet(texts: Texts) -> str:
    """Answer in the group to /link with a code while Postgres is unavailable."""
    return texts.gettext(
        "I cannot reach my records right now, so this code may still work. I will make it void as"
        " soon as I can."
    )


def code_was_voided(texts: Texts) -> str:
    """Tell the owner of a code, in private, that the code is void and why."""
    return texts.gettext(
        "The code that I gave you for linking your accounts was posted in our Telegram group, where"
        " everybody could read it. I have made it void, and nothing was linked with it. If you"
        " still want to link your accounts, send /link for a new code, and show it to nobody."
    )


def _name(name: str | None, texts: Texts, mark: Markup) -> str:
    return mark.bold(mark.plain(shown_name(name, texts)))


def _has(title: str, has: Has, texts: Texts, mark: Markup, community: Community) -> str:
    parts = [xp_text(has.xp, texts), coins_text(has.balance, texts)]
    if has.rank_name is not None:
        parts.append(mark.plain(rank_title(has.rank_name, community, texts)))
    return f"{title}: {', '.join(parts)}"
