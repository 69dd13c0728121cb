"""Forgetting: no name and no id of a person stays in the record, and not one amount changes."""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from config.community import StoreSetting
from db import Contention, RuleBroken
from db.earning import reactions, thanks
from db.earning.reactions import Authored, Reaction, ReactionLimits
from db.earning.thanks import ThankLimits
from db.ledger import events
from db.ledger.ranks import RankRow, set_ranks
from db.links import links, offers, states
from db.links.offers import Confirmation
from db.members import accounts, forgetting, privacy
from db.members.forgetting import Account, LinkIsYoung
from db.rewards import invites
from db.stores.opening import open_stores
from tests.support.boards import scores
from tests.support.patience import PATIENCE_S
from tests.support.recorded_events import (
    NOON,
    Record,
    achievement,
    balance,
    key_of,
    persistently,
    record,
    settle,
    until_someone_waits_for_a_lock,
    xp,
)

SECRET = "a secret of the deployment"
#: Numbers that stand in no other place of a database.
TG, DC, OTHER = 7_712_345_671, 882_212_345_672_123_456, 7_712_345_679
NAME = "Zaphod Beeblebrox"


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def the_books_add_up(pool: asyncpg.Pool):
    await set_ranks(pool, [RankRow("Newcomer", 10), RankRow("Regular", 30)])
    yield
    assert await Record(pool).discrepancies() == []


async def forget(
    pool: asyncpg.Pool, account_id: int = TG, platform: Any = "telegram", **more: Any
) -> list[Account]:
    async with pool.acquire() as conn, conn.transaction():
        return await forgetting.forget(
            conn, Account(platform, account_id), **{"secret": SECRET, "stores": {}, **more}
        )


async def traces(pool: asyncpg.Pool, *words: object) -> list[str]:
    """Every value of every table that has one of these words in it, as text."""
    found = []
    tables = await pool.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'twinstream' ORDER BY 1"
    )
    for (table,) in tables:
        if table == "forget_requests":
            continue  # the work that is left: the entries in Redis
        for row in await pool.fetch(f"SELECT t::text AS row FROM twinstream.{table} AS t"):
            found += [f"{table}: {row['row']}" for word in words if str(word) in row["row"]]
    return found


