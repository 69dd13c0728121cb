"""The course of one breakage: broken, while people play, and looked at until it is well."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from bus import SOURCES, Source

from . import record
from .breakage import Breakage
from .condition import WELL, Condition, Look, Tally
from .failures import FAILURES
from .scene import Scene

__all__ = ["Course"]

#: Seconds between two looks, at first and once it takes long; the time it took is as exact as that.
LOOK_S, LOOK_SELDOM_S = 0.1, 0.5
SELDOM_AFTER_S = 30.0
#: Seconds until a look is given up: one server that hangs must not hide the rest.
LOOK_S_MAX = 3.0
#: Seconds between two commands of members, on the platforms in turn: below Telegram's limit of one
#: answer a second in a private chat.
PLAY_S = 1.2
#: Commands that members send while it is broken: enough to see a backlog, and no flood.
PLAYED_MAX = 6
#: Seconds until a probe is repeated: a command that came while a bot started is answered by nobody.
PROBE_AGAIN_S = 4.0
#: Seconds in which a bot that is back works off the commands that waited for it. They may come to
#: nothing, if something else is broken as well.
WORKED_OFF_S_MAX = 20.0


class Course:
    """One breakage from one press of its button to the next. `show` gets each condition."""

    def __init__(self, breakage: Breakage, scene: Scene, show: Callable[[Condition], None]) -> None:
        self.breakage = breakage
        self.condition = Condition()
        self._scene = scene
        self._show = show
        # The commands that had been sent before it was broken.
        self._sent_before = dict(scene.company.sent)
        self._tallies = dict.fromkeys(SOURCES, Tally())
        # The newest event once the damage was gone, when that was, and when the latest probe went.
        self._probed_from: int | None = None
        self._undamaged_at = self._probed_at = 0.0
        self._hands = 0
        """How often a person has mended something."""
        hindrance = breakage.hindrance(scene)
        self._become(self.condition.unavailable(hindrance) if hindrance else self.condition)

    def begin(self, *, plays: bool, calm: bool) -> Coroutine[Any, Any, None]:
        """Note that it is being broken, and return the work. `calm`: nothing else is broken."""
        self._become(self.condition.prepared())
        return self._run(plays=plays, calm=calm)

    def begin_mending(self) -> Coroutine[Any, Any, None]:
        """Note that a person lends a hand, and return the work."""
        self._become(self.condition.handed("given"))
        return self._mend()

    async def _run(self, *, plays: bool, calm: bool) -> None:
        try:
            mark = await self._scene.ready(calm=calm)
            self._sent_before = dict(self._scene.company.sent)
            since = await self.breakage.strike(self._scene)
        except FAILURES as error:
            self.fail(str(error) or type(error).__name__)
            return
        self._become(self.condition.struck(since))
        await self._watch(mark, plays=plays)

    def fail(self, why: str) -> None:
        """Give up watching it."""
        self._become(self.condition.failed(why))

    async def resume(self) -> None:
        """Watch it heal if it is broken already, as an earlier start may have left it."""
        try:
            if (await self.breakage.look(self._scene)).hand != "must":
                return
            # Nobody is linked: the platforms may be out of reach.
            mark = await self._scene.ready(calm=False)
        except FAILURES:
            return
        self._become(self.condition.struck(time.time()))
        await self._watch(mark, plays=False)

    async def _mend(self) -> None:
        try:
            await self.breakage.mend(self._scene)
        finally:
            self._hands += 1
            if self.condition.hand == "given":
                self._become(self.condition.handed("none"))

    async def _watch(self, mark: int, *, plays: bool) -> None:
        self._probed_from = None
        self._tallies = dict.fromkeys(SOURCES, Tally())
        playing = asyncio.create_task(self._play() if plays else asyncio.sleep(0))
        try:
            while True:
                hands = self._hands
                look = await self._look(mark)
                if hands != self._hands:
                    continue  # it saw what was before it was mended
                asked = sum(map(self._asked, SOURCES))
                self._become(self.condition.seen(look, _sum(self._tallies.values()), asked))
                if not look.waits:
                    break
                await asyncio.sleep(LOOK_SELDOM_S if self._is_slow() else LOOK_S)
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        self._become(self.condition.healed(time.time()))

    async def _look(self, mark: int) -> Look:
        """Look at the damage, then at the record, then whether new XP crosses over."""
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                look = await self.breakage.look(self._scene)
        except FAILURES:
            look = Look("unseen")
        with contextlib.suppress(*FAILURES):
            async with asyncio.timeout(LOOK_S_MAX):
                self._tallies = await record.tallies_after(self._scene.pool, mark)
                if not look.waits:
                    return await self._prove()
        if look.waits:
            self._probed_from = None
        return look if look.waits else Look("unseen")

    async def _prove(self) -> Look:
        """Send new XP over from each platform that can, and wait for it and all that waits."""
        inhabited = await self._scene.inhabited()
        platforms = [one for one in self.breakage.probes if one in inhabited]
        if self._probed_from is None:
            self._probed_from = await record.newest_event(self._scene.pool)
            self._undamaged_at, self._probed_at = time.monotonic(), 0.0
        came = await record.tallies_after(self._scene.pool, self._probed_from)
        missing = [one for one in platforms if not came[one].arrived]
        if missing and time.monotonic() > self._probed_at + PROBE_AGAIN_S:
            self._probed_at = time.monotonic()
            for platform in missing:
                await self._reward(platform)
        if missing:
            return Look(f"probe-{missing[0]}")
        if _sum(self._tallies.values()).waiting:
            return Look("arrival")
        is_late = time.monotonic() > self._undamaged_at + WORKED_OFF_S_MAX
        is_worked_off = all(
            self._tallies[one].recorded >= self._asked(one) for one in self.breakage.keeps
        )
        return WELL if is_worked_off or is_late else Look("commands")

    async def _play(self) -> None:
        """Let administrators reward Robin on both platforms in turn, until the damage is gone."""
        for number in range(PLAYED_MAX):
            if self._probed_from is not None:
                return
            await self._reward(SOURCES[number % len(SOURCES)])
            await asyncio.sleep(PLAY_S)

    async def _reward(self, platform: Source) -> None:
        with contextlib.suppress(*FAILURES):  # a bot that was kicked has no commands
            await self._scene.company.reward(platform, 1)

    def _asked(self, platform: Source) -> int:
        return self._scene.company.sent[platform] - self._sent_before[platform]

    def _is_slow(self) -> bool:
        return time.time() > (self.condition.since or 0.0) + SELDOM_AFTER_S

    def _become(self, condition: Condition) -> None:
        self.condition = condition
        self._show(condition)


def _sum(tallies: Iterable[Tally]) -> Tally:
    return Tally(*(sum(column) for column in zip(*tallies, strict=True)))
