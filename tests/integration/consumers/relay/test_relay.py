"""The relay, and the rebuild of what Redis lost."""

import asyncio
import time

import asyncpg
import msgspec
import pytest

import schemas
from bus import GroupMissing, StreamMissing, Subscription, ensure_group, group_exists
from config import Community
from consumers.relay.role import Relay, open_role
from consumers.runtime.resources import Resources, open_resources
from consumers.runtime.stream_rebuild import Rebuild
from consumers.settling.role import Settling
from db import Producer
from db.ledger import events, outbox
from db.ledger.envelopes import Envelope
from db.sessions import notifications
from tests.support.patience import PATIENCE_S
from tests.support.settling import Desk, until, xp_payload
from tests.support.stream_entries import entries_in

LISTENER = (
    "SELECT {} FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE '%/relay-listen'"
    " AND query LIKE 'LISTEN%' AND state = 'idle'"
)


async def until_listening(pool: asyncpg.Pool) -> None:
    async def listens() -> bool:
        return bool(await pool.fetchval(LISTENER.format("count(*)")))

    await until(listens, what="a session that LISTENs")


async def crashed_producer(pool: asyncpg.Pool, *numbers: int) -> None:
    """Commit events and never reach the bus."""
    async with pool.acquire() as conn, conn.transaction():
        for number in numbers:
            payload = xp_payload(1, entity_id=str(number))
            await events.record(conn, "telegram", [Envelope(schemas.decode(payload), payload)])


async def test_what_a_crashed_producer_left_is_published(resources: Resources, desk: Desk, pool):
    await crashed_producer(pool, 1, 2, 3)

    assert await Relay(resources).step() == 3

    assert await desk.stream_length("telegram") == 3
    assert await desk.statuses() == {"published": 3}
    assert await Settling("telegram", resources).step() == 3
    assert await desk.xp("discord") == 3


async def record_in_sql(pool: asyncpg.Pool, entity_id: str) -> None:
    await pool.fetch(
        "SELECT * FROM twinstream.record_xp('telegram', 1001, 5, 'game_guess', $1)", entity_id
    )


async def test_an_event_of_a_sql_caller_wakes_the_relay_at_once(
    settings, community: Community, stop, keys, desk: Desk, pool
):
    """Both the interval and the time that a producer has are a minute."""
    patient = msgspec.structs.replace(
        community.consumers, relay_after_ms=60_000, relay_interval_ms=60_000
    )
    community = msgspec.structs.replace(community, consumers=patient)
    async with (
        open_resources(settings, community, stop, keys=keys) as resources,
        open_role(resources) as relay,
    ):
        assert await relay.step() == 0
        waiting = asyncio.ensure_future(relay.step())
        await until_listening(pool)
        assert await waiting == 0  # the connection was made: it looks once

        waiting = asyncio.ensure_future(relay.step())
        await record_in_sql(pool, "1")

        async with asyncio.timeout(10):
            assert await waiting == 1
    assert await desk.stream_length("telegram") == 1


async def test_the_relay_listens_again_after_its_connection_was_cut(
    settings, community: Community, stop, keys, desk: Desk, pool, monkeypatch
):
    monkeypatch.setattr(notifications, "CONNECT_AGAIN_S", 0.01)
    patient = msgspec.structs.replace(community.consumers, relay_interval_ms=60_000)
    community = msgspec.structs.replace(community, consumers=patient)
    async with (
        open_resources(settings, community, stop, keys=keys) as resources,
        open_role(resources) as relay,
    ):
        await until_listening(pool)
        await pool.fetch(LISTENER.format("pg_terminate_backend(pid)"))
        await record_in_sql(pool, "1")  # while nothing listens

        async with asyncio.timeout(PATIENCE_S):
            while not await relay.step():
                pass
    assert await desk.stream_length("telegram") == 1