async def give_everything(pool: asyncpg.Pool) -> None:
    """A member with a row in every table that may name one."""
    async with pool.acquire() as conn:
        await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
        await accounts.remember_name(conn, "telegram", TG, NAME)
        await accounts.remember_name(conn, "discord", DC, NAME)
    mine = [xp(50, str(n), user_id=TG) for n in range(3)]
    theirs = [xp(7, "1", user_id=DC, source="discord")]
    await record(pool, *mine, balance(20, user_id=TG), achievement("lucky", user_id=TG))
    await record(pool, *theirs, source="discord")
    await settle(pool, mine[0], achievement("lucky", user_id=TG))
    await settle(pool, *theirs, source="discord")
    # Another member's gift, which names them.
    await record(pool, xp(3, f"gift-{TG}", user_id=OTHER), xp(1, "plain", user_id=OTHER))
    async with pool.acquire() as conn:
        await events.fail(
            conn,
            idempotency_key="entry:sync:telegram:1-1",
            source="telegram",
            type="unknown",
            payload=f'{{"user_id": {TG}, "name": "{NAME}"}}'.encode(),
            error_message=f"user_id {TG} is odd",
        )
        await conn.execute("SELECT twinstream.issue_code('telegram', $1, 'move')", TG)
        await offers.open_offer(conn, "telegram", TG, "WRONGCODE1")
        await conn.execute(
            """
            INSERT INTO twinstream.link_offers
                (platform, account_id, code_hash, token_hash, status, opener_id, expires_at)
            VALUES ('telegram', $1, 'a code', 'a token', 'linked', $2, now())
            """,
            TG,
            DC,
        )
        await conn.execute(
            """
            INSERT INTO twinstream.notices (platform, account_id, kind)
                VALUES ('telegram', $1, 'code_void');
            """.replace("$1", str(TG))
            + f"""
            INSERT INTO twinstream.moves (platform, from_account_id, to_account_id)
                VALUES ('telegram', 5, {TG}), ('discord', {DC}, 6);
            INSERT INTO twinstream.support_uses (platform, administrator_id, operation, account_id)
                VALUES ('telegram', {TG}, 'undo', {OTHER}), ('telegram', {OTHER}, 'undo', {TG});
            INSERT INTO twinstream.store_agreements (platform, account_id, store, xp, balance)
                VALUES ('telegram', {TG}, 'users', true, true);
            INSERT INTO twinstream.store_debts (member_id, platform, xp)
                SELECT member_id, 'telegram', 4 FROM twinstream.accounts WHERE account_id = {TG};
            INSERT INTO twinstream.reconcile_runs (cause, status, owner, lease_until, finished_at)
                VALUES ('asked', 'finished', 'a', now(), now());
            INSERT INTO twinstream.drift (run_id, platform, subject, subject_id, field, account_id,
                    member_id, seen, expected)
                SELECT r.id, 'telegram', 'tags', {TG}, 'tag', {TG}, a.member_id, '{NAME}', '{TG}'
                FROM twinstream.reconcile_runs AS r, twinstream.accounts AS a
                WHERE a.account_id = {TG};
            INSERT INTO twinstream.snapshots (run_id, platform, subject, page, part, after_id,
                    upto_id, looked_at, rows, is_last, checksum, taken_at)
                SELECT id, 'telegram', 'tags', n, 'slice', a, b, 1, 1, true, 'c', now()
                FROM twinstream.reconcile_runs, (VALUES (0, 0::bigint, {TG}::bigint),
                    (1, {TG}::bigint, {TG + 5}::bigint)) AS v (n, a, b);
            INSERT INTO twinstream.account_scores (platform, account_id, reputation)
            VALUES ('telegram', {TG}, 2);
            INSERT INTO twinstream.thanks (platform, giver_account_id, receiver_account_id, day,
                    entity_id, given_at)
                VALUES ('telegram', {TG}, {OTHER}, current_date, '-1.1', now()),
                    ('telegram', {OTHER}, {TG}, current_date, '-1.2', now());
            INSERT INTO twinstream.reactions (platform, place_id, message_id, giver_account_id,
                    receiver_account_id, day)
                VALUES ('telegram', -1, 1, {TG}, {OTHER}, current_date),
                    ('telegram', -1, 2, {OTHER}, {TG}, current_date);
            INSERT INTO twinstream.message_authors (platform, place_id, first_message_id,
                    message_ids, author_ids, sent_at)
                VALUES ('telegram', -1, 1, ARRAY[1, 2], ARRAY[{OTHER}, {TG}], ARRAY[1, 1]);
            INSERT INTO twinstream.earning_windows (platform, account_id, reason, last_at, day)
            VALUES ('telegram', {TG}, 'messages', now(), current_date);
            INSERT INTO twinstream.invite_links (platform, chat_id, account_id, link)
            VALUES ('telegram', -100, {TG}, 'https://t.me/+a');
            INSERT INTO twinstream.invites (platform, account_id, inviter_id)
            VALUES ('telegram', {TG}, {OTHER}), ('telegram', {OTHER + 5}, {TG});
            INSERT INTO twinstream.rewards
                (platform, administrator_id, account_id, entity_id, xp, balance, reason)
            VALUES ('telegram', {OTHER}, {TG}, '-100.1', 1, 0, 'for {NAME}'),
                ('telegram', {TG}, {OTHER}, '{TG}.2', 1, 0, 'from {NAME}');
            INSERT INTO twinstream.daily_claims
                (platform, account_id, claimed_at, day_ends_at, xp, balance)
            VALUES ('telegram', {TG}, now(), now() + interval '1 hour', 1, 1);
            INSERT INTO twinstream.link_bans (platform, account_id) VALUES ('telegram', {TG});
            INSERT INTO twinstream.link_rewards (platform, account_id, link_id)
                SELECT 'telegram', {TG}, id FROM twinstream.links;
            INSERT INTO twinstream.reconcile_walks (platform, subject, after_id, passed,
                passed_last_time, began_at) VALUES ('telegram', 'tags', {TG}, 1, 1, now());
            """
        )


