"""Reader: reads a stream as one consumer of a group.

The life of an entry:
1. `read` delivers it to this consumer; from then on it is on the group's list of unacknowledged
   entries, under this consumer's name.
2. The caller does the work, commits it, and only then calls `acknowledge`.
3. If the process dies first, the entry waits. A restarted consumer of the same name gets it back
   before anything else. If that consumer does not return, any other one claims the entry once it
   has been idle for `claim_idle_ms`.
4. A caller whose work may take longer calls `renew` in time, so that no other consumer claims it.

So an entry is delivered at least once, and sometimes twice: effects must tolerate that.
"""

import asyncio
import enum
from collections.abc import Iterable, Sequence
from typing import Any, Final

from .client import BLOCK_MS_MAX, Client
from .entry import Entry, RawFields, id_order, to_entry, to_id
from .errors import BusUnavailable, GroupMissing, answered, translated
from .groups import find_group
from .keys import Subscription

#: Entries per read, unless the caller says otherwise.
BATCH_ENTRIES: Final = 128
#: The largest batch, because Redis serves nobody else while it builds a reply.
BATCH_ENTRIES_MAX: Final = 10_000
#: How long a read waits for new entries, unless the caller says otherwise.
BLOCK_MS: Final = 2_000
#: The idle time after which an entry's consumer is taken for dead, and another one claims it.
CLAIM_IDLE_MS: Final = 60_000
#: The pause that keeps a loop from spinning when a blocking read, or a missing group, returns at
#: once.
PAUSE_S: Final = 0.05
#: XAUTOCLAIM runs this many times per `claim_idle_ms`. With each read it would cost one more round
#: trip per event where few events come.
CLAIMS_PER_IDLE: Final = 20

#: Unacknowledged entries whose idle times one search looks at, from the oldest on: what two lanes
#: have in progress. Redis takes half a millisecond for them.
IDLE_TIMES_RESTARTED_MAX: Final = 1_000

_START: Final = "0-0"
#: An id that no entry in progress is after. Not the largest one: Redis answers that with nil.
_BEYOND_ALL: Final = f"{2**64 - 1}-{2**64 - 2}"

# XCLAIM takes an entry from any consumer. A slow consumer that renewed blindly would take back an
# entry that another one claimed, and both would work on it. Renew only what is still ours.
# KEYS: stream; ARGV: group, consumer, ids... Returns the ids still ours.
_RENEW: Final = """
local ours = {}
for i = 3, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'IDLE', 0, 'JUSTID')
    ours[#ours + 1] = ARGV[i]
  end
end
return ours
"""


# After Redis's clock was set back, an entry that was delivered before says that it has been idle
# for 0 ms, until the clock is where it was. No consumer would claim the entries of a dead one for
# as long, so their idle time begins anew. For an entry that was delivered in this very millisecond
# that changes nothing.
# KEYS: stream; ARGV: group, entries at most. Returns how many began anew.
_RESTART_IDLE_TIMES: Final = """
local restarted = 0
for _, one in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[2])) do
  if one[3] == 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], one[2], 0, one[1], 'IDLE', 0, 'JUSTID')
    restarted = restarted + 1
  end
end
return restarted
"""


#: Reads that succeed in a row before more entries are asked for again.
GROW_AFTER: Final = 4


class GroupPosition(enum.Enum):
    """How far a group is with an entry that was delivered to one of its consumers."""

    NEXT = "next"
    """The entry is not settled, and every earlier one is."""
    BEHIND = "behind"
    """The entry is not settled, and an earlier one is not either: some consumer has it."""
    COMING = "coming"
    """The group was created again since, and will deliver the entry once more."""
    GONE = "gone"
    """The group does not know the entry: it is settled, or was lost with its stream."""


#: An id, and the fields; None of an entry that was deleted.
_RawEntry = tuple[bytes | str, RawFields | None]


