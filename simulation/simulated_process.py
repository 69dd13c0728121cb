"""Processes that can be killed, paused and resumed, and the dice that decide what befalls them."""

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine
from typing import Any

from .clock import VirtualLoop
from .trace import Trace

_process: contextvars.ContextVar["Process"] = contextvars.ContextVar("process")

LATENCY_S = 0.001
#: Now and then an answer takes so much longer.
SLOW_SHARE = 0.02
SLOW_S = 0.5


class Machine:
    """The computer on which the processes of one run live: its clock, its dice, its trace."""

    def __init__(self, loop: VirtualLoop, dice: random.Random, trace: Trace) -> None:
        self.loop = loop
        self.dice = dice
        self.trace = trace
        loop.set_task_factory(_adopt)  # type: ignore[arg-type]

    def note(self, who: str, what: str) -> None:
        """Add a step to the trace."""
        self.trace.add(self.loop.time(), who, what)


class Process:
    """One operating-system process: tasks that live, wait and die together."""

    def __init__(self, name: str, machine: Machine) -> None:
        self.name = name
        self.machine = machine
        self.alive = True
        #: Called when it dies, to let its connections go.
        self.on_death: list[Callable[[], None]] = []
        self._running = asyncio.Event()
        self._running.set()
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in this process; tasks that it starts belong to it too."""
        context = contextvars.copy_context()
        context.run(_process.set, self)
        return self.machine.loop.create_task(work, context=context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Take a task that was started in here."""
        self._tasks = [one for one in self._tasks if not one.done()]
        self._tasks.append(task)

    async def turn(self) -> None:
        """Let time go by before or after a call. Whoever is paused waits; the dead never return.

        Raises:
            CancelledError: the process is dead: nothing that it does reaches anybody any more.
        """
        dice = self.machine.dice
        delay_s = dice.expovariate(1 / LATENCY_S)
        if dice.random() < SLOW_SHARE:
            delay_s += dice.random() * SLOW_S
        await asyncio.sleep(delay_s)
        await self._running.wait()
        if not self.alive:
            raise asyncio.CancelledError

    def pause(self) -> None:
        """Stop it where it is, as SIGSTOP does."""
        self._running.clear()

    def resume(self) -> None:
        """Let it go on, unaware of the time that went by."""
        self._running.set()

    async def outlast_pause(self) -> bool:
        """Wait while it is stopped. The timers of a stopped process ring when it goes on.

        Returns whether one of them is to cancel the caller.

        Raises:
            CancelledError: the process is dead.
        """
        rang = False
        while self.paused:
            try:
                await self._running.wait()
            except asyncio.CancelledError:
                rang = True
        if not self.alive:
            raise asyncio.CancelledError
        return rang

    @property
    def paused(self) -> bool:
        """Whether it is stopped."""
        return not self._running.is_set()

    async def kill(self) -> None:
        """End it at once. What its clean-up would still send reaches nobody."""
        self.alive = False
        for let_go in self.on_death:
            let_go()
        self._running.set()
        while living := [task for task in self._tasks if not task.done()]:
            for task in living:
                task.cancel()
            await asyncio.wait(living)


def current() -> Process:
    """The process in which the caller runs."""
    return _process.get()


def _adopt(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    task = asyncio.Task(coro, loop=loop, **options)
    context = options.get("context") or contextvars.copy_context()
    if (process := context.get(_process)) is not None:
        process.adopt(task)
    return task