async def sums(pool: asyncpg.Pool) -> list[tuple[Any, ...]]:
    rows = await pool.fetch(
        """
        SELECT platform, source, sum(delta_xp), sum(delta_balance), count(achievement), count(*)
        FROM twinstream.transactions GROUP BY platform, source ORDER BY platform, source
        """
    )
    return [tuple(row) for row in rows]


async def test_no_table_has_the_name_or_an_id_of_a_forgotten_person(pool, books):
    await give_everything(pool)
    before = await traces(pool, TG, DC, NAME)
    tables = {line.partition(":")[0] for line in before}

    forgotten = await forget(pool)

    assert sorted(forgotten) == [("discord", DC), ("telegram", TG)]
    assert await traces(pool, TG, DC, NAME) == []
    assert tables >= {
        *("accounts", "transactions", "sync_events", "links", "moves", "notices", "link_codes"),
        *("link_offers", "link_acts", "link_bans", "link_rewards"),
        *("link_attempts", "support_uses", "store_agreements", "drift", "snapshots", "surfaces"),
        *("reconcile_walks", "thanks", "reactions", "message_authors"),
        *("account_scores", "daily_claims", "rewards", "invites", "invite_links"),
    }
    assert await traces(pool, OTHER) != []


async def test_amounts_stay_and_events_on_their_way_arrive(pool, books):
    await give_everything(pool)
    member = await books.member(TG)
    at_origin = [row for row in await sums(pool) if row[0] == row[1]]

    await forget(pool)

    after = await sums(pool)
    assert [row for row in after if row[0] == row[1]] == at_origin
    [telegram] = [row for row in after if row[:2] == ("telegram", "telegram")]
    [arrived] = [row for row in after if row[:2] == ("discord", "telegram")]
    # All but the plain event of another member, which is still on its way.
    assert arrived[2:] == (telegram[2] - 1, *telegram[3:5], telegram[5] - 1)
    rows = await pool.fetch(
        "SELECT platform, xp, balance FROM twinstream.sync_state WHERE member_id = $1 ORDER BY 1",
        member,
    )
    assert [tuple(row) for row in rows] == [("discord", 157, 20), ("telegram", 157, 20)]
    [only] = await pool.fetch("SELECT xp, balance FROM twinstream.members WHERE id = $1", member)
    assert tuple(only) == (157, 20)


@pytest.mark.parametrize("how", ["recorded", "settled", "with the other secret"])
async def test_an_old_entry_that_comes_again_counts_no_more(pool, how):
    old = xp(50, "1", user_id=TG)
    await record(pool, old)
    await settle(pool, old)
    await forget(pool)

    if how == "settled":
        assert await settle(pool, old, forget_secret=SECRET) == frozenset()
        receipts: Sequence[Any] = ()
    else:
        secret = SECRET if how == "recorded" else "another secret of somebody"
        receipts = await record(pool, old, forget_secret=secret)

    if how == "with the other secret":
        # Without the right secret nobody can know the key again, our own functions included.
        assert [one.created for one in receipts] == [True]
        return
    assert [(one.created, one.member_id) for one in receipts] in ([], [(False, events.FORGOTTEN)])
    assert await traces(pool, TG) == []


async def test_an_old_entry_among_others_costs_them_nothing(pool, books):
    old = xp(50, "1", user_id=TG)
    await record(pool, old)
    await forget(pool)
    batch = [xp(1, "a", user_id=OTHER), old, xp(2, "b", user_id=OTHER), xp(2, "b", user_id=OTHER)]

    receipts = await record(pool, *batch, forget_secret=SECRET)
    entered = await settle(pool, *batch, forget_secret=SECRET)

    assert [one.created for one in receipts] == [True, False, True, False]
    assert [one.member_id == events.FORGOTTEN for one in receipts] == [False, True, False, False]
    assert entered == {key_of(batch[0]), key_of(batch[2])}
    assert await books.totals(OTHER) == (3, 0)
    assert await traces(pool, TG) == []


