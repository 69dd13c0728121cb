"""Settling on real Postgres and Valkey: an event of one side arrives in the books of the other."""

import asyncio
from typing import Any

import asyncpg
import pytest

import schemas
from bus import BusUnavailable
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from db import Producer, StorageUnavailable
from tests.support.patience import PATIENCE_S
from tests.support.settling import NOON, Desk, edited, xp_payload


@pytest.fixture
def to_discord(resources: Resources) -> Settling:
    return Settling("telegram", resources)


@pytest.fixture
def to_telegram(resources: Resources) -> Settling:
    return Settling("discord", resources)


async def test_what_happened_in_telegram_is_settled_in_discords_books(to_discord, producer, desk):
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game_guess", entity_id="1"
    )
    await producer.create_balance_change_event(
        user_id=1001, delta_balance=7, source="telegram", reason="game_prize", entity_id="1"
    )
    await producer.create_achievement_event(
        user_id=1001, achievement="lucky_guess", source="telegram"
    )

    assert await to_discord.step() == 3

    assert await desk.xp("discord") == 15
    balance, achievements = await desk.pool.fetchrow(
        """
        SELECT (SELECT balance FROM sync_state WHERE platform = 'discord'),
            (SELECT array_agg(achievement) FROM achievements WHERE platform = 'discord')
        """
    )
    assert (balance, achievements) == (7, ["lucky_guess"])
    assert await desk.statuses() == {"completed": 3}
    assert await desk.unacknowledged("telegram") == 0


async def test_what_happened_in_discord_is_settled_in_telegrams_books(to_telegram, producer, desk):
    await producer.create_xp_change_event(
        user_id=5, delta_xp=15, source="discord", reason="game_guess", entity_id="1"
    )

    assert await to_telegram.step() == 1

    assert await desk.xp("telegram", 5, on="discord") == 15
    processed_by = await desk.pool.fetchval("SELECT processed_by FROM sync_events")
    assert processed_by == "telegram"


async def test_a_duplicate_delivery_counts_once(to_discord, desk):
    payload = xp_payload(15)
    await desk.add("telegram", payload, payload)

    await to_discord.step()
    await desk.add("telegram", payload)
    await to_discord.step()

    assert await desk.xp("discord") == 15
    assert await desk.ledger_rows("discord") == 1
    assert await desk.statuses() == {"completed": 1}
    assert await desk.unacknowledged("telegram") == 0


async def test_an_event_that_a_foreign_program_put_on_the_stream_enters_both_books(
    to_discord, desk
):
    await desk.add("telegram", xp_payload(15))

    await to_discord.step()

    assert await desk.xp("telegram") == await desk.xp("discord") == 15


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)], ids=["highest", "lowest"])
async def test_books_that_can_hold_no_more_cost_their_own_events_only(
    to_discord, desk, pool, number
):
    sign = 1 if number > 0 else -1
    await desk.add("telegram", xp_payload(100))
    await to_discord.step()
    await pool.execute("UPDATE sync_state SET xp = $1 WHERE platform = 'discord'", number)
    full = [xp_payload(sign * nth, entity_id=f"full-{nth}") for nth in (1, 2)]
    rest = [xp_payload(nth, user_id=1000 + nth, entity_id="rest") for nth in (5, 6)]

    await desk.add("telegram", rest[0], full[0], full[1], rest[1])
    for _ in range(3):
        await to_discord.step()

    assert await desk.statuses() == {"completed": 3, "failed": 2}
    assert [await desk.xp("discord", user_id=1000 + nth) for nth in (5, 6)] == [5, 6]
    reasons = await pool.fetch("SELECT error_message FROM sync_events WHERE status = 'failed'")
    assert all("out of range" in reason for (reason,) in reasons)


async def test_settling_publishes_nothing(to_discord, to_telegram, producer, desk):
    for number in range(10):
        await producer.create_xp_change_event(
            user_id=1001, delta_xp=1, source="telegram", reason="game", entity_id=str(number)
        )
    await desk.add("discord", xp_payload(3, source="discord", user_id=5))

    for _ in range(3):
        await to_discord.step()
        await to_telegram.step()

    assert await desk.stream_length("telegram") == 10
    assert await desk.stream_length("discord") == 1


