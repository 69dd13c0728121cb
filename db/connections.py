"""Connections to Postgres: directly or through a pooler, to the host that takes writes.

A pooler in transaction mode, such as PgBouncer, lends a connection of Postgres for one transaction.
It refuses most settings at the start of a connection, and the next transaction does not find the
statements that an earlier one prepared. So nothing may last longer than a transaction there.
"""

from typing import Any, Final

import asyncpg

from .release_number import SERIES
from .url import Address

#: Seconds for one statement. Ours take milliseconds, so a statement that takes longer waits for a
#: lock, or for a server that is gone.
COMMAND_TIMEOUT_S: Final = 30.0
#: Seconds for one attempt to connect.
CONNECT_TIMEOUT_S: Final = 10.0
#: The same where the address names several hosts. A bot's answer waits 5 s for a connection, and a
#: host whose machine is gone must leave time for the next one.
HOST_TIMEOUT_S: Final = 2.0
#: Seconds after which Postgres ends a transaction whose process sends nothing. Otherwise a process
#: that was paused, or whose machine is gone, would keep its locks for hours.
IDLE_IN_TRANSACTION_TIMEOUT_S: Final = 60
#: The setting by which a direct connection is known: a pooler refuses it or ignores it.
IDLE_IN_TRANSACTION_TIMEOUT: Final = "idle_in_transaction_session_timeout"

#: Milliseconds that work on many rows waits for one that another transaction holds. It is longer
#: than Postgres takes to find a deadlock (1 s), and short enough for what waits behind.
LOCK_WAIT_MS: Final = 2_000
#: Milliseconds that each further attempt waits: a lock that was held for the first wait is rarely
#: released a moment later.
LOCK_WAIT_AGAIN_MS: Final = 50

#: A host with one of these errors is passed over. A refused password is an answer.
_NEXT_HOST: Final = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,  # it accepts connections and closes them, as proxies do
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
)


class Connector:
    """Connects as one process of ours; asyncpg's pool calls it for each connection."""

    def __init__(
        self,
        address: Address,
        name: str,
        *,
        is_pooled: bool,
        connect_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        """`name` is that of the process or its part, as `pg_stat_activity` shows it."""
        self._hosts = list(address.hosts)
        default_s = connect_s if len(self._hosts) == 1 else min(connect_s, HOST_TIMEOUT_S)
        self._timeout_s = address.connect_timeout_s or default_s
        settings = {"application_name": f"twinstream/{SERIES}/{name}", "timezone": "UTC"}
        self._options: dict[str, Any] = {"server_settings": settings}
        if is_pooled:
            self._options["statement_cache_size"] = 0
        else:
            settings[IDLE_IN_TRANSACTION_TIMEOUT] = f"{IDLE_IN_TRANSACTION_TIMEOUT_S}s"
            # A login or a database may have another default.
            settings["default_transaction_isolation"] = "read committed"

    @property
    def host(self) -> str:
        """The address of the host that answered last."""
        return self._hosts[0]

    async def __call__(self, *_: object, **more: Any) -> asyncpg.Connection:
        """Connect to the host that answered last, or else to the first that serves.

        asyncpg's pool passes an address of its own, which is ignored.

        Raises: asyncpg's errors; if no host serves, that of the last one.
        """
        unfit: BaseException | None = None
        for host in list(self._hosts):
            try:
                conn = await asyncpg.connect(
                    host,
                    timeout=self._timeout_s,
                    **{"command_timeout": COMMAND_TIMEOUT_S, **self._options, **more},
                )
            except _NEXT_HOST as error:
                unfit = error
            except asyncpg.PostgresError:
                self._prefer(host)
                raise
            else:
                self._prefer(host)
                return conn
        assert unfit is not None
        raise unfit

    def _prefer(self, host: str) -> None:
        self._hosts.remove(host)
        self._hosts.insert(0, host)


def is_read_only(conn: asyncpg.Connection) -> bool:
    """Tell whether the server takes no writes on this connection, as it reported last. Pure.

    Postgres reports it at the start, and after each statement that follows a change.
    """
    reported = conn.get_settings()
    names = ("in_hot_standby", "default_transaction_read_only")
    return any(getattr(reported, name, "off") == "on" for name in names)


def is_refused_by_pooler(error: asyncpg.PostgresError) -> bool:
    """Tell whether a pooler refused a setting that `Connector` asks a direct connection for."""
    return isinstance(error, asyncpg.ProtocolViolationError) and (
        IDLE_IN_TRANSACTION_TIMEOUT in str(error) or "default_transaction_isolation" in str(error)
    )


async def is_direct(conn: asyncpg.Connection) -> bool:
    """Tell whether the settings of `Connector` are in effect, so that no pooler ignored them."""
    # Without a name: behind a pooler, another process's statement may have the same name.
    asked = await conn.prepare(
        "SELECT current_setting($1)::interval = make_interval(secs => $2)", name=""
    )
    found: bool = await asked.fetchval(IDLE_IN_TRANSACTION_TIMEOUT, IDLE_IN_TRANSACTION_TIMEOUT_S)
    return found


async def limit_lock_waits(conn: asyncpg.Connection, lock_wait_ms: int) -> None:
    """Let no statement of this transaction wait longer than this for a lock."""
    await conn.execute(f"SET LOCAL lock_timeout = {lock_wait_ms}")
