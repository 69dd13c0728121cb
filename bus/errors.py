"""The errors of the bus, and the one place where redis-py's errors become ours.

Nothing outside this package needs to know `redis.exceptions`.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterError,
    ConnectionError,  # noqa: A004 - the builtin of this name does not match redis-py's errors
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - as above
    TryAgainError,
)

from .tls_texts import handshake_text


class BusError(Exception):
    """Base of everything the bus raises.

    `published` is filled by `Publisher.publish` alone: one item per payload, the entry id of a
    payload that is known to be in the stream, None for one that is not known to be there.
    """

    published: tuple[str | None, ...] = ()


class BadRedisUrl(BusError):
    """The Redis URL cannot be used. Correct the configuration; a retry does not help.

    The text never repeats any part of the URL, because a mistyped URL may have its password in any
    part.
    """


class BusUnavailable(BusError):
    """Redis did not answer, or cannot serve now. Retry later.

    Redis may have executed the command: only the answer is known to be missing.
    """


class BusFull(BusError):
    """Redis is out of memory and took nothing. Retry after a pause: consumers make room."""


class AccessDenied(BusError):
    """Redis refused the credentials, or its ACL refuses the command. An operator must act."""


class CommandRefused(BusError):
    """Redis refused a command for a reason that a retry does not cure.

    The cause may be one entry or one stream, so it must not stop work on another stream.
    """


class ServerUnfit(CommandRefused):
    """Redis does not know a command that the bus needs. An operator must run a newer server."""


class NotAStream(CommandRefused):
    """The key of a stream holds a value of another type, which another program wrote."""

    def __init__(self, stream: str, why: str) -> None:
        super().__init__(
            f"{stream or 'a key of the bus'} is not a stream ({why}): have the other program use"
            " another key, then delete this one, and it is created again"
        )
        self.stream = stream


class StreamExhausted(BusError):
    """The stream holds the largest id there is, so Redis adds nothing to it any more.

    A sender may choose the id of an entry. `repair_stream` creates such a stream again.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} holds the largest id there is and takes no more entries")
        self.stream = stream


class PayloadTooLarge(BusError):
    """A payload is over the limit, and nothing of its batch was sent. Drop or shorten it."""

    def __init__(self, index: int, size_bytes: int, max_bytes: int) -> None:
        super().__init__(f"payload {index} has {size_bytes} bytes, the limit is {max_bytes}")
        self.index = index
        self.size_bytes = size_bytes


