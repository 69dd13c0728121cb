"""Redis with its faults: a server, a replica that lags behind, and the client."""

import asyncio
import copy
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import OutOfMemoryError, ResponseError

from .lua_scripts import Scripts
from .redis_model import Args, Streams
from .simulated_process import Machine, Process, current

#: The most writes by which the replica lags behind.
REPLICA_BEHIND_MAX = 60
_WRITES = frozenset(
    (
        *(b"XADD", b"XDEL", b"XTRIM", b"DEL", b"XGROUP", b"XACK", b"XCLAIM", b"XAUTOCLAIM"),
        *(b"XREADGROUP", b"EVAL"),
    )
)
_GROWS = (b"XADD", b"XGROUP")
_WAKES = frozenset((b"XADD", b"XGROUP", b"DEL", b"EVAL"))


class Store:
    """A keyspace, with the runner of its scripts."""

    def __init__(self) -> None:
        self.streams = Streams()
        self.full = False
        self._now_ms = 0
        self._scripts = Scripts(self._one)

    def execute(self, args: Args, now_ms: int) -> Any:
        """Run one command, or a script."""
        self._now_ms = now_ms
        if args[0] == b"EVAL":
            return self._scripts.eval(args[1:])
        return self._one(args)

    def _one(self, args: Args) -> Any:
        if args[0] == b"INFO":
            return b"used_memory:1\r\nmaxmemory:%d\r\n" % self.full
        if self.full and args[:2] != [b"XGROUP", b"DESTROY"] and args[0] in _GROWS:
            raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
        return self.streams.execute(args, self._now_ms)


class RedisServer:
    """One server, which can lose its data, run out of memory, be cut off, or fail over."""

    def __init__(self, machine: Machine) -> None:
        self.reachable = True
        self.full = False
        #: How far the server's clock is ahead of virtual time, in milliseconds; it may be behind.
        self.clock_ahead_ms = 0
        #: Share of calls that fail before and after their execution.
        self.reset_share = 0.0
        self.reply_lost_share = 0.0
        #: Streams created by an XADD, and so without their group.
        self.made_by_adding: set[str] = set()
        self._machine = machine
        self.store = Store()
        self._replica = Store()
        self._behind: deque[tuple[Args, int]] = deque()
        self._changed = asyncio.Event()
        #: Counts failovers and cuts, which end every blocking read.
        self._connections = 0

    async def call(self, process: Process, args: Args) -> Any:
        """Send a command, and return its answer or fail with a fault.

        Raises:
            ConnectionError, TimeoutError: the command was not executed, or its answer is lost.
            ResponseError: the server's refusal.
        """
        name = b" ".join(args[:2] if args[0] in (b"XGROUP", b"XINFO") else args[:1]).decode()
        await process.turn()
        self._refuse_if_cut_off(process, name, self.reset_share)
        reply = await self._execute_and_wait(process, args)
        if self._machine.dice.random() < self.reply_lost_share:
            self._machine.note(process.name, f"redis {name}: executed, answer lost")
            raise exceptions.TimeoutError("Timeout reading from the server")
        await process.turn()
        self._machine.note(process.name, f"redis {name} -> {_short(reply)}")
        return reply

    def look(self, *args: str | bytes | int) -> Any:
        """Run a command without the network and its faults."""
        return self.execute(to_args(args))

    def execute(self, args: Args) -> Any:
        """Run a command on the server; the replica gets it later."""
        self.store.full = self.full
        now_ms = self._machine.loop.now_ms() + self.clock_ahead_ms
        known = args[0] != b"XADD" or args[1] in self.store.streams.keys
        reply = self.store.execute(args, now_ms)
        if not known and reply is not None:
            self.made_by_adding.add(args[1].decode())
        if args[0] in _WRITES and reply is not None:
            self._behind.append((args, now_ms))
            if len(self._behind) > REPLICA_BEHIND_MAX:
                self._replicate()
        if args[0] in _WAKES:
            self.wake()
        return reply

    def wake(self) -> None:
        """Wake blocking reads, so that they check for entries."""
        self._changed.set()
        self._changed = asyncio.Event()

    def cut_off(self) -> None:
        """Become unreachable; a blocking read fails."""
        self.reachable = False
        self._connections += 1
        self.wake()

    def flush(self) -> None:
        """Lose all data, of the replica too."""
        self.store, self._replica = Store(), Store()
        self._behind.clear()
        self.wake()

    def fail_over(self, lost_writes: int) -> int:
        """Let the replica take over. Returns the number of writes that it never received."""
        while len(self._behind) > lost_writes:
            self._replicate()
        lost = len(self._behind)
        self._behind.clear()
        self.store, self._replica = self._replica, Store()
        self._replica.streams.keys = copy.deepcopy(self.store.streams.keys)
        self._connections += 1
        self.wake()
        return lost

    def _replicate(self) -> None:
        args, at_ms = self._behind.popleft()
        self._replica.execute(args, at_ms)

    def _refuse_if_cut_off(self, process: Process, name: str, share: float) -> None:
        if not self.reachable or self._machine.dice.random() < share:
            self._machine.note(process.name, f"redis {name}: connection reset")
            raise exceptions.ConnectionError("Connection reset by peer")

    async def _execute_and_wait(self, process: Process, args: Args) -> Any:
        """Execute. A blocking read waits for entries, its timeout, or the end of its connection."""
        reply = self.execute(args)
        if reply is not None or args[0] != b"XREADGROUP" or b"BLOCK" not in args:
            return reply
        loop, connections = self._machine.loop, self._connections
        until = loop.time() + int(args[list(args).index(b"BLOCK") + 1]) / 1_000
        while reply is None and loop.time() < until:
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            except TimeoutError:
                return None
            if self._connections != connections:
                raise exceptions.ConnectionError("Connection closed by server.")
            if process.alive:  # a paused process finds its entries when it goes on
                reply = self.execute(args)
        return reply


