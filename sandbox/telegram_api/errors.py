"""The errors that a bot receives, in Telegram's words."""

import math

__all__ = ["ApiError", "bad_request", "flood", "forbidden", "moved"]


class ApiError(Exception):
    """A refused call: HTTP `status`, `description`, and what Telegram adds for a client.

    `retry_after` are the seconds to wait for a flood limit, `migrate_to_chat_id` is the new id of
    a group.
    """

    def __init__(
        self,
        status: int,
        description: str,
        *,
        retry_after: float | None = None,
        migrate_to_chat_id: int | None = None,
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        # Telegram sends whole seconds, and clients read 0 as "no wait given".
        self.migrate_to_chat_id = migrate_to_chat_id
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))


def bad_request(detail: str) -> ApiError:
    """Return a 400, the answer to most mistakes."""
    return ApiError(400, f"Bad Request: {detail}")


def forbidden(detail: str) -> ApiError:
    """Return a 403: the person or group has blocked or removed the bot, or never contacted it."""
    return ApiError(403, f"Forbidden: {detail}")


def flood(wait: float) -> ApiError:
    """Return a 429 with `wait` rounded up to whole seconds."""
    seconds = max(1, math.ceil(wait))
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def moved(chat_id: int) -> ApiError:
    """Return the 400 for a group that has another id since it became a supergroup."""
    wording = "Bad Request: group chat was upgraded to a supergroup chat"
    return ApiError(400, wording, migrate_to_chat_id=chat_id)
