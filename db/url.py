"""The address of Postgres, checked before any library reads it.

A library reads a password with an unescaped character as a part of the host, the port or the
database's name, and shows it in its error. So an address is refused here first, without repeating
any part of it.
"""

import re
import ssl
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import DbError

LOOKS_LIKE: Final = "it must look like postgresql://user:password@host:5432/name"
ENCODE_HINT: Final = "in a password write / ? # @ % [ and ] as %2F %3F %23 %40 %25 %5B and %5D"
_SCHEME: Final = re.compile(r"postgres(?:ql)?://")
#: Schemes of other databases, and schemes with which SQLAlchemy names a driver. They hold no
#: secret, so the error may name them.
_OTHER_SCHEME: Final = re.compile(r"(mysql|mariadb|sqlite|mongodb|redis)(?:\+\w+)?:")
_WITH_DRIVER: Final = re.compile(r"postgres(?:ql)?\+\w+://")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: A name, an IPv4 address, a socket's folder (%2Fvar%2Frun) or [an IPv6 address], and a port.
_PLACE: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.%~-]*)(?::([0-9]{1,5}))?")
_PORT_MAX: Final = 65_535
UNFIT_OPTION: Final = "an option after its ? is unknown or has an unfit value"
#: Options whose values are secrets.
_SECRET_OPTIONS: Final = ("password", "sslpassword")
_HIDDEN: Final = "***"
#: Options of other clients that change nothing here. Each of our statements has a time limit, so a
#: connection whose network died is noticed without TCP's keepalives.
_WITHOUT_EFFECT: Final = (
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    "tcp_user_timeout",
)
#: Options that ask for a protection which asyncpg does not have. Only `require` insists on it.
_PROTECTIONS: Final = {
    "channel_binding": "use sslmode=verify-full, which protects as well, and leave it out",
    "gssencmode": "use sslmode=require instead, and leave it out",
}
_PREFERENCES: Final = ("disable", "prefer")
_YES_OR_NO: Final = {"true": True, "1": True, "false": False, "0": False}
_TARGET: Final = "target_session_attrs"


class BadDatabaseUrl(DbError):
    """The address of Postgres cannot be read. Correct the setting; trying again does not help.

    The text never repeats any part of the address, because the password may be in any part of a
    mistyped one.
    """

    def __init__(
        self,
        what: str,
        *,
        setting: str = "DATABASE_URL",
        hints: tuple[str, ...] = (LOOKS_LIKE, ENCODE_HINT),
    ) -> None:
        super().__init__("; ".join((f"{setting} cannot be read: {what}", *hints)))


class Address(NamedTuple):
    """An address as clients of Postgres take it."""

    hosts: tuple[str, ...]
    """One address for each host, in order, without options that only some clients know."""
    connect_timeout_s: float | None
    """The option `connect_timeout`: seconds for one attempt to connect to one host."""
    is_pooled: bool
    """The option `pgbouncer`: a pooler stands there, which lends connections to transactions."""


def read(url: str, *, setting: str = "DATABASE_URL") -> Address:
    """Read an address.

    Of several hosts, one that takes writes is wanted, unless `target_session_attrs` asks for
    another.

    Raises:
        BadDatabaseUrl: with a sentence that says what to correct, in the setting of this name.
    """
    check(url, setting=setting)
    timeout_s, is_pooled, kept = None, False, []
    parts = urlsplit(url)
    try:
        for option in filter(None, parts.query.split("&")):
            name, _, value = option.partition("=")
            if name == "connect_timeout":
                timeout_s = _seconds(value)
            elif name == "pgbouncer":
                is_pooled = _yes_or_no(name, value)
            elif name in _PROTECTIONS:
                _refuse_requirement(name, value)
            elif name not in _WITHOUT_EFFECT:
                kept.append(option)
    except ValueError as error:  # it names the option, so no hints are needed
        raise BadDatabaseUrl(str(error), setting=setting, hints=()) from None
    _check_files(kept, setting)
    login, at, places = parts.netloc.rpartition("@")
    hosts = places.split(",")
    if len(hosts) > 1 and not any(option.startswith(f"{_TARGET}=") for option in kept):
        kept.append(f"{_TARGET}=read-write")
    query = "&".join(kept)
    urls = [parts._replace(netloc=f"{login}{at}{one}", query=query).geturl() for one in hosts]
    return Address(tuple(urls), timeout_s, is_pooled)