class FailingOnce:
    """A reader whose first acknowledgement is lost, as by a crash between commit and XACK."""

    def __init__(self, reader):
        self._reader = reader
        self._failed = False

    def __getattr__(self, name):
        return getattr(self._reader, name)

    async def acknowledge(self, ids):
        if not self._failed:
            self._failed = True
            raise BusUnavailable("the answer was lost")
        return await self._reader.acknowledge(ids)


async def test_a_crash_between_commit_and_acknowledgement_redelivers_and_changes_nothing(
    resources: Resources, desk: Desk
):
    await desk.add("telegram", xp_payload(15))
    crashing: Any = Settling("telegram", resources)
    crashing._reader = FailingOnce(crashing._reader)
    with pytest.raises(BusUnavailable):
        await crashing.step()
    assert await desk.xp("discord") == 15
    assert await desk.unacknowledged("telegram") == 1

    restarted = Settling("telegram", resources)
    assert await restarted.step() == 1

    assert await desk.xp("discord") == 15
    assert await desk.ledger_rows("discord") == 1
    assert await desk.unacknowledged("telegram") == 0


async def test_a_crash_before_the_commit_redelivers_and_nothing_is_lost(
    resources: Resources, desk: Desk
):
    await desk.add("telegram", xp_payload(15))
    await desk.pool.execute("ALTER TABLE transactions RENAME TO mislaid")
    with pytest.raises(StorageUnavailable):
        await Settling("telegram", resources).step()
    await desk.pool.execute("ALTER TABLE mislaid RENAME TO transactions")

    restarted = Settling("telegram", resources)
    await restarted.step()

    assert await desk.xp("discord") == 15
    assert await desk.unacknowledged("telegram") == 0


async def test_a_lost_acknowledgement_is_made_up_for_by_the_next_step(
    resources: Resources, desk: Desk
):
    await desk.add("telegram", xp_payload(15))
    role: Any = Settling("telegram", resources)
    role._reader = FailingOnce(role._reader)
    with pytest.raises(BusUnavailable):
        await role.step()

    assert await role.step() == 1

    assert await desk.xp("discord") == 15
    assert await desk.unacknowledged("telegram") == 0


GOOD = xp_payload(15, entity_id="good")
OTHER = xp_payload(15, entity_id="other")
UNFIT = {
    "not JSON": (b"<xp>15</xp>", "is not JSON"),
    "not UTF-8": (b"\xff\xfe", "is not JSON"),
    "a NUL": (b'{"type": "\x00"}', "is not JSON"),
    "an escaped NUL": (edited(OTHER, type="a\x00b"), r"type is 'a\x00b'"),
    "unknown type": (edited(OTHER, type="xp.doubled"), "type is 'xp.doubled'"),
    "too new": (edited(OTHER, v=99), "v is 99"),
    "wrong source": (xp_payload(1, source="discord"), "says source discord"),
    "overdraft": (xp_payload(-1, user_id=1002), "less XP than this would take away"),
    "over the range": (edited(OTHER, delta_xp=2**70), "delta_xp"),
    "conflict": (edited(GOOD, delta_xp=16), "already belongs to a different event"),
}


@pytest.mark.parametrize("unfit", UNFIT)
async def test_what_can_never_take_effect_is_buried_and_the_rest_goes_on(
    to_discord, desk: Desk, unfit
):
    payload, reason = UNFIT[unfit]
    await desk.add("telegram", GOOD, payload, xp_payload(5, entity_id="next"))

    assert await to_discord.step() == 3

    assert await desk.xp("discord") == 20
    [message] = (await desk.failures()).values()
    assert reason in message
    [dead] = await desk.dead()
    assert dead[b"reason"].decode() == message
    assert dead[b"e"] == payload
    assert (await desk.statuses())["completed"] == 2
    assert await desk.unacknowledged("telegram") == 0


