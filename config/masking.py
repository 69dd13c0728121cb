"""Masking: hides secrets in addresses that people see, and in lines of a log."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

HIDDEN: Final = "***"
#: A shorter secret is part of many words; hiding it everywhere would reveal it.
SECRET_LENGTH_MIN: Final = 8

#: The scheme; the login up to the last @, because a password may hold an unescaped @; and the rest.
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:(.*)@)?([^@]*)", re.DOTALL)


def mask_url(url: str) -> str:
    """Return an address in a form fit to show: with its user, without password and options."""
    found = _URL.fullmatch(url)
    if found is None:
        return HIDDEN
    scheme, login, rest = found.groups()
    place = rest.partition("?")[0]
    if login is None:
        return f"{scheme}://{place}"
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{colon and colon + HIDDEN}@{place}"


def secrets_in(url: str) -> set[str]:
    """Return the passwords in an address, even in a mistyped one, as written and unescaped.

    A password that equals the user's name is left out: it is no secret.
    """
    found = _URL.fullmatch(url)
    if found is None:
        return set()
    _, login, rest = found.groups()
    user, _, password = (login or "").partition(":")
    options = parse_qsl(rest.partition("?")[2])
    named = [value for name, value in options if name.endswith("password")]
    return {password, unquote(password), *named} - {user, ""}


def masking(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that hides these secrets in a text, in every spelling of them."""
    spellings = {secret for secret in secrets if len(secret) >= SECRET_LENGTH_MIN}
    for _ in range(2):  # an error quotes the secret, and the log line quotes the error
        spellings = set().union(*map(_spellings, spellings))
    if not spellings:
        return lambda text: text
    longest_first = sorted(spellings, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return lambda text: pattern.sub(HIDDEN, text)


def _spellings(secret: str) -> set[str]:
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }
