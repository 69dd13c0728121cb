"""The texts that only the Telegram bot needs. Pure functions."""

from bots.texts.languages import Texts


def anonymous(texts: Texts) -> str:
    """Answer an administrator who writes in the name of the group."""
    return texts.gettext(
        "You are writing in the name of the group, so I cannot tell who you are."
        " Please turn anonymity off and try again."
    )


def open_private(texts: Texts) -> str:
    """Label the button that leads from the group to the private chat."""
    return texts.gettext("Open the private chat")


def not_ephemeral(command: str, texts: Texts) -> str:
    """Answer in a group where Telegram shows no message to one member alone."""
    return texts.gettext(
        "I cannot show this to you alone here. Please send me {command} in private.",
        command=f"/{command}",
    )
