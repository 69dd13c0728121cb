"""Rewards everybody on a list of guests once: python reward.py 2026-11-30-quiz guests.csv

The list has the columns `platform` and `account_id`, and may have more, as an export of a ticket
shop has. Running it again, with a longer list or after an error, pays nobody twice.
"""

import asyncio
import csv
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from twinstream import bus, db, schemas

XP, COINS, ACHIEVEMENT = 50, 20, "guest"
#: Events of one call: all are recorded, or none.
AT_ONCE = 900


def events_of(meeting: str, rows: Iterable[dict[str, str]]) -> Iterator[schemas.Event]:
    """The events of each guest. The same meeting and account are the same events."""
    now = datetime.now(UTC)
    # A guest may stand on the list twice.
    for platform, account_id in sorted({(row["platform"], int(row["account_id"])) for row in rows}):
        who = {"source": platform, "user_id": account_id, "occurred_at": now}
        why = {"reason": "attendance", "entity_id": meeting}
        yield schemas.xp_changed(delta_xp=XP, **who, **why)
        yield schemas.balance_changed(delta_balance=COINS, **who, **why)
        yield schemas.achievement_unlocked(achievement=ACHIEVEMENT, **who)


async def main(meeting: str, file: Path) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", meeting):
        sys.exit(
            f"{meeting!r}: name the meeting in A-Z a-z 0-9 _ . : -, for example 2026-11-30-quiz"
        )
    with file.open(newline="", encoding="utf-8-sig") as lines:
        events = list(events_of(meeting, csv.DictReader(lines)))
    pool = await db.open_pool(os.environ["DATABASE_URL"], name="guests")
    redis = bus.connect(os.environ["REDIS_URL"], name="guests")
    producer = db.Producer(pool, schemas, bus.Publisher(redis, bus.Keys()))
    try:
        new = 0
        for _, of_platform in itertools.groupby(events, key=lambda event: event.source):
            mine = list(of_platform)
            for first in range(0, len(mine), AT_ONCE):
                recorded = await producer.create_events(mine[first : first + AT_ONCE])
                new += sum(one.created for one in recorded)
        print(f"{len(events) // 3} guests, {new} events that are new")
    finally:
        await producer.close()
        await redis.aclose()
        await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
