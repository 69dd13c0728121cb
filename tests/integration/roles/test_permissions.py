"""The permissions of every role on every table, view and function of Postgres."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

import asyncpg
import pytest

from launch.errors import LaunchError
from launch.migrate import make_roles, migrate
from tests.support.logins import DUTIES, SETTLING
from tests.support.recorded_events import record, xp

OPERATIONS: Final = {
    "S": "SELECT FROM {relation} LIMIT 0",
    "I": "INSERT INTO {relation} DEFAULT VALUES",
    "U": "UPDATE {relation} SET {column} = DEFAULT WHERE false",
    "D": "DELETE FROM {relation} WHERE false",
    "T": "TRUNCATE {relation}",
}
#: Errors by which Postgres says that a role may not do it, or that a view takes no writes at all.
REFUSALS: Final = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.WrongObjectTypeError,
)

#: S SELECT, I INSERT, U UPDATE, D DELETE, T TRUNCATE; in the order of the duties:
#: owner, consumers, telegram_bot, discord_bot, web, reader.
STATE: Final = ("SIUDT", "SIUD", "", "", "S", "S")
LEDGER: Final = ("SIUDT", "SI", "", "", "S", "S")
SECRET: Final = ("SIUDT", "SIUD", "", "", "", "")
OWNERS: Final = ("SIUDT", "S", "", "", "S", "S")
VERSIONS: Final = ("SIUDT", "S", "S", "S", "S", "S")
#: The owner may write where Postgres lets anybody write through a view.
VIEW: Final = ("S", "S", "S", "S", "S", "S")
RELATIONS: Final = {
    "account_achievements": VIEW,
    "account_profiles": VIEW,
    "account_scores": STATE,
    "accounts": STATE,
    "accounts_left_out": ("SIUD", "S", "S", "S", "S", "S"),
    "achievements": STATE,
    "board_balance": ("SIUD", "S", "S", "S", "S", "S"),
    "board_marks": STATE,
    "board_members": ("SIUD", "S", "S", "S", "S", "S"),
    "board_month": ("SIUD", "S", "S", "S", "S", "S"),
    "board_places": ("SIUD", "S", "S", "S", "S", "S"),
    "board_reputation": ("SIUD", "S", "S", "S", "S", "S"),
    "board_streak": ("SIUD", "S", "S", "S", "S", "S"),
    "board_week": ("SIUD", "S", "S", "S", "S", "S"),
    "board_xp": ("SIUD", "S", "S", "S", "S", "S"),
    "bot_connections": STATE,
    "bot_names": STATE,
    "calendar": STATE,
    "cleanup_rounds": STATE,
    "contracts": OWNERS,
    "daily_claims": STATE,
    "drift": STATE,
    "earning_windows": STATE,
    "entry_attempts": STATE,
    "forget_requests": STATE,
    "forget_secrets": OWNERS,
    "forgettings": OWNERS,
    "forgotten_accounts": OWNERS,
    "forgotten_marks": ("SIUD", "S", "S", "S", "S", "S"),
    "leaderboard": ("SIUD", "S", "S", "S", "S", "S"),
    "level_curve": STATE,
    "invite_links": SECRET,
    "invites": STATE,
    "link_acts": LEDGER,
    "link_attempts": STATE,
    "link_bans": STATE,
    "link_codes": SECRET,
    "link_offers": SECRET,
    "link_marks": STATE,
    "link_rewards": STATE,
    "link_settings": STATE,
    "links": STATE,
    "member_scores": STATE,
    "members": STATE,
    "message_authors": STATE,
    "moves": STATE,
    "notices": STATE,
    "open_earnings": VIEW,
    "parked_places": STATE,
    "periods": VIEW,
    "ranks": STATE,
    "reactions": STATE,
    "reconcile_runs": STATE,
    "reconcile_touched": STATE,
    "reconcile_walks": STATE,
    "rewards": STATE,
    "roles": OWNERS,
    "schema_migrations": VERSIONS,
    "shown_surfaces": VIEW,
    "snapshots": STATE,
    "stop_signs": STATE,
    "store_agreements": STATE,
    "store_debts": STATE,
    "support_uses": STATE,
    "surfaces": STATE,
    "sync_events": STATE,
    "sync_state": STATE,
    "thanks": STATE,
    "transactions": LEDGER,
    "transient_messages": STATE,
}

#: The rights of the processes that apply one stream each, where these differ from reading. The row
#: that is tried here is empty, so a policy refuses it to `sync_events` and `transactions`;
#: test_split_consumers.py tries rows that it lets pass.
OF_SETTLING: Final = {
    "accounts": "SIU",
    "achievements": "SIU",
    "entry_attempts": "SIUD",
    "invite_links": "",
    "link_codes": "",
    "link_offers": "",
    "members": "SIUD",
    "store_agreements": "SIUD",
    "store_debts": "SIUD",
    "surfaces": "SIUD",
    "sync_events": "SU",
    "sync_state": "SIU",
}
#: The functions that act as the owner and that those processes call.
CALLS_OF_SETTLING: Final = {
    "accounts_changed_lately",
    "forget_shown",
    "forgive_store_debts",
    "leave_out",
    "link_rules",
    "lock_store_debts",
    "owe_to_store",
    "remember_name",
}

PAYLOAD: Final = (
    '{{"v": 1, "type": "xp.changed", "source": "{platform}", "user_id": 7, "delta_xp": 5,'
    ' "reason": "game", "entity_id": "3", "idempotency_key": "free-{platform}",'
    ' "occurred_at": "2026-11-29T12:00:00Z"}}'
)
#: A call of each function that acts for one platform.
CALLS: Final = {
    "ask_to_forget": "ask_to_forget('{platform}', 7)",
    "accounts_changed_lately": "accounts_changed_lately('{platform}', 10, '{{}}', 1)",
    "board_standing": "board_standing('{platform}', 7)",
    "bot_name_elsewhere": "bot_name_elsewhere('{platform}')",
    "claim_announcements": "claim_announcements('{platform}', '{{1}}', '{{rank}}', '{{1}}')",
    "claim_daily": "claim_daily('{platform}', 7, 'Ann', '{{}}', '{{}}', '{{}}')",
    "close_windows_of": "close_windows_of('{platform}', 7)",
    "confirm_offer": "confirm_offer('{platform}', 7, 1)",
    "decline_offer": "decline_offer('{platform}', 7, 1)",
    "end_invite": "end_invite('{platform}', 7)",
    "note_invite": "note_invite('{platform}', 8, 7)",
    "pay_invites": "pay_invites('{platform}', 60, 1, 5, 5, 3)",
    "keep_invite_link": "keep_invite_link('{platform}', -100, 7, 'https://t.me/+a')",
    "take_revoked_links": "take_revoked_links('{platform}', 1)",
    "drop_revoked_link": "drop_revoked_link('{platform}', 'https://t.me/+a')",
    "drop_old_announcements": "drop_old_announcements('{platform}', 1)",
    "drop_old_notices": "drop_old_notices('{platform}', 1)",
    "earn": "earn('{platform}', '{{7}}', '{{messages}}', '{{5}}', ARRAY[now()],"
    " ARRAY[current_date], '{{60}}', '{{600}}', 3600)",
    "end_offer_news": "end_offer_news('{platform}', 1, 'opened')",
    "end_notice_of_link": "end_notice_of_link('{platform}', 7)",
    "end_notice": "end_notice('{platform}', 7, 'code_void', now())",
    "enter_reactions": (
        "enter_reactions('{platform}', '{{1}}', '{{1}}', '{{7}}', '{{8}}', ARRAY[now()],"
        " ARRAY[now()], 'UTC', 3, 30, 60)"
    ),
    "export_of": "export_of('{platform}', 7, 10)",
    "forget_shown": "forget_shown('{platform}', 7, false, 0)",
    "forgive_store_debts": "forgive_store_debts('{platform}', '{{1}}')",
    "give_announcements_back": "give_announcements_back('{platform}', '{{1}}', '{{rank}}')",
    "give_reward": "give_reward('{platform}', 8, 7, '1', 5, 0, NULL, 'quiz', 9, 99, 99)",
    "history": "history('{platform}', 7, 5)",
    "issue_code": "issue_code('{platform}', 7, 'move')",
    "keep_places": "keep_places('{platform}', '{{group}}')",
    "leave_out": "leave_out('{platform}', '{{7}}', 'gone')",
    "link_state": "link_state('{platform}', 7)",
    "lock_store_debts": "lock_store_debts('{platform}', '{{1}}')",
    "move_account": "move_account('{platform}', 7, 'AAAA-AAAA', '{{}}')",
    "name_elsewhere": "name_elsewhere('{platform}', 7)",
    "note_bot_name": "note_bot_name('{platform}', 'our_bot')",
    "note_place": "note_place('{platform}', 'group', NULL, '')",
    "note_transient": "note_transient('{platform}', -100, '{{1}}', '{{2}}', '{{3}}', 60)",
    "offer_news": "offer_news('{platform}', 60)",
    "offer_of": "offer_of('{platform}', 7, 'sum')",
    "one_sided_members": "one_sided_members('{platform}', 0, 5)",
    "open_offer": "open_offer('{platform}', 7, 'AAAA-AAAA')",
    "owe_to_store": "owe_to_store('{platform}', '{{}}', '{{}}', '{{}}')",
    "profile_figures": "profile_figures('{platform}', 7, '2026-11-30', 10)",
    "put_off_notice": "put_off_notice('{platform}', 7, 'code_void', now(), 1)",
    "put_off_transient": (
        "put_off_transient('{platform}', -100, '{{1}}', '{{f}}', '{{2026-11-30}}', 60)"
    ),
    "read_link_acts": "read_link_acts('{platform}')",
    "record": f"record(ARRAY['{PAYLOAD}'])",
    "record_achievement": "record_achievement('{platform}', 7, 'first_win')",
    "record_balance": "record_balance('{platform}', 7, 5, 'shop', '1')",
    "record_xp": "record_xp('{platform}', 7, 5, 'game', '1')",
    "recall_link_rules": "recall_link_rules('{platform}', 7, 'a secret')",
    "remember_authors": (
        "remember_authors('{platform}', '{{-1}}', '{{1}}', '{{7}}', '{{1}}', 1000, 500)"
    ),
    "remember_name": "remember_name('{platform}', 7, 'Ann')",
    "report_connection": "report_connection('{platform}', true, 45)",
    "rewards_of": "rewards_of('{platform}', 7, 5)",
    "set_hidden": "set_hidden('{platform}', 7, true)",
    "start_offer": "start_offer('{platform}', 7)",
    "stored_of": "stored_of('{platform}', 7)",
    "support_forgive_attempts": "support_forgive_attempts('{platform}', 8, 7)",
    "support_link": "support_link('{platform}', 8, 7, 9, '{{}}', 'asked')",
    "support_move_account": "support_move_account('{platform}', 8, 7, 9, '{{}}', 'lost')",
    "support_set_leave": "support_set_leave('{platform}', 8, 7, false, 'spam')",
    "support_undo_link": "support_undo_link('{platform}', 8, 7, '{{}}', 'mistake')",
    "support_unlink": "support_unlink('{platform}', 8, 7, '{{}}', 'asked')",
    "take_announcements": "take_announcements('{platform}', 1)",
    "take_transient": "take_transient('{platform}', 1, 60)",
    "take_notices": "take_notices('{platform}', 1, 60)",
    "thank": "thank('{platform}', 7, 8, '1', now(), 'UTC', 5, 5, 50, 60)",
    "undo_link": "undo_link('{platform}', 7, 'AAAA-AAAA', '{{}}')",
    "undo_own_link": "undo_own_link('{platform}', 7, '{{}}')",
    "unlink_own": "unlink_own('{platform}', 7, '{{}}')",
    "unlink": "unlink('{platform}', 7, 'AAAA-AAAA', '{{}}')",
    "void_codes": "void_codes('{platform}', '{{}}')",
    "waiting_announcements": "waiting_announcements('{platform}', '{{rank}}', 1, false)",
}
#: A call of each function that is given events of any platform, or of none.
CALLS_FOR_ANY: Final = {
    "find_pending": "find_pending('{}')",
    "link_rules": "link_rules()",
    "mark_published": "mark_published('{}', true)",
}
#: A call of each function that acts as the owner, and for our own processes alone.
OWN_CALLS: Final = {
    "forget_person": "forget_person('telegram', 7, 'a secret of the deployment')",
    "note_forgotten": "note_forgotten('{}', '{}', 'a secret of the deployment')",
}
#: Functions that only read, for those who type SQL.
LADDER: Final = {"ladder", "rank_of", "rank_on"}
WHO_ACTS: Final = {
    "telegram": {"owner", "consumers", "telegram_bot"},
    "discord": {"owner", "consumers", "discord_bot"},
}


@pytest.fixture
async def conn(pool: asyncpg.Pool, logins: Mapping[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection, which can act as any login."""
    async with pool.acquire() as conn:
        yield conn
        await conn.execute("RESET SESSION AUTHORIZATION")