async def test_an_event_that_nobody_recorded_and_that_is_older_counts_no_more(pool):
    """Another program put it on the stream before the person was forgotten."""
    await record(pool, xp(1, "1", user_id=TG))
    await forget(pool)

    assert await settle(pool, xp(5, "2", user_id=TG), forget_secret=SECRET) == frozenset()
    assert await traces(pool, TG) == []


async def test_a_forgotten_account_that_comes_back_is_a_new_member(pool, books):
    await record(pool, xp(50, "1", user_id=TG))
    await forget(pool)

    [receipt] = await record(pool, xp(4, "2", user_id=TG), forget_secret=SECRET)

    assert receipt.created
    assert await books.totals(TG) == (4, 0)
    await forget(pool)
    assert await traces(pool, TG) == []
    [again] = await record(pool, xp(4, "2", user_id=TG), forget_secret=SECRET)
    assert not again.created


LIMITS = ReactionLimits(zone="UTC", per_pair_max=3, per_day_max=9, age_s_max=7 * 24 * 3_600.0)


async def enter_reactions(conn: asyncpg.Connection, *given: Reaction) -> int:
    return len(await reactions.enter(conn, "telegram", given, LIMITS, forget_secret=SECRET))


async def remember(conn: asyncpg.Connection, *messages: Authored) -> None:
    await reactions.remember_authors(conn, "telegram", messages, kept=100, forget_secret=SECRET)


async def thank(conn: asyncpg.Connection, giver: int, receiver: int, at: datetime) -> str:
    thanked = await thanks.thank(
        conn,
        "telegram",
        giver,
        receiver,
        entity_id="1",
        said_at=at,
        limits=ThankLimits(zone="UTC", per_day=5, xp=5, xp_per_day=50),
        forget_secret=SECRET,
    )
    return thanked.outcome


async def test_a_backlog_from_before_a_forgetting_brings_nothing_back(pool):
    """Reactions, thanks and messages that wait while Postgres is away, or Telegram keeps them."""
    before = datetime.now(UTC) - timedelta(seconds=5)
    await record(pool, xp(50, "1", user_id=TG))
    await forget(pool)

    async with pool.acquire() as conn:
        await remember(conn, Authored(-7, 1, OTHER, before), Authored(-7, 2, TG, before))
        assert await enter_reactions(conn, Reaction(-7, 1, TG, before)) == 0
        # Discord names the author; the message is from before, and the reaction is not.
        named = Reaction(-7, 2, OTHER, datetime.now(UTC), author_id=TG, sent_at=before)
        assert await enter_reactions(conn, named) == 0
        assert await thank(conn, TG, OTHER, before) == "late"
        assert await thank(conn, OTHER, TG, before) == "late"
    assert await traces(pool, TG) == []


async def test_a_forgotten_account_that_comes_back_reacts_and_thanks_again(pool):
    await record(pool, xp(50, "1", user_id=TG))
    await forget(pool)

    now = datetime.now(UTC) + timedelta(seconds=1)
    async with pool.acquire() as conn:
        await remember(conn, Authored(-7, 1, OTHER, now), Authored(-7, 2, TG, now))
        assert (
            await enter_reactions(conn, Reaction(-7, 1, TG, now), Reaction(-7, 2, OTHER, now)) == 2
        )
        assert await thank(conn, TG, OTHER, now) == "thanked"


