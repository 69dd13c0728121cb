"""Offers: opening one links nothing, and the account that started it confirms last."""

import asyncio
from collections.abc import Mapping
from random import Random

import asyncpg
import pytest

from db import Platform
from db.ledger.ranks import RankRow, set_ranks
from db.links import codes, offers
from db.links.codes import FAILURES_MAX, FAILURES_WINDOW_S, void_codes
from db.links.links import Policy
from db.links.offers import Confirmation, Has, News, Offer, Opened, Opening, Started
from db.links.refusals import LinkRefused
from db.upkeep import expired_codes
from tests.support.recorded_events import Record, balance, record, settle, xp
from tests.support.typed_codes import NOISE, forms_of

TG, DC, THIEF = 1001, 2002, 6666
#: The account that starts, the account that opens, and a third one on the opener's platform.
DIRECTIONS: Mapping[str, tuple[tuple[Platform, int], tuple[Platform, int]]] = {
    "from discord": (("discord", DC), ("telegram", TG)),
    "from telegram": (("telegram", TG), ("discord", DC)),
}
both_ways = pytest.mark.parametrize("direction", DIRECTIONS)


class Side:
    """One account and what it can do with offers."""

    def __init__(self, pool: asyncpg.Pool, platform: Platform, account_id: int) -> None:
        self.pool, self.platform, self.account_id = pool, platform, account_id

    async def start(self) -> Started:
        async with self.pool.acquire() as conn:
            return await offers.start(conn, self.platform, self.account_id, f"N{self.account_id}")

    async def code(self) -> str:
        started = await self.start()
        assert started.code is not None
        return started.code

    async def open(self, proof: str | None) -> Opened:
        assert proof is not None
        async with self.pool.acquire() as conn:
            name = f"N{self.account_id}"
            return await offers.open_offer(conn, self.platform, self.account_id, proof, name)

    async def outcome(self, proof: str | None) -> Opening:
        return (await self.open(proof)).outcome

    async def confirm(self, offer_id: int, policy: Policy = "sum") -> Confirmation:
        async with self.pool.acquire() as conn:
            return await offers.confirm(
                conn, self.platform, self.account_id, offer_id, policy=policy
            )

    async def decline(self, offer_id: int) -> str:
        async with self.pool.acquire() as conn:
            return await offers.decline(conn, self.platform, self.account_id, offer_id)

    async def look(self, offer_id: int | None = None, policy: Policy = "sum") -> Offer | None:
        async with self.pool.acquire() as conn:
            return await offers.offer_of(
                conn, self.platform, self.account_id, offer_id, policy=policy
            )

    async def news(self) -> list[News]:
        async with self.pool.acquire() as conn:
            return await offers.news(conn, self.platform, older_than_s=60)


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


def sides(pool: asyncpg.Pool, direction: str) -> tuple[Side, Side, Side]:
    """Return the starter, the opener, and a thief on the opener's platform."""
    starter, opener = DIRECTIONS[direction]
    return Side(pool, *starter), Side(pool, *opener), Side(pool, opener[0], THIEF)


async def earn(pool: asyncpg.Pool) -> None:
    await set_ranks(pool, [RankRow("Newcomer", 10), RankRow("Regular", 30)])
    mine = [xp(20), balance(7)]
    theirs = [xp(15, user_id=DC, source="discord")]
    await record(pool, *mine)
    await settle(pool, *mine)
    await record(pool, *theirs, source="discord")
    await settle(pool, *theirs, source="discord")


@both_ways
@pytest.mark.parametrize("by", ["code", "token"])
async def test_opening_changes_nothing_and_confirming_links(pool, books, direction, by):
    starter, opener, _ = sides(pool, direction)
    await earn(pool)
    started = await starter.start()

    opened = await opener.open(getattr(started, by))
    assert opened == Opened(Opening.OPENED, started.id, 0)
    assert await books.count("links") == 0
    assert await starter.confirm(started.id) is Confirmation.LINKED

    assert await books.totals() == (35, 7)
    assert await books.count("members") == 1
    assert await books.discrepancies() == []


@both_ways
async def test_only_the_account_that_started_confirms(pool, books, direction):
    starter, opener, thief = sides(pool, direction)
    started = await starter.start()
    await opener.open(started.code)
    also_there = Side(pool, starter.platform, THIEF)

    for other in (opener, thief, also_there):
        assert await other.confirm(started.id) is Confirmation.ENDED
    assert await books.count("links") == 0
    assert await starter.confirm(started.id) is Confirmation.LINKED


@both_ways
async def test_what_nobody_opened_cannot_be_confirmed(pool, direction):
    starter, _, _ = sides(pool, direction)
    started = await starter.start()

    assert await starter.confirm(started.id) is Confirmation.ENDED


