"""The texts of /privacy. Pure functions."""

from collections.abc import Sequence

from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, account_name, shortened
from db.members.privacy import Stored


def overview(stored: Sequence[Stored], texts: Texts, mark: Markup, *, can_forget: bool) -> str:
    """Say what is stored about a member; `stored` has a row for each of their accounts."""
    if not stored:
        return texts.gettext("Nothing is stored about you.")
    if stored[0].is_being_forgotten:
        return texts.gettext(
            "You asked to be forgotten, and it is being done. In a few minutes nothing of you will"
            " be left here."
        )
    lines = [mark.bold(texts.gettext("What is stored about you"))]
    lines += [_account(one, texts, mark) for one in stored]
    lines.append(_possessions(stored[0], texts))
    lines += [
        texts.gettext(
            "Everybody here can see your name, XP, level, rank, balance, achievements, days in a"
            " row and thanks: in /profile, on boards such as /top, and in announcements. The"
            " administrators can see everything above."
        )
        if not stored[0].is_hidden
        else texts.gettext(
            "Boards such as /top leave you out, and /profile shows you to nobody else;"
            " announcements still name you. The administrators can see everything above."
        ),
        texts.gettext(
            "It is kept until you have yourself forgotten. The texts of messages are not stored."
        ),
    ]
    if not can_forget:
        lines.append(
            texts.gettext("To have yourself forgotten, please write to the administrators.")
        )
    return "\n".join(lines)


def exported(entries_max: int, texts: Texts) -> str:
    """Announce the file."""
    return texts.gettext(
        "Here is everything that is stored about you, as JSON: of the changes the newest {count} at"
        " most. If you need more, please ask the administrators.",
        count=entries_max,
    )


def exported_lately(wait_s: float, texts: Texts) -> str:
    """Answer a member who asks for the file again."""
    return texts.ngettext(
        "I have just sent you the file. Please wait {count} minute before you ask for a new one.",
        "I have just sent you the file. Please wait {count} minutes before you ask for a new one.",
        int(-(-wait_s // 60)),
    )


def hidden(texts: Texts, *, hidden: bool) -> str:
    """Confirm the wish."""
    if hidden:
        return texts.gettext("Done: boards leave you out from now on. Your points stay.")
    return texts.gettext("Done: boards show you again.")


def warning(stored: Sequence[Stored], texts: Texts, mark: Markup) -> str:
    """Say what is lost, before a member has themselves forgotten."""
    lines = [
        mark.bold(texts.gettext("Nobody can undo this.")),
        texts.gettext("You lose {possessions}", possessions=_possessions(stored[0], texts)),
        texts.gettext(
            "You also lose your rank, your role and your tag. Your name and your number are deleted"
            " from everything that I store. The amounts stay in the books, under a random number"
            " that leads nobody to you. If you come back later, you begin at zero."
        ),
    ]
    lines += [
        texts.gettext(
            "Your {platform} account ({name}) is linked, and I forget it together with this one. If"
            " you want to keep one of them, unlink them first: the points stay with the Telegram"
            " account then.",
            platform=PLATFORM_NAMES[other.platform],
            name=account_name(other.display_name, other.account_id, mark),
        )
        for other in stored[1:]
    ]
    lines.append(
        texts.gettext(
            "Messages in chats stay where they are, and so do backups until the administrators"
            " delete them; a restored backup does not bring you back."
        )
    )
    return "\n".join(lines)


def forgetting(texts: Texts) -> str:
    """Answer the member who confirmed."""
    return texts.gettext(
        "You will be forgotten within the next minutes. Your role and your tag go first. After that"
        " /privacy finds nothing. Goodbye!"
    )


def unlink_first(texts: Texts) -> str:
    """Answer a member whose link is so young that it can be undone: forgetting cannot."""
    return texts.gettext(
        "Nothing was changed: your accounts were linked only a few days ago, and one of them could"
        " be somebody else's. Please send /unlink first, then /privacy with each account of yours."
    )


def paused(texts: Texts) -> str:
    """Answer while the database is being moved to another release."""
    return texts.gettext(
        "That is not possible while the bot is being updated. Nothing was changed: please send"
        " /privacy again in a few minutes."
    )


def in_private(texts: Texts, _: bool) -> str:
    """Answer /privacy in a group, where everybody reads along."""
    return texts.gettext("Let us do this in private: it concerns nobody but you.")


def _account(one: Stored, texts: Texts, mark: Markup) -> str:
    number = mark.code(str(one.account_id))
    platform = PLATFORM_NAMES[one.platform]
    name = mark.plain(shortened(one.display_name or ""))
    line = (
        texts.gettext(
            "{platform}: account {number}, named {name}.",
            platform=platform,
            number=number,
            name=name,
        )
        if name
        else texts.gettext(
            "{platform}: account {number}, without a name.", platform=platform, number=number
        )
    )
    if one.entries and one.first_entry_at is not None:
        changes = texts.ngettext(
            "{count} change of XP, balance or achievements since {moment}, with cause and time.",
            "{count} changes of XP, balance or achievements since {moment}, with cause and time.",
            one.entries,
            moment=mark.moment(one.first_entry_at),
        )
        line = f"{line} {changes}"
    if one.linked_since is not None:
        linked = texts.gettext("Linked since {moment}.", moment=mark.moment(one.linked_since))
        line = f"{line} {linked}"
    return line


def _possessions(one: Stored, texts: Texts) -> str:
    return texts.gettext(
        "{xp}, {coins} and {achievements}.",
        xp=xp_text(one.xp, texts),
        coins=coins_text(one.balance, texts),
        achievements=texts.ngettext(
            "{count} achievement", "{count} achievements", one.achievements
        ),
    )
