"""The check that keeps other pages of the same browser, and other programs, from the page.

The page can kill processes and change the record, so all but its own files needs its token. It is
stricter than the sandbox's: there is one host, and programs need the token too.
"""

import secrets
from collections.abc import Mapping

__all__ = ["TOKEN_HEADER", "refusal"]

#: The header in which the modules of the chats send a token. The page sends its own in it.
TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105 - the header's name


def refusal(headers: Mapping[str, str], *, host: str, token: str, public: bool) -> str | None:
    """Return why a request is refused, or None if it may go on.

    `host` is the only one that the server answers to: a foreign name that was rebound to loopback
    is another one. `public` files need no token.
    """
    if headers.get("Host") != host:
        return f"this page is at http://{host}/ only; open it by the printed address"
    if headers.get("Origin") not in (None, f"http://{host}"):
        return "a page of another origin may not use this one"
    if headers.get("Sec-Fetch-Site") not in (None, "same-origin", "none"):
        return "a page of another origin may not use this one"
    if public:
        return None
    # Bytes that are no UTF-8 arrive as surrogates.
    given = headers.get(TOKEN_HEADER, "").encode(errors="surrogateescape")
    if not secrets.compare_digest(given, token.encode()):
        return "this needs the token of the page: open the address that was printed"
    return None
