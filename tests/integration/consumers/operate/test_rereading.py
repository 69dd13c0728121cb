"""`python -m consumers reread`: what a restored Postgres lost comes back from the streams, once."""

import asyncio
import functools
from typing import Any

import asyncpg
import msgspec
import pytest

import schemas
from bus import SOURCES, Client, Keys
from config import Community, Settings
from config.outside_text.terminal import Terminal
from consumers.operate import rereading
from consumers.runtime.resources import Resources, open_resources
from consumers.settling.role import Settling
from db import Producer
from launch.servers import Server
from tests.support.fast_storage import in_database
from tests.support.settling import Desk, xp_payload
from tests.support.tampering import tamper

#: The backup was taken before this test.
RESTORED = """
    DELETE FROM surfaces; DELETE FROM sync_state; DELETE FROM sync_events; DELETE FROM transactions;
    DELETE FROM accounts; DELETE FROM members;
"""


async def settle(resources: Resources) -> None:
    for source in SOURCES:
        role = Settling(source, resources)
        while await role.step():
            pass


async def reread(resources: Resources, *, dry_run: bool = False) -> None:
    console = Terminal(width=200)
    await rereading.reread(
        resources.pool, resources.redis, resources.keys, console, dry_run=dry_run
    )


@pytest.fixture
async def events(resources: Resources, producer: Producer, desk: Desk) -> None:
    """Two events of each platform and one of another program, all settled, and a bad entry."""
    for number in range(2):
        for source in SOURCES:
            await producer.create_xp_change_event(
                user_id=1001, delta_xp=5, source=source, reason="game", entity_id=str(number)
            )
    await producer.close()
    await desk.add("telegram", xp_payload(7, entity_id="foreign", user_id=77), b"no event")
    await settle(resources)
    assert [await desk.total_xp(platform) for platform in SOURCES] == [27, 27]


async def test_what_the_ledger_lost_comes_back_exactly_once(
    resources: Resources, events: None, desk: Desk, capsys: Any
):
    await tamper(desk.pool, RESTORED)
    assert await desk.total_xp("discord") == 0

    for _ in range(2):
        await reread(resources)
        await settle(resources)

    assert [await desk.total_xp(platform) for platform in SOURCES] == [27, 27]
    assert [await desk.ledger_rows(platform) for platform in SOURCES] == [5, 5]
    assert await desk.statuses() == {"completed": 5, "failed": 1}
    said = capsys.readouterr().out
    assert "4 entries since " in said
    assert "3 of them events that the ledger does not have, 1 without an event" in said
    assert "0 of them events that the ledger does not have" in said


async def win(resources: Resources, entity_id: str) -> None:
    producer = Producer(resources.pool, schemas, resources.publisher)
    for source in SOURCES:
        await producer.create_xp_change_event(
            user_id=1001, delta_xp=5, source=source, reason="game", entity_id=entity_id
        )
    await producer.close()
    await settle(resources)


async def test_a_real_backup_that_was_restored_gets_what_happened_since(
    settings: Settings,
    postgres: Server,
    database_url: str,
    community: Community,
    stop: asyncio.Event,
    keys: Keys,
    redis: Client,
):
    """A copy of the database is all that a backup has: sequences, marks and half the events."""
    live = functools.partial(open_resources, community=community, stop=stop, keys=keys)
    async with live(settings) as resources:
        await win(resources, "before_backup")
    name = database_url.rpartition("/")[2]
    admin = await asyncpg.connect(in_database(postgres.url, "postgres"))
    await admin.execute(f'CREATE DATABASE "{name}_backup" TEMPLATE "{name}"')
    async with live(settings) as resources:
        await win(resources, "after_backup")

    url = in_database(postgres.url, f"{name}_backup")
    async with live(msgspec.structs.replace(settings, database_url=url)) as resources:
        desk = Desk(resources.pool, redis, keys)
        assert [await desk.total_xp(platform) for platform in SOURCES] == [10, 10]
        for _ in range(2):
            await reread(resources)
            await settle(resources)
        await win(resources, "after_restore")

        assert [await desk.total_xp(platform) for platform in SOURCES] == [30, 30]
        assert [await desk.ledger_rows(platform) for platform in SOURCES] == [6, 6]
    await admin.execute(f'DROP DATABASE "{name}_backup"')
    await admin.close()


async def test_where_nothing_is_missing_nothing_changes(
    resources: Resources, events: None, desk: Desk
):
    before = await desk.pool.fetch("SELECT * FROM sync_state ORDER BY member_id, platform")

    await reread(resources)
    await settle(resources)

    after = await desk.pool.fetch("SELECT * FROM sync_state ORDER BY member_id, platform")
    assert after == before


async def test_a_dry_run_says_what_is_missing_and_changes_nothing(
    resources: Resources, events: None, desk: Desk, capsys: Any
):
    await tamper(desk.pool, RESTORED)

    await reread(resources, dry_run=True)
    await settle(resources)

    said = capsys.readouterr().out
    assert "3 of them events that the ledger does not have" in said
    assert "Nothing was changed." in said
    assert await desk.ledger_rows("discord") == 0


async def test_a_stream_without_entries_is_told(resources: Resources, desk: Desk, capsys: Any):
    await desk.lose_everything()

    await reread(resources)

    assert "no entries, so nothing of it can come back" in capsys.readouterr().out


async def test_a_dry_run_makes_no_stream_that_redis_lost(
    resources: Resources, events: None, desk: Desk
):
    await desk.redis.delete(desk.keys.stream("telegram"))

    await reread(resources, dry_run=True)

    assert not await desk.redis.exists(desk.keys.stream("telegram"))


async def test_events_on_a_lost_stream_are_pending_before_it_is_made_again(
    resources: Resources, producer: Producer, desk: Desk
):
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=5, source="telegram", reason="game", entity_id="1"
    )
    await producer.close()
    await desk.redis.delete(desk.keys.stream("telegram"))

    await reread(resources)

    assert await desk.statuses() == {"pending": 1}
    assert await desk.redis.exists(desk.keys.stream("telegram"))