async def test_an_event_of_a_clock_that_was_ahead_is_published(
    settings, community: Community, stop, keys, desk: Desk, pool
):
    """Its age would be unknown until the clock of Postgres has caught up, in a year."""
    patient = msgspec.structs.replace(community.consumers, relay_after_ms=60_000)
    community = msgspec.structs.replace(community, consumers=patient)
    await crashed_producer(pool, 1, 2)
    await pool.execute("UPDATE sync_events SET created_at = now() + interval '1 year' WHERE id = 1")
    async with open_resources(settings, community, stop, keys=keys) as resources:
        assert await Relay(resources).step() == 1
        await Settling("telegram", resources).step()

    assert await desk.statuses() == {"completed": 1, "pending": 1}


async def test_a_young_event_is_left_to_its_producer(
    settings, community: Community, stop, keys, desk: Desk, pool
):
    patient = msgspec.structs.replace(community.consumers, relay_after_ms=60_000)
    community = msgspec.structs.replace(community, consumers=patient)
    await crashed_producer(pool, 1)
    async with open_resources(settings, community, stop, keys=keys) as resources:
        assert await Relay(resources).step() == 0
        assert await desk.stream_length("telegram") == 0

        await pool.execute("UPDATE sync_events SET created_at = now() - interval '61 s'")

        assert await Relay(resources).step() == 1


async def test_two_relays_side_by_side_publish_each_event_once(
    resources: Resources, desk: Desk, pool
):
    await crashed_producer(pool, *range(700))

    while sum(await asyncio.gather(Relay(resources).step(), Relay(resources).step())):
        pass

    assert await desk.stream_length("telegram") == 700


async def test_an_event_that_another_relay_holds_is_passed_over(
    resources: Resources, desk: Desk, pool
):
    await crashed_producer(pool, 1, 2)
    async with pool.acquire() as conn, conn.transaction():
        assert len(await outbox.take_unpublished(conn, "telegram", older_than_s=0.0, limit=1)) == 1

        assert await Relay(resources).step() == 1

    assert await desk.stream_length("telegram") == 1


async def test_an_unpublishable_payload_is_failed_and_holds_up_no_other(
    resources: Resources, desk: Desk, pool
):
    await crashed_producer(pool, 1, 2)
    await pool.execute("UPDATE sync_events SET payload = repeat('x', 100000) WHERE id = 1")
    relay = Relay(resources)

    assert await relay.step() == 1
    assert await relay.step() == 1
    assert await relay.step() == 0

    [reason] = (await desk.failures()).values()
    assert "100000 bytes" in reason
    assert await desk.stream_length("telegram") == 1


async def test_a_missing_stream_is_built_and_the_events_follow(
    resources: Resources, desk: Desk, pool
):
    await crashed_producer(pool, 1)
    await desk.lose_everything()
    relay = Relay(resources)

    assert await relay.step() == 0
    assert await group_exists(desk.redis, desk.keys.subscription("telegram"))
    assert await relay.step() == 1

    assert await Settling("telegram", resources).step() == 1
    assert await desk.xp("discord") == 1


async def test_a_missing_stream_on_one_side_does_not_stop_the_other(
    resources: Resources, desk: Desk, pool
):
    await crashed_producer(pool, 1)
    payload = xp_payload(1, source="discord", user_id=5)
    async with pool.acquire() as conn, conn.transaction():
        await events.record(conn, "discord", [Envelope(schemas.decode(payload), payload)])
    await desk.redis.delete(desk.keys.stream("telegram"))

    assert await Relay(resources).step() == 1

    assert await desk.stream_length("discord") == 1


async def test_unfinished_events_are_published_again_after_a_loss_and_finished_ones_are_not(
    resources: Resources, producer: Producer, desk: Desk
):
    settling = Settling("telegram", resources)
    await give_xp(producer, 1, number=1)
    await settling.step()
    await give_xp(producer, 10, number=2)
    await published(desk)

    await desk.lose_everything()
    assert await settling.step() == 0
    assert await desk.statuses() == {"completed": 1, "pending": 1}
    await Relay(resources).step()
    await settling.step()

    assert await desk.xp("discord") == 11
    assert await desk.stream_length("telegram") == 1