class Reader:
    """One consumer of one group. Does not own the client, which should come from `connect_reader`.

    The client's replies to XREADGROUP and XAUTOCLAIM are not parsed by redis-py from then on.
    One task at a time may call `read`; `acknowledge` and `renew` may run beside it.
    `consumer` must be stable across restarts and unique among living consumers.
    """

    def __init__(
        self,
        redis: Client,
        subscription: Subscription,
        *,
        consumer: str,
        batch_entries: int = BATCH_ENTRIES,
        block_ms: int = BLOCK_MS,
        claim_idle_ms: int = CLAIM_IDLE_MS,
    ) -> None:
        if not 2 <= batch_entries <= BATCH_ENTRIES_MAX:
            raise ValueError(f"batch_entries={batch_entries} is not in 2..{BATCH_ENTRIES_MAX}")
        if not 1 <= block_ms <= BLOCK_MS_MAX:
            raise ValueError(f"block_ms={block_ms} is not in 1..{BLOCK_MS_MAX}")
        if claim_idle_ms < 1:
            raise ValueError(f"claim_idle_ms={claim_idle_ms} is not positive")
        self.consumer = consumer
        self.stream, self.group = subscription
        #: Entries that were deleted before a consumer acknowledged them. Stays 0 unless a person or
        #: another program trims or deletes; the events themselves are still in Postgres.
        self.ghosts = 0
        self._redis = redis
        # redis-py would keep one value of each field, so an event whose field stands there twice
        # would be lost without a trace.
        redis.set_response_callback("XREADGROUP", _as_it_came)
        redis.set_response_callback("XAUTOCLAIM", _as_it_came)
        self._batch_entries = batch_entries
        #: Entries to ask for: fewer than `batch_entries` after a read whose reply did not come.
        self._count = batch_entries
        #: Reads in a row that succeeded with `_count`, and the largest count that did lately.
        self._successes = 0
        self._count_that_worked: int | None = None
        self._block_ms = block_ms
        self._claim_idle_ms = claim_idle_ms
        self._restart()

    def _restart(self) -> None:
        #: The place in our own unacknowledged entries where the next read goes on; None when there
        #: are none to fetch.
        self._own_after: str | None = _START
        #: The newest entry that was delivered to this consumer as a new one.
        self._newest = _START
        #: Where the next search for idle entries starts. At the end Redis returns the start.
        self._claim_from = _START
        #: When the next search from the start is due.
        self._claim_at = 0.0

    async def read(self) -> list[Entry]:
        """Return the next entries, oldest duties first; an empty list after `block_ms` of quiet.

        First, once, come the entries that this consumer left unacknowledged before it started. Then
        come up to half a batch of entries that have been idle too long at any consumer, and new
        ones up to the full batch, so that neither a large backlog nor a busy stream holds up the
        other. Cancelling is safe and takes `block_ms` at most: entries whose delivery was
        interrupted come with the next `read`, claimed ones once they have been idle again for
        `claim_idle_ms`.

        Raises:
            GroupMissing: create the groups (`ensure_group`), then read on.
            BusUnavailable: read again later; nothing is lost.
        """
        place = self._newest if self._own_after is None else self._own_after
        try:
            with translated(stream=self.stream, group=self.group):
                entries = await self._next_batch()
        except GroupMissing:
            # A group that is created again does not know our place in the old one. The answer came
            # at once, even to a blocking read, so a caller that only retries would spin.
            self._restart()
            await asyncio.sleep(PAUSE_S)
            raise
        except BusUnavailable as error:
            self._own_after = place
            if hint := self._ask_for_less():
                raise BusUnavailable(f"{error}; {hint}") from error
            raise
        except BaseException:
            # Cancelled or interrupted: entries on their way are on our own list, after this place.
            self._own_after = place
            raise
        self._ask_for_more()
        return entries

    async def acknowledge(self, ids: Iterable[str]) -> int:
        """Settle entries whose work is committed. Returns how many were still unacknowledged.

        Idempotent. Redis does not check which consumer has an entry: one that another consumer
        claimed meanwhile is settled as well.
        """
        wanted = list(ids)
        if not wanted:
            return 0
        with translated(stream=self.stream, group=self.group):
            return int(await self._redis.xack(self.stream, self.group, *wanted))

    async def renew(self, ids: Iterable[str]) -> list[str]:
        """Restart the idle time of entries in progress. Returns those this consumer still has.

        The others were settled, or claimed by another consumer. Call it every quarter of
        `claim_idle_ms`, and only as long as the work goes on.
        """
        wanted = list(ids)
        if not wanted:
            return []
        with translated(stream=self.stream, group=self.group):
            kept = await self._redis.eval(
                _RENEW, 1, self.stream, self.group, self.consumer, *wanted
            )
        return [to_id(entry_id) for entry_id in kept]

    async def positions(self, ids: Sequence[str]) -> dict[str, GroupPosition]:
        """Tell how far the group is with entries of this stream that the caller has in hand.

        An entry that is among `ids` is no earlier entry for another one. `ids` are in the order of
        the stream.
        """
        if not ids:
            return {}
        mine = set(ids)
        with translated(stream=self.stream, group=self.group):
            # One more than ours: so the first of the others, if there is any, is in the reply.
            unsettled = await self._unsettled("-", ids[-1], count=len(ids) + 1)
            other = next((one for one in unsettled if one not in mine), None)
            unsettled += [
                one
                for entry_id in sorted(mine.difference(unsettled))
                for one in await self._unsettled(entry_id, entry_id, count=1)
            ]
            positions = {
                one: GroupPosition.NEXT
                if other is None or id_order(one) < id_order(other)
                else GroupPosition.BEHIND
                for one in mine.intersection(unsettled)
            }
            if unknown := mine.difference(positions):
                positions |= await self._positions_of_unknown(unknown)
        return positions

    async def _positions_of_unknown(self, ids: Iterable[str]) -> dict[str, GroupPosition]:
        """Tell of entries that are not on the group's list whether they are still to come."""
        group = await find_group(self._redis, Subscription(self.stream, self.group))
        if group is None:
            raise GroupMissing(self.stream, self.group)
        delivered = id_order(to_id(group["last-delivered-id"]))
        positions = {}
        for entry_id in ids:
            is_there = await self._redis.xrange(self.stream, entry_id, entry_id, count=1)
            is_coming = is_there and delivered < id_order(entry_id)
            positions[entry_id] = GroupPosition.COMING if is_coming else GroupPosition.GONE
        return positions

    async def _unsettled(self, first_id: str, last_id: str, *, count: int) -> list[str]:
        found: list[dict[str, Any]] = await self._redis.xpending_range(
            self.stream, self.group, min=first_id, max=last_id, count=count
        )
        return [to_id(one["message_id"]) for one in found]

    def _ask_for_less(self) -> str | None:
        """Halve the next read, because Redis may refuse to send so large a reply.

        It closes the connection then, which looks like any lost connection, so each of them halves
        the next read. Returns a hint for the operator if the size is to blame for all we know.
        """
        failed, self._count = self._count, max(1, self._count // 2)
        self._successes = 0
        if self._count_that_worked is None or failed <= self._count_that_worked:
            return None
        return (
            f"a read of {failed} entries failed where {self._count_that_worked} came through: see"
            " that client-output-buffer-limit of Redis lets a normal client have larger replies"
        )

    def _ask_for_more(self) -> None:
        """After some reads that succeeded, double the next one, up to the full batch."""
        if self._count == self._batch_entries:
            self._count_that_worked = None
            return
        self._count_that_worked = self._count
        self._successes += 1
        if self._successes == GROW_AFTER:
            self._count = min(self._count * 2, self._batch_entries)
            self._successes = 0

    async def _next_batch(self) -> list[Entry]:
        own = await self._read_own()
        if own:
            return own
        claimed = await self._claim()
        if len(claimed) == self._count:
            return claimed  # to Redis, a count of 0 means all entries
        return claimed + await self._read_new(self._count - len(claimed), wait=not claimed)

    async def _read_own(self) -> list[Entry]:
        """Read the entries that are unacknowledged under our name and not in the caller's hands."""
        while self._own_after is not None:
            reply = await self._redis.xreadgroup(
                self.group,
                self.consumer,
                {self.stream: self._own_after},
                count=self._count,
            )
            raw = _entries_in(reply)
            if not raw:
                self._own_after = None
                break
            self._own_after = self._newest = to_id(raw[-1][0])
            await self._settle_ghosts([to_id(raw_id) for raw_id, fields in raw if not fields])
            entries = await self._with_deliveries(raw)
            if entries:
                return entries
        return []

    async def _claim(self) -> list[Entry]:
        """Take over entries that have been idle too long, at most half a batch."""
        now = asyncio.get_running_loop().time()
        if self._claim_from == _START:
            if now < self._claim_at:
                return []
            await self._restart_idle_times()
        reply = await self._redis.xautoclaim(
            self.stream,
            self.group,
            self.consumer,
            min_idle_time=self._claim_idle_ms,
            start_id=self._claim_from,
            count=max(1, self._count // 2),
        )
        next_id, raw, ghosts = reply[0], reply[1], reply[2]
        self._claim_from = to_id(next_id)
        self._claim_at = now + self._claim_idle_ms / 1_000 / CLAIMS_PER_IDLE
        self.ghosts += len(ghosts)  # Redis itself removed them from the list
        return await self._with_deliveries(raw)

    async def _restart_idle_times(self) -> None:
        """Let the oldest entries be claimed in time, even if Redis's clock was set back."""
        await self._redis.eval(
            _RESTART_IDLE_TIMES, 1, self.stream, self.group, IDLE_TIMES_RESTARTED_MAX
        )

    async def _read_new(self, count: int, *, wait: bool) -> list[Entry]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        reply = await self._redis.xreadgroup(
            self.group,
            self.consumer,
            {self.stream: ">"},
            count=count,
            block=self._block_ms if wait else None,
        )
        raw = _entries_in(reply)
        if raw:
            self._newest = to_id(raw[-1][0])
        elif wait:
            await self._show_life()
            await self._wait_out(loop.time() - began)
        return [to_entry(self.stream, raw_id, fields or {}, 1) for raw_id, fields in raw]

    async def _show_life(self) -> None:
        """Have Redis note that this consumer reads, though the stream is quiet.

        Before 7.2 a read of new entries that brings none does not count, and operators would see a
        consumer that has been silent since the last entry. A read of our own list always counts.
        """
        await self._redis.xreadgroup(self.group, self.consumer, {self.stream: _BEYOND_ALL}, count=1)

    async def _wait_out(self, waited_s: float) -> None:
        """Pause when a blocking read returned empty far too soon, as fakeredis's do."""
        block_s = self._block_ms / 1_000
        if waited_s < block_s / 2:
            await asyncio.sleep(min(PAUSE_S, block_s - waited_s))

    async def _settle_ghosts(self, ids: Sequence[str]) -> None:
        """Remove deleted entries from our list, which Redis would keep there for ever."""
        if ids:
            self.ghosts += int(await self._redis.xack(self.stream, self.group, *ids))

    async def _with_deliveries(self, raw: Sequence[_RawEntry]) -> list[Entry]:
        """Add how often each entry was delivered, which neither kind of read tells.

        An entry that another consumer settled in between has no count any more, and needs no work.
        """
        living = [(to_id(raw_id), fields) for raw_id, fields in raw if fields]
        if not living:
            return []
        async with self._redis.pipeline(transaction=False) as pipeline:
            for entry_id, _ in living:
                pipeline.xpending_range(
                    self.stream, self.group, min=entry_id, max=entry_id, count=1
                )
            replies = await pipeline.execute(raise_on_error=False)
        details: list[list[dict[str, Any]]] = answered(replies)
        return [
            to_entry(self.stream, entry_id, fields, int(detail[0]["times_delivered"]))
            for (entry_id, fields), detail in zip(living, details, strict=True)
            if detail
        ]


def _as_it_came(response: Any, **_: Any) -> Any:
    return response


def _entries_in(reply: Any) -> Sequence[_RawEntry]:
    """Return the entries in a reply to an XREADGROUP of one stream."""
    return reply[0][1] if reply else []
