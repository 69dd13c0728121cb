"""The texts of /invite. Pure functions."""

from bots.texts.languages import Texts
from bots.texts.markup import Markup


def own_link(link: str, texts: Texts, mark: Markup) -> str:
    """Give a member their own invite link."""
    return texts.gettext(
        "Your own invite link: {link}\nEach new member who comes by it, stays and takes part counts"
        " as invited by you.",
        link=mark.code(link),
    )


def no_link(texts: Texts) -> str:
    """Answer while Telegram lets the bot make no link."""
    return texts.gettext(
        "I cannot make an invite link now. Please try again in a few minutes. If that does not"
        " help, an administrator has to give me the right to invite users."
    )
