"""The functions of linking, as a login calls them that may do nothing else."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from db import Platform
from db.links import codes
from db.release_number import SERIES
from db.stop_signs import RULE
from tests.support.recorded_events import Record, achievement, record, settle, xp

TG, DC, OTHER, ADMINISTRATOR = 1001, 2002, 3003, 42
ROLE = "links_bot"
#: The functions that a bot's login needs for linking.
FOR_CALLERS = (
    "start_offer(text, bigint, text)",
    "open_offer(text, bigint, text, text)",
    "confirm_offer(text, bigint, bigint, text[], text)",
    "decline_offer(text, bigint, bigint)",
    "offer_of(text, bigint, text, bigint)",
    "offer_news(text, double precision)",
    "end_offer_news(text, bigint, text)",
    "note_bot_name(text, text)",
    "bot_name_elsewhere(text)",
    "issue_code(text, bigint, text)",
    "void_codes(text, text[])",
    "unlink(text, bigint, text, text[])",
    "undo_link(text, bigint, text, text[])",
    "move_account(text, bigint, text, text[])",
    "support_link(text, bigint, bigint, bigint, text[], text)",
    "support_unlink(text, bigint, bigint, text[], text)",
    "support_undo_link(text, bigint, bigint, text[], text)",
    "support_move_account(text, bigint, bigint, bigint, text[], text)",
    "support_set_leave(text, bigint, bigint, boolean, text)",
    "unlink_own(text, bigint, text[], bigint)",
    "undo_own_link(text, bigint, text[], bigint)",
    "link_state(text, bigint)",
    "read_link_acts(text, bigint, integer)",
    "one_sided_members(text, bigint, integer)",
    "support_forgive_attempts(text, bigint, bigint)",
)


@pytest.fixture
async def bot(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """A session of a login that may call the functions, and read and write no table."""
    async with pool.acquire() as conn:
        await conn.execute(f"CREATE ROLE {ROLE} LOGIN; GRANT USAGE ON SCHEMA twinstream TO {ROLE}")
        for one in FOR_CALLERS:
            await conn.execute(f"GRANT EXECUTE ON FUNCTION twinstream.{one} TO {ROLE}")
        await conn.execute(f"SET SESSION AUTHORIZATION {ROLE}")
        try:
            yield conn
        finally:
            await conn.execute("RESET SESSION AUTHORIZATION; DISCARD TEMP")
            await conn.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


async def call(conn: asyncpg.Connection, function: str, *arguments: Any) -> Any:
    places = ", ".join(f"${number}" for number, _ in enumerate(arguments, start=1))
    return await conn.fetchval(f"SELECT twinstream.{function}({places})", *arguments)


async def linked(conn: asyncpg.Connection) -> None:
    offer_id, code, _ = await call(conn, "start_offer", "telegram", TG)
    assert (await opened(conn, code))[0] == "opened"
    assert await call(conn, "confirm_offer", "telegram", TG, offer_id) == "linked"


async def opened(conn: asyncpg.Connection, code: str) -> Any:
    """The answer to a code that is sent from Discord: its outcome, the offer, and the wait."""
    return await call(conn, "open_offer", "discord", DC, code)


async def moved(conn: asyncpg.Connection, old: int, new: int) -> str:
    code = await call(conn, "issue_code", "telegram", old, "move")
    return await call(conn, "move_account", "telegram", new, code)


async def earn(pool: asyncpg.Pool) -> None:
    mine = [xp(20), achievement("first_win")]
    theirs = [xp(15, user_id=DC, source="discord")]
    await record(pool, *mine)
    await settle(pool, *mine)
    await record(pool, *theirs, source="discord")
    await settle(pool, *theirs, source="discord")


async def test_execute_on_its_functions_is_all_that_a_bot_needs(pool, books, bot):
    await earn(pool)
    await linked(bot)
    assert await books.totals() == (35, 0)

    code = await call(bot, "issue_code", "telegram", TG, "unlink")
    assert await call(bot, "unlink", "discord", DC, code) == "unlinked"
    assert await books.totals(DC, "discord") == (0, 0)

    code = await call(bot, "issue_code", "discord", DC, "undo")
    assert await call(bot, "undo_link", "telegram", TG, code) == "undone"
    assert await books.totals(DC, "discord") == (15, 0)

    code = await call(bot, "issue_code", "discord", DC, "move")
    assert await call(bot, "move_account", "discord", OTHER, code) == "moved"
    assert await books.totals(DC, "discord") == (0, 0)
    assert await books.totals(OTHER, "discord") == (15, 0)

    assert await books.count("link_codes") == 0
    assert await books.discrepancies() == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM twinstream.link_codes",
        "SELECT FROM twinstream.link_offers",
        "DELETE FROM twinstream.link_attempts",
        "SELECT twinstream.link_accounts(1, 2)",
        "SELECT twinstream.set_leave_to_link('telegram', 1, true, NULL)",
        "INSERT INTO twinstream.link_acts (operation, actor) VALUES ('link', 'operator')",
        "SELECT twinstream.unlink_account('telegram', 1)",
        "SELECT twinstream.undo_link_by_id(1)",
        "SELECT twinstream.replace_account('telegram', 1, 2)",
        "SELECT twinstream.count_support_use('telegram', 42, 'unlink', 1, 1000)",
    ],
)
async def test_a_bot_proves_the_other_account_or_does_nothing(bot, statement):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await bot.execute(statement)


async def test_a_bot_acts_for_its_own_platform(pool, bot):
    await pool.execute(
        "INSERT INTO roles (duty, role) VALUES ('telegram_bot', $1), ('discord_bot', 'pg_monitor')",
        ROLE,
    )
    offer_id, code, _ = await call(bot, "start_offer", "telegram", TG)

    for function, *arguments in (
        ("start_offer", "discord", DC),
        ("open_offer", "discord", DC, code),
        ("confirm_offer", "discord", DC, offer_id),
        ("decline_offer", "discord", DC, offer_id),
        ("offer_of", "discord", DC, "sum"),
        ("offer_news", "discord", 60.0),
        ("end_offer_news", "discord", offer_id, "opened"),
        ("note_bot_name", "discord", "a_bot"),
        ("bot_name_elsewhere", "discord"),
        ("issue_code", "discord", DC, "move"),
        ("void_codes", "discord", [code]),
        ("unlink", "discord", DC, code),
        ("undo_link", "discord", DC, code),
        ("move_account", "discord", DC, code),
        ("unlink_own", "discord", DC),
        ("undo_own_link", "discord", DC),
        ("link_state", "discord", DC),
        ("read_link_acts", "discord", DC),
        ("support_link", "discord", ADMINISTRATOR, DC, TG),
        ("support_set_leave", "discord", ADMINISTRATOR, DC, False),
        ("support_unlink", "discord", ADMINISTRATOR, DC),
        ("support_undo_link", "discord", ADMINISTRATOR, DC),
        ("support_move_account", "discord", ADMINISTRATOR, DC, OTHER),
        ("support_forgive_attempts", "discord", ADMINISTRATOR, DC),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="may not act for discord"):
            await call(bot, function, *arguments)


async def test_functions_look_at_no_type_of_the_caller(bot):
    """Else the check of a type `text` would run with the rights of the functions' owner."""
    await bot.execute(
        """
        CREATE TEMP TABLE seen (by name);
        GRANT ALL ON seen TO PUBLIC;
        CREATE FUNCTION pg_temp.noted(value pg_catalog.text) RETURNS boolean LANGUAGE plpgsql
            AS $$ BEGIN INSERT INTO pg_temp.seen VALUES (current_user); RETURN true; END $$;
        CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.noted(VALUE));
        """
    )
    await linked(bot)
    offer_id, code, _ = await call(bot, "start_offer", "telegram", OTHER)
    await call(bot, "open_offer", "discord", OTHER, code, "Olga")
    await call(bot, "offer_of", "telegram", OTHER, "max", offer_id)
    await call(bot, "decline_offer", "telegram", OTHER, offer_id)
    for _, account_id, status in await bot.fetch(
        "SELECT * FROM twinstream.offer_news($1, 60)", "discord"
    ):
        await call(bot, "end_offer_news", "discord", account_id, status)
    await call(bot, "note_bot_name", "telegram", "our_bot")
    assert await call(bot, "bot_name_elsewhere", "discord") == "our_bot"
    await call(bot, "void_codes", "telegram", ["ABCDEFGHJK"])
    for purpose in ("unlink", "undo"):
        code = await call(bot, "issue_code", "telegram", TG, purpose)
        await call(bot, {"undo": "undo_link"}.get(purpose, purpose), "discord", DC, code)
    code = await call(bot, "issue_code", "telegram", TG, "move")
    await call(bot, "move_account", "telegram", OTHER, code)
    await call(bot, "support_move_account", "telegram", ADMINISTRATOR, OTHER, TG)
    await call(bot, "support_forgive_attempts", "telegram", ADMINISTRATOR, TG)

    assert await bot.fetch("SELECT * FROM pg_temp.seen") == []