async def test_an_entry_without_an_event_is_buried_with_what_it_held(to_discord, desk: Desk):
    entry_id = await desk.add_fields("telegram", event="xp", amount="15")
    await desk.add("telegram", GOOD)

    await to_discord.step()

    assert await desk.xp("discord") == 15
    [(key, message)] = (await desk.failures()).items()
    assert key == f"entry:{desk.keys.stream('telegram')}:{entry_id.decode()}"
    assert "no field `e`" in message
    evidence = await desk.pool.fetchval("SELECT payload FROM sync_events WHERE status = 'failed'")
    assert evidence == "event=xp, amount=15"
    [dead] = await desk.dead()
    assert dead[b"raw:amount"] == b"15"


async def test_an_entry_with_two_events_is_buried_with_both(to_discord, desk: Desk):
    one, two = (xp_payload(1, entity_id=name) for name in ("one", "two"))
    stream = desk.keys.stream("telegram")
    await desk.redis.execute_command("XADD", stream, "*", "e", one, "e", two)
    await desk.add("telegram", GOOD)

    await to_discord.step()

    assert await desk.xp("discord") == 15
    [reason] = (await desk.failures()).values()
    assert reason == "the entry has 2 fields `e`, and carries one event at most"
    evidence = await desk.pool.fetchval("SELECT payload FROM sync_events WHERE status = 'failed'")
    assert '"entity_id":"one"' in evidence
    assert '"entity_id":"two"' in evidence


async def test_an_entry_whose_id_another_one_had_before_is_on_record_too(
    resources: Resources, to_discord, desk: Desk
):
    """Senders may choose ids, and the stream may have been lost in between."""
    stream = desk.keys.stream("telegram")
    for payload in (b"the first", b"the second", b"the second", b"the third"):
        await desk.redis.xadd(stream, {"e": payload}, id="5-5")
        await to_discord.step()
        await desk.lose_everything()
        await resources.rebuild("telegram")

    rows = await desk.pool.fetch("SELECT payload FROM sync_events ORDER BY id")
    assert [payload for (payload,) in rows] == ["the first", "the second", "the third"]


@pytest.mark.parametrize("before", ["published", "failed"])
async def test_a_recorded_event_that_cannot_be_read_fails_itself_and_is_not_sent_again(
    resources: Resources, to_discord, producer, desk: Desk, before
):
    """A newer release recorded it, say. It waits in the dead letters until a release can read it.

    It may come twice.
    """
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game_guess", entity_id="1"
    )
    newer = edited((await desk.newest("telegram")), v=2)
    await desk.lose_everything()
    await resources.rebuild("telegram")
    await resources.pool.execute(
        """
        UPDATE sync_events SET status = $1, payload = $2, published_at = now(),
            error_message = CASE $1 WHEN 'failed' THEN 'unreadable' END
        """,
        before,
        newer.decode(),
    )
    await desk.add("telegram", newer, newer)

    await to_discord.step()

    assert len(await desk.dead()) == 2
    [(key, reason)] = (await desk.failures()).items()
    assert key == "tg_game_guess_1001_1"
    assert "v is 2" in reason
    assert await desk.statuses() == {"failed": 1}


async def test_an_unreadable_entry_with_the_key_of_a_completed_event_is_on_record(
    to_discord, desk: Desk
):
    """The payload of a completed event is gone, so nobody knows whether this one is the same."""
    await desk.add("telegram", GOOD)
    await to_discord.step()
    other = edited(GOOD, v=2, delta_xp=16)
    await desk.add("telegram", other)

    await to_discord.step()

    row = await desk.pool.fetchrow("SELECT * FROM sync_events WHERE status = 'failed'")
    assert row["idempotency_key"].startswith("entry:")
    assert row["payload"] == other.decode()
    assert "v is 2" in row["error_message"]
    assert await desk.statuses() == {"completed": 1, "failed": 1}
    assert await desk.xp("discord") == 15


async def test_a_conflict_leaves_the_row_of_the_event_that_owns_the_key_alone(
    to_discord, desk: Desk
):
    await desk.add("telegram", GOOD)
    await to_discord.step()
    await desk.add("telegram", edited(GOOD, delta_xp=16))
    await to_discord.step()

    rows = await desk.pool.fetch(
        "SELECT idempotency_key, status, type FROM sync_events ORDER BY id"
    )

    assert [(row["status"], row["type"]) for row in rows] == [
        ("completed", "xp.changed"),
        ("failed", "xp.changed"),
    ]
    assert rows[1]["idempotency_key"].startswith("entry:")


