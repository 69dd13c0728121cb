"""The connection pool given to the code under test, with its faults."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol

import asyncpg

from db.pool import POOL_SIZE_MAX

from .postgres import Backend, RealPostgres
from .simulated_process import Machine, Process, current

#: The timeout of a statement in seconds, as in `db.pool`.
COMMAND_TIMEOUT_S = 30.0
#: Seconds after which the server ends the session of an idle transaction.
IDLE_IN_TRANSACTION_S = 60.0
LOCK_TIMEOUT = re.compile(r"(SET LOCAL lock_timeout =|lock_wait_ms =>) [1-9][0-9]*")
#: Functions that may notify once their transaction commits: they record events, or close windows
#: of earnings.
NOTIFYING = re.compile(
    r"twinstream\.(record|earn|close_|claim|confirm_offer|unlink|undo|move|support|link_accounts"
    r"|give_reward|pay_invites)"
)
_FAIL = "DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'; END $$"
_CODES = {"serialization failure": "40001", "deadlock": "40P01"}


class Listener(Protocol):
    """A connection that is told of notifications."""

    def notify(self) -> None:
        """Send a notification on its way."""

    def terminate(self) -> None:
        """Cut the connection."""


class PostgresServer:
    """The server of one run: whether it is reachable, and how often calls to it fail."""

    def __init__(self, machine: Machine, real: RealPostgres) -> None:
        self.machine = machine
        self.real = real
        self.reachable = True
        self.cut_share = 0.0
        self.reply_lost_share = 0.0
        self.contention_share = 0.0
        #: Edits statements before they are sent; mutants use it.
        self.rewrite: Callable[[str], str] = lambda statement: statement
        self.connections: list[Connection] = []
        self.listeners: list[Listener] = []
        real.on_notification = self._notify

    def cut_off(self) -> None:
        """Become unreachable, and roll back every transaction."""
        self.reachable = False
        for conn in list(self.connections):
            conn.break_off()
        for listener in list(self.listeners):
            listener.terminate()

    def _notify(self) -> None:
        for listener in self.listeners:
            listener.notify()


class Pool:
    """The part of `asyncpg.Pool` that the code under test uses."""

    def __init__(self, server: PostgresServer, process: Process) -> None:
        self._server = server
        self._process = process
        process.on_death.append(self._close_lent)
        self._lent: list[Connection] = []

    @contextlib.asynccontextmanager
    async def acquire(self, *, timeout: float | None = None) -> AsyncIterator["Connection"]:
        """Lend a connection. There is always one, so nobody waits for `timeout` seconds."""
        await self._process.turn()
        if not self._server.reachable:
            raise ConnectionRefusedError("Connect call failed")
        conn = Connection(self._server, self._process)
        self._lent.append(conn)
        try:
            yield conn
        finally:
            self._lent.remove(conn)
            conn.give_back()

    def get_max_size(self) -> int:
        """Say how many connections the producer may count on."""
        return POOL_SIZE_MAX

    async def fetch(self, *args: Any) -> Any:
        """Run a statement on any connection."""
        async with self.acquire() as conn:
            return await conn.fetch(*args)

    async def fetchval(self, *args: Any) -> Any:
        """As `fetch`."""
        async with self.acquire() as conn:
            return await conn.fetchval(*args)

    async def fetchrow(self, *args: Any) -> Any:
        """As `fetch`."""
        async with self.acquire() as conn:
            return await conn.fetchrow(*args)

    async def execute(self, *args: Any) -> Any:
        """As `fetch`."""
        async with self.acquire() as conn:
            return await conn.execute(*args)

    async def close(self) -> None:
        """Do nothing: the pool keeps no connections."""

    def _close_lent(self) -> None:
        for conn in self._lent:
            conn.break_off()


class Connection:
    """The part of `asyncpg.Connection` that the code under test uses."""

    def __init__(self, server: PostgresServer, process: Process) -> None:
        self.server = server
        self.process = process
        self.backend: Backend | None = server.real.lend()
        self.numbers = itertools.count(1)
        server.connections.append(self)

    async def fetch(self, statement: str, *args: Any) -> Any:
        """Run a statement."""
        return await self._statement("fetch", statement, args)

    async def fetchval(self, statement: str, *args: Any) -> Any:
        """Run a statement."""
        return await self._statement("fetchval", statement, args)

    async def fetchrow(self, statement: str, *args: Any) -> Any:
        """Run a statement."""
        return await self._statement("fetchrow", statement, args)

    async def execute(self, statement: str, *args: Any) -> Any:
        """Run a statement."""
        return await self._statement("execute", statement, args)

    async def executemany(self, statement: str, args: Any) -> Any:
        """Run a statement for each of many arguments."""
        return await self._statement("executemany", statement, (args,))

    def transaction(
        self, *, isolation: str | None = "read_committed", readonly: bool = False
    ) -> "Transaction":
        """Begin a transaction, or a savepoint inside one."""
        return Transaction(self, isolation, readonly=readonly)

    def is_in_transaction(self) -> bool:
        """Tell whether a transaction is open."""
        return self.backend is not None and bool(self.backend.conn.is_in_transaction())

    def is_closed(self) -> bool:
        """Tell whether the connection is broken."""
        return self.backend is None

    async def run(
        self,
        label: str,
        call: Callable[[asyncpg.Connection], Coroutine[Any, Any, Any]],
        *,
        needs_time: bool = True,
        may_notify: bool = False,
    ) -> Any:
        """Make one call, which may fail with one of the faults.

        With `may_notify`, the commit of this call's transaction may bring a notification.

        Raises:
            asyncpg.ConnectionDoesNotExistError: the connection broke; the call may have taken
                effect.
            asyncpg.InterfaceError: the connection had broken before.
            asyncpg.PostgresError: the error of the server.
        """
        await self.process.turn()
        self._check_open()
        await self._fail_before(label)
        backend = self._check_open()
        if may_notify:
            self.server.real.expect_notification(backend)
        lock = self.server.real.begin(backend, lambda: call(backend.conn), needs_time=needs_time)
        if lock is not None:
            self._note(f"{label}: waits for a lock")
            await self._wait_for(lock.done, label)
        try:
            result = self.server.real.result(backend)
        except asyncpg.PostgresError as error:
            self._note(f"{label}: {type(error).__name__}")
            await self.process.turn()
            raise
        if self.server.machine.dice.random() < self.server.reply_lost_share:
            self._note(f"{label}: executed, answer lost")
            self.break_off()
        await self.process.turn()
        self._check_open(in_the_middle=True)
        self._note(f"{label} -> {_short(result)}")
        return result

    def break_off(self) -> None:
        """Cut the connection; the server rolls back its open transaction."""
        if self.backend is not None:
            backend, self.backend = self.backend, None
            self.server.connections.remove(self)
            self.server.real.take_back(backend)

    def give_back(self) -> None:
        """Return the connection to the pool, which rolls back an open transaction."""
        self.break_off()

    async def _statement(self, kind: str, statement: str, args: tuple[Any, ...]) -> Any:
        # Postgres would measure it by the machine's clock; locks are waited for in virtual time.
        timeless = LOCK_TIMEOUT.sub(r"\1 0", statement)
        text = self.server.rewrite(timeless)
        return await self.run(
            _label(statement),
            lambda conn: getattr(conn, kind)(text, *args),
            may_notify=NOTIFYING.search(statement) is not None,
        )

    async def _fail_before(self, label: str) -> None:
        dice = self.server.machine.dice
        if not self.server.reachable or dice.random() < self.server.cut_share:
            self._note(f"{label}: connection lost")
            self.break_off()
            self._check_open(in_the_middle=True)
        if self.is_in_transaction() and dice.random() < self.server.contention_share:
            fault, code = dice.choice(list(_CODES.items()))
            self._note(f"{label}: {fault}")
            backend = self._check_open()
            self.server.real.begin(
                backend, lambda: backend.conn.execute(_FAIL.format(code=code)), needs_time=False
            )
            self.server.real.result(backend)

    async def _wait_for(self, done: asyncio.Future[None], label: str) -> None:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                while not done.done():
                    await asyncio.wait({done}, timeout=1.0)
                    self._check_open(in_the_middle=True)
        except TimeoutError:
            self._note(f"{label}: timed out")
            self.break_off()
            raise

    def _check_open(self, *, in_the_middle: bool = False) -> Backend:
        if not self.process.alive:
            raise asyncio.CancelledError
        if self.backend is None:
            if in_the_middle:
                raise asyncpg.ConnectionDoesNotExistError(
                    "connection was closed in the middle of operation"
                )
            raise asyncpg.InterfaceError("connection is closed")
        return self.backend

    def _note(self, what: str) -> None:
        self.server.machine.note(self.process.name, f"postgres {what}")


class Transaction:
    """The part of `asyncpg.transaction.Transaction` that the code under test uses."""

    def __init__(self, conn: Connection, isolation: str | None, *, readonly: bool = False) -> None:
        self._conn = conn
        self._mode = " READ ONLY" if readonly else ""
        self._isolation = isolation or "read_committed"
        self._savepoint = ""

    async def start(self) -> None:
        """Begin the transaction or savepoint."""
        if self._conn.is_in_transaction():
            self._savepoint = f"savepoint_{next(self._conn.numbers)}"
            await self._run(f"SAVEPOINT {self._savepoint}")
        else:
            level = self._isolation.replace("_", " ")
            await self._run(f"BEGIN ISOLATION LEVEL {level}{self._mode}")

    async def commit(self) -> None:
        """Commit the transaction, or release the savepoint."""
        await self._run(f"RELEASE SAVEPOINT {self._savepoint}" if self._savepoint else "COMMIT")

    async def rollback(self) -> None:
        """Roll back the transaction or savepoint."""
        await self._run(f"ROLLBACK TO {self._savepoint}" if self._savepoint else "ROLLBACK")

    async def _run(self, statement: str) -> None:
        # A transaction's deferred checks see the time of its last statement.
        await self._conn.run(statement, lambda real: real.execute(statement), needs_time=False)

    async def __aenter__(self) -> None:
        await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.commit()
        else:
            await self.rollback()


def pool_of_current_process(server: PostgresServer) -> Pool:
    """Open a pool for the calling process."""
    return Pool(server, current())


def _label(statement: str) -> str:
    """Return the first words of a statement."""
    return " ".join(statement.split())[:50]


def _short(result: Any) -> str:
    """Describe a result in the trace. An offer to link has a random code, so it is not shown."""
    if isinstance(result, list):
        return f"{len(result)} rows"
    if isinstance(result, asyncpg.Record) and "token" in result.keys():  # noqa: SIM118
        return "an offer"
    return str(result)
