"""The clock of voice channels: at the end of each interval, members who have one are paid.

An interval ends at the same moments for every process: at whole multiples of its length since 1970.
That moment is the one at which a member earned, so what is handed in again, by a process that was
restarted as well, is not later than what counted last, and counts no more.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import structlog

from bots.features.exclusions import Exclusions
from bots.features.posted_messages import MessagePlace
from bots.features.voice_members import Connected
from bots.runtime.delivery import Delivery
from bots.runtime.metrics import VOICE_INTERVALS
from bots.runtime.room_services import Services
from db.earning import Earned, Earning

from .hours import VoiceHours

log = structlog.get_logger("twinstream.discord_bot")

#: The reason of the events.
REASON: Final = "voice"
#: Seconds between two looks at the clock, because the machine's may be set.
LOOK_S_MAX: Final = 30.0
#: The part of an interval that must lie between two payments. Ends of intervals lie a whole one
#: apart; some less leaves room for the rounding of clocks.
COOLDOWN_SHARE: Final = 0.9


class VoiceClock:
    """Adds up what Discord shows of voice channels, and pays for whole intervals."""

    def __init__(
        self,
        services: Services,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._services = services
        self._setting = services.community.earning.voice
        self._exclusions = Exclusions(services.community, services.platform)
        self._hours = VoiceHours(self._setting.interval_s)
        self._clock = clock
        self._monotonic = monotonic
        #: Returns the moment at which Discord was last heard, on the monotonic clock.
        self.heard_at: Callable[[], float | None] = lambda: None

    def earns(self, account_id: int, channel: MessagePlace, roles: Iterable[int]) -> bool:
        """Tell whether the settings let an account with these roles earn in a channel. Pure."""
        return not (
            self._exclusions.have_place(channel)
            or self._exclusions.have_account(account_id, frozenset(roles))
        )

    def changed(self, member: Connected) -> None:
        """A member came into a voice channel, or changed there."""
        self._hours.set(self._monotonic(), member)

    def left(self, account_id: int) -> None:
        """A member left the voice channels."""
        self._hours.leave(self._monotonic(), account_id)

    def shown(self, members: Iterable[Connected]) -> None:
        """Discord shows everybody who is connected, after a start or a time without connection."""
        self._hours.restart(self._monotonic(), members)
        log.info("voice.watched", members=len(self._hours))

    def lost(self) -> None:
        """The connection to Discord is lost, or the server is not available."""
        self._hours.lose(self._seen_until())

    async def run(self, delivery: Delivery) -> None:
        """Pay at the end of each interval. A duty; it sends nothing."""
        interval_s = self._setting.interval_s
        end = self._next_end()
        while True:
            now = self._clock()
            if now >= end:
                self.pay(now - now % interval_s)
                end = self._next_end()
            elif end - now > interval_s:
                end = self._next_end()  # the machine's clock was set back
            else:
                await asyncio.sleep(min(end - now, LOOK_S_MAX))

    def pay(self, moment_s: float) -> None:
        """Pay members who have a whole interval, at the moment at which one ended."""
        accounts = self._hours.take(self._seen_until())
        moment = datetime.fromtimestamp(moment_s, UTC)
        for account_id in accounts:
            earned = self._services.earnings.earn(
                Earning(
                    account_id=account_id,
                    reason=REASON,
                    xp=self._setting.xp,
                    happened_at=moment,
                    cooldown_s=self._setting.interval_s * COOLDOWN_SHARE,
                    xp_per_day_max=self._setting.xp_per_day_max,
                )
            )
            earned.add_done_callback(_count)
        if accounts:
            log.debug("voice.paid", members=len(accounts))

    def _next_end(self) -> float:
        interval_s = self._setting.interval_s
        return (self._clock() // interval_s + 1) * interval_s

    def _seen_until(self) -> float:
        heard_at = self.heard_at()
        now = self._monotonic()
        return now if heard_at is None else min(heard_at, now)


def _count(earned: asyncio.Future[Earned]) -> None:
    if not earned.cancelled() and earned.result().xp:
        VOICE_INTERVALS.labels("discord").inc()