async def test_a_code_is_good_for_its_purpose_only(bot):
    await linked(bot)
    code = await call(bot, "issue_code", "telegram", TG, "unlink")

    assert (await opened(bot, code))[0] == "ended"
    assert await call(bot, "undo_link", "discord", DC, code) == "wrong_code"
    assert await call(bot, "move_account", "telegram", OTHER, code) == "wrong_code"
    assert await call(bot, "unlink", "discord", DC, code) == "unlinked"
    assert await call(bot, "unlink", "discord", DC, code) == "wrong_code"


@pytest.mark.parametrize("purpose", ["anything", "link"])
async def test_a_code_that_links_at_once_or_does_something_else_is_refused(bot, purpose):
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await call(bot, "issue_code", "telegram", TG, purpose)

    assert refused.value.constraint_name == "link_code_purpose_known"


async def test_wrong_codes_of_every_function_count_together(bot):
    assert (await opened(bot, "AAAAAAAAAA"))[0] == "wrong_code"
    for function in ("unlink", "undo_link", "move_account", "unlink"):
        assert await call(bot, function, "discord", DC, "AAAAAAAAAA") == "wrong_code"

    code = await call(bot, "issue_code", "telegram", TG, "undo")
    assert await call(bot, "undo_link", "discord", DC, code) == "locked_out"


