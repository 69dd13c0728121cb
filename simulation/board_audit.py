"""Boards: every page of each, read through the real functions, against the tables at rest."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import product
from typing import Any, Final, get_args

from bus import Source
from db.members import boards
from db.members.boards import After, Board, First, Mine, Page

from .bot_calls import accounts_of
from .pool import Pool
from .postgres import RealPostgres

BOARDS: Final[Sequence[Board]] = get_args(Board)
#: Lines of a page, so that a few members fill several.
LINES: Final = 2


class WrongBoard(AssertionError):
    """A page of a board is not what it should be."""


def check_page(board: Board, page: Page) -> None:
    """Check one page by itself, whatever happens meanwhile.

    Raises:
        WrongBoard: lines are out of order, or a member stands there twice.
    """
    keys = [line.key for line in page.lines]
    members = [key.member_id for key in keys]
    in_order = sorted(keys, key=lambda key: (-key.score, key.reached_at, key.member_id))
    if keys != in_order or len(set(members)) < len(members):
        raise WrongBoard(f"{board}: the lines {keys} are out of order")


async def check_boards(pool: Pool, real: RealPostgres, sources: Sequence[Source]) -> None:
    """Turn every page of every board, and compare it with the tables. Nothing may happen meanwhile.

    Raises:
        WrongBoard: says what differs.
    """
    async with pool.acquire() as conn:
        for board, source in product(BOARDS, sources):
            wanted = _wanted(real, board)
            lines: list[tuple[int, int]] = []
            position: First | After = First()
            while True:
                page = await boards.read_page(conn, source, accounts_of(source)[0], board, position)
                check_page(board, page)
                if page.first.number != 1 + len(lines):
                    raise WrongBoard(f"{board}: a page begins with {page.first} behind {lines}")
                lines += [(line.key.member_id, line.key.score) for line in page.lines]
                if not page.has_next:
                    break
                position = After(page.lines[-1].key)
            if lines != wanted:
                raise WrongBoard(f"{board} on {source} is {lines}, and should be {wanted}")
            await _check_own(conn, real, source, board, wanted)
    if breaches := "\n".join(_sums(real)):
        raise WrongBoard(breaches)


async def _check_own(
    conn: Any, real: RealPostgres, source: Source, board: Board, wanted: list[tuple[int, int]]
) -> None:
    """Check that everybody is told their own place."""
    places = {member: (number, score) for number, (member, score) in enumerate(wanted, 1)}
    owners = dict(
        real.fetch("SELECT account_id, member_id FROM accounts WHERE platform = $1", source)
    )
    for account in accounts_of(source):
        page = await boards.read_page(conn, source, account, board, Mine())
        check_page(board, page)
        place, score = places.get(owners.get(account, 0), (None, 0))
        told = page.own.place and page.own.place.number
        if (told, page.own.score) != (place, score):
            raise WrongBoard(
                f"{board}: {account} is told place {told} with {page.own.score}, and has place"
                f" {place} with {score}"
            )


def _wanted(real: RealPostgres, board: Board) -> list[tuple[int, int]]:
    """Return the members of a board and their scores in order, added up from the records."""
    [periods] = real.fetch(
        "SELECT (now() AT TIME ZONE 'UTC')::date AS today,"
        " date_trunc('week', now() AT TIME ZONE 'UTC')::date AS week,"
        " date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month"
    )
    rows = real.fetch(
        "SELECT m.*, s.reputation_at, s.streak_at FROM members AS m"
        " LEFT JOIN member_scores AS s ON s.member_id = m.id WHERE m.on_board"
    )
    scores = _scores(real, board, periods["today"])
    found = []
    for row in rows:
        match board:
            case "xp" | "balance":
                score = scores[row["id"]]
                at = row["earned_at" if board == "xp" else "balance_at"]
            case "week" | "month":
                score = row[f"{board}_xp"] if row[board] == periods[board] else 0
                at = row["earned_at"]
            case "reputation":
                score, at = scores[row["id"]], row["reputation_at"]
            case _:
                score, at = scores[row["id"]], row["streak_at"]
        if score > 0:
            found.append((-score, at, row["id"]))
    return [(member, -score) for score, _, member in sorted(found)]


def _scores(real: RealPostgres, board: Board, today: date) -> Counter[int]:
    """Add up what the accounts of each member have."""
    scores: Counter[int] = Counter()
    if board in ("xp", "balance"):
        for member, amount in real.fetch(
            f"""
            SELECT a.member_id, t.delta_{board} FROM transactions AS t
            JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
            WHERE t.platform = t.source
            """  # noqa: S608 - one of two constants
        ):
            scores[member] += amount
    elif board == "reputation":
        for member in real.fetch(
            "SELECT a.member_id FROM thanks AS t JOIN accounts AS a ON a.platform = t.platform"
            " AND a.account_id = t.receiver_account_id"
        ):
            scores[member[0]] += 1
    elif board == "streak":
        streaks: dict[int, list[tuple[date, int]]] = defaultdict(list)
        for member, day, streak in real.fetch(
            "SELECT a.member_id, s.streak_day, s.streak FROM account_scores AS s"
            " JOIN accounts AS a USING (platform, account_id) WHERE s.streak_day IS NOT NULL"
        ):
            streaks[member].append((day, streak))
        for member, theirs in streaks.items():
            last = max(day for day, _ in theirs)
            # The longest one that lives; it counts today and on the day after its last.
            if last >= today - timedelta(days=1) and last <= today:
                living = [streak for day, streak in theirs if day >= last - timedelta(days=1)]
                scores[member] = max(living)
    return scores


def _sums(real: RealPostgres) -> Iterator[str]:
    """The earnings of this week and month are neither more nor less than the ledger says.

    Links, unlinks and undoing move it between members, and none of it comes or goes.
    """
    for period in ("week", "month"):
        [(has,)] = real.fetch(
            f"""
            SELECT coalesce(sum({period}_xp), 0)::bigint FROM members
            WHERE {period} = date_trunc('{period}', now() AT TIME ZONE 'UTC')::date
            """  # noqa: S608 - one of two constants
        )
        [(earned,)] = real.fetch(
            f"""
            SELECT coalesce(sum(delta_xp), 0)::bigint FROM transactions
            WHERE platform = source AND NOT starts_with(idempotency_key, 'link:')
                AND occurred_at >= date_trunc('{period}', now() AT TIME ZONE 'UTC')
                    AT TIME ZONE 'UTC'
            """  # noqa: S608 - one of two constants
        )
        if has != earned:
            yield f"members earned {has} XP this {period}, the ledger says {earned}"