async def may(conn: asyncpg.Connection, login: str, statement: str) -> bool:
    """Run a statement as this login and take it back. Any error but a refusal is none."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(f"SET LOCAL SESSION AUTHORIZATION {login}")
        await conn.execute(statement)
    except REFUSALS:
        return False
    except asyncpg.PostgresError:
        return True
    finally:
        await transaction.rollback()
    return True


async def operations(conn: asyncpg.Connection, login: str, relation: str, column: str) -> str:
    """Return the letters of what this login may do."""
    letters = [
        letter
        for letter, statement in OPERATIONS.items()
        if await may(conn, login, statement.format(relation=relation, column=column))
    ]
    return "".join(letters)


async def names_of(conn: asyncpg.Connection, query: str) -> set[str]:
    return {name for (name,) in await conn.fetch(query)}


async def columns_to_change(conn: asyncpg.Connection) -> dict[str, str]:
    """A column of each table and view by which changes are tried."""
    return dict(
        await conn.fetch(
            """
            -- The second column, because the first one may be an identity, which nobody may change.
            SELECT c.relname, (SELECT quote_ident(a.attname) FROM pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                ORDER BY a.attnum = 2 DESC, a.attnum LIMIT 1)
            FROM pg_class AS c
            WHERE relnamespace = 'twinstream'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f')
            """
        )
    )


async def test_each_role_does_with_each_table_what_it_has_to_and_no_more(conn, logins):
    columns = await columns_to_change(conn)
    assert columns.keys() == RELATIONS.keys()

    found = {
        name: tuple(
            [await operations(conn, logins[duty], f"twinstream.{name}", column) for duty in DUTIES]
        )
        for name, column in columns.items()
    }

    assert found == RELATIONS


@pytest.mark.parametrize("duty", SETTLING)
async def test_a_process_that_applies_a_stream_has_the_rights_for_that(conn, logins, duty):
    columns = await columns_to_change(conn)

    found = {
        name: await operations(conn, logins[duty], f"twinstream.{name}", column)
        for name, column in columns.items()
    }
    acting_as_owner = await names_of(
        conn,
        "SELECT proname FROM pg_proc WHERE pronamespace = 'twinstream'::regnamespace AND prosecdef"
        f" AND has_function_privilege('{logins[duty]}', oid, 'EXECUTE')",
    )

    assert found == dict.fromkeys(RELATIONS, "S") | OF_SETTLING
    assert acting_as_owner == CALLS_OF_SETTLING


async def test_no_role_has_a_right_to_single_columns(conn):
    assert not await conn.fetch(
        """
        SELECT attrelid::regclass, attname FROM pg_attribute
        WHERE attacl IS NOT NULL
            AND attrelid IN (
                SELECT oid FROM pg_class WHERE relnamespace = 'twinstream'::regnamespace
            )
        """
    )


@pytest.mark.parametrize("platform", ["telegram", "discord"])
async def test_each_role_calls_each_function_for_its_own_platform_only(conn, logins, platform):
    found = {
        name: {
            duty
            for duty in DUTIES
            if await may(conn, logins[duty], f"SELECT twinstream.{call.format(platform=platform)}")
        }
        for name, call in CALLS.items()
    }

    assert found == dict.fromkeys(CALLS, WHO_ACTS[platform])


async def test_only_our_own_processes_forget_people(conn, logins):
    """Nor does a bot that somebody has granted the functions to."""
    for granted in (False, True):
        found = {
            name: {
                duty
                for duty in DUTIES
                if await may(conn, logins[duty], f"SELECT twinstream.{call}")
            }
            for name, call in OWN_CALLS.items()
        }
        assert found == {name: {"owner", "consumers"} for name in OWN_CALLS}, granted
        await conn.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream TO PUBLIC")


async def test_the_calls_of_these_tests_work(conn):
    """A call that Postgres refuses for another reason would count as permitted."""
    for platform in WHO_ACTS:
        for call in CALLS.values():
            await executed(conn, call.format(platform=platform))
    for call in (*CALLS_FOR_ANY.values(), *OWN_CALLS.values()):
        await executed(conn, call)


async def executed(conn: asyncpg.Connection, call: str) -> None:
    """Call a function. There is no link to end or undo, which one of our rules says."""
    with contextlib.suppress(asyncpg.CheckViolationError):
        await conn.execute(f"SELECT twinstream.{call}")


async def test_functions_for_callers_are_these_and_all_others_are_for_our_own_processes(
    conn, logins
):
    for_callers = await names_of(
        conn,
        "SELECT proname FROM pg_proc WHERE pronamespace = 'twinstream'::regnamespace AND prosecdef",
    )
    assert for_callers == CALLS.keys() | CALLS_FOR_ANY.keys() | OWN_CALLS.keys()
    for_bots = for_callers - OWN_CALLS.keys()

    for duty in (*DUTIES, "stranger"):
        callable_ = await names_of(
            conn,
            "SELECT proname FROM pg_proc WHERE pronamespace = 'twinstream'::regnamespace"
            f" AND has_function_privilege('{logins[duty]}', oid, 'EXECUTE')",
        )
        if duty in ("owner", "consumers"):
            assert callable_ > for_callers
        else:
            assert (
                callable_
                == {
                    "telegram_bot": for_bots,
                    "discord_bot": for_bots,
                    "web": LADDER,
                    "reader": LADDER,
                    "stranger": set(),
                }[duty]
            )


async def test_a_bot_sees_and_marks_events_of_its_own_platform_only(pool, conn, logins):
    await record(pool, xp(5, source="telegram"))
    await record(pool, xp(5, source="discord"))
    keys = ["tg_game_guess_1001_1", "dc_game_guess_1001_1"]
    await conn.execute(f"SET SESSION AUTHORIZATION {logins['discord_bot']}")

    seen = await conn.fetch("SELECT key FROM twinstream.find_pending($1)", keys)
    await conn.execute("SELECT twinstream.mark_published($1, true)", keys)

    assert [key for (key,) in seen] == keys[1:]
    statuses = await pool.fetch("SELECT idempotency_key, status FROM sync_events")
    assert dict(statuses) == dict(zip(keys, ["pending", "published"], strict=True))


@pytest.mark.parametrize("with_roles", [True, False])
async def test_public_may_do_nothing(request, pool, with_roles):
    """Where no roles were made either: a login that is not the owner's needs a role."""
    if with_roles:
        request.getfixturevalue("role_prefix")
        url = request.getfixturevalue("database_url")
        make_roles(url, prefix=request.getfixturevalue("role_prefix"))
    granted = await pool.fetch(
        """
        SELECT p.oid::regprocedure::text AS object, a.privilege_type
        FROM pg_proc AS p
        CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE p.pronamespace = 'twinstream'::regnamespace AND a.grantee = 0
        UNION ALL
        SELECT c.oid::regclass::text, a.privilege_type
        FROM pg_class AS c
        CROSS JOIN aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
        WHERE c.relnamespace = 'twinstream'::regnamespace AND a.grantee = 0
        UNION ALL
        SELECT n.nspname, a.privilege_type
        FROM pg_namespace AS n
        CROSS JOIN aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
        WHERE n.nspname = 'twinstream' AND a.grantee = 0
        """
    )

    assert granted == []


