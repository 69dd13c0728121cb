"""The bots' metrics. docs/operate.md explains each of them."""

from collections.abc import Sequence
from typing import Final, get_args

from prometheus_client import Counter, Gauge

from bus import SOURCES, Publisher
from db.earning import Outcome
from schemas import Source

PUBLISHED: Final = Counter(
    "twinstream_events_published", "Events put on their stream by their producer.", ["source"]
)
LEFT_TO_RELAY: Final = Counter(
    "twinstream_events_left_to_relay", "Events that the bus did not take from us.", ["source"]
)

CONNECTED: Final = Gauge(
    "twinstream_bot_connected",
    "1 while the platform answers its bot, and nothing keeps the bot from serving.",
    ["platform"],
)
UPDATES_SKIPPED: Final = Counter(
    "twinstream_updates_skipped", "What a platform sent and its library could not read.", ["source"]
)
EARNINGS: Final = Counter(
    "twinstream_earnings",
    "What members did to earn, by what became of it: counted, uncounted (too early, again, or"
    " beyond the limit of a day), or dropped (memory was full, or Postgres refused it).",
    ["source", "outcome"],
)

THANKS: Final = Counter("twinstream_thanks", "Thanks that counted.", ["source"])
REACTIONS: Final = Counter(
    "twinstream_reactions", "Reactions that counted for the author of the message.", ["source"]
)
REACTIONS_DROPPED: Final = Counter(
    "twinstream_reactions_dropped", "Reactions that memory or a fault cost.", ["source"]
)
VOICE_INTERVALS: Final = Counter(
    "twinstream_voice_intervals", "Intervals of members in voice channels that counted.", ["source"]
)


def begin_at_zero() -> None:
    """Give every counter its labels before anything is counted.

    A counter that first appears with 1 has not increased: Prometheus, and every alert on the first
    occurrence, would miss it.
    """
    for counter in (
        PUBLISHED,
        LEFT_TO_RELAY,
        UPDATES_SKIPPED,
        THANKS,
        REACTIONS,
        REACTIONS_DROPPED,
    ):
        for source in SOURCES:
            counter.labels(source)
    for source in SOURCES:
        for outcome in get_args(Outcome):
            EARNINGS.labels(source, outcome)
    VOICE_INTERVALS.labels("discord")


begin_at_zero()


class CountingPublisher:
    """A publisher that counts the events that it published and those left to the relay."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, source: Source, payloads: Sequence[bytes]) -> list[str]:
        """Publish as `bus.Publisher.publish` does, with the same errors."""
        try:
            ids = await self._publisher.publish(source, payloads)
        except Exception:
            LEFT_TO_RELAY.labels(source).inc(len(payloads))
            raise
        PUBLISHED.labels(source).inc(len(payloads))
        return ids