async def test_nobody_is_unlinked_with_a_code_of_a_third_account(bot):
    await linked(bot)
    code = await call(bot, "issue_code", "telegram", OTHER, "unlink")

    with pytest.raises(
        asyncpg.CheckViolationError, match="with the account of the code"
    ) as refused:
        await call(bot, "unlink", "discord", DC, code)
    assert refused.value.constraint_name == "account_is_not_linked"
    code = await call(bot, "issue_code", "telegram", OTHER, "undo")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await call(bot, "undo_link", "discord", DC, code)
    assert refused.value.constraint_name == "link_is_known"


@pytest.mark.parametrize(
    ("purpose", "function", "platform", "refusal"),
    [
        ("unlink", "unlink", "telegram", "same_platform"),
        ("undo", "undo_link", "telegram", "same_platform"),
        ("move", "move_account", "discord", "other_platform"),
    ],
)
async def test_a_code_comes_from_the_right_platform(bot, purpose, function, platform, refusal):
    code = await call(bot, "issue_code", "telegram", TG, purpose)

    assert await call(bot, function, platform, OTHER, code) == refusal


async def test_administrators_act_for_members_a_few_times_a_day(pool, books, bot):
    await earn(pool)
    await linked(bot)
    await call(bot, "support_unlink", "telegram", ADMINISTRATOR, TG)
    await call(bot, "support_undo_link", "telegram", ADMINISTRATOR, TG)
    await pool.execute("SELECT remember_name('telegram', $1, 'Other')", OTHER)
    await call(bot, "support_move_account", "telegram", ADMINISTRATOR, TG, OTHER)
    assert await books.totals(OTHER) == (20, 0)
    assert await books.totals(DC, "discord") == (15, 0)
    uses_max = await pool.fetchval("SELECT (link_limits()).support_uses_max")
    for _ in range(uses_max - 3):
        await call(bot, "support_forgive_attempts", "telegram", ADMINISTRATOR, TG)

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await call(bot, "support_forgive_attempts", "telegram", ADMINISTRATOR + 1, TG)
    assert refused.value.constraint_name == "support_uses_limited"
    await call(bot, "support_forgive_attempts", "discord", ADMINISTRATOR, DC)
    await pool.execute("UPDATE support_uses SET used_at = used_at - interval '24 hours'")
    await call(bot, "support_forgive_attempts", "telegram", ADMINISTRATOR, TG)


