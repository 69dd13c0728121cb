"""The bots of a run: the real producer and the function of Postgres, and players who earn, spend,
link their accounts, and repeat calls; and the rooms of the bots with all that members do in them.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple

import schemas
from bots.features.announcements.member_whereabouts import Spot
from bots.runtime.delivery import PublicPlace
from bus import Keys, Publisher
from config import Community
from db import (
    Contention,
    DbError,
    IdempotencyConflict,
    InsufficientFunds,
    Producer,
    RuleBroken,
    StorageUnavailable,
)
from db.members import boards

from .board_audit import BOARDS, check_page
from .bot_calls import (
    Wanted,
    accounts_of,
    create,
    draw,
    draw_refused,
    effect_of,
    event_of,
    key_of,
    record,
)
from .bot_rooms import BotRooms
from .chats import PLACES, Chat
from .daily_deeds import DailyDeeds
from .earning_deeds import EarningDeeds
from .expectations import Expectations
from .invitation_deeds import InvitationDeeds
from .link_deeds import NO_ANSWER, LinkDeeds
from .pool import Pool, PostgresServer
from .reaction_deeds import ReactionDeeds
from .redis_server import RedisServer, SimulatedRedis
from .reward_deeds import RewardDeeds
from .simulated_process import Process
from .thank_deeds import ThankDeeds
from .told_news import ToldNews
from .voice_channels import VoiceChannels

#: The average pause between two calls of a bot, in seconds.
BETWEEN_S = 0.4
#: Seconds within which a cancelled call is cancelled: a few calls' time.
CANCELLED_S_MAX = 0.02
KEY_RULES = ("key_is_reserved", "key_agrees_with_event")


#: The deeds of members in the rooms of a bot. A run has a few of them, so that it has them often.
MEMBER_DEEDS = ("messages", "reactions", "rewards", "boards", "invitations")


class Surroundings(NamedTuple):
    """The world that a bot process finds when it starts, and its deeds in this run."""

    community: Community
    chat: Chat
    news: ToldNews
    voice: VoiceChannels
    member_deeds: Sequence[str]
    #: How often, after another deed, members do something in its rooms.
    members_share: float


class Bot:
    """One bot process on one platform."""

    def __init__(
        self,
        process: Process,
        postgres: PostgresServer,
        redis: RedisServer,
        keys: Keys,
        surroundings: Surroundings,
        expected: Expectations,
    ) -> None:
        chat, dice = surroundings.chat, process.machine.dice
        self._source = source = chat.source
        self._process = process
        self._surroundings = surroundings
        self._dice = dice
        self._pool: Any = Pool(postgres, process)
        self._publisher = Publisher(SimulatedRedis(redis), keys)
        self._redis = redis
        self._stream = keys.stream(source)
        self._expected = expected
        self._producer = Producer(self._pool, schemas, self._publisher)
        self.rooms = BotRooms(
            chat,
            self._pool,
            self._producer,
            surroundings.community,
            surroundings.news,
            surroundings.voice,
            expected,
        )
        self._links = LinkDeeds(self._pool, dice, expected)
        self._earning = EarningDeeds(chat, self._pool, self.rooms.earnings, dice, expected)
        self._reactions = ReactionDeeds(chat, self.rooms.reactions, dice)
        self._rewards = RewardDeeds(chat, self._pool, dice, expected)
        self._invitations = InvitationDeeds(self.rooms.invitations, self._pool, dice, expected)
        self._thanks = ThankDeeds(source, dice, expected)
        self._daily = DailyDeeds(source, self._pool, dice, expected)
        #: The calls that succeeded, some of which are repeated.
        self._done: list[Wanted] = []

    async def play(self, deeds: int) -> None:
        """Do so many things, then record no more. The duties of the rooms go on."""
        for _ in range(deeds):
            await asyncio.sleep(self._dice.expovariate(1 / BETWEEN_S))
            await self._act(self._producer)
            # Beside the other deeds, not in their place: every run has plenty of events on the bus.
            if self._dice.random() < self._surroundings.members_share:
                await self._let_members_act()
        await self._producer.close()

    def duties(self) -> list[Coroutine[Any, Any, None]]:
        """Return what the process does meanwhile, until it ends."""
        return self.rooms.duties(self._process)

    async def _let_members_act(self) -> None:
        """Let members do one of the things that this run has them do."""
        account = self._dice.choice(accounts_of(self._source))
        place = PublicPlace(PLACES[self._source])
        self.rooms.spots.hear(account, Spot(place, None))
        if self._dice.random() < 0.1:
            await self._links.act()
        match self._dice.choice(self._surroundings.member_deeds):
            case "messages":
                await self._earning.act()
            case "reactions":
                self._reactions.act()
            case "rewards":
                await self._rewards.act()
            case "boards":
                await self._look_at_board(account)
            case _ if self._source == "discord":
                await self._daily.act()
            case _:
                if (wanted := await self._invitations.act()) is not None:
                    await self._create(self._producer, wanted)

    async def _look_at_board(self, account: int) -> None:
        """Let a member ask for a board, as /top does."""
        board = self._dice.choice(BOARDS)
        await self.rooms.earnings.close_windows_of(account)
        with contextlib.suppress(DbError, *NO_ANSWER):
            async with self._pool.acquire() as conn:
                check_page(board, await boards.read_page(conn, self._source, account, board))

    async def _act(self, producer: Producer) -> None:
        dice = self._dice
        chance = dice.random()
        if self._done and chance < 0.08:
            await self._create(producer, dice.choice(self._done))
        elif self._done and chance < 0.11:
            known = dice.choice(self._done)
            if "delta_xp" in known:
                await self._conflict(producer, known)
        elif chance < 0.15:
            self._publish_as_foreign()
        elif chance < 0.18:
            await self._break_a_key_rule(producer)
        elif chance < 0.30:
            await self._links.act()
        elif chance < 0.36:
            await self._daily.act()
        elif chance < 0.51:
            await self._in_transaction(producer)
        elif chance < 0.59:
            await self._earning.act()
        elif chance < 0.70:
            await self._at_once(producer)
        elif chance < 0.78:
            await self._thanks.act(producer)
        else:
            await self._create(producer, self._new())

    def _new(self) -> Wanted:
        return draw(self._dice, self._source)

    async def _create(self, producer: Producer, wanted: Wanted) -> None:
        """Retry as a person would: after a moment, with the same key, a few times."""
        key, effect = key_of(wanted), effect_of(wanted)
        for _ in range(self._dice.randint(1, 4)):
            self._expected.tried(key, effect)
            try:
                await create(producer, wanted)
            except InsufficientFunds:
                return  # an earlier attempt may have committed it, and lost the answer
            except (StorageUnavailable, Contention):
                await asyncio.sleep(self._dice.uniform(0.1, 2.0))
            else:
                self._expected.succeeded(key, effect)
                self._done.append(wanted)
                return

    async def _at_once(self, producer: Producer) -> None:
        """Make several calls at once. A cancelled one may or may not have taken effect."""
        loop = asyncio.get_running_loop()
        calls = [
            loop.create_task(self._create(producer, self._new()))
            for _ in range(self._dice.randint(2, 5))
        ]
        for call in calls:
            if self._dice.random() < 0.3:
                loop.call_later(self._dice.uniform(0, CANCELLED_S_MAX), call.cancel)
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _conflict(self, producer: Producer, known: Wanted) -> None:
        try:
            await create(producer, known | {"delta_xp": known["delta_xp"] + 1})
        except IdempotencyConflict:
            return
        except (StorageUnavailable, Contention):
            return
        raise AssertionError(f"the key {key_of(known)} was accepted with another content")

    async def _break_a_key_rule(self, producer: Producer) -> None:
        wanted = draw_refused(self._dice, self._source)
        way = self._dice.choice(["producer", "SQL", "stream"])
        try:
            match way:
                case "producer":
                    await create(producer, wanted)
                case "SQL":
                    async with self._pool.acquire() as conn:
                        await record(conn, wanted)
                case _:
                    if self._add(schemas.encode(event_of(wanted))) is not None:
                        self._expected.refused.add(key_of(wanted))
                    return
        except RuleBroken as error:
            if error.rule not in KEY_RULES:
                raise
            return
        except NO_ANSWER:
            return
        raise AssertionError(f"the key {key_of(wanted)} was accepted in a call of the {way}")

    async def _in_transaction(self, producer: Producer) -> None:
        """Record in a transaction that may be rolled back, each event in a savepoint that may."""
        dice = self._dice
        way = dice.choice(["lent", "own", "SQL"])
        commits, publishes = dice.random() < 0.7, dice.random() < 0.7
        kept: list[Wanted] = []
        receipts: list[Any] = []
        try:
            async with producer.transaction() if way == "lent" else self._transaction() as conn:
                for wanted in [self._new() for _ in range(dice.randint(1, 3))]:
                    is_kept = dice.random() < 0.7
                    with contextlib.suppress(InsufficientFunds, _RollBack):
                        async with conn.transaction():
                            if way == "SQL":
                                await record(conn, wanted)
                            else:
                                receipts.append(await create(producer, wanted, conn=conn))
                            if not is_kept:
                                raise _RollBack
                        kept.append(wanted)
                if not commits:
                    raise _RollBack
                for wanted in kept:
                    self._expected.tried(key_of(wanted), effect_of(wanted))
        except (_RollBack, *NO_ANSWER):
            return  # the bot has no confirmed commit
        for wanted in kept:
            self._expected.succeeded(key_of(wanted), effect_of(wanted))
            self._done.append(wanted)
        if way == "own" and publishes:
            await producer.publish(*receipts)

    @contextlib.asynccontextmanager
    async def _transaction(self) -> Any:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn

    def _publish_as_foreign(self) -> None:
        """Act as another program, in another language, that writes to the stream directly."""
        wanted = self._new()
        if self._dice.random() >= 0.2:
            if self._add(schemas.encode(event_of(wanted))) is not None:
                self._expected.foreign[key_of(wanted)] = effect_of(wanted)
        elif (entry_id := self._add(b"no event")) is not None:
            self._expected.unreadable.add(f"entry:{self._stream}:{entry_id.decode()}")

    def _add(self, payload: bytes) -> bytes | None:
        """Add an entry to the stream. Returns its id, or None if Redis did not take it."""
        if not self._redis.reachable or self._redis.full:
            return None
        entry_id: bytes | None = self._redis.look(
            "XADD", self._stream, "NOMKSTREAM", "*", "e", payload
        )
        return entry_id


class _RollBack(Exception):
    """Rolls a transaction, or a savepoint, of the bot back."""