def _check_files(options: list[str], setting: str) -> None:
    """Refuse files of certificates that cannot be read, which asyncpg takes for an outage.

    The error names the option, and not the file: a mistyped address may hold the password anywhere.
    """
    named = {name: unquote(value) for name, _, value in (one.partition("=") for one in options)}
    certificate = named.get("sslcert")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        option = "sslrootcert"
        if file := named.get(option):
            context.load_verify_locations(cafile=file)
        option = "sslcert or sslkey"
        if certificate:
            context.load_cert_chain(
                certificate, named.get("sslkey"), named.get("sslpassword") or ""
            )
    except (OSError, ValueError) as error:
        why = "holds nothing of the kind in PEM"
        if isinstance(error, FileNotFoundError):
            why = "does not exist"
        elif isinstance(error, PermissionError):
            why = "may not be read by this user"
        hint = ""
        if named.get("sslrootcert") == "system":
            hint = "; asyncpg knows no word system: name the CAs of the machine, such as"
            hint += " /etc/ssl/certs/ca-certificates.crt"
        raise BadDatabaseUrl(
            f"{option} names a file that {why}{hint}", setting=setting, hints=()
        ) from None


def _seconds(value: str) -> float | None:
    """Read `connect_timeout` as libpq does: whole seconds, and 0 for its default."""
    if not (value.isascii() and value.isdigit()):
        raise ValueError("connect_timeout must be a number of whole seconds")
    return float(value) or None


def _yes_or_no(name: str, value: str) -> bool:
    if value not in _YES_OR_NO:
        raise ValueError(f"{name} must be true or false")
    return _YES_OR_NO[value]


def _refuse_requirement(name: str, value: str) -> None:
    if value == "require":
        raise ValueError(f"{name}=require asks for what asyncpg cannot do; {_PROTECTIONS[name]}")
    if value not in _PREFERENCES:
        raise ValueError(f"{name} must be disable, prefer or require")


def check(url: str, *, setting: str = "DATABASE_URL") -> None:
    """Refuse an address that a library would misread, or would show in an error with its password.

    Raises:
        BadDatabaseUrl: with a sentence that says what to correct, in the setting of this name.
    """
    if problem := _problem(url):
        raise BadDatabaseUrl(problem, setting=setting)


def _problem(url: str) -> str | None:
    scheme = _SCHEME.match(url)
    if scheme is None:
        return _unfit_scheme(url)
    if any(mark.isspace() or not mark.isprintable() for mark in url):
        return "it holds a space, a line break or a control character"
    if "#" in url:
        return "it holds a bare #"
    if _BAD_ESCAPE.search(url):
        return "it holds a % that is not followed by two hexadecimal digits"
    try:
        urlsplit(url)  # as asyncpg does, which takes any bracket for one of an IPv6 address
    except ValueError:
        return "it holds a bare [ or ]"
    rest, _, query = url[scheme.end() :].partition("?")
    authority, _, name = rest.partition("/")
    if authority.count("@") > 1 or "@" in name or "@" in query:
        return "it holds a bare / ? or @"
    for place in authority.rpartition("@")[2].split(","):
        found = _PLACE.fullmatch(place)
        if found is None or int(found[1] or 1) not in range(1, _PORT_MAX + 1):
            return "its host or port is unreadable"
    if query and not all("=" in option for option in query.split("&")):
        return "an option after its ? has no value"
    return None


def place(url: str) -> str:
    """Return host and port of an address that `check` accepted, fit to show.

    Empty if there is no login before them: the part may be a login without its @ then.
    """
    login, _, named = urlsplit(url).netloc.rpartition("@")
    return unquote(named) if login else ""


def what_to_see(url: str) -> str:
    """Return the advice for an address at which no Postgres serves us. Pure."""
    is_plain = "sslmode=disable" in urlsplit(url).query.split("&")
    return (
        "; see that it runs, and that host, port, user, password and name are right"
        + is_plain * ", and that it takes connections without TLS, which sslmode=disable asks for"
    )


def _unfit_scheme(url: str) -> str:
    """Say what is wrong with the beginning of an address. Pure."""
    if other := _OTHER_SCHEME.match(url):
        return f"it begins with {other[1]}:, and twinstream needs Postgres"
    if _WITH_DRIVER.match(url):
        return "it names a driver of SQLAlchemy, so write postgresql:// without the + and its word"
    return "it does not begin with postgresql://"


def hide_password(text: str, url: str) -> str:
    """Return a library's text about an address that `check` accepted, without its password."""
    parts = urlsplit(url)
    options = parse_qsl(parts.query)
    secrets = [parts.password or "", *(text for name, text in options if name in _SECRET_OPTIONS)]
    for secret in filter(None, [*secrets, *map(unquote, secrets)]):
        text = text.replace(secret, _HIDDEN)
    return text