@pytest.mark.parametrize(
    "moves",
    [
        [(1, 2), (2, 3), (3, 4), (4, 5)],
        [(2, 1), (3, 1), (4, 1), (5, 1)],
        [(1, 2), (3, 4), (2, 4), (5, 4)],
    ],
    ids=["ring", "star", "tree"],
)
async def test_members_move_the_points_of_few_accounts_into_one(pool, books, bot, moves):
    alternates = [xp(100, user_id=number) for number in range(1, 6)]
    await record(pool, *alternates)
    await settle(pool, *alternates)
    *few, (old, new) = moves
    for one in few:
        assert await moved(bot, *one) == "moved"

    with pytest.raises(asyncpg.CheckViolationError, match="moved 3 times within 30") as refused:
        await moved(bot, old, new)

    assert refused.value.constraint_name == "links_per_account_limited"
    assert await books.totals(old) != (0, 0)
    await call(bot, "support_move_account", "telegram", ADMINISTRATOR, old, new)
    assert await books.totals(new) == (500, 0)


async def test_a_month_later_members_move_their_points_again(pool, bot):
    for number in range(3):
        await moved(bot, TG + number, TG + number + 1)
    await pool.execute("UPDATE moves SET moved_at = moved_at - interval '31 days'")

    assert await moved(bot, TG + 3, TG + 4) == "moved"


async def test_an_account_has_the_links_of_those_that_were_moved_to_it(bot):
    for _ in range(2):
        await linked(bot)
        await call(bot, "unlink_own", "telegram", TG)
    assert await moved(bot, TG, OTHER) == "moved"

    offer_id, code, _ = await call(bot, "start_offer", "telegram", OTHER)
    assert (await call(bot, "open_offer", "discord", DC + 1, code))[0] == "opened"
    assert await call(bot, "confirm_offer", "telegram", OTHER, offer_id) == "too_many_links"
    with pytest.raises(asyncpg.CheckViolationError, match="moved 3 times within 30"):
        await moved(bot, OTHER, OTHER + 1)


async def test_a_link_that_goes_on_after_a_move_is_no_further_one(pool, bot):
    await pool.execute("UPDATE link_settings SET cooldown_s = 0")
    await linked(bot)
    assert await moved(bot, TG, OTHER) == "moved"
    await call(bot, "unlink_own", "telegram", OTHER)

    offer_id, code, _ = await call(bot, "start_offer", "telegram", OTHER)
    assert (await opened(bot, code))[0] == "opened"
    assert await call(bot, "confirm_offer", "telegram", OTHER, offer_id) == "linked"


async def test_a_use_that_is_refused_counts_for_nothing(pool, bot):
    with pytest.raises(asyncpg.CheckViolationError, match="is not linked"):
        await call(bot, "support_unlink", "telegram", ADMINISTRATOR, TG)

    assert await pool.fetchval("SELECT count(*) FROM support_uses") == 0


