"""The texts of any command that cannot be answered as usual. Pure functions."""

from .languages import Texts


def unavailable(texts: Texts) -> str:
    """Answer a command that needs Postgres while Postgres is unavailable."""
    return texts.gettext("I cannot reach my records right now. Please try again in a minute.")


def in_the_way(texts: Texts) -> str:
    """Answer a member while another change of the same account takes too long."""
    return texts.gettext(
        "Nothing was changed: another change of this account is under way. Please try again in a"
        " minute."
    )


def failed(texts: Texts) -> str:
    """Answer a command that an unexpected error ended."""
    return texts.gettext("Something went wrong on my side. It is noted; please try again later.")


def too_fast(texts: Texts) -> str:
    """Answer a member who sends commands faster than they are answered."""
    return texts.gettext("You write faster than I can answer. Please wait a few seconds.")


def button_too_old(texts: Texts) -> str:
    """Answer the press of a button that this release or this message has no more."""
    return texts.gettext("This button is too old. Please send the command again.")


def button_of_another(texts: Texts) -> str:
    """Answer a member who presses a button under an answer to another one."""
    return texts.gettext("This button is for the member whom I answered.")
