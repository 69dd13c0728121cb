"""One run: two bots and two consumers processes under faults, then a calm, then the audit."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import structlog

from bots.features.announcements import announcer
from bots.features.invitations import room as invitation_room
from bus import SOURCES, BusError, Keys, Publisher, Source
from config import AchievementSetting, Community, Rank, Settings
from config.community import ConsumerSetting, DiscordSetting, TelegramSetting
from config.community_sections.earning import EarningSetting
from config.levels import LevelSetting
from consumers.display import role
from consumers.display.discord_roles import roles as discord_roles
from consumers.display.telegram_tags import tags
from consumers.operate import dead_letters
from consumers.runtime import resources, roles
from consumers.runtime.runner import Backoff, run
from consumers.runtime.stream_rebuild import Rebuild
from db import Contention, DbError, StorageUnavailable
from db.members import boards
from db.sessions import own_session
from db.surfaces import observed

from .audit import InvariantBroken, audit, unfinished
from .board_audit import LINES, check_boards
from .bot_calls import ACHIEVEMENTS, accounts_of
from .bots import MEMBER_DEEDS, Bot, Surroundings
from .chats import Chat
from .clock import VirtualLoop
from .display_audit import display_breaches, still_to_show
from .earning_deeds import WINDOW_S
from .expectations import Expectations
from .fault_plan import FaultPlan, draw_fault_plan
from .invitation_deeds import PAY_S, STAY_S, invitation_breaches
from .invitation_deeds import SETTING as INVITES
from .later_days import LaterDays
from .mutants import Mutant
from .notified_connections import connector_of
from .platforms import DiscordServer, TelegramGroup
from .pool import IDLE_IN_TRANSACTION_S, Pool, PostgresServer, pool_of_current_process
from .postgres import RealPostgres
from .reaction_deeds import SETTING as REACTIONS
from .reaction_deeds import Calm, reaction_breaches
from .redis_server import RedisServer, SimulatedRedis
from .simulated_process import Machine, Process, current
from .told_news import ToldNews, news_breaches, setting, still_to_tell
from .trace import LAST_STEPS, Trace
from .voice_channels import SETTING as VOICE
from .voice_channels import VoiceChannels

#: Virtual seconds during which faults occur.
FAULTS_S = 25.0
DEEDS_MAX = 25
#: The bonus of the last achievement.
BONUS_XP = 7
CONSUMERS = 2
ROLES = ("to-discord", "to-telegram", "relay", "cleanup", "earning", "levels")
#: The XP of each level: members come to some of them in a run.
LEVELS = (8, 25, 60, 120, 250)
CLAIM_IDLE_MS = 6_000
#: The limits of a visit and of a round of visits, in seconds: a thirtieth of the real ones, so that
#: pauses sometimes outlast them, as they outlast CLAIM_IDLE_MS.
SHORT: dict[str, Any] = {"VISIT_S_MAX": 3.0, "ROUND_S_MAX": 2.0, "LEASE_S": 6.0, "SURVEY_S": 6.0}
#: Seconds between two attempts to tell news at a place that takes none, at most.
TELL_AGAIN_S_MAX = 6.0
#: Virtual seconds after the last fault within which nothing may be unfinished any more.
CALM_S_MAX = 240.0
#: Virtual seconds between two checks.
LOOK_S = 1.0
#: How far a server's clock jumps, in either direction.
CLOCK_JUMP_MS = 3_600_000
#: Virtual seconds for which nothing may become unfinished again.
REST_S = 5.0
RESTART_AFTER_S = 2.0
#: Virtual seconds within which a resumed process notices what happened during its pause.
WAKE_S = 5.0


@dataclass
class Outcome:
    """The outcome of a run."""

    seed: int
    broken: str | None
    fault_plan: str
    events: int
    steps: int
    digest: str
    #: Virtual seconds from the last fault until nothing was unfinished.
    calm_s: float
    last_steps: list[str]


def simulate(
    seed: int,
    real: RealPostgres,
    *,
    mutant: Mutant | None = None,
    keep: int | None = LAST_STEPS,
) -> Outcome:
    """Run one seed on an empty database. The same seed gives the same run, step by step."""
    trace = Trace(keep=keep)
    real.reset()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        machine = Machine(loop, random.Random(seed), trace)  # noqa: S311 - chosen to be repeatable
        world = SimulatedRun(machine, real, mutant or Mutant())
        real.now_ms = world.postgres_ms
        broken = None
        with _logs_into(machine), mutant.applied(real) if mutant else _nothing():
            try:
                runner.run(world.live())
            except Exception as error:  # noqa: BLE001 - every error is the outcome of this seed
                broken = f"{type(error).__name__}: {error}"
            finally:
                runner.run(world.end())
    return Outcome(
        seed=seed,
        broken=broken,
        fault_plan=world.fault_plan.describe(),
        events=len(world.expected.committed),
        steps=trace.steps,
        digest=trace.digest(),
        calm_s=world.calm_s,
        last_steps=list(trace.last),
    )


class SimulatedRun:
    """The servers, processes and faults of one run."""

    def __init__(self, machine: Machine, real: RealPostgres, mutant: Mutant) -> None:
        self.expected = Expectations()
        self.calm_s = 0.0
        self._machine = machine
        self._dice = machine.dice
        self._real = real
        self._mutant = mutant
        self._keys = Keys()
        self._redis = RedisServer(machine)
        self._postgres = PostgresServer(machine, real)
        self._postgres.rewrite = mutant.rewrite
        self._batch = machine.dice.choice([2, 3, 10, 50])
        self._community = self._make_community()
        self._discord = DiscordServer(machine, self._community)
        self._telegram = TelegramGroup(machine)
        self._platforms = (self._discord, self._telegram)
        self._chats = {source: Chat(source) for source in SOURCES}
        self._news = {one.name: ToldNews(machine, one, self._community) for one in self._platforms}
        self._voice = VoiceChannels(machine, self._discord)
        drawn = self._dice.sample(MEMBER_DEEDS, self._dice.randint(1, len(MEMBER_DEEDS)))
        share = self._dice.choice([0.0, 0.3, 0.6, 0.9])
        self._member_deeds = mutant.members or drawn
        self._members_share = 0.9 if mutant.members else share
        self._bots: dict[Source, Bot] = {}
        self._playing: dict[Source, asyncio.Task[None]] = {}
        self._killed: set[str] = set()
        self._processes: dict[str, Process] = {}
        self._failures: list[str] = []
        self._calls: list[asyncio.TimerHandle] = []
        #: How far the clock of Postgres is ahead of virtual time; it may be behind.
        self._postgres_ahead_ms = 0
        self.fault_plan: FaultPlan = draw_fault_plan(
            machine.dice, FAULTS_S, spared=mutant.spared, met=mutant.met
        )
        #: In some runs a killed consumer never comes back, and others must claim its entries.
        self._slot_2_stays_dead = machine.dice.random() < 0.5
        #: In some runs a killed bot comes back before the faults end, and members go on.
        self._bots_come_back = machine.dice.random() < 0.5

    async def live(self) -> None:
        """Run under faults, then without, then audit.

        Raises:
            InvariantBroken: an invariant does not hold, or something stayed unfinished.
        """
        self._link_some()
        with self._wiring():
            self._start_consumers(1)
            self._start_consumers(2)
            await asyncio.sleep(0.2)
            for source in SOURCES:
                self._start_bot(source, self._dice.randint(5, DEEDS_MAX))
            living = asyncio.create_task(self._voice.live(FAULTS_S))
            self._set_shares(self.fault_plan)
            for at_s, incident in self.fault_plan.incidents:
                await asyncio.sleep(max(at_s - self._machine.loop.time(), 0))
                self._machine.note("world", incident)
                await self._cause(incident)
            await asyncio.wait([*self._playing.values(), living], timeout=FAULTS_S)
            await self._calm()
            await self._until_answered([*self._playing.values(), living])
            await asyncio.sleep(STAY_S + 2 * PAY_S)  # until each invitation is due
            await self._until_finished()
            await asyncio.sleep(REST_S)
            if not (self._failures or self._unfinished()):
                await self._operate(self._check_boards)
        if self._failures:
            raise InvariantBroken("\n".join(self._failures))
        if left := self._unfinished():
            raise InvariantBroken(f"unfinished again after the calm: {left}")
        if breaches := "\n".join(self._breaches_of_members()):
            raise InvariantBroken(breaches)
        audit(self._real, self._redis, self._keys, self.expected, BONUS_XP)
        wrong = display_breaches(self._real, self._community, self._discord, self._telegram)
        if breaches := "\n".join(wrong):
            raise InvariantBroken(breaches)
        with self._wiring():
            await self._operate(self._live_on)
        if self._failures:
            raise InvariantBroken("\n".join(self._failures))

    def _unfinished(self) -> str:
        counts = unfinished(self._real, self._redis, self._keys)
        counts |= still_to_show(self._real, self._platforms)
        counts |= still_to_tell(self._real, self._community)
        if in_memory := sum(bot.rooms.unsettled for bot in self._bots.values()):
            counts["earnings in memory"] = in_memory
        return ", ".join(f"{what}: {count}" for what, count in counts.items())

    async def end(self) -> None:
        """Kill all processes."""
        for call in self._calls:
            call.cancel()
        with self._wiring():
            for process in self._processes.values():
                await process.kill()

    # Processes.

    def _start_bot(self, source: Source, deeds: int) -> None:
        process = self._new_process(f"bot-{source}")
        surroundings = Surroundings(
            self._community,
            self._chats[source],
            self._news[source],
            self._voice,
            self._member_deeds,
            self._members_share,
        )
        bot = Bot(process, self._postgres, self._redis, self._keys, surroundings, self.expected)
        self._bots[source] = bot
        self._playing[source] = process.start(self._watched(bot.play(deeds)))
        for duty in bot.duties():
            process.start(self._watched(duty))

    def _start_consumers(self, slot: int) -> None:
        process = self._new_process(f"consumers-{slot}")
        process.start(self._watched(self._consume(slot)))

    def _new_process(self, name: str) -> Process:
        self._processes[name] = process = Process(name, self._machine)
        return process

    async def _watched(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - an error that ends a process is a breach
            self._failures.append(f"{current().name} ended: {type(error).__name__}: {error}")

    async def _consume(self, slot: int) -> None:
        """Run a consumers process, as `consumers.runtime.process` does."""
        stop = asyncio.Event()
        settings = Settings(
            redis_url="simulated",
            database_url="postgresql://simulated/",
            twinstream_consumer_slot=slot,
        )
        backoff = Backoff("consumers", stop)
        while True:
            try:
                async with (
                    resources.open_resources(settings, self._community, stop) as opened,
                    asyncio.TaskGroup() as group,
                ):
                    openings = roles.openings(self._mutant.roles(ROLES), opened)
                    openings["discord-roles"] = partial(discord_roles.open_role, opened)
                    openings["telegram-tags"] = partial(tags.open_role, opened)
                    for name, opening in openings.items():
                        group.create_task(run(name, opening, stop))
            except (StorageUnavailable, Contention, BusError) as error:
                await backoff.wait(error)

    def _make_community(self) -> Community:
        return Community(
            telegram=TelegramSetting(chat_id=-1),
            discord=DiscordSetting(guild_id=1),
            ranks=(
                Rank(name="Newcomer", xp=10, discord_role=101, telegram_tag="Newcomer"),
                Rank(name="Regular", xp=50, discord_role=102, telegram_tag="Regular"),
            ),
            achievements=tuple(
                AchievementSetting(
                    name=name,
                    title=name,
                    discord_role=200 + number,
                    bonus_xp=BONUS_XP if name == ACHIEVEMENTS[-1] else 0,
                )
                for number, name in enumerate(ACHIEVEMENTS)
            ),
            announcements=setting(self._dice.randrange(6)),
            levels=LevelSetting(table=LEVELS),
            invites=INVITES,
            earning=EarningSetting(window_minutes=WINDOW_S / 60, voice=VOICE, reactions=REACTIONS),
            consumers=ConsumerSetting(
                batch_entries_max=self._batch,
                claim_idle_ms=self._mutant.claim_idle_ms or CLAIM_IDLE_MS,
                relay_interval_ms=1_500,
                relay_after_ms=0,
                cleanup_interval_ms=2_000,
                keep_finished_ms=500,
                surfaces_interval_ms=2_000,
            ),
        )

    def _link_some(self) -> None:
        """Link the accounts of one player; those of others are linked during the run."""
        pairs = zip(accounts_of("telegram"), accounts_of("discord"), strict=True)
        for member, pair in enumerate(list(pairs)[:1], 1):
            self._real.execute("INSERT INTO members DEFAULT VALUES")
            for platform, account in zip(SOURCES, pair, strict=True):
                self._real.fetch(
                    "INSERT INTO accounts (platform, account_id, member_id) VALUES ($1, $2, $3)",
                    platform,
                    account,
                    member,
                )
            self._real.fetch(
                "INSERT INTO links (telegram_account_id, discord_account_id) VALUES ($1, $2)", *pair
            )

    @contextmanager
    def _wiring(self) -> Iterator[None]:
        """Give the simulated servers to the code that opens connections."""

        def connect(url: str, *, name: str) -> Any:
            return SimulatedRedis(self._redis)

        async def open_pool(url: str, **_: Any) -> Any:
            return pool_of_current_process(self._postgres)

        @asynccontextmanager
        async def open_client(*_: Any) -> AsyncIterator[Any]:
            yield self._discord

        @asynccontextmanager
        async def open_bot(*_: Any) -> AsyncIterator[Any]:
            yield self._telegram

        with (
            patch.object(discord_roles, "open_client", open_client),
            patch.object(tags, "open_bot", open_bot),
            patch.multiple(role, **SHORT),
            patch.object(announcer, "RETRY_S_MAX", TELL_AGAIN_S_MAX),
            patch.object(invitation_room, "PAY_S", PAY_S),
            patch.object(boards, "LINES", LINES),
            patch.object(own_session, "Connector", connector_of(self._postgres)),
            patch.object(resources, "connect", connect),
            patch.object(resources, "connect_reader", connect),
            patch.object(resources, "open_pool", open_pool),
        ):
            yield

    # Faults.

    def _set_shares(self, fault_plan: FaultPlan) -> None:
        self._redis.reset_share = fault_plan.reset_share
        self._redis.reply_lost_share = fault_plan.reply_lost_share
        self._postgres.cut_share = fault_plan.cut_share
        self._postgres.reply_lost_share = fault_plan.commit_lost_share
        self._postgres.contention_share = fault_plan.contention_share
        for platform in self._platforms:
            platform.trouble_share = fault_plan.platform_trouble_share

    async def _cause(self, incident: str) -> None:
        causes: dict[str, Callable[[], Awaitable[None] | None]] = {
            "redis loses everything": self._flush,
            "redis comes back empty, before the consumers": self._flush_unseen,
            "redis fails over": self._fail_over,
            "a group is destroyed": self._destroy_group,
            "redis is full": self._fill_redis,
            "redis is cut off": self._cut_redis_off,
            "the clock of redis jumps": self._let_clock_of_redis_jump,
            "the clock of postgres jumps": self._let_clock_of_postgres_jump,
            "postgres is cut off": self._cut_postgres_off,
            "a process is killed": self._kill,
            "a process is paused": self._pause,
            "a platform is cut off": self._cut_platform_off,
            "a place is closed": self._close_a_place,
            "a visit is paused": self._pause_a_visit,
            "a member leaves": self._let_go,
            "an operator replays": self._replay,
            "an operator rebuilds": self._rebuild,
        }
        waiting = causes[incident]()
        if waiting is not None:
            await waiting

    def _flush(self) -> None:
        self.expected.redis_lost_data = True
        self._redis.flush()

    async def _flush_unseen(self) -> None:
        """Lose entries that no consumer has read, while no consumer runs to notice it."""
        for slot in range(1, CONSUMERS + 1):
            await self._kill_one(f"consumers-{slot}")
        await asyncio.sleep(self._dice.uniform(0, RESTART_AFTER_S))
        self._flush()

    def _fail_over(self) -> None:
        self.expected.redis_lost_data = True
        lost = self._redis.fail_over(self._dice.randint(0, 40))
        self._machine.note("world", f"{lost} writes lost")

    def _destroy_group(self) -> None:
        stream, group = self._keys.subscription(self._dice.choice(SOURCES))
        if self._redis.store.streams.keys.get(stream.encode()) is not None:
            self._redis.look("XGROUP DESTROY", stream, group)

    def _fill_redis(self) -> None:
        self._redis.full = True
        self._later(self._dice.uniform(1, 15), lambda: setattr(self._redis, "full", False))

    def _cut_redis_off(self) -> None:
        self._redis.cut_off()
        self._later(self._dice.uniform(1, 15), lambda: setattr(self._redis, "reachable", True))

    def _let_clock_of_redis_jump(self) -> None:
        """Set the clock wrong, for a while or for good, or right again."""
        self._redis.clock_ahead_ms = self._jumped(self._redis.clock_ahead_ms)

    def _let_clock_of_postgres_jump(self) -> None:
        self._postgres_ahead_ms = self._jumped(self._postgres_ahead_ms)

    def _jumped(self, ahead_ms: int) -> int:
        """Return how far a clock is ahead after a jump, which is a jump at most."""
        now = self._dice.choice([0, CLOCK_JUMP_MS, -CLOCK_JUMP_MS])
        self._machine.note("world", f"a clock was {ahead_ms} ms ahead, and is {now} ms ahead")
        return now

    def postgres_ms(self) -> int:
        """Return the time of the clock of Postgres, in milliseconds since 1970."""
        return self._machine.loop.now_ms() + self._postgres_ahead_ms

    def _cut_postgres_off(self) -> None:
        self._postgres.cut_off()
        self._later(self._dice.uniform(1, 15), lambda: setattr(self._postgres, "reachable", True))

    def _cut_platform_off(self) -> None:
        platform = self._dice.choice(self._platforms)
        platform.reachable = False
        self._later(self._dice.uniform(1, 15), lambda: setattr(platform, "reachable", True))

    def _close_a_place(self) -> None:
        news = self._dice.choice(list(self._news.values()))
        place = self._dice.choice(news.places)
        news.closed.add(place)
        self._later(self._dice.uniform(1, 15), lambda: news.closed.discard(place))

    def _let_go(self) -> None:
        platform = self._dice.choice(self._platforms)
        platform.leave(self._dice.choice(accounts_of(platform.name)))

    async def _let_members_return(self) -> None:
        """Let all members return, and let the bot of their platform notice it."""
        for platform in self._platforms:
            for account in sorted(platform.away):
                self._machine.note("world", f"{account} returns to {platform.name}")
                platform.away.discard(account)
                await self._operate(partial(_notice_return, platform.name, account))

    async def _kill(self) -> None:
        await self._kill_one(self._dice.choice(list(self._processes)))

    async def _kill_one(self, name: str) -> None:
        self._machine.note("world", f"{name} is killed")
        await self._processes[name].kill()
        self._killed.add(name)
        if name.startswith("bot") and self._bots_come_back:
            self._later(RESTART_AFTER_S, lambda: self._restart_bot(name, deeds=DEEDS_MAX // 3))
        if name.startswith("consumers") and not (name == "consumers-2" and self._slot_2_stays_dead):
            slot = int(name[-1])
            self._later(RESTART_AFTER_S, lambda: self._restart(name, slot))

    def _restart(self, name: str, slot: int) -> None:
        if not self._processes[name].alive:
            self._start_consumers(slot)

    def _restart_bot(self, name: str, deeds: int = 0) -> None:
        if not self._processes[name].alive:
            source: Any = name.removeprefix("bot-")
            self._start_bot(source, deeds)

    def _pause(self) -> None:
        self._pause_one(self._processes[self._dice.choice(list(self._processes))])

    def _pause_a_visit(self) -> None:
        """Pause the process of the next write in the middle of it; others may visit the member."""
        self._dice.choice(self._platforms).before_next_write = self._pause_one

    def _pause_one(self, process: Process) -> None:
        self._machine.note("world", f"{process.name} is paused")
        process.pause()
        self._later(self._dice.uniform(1, 100), process.resume)
        self._later(IDLE_IN_TRANSACTION_S, partial(self._end_idle_transactions, process))

    def _end_idle_transactions(self, process: Process) -> None:
        for conn in list(self._postgres.connections):
            if process.paused and conn.process is process and conn.is_in_transaction():
                conn.break_off()

    def _replay(self) -> None:
        self._operate(
            lambda pool, redis: dead_letters.replay(pool, Publisher(redis, self._keys), ids=None)
        )

    def _rebuild(self) -> None:
        async def again(pool: Any, redis: Any) -> None:
            rebuild = Rebuild(pool, redis, self._keys)
            for source in SOURCES:
                await rebuild.publish_unfinished_again(source)

        self._operate(again)

    def _operate(self, work: Callable[[Any, Any], Awaitable[Any]]) -> asyncio.Task[None]:
        """Run an operator's command in its own process."""

        async def command() -> None:
            try:
                await work(Pool(self._postgres, current()), SimulatedRedis(self._redis))
            except (DbError, BusError, OSError):
                return  # the command failed; the operator may repeat it

        process = self._new_process("operator")
        return process.start(self._watched(command()))

    def _later(self, delay_s: float, call: Callable[[], None]) -> None:
        self._calls.append(self._machine.loop.call_later(delay_s, call))

    # The end.

    async def _calm(self) -> None:
        """End every fault, and restart killed consumers, unless slot 2 stays dead."""
        self._machine.note("world", "no more faults")
        for call in self._calls:
            call.cancel()
        self._calls.clear()
        self._redis.full, self._redis.reachable, self._postgres.reachable = False, True, True
        self._set_shares(FaultPlan())
        for platform in self._platforms:
            platform.reachable, platform.before_next_write = True, None
        for news in self._news.values():
            news.closed.clear()
        if stopped := [one for one in self._processes.values() if one.paused]:
            for process in stopped:
                process.resume()
            await asyncio.sleep(WAKE_S)
        for slot in range(1, CONSUMERS + 1):
            if slot == 1 or not self._slot_2_stays_dead:
                self._restart(f"consumers-{slot}", slot)
        for source in SOURCES:
            self._restart_bot(f"bot-{source}")
        await self._let_members_return()

    async def _live_on(self, pool: Pool, redis: Any) -> None:
        await LaterDays(self._dice, self.postgres_ms, self._let_pass).live(pool)

    def _let_pass(self, ms: int) -> None:
        self._postgres_ahead_ms += ms

    async def _check_boards(self, pool: Pool, redis: Any) -> None:
        await check_boards(pool, self._real, [self._dice.choice(SOURCES)])

    def _breaches_of_members(self) -> Iterator[str]:
        plan, kinds = self.fault_plan, {kind for _, kind in self.fault_plan.incidents}
        is_alive = {source: f"bot-{source}" not in self._killed for source in SOURCES}
        is_certain = not plan.commit_lost_share and "postgres is cut off" not in kinds
        is_on_time = not plan.contention_share and "the clock of postgres jumps" not in kinds
        yield from self._voice.breaches(self.expected.earnings)
        yield from reaction_breaches(
            self._real,
            self._chats,
            Calm(**{source: is_alive[source] and is_on_time for source in SOURCES}),
        )
        yield from invitation_breaches(self._real, self.expected, self.postgres_ms())
        yield from news_breaches(
            self._real,
            self._community,
            self._news,
            {source: is_alive[source] and is_certain for source in SOURCES},
        )

    async def _until_answered(self, bots: Sequence[asyncio.Task[None]]) -> None:
        """Wait until the bots that live have done all. Without faults, every call has an answer."""
        _, waiting = await asyncio.wait(bots, timeout=CALM_S_MAX)
        if waiting:
            raise InvariantBroken(
                f"{len(waiting)} bots still wait for an answer after {CALM_S_MAX:.0f} s"
            )

    async def _until_finished(self) -> None:
        began = self._machine.loop.time()
        while left := self._unfinished():
            self.calm_s = self._machine.loop.time() - began
            if self.calm_s > CALM_S_MAX:
                raise InvariantBroken(
                    f"still unfinished after {CALM_S_MAX:.0f} s without faults: {left}"
                )
            await asyncio.sleep(LOOK_S)


async def _notice_return(platform: Source, account: int, pool: Pool, redis: Any) -> None:
    async with pool.acquire() as conn:
        await observed.show_again(conn, platform, account)


@contextmanager
def _logs_into(machine: Machine) -> Iterator[None]:
    """Add the log of the code under test to the trace."""

    def note(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        process = _name_of_current()
        machine.note(process, f"log {event['event']} {event.get('why', '')}".rstrip())
        raise structlog.DropEvent

    saved = structlog.get_config()
    structlog.configure(processors=[note], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**saved)


def _name_of_current() -> str:
    try:
        return current().name
    except LookupError:
        return "world"


@contextmanager
def _nothing() -> Iterator[None]:
    yield