async def test_an_administrator_forgives_wrong_codes(bot):
    for _ in range(codes.FAILURES_MAX):
        await opened(bot, "AAAAAAAAAA")
    _, code, _ = await call(bot, "start_offer", "telegram", TG)
    assert (await opened(bot, code))[0] == "locked_out"

    await call(bot, "support_forgive_attempts", "discord", ADMINISTRATOR, DC)

    assert (await opened(bot, code))[0] == "opened"


async def test_under_the_stop_sign_nothing_changes_hands(pool, bot):
    await linked(bot)
    code = await call(bot, "issue_code", "telegram", TG, "unlink")
    await pool.execute("INSERT INTO stop_signs (release, reason) VALUES ($1, 'so')", SERIES)

    assert (await opened(bot, code))[0] == "paused"
    assert await call(bot, "confirm_offer", "telegram", TG, 1) == "paused"
    for function in ("unlink", "undo_link", "move_account"):
        assert await call(bot, function, "discord", DC, code) == "paused"
    for function, *arguments in (
        ("start_offer", "telegram", TG),
        ("issue_code", "telegram", TG, "move"),
        ("support_unlink", "telegram", ADMINISTRATOR, TG),
        ("support_undo_link", "telegram", ADMINISTRATOR, TG),
        ("support_move_account", "telegram", ADMINISTRATOR, TG, OTHER),
    ):
        with pytest.raises(asyncpg.CheckViolationError, match="is set: so") as refused:
            await call(bot, function, *arguments)
        assert (refused.value.constraint_name, refused.value.detail) == (RULE, "so")


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_a_snapshot_that_may_be_older_than_a_stop_sign_is_refused(bot, isolation):
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="READ COMMITTED"):
        async with bot.transaction(isolation=isolation):
            await opened(bot, "AAAAAAAAAA")


async def test_codes_differ_and_have_the_shape_that_bots_look_for(bot):
    found = [(await call(bot, "start_offer", "telegram", TG))[1] for _ in range(200)]

    assert len(set(found)) == len(found)
    assert all(codes.proofs_in(one) == [one] for one in found)
    assert {letter for one in found for letter in one} == set(codes.ALPHABET)


async def test_the_numbers_that_texts_name_are_those_of_the_functions(pool):
    limits = await pool.fetchrow("SELECT * FROM link_limits()")

    assert limits["code_lifetime_s"] == codes.CODE_LIFETIME_S
    assert limits["failures_max"] == codes.FAILURES_MAX
    assert limits["failures_window_s"] == codes.FAILURES_WINDOW_S


async def test_the_functions_obey_the_stop_sign_of_this_release(pool):
    assert await pool.fetchval("SELECT release_of_links()") == SERIES


async def owed(pool: asyncpg.Pool, platform: Platform) -> dict[int, int]:
    """By account, the XP that its row in the bot's table lacks."""
    rows = await pool.fetch(
        "SELECT a.account_id, d.xp FROM store_debts AS d"
        " JOIN accounts AS a USING (member_id, platform) WHERE d.platform = $1",
        platform,
    )
    return dict(rows)


async def test_the_row_of_a_bots_own_table_is_owed_what_changed_hands(pool, bot):
    """The bot of Discord keeps its members in a table; the row of DC holds 35 while linked."""
    await earn(pool)
    await linked(bot)

    code = await call(bot, "issue_code", "telegram", TG, "unlink")
    await call(bot, "unlink", "discord", DC, code, ["discord"])
    assert await owed(pool, "discord") == {DC: -35}

    code = await call(bot, "issue_code", "telegram", TG, "undo")
    await call(bot, "undo_link", "discord", DC, code, ["discord"])
    assert await owed(pool, "discord") == {DC: -20}

    code = await call(bot, "issue_code", "discord", DC, "move")
    await call(bot, "move_account", "discord", OTHER, code, ["discord"])
    assert await owed(pool, "discord") == {DC: -35, OTHER: 15}
