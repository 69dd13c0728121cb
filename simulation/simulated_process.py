"""Simulated processes, which can be killed, paused and resumed, and the machine that runs them."""

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine
from typing import Any

from .clock import VirtualLoop
from .trace import Trace

_process: contextvars.ContextVar["Process"] = contextvars.ContextVar("process")

#: The average time of a call in each direction, in seconds.
LATENCY_S = 0.001
#: Share of the calls that take up to SLOW_S seconds longer.
SLOW_SHARE = 0.02
SLOW_S = 0.5


class Machine:
    """The machine that runs the processes of one run: its clock, its dice, its trace."""

    def __init__(self, loop: VirtualLoop, dice: random.Random, trace: Trace) -> None:
        self.loop = loop
        self.dice = dice
        self.trace = trace
        loop.set_task_factory(_adopt)  # type: ignore[arg-type]

    def note(self, who: str, what: str) -> None:
        """Add a step to the trace."""
        self.trace.add(self.loop.time(), who, what)


class Process:
    """One operating-system process: tasks that are paused, resumed and killed together."""

    def __init__(self, name: str, machine: Machine) -> None:
        self.name = name
        self.machine = machine
        self.alive = True
        #: Called on a kill, to close the process's connections.
        self.on_death: list[Callable[[], None]] = []
        self._running = asyncio.Event()
        self._running.set()
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in this process; tasks that it starts belong to the process too."""
        context = contextvars.copy_context()
        context.run(_process.set, self)
        return self.machine.loop.create_task(work, context=context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Register a task that was started in this process."""
        self._tasks = [one for one in self._tasks if not one.done()]
        self._tasks.append(task)

    async def turn(self) -> None:
        """Let the time of a call pass. A paused process waits; a killed one never returns.

        Raises:
            CancelledError: the process was killed, so its calls no longer take effect.
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
        """Stop the process where it is, as SIGSTOP does."""
        self._running.clear()

    def resume(self) -> None:
        """Let the process go on, as SIGCONT does."""
        self._running.set()

    async def outlast_pause(self) -> bool:
        """Wait while the process is paused. Its timers fire when it goes on.

        Returns whether a timer has cancelled the caller.

        Raises:
            CancelledError: the process was killed.
        """
        cancelled = False
        while self.paused:
            try:
                await self._running.wait()
            except asyncio.CancelledError:
                cancelled = True
        if not self.alive:
            raise asyncio.CancelledError
        return cancelled

    @property
    def paused(self) -> bool:
        """Whether the process is paused."""
        return not self._running.is_set()

    async def kill(self) -> None:
        """Kill the process. The calls of its clean-up no longer take effect."""
        self.alive = False
        for close in self.on_death:
            close()
        self._running.set()
        while living := [task for task in self._tasks if not task.done()]:
            for task in living:
                task.cancel()
            await asyncio.wait(living)


def current() -> Process:
    """Return the process of the calling task."""
    return _process.get()


def _adopt(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    task = asyncio.Task(coro, loop=loop, **options)
    context = options.get("context") or contextvars.copy_context()
    if (process := context.get(_process)) is not None:
        process.adopt(task)
    return task
