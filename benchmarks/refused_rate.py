"""The cost of refused events: a stream of another program's, all taken or all refused.

Each entry is an event that no producer recorded. The taken ones add XP. The refused ones have a key
that is reserved, so each is buried with its reason, and copied to the dead letters.
"""

from typing import Final

import asyncpg

import schemas
from db.upkeep import status

from .contenders import twinstream_role
from .report import Report, Series, number
from .testbed import SOURCE, BenchTestbed, Start, envelope

TAKEN: Final = "taken"
REFUSED: Final = "refused, each buried with its reason"


async def run(testbed: BenchTestbed, *, events: int, rounds: int) -> Report:
    """Measure both streams in turn, round by round."""
    streams = {
        TAKEN: tuple(envelope(one).payload for one in range(events)),
        REFUSED: tuple(map(_reserved, range(events))),
    }
    rates: dict[str, list[float]] = {name: [] for name in streams}
    for _ in range(rounds):
        for name, payloads in streams.items():
            rates[name].append(await _measure(testbed, payloads))
    series = [Series(name=name, values=tuple(values)) for name, values in rates.items()]
    taken = series[0].median
    return Report(
        name="refused",
        title=f"Settling {events:,} events of another program, {rounds} rounds, one consumer",
        columns=("", "events/s", "lowest to highest", "costs, of one that is taken"),
        rows=tuple(
            (one.name, number(one.median), one.spread, f"{taken / one.median:.2g} x")
            for one in series
        ),
        figures={one.name: one.values for one in series},
    )


async def _measure(testbed: BenchTestbed, payloads: tuple[bytes, ...]) -> float:
    async with testbed.start(0) as start:
        took_s = await twinstream_role.drain(start._replace(payloads=payloads))
        buried = await _buried(start)
    assert buried in (0, len(payloads)), f"{buried} of {len(payloads)} events were refused"
    return len(payloads) / took_s


def _reserved(of: int) -> bytes:
    """Return an event with a key that only our own processes may use."""
    event = schemas.xp_changed(
        user_id=envelope(of).event.user_id,
        delta_xp=1,
        source=SOURCE,
        reason="reconcile",
        entity_id=str(of),
        occurred_at=envelope(of).event.occurred_at,
    )
    return schemas.encode(event)


async def _buried(start: Start) -> int:
    conn = await asyncpg.connect(start.database_url)
    try:
        return (await status.events_by_status(conn)).get("failed", 0)
    finally:
        await conn.close()
