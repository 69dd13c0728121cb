"""The address of Postgres, checked before any library reads it.

A library reads a password with an unescaped character as a part of the host, the port or the
database's name, and shows it in its error. So an address is refused here first, without repeating
any part of it.
"""

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import DbError

LOOKS_LIKE: Final = "it must look like postgresql://user:password@host:5432/name"
ENCODE_HINT: Final = "in a password write / ? # @ % [ and ] as %2F %3F %23 %40 %25 %5B and %5D"
_SCHEME: Final = re.compile(r"postgres(?:ql)?://")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: A name, an IPv4 address, a socket's folder (%2Fvar%2Frun) or [an IPv6 address], and a port.
_PLACE: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.%~-]*)(?::([0-9]{1,5}))?")
_PORT_MAX: Final = 65_535
#: Options whose values are secrets.
_SECRET_OPTIONS: Final = ("password", "sslpassword")
_HIDDEN: Final = "***"


class BadDatabaseUrl(DbError):
    """The address of Postgres cannot be read. Correct DATABASE_URL; trying again does not help.

    The text never repeats any part of the address, because the password may be in any part of a
    mistyped one.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"DATABASE_URL cannot be read: {what}; {LOOKS_LIKE}; {ENCODE_HINT}")


def check(url: str) -> None:
    """Refuse an address that a library would misread, or would show in an error with its password.

    Raises:
        BadDatabaseUrl: with a sentence that says what to correct.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise BadDatabaseUrl("it does not begin with postgresql://")
    if any(mark.isspace() or not mark.isprintable() for mark in url):
        raise BadDatabaseUrl("it holds a space, a line break or a control character")
    if "#" in url:
        raise BadDatabaseUrl("it holds a bare #")
    if _BAD_ESCAPE.search(url):
        raise BadDatabaseUrl("it holds a % that is not followed by two hexadecimal digits")
    try:
        urlsplit(url)  # as asyncpg does, which takes any bracket for one of an IPv6 address
    except ValueError:
        raise BadDatabaseUrl("it holds a bare [ or ]") from None
    rest, _, query = url[scheme.end() :].partition("?")
    authority, _, name = rest.partition("/")
    if authority.count("@") > 1 or "@" in name or "@" in query:
        raise BadDatabaseUrl("it holds a bare / ? or @")
    for place in authority.rpartition("@")[2].split(","):
        found = _PLACE.fullmatch(place)
        if found is None or int(found[1] or 1) not in range(1, _PORT_MAX + 1):
            raise BadDatabaseUrl("its host or port is unreadable")
    if query and not all("=" in option for option in query.split("&")):
        raise BadDatabaseUrl("an option after its ? has no value")


def hide_password(text: str, url: str) -> str:
    """Return a library's text about an address that `check` accepted, without its password."""
    parts = urlsplit(url)
    options = parse_qsl(parts.query)
    secrets = [parts.password or "", *(text for name, text in options if name in _SECRET_OPTIONS)]
    for secret in filter(None, [*secrets, *map(unquote, secrets)]):
        text = text.replace(secret, _HIDDEN)
    return text
