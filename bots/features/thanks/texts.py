"""The texts of /thanks. Pure functions."""

from bots.texts.amounts import xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import shown_name
from db.earning.thanks import Thanked
from schemas import Source


def answer(thanked: Thanked, receiver: str | None, per_day: int, texts: Texts, mark: Markup) -> str:
    """Answer a member who thanked the account called `receiver`."""
    name = mark.bold(mark.plain(shown_name(receiver, texts)))
    match thanked.outcome:
        case "self":
            return texts.gettext("You cannot thank yourself.")
        case "again":
            return texts.gettext(
                "You have thanked {name} today already. The next time counts tomorrow.",
                name=name,
            )
        case "enough":
            return texts.ngettext(
                "You have thanked {count} person today: more do not count on one day.",
                "You have thanked {count} people today: more do not count on one day.",
                per_day,
            )
        case "late":
            return texts.gettext("This message is too old to count.")
        case "thanked" | "known":
            return _counted(thanked, name, texts)


def _counted(thanked: Thanked, name: str, texts: Texts) -> str:
    said = texts.gettext(
        "Thanks noted. Reputation of {name}: {reputation}.",
        name=name,
        reputation=thanked.reputation,
    )
    return f"{said} +{xp_text(thanked.xp, texts)}" if thanked.xp else said


def nobody(platform: Source, texts: Texts) -> str:
    """Answer a /thanks that names no other member."""
    if platform == "discord":
        return texts.gettext("Name another member to thank, as in /thanks member.")
    return texts.gettext("Reply with /thanks to a message of the member whom you want to thank.")


def bot(texts: Texts) -> str:
    """Answer a member who thanks a bot."""
    return texts.gettext("Bots collect no reputation.")


def excluded(texts: Texts) -> str:
    """Answer a thank by or for somebody whom the settings exclude."""
    return texts.gettext("This does not count: the settings exclude you or this member.")


def absent(receiver: str | None, texts: Texts, mark: Markup) -> str:
    """Answer a member who thanks an account that is not in the group or server."""
    name = mark.bold(mark.plain(shown_name(receiver, texts)))
    return texts.gettext("{name} is not here any more, so this does not count.", name=name)


def unknown(texts: Texts) -> str:
    """Answer while the platform does not say who is there."""
    return texts.gettext(
        "I cannot see at the moment whether this member is here. Please try again in a few minutes."
    )
