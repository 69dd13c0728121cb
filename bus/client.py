"""Redis clients with every setting that matters for streams said aloud.

redis-py 8 repeats a command up to ten times when its answer is lost, which doubles XADD, and gives
up on any answer after 5 s, which breaks blocking reads. Neither default suits a bus: here a lost
answer is an error that the caller sees, and readers have a timeout of their own.
"""

from typing import Final
from urllib.parse import ParseResult, parse_qs, urlparse

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .errors import BadRedisUrl, translated

CONNECT_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 5.0
#: The longest wait for new entries. Servers were seen to overrun it by half, hence the margin.
BLOCK_MS_MAX: Final = 5_000
READER_TIMEOUT_S: Final = BLOCK_MS_MAX / 1_000 + 5.0
#: After this long without traffic a connection is probed before it is trusted with a command.
HEALTH_CHECK_INTERVAL_S: Final = 15.0
CONNECTIONS_MAX: Final = 32
#: How long a call waits for a free connection of the pool.
POOL_WAIT_S: Final = 5.0

_SCHEMES: Final = ("redis", "rediss", "unix")
_ENCODE_HINT: Final = "in a password write / ? # @ and % as %2F %3F %23 %40 and %25"


def connect(url: str, *, name: str) -> Redis:
    """A client for commands that answer at once. Connects on first use; close it with `aclose()`.

    Safe to share between tasks. `name` is what `CLIENT LIST` shows; no spaces.

    Raises:
        BadRedisUrl: with one sentence that says what to correct.
    """
    return _client(url, name=name, timeout_s=COMMAND_TIMEOUT_S)


def connect_reader(url: str, *, name: str) -> Redis:
    """A client for `Reader`, patient enough for reads that block up to `BLOCK_MS_MAX`.

    Raises:
        BadRedisUrl: as `connect`.
    """
    return _client(url, name=name, timeout_s=READER_TIMEOUT_S)


async def ping(redis: Redis) -> None:
    """Return once Redis answers.

    Raises:
        BusUnavailable, AccessDenied: it does not, or not to us.
    """
    with translated():
        await redis.ping()


def address(url: str) -> str:
    """Where the URL leads, fit for a log: without user, password and options.

    Raises:
        BadRedisUrl: as `connect`.
    """
    parsed = _parse(url)
    if parsed.scheme == "unix":
        return f"unix://{parsed.path}"
    host = f"[{parsed.hostname}]" if ":" in (parsed.hostname or "") else parsed.hostname
    return f"{parsed.scheme}://{host}:{parsed.port or 6379}/{parsed.path.strip('/') or 0}"


def _client(url: str, *, name: str, timeout_s: float) -> Redis:
    _parse(url)
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS_MAX,
        timeout=POOL_WAIT_S,
        client_name=name,
        protocol=2,  # RESP3 changes the shape of replies
        decode_responses=False,
        socket_timeout=timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        # Not opened: this only checks the options, which would else fail at the first command.
        pool.make_connection()  # type: ignore[no-untyped-call]
    except (TypeError, ValueError, RedisError):
        # Without the cause: its text holds what was written in the URL.
        raise BadRedisUrl(
            "an ssl_ option of the Redis URL is unknown or has an unfit value"
        ) from None
    return Redis.from_pool(pool)


def _parse(url: str) -> ParseResult:
    """Refuse what redis-py would misread in silence or report with the password in the text."""
    try:
        parsed = urlparse(url)
        _ = parsed.port
    except ValueError:
        raise BadRedisUrl(
            f"the host or port of the Redis URL is unreadable; {_ENCODE_HINT}"
        ) from None
    if parsed.scheme not in _SCHEMES:
        raise BadRedisUrl(
            "a Redis URL looks like redis://user:password@host:6379/0 "
            "(rediss:// for TLS, unix:///path for a socket)"
        )
    if parsed.fragment:
        raise BadRedisUrl(f"the Redis URL holds a bare #; {_ENCODE_HINT}")
    if parsed.scheme == "unix":
        if not parsed.path.strip("/"):
            raise BadRedisUrl("a unix:// Redis URL names the path of a socket")
    elif not parsed.hostname:
        raise BadRedisUrl("the Redis URL names no host")
    elif not _is_database(parsed.path):
        raise BadRedisUrl(
            f"after its host the Redis URL names a database by number, as in /0; {_ENCODE_HINT}"
        )
    _check_options(parsed)
    return parsed


def _is_database(path: str) -> bool:
    number = path.strip("/")
    return not number or (number.isascii() and number.isdecimal())


def _check_options(parsed: ParseResult) -> None:
    """Let through only options that cannot undo what `_client` sets: in a URL they would win."""
    options = parse_qs(parsed.query, keep_blank_values=True)
    if parsed.scheme == "unix":
        allowed = all(option in ("db", "password") for option in options)
    elif parsed.scheme == "rediss":
        allowed = all(option.startswith("ssl_") for option in options)
    else:
        allowed = not options
    if not allowed:
        raise BadRedisUrl(
            "the Redis URL has an option that is not served: rediss:// takes ssl_ options, "
            f"unix:// takes db and password, redis:// takes none; {_ENCODE_HINT}"
        )