async def test_the_owner_owns_everything_and_functions_for_callers_have_a_fixed_path(
    conn, role_prefix
):
    owners = await names_of(
        conn,
        """
        SELECT relowner::regrole::text FROM pg_class
        WHERE relnamespace = 'twinstream'::regnamespace
        UNION SELECT proowner::regrole::text FROM pg_proc
        WHERE pronamespace = 'twinstream'::regnamespace
        UNION SELECT typowner::regrole::text FROM pg_type
        WHERE typnamespace = 'twinstream'::regnamespace
        UNION SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'twinstream'
        """,
    )
    assert owners == {f"{role_prefix}_owner"}
    settings = await names_of(
        conn,
        "SELECT DISTINCT proconfig::text FROM pg_proc"
        " WHERE pronamespace = 'twinstream'::regnamespace AND prosecdef",
    )
    assert settings == {'{"search_path=pg_catalog, pg_temp"}'}


async def test_a_type_of_the_caller_does_not_act_as_the_owner(conn, logins):
    """A temporary schema that is not named in the search path comes first."""
    await conn.execute(f"SET SESSION AUTHORIZATION {logins['telegram_bot']}")
    await conn.execute(
        """
        CREATE TABLE pg_temp.acted (who pg_catalog.text);
        GRANT ALL ON pg_temp.acted TO PUBLIC;
        CREATE FUNCTION pg_temp.act(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO pg_temp.acted VALUES (current_user); RETURN true; END $$;
        GRANT EXECUTE ON FUNCTION pg_temp.act(pg_catalog.text) TO PUBLIC;
        CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.act(VALUE));
        """
    )
    for call in CALLS.values():
        await executed(conn, call.format(platform="telegram"))
    for call in CALLS_FOR_ANY.values():
        await executed(conn, call)

    assert await conn.fetch("SELECT DISTINCT who FROM pg_temp.acted") == []