class StreamMissing(BusError):
    """The stream does not exist, so Redis lost data. Create the groups, then publish again."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} does not exist")
        self.stream = stream


class GroupMissing(BusError):
    """The group, or its whole stream, does not exist. Create it with `ensure_group`, then go on."""

    def __init__(self, stream: str, group: str, hint: str = "") -> None:
        text = f"group {group} of stream {stream} does not exist"
        super().__init__(f"{text}: {hint}" if hint else text)
        self.stream = stream
        self.group = group


_DENIED = (AuthenticationError, AuthorizationError, NoPermissionError)
_UNAVAILABLE = (
    BusyLoadingError,
    ClusterError,  # the cluster is down, or redirected us in circles
    ConnectionError,
    ReadOnlyError,
    RedisClusterException,  # no node answered, or none serves that slot
    TimeoutError,
    TryAgainError,
    OSError,
)
# redis-py has no class for these. MISCONF: the server refuses writes because it cannot save.
_UNAVAILABLE_CODES = ("MISCONF", "MASTERDOWN", "NOREPLICAS", "LOADING", "BUSY ")
_DENIED_CODES = ("NOAUTH", "NOPERM", "WRONGPASS")
# For a command inside a script: newer servers say the first, Redis 7.0 the others.
_DENIED_SENTENCES = (
    "ACL failure in script",
    "can't run this command",
    "can't access at least one of the keys",
)
# UNBLOCKED: Redis 7.0 says so to a blocked reader whose stream is deleted. Other servers and
# commands answer a missing key with the sentence about XGROUP.
_GROUP_CODES = ("NOGROUP", "UNBLOCKED")
_GROUP_SENTENCE = "requires the key to exist"
_NO_KEY_SENTENCE = "no such key"
# Answers to an XADD with `*`, which is how we add. Servers before 7.0 say the second.
_EXHAUSTED_SENTENCES = ("has exhausted the last possible ID", "smaller than the target stream top")
_UNKNOWN_CODES = (
    "unknown command",
    "unknown subcommand",
    "unknown redis command",  # called from a script
    "wrong number of arguments",
    "syntax error",
)


# redis-py words a failed attempt to connect as "Error 111 connecting to host:6379. Connect ...".
_CONNECTING = re.compile(r"Error (-?\d+) connecting to (.+?)\. ")
# The rest of its text is the client's repr.
_NO_PRIMARY = re.compile(r"No (?:master|primary) found for '([^']*)'")
_NO_NODE = "Redis Cluster cannot be connected"


def outage_text(error: Exception) -> str:
    """Say why Redis does not serve us, without redis-py's insides. Pure."""
    text = str(error)
    if found := _CONNECTING.search(text):
        number, place = int(found[1]), found[2]
        why = handshake_text(text) or (
            os.strerror(number).lower() if number > 0 else "the name of its host is not known"
        )
        where = "no node of the Redis Cluster can" if _NO_NODE in text else "Redis cannot"
        return f"{where} be reached at {place}: {why}"
    if found := _NO_PRIMARY.search(text):
        return f"no sentinel that answers knows a primary of the service {found[1]!r}"
    if (isinstance(error, TimeoutError | OSError) and not text) or text.startswith("Timeout"):
        return "Redis did not answer in time"
    if failed := handshake_text(text):
        return f"Redis cannot be reached: {failed}"
    if isinstance(error, OSError) and error.errno:
        return f"the connection to Redis was lost: {os.strerror(error.errno).lower()}"
    return text or type(error).__name__


def translate(error: Exception, *, stream: str = "", group: str = "") -> BusError:
    """Return the error of ours for one that redis-py raised. Pure."""
    text = str(error)
    # Refused credentials are a ConnectionError to redis-py, so this test comes first.
    if (
        isinstance(error, _DENIED)
        or text.startswith(_DENIED_CODES)
        or _is_in(text, _DENIED_SENTENCES)
    ):
        return AccessDenied(text)
    if isinstance(error, OutOfMemoryError) or text.startswith("OOM"):
        return BusFull(text)
    if isinstance(error, _UNAVAILABLE):
        return BusUnavailable(outage_text(error))
    if not isinstance(error, ResponseError):
        return BusError(f"{type(error).__name__}: {text}")
    if text.startswith(_UNAVAILABLE_CODES):
        return BusUnavailable(text)
    if text.startswith(_GROUP_CODES) or _GROUP_SENTENCE in text:
        return GroupMissing(stream, group)
    if _NO_KEY_SENTENCE in text:
        return StreamMissing(stream)
    if _is_in(text, _EXHAUSTED_SENTENCES):
        return StreamExhausted(stream)
    if text.startswith("WRONGTYPE"):
        return NotAStream(stream, text)
    if text.lower().startswith(_UNKNOWN_CODES):
        return ServerUnfit(text)
    return CommandRefused(text)


def _is_in(text: str, sentences: tuple[str, ...]) -> bool:
    return any(sentence in text for sentence in sentences)


def answered(replies: list[Any]) -> list[Any]:
    """The replies of a pipeline run with `raise_on_error=False`, or the first error among them.

    If redis-py raised it, its text would begin with the whole command.
    """
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


@contextmanager
def translated(*, stream: str = "", group: str = "") -> Iterator[None]:
    """Turn each error of redis-py or of the socket in the block into a `BusError`.

    It also raises a cancellation that was lost inside. redis-py sends through `asyncio.wait_for`,
    which in Python 3.11 loses a cancellation that comes just when the command is sent: a consumer
    that was asked to stop would read on.
    """
    cancellations = _cancellations()
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        if _cancellations() > cancellations:
            raise asyncio.CancelledError from error
        raise translate(error, stream=stream, group=group) from error
    if _cancellations() > cancellations:
        raise asyncio.CancelledError


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0
