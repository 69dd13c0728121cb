"""A real Postgres, to which calls are made one at a time, in an order that the seed decides.

asyncpg runs on an inner event loop, which runs only during a call. For the simulation a call takes
no time and nothing else happens meanwhile, so the same seed sends the same statements in the same
order. A statement that waits for a lock is set aside. The simulation goes on, and checks after
every other statement whether the waiting one has got its lock.

Two things the seed does not decide. The end of a transaction may grant the locks of two statements
at once: Postgres then runs them side by side, and ids may be given out in either order. And rows of
an UPDATE come back in the order of its plan, which follows what Postgres knows of the tables.

Postgres uses the simulation's clock: our own schema, which precedes pg_catalog in the search path,
defines `now()` and similar functions, and every statement sets their time.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import asyncpg

from db.sessions.notifications import CHANNEL

from .clock import EPOCH_MS
from .database_clock import replacement

#: Seconds without an answer after which the monitor checks whether the statement waits for a lock.
LOOK_S = 0.002
# Nothing else runs meanwhile. So a statement that waits for itself, through others that wait, is
# about to be ended by the check for deadlocks, however long the machine takes to make it.
_WAITS = """
    WITH RECURSIVE ahead (pid) AS (
        SELECT unnest(pg_blocking_pids($1))
        UNION
        SELECT unnest(pg_blocking_pids(ahead.pid)) FROM ahead
    )
    SELECT count(*) > 0 AND bool_and(pid <> $1) FROM ahead
"""
CONNECTIONS_MAX = 40

T = TypeVar("T")

_SETTINGS = {
    "application_name": "twinstream/simulation",
    "timezone": "UTC",
    "synchronous_commit": "off",
    "jit": "off",
    "deadlock_timeout": "1ms",  # nothing waits for a machine that finds a deadlock later
    "search_path": "simulation, pg_catalog, twinstream",
}
_CLOCK = f"""
    CREATE SCHEMA IF NOT EXISTS simulation;
    CREATE OR REPLACE FUNCTION simulation.now() RETURNS timestamptz LANGUAGE sql STABLE AS
        $$ SELECT to_timestamp(current_setting('simulation.now_ms')::float8 / 1000) $$;
    {replacement("simulation")}
    -- Each account has a name from the start, so that announcements can be read back.
    CREATE OR REPLACE FUNCTION simulation.name_account() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.display_name := 'm' || NEW.account_id;
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER simulation_names BEFORE INSERT ON twinstream.accounts
    FOR EACH ROW WHEN (NEW.account_id > 0) EXECUTE FUNCTION simulation.name_account();
    -- Whether an entry or a link came first: times of two transactions do not say it, because one
    -- that waited for the other may have begun before it.
    CREATE TABLE IF NOT EXISTS simulation.links_made (
        link_id bigint PRIMARY KEY, last_entry bigint NOT NULL
    );
    CREATE OR REPLACE FUNCTION simulation.note_link() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO simulation.links_made
        SELECT NEW.id, coalesce(max(t.id), 0) FROM twinstream.transactions AS t;
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER simulation_links AFTER INSERT ON twinstream.links
    FOR EACH ROW EXECUTE FUNCTION simulation.note_link();
