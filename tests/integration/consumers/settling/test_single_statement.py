"""Ordinary batches: one statement, which commits by itself, settles them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from bus import Entry
from consumers.runtime.resources import Resources
from consumers.settling.poison import SUSPECT_DELIVERIES
from consumers.settling.role import Settling
from db import Producer
from tests.support.counted_statements import CountingPool
from tests.support.settling import Desk, xp_payload


@pytest.fixture
def counting(pool: asyncpg.Pool) -> CountingPool:
    return CountingPool(pool)


@pytest.fixture
def to_discord(resources: Resources, counting: CountingPool) -> Settling:
    counted: Any = counting
    return Settling("telegram", replace(resources, pool=counted))


async def win(producer: Producer, *entities: str) -> None:
    for entity_id in entities:
        await producer.create_xp_change_event(
            user_id=1001,
            delta_xp=5,
            source="telegram",
            reason="game_guess",
            entity_id=entity_id,
            display_name="Mira",
        )


async def test_recorded_events_are_settled_by_one_statement(
    to_discord: Settling, counting: CountingPool, producer: Producer, desk: Desk
):
    await win(producer, "1")
    await to_discord.step()
    counting.statements.clear()  # asyncpg has asked about types meanwhile
    await win(producer, "2", "3")

    assert await to_discord.step() == 2

    assert len(counting.statements) == 1
    assert await desk.xp("discord") == 15
    assert await desk.statuses() == {"completed": 3}
    assert await desk.unacknowledged("telegram") == 0


async def test_an_event_that_no_producer_recorded_is_recorded_with_its_batch(
    to_discord: Settling, producer: Producer, desk: Desk
):
    await win(producer, "1")
    await desk.add("telegram", xp_payload(7, entity_id="foreign"))

    assert await to_discord.step() == 2

    assert await desk.xp("discord") == 12
    assert await desk.xp("telegram") == 12
    assert await desk.statuses() == {"completed": 2}


async def test_the_attempts_of_a_suspect_are_forgotten_in_its_transaction(
    to_discord: Settling, producer: Producer, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    await win(producer, "1")
    reader: Any = to_discord._reader
    read = reader.read

    async def read_suspects() -> Sequence[Entry]:
        return [replace(one, deliveries=SUSPECT_DELIVERIES) for one in await read()]

    monkeypatch.setattr(reader, "read", read_suspects)

    assert await to_discord.step() == 1

    assert await desk.xp("discord") == 5
    assert await desk.pool.fetchval("SELECT count(*) FROM entry_attempts") == 0
