"""Redis URLs: one server, a primary that Sentinel watches, or a cluster.

redis://[user:password@]host[:6379][/database]              one server; rediss:// for TLS
unix:///path[?db=0&password=...]                            one server on a socket
redis+sentinel://[user:password@]host[:26379],.../service[/database]
redis+cluster://[user:password@]host[:6379],...

`rediss+sentinel://` and `rediss+cluster://` speak TLS with every server named and found.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import ParseResult, parse_qs, urlencode, urlparse

from redis.asyncio.connection import parse_url

from .errors import BadRedisUrl

Topology = Literal["single", "sentinel", "cluster"]

_SCHEMES: Final[dict[str, Topology]] = {
    "redis": "single",
    "rediss": "single",
    "unix": "single",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_PORTS: Final[dict[Topology, int]] = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")
#: The marks that Sentinel itself allows in a name, apart from letters and digits.
_SERVICE_MARKS: Final = "._-"
#: Everything up to the servers, the servers, and the rest.
_PARTS: Final = re.compile(r"([^:/?#]+://(?:[^/?#]*@)?)([^/?#]*)(.*)", re.DOTALL)
_ENCODE_HINT: Final = "in a password write / ? # @ and % as %2F %3F %23 %40 and %25"


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A Redis URL that passed all checks. Never show it: it holds passwords."""

    topology: Topology
    #: The URL of one server as redis-py reads it, for any topology.
    single: str
    #: The servers named; with Sentinel, the sentinels. Empty for a socket.
    hosts: tuple[tuple[str, int], ...]
    #: The name by which Sentinel knows the primary and its replicas.
    service: str
    #: How to log in to the sentinels, in redis-py's words.
    sentinel_login: dict[str, str]
    address: str

    def options(self) -> dict[str, Any]:
        """User, password, database and TLS options as redis-py takes them, without the server."""
        found = dict(parse_url(self.single))
        for name in ("host", "port", "connection_class"):
            found.pop(name, None)
        return found

    @property
    def tls(self) -> bool:
        """Whether to speak TLS."""
        return self.single.startswith("rediss:")

    @property
    def is_local(self) -> bool:
        """Whether every connection stays on this machine. Sentinels name their hosts later."""
        return self.topology == "single" and all(_is_loopback(host) for host, _ in self.hosts)

    @property
    def is_verified(self) -> bool:
        """Whether Redis must show a certificate of a trusted CA for the host of the address."""
        options = self.options()
        required = str(options.get("ssl_cert_reqs", "required")).lower() == "required"
        return self.tls and required and bool(options.get("ssl_check_hostname", True))


def parse(url: str) -> RedisUrl:
    """Refuse URLs that redis-py would misread silently, or report with the password in the text.

    Raises:
        BadRedisUrl: with one sentence that says what to correct.
    """
    if any(mark.isspace() or not mark.isprintable() for mark in url):
        # Python's parser drops some of them without a word.
        raise BadRedisUrl(
            "the Redis URL holds a space, a line break or a control character; in a password write"
            " a space as %20"
        )
    try:
        parsed, hosts = _taken_apart(url)
    except ValueError:
        raise BadRedisUrl(
            f"the host or port of the Redis URL is unreadable; {_ENCODE_HINT}"
        ) from None
    topology = _SCHEMES.get(parsed.scheme)
    if topology is None:
        raise BadRedisUrl(
            "a Redis URL looks like redis://user:password@host:6379/0 (rediss:// for TLS, "
            "unix:///path for a socket), redis+sentinel://host:26379,host:26379/service/0 "
            "or redis+cluster://host:6379,host:6379"
        )
    if parsed.fragment:
        raise BadRedisUrl(f"the Redis URL holds a bare #; {_ENCODE_HINT}")
    if parsed.scheme == "unix":
        return _socket(parsed, url)
    if not all(host for host, _ in hosts):
        raise BadRedisUrl("the Redis URL names no host")
    if topology == "single" and len(hosts) > 1:
        raise BadRedisUrl(
            "several hosts need redis+sentinel:// or redis+cluster://; redis:// names one"
        )
    service, database = _path(parsed, topology)
    options = _options(parsed, topology)
    named = tuple((host, port or _PORTS[topology]) for host, port in hosts)
    return RedisUrl(
        topology=topology,
        single=_single(parsed, named[0], database, options),
        hosts=named,
        service=service,
        sentinel_login={
            name.removeprefix("sentinel_"): options[name]
            for name in _SENTINEL_OPTIONS
            if name in options
        },
        address=_address(parsed.scheme, named, service, database, topology),
    )


