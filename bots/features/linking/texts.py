"""The texts of /link, of posted codes and of the notices about them. Pure functions."""

from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import shown_name
from db import Platform
from db.links.codes import CODE_LIFETIME_S, FAILURES_WINDOW_S, LinkOutcome


def code(issued: str, other: str, texts: Texts, mark: Markup) -> str:
    """Answer /link with a new code; `other` is the platform on which it has to be sent."""
    lifetime = texts.ngettext(
        "The code works once, for {count} minute. Show it to nobody.",
        "The code works once, for {count} minutes. Show it to nobody.",
        CODE_LIFETIME_S // 60,
    )
    invitation = texts.gettext(
        "Your code: {code}\nNow send it to me on {other}: {command}",
        code=mark.code(issued),
        other=other,
        command=mark.code(f"/link {issued}"),
    )
    return f"{invitation}\n{lifetime}"


def linked(
    outcome: LinkOutcome, other: str, other_name: str | None, texts: Texts, mark: Markup
) -> str:
    """Answer /link with a code; `other` is the platform that issues codes for this one.

    The name tells a member who was talked into sending a stranger's code whom they are linked with.
    """
    match outcome:
        case LinkOutcome.LINKED:
            return texts.gettext(
                "Done: you and {name} on {other} are one member now, and everything earned on both"
                " is added up. Send /profile to see it. If that is not you, tell an administrator"
                " at once.",
                name=mark.bold(mark.plain(shown_name(other_name, texts.gettext("somebody")))),
                other=other,
            )
        case LinkOutcome.WRONG_CODE:
            return texts.gettext(
                "This code does not work: it is mistyped, used or too old."
                " Send me /link on {other} for a new one.",
                other=other,
            )
        case LinkOutcome.SAME_PLATFORM:
            return texts.gettext("This code is for {other}: send it to me there.", other=other)
        case LinkOutcome.ALREADY_LINKED:
            return texts.gettext(
                "One of these two accounts is linked already, so nothing was changed."
            )
        case LinkOutcome.TOO_MANY_LINKS:
            return texts.gettext(
                "One of these two accounts was linked too often lately, so nothing was changed."
                " Please ask an administrator."
            )
        case LinkOutcome.LOCKED_OUT:
            return texts.ngettext(
                "Too many wrong codes. Please wait {count} minute and try again.",
                "Too many wrong codes. Please wait {count} minutes and try again.",
                FAILURES_WINDOW_S // 60,
            )
        case LinkOutcome.PAUSED:
            return texts.gettext(
                "Linking is paused while the bot is being updated. Nothing was changed: please send"
                " the code again in a few minutes. If it is too old by then, send me /link on"
                " {other} for a new one.",
                other=other,
            )


def linking_paused(texts: Texts) -> str:
    """Answer /link without a code while linking is paused for an upgrade."""
    return texts.gettext(
        "Linking is paused while the bot is being updated. Please send /link again in a few"
        " minutes."
    )


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