async def test_an_event_marked_published_just_after_the_loss_is_published_again(
    resources: Resources, producer: Producer, desk: Desk
):
    """Producers mark an event after publishing it; a late mark must not hide the loss."""
    await give_xp(producer, 10, number=1)
    await desk.lose_everything()
    assert await desk.statuses() == {"pending": 1}

    await resources.rebuild("telegram")
    await producer.close()
    await Relay(resources).step()
    await Settling("telegram", resources).step()

    assert await desk.xp("discord") == 10


async def test_no_event_can_be_published_while_a_stream_is_missing(
    resources: Resources, desk: Desk
):
    await desk.lose_everything()

    with pytest.raises(StreamMissing):
        await resources.publisher.publish("telegram", [xp_payload(1)])

    assert not await desk.redis.exists(desk.keys.stream("telegram"))


async def test_rebuilding_twice_at_once_loses_and_doubles_nothing(
    resources: Resources, settings, community, stop, producer: Producer, desk: Desk
):
    for number in range(20):
        await give_xp(producer, 1, number=number)
    await published(desk)
    await desk.lose_everything()

    async with open_resources(settings, community, stop, keys=resources.keys) as other:
        await asyncio.gather(resources.rebuild("telegram"), other.rebuild("telegram"))
        await asyncio.gather(Relay(resources).step(), Relay(other).step())
        async with asyncio.timeout(PATIENCE_S):
            while await desk.xp("discord") < 20:
                await asyncio.gather(
                    Settling("telegram", resources).step(), Settling("telegram", other).step()
                )

    assert await desk.xp("discord") == 20
    assert await desk.ledger_rows("discord") == 20


async def test_a_reader_that_waits_notices_the_loss(resources: Resources, desk: Desk):
    settling = Settling("telegram", resources)
    await settling.step()
    await desk.lose_everything()
    with pytest.raises(GroupMissing):
        await resources.reader("telegram").read()

    assert await settling.step() == 0

    assert await group_exists(desk.redis, desk.keys.subscription("telegram"))


async def test_silently_lost_events_are_published_again(
    resources: Resources, producer: Producer, desk: Desk
):
    """A failover may drop the last entries of a stream that is still there, groups and all."""
    await give_xp(producer, 10, number=1)
    await published(desk)
    await desk.redis.xtrim(desk.keys.stream("telegram"), maxlen=0, approximate=False)

    assert await resources.rebuild.look_for_lost("telegram") == 1
    await Relay(resources).step()
    await Settling("telegram", resources).step()

    assert await desk.xp("discord") == 10