@both_ways
async def test_a_leaked_offer_shows_its_starter_a_stranger_and_declining_frees_nothing(
    pool, books, direction
):
    starter, opener, thief = sides(pool, direction)
    started = await starter.start()
    assert await thief.outcome(started.token) is Opening.OPENED
    assert await opener.outcome(started.code) is Opening.TAKEN

    seen = await starter.look()
    assert seen is not None
    assert seen.other_name == f"N{THIEF}"
    assert await starter.decline(started.id) == "declined"

    for one in (opener, thief):
        assert await one.outcome(started.code) is Opening.ENDED
    assert await starter.confirm(started.id) is Confirmation.ENDED
    assert await books.count("links") == 0
    assert await books.count("link_attempts") == 0
    fresh = await starter.start()
    assert await opener.outcome(fresh.code) is Opening.OPENED
    assert await starter.confirm(fresh.id) is Confirmation.LINKED


@both_ways
async def test_opening_twice_is_opening_once(pool, direction):
    starter, opener, _ = sides(pool, direction)
    started = await starter.start()

    assert await opener.open(started.token) == await opener.open(started.code)


@both_ways
async def test_the_opener_may_cancel(pool, direction):
    starter, opener, thief = sides(pool, direction)
    started = await starter.start()
    await opener.open(started.code)

    assert await thief.decline(started.id) == "ended"
    assert await opener.decline(started.id) == "declined"
    assert await starter.confirm(started.id) is Confirmation.ENDED
    assert await starter.news() == [News(started.id, starter.account_id, "declined")]


@both_ways
async def test_a_second_confirmation_says_the_same(pool, books, direction):
    starter, opener, _ = sides(pool, direction)
    started = await starter.start()
    await opener.open(started.code)

    outcomes = await asyncio.gather(*(starter.confirm(started.id) for _ in range(4)))

    assert outcomes == [Confirmation.LINKED] * 4
    assert await books.count("links") == 1
    assert await starter.decline(started.id) == "linked"


async def test_both_sides_at_once_are_linked_once_without_getting_in_each_others_way(pool, books):
    for number in range(10):
        a, b = Side(pool, "telegram", TG + number), Side(pool, "discord", DC + number)
        of_a, of_b = await asyncio.gather(a.start(), b.start())
        opened = await asyncio.gather(b.outcome(of_a.code), a.outcome(of_b.code))
        assert set(opened) == {Opening.OPENED}

        outcomes = await asyncio.gather(a.confirm(of_a.id), b.confirm(of_b.id))

        assert set(outcomes) == {Confirmation.LINKED}
    assert await books.count("links") == 10
    assert await books.count("link_offers WHERE status = 'ended'") == 10
    assert await books.count("link_offers WHERE news_for IS NOT NULL") == 10  # of the openers


async def test_new_accounts_that_start_and_open_at_once_never_deadlock(pool):
    async def meet(number: int) -> None:
        a, b = Side(pool, "telegram", 100 + number), Side(pool, "discord", 500 + number)
        code = await a.code()
        await asyncio.gather(b.open(code), b.start(), a.start(), b.open(code))

    await asyncio.gather(*(meet(number) for number in range(10)))


async def test_an_opened_offer_is_asked_about_until_it_is_answered(pool):
    starter, opener = Side(pool, "discord", DC), Side(pool, "telegram", TG)
    started = await starter.start()
    await opener.open(started.code)

    assert await starter.start() == Started(started.id, None, None)
    await starter.decline(started.id)
    again = await starter.start()

    assert again.code is not None


@pytest.mark.parametrize("policy", ["sum", "max", "telegram", "discord"])
@both_ways
async def test_what_is_asked_is_what_the_link_makes(pool, books, direction, policy):
    starter, opener, _ = sides(pool, direction)
    await earn(pool)
    started = await starter.start()
    await opener.open(started.code)

    asked, told = await starter.look(started.id, policy), await opener.look(started.id, policy)
    await starter.confirm(started.id, policy)

    assert asked is not None
    assert told is not None
    there = {"telegram": Has(20, 7, "Newcomer"), "discord": Has(15, 0, "Newcomer")}
    assert (asked.mine, asked.theirs) == (there[starter.platform], there[opener.platform])
    assert (told.mine, told.theirs, told.joint) == (asked.theirs, asked.mine, asked.joint)
    assert (asked.is_starter, told.is_starter) == (True, False)
    assert asked.joint[:2] == await books.totals()
    assert asked.joint.rank_name == {"sum": "Regular"}.get(policy, "Newcomer")


