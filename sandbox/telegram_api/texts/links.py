"""Addresses in links and buttons, written as Telegram writes them."""

import re
from urllib.parse import SplitResult, urlsplit

__all__ = ["WRONG_PROTOCOL", "LinkError", "checked_link", "mentioned_user"]

HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+", re.ASCII)
WRONG_PROTOCOL = "Unsupported URL protocol"
MENTION = re.compile(r"tg://user/?\?id=(\d{1,19})", re.IGNORECASE)


class LinkError(ValueError):
    """No link that Telegram takes; the text is the reason in Telegram's words."""


def mentioned_user(url: str) -> int | None:
    """Return the id in a link to a member, like tg://user?id=1001."""
    found = MENTION.fullmatch(url.strip())
    return int(found.group(1)) if found else None


def checked_link(url: str) -> str:
    """Return the address as Telegram stores it, with scheme and path. Raises LinkError."""
    url = url.strip()
    if re.match(r"(?:tg|ton|tonsite)://?\S", url, re.IGNORECASE):
        return url
    if not re.match(r"[A-Za-z][\w+.-]*://", url):
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise LinkError("Wrong HTTP URL") from error
    if parts.scheme not in ("http", "https"):
        raise LinkError(WRONG_PROTOCOL)
    if not _is_host(parts) or port == 0 or re.search(r"\s", url):
        raise LinkError("Wrong HTTP URL")
    address = parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/")
    return address.geturl()


def _is_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        return False
    return ":" in host or HOST.fullmatch(host) is not None
