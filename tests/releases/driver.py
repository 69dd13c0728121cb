"""Does small pieces of work with the release in whose unpacked source archive it is run.

    cd twinstream-0.1.0 && DATABASE_URL=... REDIS_URL=... python ../driver.py record 10

It is kept beside the archive of each release, so that a test of an upgrade can let the old release
work before and after the database is migrated. Every command prints one line of JSON.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))

import schemas
from bus import SOURCES
from config import Community, Settings, set_up_logs
from consumers.reconcile import open_role
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources, open_resources
from consumers.settling.role import Settling
from db import Producer
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.links import links, offers
from db.members.accounts import find_member, remember_name
from db.reconcile import passes
from db.release_number import RELEASE
from db.stop_signs import Paused

COMMUNITY = "sandbox/twinstream.toml"
DEADLINE_S = 60.0
PAUSE_S = 0.02
#: Accounts that the sandbox gives to nobody.
TELEGRAM_FROM, DISCORD_FROM = 70_001, 80_001
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

UNSETTLED = "SELECT count(*) FROM sync_events WHERE status IN ('pending', 'published')"
STATUSES = "SELECT status, count(*) FROM sync_events GROUP BY status ORDER BY status"


def envelopes(source: Any, first: int, count: int, round_: int) -> list[schemas.Event]:
    """Build what `count` accounts earn in one round: the same for the same arguments."""
    built: list[schemas.Event] = []
    for number in range(count):
        same: dict[str, Any] = {
            "user_id": first + number,
            "source": source,
            "occurred_at": NOON + timedelta(minutes=round_, seconds=number),
        }
        entity_id = f"{round_}.{number}"
        xp = 15 * (1 + number % 5)
        built.append(
            schemas.xp_changed(delta_xp=xp, reason="game_guess", entity_id=entity_id, **same)
        )
        built.append(
            schemas.balance_changed(
                delta_balance=5 + number % 3, reason="game_guess", entity_id=entity_id, **same
            )
        )
        if number % 4 == 0 and round_ == 1:
            built.append(schemas.achievement_unlocked(achievement="lucky_guess", **same))
    return built


async def record(resources: Resources, asked: argparse.Namespace) -> dict[str, Any]:
    """Let N accounts on each platform earn something; each round is news, the same one is not."""
    count = 0
    producer = Producer(resources.pool, schemas, resources.publisher)
    starts = (asked.telegram_from, asked.discord_from)
    for source, first in zip(SOURCES, starts, strict=True):
        batch = envelopes(source, first, asked.count, asked.round)
        if asked.unpublished:
            async with resources.pool.acquire() as conn, conn.transaction():
                known = [Envelope(one, schemas.encode(one)) for one in batch]
                await events.record(conn, source, known)
        else:
            await producer.create_events(batch)
        async with resources.pool.acquire() as conn:
            for number in range(asked.count):
                await remember_name(conn, source, first + number, f"Member {first + number}")
        count += len(batch)
    await producer.close()
    return {"recorded": count}


async def settle(resources: Resources, asked: argparse.Namespace) -> dict[str, Any]:
    """Work as the relay and both consumers until every event is completed or buried."""
    relay = Relay(resources)
    settling = [Settling(source, resources) for source in SOURCES]
    async with asyncio.timeout(DEADLINE_S):
        while await resources.pool.fetchval(UNSETTLED):
            done = await relay.step() + sum([await one.step() for one in settling])
            if not done:
                await asyncio.sleep(PAUSE_S)
    return {"events": dict(await resources.pool.fetch(STATUSES))}


async def link(resources: Resources, asked: argparse.Namespace) -> dict[str, Any]:
    """Link the first N accounts of Telegram with the first N of Discord."""
    outcomes = []
    async with resources.pool.acquire() as conn:
        for number in range(asked.count):
            try:
                started = await offers.start(conn, "telegram", asked.telegram_from + number)
            except Paused:
                outcomes.append("paused")
                continue
            assert started.code is not None
            await offers.open_offer(conn, "discord", asked.discord_from + number, started.code)
            outcome = await offers.confirm(
                conn, "telegram", asked.telegram_from + number, started.id
            )
            outcomes.append(outcome.value)
    return {"outcomes": outcomes}


async def unlink(resources: Resources, asked: argparse.Namespace) -> dict[str, Any]:
    """Unlink the first N accounts of Telegram from theirs of Discord."""
    async with resources.pool.acquire() as conn:
        for number in range(asked.count):
            await links.unlink(conn, platform="telegram", account_id=asked.telegram_from + number)
    return {"unlinked": asked.count}


async def code(resources: Resources, asked: argparse.Namespace) -> dict[str, Any]:
    """Let the first N accounts of Telegram ask for a code and do no more."""
    async with resources.pool.acquire() as conn:
        issued = [
            (await offers.start(conn, "telegram", asked.telegram_from + number)).code
            for number in range(asked.count)
        ]
    return {"codes": issued}


async def mistype(resources: Resources, asked: argparse.Namespace) -> dict[str, Any]:
    """Let the first account of Discord send N wrong codes."""
    async with resources.pool.acquire() as conn:
        outcomes = [
            (
                await offers.open_offer(conn, "discord", asked.discord_from, "AAAAAAAAAA")
            ).outcome.value
            for _ in range(asked.count)
        ]
    return {"outcomes": outcomes}


async def overdraw(resources: Resources, asked: argparse.Namespace) -> dict[str, Any]:
    """Put N events on Telegram's stream that take more XP than there is, as another program can."""
    payloads = [
        schemas.encode(
            schemas.xp_changed(
                user_id=asked.telegram_from + number,
                delta_xp=-1_000_000,
                source="telegram",
                reason="shop",
                entity_id=f"overdraft.{number}",
                occurred_at=NOON,
            )
        )
        for number in range(asked.count)
    ]
    await resources.publisher.publish("telegram", payloads)
    return {"published": len(payloads)}