async def test_one_check_makes_any_number_of_lost_events_pending_in_steps(
    resources: Resources, producer: Producer, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("consumers.runtime.stream_rebuild.LOST_STEP", 2)
    for number in range(5):
        await give_xp(producer, 1, number=number)
    await published(desk)
    await desk.redis.xtrim(desk.keys.stream("telegram"), maxlen=0, approximate=False)

    assert await resources.rebuild.look_for_lost("telegram") == 5

    assert await desk.statuses() == {"pending": 5}


async def test_a_backlog_is_not_taken_for_lost(
    resources: Resources, producer: Producer, desk: Desk
):
    settling = Settling("telegram", resources)
    for number in range(3):
        await give_xp(producer, 1, number=number)
    await published(desk)
    await resources.reader("telegram").read()
    await give_xp(producer, 1, number=3)
    await published(desk)

    assert await resources.rebuild.look_for_lost("telegram") == 0

    assert await desk.statuses() == {"published": 4}
    assert await settling.step() == 3


async def test_lost_events_are_found_while_others_arrive_without_end(
    resources: Resources, producer: Producer, desk: Desk
):
    """An unsettled event that is older than the oldest unfinished entry is on no stream."""
    await give_xp(producer, 10, number=1)
    await published(desk)
    await desk.redis.xtrim(desk.keys.stream("telegram"), maxlen=0, approximate=False)
    await resources.pool.execute("UPDATE sync_events SET published_at = now() - interval '10 s'")
    await give_xp(producer, 1, number=2)
    await published(desk)
    # The first check notes the end of the stream; the lost event may be before it.
    assert await resources.rebuild.look_for_lost("telegram") == 0

    await Settling("telegram", resources).step()
    await give_xp(producer, 1, number=3)
    await published(desk)

    assert await resources.rebuild.look_for_lost("telegram") == 1
    assert await desk.statuses() == {"completed": 1, "pending": 1, "published": 1}


async def test_an_old_backlog_is_not_taken_for_lost(
    resources: Resources, producer: Producer, desk: Desk
):
    """The entry is older than the mark of its event, because a mark follows the entry."""
    await give_xp(producer, 10, number=1)
    await published(desk)
    stream = desk.keys.stream("telegram")
    [(_, fields)] = await entries_in(desk.redis, stream)
    await desk.redis.xtrim(stream, maxlen=0, approximate=False)
    await desk.redis.delete(stream)
    await desk.redis.xadd(stream, fields, id=f"{int(time.time() * 1_000) - 60_000}-0")
    await ensure_group(desk.redis, desk.keys.subscription("telegram"))
    await resources.pool.execute("UPDATE sync_events SET published_at = now() - interval '59 s'")

    assert await resources.rebuild.look_for_lost("telegram") == 0


async def test_the_end_of_a_stream_that_lost_entries_is_noted_again(
    resources: Resources, producer: Producer, desk: Desk
):
    """After a failover, new entries may have smaller ids than an earlier check saw."""
    stream, group = desk.keys.subscription("telegram")
    newest = f"{int(time.time() * 1_000) + 3_600_000}-0"
    await desk.redis.xadd(stream, {"e": xp_payload(1, entity_id="ahead")}, id=newest)
    assert await resources.rebuild.look_for_lost("telegram") == 0
    await desk.redis.delete(stream)
    await ensure_group(desk.redis, Subscription(stream, group))
    await give_xp(producer, 10, number=1)
    await published(desk)
    await desk.redis.xtrim(stream, maxlen=0, approximate=False)
    await resources.pool.execute("UPDATE sync_events SET published_at = now() - interval '10 s'")
    await give_xp(producer, 1, number=2)
    await published(desk)
    assert await resources.rebuild.look_for_lost("telegram") == 0

    await Settling("telegram", resources).step()
    await give_xp(producer, 1, number=3)
    await published(desk)

    assert await resources.rebuild.look_for_lost("telegram") == 1


async def test_what_is_published_during_the_look_is_not_taken_for_lost(
    resources: Resources, producer: Producer, desk: Desk
):
    class Interrupted(Rebuild):
        """Right after the first measurement of the backlog, an event is published and marked."""

        interrupted = False

        async def _lag(self, source):
            answer = await super()._lag(source)
            if not self.interrupted:
                self.interrupted = True
                await give_xp(producer, 10, number=1)
                await published(desk)
            return answer

    rebuild = Interrupted(resources.pool, desk.redis, desk.keys)

    assert await rebuild.look_for_lost("telegram") == 0

    assert await desk.statuses() == {"published": 1}


async def test_losses_are_checked_for_at_an_interval(
    resources: Resources, producer: Producer, desk: Desk
):
    relay = Relay(resources)
    await give_xp(producer, 10, number=1)
    await published(desk)
    await desk.redis.xtrim(desk.keys.stream("telegram"), maxlen=0, approximate=False)

    assert await relay.step() == 0
    relay._look_for_lost_at = 0.0
    assert await relay.step() == 1


async def give_xp(producer: Producer, delta_xp: int, *, number: int) -> None:
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=delta_xp, source="telegram", reason="game", entity_id=str(number)
    )


async def published(desk: Desk) -> None:
    async def nothing_pending() -> bool:
        return "pending" not in await desk.statuses()

    await until(nothing_pending, what="the producer marks what it published")
