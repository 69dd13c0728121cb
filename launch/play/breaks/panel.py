"""The panel: every breakage on the board, and the deeds that break and mend them."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from launch.play.panels import Deed, DeedRefused, Json, Panel, Stage

from .breakage import Breakage
from .changes_by_hand import changes_by_hand
from .condition import Condition
from .course import Course
from .failures import FAILURES
from .process_deaths import process_deaths
from .refused_calls import refused_calls
from .scene import open_scene
from .server_outages import server_outages

__all__ = ["breakages", "open_breaks"]


def breakages() -> tuple[Breakage, ...]:
    """Return each breakage."""
    return (
        *process_deaths(),
        *server_outages(),
        *refused_calls(),
        *changes_by_hand(),
    )


class Strike(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order of the page to break something."""

    name: str
    plays: bool = True
    """Whether members earn XP while it is broken."""


class Mend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order of the page to mend something."""

    name: str


class Breaks:
    """Breaks things, several at once if asked, and each once at a time."""

    name = "breaks"

    def __init__(self, stage: Stage, breakages: Sequence[Breakage]) -> None:
        self._stage = stage
        self._breakages = breakages
        self._courses: dict[str, Course] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.deeds: Mapping[str, Deed] = {"strike": self._strike, "mend": self._mend}

    async def watch(self) -> None:
        """Keep the connections open, and see what an earlier start left broken."""
        async with open_scene(self._stage) as scene:
            for breakage in self._breakages:
                self._courses[breakage.name] = Course(breakage, scene, self._shower(breakage.name))
            try:
                for course in self._courses.values():
                    if course.breakage.lasts and course.condition.may_be_struck:
                        self._begin(self._guarded(course, course.resume()))
                await asyncio.Event().wait()
            finally:
                self._courses.clear()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _strike(self, asked: Json) -> Json:
        order = _read(asked, Strike)
        course = self._course(order.name)
        if course.condition.stage == "unavailable":
            raise DeedRefused("this cannot be broken from here")
        if course.condition.may_be_struck:
            others = [one for one in self._courses.values() if one is not course]
            calm = not any(one.condition.is_under_way for one in others)
            self._begin(self._guarded(course, course.begin(plays=order.plays, calm=calm)))
        return {"stage": course.condition.stage}

    async def _mend(self, asked: Json) -> Json:
        course = self._course(_read(asked, Mend).name)
        if course.condition.takes_a_hand:
            try:
                # It goes on without the page that asked for it.
                await asyncio.shield(self._begin(course.begin_mending()))
            except FAILURES as error:
                raise DeedRefused(f"it could not be mended: {error}") from error
        return {"stage": course.condition.stage}

    async def _guarded(self, course: Course, work: Coroutine[Any, Any, None]) -> None:
        """Say that a course ended in a mistake of ours: its button must not stay pressed."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever it is, the page goes on
            course.fail(f"{type(error).__name__}: {error}")
            self._stage.say(f"The page could not watch {course.breakage.name}: {error!r}")

    def _course(self, name: str) -> Course:
        if not self._courses:
            raise DeedRefused("the panel is still connecting; try again in a moment")
        if name not in self._courses:
            raise DeedRefused(f"there is nothing called {name!r} to break")
        return self._courses[name]

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _shower(self, name: str) -> Any:
        def show(condition: Condition) -> None:
            self._stage.board.set(f"breaks/{name}", msgspec.to_builtins(condition))

        return show


def _read(asked: Json, kind: Any) -> Any:
    try:
        return msgspec.convert(asked, kind)
    except msgspec.ValidationError as error:
        raise DeedRefused(str(error)) from None


def open_breaks(stage: Stage) -> Panel:
    """Open the panel."""
    return Breaks(stage, breakages())
