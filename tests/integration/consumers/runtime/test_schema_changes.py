"""A schema that changes while everything is at work, as during a migration, costs no event."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import asyncpg

from consumers.relay.role import Relay
from consumers.runtime import runner
from consumers.runtime.resources import Resources
from consumers.runtime.runner import Role
from consumers.settling.role import Settling
from db import Producer
from tests.support.settling import Desk, until

CHANGES = 20
#: Events that are recorded before each change, so that each meets statements prepared anew.
EVENTS_EACH = 5


@contextlib.asynccontextmanager
async def as_it_is(role: Role) -> AsyncIterator[Role]:
    yield role


async def test_changes_of_the_schema_under_load_cost_no_event(
    resources: Resources, producer: Producer, desk: Desk, pool: asyncpg.Pool
):
    recorded = 0
    changed = asyncio.Event()

    async def win_on_and_on(user_id: int) -> None:
        nonlocal recorded
        number = 0
        while not changed.is_set():
            number += 1
            await producer.create_xp_change_event(
                user_id=user_id,
                delta_xp=1,
                source="telegram",
                reason="game_guess",
                entity_id=str(number),
            )
            recorded += 1

    async def change() -> None:
        for number in range(CHANGES):
            goal = recorded + EVENTS_EACH

            async def is_busy(goal: int = goal) -> bool:
                assert not players.done(), "a caller got an error"
                return recorded >= goal

            await until(is_busy, what="more events")
            kind = ("varchar(300)", "text")[number % 2]  # another type of what is returned
            await pool.execute(f"ALTER TABLE twinstream.transactions ALTER reason TYPE {kind}")
        changed.set()

    stop = asyncio.Event()
    roles: dict[str, Role] = {
        "relay": Relay(resources),
        "to-discord": Settling("telegram", resources),
    }
    working = asyncio.gather(
        *(runner.run(name, partial(as_it_is, role), stop) for name, role in roles.items())
    )
    players = asyncio.gather(*(win_on_and_on(1001 + number) for number in range(3)))
    try:
        await change()
        await players

        async def arrived() -> bool:
            assert not working.done()
            return await desk.total_xp("discord") == recorded

        await until(arrived, what="all events")
    finally:
        changed.set()
        stop.set()
        await working

    assert set(await desk.statuses()) == {"completed"}
    assert await desk.total_xp("telegram") == recorded
