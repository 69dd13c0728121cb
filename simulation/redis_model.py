"""A model of Redis: streams with groups, as far as the bus uses them, with an injected clock.

Replies have the shapes of RESP2. `tests/simulation` compares the model with a real server, command
by command. It has neither network nor faults; redis_server.py adds them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

SCAN_FACTOR = 10  # XAUTOCLAIM scans up to COUNT times this many entries
SEQ_MAX = 2**64 - 1

Args = Sequence[bytes]


class Id(NamedTuple):
    """An entry's id."""

    ms: int
    seq: int

    def raw(self) -> bytes:
        """Return the id as Redis writes it."""
        return b"%d-%d" % self


ZERO = Id(0, 0)


@dataclass
class Delivery:
    """An entry delivered to a consumer and not acknowledged."""

    consumer: bytes
    at_ms: int
    count: int


@dataclass
class Group:
    """A group: its position, and its unacknowledged entries."""

    last: Id
    unacknowledged: dict[Id, Delivery] = field(default_factory=dict)
    seen_ms: dict[bytes, int] = field(default_factory=dict)

    def of(self, consumer: bytes) -> int:
        """Count the unacknowledged entries of one consumer."""
        return sum(one.consumer == consumer for one in self.unacknowledged.values())


@dataclass
class Stream:
    """Entries in the order of their ids, and the groups that read them."""

    entries: dict[Id, list[bytes]] = field(default_factory=dict)
    last: Id = ZERO
    groups: dict[bytes, Group] = field(default_factory=dict)

    def after(self, last: Id) -> list[Id]:
        """Return the ids of the entries after `last`."""
        return [one for one in self.entries if one > last]