async def test_a_reaction_that_is_being_entered_does_not_outlive_a_forgetting(pool):
    now = datetime.now(UTC)
    await record(pool, xp(50, "1", user_id=TG))
    async with pool.acquire() as conn:
        await remember(conn, Authored(-7, 1, OTHER, now))
        async with conn.transaction():
            assert await enter_reactions(conn, Reaction(-7, 1, TG, now)) == 1
            forgotten = asyncio.ensure_future(forget(pool))
            await until_someone_waits_for_a_lock(pool)
        await asyncio.wait_for(forgotten, PATIENCE_S)

    assert await traces(pool, TG) == []


async def test_an_invitation_that_is_being_noted_does_not_outlive_a_forgetting(pool):
    await record(pool, xp(50, "1", user_id=TG))
    async with pool.acquire() as conn, conn.transaction():
        assert await invites.note(conn, "telegram", TG, OTHER, forget_secret=SECRET) == "waiting"
        forgotten = asyncio.ensure_future(forget(pool))
        await until_someone_waits_for_a_lock(pool)
    await asyncio.wait_for(forgotten, PATIENCE_S)

    assert await traces(pool, TG) == []


async def test_a_mark_is_the_hmac_that_every_library_computes(pool):
    await record(pool, xp(50, "1", user_id=TG))
    await forget(pool)

    def mark(said: str) -> str:
        key = hashlib.sha256(SECRET.encode()).digest()
        return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()

    assert await pool.fetchval("SELECT mark FROM twinstream.forgotten_accounts") == mark(
        f"account:telegram:{TG}"
    )
    keys = await pool.fetch("SELECT DISTINCT idempotency_key FROM twinstream.transactions")
    assert [key for (key,) in keys] == ["forgotten:" + mark(f"key:tg_game_guess_{TG}_1")]


async def test_the_ledger_changes_for_nothing_but_forgetting(pool):
    """Not even in the transaction that forgot somebody."""
    await record(pool, xp(50, "1", user_id=TG), xp(1, "1", user_id=OTHER))
    statements = (
        "UPDATE twinstream.transactions SET entity_id = 'x'",
        "UPDATE twinstream.transactions SET delta_xp = 1",
        "DELETE FROM twinstream.transactions",
    )
    for statement in statements:
        async with pool.acquire() as conn:
            transaction = conn.transaction()
            await transaction.start()
            await forgetting.forget(conn, Account("telegram", TG), secret=SECRET, stores={})
            with pytest.raises(asyncpg.CheckViolationError, match="only added to"):
                await conn.execute(statement)
            await transaction.rollback()


async def test_forgetting_cannot_change_an_amount(pool):
    await record(pool, xp(50, "1", user_id=TG))
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await conn.execute("INSERT INTO twinstream.forgettings VALUES (pg_current_xact_id())")
        with pytest.raises(asyncpg.CheckViolationError, match="only added to"):
            await conn.execute("UPDATE twinstream.transactions SET delta_xp = 51")
        await transaction.rollback()


async def test_another_secret_forgets_nobody(pool):
    await record(pool, xp(50, "1", user_id=TG), xp(1, "1", user_id=OTHER))
    await forget(pool)
    with pytest.raises(RuleBroken, match="another secret"):
        await forget(pool, OTHER, secret="another secret of somebody")
    assert await traces(pool, OTHER) != []


async def ask(pool: asyncpg.Pool, platform: Any = "telegram", account_id: int = TG) -> None:
    async with pool.acquire() as conn:
        await forgetting.ask(conn, platform, account_id)


async def test_nobody_has_another_account_forgotten_by_a_link_that_can_be_undone(pool, books):
    await record(pool, xp(20, user_id=DC, source="discord"), source="discord")
    async with pool.acquire() as conn:
        await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
    with pytest.raises(LinkIsYoung):
        await ask(pool)
    async with pool.acquire() as conn:
        await states.unlink_own(conn, "telegram", TG, stores=[])
    await ask(pool)
    assert await forget(pool) == [Account("telegram", TG)]
    told = await pool.fetch("SELECT kind, account_id FROM notices ORDER BY created_at")

    async with pool.acquire() as conn:
        await states.undo_own_link(conn, "discord", DC, stores=[])

    assert (await books.totals(DC, "discord"))[0] == 20
    # The other one hears of the end, under a pseudonym, and a pseudonym hears of nothing.
    assert ("unlinked", DC) in [tuple(one) for one in told]
    assert await traces(pool, TG) == []
    assert await pool.fetchval("SELECT count(*) FROM notices WHERE account_id < 0") == 0


