"""The bots of a run: the real producer, and players who earn, spend, and repeat calls."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import schemas
from bus import Keys, Publisher, Source
from db import Contention, IdempotencyConflict, InsufficientFunds, Producer, StorageUnavailable

from .expectations import Effect, Expectations
from .pool import Pool, PostgresServer
from .redis_server import RedisServer, SimulatedRedis
from .simulated_process import Process

PLAYERS = 3
ACHIEVEMENTS = ("first_win", "lucky")
#: The average pause between two calls of a bot, in seconds.
BETWEEN_S = 0.4


def accounts_of(source: Source) -> range:
    """Return the players' accounts on a platform; equal positions belong to the same person."""
    first = 1 if source == "telegram" else 101
    return range(first, first + PLAYERS)


class Bot:
    """One bot process on one platform."""

    def __init__(
        self,
        source: Source,
        process: Process,
        postgres: PostgresServer,
        redis: RedisServer,
        keys: Keys,
        expected: Expectations,
    ) -> None:
        self._source = source
        self._dice = process.machine.dice
        self._postgres = postgres
        self._process = process
        self._publisher = Publisher(SimulatedRedis(redis), keys)
        self._redis = redis
        self._stream = keys.stream(source)
        self._expected = expected
        #: The calls that succeeded, some of which are repeated.
        self._done: list[dict[str, Any]] = []

    async def play(self, events: int) -> None:
        """Make so many calls, then shut down cleanly."""
        pool = Pool(self._postgres, self._process)
        producer = Producer(pool, schemas, self._publisher)
        for _ in range(events):
            await asyncio.sleep(self._dice.expovariate(1 / BETWEEN_S))
            await self._act(pool, producer)
        await producer.close()

    async def _act(self, pool: Pool, producer: Producer) -> None:
        dice = self._dice
        chance = dice.random()
        if self._done and chance < 0.1:
            await self._create(producer, dice.choice(self._done))
        elif self._done and chance < 0.14:
            known = dice.choice(self._done)
            if "delta_xp" in known:
                await self._conflict(producer, known)
        elif chance < 0.2:
            self._publish_as_foreign()
        elif chance < 0.35:
            await self._in_own_transaction(pool, producer, self._new())
        else:
            await self._create(producer, self._new())

    def _new(self) -> dict[str, Any]:
        dice = self._dice
        account = dice.choice(accounts_of(self._source))
        chance = dice.random()
        common = {"user_id": account, "source": self._source}
        if chance < 0.1:
            return common | {"achievement": dice.choice(ACHIEVEMENTS)}
        what = "delta_xp" if chance < 0.8 else "delta_balance"
        amount = dice.choice([5, 10, 15, 40, -3, -30])
        entity = f"{dice.getrandbits(40)}"
        return common | {what: amount, "reason": "game_guess", "entity_id": entity}

    async def _create(self, producer: Producer, wanted: dict[str, Any]) -> None:
        """Retry as a person would: after a moment, with the same key, a few times."""
        key, effect = _key(wanted), _effect(wanted)
        for _ in range(self._dice.randint(1, 4)):
            self._expected.tried(key, effect)
            try:
                await _call(producer, wanted)
            except InsufficientFunds:
                return  # an earlier attempt may have committed it, and lost the answer
            except (StorageUnavailable, Contention):
                await asyncio.sleep(self._dice.uniform(0.1, 2.0))
            else:
                self._expected.succeeded(key, effect)
                self._done.append(wanted)
                return

    async def _conflict(self, producer: Producer, known: dict[str, Any]) -> None:
        try:
            await _call(producer, known | {"delta_xp": known["delta_xp"] + 1})
        except IdempotencyConflict:
            return
        except (StorageUnavailable, Contention):
            return
        raise AssertionError(f"the key {_key(known)} was accepted with another content")

    async def _in_own_transaction(
        self, pool: Pool, producer: Producer, wanted: dict[str, Any]
    ) -> None:
        """Record within the bot's own transaction, which may be rolled back."""
        commits, publishes = self._dice.random() < 0.7, self._dice.random() < 0.7
        key, effect = _key(wanted), _effect(wanted)
        try:
            async with pool.acquire() as conn, conn.transaction():
                recorded = await _call(producer, wanted, conn=conn)
                if not commits:
                    raise _RollBack
                self._expected.tried(key, effect)
        except Exception:  # noqa: BLE001 - after any error, the bot has no confirmed commit
            return
        self._expected.succeeded(key, effect)
        self._done.append(wanted)
        if publishes:
            await producer.publish(recorded)

    def _publish_as_foreign(self) -> None:
        """Act as another program, in another language, that writes to the stream directly."""
        wanted = self._new()
        chance = self._dice.random()
        payload = b"no event" if chance < 0.2 else schemas.encode(_event(wanted))
        if not self._redis.reachable or self._redis.full:
            return
        entry_id = self._redis.look("XADD", self._stream, "NOMKSTREAM", "*", "e", payload)
        if entry_id is None:
            return
        if chance >= 0.2:
            self._expected.foreign[_key(wanted)] = _effect(wanted)
        else:
            self._expected.unreadable.add(f"entry:{self._stream}:{entry_id.decode()}")


class _RollBack(Exception):
    """Rolls the bot's transaction back."""


async def _call(producer: Producer, wanted: dict[str, Any], **more: Any) -> Any:
    if "achievement" in wanted:
        return await producer.create_achievement_event(**wanted, **more)
    if "delta_xp" in wanted:
        return await producer.create_xp_change_event(**wanted, **more)
    return await producer.create_balance_change_event(**wanted, **more)


def _event(wanted: dict[str, Any]) -> schemas.Event:
    common = wanted | {"occurred_at": datetime(2026, 1, 1, 12, tzinfo=UTC)}
    if "achievement" in wanted:
        return schemas.achievement_unlocked(**common)
    if "delta_xp" in wanted:
        return schemas.xp_changed(**common)
    return schemas.balance_changed(**common)


def _key(wanted: dict[str, Any]) -> str:
    return _event(wanted).idempotency_key


def _effect(wanted: dict[str, Any]) -> Effect:
    return Effect(
        wanted["source"],
        wanted["user_id"],
        xp=wanted.get("delta_xp", 0),
        balance=wanted.get("delta_balance", 0),
        achievement=wanted.get("achievement"),
    )
