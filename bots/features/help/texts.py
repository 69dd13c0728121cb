"""The texts of /help and /start. Pure functions."""

from collections.abc import Sequence
from typing import Any

from bots.features.command import Command
from bots.texts.languages import Texts
from bots.texts.markup import Markup


def welcome(texts: Texts) -> str:
    """Answer /start."""
    return texts.gettext(
        "Hello! I keep XP, balance and ranks the same in our Telegram group and our Discord server."
        " Send /guess to play, /link to link your two accounts, /help for everything else."
    )


def menu(commands: Sequence[Command[Any]], texts: Texts, mark: Markup) -> str:
    """Answer /help with one line for each of the commands."""
    lines = [mark.bold(texts.gettext("What I can do"))]
    lines += [f"/{command.name} — {texts.gettext(command.description)}" for command in commands]
    return "\n".join(lines)