async def test_a_member_has_an_old_link_forgotten(pool):
    async with pool.acquire() as conn:
        await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
    await pool.execute("UPDATE links SET linked_at = linked_at - interval '8 days'")
    await ask(pool)
    assert await pool.fetchval("SELECT count(*) FROM forget_requests") == 1


async def test_an_account_that_waits_to_be_forgotten_takes_no_other_one_along(pool):
    async with pool.acquire() as conn:
        offer_id, code, _ = await offers.start(conn, "discord", DC)
        await offers.open_offer(conn, "telegram", TG, code or "")
        await forgetting.ask(conn, "telegram", TG)
        assert await offers.confirm(conn, "discord", DC, offer_id) is Confirmation.ENDED
        # Once it was forgotten, the account is a new member's.
        await pool.execute("UPDATE forget_requests SET forgotten_at = now()")
        assert await offers.confirm(conn, "discord", DC, offer_id) is Confirmation.LINKED


async def test_a_forgotten_account_that_comes_back_links_by_the_rules_of_before(pool):
    await pool.execute("UPDATE link_settings SET reward_xp = 40")
    async with pool.acquire() as conn:
        await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
        await states.set_leave(conn, "telegram", TG, may_link=False, reason="cheats")
    await forget(pool)
    assert await traces(pool, TG, DC) == []

    async def link_again() -> Confirmation:
        async with pool.acquire() as conn:
            offer_id, code, _ = await offers.start(conn, "discord", DC, forget_secret=SECRET)
            await offers.open_offer(conn, "telegram", TG, code or "", forget_secret=SECRET)
            found = await offers.confirm(conn, "discord", DC, offer_id)
            await offers.decline(conn, "discord", DC, offer_id)
            return found

    assert await link_again() is Confirmation.FORBIDDEN
    async with pool.acquire() as conn:
        await states.set_leave(conn, "telegram", TG, may_link=True, reason="")
        await states.set_leave(conn, "discord", DC, may_link=True, reason="")
    assert await link_again() is Confirmation.LINKED
    assert await Record(pool).totals(TG) == (0, 0)  # no second reward
    assert await pool.fetchval("SELECT count(*) FROM link_marks") == 0


async def test_a_wish_to_be_forgotten_waits_for_a_link_that_is_being_made(pool):
    await record(pool, xp(5, user_id=TG))
    async with pool.acquire() as conn, conn.transaction():
        await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
        asking = asyncio.create_task(ask(pool))
        await until_someone_waits_for_a_lock(pool)
    with pytest.raises(LinkIsYoung):
        await asking


async def test_a_crash_in_the_middle_forgets_nothing(pool):
    await give_everything(pool)
    before = await traces(pool, TG, DC, NAME)
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await forgetting.forget(conn, Account("telegram", TG), secret=SECRET, stores={})
        await transaction.rollback()
    assert await traces(pool, TG, DC, NAME) == before


async def test_nothing_of_a_forgotten_person_is_wanted_or_listed(pool, books):
    await give_everything(pool)
    async with pool.acquire() as conn:
        assert await scores(conn) == [157, 4]
    await forget(pool)
    async with pool.acquire() as conn:
        assert await scores(conn) == [4]
        await set_ranks(pool, [RankRow("Newcomer", 10), RankRow("Regular", 150)])
        assert await privacy.stored_of(conn, "telegram", TG) == []
    hidden = await pool.fetchval(
        """
        SELECT count(*) FROM twinstream.surfaces AS f
        JOIN twinstream.accounts AS a USING (member_id, platform) WHERE a.account_id < 0
        """
    )
    assert hidden == 0


