"""The texts that only the Telegram bot needs. Pure functions."""

from bots.texts.languages import Texts


def anonymous(texts: Texts) -> str:
    """Answer an administrator who writes in the name of the group."""
    return texts.gettext(
        "You are writing in the name of the group, so I cannot tell who you are."
        " Please turn anonymity off and try again."
    )


def as_channel(texts: Texts) -> str:
    """Answer a person who writes in the name of a channel."""
    return texts.gettext(
        "You are writing in the name of a channel, so I cannot tell who you are."
        " Please write in your own name and try again."
    )


def members_only(texts: Texts) -> str:
    """Answer in private an account outside the group."""
    return texts.gettext("I answer members of our Telegram group only: please join it first.")


def unknown_command(command: str, texts: Texts) -> str:
    """Answer a command that does not exist; `command` is Telegram's HTML."""
    return texts.gettext(
        "I do not know {command}. Send /help to see what I can do.", command=command
    )


def not_understood(texts: Texts) -> str:
    """Answer in private what is no command."""
    return texts.gettext("I understand commands only. Send /help to see what I can do.")


def open_private(texts: Texts) -> str:
    """Label the button that leads from the group to the private chat."""
    return texts.gettext("Open the private chat")


def not_ephemeral(command: str, texts: Texts) -> str:
    """Answer in a group where Telegram shows no message to one member alone."""
    return texts.gettext(
        "I cannot show this to you alone here. Please send me {command} in private.",
        command=f"/{command}",
    )


def for_asker(name: str, text: str) -> str:
    """Begin an answer that shares a message with others; both parts are Telegram's HTML."""
    return f"<b>{name}</b>: {text}"


def skipped(questions: int, texts: Texts) -> str:
    """Tell a member how many of their commands got no answer."""
    return texts.ngettext(
        "I left {count} message of yours unanswered, because you write faster than I can answer.",
        "I left {count} messages of yours unanswered, because you write faster than I can answer.",
        questions,
    )


def muted(texts: Texts) -> str:
    """Answer in private a member who may not write in the group."""
    return texts.gettext("You may not write in our group at the moment, so I do not play with you.")


def membership_unknown(texts: Texts) -> str:
    """Answer in private while Telegram does not say who is in the group."""
    return texts.gettext(
        "I cannot see at the moment who is in our group. Please try again in a few minutes."
    )