async def reconcile(resources: Resources, asked: argparse.Namespace) -> dict[str, Any]:
    """Make N passes over everybody, or over one member; of books only, so no token is needed."""
    statuses = []
    member_id = None
    if asked.member_of is not None:
        async with resources.pool.acquire() as conn:
            member_id = await find_member(conn, "telegram", asked.member_of)
    async with open_role(resources) as role, asyncio.timeout(DEADLINE_S):
        for _ in range(asked.count):
            try:
                while (
                    run_id := await role.ask(member_id=member_id, everybody=member_id is None)
                ) is None:
                    await role.step()
            except Paused:
                statuses.append("paused")
                continue
            report = None
            while report is None or report.status == "running":
                await role.step()
                async with resources.pool.acquire() as conn:
                    report = await passes.report(conn, run_id)
            statuses.append(report.status)
    return {"passes": statuses}


COMMANDS: dict[str, Callable[[Resources, argparse.Namespace], Awaitable[dict[str, Any]]]] = {
    one.__name__: one for one in (record, settle, link, unlink, code, mistype, overdraw, reconcile)
}


async def work(asked: argparse.Namespace) -> dict[str, Any]:
    """Do what was asked on the servers that the environment names."""
    settings = Settings.from_env(os.environ)
    settings.require("database_url", "redis_url")
    community = Community.from_toml(Path(os.environ.get("TWINSTREAM_CONFIG", COMMUNITY)))
    async with open_resources(settings, community, asyncio.Event()) as resources:
        return {"release": RELEASE, **await COMMANDS[asked.command](resources, asked)}


def main() -> None:
    """Read the command line; logs go to standard error."""
    set_up_logs(level="error")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("count", nargs="?", type=int, default=1, metavar="N")
    parser.add_argument("--round", type=int, default=1)
    parser.add_argument("--unpublished", action="store_true", help="as if Redis were away")
    parser.add_argument("--telegram-from", type=int, default=TELEGRAM_FROM, metavar="ACCOUNT")
    parser.add_argument("--discord-from", type=int, default=DISCORD_FROM, metavar="ACCOUNT")
    parser.add_argument("--member-of", type=int, metavar="TELEGRAM_ACCOUNT")
    sys.stdout.write(json.dumps(asyncio.run(work(parser.parse_args()))) + "\n")


if __name__ == "__main__":
    main()