async def test_an_event_that_waits_for_the_forgetting_is_judged_again(pool, books):
    """A bot repeats an old event at the moment when its account is forgotten."""
    old = xp(50, "1", user_id=TG)
    await record(pool, old)
    await record(pool, xp(1, "1", user_id=OTHER))
    await forget(pool, OTHER)  # from now on the record looks for marks

    async def repeat() -> list[Any]:
        return await record(pool, old, forget_secret=SECRET)

    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await forgetting.forget(conn, Account("telegram", TG), secret=SECRET, stores={})
        repeating = asyncio.create_task(persistently(repeat))
        await until_someone_waits_for_a_lock(pool)
        await transaction.commit()
    [receipt] = await repeating

    assert not receipt.created
    assert await traces(pool, TG, OTHER) == []


async def _forget_as_the_consumers_do(pool: asyncpg.Pool) -> list[Account]:
    """Hold the request, if there is one, and forget the person in the same transaction."""
    async with pool.acquire() as conn, conn.transaction():
        await forgetting.take(conn)
        return await forgetting.forget(conn, Account("telegram", TG), secret=SECRET, stores={})


@asynccontextmanager
async def a_long_forgetting(pool: asyncpg.Pool) -> AsyncIterator[asyncio.Task[list[Account]]]:
    """Forget a person whose entries take long to rewrite: as long as the block lasts."""
    async with pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM transactions WHERE account_id = $1 FOR UPDATE", TG)
        forgetting_ = asyncio.create_task(_forget_as_the_consumers_do(pool))
        await until_someone_waits_for_a_lock(pool)
        async with asyncio.timeout(PATIENCE_S):
            yield forgetting_


async def test_others_and_the_member_wait_for_no_entry_that_is_rewritten(pool, books):
    await give_everything(pool)
    await pool.execute("UPDATE links SET linked_at = now() - interval '8 days'")
    await ask(pool, "discord", DC)
    late, on_its_way = xp(9, "late", user_id=TG), xp(4, "on-its-way", user_id=TG)
    await record(pool, on_its_way)
    async with a_long_forgetting(pool) as under_way:
        await record(pool, late, xp(2, "other", user_id=OTHER), forget_secret=SECRET)
        await settle(pool, on_its_way, forget_secret=SECRET)
        async with pool.acquire() as conn:
            await accounts.remember_name(conn, "telegram", TG, f"{NAME} again")
            await privacy.set_hidden(conn, "telegram", TG, hidden=True)
        await ask(pool, "discord", DC)
        assert not under_way.done()
    await under_way

    assert await traces(pool, TG, DC, NAME) == []
    assert await pool.fetchval("SELECT count(*) FROM sync_events WHERE account_id = $1", TG) == 0


async def test_an_unlink_while_entries_are_rewritten_comes_first(pool, books):
    await give_everything(pool)
    async with a_long_forgetting(pool) as under_way, pool.acquire() as conn:
        await links.unlink(conn, platform="discord", account_id=DC)
    with pytest.raises(Contention):
        await under_way

    assert await forget(pool) == [Account("telegram", TG)]
    assert await traces(pool, TG) == []


async def test_an_event_that_is_sent_again_while_entries_are_rewritten_comes_first(pool, books):
    await give_everything(pool)
    old = xp(50, "0", user_id=TG)
    async with a_long_forgetting(pool) as under_way:
        await pool.execute(
            "UPDATE sync_events SET status = 'pending', published_at = NULL, processed_by = NULL,"
            " processed_at = NULL, payload = $2 WHERE idempotency_key = $1",
            key_of(old),
            old.payload.decode(),
        )
    with pytest.raises(Contention):
        await under_way

    await forget(pool)
    assert await traces(pool, TG, DC, NAME) == []


