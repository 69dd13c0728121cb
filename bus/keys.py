"""The names of everything the bus keeps in Redis. No other file spells one."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Source = Literal["telegram", "discord"]

SOURCES: Final[tuple[Source, Source]] = ("telegram", "discord")
PAYLOAD_FIELD: Final = b"e"

_OPPOSITE: Final[dict[Source, Source]] = {"telegram": "discord", "discord": "telegram"}
_SNAPSHOTS_GROUP: Final = "reconcile"


class Subscription(NamedTuple):
    """A stream and one group of it. Every entry is delivered to one consumer of the group."""

    stream: str
    group: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one deployment; a `prefix` keeps several apart on one server."""

    prefix: str = ""

    def stream(self, source: Source) -> str:
        """The stream of the events that happened on `source`."""
        return f"{self.prefix}sync:{source}"

    def group(self, source: Source) -> str:
        """The only group of that stream: the opposite platform, so that nothing can echo."""
        return _OPPOSITE[source]

    def subscription(self, source: Source) -> Subscription:
        """The subscription by which the opposite platform reads what happened on `source`."""
        return Subscription(self.stream(source), self.group(source))

    @property
    def snapshots(self) -> Subscription:
        """The stream of snapshots, and the group that reads them."""
        return Subscription(f"{self.prefix}sync:snapshots", _SNAPSHOTS_GROUP)

    @property
    def dead(self) -> str:
        """The capped stream that mirrors buried entries."""
        return f"{self.prefix}sync:dead"


def consumer_name(group: str, number: int, lane: int = 1) -> str:
    """Name the `number`th consumer of a group: `to-discord-1`, `reconcile-1`.

    A process that reads a stream in several lanes is a consumer in each: `to-discord-1.2`. Stable
    names let a restarted consumer find the entries that it left; no two living ones may share a
    name.
    """
    role = group if group == _SNAPSHOTS_GROUP else f"to-{group}"
    return f"{role}-{number}" if lane == 1 else f"{role}-{number}.{lane}"