async def test_the_ledger_takes_no_change_from_any_role(pool, conn, logins):
    await record(pool, xp(5))
    for duty in DUTIES:
        for statement in (
            "UPDATE twinstream.transactions SET delta_xp = 6",
            "DELETE FROM twinstream.transactions",
            "TRUNCATE twinstream.transactions",
        ):
            await conn.execute(f"SET SESSION AUTHORIZATION {logins[duty]}")
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
                await conn.execute(statement)
            await conn.execute("RESET SESSION AUTHORIZATION")


async def test_making_the_roles_again_takes_back_what_was_granted_by_hand(
    pool, database_url, conn, logins, role_prefix
):
    await pool.execute(f"GRANT ALL ON twinstream.members TO {role_prefix}_telegram_bot")
    await pool.execute("GRANT EXECUTE ON FUNCTION twinstream.ladder() TO PUBLIC")
    await pool.execute("CREATE TABLE twinstream.added (id bigint)")

    migrate(database_url)

    statement = "SELECT FROM twinstream.members"
    assert not await may(conn, logins["telegram_bot"], statement)
    assert not await may(conn, logins["stranger"], "SELECT twinstream.ladder()")
    assert await may(conn, logins["consumers"], "DELETE FROM twinstream.added")
    assert not await may(conn, logins["telegram_bot"], "SELECT FROM twinstream.added")


async def test_roles_with_another_prefix_are_refused(database_url, logins, role_prefix):
    with pytest.raises(LaunchError, match=f"begin with {role_prefix}, not with another"):
        make_roles(database_url, prefix="another")


async def test_people_who_type_sql_leave_out_the_schema(pool, database_url, logins):
    make_roles(database_url, prefix=None)

    shown = await pool.fetch(
        """
        SELECT r.rolname, s.setconfig FROM pg_db_role_setting AS s
        JOIN pg_roles AS r ON r.oid = s.setrole
        JOIN pg_database AS d ON d.oid = s.setdatabase AND d.datname = current_database()
        """
    )
    assert dict(shown) == {
        logins[duty]: ['search_path="$user", public, twinstream'] for duty in (*DUTIES, *SETTLING)
    }