def _taken_apart(url: str) -> tuple[ParseResult, list[tuple[str, int | None]]]:
    """The URL as if it named its first server only, and every server's host and port.

    Each server is parsed alone, because newer patch releases of Python refuse a list with an
    IPv6 address in it as one bad host (python/cpython#105704; in Debian's 3.11.2 as well).

    Raises:
        ValueError: a part is no host and port.
    """
    parts = _PARTS.fullmatch(url)
    before, places, after = parts.groups() if parts else (url, "", "")
    each = [urlparse(f"//{place}") for place in places.split(",")]
    first = places.partition(",")[0]
    return urlparse(before + first + after), [(one.hostname or "", one.port) for one in each]


def _socket(parsed: ParseResult, url: str) -> RedisUrl:
    if not url.lower().startswith("unix:///") or not parsed.path.strip("/"):
        raise BadRedisUrl("a unix:// Redis URL names the path of a socket, as in unix:///run/redis")
    if "=" in parsed.path:  # an option lost its mark, and the path would show its value
        raise BadRedisUrl("an option of a unix:// Redis URL stands behind a ?, as in ?password=...")
    _options(parsed, "single")
    return RedisUrl("single", url, (), "", {}, f"unix://{parsed.path}")


def _path(parsed: ParseResult, topology: Topology) -> tuple[str, str]:
    """The service (Sentinel only) and the database that the path names."""
    service, database = "", parsed.path.strip("/")
    if topology == "sentinel":
        service, _, database = database.partition("/")
        if not service or not all(mark.isalnum() or mark in _SERVICE_MARKS for mark in service):
            raise BadRedisUrl(
                "after its hosts a redis+sentinel:// URL names the service that the sentinels "
                f"watch, as in /mymaster/0; {_ENCODE_HINT}"
            )
    if topology == "cluster" and database not in ("", "0"):
        raise BadRedisUrl(f"a Redis Cluster has no databases but /0; {_ENCODE_HINT}")
    if database and not (database.isascii() and database.isdecimal()):
        raise BadRedisUrl(
            f"after its host the Redis URL names a database by number, as in /0; {_ENCODE_HINT}"
        )
    return service, database or "0"


def _options(parsed: ParseResult, topology: Topology) -> dict[str, str]:
    """Let through only options that cannot undo what `client` sets: in a URL they would win."""
    options = parse_qs(parsed.query, keep_blank_values=True)
    allowed = {
        name
        for name in options
        if (parsed.scheme == "unix" and name in ("db", "password"))
        or (parsed.scheme.startswith("rediss") and name.startswith("ssl_"))
        or (topology == "sentinel" and name in _SENTINEL_OPTIONS)
    }
    if set(options) - allowed:
        raise BadRedisUrl(
            "the Redis URL has an option that is not served: rediss:// takes ssl_ options, "
            "unix:// takes db and password, redis+sentinel:// takes sentinel_username and "
            f"sentinel_password, redis:// and redis+cluster:// take none; {_ENCODE_HINT}"
        )
    return {name: values[0] for name, values in options.items()}


def _single(
    parsed: ParseResult, place: tuple[str, int], database: str, options: dict[str, str]
) -> str:
    """The URL for one server with the same login, database and TLS options."""
    scheme = parsed.scheme.partition("+")[0]
    login = "".join(parsed.netloc.rpartition("@")[:2])
    query = urlencode({name: value for name, value in options.items() if name.startswith("ssl_")})
    return f"{scheme}://{login}{_place(*place)}/{database}" + (f"?{query}" if query else "")


def _address(
    scheme: str,
    hosts: tuple[tuple[str, int], ...],
    service: str,
    database: str,
    topology: Topology,
) -> str:
    places = ",".join(_place(*each) for each in hosts)
    path = {"single": f"/{database}", "sentinel": f"/{service}/{database}", "cluster": ""}
    return f"{scheme}://{places}{path[topology]}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