"""  # noqa: S608 - the clock's own statements


class Backend:
    """One real connection, and its statement that waits for a lock."""

    def __init__(self, conn: asyncpg.Connection, pid: int) -> None:
        self.conn = conn
        self.pid = pid
        self.waiting: asyncio.Task[Any] | None = None

    def is_busy(self) -> bool:
        """Tell whether a statement waits for a lock, or a transaction is open."""
        is_waiting = self.waiting is not None and not self.waiting.done()
        return is_waiting or bool(self.conn.is_in_transaction())


class Lock:
    """A statement that waits for a lock; `done` is set once it has ended."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class RealPostgres:
    """The server, shared by all runs of a process. Close it after the last run."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._loop = asyncio.new_event_loop()
        self._idle: list[Backend] = []
        self._locks: list[Lock] = []
        #: Connections whose next commit may notify.
        self._notifying: list[Backend] = []
        self._notifications = 0
        #: Called once after a commit that notified.
        self.on_notification: Callable[[], None] = lambda: None
        #: Returns the virtual time, in milliseconds since 1970.
        self.now_ms: Callable[[], int] = lambda: EPOCH_MS
        self._monitor: asyncpg.Connection = self._await(self._connect())
        self.execute(_CLOCK)
        self._await(self._monitor.add_listener(CHANNEL, self._count_notification))

    def close(self) -> None:
        """Close every connection."""
        for backend in self._idle:
            self._await(backend.conn.close())
        self._await(self._monitor.close())
        self._loop.close()

    def reset(self) -> None:
        """Empty the database, so that every run begins in the same state."""
        self.now_ms = lambda: EPOCH_MS
        self._locks.clear()
        self._notifying.clear()
        names = self.fetch(
            "SELECT quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname = 'twinstream'"
            " AND tablename NOT IN ('schema_migrations', 'contracts') ORDER BY 1"
        )
        tables = ", ".join(f"twinstream.{name}" for (name,) in names)
        # The trigger of the ledger refuses TRUNCATE; a replica's sessions run no triggers.
        self.execute(
            "BEGIN; SET LOCAL session_replication_role = replica;"
            f" TRUNCATE {tables}, simulation.links_made RESTART IDENTITY; COMMIT"
        )
        # Those of the run before came with this answer at the latest.
        self._notifications = 0

    def execute(self, statement: str) -> None:
        """Run a statement outside the simulation."""
        self._await(self._monitor.execute(statement))

    def fetch(self, statement: str, *args: Any) -> list[asyncpg.Record]:
        """Query the database outside the simulation."""
        found: list[asyncpg.Record] = self._await(self._monitor.fetch(statement, *args))
        return found

    def lend(self) -> Backend:
        """Lend a connection."""
        if self._idle:
            return self._idle.pop()
        conn = self._await(self._connect())
        return Backend(conn, conn.get_server_pid())

    def take_back(self, backend: Backend) -> None:
        """Take a connection back; abort its statement and transaction."""
        self.abort(backend)
        self._idle.append(backend)

    def abort(self, backend: Backend) -> None:
        """Cancel a connection's statement and roll back, as the server does at a disconnection."""
        if backend.waiting is None and not backend.conn.is_in_transaction():
            return
        self._locks = [lock for lock in self._locks if lock.backend is not backend]
        self._await(self._abort(backend))
        self._check_locks()
        self._look_for_notifications()

    def begin(
        self,
        backend: Backend,
        call: Callable[[], Coroutine[Any, Any, Any]],
        *,
        needs_time: bool = True,
    ) -> Lock | None:
        """Run one call to its end, or until it waits for a lock, which is then returned.

        A call that cannot ask for the time saves the statement that sets it.
        """
        self._await(self._begin(backend, self._on_time(backend, call) if needs_time else call()))
        if backend.waiting is not None and not backend.waiting.done():
            lock = Lock(backend)
            self._locks.append(lock)
            return lock
        self._check_locks()
        self._look_for_notifications()
        return None

    def result(self, backend: Backend) -> Any:
        """Return the result of the last call, or raise its error."""
        task, backend.waiting = backend.waiting, None
        assert task is not None
        return task.result()

    def expect_notification(self, backend: Backend) -> None:
        """Look for notifications once the transaction of this connection has ended."""
        if backend not in self._notifying:
            self._notifying.append(backend)

    def _look_for_notifications(self) -> None:
        """Pass on what the transactions that have just ended notified.

        Postgres sends notifications to an idle connection at any time, but before the answer to its
        next statement at the latest. So after a statement here, none is left for later.
        """
        going_on = [one for one in self._notifying if one.is_busy()]
        if len(going_on) == len(self._notifying):
            return
        self._notifying = going_on
        self.execute("SELECT 1")
        if self._notifications:
            self._notifications = 0
            self.on_notification()

    def _count_notification(self, *_: object) -> None:
        self._notifications += 1

    def _check_locks(self) -> None:
        """Wake the statements whose locks were granted, in the order of their calls."""
        if not self._locks:
            return
        granted = self._await(self._granted([lock.backend for lock in self._locks]))
        granted_locks = [lock for lock in self._locks if lock.backend in granted]
        self._locks = [lock for lock in self._locks if lock.backend not in granted]
        for lock in granted_locks:
            if not lock.done.done():
                lock.done.set_result(None)

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the inner loop, while the outer loop stands still."""
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return self._loop.run_until_complete(work)
        finally:
            asyncio._set_running_loop(outer)

    # Coroutines of the inner loop.

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._url, server_settings=_SETTINGS | {"simulation.now_ms": str(EPOCH_MS)}
        )

    async def _begin(self, backend: Backend, call: Coroutine[Any, Any, Any]) -> None:
        backend.waiting = asyncio.ensure_future(call)
        await self._goes_on(backend)

    async def _on_time(self, backend: Backend, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        with contextlib.suppress(
            asyncpg.InFailedSQLTransactionError
        ):  # the call fails with the same error
            await backend.conn.execute(f"SET simulation.now_ms = {self.now_ms()}")
        return await call()

    async def _goes_on(self, backend: Backend) -> bool:
        """Return once the statement ended (True) or is known to wait for a lock (False)."""
        assert backend.waiting is not None
        while not backend.waiting.done():
            await asyncio.wait({backend.waiting}, timeout=LOOK_S)
            if not backend.waiting.done() and await self._monitor.fetchval(_WAITS, backend.pid):
                return False
        return True

    async def _granted(self, backends: list[Backend]) -> list[Backend]:
        """Repeat the check, because a statement that ends may release the lock of another one."""
        granted: list[Backend] = []
        while True:
            more = [one for one in backends if one not in granted and await self._goes_on(one)]
            if not more:
                return granted
            granted += more

    async def _abort(self, backend: Backend) -> None:
        if backend.waiting is not None:
            # The signal is there before pg_cancel_backend answers, and Postgres drops a signal
            # that comes between two statements. So a second one does not hit the ROLLBACK.
            while not backend.waiting.done():
                await self._monitor.execute("SELECT pg_cancel_backend($1)", backend.pid)
                await asyncio.wait({backend.waiting}, timeout=LOOK_S)
            backend.waiting.exception()
            backend.waiting = None
        if backend.conn.is_in_transaction():
            await backend.conn.execute("ROLLBACK")