@both_ways
async def test_a_linked_account_starts_and_opens_nothing(pool, direction):
    starter, opener, thief = sides(pool, direction)
    started, of_thief = await starter.start(), await thief.start()
    await opener.open(started.code)
    of_third = await Side(pool, starter.platform, 7).start()
    await starter.confirm(started.id)

    for linked in (starter, opener):
        with pytest.raises(LinkRefused) as refused:
            await linked.start()
        assert refused.value.rule == "account_is_linked"
    assert await starter.outcome(of_thief.code) is Opening.ALREADY_LINKED
    assert await opener.outcome(of_third.code) is Opening.ALREADY_LINKED


@both_ways
async def test_an_account_that_was_linked_meanwhile_is_told(pool, direction):
    starter, opener, _ = sides(pool, direction)
    third = Side(pool, starter.platform, 7)
    started, of_third = await starter.start(), await third.start()
    await opener.open(started.code)
    await opener.open(of_third.code)
    await third.confirm(of_third.id)

    assert await starter.confirm(started.id) is Confirmation.ENDED


# A code that was given out is no guess.


async def used(pool: asyncpg.Pool, starter: Side, opener: Side) -> str:
    started = await starter.start()
    await opener.open(started.code)
    await starter.confirm(started.id)
    return str(started.code)


async def expired(pool: asyncpg.Pool, starter: Side, opener: Side) -> str:
    code = await starter.code()
    await pool.execute("UPDATE link_offers SET expires_at = now() - interval '1 s'")
    return code


async def void(pool: asyncpg.Pool, starter: Side, opener: Side) -> str:
    code = await starter.code()
    async with pool.acquire() as conn:
        assert await void_codes(conn, "telegram", [code]) == [starter.platform]
    return code


async def replaced(pool: asyncpg.Pool, starter: Side, opener: Side) -> str:
    code = await starter.code()
    await starter.code()
    return code


@both_ways
@pytest.mark.parametrize("end", [used, expired, void, replaced])
async def test_a_code_that_was_given_out_never_counts_as_wrong(pool, books, direction, end):
    starter, opener, thief = sides(pool, direction)
    code = await end(pool, starter, opener)

    for _ in range(FAILURES_MAX + 1):
        assert await thief.outcome(code) is Opening.ENDED
    assert await books.count("link_attempts") == 0


@both_ways
async def test_a_code_sent_where_it_was_given_out_never_counts_as_wrong(pool, books, direction):
    starter, _, _ = sides(pool, direction)
    neighbour = Side(pool, starter.platform, THIEF)
    code = await starter.code()

    for _ in range(FAILURES_MAX + 1):
        assert await starter.outcome(code) is Opening.OWN_CODE
        assert await neighbour.outcome(code) is Opening.SAME_PLATFORM
    assert await books.count("link_attempts") == 0


async def test_postgres_reads_a_code_as_python_does(pool):
    """So a bot in any language forgives the same slips."""
    dice = Random(1)
    typed = []
    for _ in range(300):
        marks = [dice.choice(forms_of(mark)) for mark in dice.choices(codes.ALPHABET, k=10)]
        noise = ["".join(dice.choices(NOISE, k=dice.randrange(3))) for _ in marks]
        command = dice.choice(["", "/link ", "`/LINK@twin_bot ", "link:", "/связать "])
        typed.append(command + "".join(map("".join, zip(noise, marks, strict=True))))

    rows = await pool.fetch(
        "SELECT normal_code(u.typed) FROM unnest($1::text[]) AS u (typed)", typed
    )

    assert [read for (read,) in rows] == [codes.typed_code(one) for one in typed]


# Attempts.


async def test_a_limited_account_waits_with_any_code_and_is_told_how_long(pool):
    starter, guesser = Side(pool, "telegram", TG), Side(pool, "discord", THIEF)
    code = await starter.code()
    for _ in range(FAILURES_MAX):
        assert await guesser.outcome("AAAAAAAAAA") is Opening.WRONG_CODE

    for sent in ("AAAAAAAAAA", code):
        opened = await guesser.open(sent)
        assert (opened.outcome, opened.offer_id) == (Opening.LOCKED_OUT, None)
        assert FAILURES_WINDOW_S - 60 < opened.wait_s <= FAILURES_WINDOW_S
    assert await Side(pool, "discord", DC).outcome(code) is Opening.OPENED
    await pool.execute("UPDATE link_attempts SET window_ends_at = now() - interval '1 s'")
    assert await guesser.outcome("AAAAAAAAAA") is Opening.WRONG_CODE


async def test_a_thousand_wrong_codes_from_a_hundred_accounts_open_nothing_and_delay_nobody(
    pool, books
):
    starter, opener = Side(pool, "telegram", TG), Side(pool, "discord", DC)
    started = await starter.start()
    guessers = [Side(pool, "discord", 5_000 + number) for number in range(100)]

    async def guess(guesser: Side) -> list[Opening]:
        return [await guesser.outcome(f"AAAAAAA{number:03}") for number in range(10)]

    outcomes = await asyncio.gather(*map(guess, guessers))

    told = [Opening.WRONG_CODE] * FAILURES_MAX + [Opening.LOCKED_OUT] * (10 - FAILURES_MAX)
    assert outcomes == [told] * len(guessers)
    assert await books.count("link_offers WHERE status = 'waiting'") == 1
    assert await books.count("accounts") == 1  # guessers learn nothing and leave nothing
    assert await opener.outcome(started.code) is Opening.OPENED
    assert await starter.confirm(started.id) is Confirmation.LINKED


async def test_guessing_side_by_side_gains_no_extra_tries(pool):
    guesser = Side(pool, "discord", THIEF)

    outcomes = await asyncio.gather(*(guesser.outcome(f"AAAAAAAA{n:02}") for n in range(40)))

    assert outcomes.count(Opening.WRONG_CODE) == FAILURES_MAX
    assert outcomes.count(Opening.LOCKED_OUT) == 40 - FAILURES_MAX


# Rows that are kept.


async def test_only_hashes_are_kept(pool):
    started = await Side(pool, "discord", DC).start()
    kept: str = await pool.fetchval("SELECT link_offers::text FROM link_offers")

    assert started.code is not None
    assert started.token is not None
    assert started.code not in kept
    assert started.token not in kept


async def test_tokens_have_128_bits_and_fit_into_a_deep_link(pool):
    started = [await Side(pool, "discord", DC + number).start() for number in range(50)]

    tokens = {one.token for one in started}
    assert len(tokens) == len(started)
    for token in tokens:
        payload = f"{codes.TOKEN_PREFIX}-{token}"
        assert codes.typed_token(payload) == token
        assert len(payload) <= 64


async def test_an_account_fills_no_table(pool, books):
    starter = Side(pool, "discord", DC)
    for _ in range(25):
        await starter.start()

    assert await books.count("link_offers") == 20
    assert await books.count("link_offers WHERE status = 'waiting'") == 1


async def test_old_offers_are_removed(pool, books):
    await Side(pool, "telegram", TG).start()
    await Side(pool, "telegram", THIEF).start()
    await pool.execute(
        "UPDATE link_offers SET created_at = now() - interval '31 days' WHERE account_id = $1", TG
    )

    async with pool.acquire() as conn:
        assert await expired_codes.remove(conn, limit=10) == 1
    assert await books.count(f"link_offers WHERE account_id = {THIEF}") == 1


@both_ways
async def test_an_account_that_is_forgotten_takes_its_offers_along(pool, books, direction):
    starter, opener, _ = sides(pool, direction)
    started = await starter.start()
    await opener.open(started.code)
    await pool.execute(
        "UPDATE accounts SET account_id = 99 WHERE account_id = $1", opener.account_id
    )

    assert await books.count("link_offers") == 0


# News.


@both_ways
async def test_each_side_is_told_what_the_other_did(pool, direction):
    starter, opener, _ = sides(pool, direction)
    started = await starter.start()
    await opener.open(started.code)
    [asked] = await starter.news()
    assert await opener.news() == []
    async with pool.acquire() as conn:
        await offers.end_news(conn, starter.platform, asked)
    assert await starter.news() == []

    await starter.confirm(started.id)

    assert asked == News(started.id, starter.account_id, "opened")
    assert await opener.news() == [News(started.id, opener.account_id, "linked")]
    async with pool.acquire() as conn:
        await offers.end_news(conn, opener.platform, asked._replace(status="opened"))
    assert len(await opener.news()) == 1  # news of an earlier status ends no later one
    await pool.execute("UPDATE link_offers SET changed_at = now() - interval '2 minutes'")
    assert await opener.news() == []


# Voiding.


@both_ways
@pytest.mark.parametrize("by", ["code", "token"])
async def test_what_others_could_read_opens_nothing(pool, direction, by):
    starter, opener, _ = sides(pool, direction)
    started = await starter.start()
    posted = getattr(started, by)
    async with pool.acquire() as conn:
        assert await void_codes(conn, "telegram", ["NOTTHECODE", posted]) == [starter.platform]
        assert await void_codes(conn, "telegram", [posted]) == []

    for proof in (started.code, started.token):
        assert await opener.outcome(proof) is Opening.ENDED


async def test_an_offer_that_was_opened_is_not_voided(pool):
    starter, opener = Side(pool, "discord", DC), Side(pool, "telegram", TG)
    started = await starter.start()
    await opener.open(started.code)
    async with pool.acquire() as conn:
        assert await void_codes(conn, "telegram", [str(started.code)]) == []

    assert await starter.confirm(started.id) is Confirmation.LINKED
