"""TLS to Redis: the file of its CA, checked early, and what a failed connection may mean."""

import ssl
from collections.abc import Callable, Mapping
from typing import Final

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import TimeoutError as NoAnswer

from .errors import BadRedisUrl

_IF_NONE: Final = (
    "if its port does not speak TLS, name the port that does, or write redis:// in REDIS_URL"
)


def check_files(options: Mapping[str, object]) -> None:
    """Refuse files of certificates that cannot be read, which redis-py would take for an outage.

    Raises:
        BadRedisUrl: names the option, but not the file, as no part of the URL is repeated.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file := options.get("ssl_ca_certs"):
        _check("ssl_ca_certs", lambda: context.load_verify_locations(cafile=str(ca_file)))
    if certificate := options.get("ssl_certfile"):
        key = options.get("ssl_keyfile")
        password = options.get("ssl_password")
        _check(
            "ssl_certfile or ssl_keyfile",
            lambda: context.load_cert_chain(
                str(certificate), str(key) if key else None, str(password) if password else ""
            ),
        )


class _Explaining(Connection):
    """Says more of a connection that Redis did not accept than redis-py does."""

    silent: str
    closed: str

    async def connect(self) -> None:
        try:
            await super().connect()  # type: ignore[no-untyped-call]
        except NoAnswer as error:
            raise NoAnswer(self.silent) from error
        except LostConnection as error:
            if type(error) is LostConnection and "closed by server" in str(error):
                raise LostConnection(self.closed) from error
            raise


class TlsConnection(_Explaining, SSLConnection):
    """A connection by TLS. A server without it waits for more, or closes the connection."""

    silent = f"Redis did not answer in time to the TLS handshake: {_IF_NONE}"
    closed = f"Redis closed the connection at once: {_IF_NONE}"


class PlainConnection(_Explaining):
    """A connection without TLS. A server that wants TLS closes it at the first command."""

    silent = "Redis did not answer in time"
    closed = (
        "Redis closed the connection at once: if its port speaks TLS, write rediss:// in REDIS_URL"
    )


def _check(option: str, load: Callable[[], object]) -> None:
    try:
        load()
    except FileNotFoundError:
        why = "names a file that does not exist"
    except PermissionError:
        why = "names a file that this user may not read"
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        why = "names a file that holds nothing of the kind in PEM"
    else:
        return
    raise BadRedisUrl(f"{option} of the Redis URL {why}")
