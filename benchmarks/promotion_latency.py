"""Promotion latency: from the call of the producer until the other platform shows the new rank.

Both times come from one machine's clock: the caller's time, and the platform's time of the call
that gives the role or sets the tag (the sandbox's transcript).
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

import asyncpg

import schemas
from bus import SOURCES, Publisher, connect
from db import Platform, Producer

from .platforms import RANK_XP, RANKS, LinkedAccounts, Platforms, platforms
from .processes import consumers
from .report import Report, number, percentile
from .testbed import KEYS, BenchTestbed, Start

ROLES: Final = ("to-discord", "to-telegram", "relay", "discord-roles", "telegram-tags")
SHOWN_S_MAX: Final = 30.0
POLL_S: Final = 0.25
OPPOSITE: Final[dict[Platform, str]] = {"telegram": "discord", "discord": "telegram"}
WHAT: Final = {"discord": "Telegram to a Discord role", "telegram": "Discord to a Telegram tag"}

NOTE: Final = (
    "The rates at which roles and tags are written are not limited here, and the sandbox's windows"
    " are a thousandth as long: this is our own time. The platforms' limits come on top: by default"
    " twinstream writes at most 9 roles in 10 s, and 20 tags a second."
)

#: A promotion as shown: platform, account there, rank.
Seen = tuple[str, int, str]


async def run(testbed: BenchTestbed, *, rate: float, seconds: float) -> Report:
    """Promote members in both directions at once, at a steady rate."""
    figures = {}
    async with platforms() as there, testbed.start(0) as start:
        took_ms = await _measure(start, there, rate, seconds)
    for platform, name in WHAT.items():
        figures[name] = [ms for (shown_on, _, _), ms in took_ms.items() if shown_on == platform]
    return Report(
        name="visible",
        title=f"Created to visible on the other side, {rate:g} promotions/s, {seconds:g} s",
        columns=("", "promotions", "p50, ms", "p99, ms", "p99.9, ms", "longest, ms"),
        rows=tuple(
            (
                name,
                f"{len(took):,}",
                *(number(percentile(took, share)) for share in (0.5, 0.99, 0.999)),
                number(max(took)),
            )
            for name, took in figures.items()
        ),
        figures=figures,
        notes=(NOTE,),
    )


async def _measure(
    start: Start, there: Platforms, rate: float, seconds: float
) -> dict[Seen, float]:
    redis = connect(start.redis_url, name="benchmarks")
    promotions = max(int(rate / 2 * seconds), 1)
    called: dict[Seen, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with asyncpg.create_pool(start.database_url, max_size=10) as pool:
            # Each member climbs the whole ladder once.
            crowds = {
                source: await there.people(pool, promotions // len(RANKS) + 1) for source in SOURCES
            }
            async with consumers(
                start, Path(folder), *ROLES, toml=there.toml(), more=there.environment
            ):
                producer = Producer(pool, schemas, Publisher(redis, KEYS))
                await _warm_up(producer, there, await there.people(pool, len(SOURCES)))
                began_after = await there.last()
                await asyncio.gather(
                    *(
                        _play(producer, source, crowds[source], promotions, rate / 2, called)
                        for source in SOURCES
                    )
                )
                await producer.close()
                shown = await _all_shown(there, set(called), began_after)
    await redis.aclose()
    return {seen: (shown[seen] - at) * 1_000 for seen, at in called.items()}


async def _warm_up(producer: Producer, there: Platforms, people: list[LinkedAccounts]) -> None:
    """Open connections and fill caches, without measuring."""
    after = await there.last()
    called: dict[Seen, float] = {}
    for source, person in zip(SOURCES, people, strict=True):
        await _promote(producer, source, person, 0, called)
    await _all_shown(there, set(called), after)


async def _play(
    producer: Producer,
    source: Platform,
    crowd: list[LinkedAccounts],
    promotions: int,
    rate: float,
    called: dict[Seen, float],
) -> None:
    """Promote members at an even rate; a late answer does not delay the next."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for count in range(promotions):
            await asyncio.sleep(max(0.0, began + count / rate - time.perf_counter()))
            step, one = divmod(count, len(crowd))
            group.create_task(_promote(producer, source, crowd[one], step, called))


async def _promote(
    producer: Producer,
    source: Platform,
    person: LinkedAccounts,
    step: int,
    called: dict[Seen, float],
) -> None:
    here, there = person if source == "telegram" else reversed(person)
    called[OPPOSITE[source], there, RANKS[step]] = time.time()
    await producer.create_xp_change_event(
        user_id=here, delta_xp=RANK_XP, source=source, reason="game_guess", entity_id=str(step)
    )


async def _all_shown(there: Platforms, wanted: set[Seen], after: int) -> dict[Seen, float]:
    """Wait until all promotions are shown; return since when each is."""
    async with asyncio.timeout(SHOWN_S_MAX):
        while True:
            shown: dict[Seen, float] = {}
            for platform, account_id, rank, at in await there.shown(after):
                shown.setdefault((platform, account_id, rank), at)
            if wanted <= shown.keys():
                return shown
            await asyncio.sleep(POLL_S)
