"""The texts of /unlink and /undo, and of /link for members who are linked. Pure functions."""

from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, account_name
from db.links.states import LinkState
from schemas import Source, opposite


def standing(state: LinkState, platform: Source, texts: Texts, mark: Markup) -> str:
    """Answer /link of a linked member: with whom, since when, and how to end it."""
    return "\n".join(
        [
            _with_whom(state, platform, texts, mark),
            texts.gettext("To end this, send /unlink. I will say what happens, and ask once."),
            *_undo_lines(state, texts, mark),
        ]
    )


def before_unlink(
    state: LinkState, platform: Source, cooldown_hours: float, texts: Texts, mark: Markup
) -> str:
    """Answer /unlink of a linked member: what will happen."""
    lines = [
        _with_whom(state, platform, texts, mark),
        texts.gettext("If you unlink them:"),
        texts.gettext("• XP and balance stay with the Telegram account; Discord starts at zero."),
        texts.gettext(
            "• The tag in Telegram stays. On Discord the role of the rank goes, and so does the one"
            " for linked members, if there is one."
        ),
        texts.gettext("• Both accounts keep their achievements."),
    ]
    if cooldown_hours > 0:
        lines.append(
            texts.gettext(
                "• For {hours} h you cannot link either of them with another account. These two can"
                " be linked again at once.",
                hours=f"{cooldown_hours:g}",
            )
        )
    return "\n".join([*lines, *_undo_lines(state, texts, mark, is_command=False)])


def before_undo(state: LinkState, platform: Source, texts: Texts, mark: Markup) -> str:
    """Answer /undo while there is a link that can be undone."""
    return texts.gettext(
        "Your link with {name} on {other} can be undone until {moment}: each account gets back what"
        " it had before the link, and keeps what it has earned itself since. A reward for linking"
        " stays with the Telegram account.",
        name=account_name(state.other_name, state.other_account_id, mark, is_bold=True),
        other=PLATFORM_NAMES[opposite(platform)],
        moment="" if state.undo_until is None else mark.moment(state.undo_until),
    )


def not_linked(state: LinkState, platform: Source, texts: Texts, mark: Markup) -> str:
    """Answer /unlink of a member who is not linked."""
    lines = [texts.gettext("Your account is not linked. Send /link to link it.")]
    if state.free_at is not None:
        lines.append(
            texts.gettext(
                "It was unlinked a short time ago: until {moment} only the same two accounts can be"
                " linked again.",
                moment=mark.moment(state.free_at),
            )
        )
    return "\n".join([*lines, *_undo_lines(state, texts, mark)])


def nothing_to_undo(state: LinkState, platform: Source, texts: Texts, mark: Markup) -> str:
    """Answer /undo where no link can be undone."""
    if state.is_linked:
        return "\n".join(
            [
                _with_whom(state, platform, texts, mark),
                texts.gettext("It is too late to undo this link. To end it, send /unlink."),
            ]
        )
    return texts.gettext("There is no link of your account that can be undone.")


def unlinked(state: LinkState, platform: Source, texts: Texts, mark: Markup) -> str:
    """Answer the button that unlinks."""
    lines = [
        texts.gettext(
            "Done: your account is no longer linked with {name} on {other}.",
            name=account_name(state.other_name, state.other_account_id, mark, is_bold=True),
            other=PLATFORM_NAMES[opposite(platform)],
        ),
        texts.gettext("XP and balance are with the Telegram account now."),
    ]
    return "\n".join([*lines, *_undo_lines(state, texts, mark)])


def undone(state: LinkState, platform: Source, texts: Texts, mark: Markup) -> str:
    """Answer the button that undoes a link."""
    return texts.gettext(
        "Done: the link with {name} on {other} is undone. Each account has again what it had"
        " before, and what it has earned itself since. To link them again, send /link.",
        name=account_name(state.other_name, state.other_account_id, mark, is_bold=True),
        other=PLATFORM_NAMES[opposite(platform)],
    )


def kept(texts: Texts) -> str:
    """Answer the button that changes nothing."""
    return texts.gettext("Nothing was changed.")


def in_private(texts: Texts, _: bool) -> str:
    """Answer /unlink and /undo in a group, where everybody reads along."""
    return texts.gettext("Let us do this in private: it names your other account.")


def unlink_label(texts: Texts) -> str:
    """Name the button that unlinks."""
    return texts.gettext("Unlink the accounts")


def undo_label(texts: Texts) -> str:
    """Name the button that undoes the link."""
    return texts.gettext("Undo the link")


def keep_label(texts: Texts) -> str:
    """Name the button that changes nothing."""
    return texts.gettext("Leave it as it is")


def _with_whom(state: LinkState, platform: Source, texts: Texts, mark: Markup) -> str:
    return texts.gettext(
        "Your account is linked with {name} on {other}, since {moment}.",
        name=account_name(state.other_name, state.other_account_id, mark, is_bold=True),
        other=PLATFORM_NAMES[opposite(platform)],
        moment="" if state.linked_at is None else mark.moment(state.linked_at),
    )


def _undo_lines(
    state: LinkState, texts: Texts, mark: Markup, *, is_command: bool = True
) -> list[str]:
    if state.undo_until is None:
        return []
    moment = mark.moment(state.undo_until)
    if is_command:
        return [
            texts.gettext(
                "Until {moment} you can undo the link instead, so that each account gets back its"
                " own: send /undo.",
                moment=moment,
            )
        ]
    return [
        texts.gettext(
            "Until {moment} you can undo the link instead, so that each account gets back its own.",
            moment=moment,
        )
    ]
