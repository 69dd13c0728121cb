"""Release 0.1.0 with events under way is upgraded to this one, and no event is lost."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.engine.deployment import Deployment
from tests.engine.errors import EngineError
from tests.engine.event_traffic import until_arrived
from tests.engine.world import World
from tests.support.old_history import fill
from tests.support.old_release import Bot, install_wheel

#: Events that a bot on the wheel of 0.1.0 records before, between and after the steps.
EVENTS: Final = 20
#: Ledger entries that the old release has when it is upgraded.
HISTORY: Final = 1_000_000
#: The steps as docs/upgrade.md gives them for Compose; `up` stands between the first two.
COMMANDS: Final = (
    "docker compose up -d --wait postgres redis",
    (
        "docker compose exec -T postgres pg_dump -U twinstream -Fc -n twinstream twinstream"
        " > before-0.2.dump"
    ),
    "docker compose run --rm migrate python -m launch contract --without-backup",
)
#: The ledger entries of that bot, by platform. The tables move to another schema meanwhile.
ENTRIES: Final = """
    SELECT platform, count(*) FROM transactions WHERE idempotency_key LIKE '%\\_dig\\_%'
    GROUP BY platform
"""
#: The longest time from the moment when an event was recorded until the other side had it.
LONGEST_WAY: Final = """
    SELECT extract(epoch FROM max(processed_at - created_at)) FROM sync_events
    WHERE idempotency_key LIKE '%\\_dig\\_%'
"""


async def upgrade(world: World) -> None:
    """Upgrade release 0.1.0 with a long history while a bot on its wheel records events."""
    await world.wipe()
    await world.old.up()
    await asyncio.to_thread(fill, world.old.database_url, HISTORY)
    world.say(f"release 0.1.0 is up, and has {HISTORY:,} ledger entries")
    await world.play(world.old)
    before = await world.totals(world.old)
    with tempfile.TemporaryDirectory() as site:
        wheel = install_wheel(Path(site))
        async with Bot.running(wheel, world.old.database_url, _redis(world.old)) as bot:
            await bot.records(EVENTS)
            await _expand_and_switch(world)
            await bot.records(EVENTS)
            await world.play()
            await bot.records(EVENTS)
            await bot.stop()
    await until_arrived(world.new)
    entries = dict(await world.new.ask(ENTRIES))
    if entries != dict.fromkeys(("telegram", "discord"), bot.recorded):
        raise EngineError(f"the bot recorded {bot.recorded} events, and the ledger has {entries}")
    longest_way_s = float((await world.new.ask(LONGEST_WAY))[0][0])
    world.say(f"{bot.recorded} events of a bot on the old wheel are once on each side")
    world.figures.append(
        f"upgrade with {HISTORY:,} entries: a bot that went on could record nothing for"
        f" {bot.longest_pause_s:.1f} s at most; the last event to arrive took {longest_way_s:.0f} s"
    )
    for command in COMMANDS[1:]:
        await world.new.type(command)
    await world.play()
    await world.prove()
    world.say(f"a member's books before: {before}, and now: {await world.totals()}")


async def _expand_and_switch(world: World) -> None:
    """Use the old `.env` with the passwords that are new, and bring this release up on it."""
    kept = {name: value for name, value in world.old.env.items() if value}
    world.new.set(kept)
    began = time.monotonic()
    await world.new.type(COMMANDS[0])
    await world.up()
    world.figures.append(f"upgrade from 0.1.0: {time.monotonic() - began:.0f} s")


def _redis(deployment: Deployment) -> str:
    password = deployment.env["REDIS_TELEGRAM_PASSWORD"]
    return f"redis://telegram-bot:{password}@127.0.0.1:6379/0"