async def test_of_a_batch_of_500_only_the_bad_one_is_buried(to_discord, desk: Desk):
    payloads = [xp_payload(1, entity_id=str(number)) for number in range(499)]
    payloads.insert(321, xp_payload(-(10**6), user_id=1002, entity_id="overdraft"))
    await desk.add("telegram", *payloads)

    assert await to_discord.step() == 500

    assert await desk.xp("discord") == 499
    assert await desk.statuses() == {"completed": 499, "failed": 1}
    assert len(await desk.dead()) == 1
    assert await desk.unacknowledged("telegram") == 0


async def test_a_broken_database_buries_nothing(to_discord, desk: Desk):
    """A missing table says nothing about the events: they wait until it is back."""
    await desk.add("telegram", GOOD)
    await desk.pool.execute("ALTER TABLE transactions RENAME TO mislaid")

    with pytest.raises(Exception, match="transactions"):
        await to_discord.step()
    await desk.pool.execute("ALTER TABLE mislaid RENAME TO transactions")
    await to_discord.step()

    assert await desk.failures() == {}
    assert await desk.xp("discord") == 15


async def test_entries_of_a_dead_consumer_are_claimed(resources: Resources, desk: Desk):
    stream, group = desk.keys.subscription("telegram")
    await desk.add("telegram", GOOD)
    await desk.redis.xreadgroup(group, "to-discord-9", {stream: ">"})
    role = Settling("telegram", resources)

    async with asyncio.timeout(PATIENCE_S):
        while not await role.step():
            pass

    assert await desk.xp("discord") == 15
    assert await desk.unacknowledged("telegram") == 0


async def test_foreign_events_in_hand_survive_the_loss_of_redis(resources: Resources, desk: Desk):
    """Only the consumer still has them: neither Redis nor Postgres does."""
    await desk.add("telegram", b"no event", GOOD)
    role: Any = Settling("telegram", resources)
    reader = role._reader

    class LosingRedis:
        def __getattr__(self, name):
            return getattr(reader, name)

        async def read(self):
            entries = await reader.read()
            await desk.lose_everything()
            return entries

    role._reader = LosingRedis()
    await role.step()
    role._reader = reader
    async with asyncio.timeout(PATIENCE_S):
        while await desk.xp("discord") != 15:
            await role.step()


async def test_a_stop_ends_the_wait_for_entries_at_once(resources: Resources, stop: asyncio.Event):
    role = Settling("telegram", resources)
    asyncio.get_running_loop().call_soon(stop.set)

    assert await role.step() == 0


async def test_rank_follows_settled_xp_and_is_wanted_on_the_surface(
    to_discord, producer: Producer, desk: Desk, pool: asyncpg.Pool
):
    member_id = await _linked(pool)
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=35, source="telegram", reason="game_guess", entity_id="1"
    )

    await to_discord.step()

    rank = await pool.fetchval(
        "SELECT rank FROM sync_state WHERE member_id = $1 AND platform = 'discord'", member_id
    )
    wanted, shown = await pool.fetchrow(
        "SELECT wanted, shown FROM surfaces WHERE member_id = $1 AND platform = 'discord'",
        member_id,
    )
    assert (rank, wanted, shown) == (2, 2, None)


async def _linked(pool: asyncpg.Pool) -> int:
    member_id = await pool.fetchval("INSERT INTO members DEFAULT VALUES RETURNING id")
    await pool.executemany(
        "INSERT INTO accounts (platform, account_id, member_id) VALUES ($1, $2, $3)",
        [("telegram", 1001, member_id), ("discord", 5, member_id)],
    )
    return int(member_id)


async def test_the_start_line_names_stream_group_and_limits(to_discord, desk: Desk):
    assert to_discord.describe() == {
        "stream": desk.keys.stream("telegram"),
        "group": "discord",
        "consumer": "to-discord-1",
        "batch": 500,
        "block_ms": 5,
        "claim_idle_ms": 1_000,
        "retention_s": 600.0,
    }


def test_the_examples_are_what_they_claim():
    assert schemas.decode(GOOD).occurred_at == NOON
