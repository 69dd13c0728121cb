"""`python -m benchmarks.bare_caller SOURCE RATE SECONDS FIRST_RATE FIRST_S`: bare single calls.

Each event is a row of `sync_events` and an entry of the stream, in a transaction and a round trip
of its own, and nothing else. Rates and output are those of `benchmarks.producer_caller`.
"""

import json
import os
import sys

import uvloop

from bus import SOURCES, connect
from db import Platform, open_pool

from .producer_caller import play
from .testbed import KEYS, MEMBERS, envelope


async def main(
    source: Platform, rate: float, seconds: float, first_rate: float, first_s: float
) -> None:
    redis = connect(os.environ["REDIS_URL"], name="benchmarks")
    pool = await open_pool(os.environ["DATABASE_URL"], name="benchmarks")

    async def create(number: int) -> str:
        one = envelope(number, MEMBERS, source=source)
        await pool.execute(
            "INSERT INTO sync_events (idempotency_key, source, type, account_id, payload)"
            " VALUES ($1, $2, $3, $4, $5)",
            one.event.idempotency_key,
            source,
            one.event.type,
            one.event.user_id,
            one.payload.decode(),
        )
        await redis.xadd(KEYS.stream(source), {b"e": one.payload})
        return one.event.idempotency_key

    warm_up = int(first_rate * first_s)
    await play(create, range(warm_up), first_rate)
    called = await play(create, range(warm_up, warm_up + int(rate * seconds)), rate)
    await redis.aclose()
    await pool.close()
    print(json.dumps(called))


if __name__ == "__main__":
    [source] = (one for one in SOURCES if one == sys.argv[1])
    uvloop.run(main(source, *map(float, sys.argv[2:])))
