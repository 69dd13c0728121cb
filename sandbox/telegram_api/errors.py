"""The errors that a bot is answered, worded as Telegram words them."""

import math

__all__ = ["ApiError", "bad_request", "flood", "forbidden"]


class ApiError(Exception):
    """A refused call: HTTP `status`, `description`, and seconds to wait if that is why."""

    def __init__(self, status: int, description: str, *, retry_after: float | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        # Telegram counts whole seconds, and clients take 0 for "no wait named".
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))


def bad_request(detail: str) -> ApiError:
    """400, the answer to most mistakes."""
    return ApiError(400, f"Bad Request: {detail}")


def forbidden(detail: str) -> ApiError:
    """403: the other side does not want this bot, or does not know it yet."""
    return ApiError(403, f"Forbidden: {detail}")


def flood(wait: float) -> ApiError:
    """429: come back in `wait` seconds, rounded up to whole ones."""
    seconds = max(1, math.ceil(wait))
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
