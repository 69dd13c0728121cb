"""Publisher: adds payloads to the streams."""

import asyncio
from collections.abc import Sequence
from typing import Final

from .client import Client
from .entry import to_id
from .errors import (
    BusError,
    BusUnavailable,
    PayloadTooLarge,
    StreamMissing,
    translate,
    translated,
)
from .keys import PAYLOAD_FIELD, Keys, Source

#: Bytes of one event, four times the longest payload that `schemas` reads.
PAYLOAD_BYTES_MAX: Final = 64 * 1_024
#: Payloads in one call, so that one pipeline stays bounded.
PUBLISH_ENTRIES_MAX: Final = 10_000
#: A call that waited so many seconds for nothing met a Redis that hangs. One that is down refuses
#: at once, and may be asked by every call.
HUNG_S: Final = 1.0
#: Seconds for which a Redis that hangs is left alone, so that a caller waits for it once, and not
#: with each event. The relay publishes the events of that time.
REST_S: Final = 10.0
#: Bytes of one page of a snapshot, which describes hundreds of members.
PAGE_BYTES_MAX: Final = 1_048_576


class Publisher:
    """Adds entries to the streams of one deployment. Does not own the client.

    Any asyncio client of redis-py works. One that `connect` did not make may repeat a command whose
    answer was lost, and so add an entry twice; consumers must tolerate that in any case.
    """

    def __init__(self, redis: Client, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        #: The time of the event loop until which Redis, which hung, is left alone; 0 if it answers.
        self._rest_until_s = 0.0

    async def publish(self, source: Source, payloads: Sequence[bytes]) -> list[str]:
        """Add the payloads to the stream of `source`, in order, in one round trip.

        Returns their entry ids. It never creates the stream, because a stream without its groups
        would be trimmed unread. It is not a transaction: after an error, `error.published` says
        which payloads are known to be in the stream, and the caller may publish the others again.
        A payload whose answer was lost is then in the stream twice.

        After a call that Redis kept waiting, calls fail at once for `REST_S` seconds. Then one call
        asks again, and the others go on failing until it has an answer.

        Raises:
            StreamMissing: Redis lost the stream, before or during this call.
            PayloadTooLarge: one payload is over `PAYLOAD_BYTES_MAX`; nothing was sent.
            ValueError: more than `PUBLISH_ENTRIES_MAX` payloads; nothing was sent.
            BusFull, BusUnavailable, AccessDenied, CommandRefused: as in their descriptions.
        """
        _check(payloads)
        if not payloads:
            return []
        stream = self._keys.stream(source)
        try:
            began_s = self._begin()
            try:
                with translated(stream=stream):
                    replies = await self._add(stream, payloads)
            except BusUnavailable:
                if _now_s() - began_s >= HUNG_S:
                    self._rest_until_s = _now_s() + REST_S
                raise
        except BusError as error:
            error.published = (None,) * len(payloads)
            raise
        self._rest_until_s = 0.0
        return _ids(stream, replies)

    def _begin(self) -> float:
        """Return the time at which a call begins, unless Redis is to be left alone."""
        now_s = _now_s()
        if now_s < self._rest_until_s:
            raise BusUnavailable(
                "Redis did not answer in time, so it is not asked again for"
                f" {self._rest_until_s - now_s:.0f} s"
            )
        if self._rest_until_s:
            self._rest_until_s = now_s + REST_S  # this call alone asks
        return now_s

    async def publish_page(self, payload: bytes) -> str:
        """Add one page to the stream of snapshots, and return its entry id.

        Raises:
            StreamMissing, PayloadTooLarge, BusFull, BusUnavailable, AccessDenied: as `publish`.
        """
        if len(payload) > PAGE_BYTES_MAX:
            raise PayloadTooLarge(0, len(payload), PAGE_BYTES_MAX)
        stream = self._keys.snapshots.stream
        with translated(stream=stream):
            [entry_id] = _ids(stream, await self._add(stream, [payload]))
        return entry_id

    async def _add(
        self, stream: str, payloads: Sequence[bytes]
    ) -> Sequence[bytes | str | Exception | None]:
        commands = [("XADD", stream, "NOMKSTREAM", "*", PAYLOAD_FIELD, one) for one in payloads]
        if len(commands) == 1:
            # Most calls have one payload, and a pipeline takes half as long again to set up.
            return [await self._redis.execute_command(*commands[0])]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _check(payloads: Sequence[bytes]) -> None:
    if len(payloads) > PUBLISH_ENTRIES_MAX:
        raise ValueError(
            f"{len(payloads)} payloads in one call, the limit is {PUBLISH_ENTRIES_MAX}"
        )
    for index, payload in enumerate(payloads):
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise PayloadTooLarge(index, len(payload), PAYLOAD_BYTES_MAX)


def _ids(stream: str, replies: Sequence[bytes | str | Exception | None]) -> list[str]:
    """Return the ids if every payload was added; raise the error of the first that was not."""
    ids = [to_id(reply) if isinstance(reply, bytes | str) else None for reply in replies]
    complete = [entry_id for entry_id in ids if entry_id is not None]
    if len(complete) == len(ids):
        return complete
    refusals = [reply for reply in replies if isinstance(reply, Exception)]
    error = translate(refusals[0], stream=stream) if refusals else StreamMissing(stream)
    error.published = tuple(ids)
    raise error from (refusals[0] if refusals else None)
