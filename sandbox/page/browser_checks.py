"""The check that keeps other pages of the same browser from the control interface.

A page of another site can send requests to loopback addresses, and by DNS rebinding it can even
read the answers. Programs are recognised by what browsers always send and programs do not.
"""

import ipaddress
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["check_browser", "is_loopback", "safe_host"]

TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105 - the header's name
SAFE_METHODS = frozenset({"GET", "HEAD"})


def check_browser(
    method: str, headers: Mapping[str, str], *, token: str, exposed: bool, public: bool
) -> str | None:
    """Return why a request is refused, or None if it may go on.

    `exposed` says that the server listens beyond loopback; `public` files need no token.
    A request with neither `Origin` nor `Sec-Fetch-Site` comes from a program, or from a page of a
    rebound name, which the `Host` gives away.
    """
    host = headers.get("Host", "")
    if not safe_host(host, exposed=exposed):
        return f"the host {host!r} is no loopback address; open the page by the printed address"
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if origin is not None and origin != f"http://{host}":
        return f"a page of {origin!r} may not use the sandbox"
    if site not in (None, "same-origin", "none"):
        return "a page of another origin may not use the sandbox"
    typed = site == "none" and origin is None and method in SAFE_METHODS
    if public or typed or (origin is None and site is None):
        return None
    # Bytes that are no UTF-8 arrive as surrogates.
    given = headers.get(TOKEN_HEADER, "").encode(errors="surrogateescape")
    if not secrets.compare_digest(given, token.encode()):
        return "this needs the token of the page: open the address that the sandbox printed"
    return None


def safe_host(host: str, *, exposed: bool) -> bool:
    """Tell whether no foreign name server can have led a browser to this `Host`.

    Those are loopback names and addresses. A server that is exposed is known by other addresses
    and by names of one label, as containers have them; no foreign page has such a name.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or is_loopback(name):
        return True
    return exposed and ("." not in name or _is_address(name)) and name != ""


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address, or the name localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
