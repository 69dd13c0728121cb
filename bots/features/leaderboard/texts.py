"""The texts of /top. Pure functions."""

from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import rank_title, shown_name
from config import Community
from db.members.boards import Board, BoardPlace, Line, Page, Standing

#: Stands before the line of the asker.
_OWN = "➤"


def title(board: Board, texts: Texts) -> str:
    """Return the first line of a board."""
    match board:
        case "xp":
            return texts.gettext("The members with the most XP")
        case "month":
            return texts.gettext("The most XP this month")
        case "week":
            return texts.gettext("The most XP this week")
        case "balance":
            return texts.gettext("The members with the most coins")
        case "streak":
            return texts.gettext("The most days in a row")
        case "reputation":
            return texts.gettext("The members who were thanked most")


def score_text(board: Board, score: int, texts: Texts) -> str:
    """Return an amount of what a board counts, in words."""
    match board:
        case "balance":
            return coins_text(score, texts)
        case "streak":
            return texts.ngettext("{count} day", "{count} days", score)
        case "reputation":
            return texts.ngettext("{count} thanks", "{count} thanks", score)
        case _:
            return xp_text(score, texts)


def table(
    board: Board, page: Page, asker: str, texts: Texts, mark: Markup, community: Community
) -> str:
    """Answer /top: a page of a board, and the asker's place below it if it is not on the page.

    The asker's own line has the name that the asker has now.
    """
    if not page.lines:
        return empty(board, page.own, texts, mark)
    lines = [mark.bold(title(board, texts))]
    for number, line in enumerate(page.lines):
        place = page.first.further(number)
        shown = line._replace(display_name=asker) if line.is_own else line
        lines.append(_line(board, place, shown, texts, mark, community))
    if not any(line.is_own for line in page.lines):
        lines += ["", own_text(board, page.own, texts)]
    return "\n".join(lines)


def empty(board: Board, own: Standing, texts: Texts, mark: Markup) -> str:
    """Answer /top while nobody is on the board."""
    is_absent = own.is_hidden or own.is_left_out
    if board == "xp" and not is_absent:
        return texts.gettext(
            "Nobody has any XP yet. Take part in the chat, or send /guess, and be the first."
        )
    nobody = texts.gettext("Nobody is on this board yet.")
    text = f"{mark.bold(title(board, texts))}\n{nobody}"
    return f"{text} {own_text(board, own, texts)}" if is_absent else text


def own_text(board: Board, own: Standing, texts: Texts) -> str:
    """Tell the asker their place, or why they have none."""
    if own.is_hidden:
        return texts.gettext("You are hidden from boards; /privacy shows you again.")
    if own.is_left_out:
        return texts.gettext("You are on no board: this community leaves you out of them.")
    if own.place is None:
        return texts.gettext("You have no points on this board yet.")
    score = score_text(board, own.score, texts)
    if own.place.is_exact:
        return texts.gettext("Your place: {place}, {score}", place=own.place.number, score=score)
    return texts.gettext("Your place: about {place}, {score}", place=own.place.number, score=score)


def unclear(texts: Texts) -> str:
    """Answer a member who asks for a board that there is not."""
    return texts.gettext(
        "I know these boards: /top xp, /top month, /top week, /top coins, /top streak and"
        " /top thanks. /top me shows the page that you are on, and /top 3 the third page."
    )


def open_your_own(texts: Texts) -> str:
    """Answer a member who turns a page for another one."""
    return texts.gettext("This board was opened by another member. Send /top for your own one.")


def _line(
    board: Board, place: BoardPlace, line: Line, texts: Texts, mark: Markup, community: Community
) -> str:
    name = mark.plain(shown_name(line.display_name, texts))
    number = texts.gettext("{place}.", place=place.number)
    if not place.is_exact:
        number = f"≈{number}"
    text = f"{number} {name} — {score_text(board, line.key.score, texts)}"
    if board == "xp" and line.rank_name:
        text += f" ({mark.plain(rank_title(line.rank_name, community, texts))})"
    return f"{_OWN} {text}" if line.is_own else text
