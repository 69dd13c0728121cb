"""The worth of a message: within a range, by a keyed function of the message's key."""

import hashlib
import hmac


def amount(secret: bytes, key: str, least: int, most: int) -> int:
    """Return the amount for a message, the same at every call. Pure.

    Without the secret members cannot tell which messages pay more, and cannot write only those.
    """
    digest = hmac.digest(secret, key.encode(), hashlib.sha256)
    return least + int.from_bytes(digest[:8]) % (most - least + 1)
