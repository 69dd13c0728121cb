"""The panel of the bus: watches both streams, the record and the calls, and tells the board."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from redis.exceptions import RedisError

from bus import SOURCES, BusError, Keys
from db import DbError
from launch.play.board import Board
from launch.play.panels import Deed, Panel, Stage

from .calls import Calls
from .raw_forms import RawForms
from .record import Record
from .stories import STORIES_SHOWN, Sampler, Story
from .streams import Streams

__all__ = ["Bus", "open_bus"]

#: Seconds between two looks at the record while nothing happens, and at least.
LOOK_IDLE_S, LOOK_S = 0.5, 0.1
MEASURE_S = 0.25
#: Seconds between two reads of a stream or of the transcript, which come in batches then.
READ_S = 0.02
#: Seconds until a source that is away is asked again.
RETRY_S = 0.5
AWAY = (BusError, RedisError, DbError, aiohttp.ClientError, OSError, TimeoutError)


class Bus:
    """Watches all sources. One that is away is told as away, and the others go on."""

    name = "bus"

    def __init__(
        self, board: Board, *, redis_url: str, database_url: str, control_url: str, keys: Keys
    ) -> None:
        self._board = board
        self._redis_url, self._control_url, self._keys = redis_url, control_url, keys
        self._record = Record(database_url)
        self._sampler = Sampler()
        self._stories: OrderedDict[int, Story] = OrderedDict()
        # The steps of each source that failed when they were last tried.
        self._failing: dict[str, set[object]] = {
            "redis": set(),
            "postgres": set(),
            "sandbox": set(),
        }
        self._news = asyncio.Event()
        self._raw: RawForms | None = None
        self.deeds: Mapping[str, Deed] = {"raw": self._show_raw}
        board.limit("bus/stories", STORIES_SHOWN)

    async def watch(self) -> None:
        """Keep the board up to date."""
        streams = Streams(self._redis_url, self._keys)
        try:
            async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
                calls = Calls(session, self._control_url)
                self._raw = RawForms(streams, self._record, calls, self._control_url)
                for source, pause_s, step in (
                    ("redis", READ_S, lambda: self._read(streams)),
                    ("redis", MEASURE_S, lambda: self._measure(streams)),
                    ("postgres", LOOK_S, lambda: self._look(streams, calls)),
                    ("sandbox", READ_S, lambda: self._follow(calls)),
                ):
                    group.create_task(self._repeat(source, pause_s, step))
        finally:
            self._raw = None
            self._record.let_go()
            await streams.close()

    async def _repeat(
        self, source: str, pause_s: float, step: Callable[[], Awaitable[None]]
    ) -> None:
        """Repeat a step. An error of a source that is away is told, and the step goes on."""
        while True:
            try:
                await step()
                self._failing[source].discard(step)
            except AWAY:
                self._failing[source].add(step)
            is_away = bool(self._failing[source])
            self._board.set(f"bus/sources/{source}", {"name": source, "away": is_away})
            await asyncio.sleep(RETRY_S if is_away else pause_s)

    async def _read(self, streams: Streams) -> None:
        try:
            if await streams.read():
                self._news.set()
        except BaseException:
            streams.forget()
            raise

    async def _measure(self, streams: Streams) -> None:
        for source in SOURCES:
            self._board.set(f"bus/streams/{source}", await streams.measure(source))

    async def _follow(self, calls: Calls) -> None:
        if await calls.read():
            self._news.set()

    async def _look(self, streams: Streams, calls: Calls) -> None:
        """Look at the record soon after news, or else now and then."""
        try:
            async with asyncio.timeout(LOOK_IDLE_S):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()
        try:
            newest = await self._record.newest(self._sampler.highest)
            is_earlier = self._sampler.is_new
            for event_id in self._sampler.choose(newest, time.monotonic()):
                self._stories[event_id] = Story(is_earlier=is_earlier)
            while len(self._stories) > STORIES_SHOWN:
                self._stories.popitem(last=False)
            for event in await self._record.events(list(self._stories)):
                entry = streams.find(event.source, event.key)
                told = self._stories[event.id].tell(event, entry, calls.newest_first())
                self._board.set(f"bus/stories/{event.id}", told)
        except BaseException:
            self._record.let_go()
            raise
        self._board.set("bus/pace/now", self._sampler.pace())

    async def _show_raw(self, asked: dict[str, object]) -> dict[str, object]:
        if self._raw is None:
            return {"asked": "", "answer": "", "command": ""}
        return await self._raw.show(asked)


def open_bus(stage: Stage) -> Panel:
    """Open the panel."""
    endpoints = stage.sandboxed.endpoints
    return Bus(
        stage.board,
        redis_url=endpoints.redis_url,
        database_url=endpoints.database_url,
        control_url=endpoints.control_url,
        keys=Keys(),
    )