async def test_a_row_of_a_bots_own_table_is_emptied(pool, books):
    await pool.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, coins bigint)")
    await pool.execute("INSERT INTO users VALUES ($1, 70, 3), ($2, 9, 9)", TG, OTHER)
    setting = StoreSetting(table="users", id="id", xp="xp", balance="coins")
    stores = await open_stores(pool, {"telegram": setting, "discord": None})
    await record(pool, xp(50, "1", user_id=TG))

    await forget(pool, stores=stores)

    rows = await pool.fetch("SELECT * FROM users ORDER BY id")
    assert [tuple(row) for row in rows] == [(TG, 0, 0), (OTHER, 9, 9)]


async def test_every_column_that_may_name_an_account_is_known_to_forgetting(pool):
    """Extend `forget_person` for a new column, and this list."""
    columns = await pool.fetch(
        """
        SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'twinstream' AND table_name IN (
            SELECT tablename FROM pg_tables WHERE schemaname = 'twinstream'
        ) AND (column_name LIKE '%account_id' OR column_name LIKE '%administrator_id'
            OR column_name LIKE '%\\_name' OR column_name LIKE '%actor%'
            OR column_name LIKE '%opener%' OR column_name LIKE '%author%'
            OR column_name LIKE '%inviter%')
        ORDER BY 1
        """
    )
    assert [name for (name,) in columns] == [
        "account_scores.account_id",
        "accounts.account_id",
        "accounts.display_name",
        "daily_claims.account_id",
        "drift.account_id",
        "earning_windows.account_id",
        "forget_requests.account_id",
        "invite_links.account_id",
        "invites.account_id",
        "invites.inviter_id",
        "link_acts.actor",
        "link_acts.actor_account_id",
        "link_acts.actor_platform",
        "link_acts.discord_account_id",
        "link_acts.from_account_id",
        "link_acts.telegram_account_id",
        "link_attempts.account_id",
        "link_bans.account_id",
        "link_codes.account_id",
        "link_offers.account_id",
        "link_offers.opener_id",
        "link_rewards.account_id",
        "links.discord_account_id",
        "links.telegram_account_id",
        "message_authors.author_ids",
        "moves.from_account_id",
        "moves.to_account_id",
        "notices.account_id",
        "reactions.giver_account_id",
        "reactions.receiver_account_id",
        "rewards.account_id",
        "rewards.administrator_id",
        "store_agreements.account_id",
        "support_uses.account_id",
        "support_uses.administrator_id",
        "sync_events.account_id",
        "thanks.giver_account_id",
        "thanks.receiver_account_id",
        "transactions.account_id",
    ]


async def test_hidden_members_are_on_no_board_until_they_want_to_be(pool, books):
    await record(pool, xp(50, "1", user_id=TG), xp(5, "1", user_id=OTHER))

    async def listed() -> list[int]:
        async with pool.acquire() as conn:
            return await scores(conn)

    async with pool.acquire() as conn:
        await privacy.set_hidden(conn, "telegram", TG, hidden=True)
    assert await listed() == [5]
    # A link takes the wish along, and an unlink leaves it to both.
    async with pool.acquire() as conn:
        await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
    assert await listed() == [5]
    async with pool.acquire() as conn:
        assert [one.is_hidden for one in await privacy.stored_of(conn, "discord", DC)] == [
            True,
            True,
        ]
        await privacy.set_hidden(conn, "discord", DC, hidden=False)
    assert await listed() == [50, 5]


async def test_an_export_has_all_that_is_stored(pool):
    await give_everything(pool)
    async with pool.acquire() as conn:
        exported = await privacy.export_of(conn, "discord", DC, entries_max=None)
        cut = await privacy.export_of(conn, "discord", DC, entries_max=2)
        nothing = await privacy.export_of(conn, "discord", 5, entries_max=2)
    for word in (str(TG), str(DC), NAME, "lucky", "game_guess"):
        assert word in exported
    assert [what for what, found in json.loads(exported).items() if not found] == []
    assert exported.count('"key"') == 6
    assert cut.count('"key"') == 2
    assert not re.search(r"\d{4}", nothing)
    assert NOON.strftime("%Y-%m-%d") in exported