class SimulatedRedis(Redis):
    """The client of redis-py, with the model in place of the socket."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(protocol=2)
        self.server = server

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command."""
        reply = await self.server.call(current(), to_args(args))
        return _parsed(self.response_callbacks, args[0], reply, options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Make a pipeline to the same server."""
        return _SimulatedPipeline(self, transaction)


class _SimulatedPipeline(Pipeline):
    def __init__(self, client: SimulatedRedis, transaction: bool) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, None)
        self._server = client.server

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Run the commands in order, all at once in a transaction and one by one otherwise."""
        replies: list[Any] = []
        process = current()
        for number, (args, options) in enumerate(self.command_stack):
            try:
                if self.is_transaction and number:
                    reply = self._server.execute(to_args(args))
                else:
                    reply = await self._server.call(process, to_args(args))
                replies.append(_parsed(self.response_callbacks, args[0], reply, options))
            except ResponseError as error:
                if raise_on_error:
                    raise
                replies.append(error)
        self.command_stack.clear()
        return replies


def to_args(args: Sequence[Any]) -> list[bytes]:
    """Encode a command as redis-py does; `XINFO GROUPS` is one argument there."""
    words = [*str(args[0]).split(), *args[1:]]
    return [word if isinstance(word, bytes) else str(word).encode() for word in words]


def _parsed(
    callbacks: Mapping[Any, Any], command: Any, reply: Any, options: Mapping[str, Any]
) -> Any:
    """Convert a reply as redis-py does."""
    rest = {name: value for name, value in options.items() if name != "keys"}
    return callbacks[command](reply, **rest) if command in callbacks else reply


def _short(reply: Any) -> str:
    """Return a short form of a reply for the trace."""
    if isinstance(reply, list):
        return f"{len(reply)} parts"
    return reply.decode() if isinstance(reply, bytes) else str(reply)