class Streams:
    """The keyspace. `execute` runs a command in bytes, and returns the answer of a server."""

    def __init__(self) -> None:
        self.keys: dict[bytes, Stream] = {}
        self._now_ms = 0

    def execute(self, args: Args, now_ms: int) -> Any:
        """Run one command without blocking: a read without new entries returns nil.

        Raises:
            ResponseError: the error of a server.
            NotImplementedError: the model does not know the command.
        """
        self._now_ms = now_ms
        name = args[0].upper()
        if name in (b"XGROUP", b"XINFO"):
            return self._run(name + b"_" + args[1].upper(), args[2:])
        return self._run(name, args[1:])

    def _run(self, name: bytes, args: Args) -> Any:
        command: Callable[[Args], Any] | None = getattr(self, "_" + name.decode().lower(), None)
        if command is None:
            raise NotImplementedError(f"the model of Redis has no {name.decode()}")
        return command(args)

    # The keyspace.

    def _ping(self, _: Args) -> bytes:
        return b"PONG"

    def _time(self, _: Args) -> list[bytes]:
        return [b"%d" % (self._now_ms // 1_000), b"%d" % (self._now_ms % 1_000 * 1_000)]

    def _exists(self, args: Args) -> int:
        return sum(key in self.keys for key in args)

    def _del(self, args: Args) -> int:
        return sum(self.keys.pop(key, None) is not None for key in args)

    # Entries.

    def _xadd(self, args: Args) -> bytes | None:
        key, *rest = args
        create, trim_to = True, None
        if rest[0].upper() == b"NOMKSTREAM":
            create, rest = False, rest[1:]
        if rest[0].upper() == b"MAXLEN":
            if rest[1] in (b"~", b"="):
                rest.pop(1)
            trim_to, rest = int(rest[1]), rest[2:]
        if rest[0] != b"*" and to_id(rest[0]) == ZERO:
            raise ResponseError("The ID specified in XADD must be greater than 0-0")
        if key not in self.keys and not create:
            return None
        raw_id, *fields = rest
        stream = self.keys.get(key) or Stream()
        if stream.last == Id(SEQ_MAX, SEQ_MAX):
            raise ResponseError(
                "The stream has exhausted the last possible ID, unable to add more items"
            )
        new = self._next_id(stream) if raw_id == b"*" else to_id(raw_id)
        if new <= stream.last:
            raise ResponseError(
                "The ID specified in XADD is equal or smaller than the target stream top item"
            )
        self.keys[key] = stream
        stream.entries[new], stream.last = fields, new
        if trim_to is not None:
            _drop(stream, list(stream.entries)[: max(len(stream.entries) - trim_to, 0)])
        return new.raw()

    def _next_id(self, stream: Stream) -> Id:
        if self._now_ms > stream.last.ms:
            return Id(self._now_ms, 0)
        if stream.last.seq == SEQ_MAX:
            return Id(stream.last.ms + 1, 0)
        return Id(stream.last.ms, stream.last.seq + 1)

    def _xlen(self, args: Args) -> int:
        stream = self.keys.get(args[0])
        return len(stream.entries) if stream else 0

    def _xrange(self, args: Args) -> list[Any]:
        return self._range(args[0], args[1], args[2], args[3:], newest_first=False)

    def _xrevrange(self, args: Args) -> list[Any]:
        return self._range(args[0], args[2], args[1], args[3:], newest_first=True)

    def _range(
        self, key: bytes, low: bytes, high: bytes, options: Args, *, newest_first: bool
    ) -> list[Any]:
        stream = self.keys.get(key)
        _edge(low, seq=0)  # an invalid id is refused even without a stream
        if stream is None:
            return []
        found = [one for one in stream.entries if _within(one, low, high)]
        if newest_first:
            found.reverse()
        return [_entry(stream, one) for one in found[: _count(options)]]

    def _xdel(self, args: Args) -> int:
        stream = self.keys.get(args[0])
        return _drop(stream, [to_id(raw) for raw in args[1:]]) if stream else 0

    def _xtrim(self, args: Args) -> int:
        key, kind, *rest = args
        stream = self.keys.get(key)
        if rest[0] in (b"~", b"="):
            rest.pop(0)
        if stream is None:
            return 0
        if kind.upper() == b"MINID":
            floor = to_id(rest[0])
            return _drop(stream, [one for one in stream.entries if one < floor])
        surplus = max(len(stream.entries) - int(rest[0]), 0)
        return _drop(stream, list(stream.entries)[:surplus])

    # Groups.

    def _xgroup_create(self, args: Args) -> bytes:
        key, name, start, *options = args
        if key not in self.keys:
            if b"MKSTREAM" not in [option.upper() for option in options]:
                self._existing(key)
            self.keys[key] = Stream()
        stream = self.keys[key]
        if name in stream.groups:
            raise ResponseError("BUSYGROUP Consumer Group name already exists")
        stream.groups[name] = Group(stream.last if start == b"$" else to_id(start))
        return b"OK"

    def _xgroup_setid(self, args: Args) -> bytes:
        stream = self._existing(args[0])
        group = self._group(args[0], args[1])
        group.last = stream.last if args[2] == b"$" else to_id(args[2])
        return b"OK"

    def _xgroup_destroy(self, args: Args) -> int:
        return int(self._existing(args[0]).groups.pop(args[1], None) is not None)

    def _xgroup_delconsumer(self, args: Args) -> int:
        self._existing(args[0])
        group = self._group(args[0], args[1])
        mine = [one for one, held in group.unacknowledged.items() if held.consumer == args[2]]
        for one in mine:
            del group.unacknowledged[one]
        group.seen_ms.pop(args[2], None)
        return len(mine)

    def _xreadgroup(self, args: Args) -> list[Any] | None:
        options = [option.upper() for option in args]
        name, consumer = args[1], args[2]
        at = options.index(b"STREAMS")
        key, place = args[at + 1], args[at + 2]
        count = int(args[options.index(b"COUNT") + 1]) if b"COUNT" in options else None
        group, stream = self._group(key, name), self.keys[key]
        group.seen_ms[consumer] = self._now_ms
        if place == b">":
            new = stream.after(group.last)[:count]
            for one in new:
                group.unacknowledged[one] = Delivery(consumer, self._now_ms, 1)
                group.last = one
            return [[key, [_entry(stream, one) for one in new]]] if new else None
        after = to_id(place)
        own = [
            one
            for one in sorted(group.unacknowledged)
            if one > after and group.unacknowledged[one].consumer == consumer
        ][:count]
        for one in own:
            group.unacknowledged[one].count += 1
            group.unacknowledged[one].at_ms = self._now_ms
        return [[key, [_entry(stream, one) for one in own]]]

    def _xack(self, args: Args) -> int:
        stream = self.keys.get(args[0])
        group = stream.groups.get(args[1]) if stream else None
        if group is None:
            return 0
        return sum(group.unacknowledged.pop(to_id(raw), None) is not None for raw in args[2:])

    def _xpending(self, args: Args) -> list[Any]:
        group = self._group(args[0], args[1])
        held = sorted(group.unacknowledged.items())
        if len(args) == 2:
            if not held:
                return [0, None, None, None]
            names = sorted({one.consumer for _, one in held})
            counts = [[name, b"%d" % group.of(name)] for name in names]
            return [len(held), held[0][0].raw(), held[-1][0].raw(), counts]
        rest = list(args[2:])
        idle_ms = 0
        if rest[0].upper() == b"IDLE":
            idle_ms, rest = int(rest[1]), rest[2:]
        low, high, count, *consumer = rest
        found = [
            [one.raw(), it.consumer, max(self._now_ms - it.at_ms, 0), it.count]
            for one, it in held
            if _within(one, low, high)
            and max(self._now_ms - it.at_ms, 0) >= idle_ms
            and (not consumer or it.consumer == consumer[0])
        ]
        return found[: int(count)]

    def _xclaim(self, args: Args) -> list[Any]:
        key, name, consumer, idle_ms = args[0], args[1], args[2], int(args[3])
        group = self._group(key, name)
        words = [word.upper() for word in args]
        ids = [to_id(word) for word in args[4:] if word[:1].isdigit() and b"-" in word]
        for one in ids:
            held = group.unacknowledged.get(one)
            # Without a limit Redis does not look at the time, which may be in the future.
            if held is None or (idle_ms and self._now_ms - held.at_ms < idle_ms):
                continue
            held.consumer = consumer
            age = int(args[words.index(b"IDLE") + 1]) if b"IDLE" in words else 0
            held.at_ms = self._now_ms - age
            held.count += b"JUSTID" not in words
            if b"RETRYCOUNT" in words:
                held.count = int(args[words.index(b"RETRYCOUNT") + 1])
        group.seen_ms[consumer] = self._now_ms
        taken = [one for one in ids if one in group.unacknowledged]
        if b"JUSTID" in words:
            return [one.raw() for one in taken]
        return [_entry(self.keys[key], one) for one in taken]

    def _xautoclaim(self, args: Args) -> list[Any]:
        key, name, consumer, idle_ms, start, *options = args
        group, stream = self._group(key, name), self.keys[key]
        count = _count(options) or 100
        group.seen_ms[consumer] = self._now_ms
        waiting = [one for one in sorted(group.unacknowledged) if one >= to_id(start)]
        claimed: list[Id] = []
        ghosts: list[Id] = []
        scanned = 0
        for one in waiting:
            if scanned == count * SCAN_FACTOR or len(claimed) + len(ghosts) == count:
                break
            scanned += 1
            held = group.unacknowledged[one]
            if one not in stream.entries:
                del group.unacknowledged[one]
                ghosts.append(one)
            elif not int(idle_ms) or self._now_ms - held.at_ms >= int(idle_ms):
                held.consumer, held.at_ms = consumer, self._now_ms
                held.count += b"JUSTID" not in [option.upper() for option in options]
                claimed.append(one)
        next_start = waiting[scanned] if scanned < len(waiting) else ZERO
        entries = [_entry(stream, one) for one in claimed]
        return [next_start.raw(), entries, [one.raw() for one in ghosts]]

    # XINFO.

    def _xinfo_groups(self, args: Args) -> list[Any]:
        stream = self._stream(args[0])
        return [
            [
                *(b"name", name, b"consumers", len(group.seen_ms)),
                *(b"pending", len(group.unacknowledged), b"last-delivered-id", group.last.raw()),
                *(b"entries-read", None, b"lag", len(stream.after(group.last))),
            ]
            for name, group in sorted(stream.groups.items())
        ]

    def _xinfo_consumers(self, args: Args) -> list[Any]:
        self._stream(args[0])
        group = self._group(args[0], args[1])
        return [
            [b"name", name, b"pending", group.of(name), b"idle", max(self._now_ms - seen_ms, 0)]
            for name, seen_ms in sorted(group.seen_ms.items())
        ]

    def _xinfo_stream(self, args: Args) -> list[Any]:
        stream = self._stream(args[0])
        return [
            *(b"length", len(stream.entries), b"last-generated-id", stream.last.raw()),
            *(b"groups", len(stream.groups)),
        ]

    def _stream(self, key: bytes) -> Stream:
        if key not in self.keys:
            raise ResponseError("no such key")
        return self.keys[key]

    def _existing(self, key: bytes) -> Stream:
        """The stream, for XGROUP."""
        if key not in self.keys:
            raise ResponseError(
                "The XGROUP subcommand requires the key to exist. Note that for CREATE you may"
                " want to use the MKSTREAM option to create an empty stream automatically."
            )
        return self.keys[key]

    def _group(self, key: bytes, name: bytes) -> Group:
        stream = self.keys.get(key)
        if stream is None or name not in stream.groups:
            raise ResponseError(
                f"NOGROUP No such key '{key.decode()}' or consumer group '{name.decode()}'"
            )
        return stream.groups[name]


def to_id(raw: bytes, *, seq: int = 0) -> Id:
    """Parse an id; `seq` is the default if only milliseconds are given."""
    ms, dash, given = raw.partition(b"-")
    return Id(int(ms), int(given) if dash else seq)


def _within(one: Id, low: bytes, high: bytes) -> bool:
    return _edge(low, seq=0) <= (one, 0) <= _edge(high, seq=SEQ_MAX)


def _edge(raw: bytes, *, seq: int) -> tuple[Id, int]:
    """Return one end of a range, and its offset from the id: `(` excludes the id itself."""
    if raw in (b"-", b"+"):
        return (ZERO, 0) if raw == b"-" else (Id(SEQ_MAX, SEQ_MAX), 0)
    if raw.startswith(b"("):
        one = to_id(raw[1:], seq=seq)
        if not seq and one == Id(SEQ_MAX, SEQ_MAX):
            raise ResponseError("invalid start ID for the interval")
        return one, -1 if seq else 1
    return to_id(raw, seq=seq), 0


def _entry(stream: Stream, one: Id) -> list[Any]:
    """Return an entry as reads do: nil replaces the fields of a deleted one."""
    return [one.raw(), stream.entries.get(one)]


def _count(options: Args) -> int | None:
    words = [option.upper() for option in options]
    return int(options[words.index(b"COUNT") + 1]) if b"COUNT" in words else None


def _drop(stream: Stream, ids: Sequence[Id]) -> int:
    return sum(stream.entries.pop(one, None) is not None for one in ids)
