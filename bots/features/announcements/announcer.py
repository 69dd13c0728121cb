"""Announcing what members have reached: a rank, an achievement, a level.

One message at each place holds everything that came within a few seconds, so that a busy minute is
no flood. News waits in Postgres until it is sent, also during quiet hours and while a place takes
no messages, and what a member loses meanwhile is not announced.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

import structlog

from bots.runtime.backoff import backoff_s
from bots.runtime.database import Database
from bots.runtime.delivery import PerhapsSent, PublicPlace, Unsent, Unwanted
from bots.texts.buttons import Rows
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from config import Community
from config.community_file import KINDS
from db import DbError
from db.error_causes.logged_causes import LoggedCauses
from db.surfaces import announcements
from db.surfaces.announcements import Announcement
from schemas import Source

from .member_whereabouts import Spots
from .places import Target, fixed_places, named, place_for_all, target_of
from .texts import Speaker, announcement, names_community

log = structlog.get_logger("twinstream.bots")

#: Seconds between messages, so at most 15 a minute: Telegram allows a bot 20 messages a minute in
#: a group, and answers to commands count too.
INTERVAL_S = 4.0
#: News of a kind that is looked at in one step: more than a message shows, so that a backlog ends
#: soon.
TAKEN_MAX = 1_000
#: Age in seconds, quiet hours left out, at which something is no news any more and is dropped
#: unannounced. A day is long enough for a person to mend a place that takes no messages.
NEWS_S_MAX = 86_400.0
#: Seconds between attempts at a place that takes no messages, at most.
RETRY_S_MAX = 120.0
#: Messages of one step at places: all topics of a Telegram group share one limit, channels of
#: Discord have one each.
PLACES_MAX: Final[dict[Source, int]] = {"telegram": 1, "discord": 5}
#: Private messages of one step. Both platforms slow down a bot that sends many.
PRIVATE_MAX = 5
#: Accounts that took no private message, as they are remembered. Each is asked again after a
#: restart.
CLOSED_MAX = 10_000
#: Seconds that a stopping bot gives to the message on its way: claimed news would be lost.
STOP_S_MAX = 5.0


class Sending(Protocol):
    """The part of `bots.runtime.delivery.Delivery` that the announcer needs."""

    async def announce(
        self, place: PublicPlace, text: str, *, reply_to: int | None = None
    ) -> None: ...

    async def tell(self, account_id: int, text: str, buttons: Rows = ()) -> None: ...

    async def community_name(self) -> str: ...


class _Rest(NamedTuple):
    """A pause after refusals that followed one another."""

    until: float
    refusals: int


def _now() -> datetime:
    return datetime.now(UTC)


class Announcer:
    """Announces on one platform what members have reached, each piece of news once.

    A message whose fate is unknown is not sent again: a missing announcement is better than a
    repeated one. A place that takes no messages keeps no other one waiting.
    """

    def __init__(
        self,
        database: Database,
        community: Community,
        texts: Texts,
        mark: Markup,
        sending: Sending,
        *,
        spots: Spots | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database
        self._platform: Source = database.platform
        self._community = community
        self._setting = community.announcements
        self._quiet = self._setting.quiet()
        self._speaker = Speaker(texts, mark, community)
        self._sending = sending
        self._spots = spots or Spots()
        self._clock = clock
        self._now = now
        self._rests: dict[Hashable, _Rest] = {}
        self._closed: OrderedDict[int, None] = OrderedDict()
        #: Places that are noted in Postgres as taking no messages.
        self._parked: set[str] = set()
        #: Claimed, certainly not sent, and not yet noted in Postgres as waiting again.
        self._unsent: list[Announcement] = []
        self._has_begun = False
        self._refusal_news = LoggedCauses()
        self._outage_news = LoggedCauses()

    async def run(self) -> None:
        """Announce until cancelled. The message on its way is sent before."""
        while True:
            step = asyncio.ensure_future(self._try_step())
            try:
                await asyncio.shield(step)
            except asyncio.CancelledError:
                await asyncio.wait({step}, timeout=STOP_S_MAX)
                step.cancel()
                raise
            await asyncio.sleep(INTERVAL_S)

    async def _try_step(self) -> None:
        try:
            await self.step()
        except DbError as error:
            log_at = log.warning if self._outage_news.is_new(str(error)) else log.debug
            log_at("announcements.delayed", why=str(error))
        else:
            if self._outage_news.end():
                log.info("announcements.resumed")

    async def step(self) -> int:
        """Send what is new to the places that are due. Returns how much was announced."""
        await self._begin()
        await self._give_back(())
        now, zone = self._now(), self._community.zone
        if self._quiet is not None and self._quiet.until(now, zone) is not None:
            return 0
        old_s = NEWS_S_MAX
        if self._quiet is not None:
            old_s = (now - self._quiet.noisy_s_ago(now, zone, NEWS_S_MAX)).total_seconds()
        platform = self._platform
        async with self._database.connection() as conn:
            await announcements.drop_old(conn, platform, older_than_s=old_s)
            waiting = await announcements.waiting(
                conn,
                platform,
                self._kinds_due(),
                limit=TAKEN_MAX,
                newest_first=bool(self._rests),
            )
        told = 0
        for target, news in self._messages(waiting):
            told += await self._tell(target, news)
        return told

    async def _begin(self) -> None:
        """Forget what an earlier process noted of places that the settings name no more."""
        if not self._has_begun:
            async with self._database.connection() as conn:
                await announcements.keep_places(conn, self._platform, self._named_places())
            self._parked = set(self._named_places())
            self._has_begun = True

    def _named_places(self) -> list[str]:
        places = {place for _, place in fixed_places(self._setting, self._platform)}
        default = place_for_all(self._setting, self._platform)
        return sorted(
            named(place, self._platform) for place in {*places, *([default] if default else [])}
        )

    def _kinds_due(self) -> list[str]:
        """Return the kinds of which anything could be sent now."""
        fixed = dict(fixed_places(self._setting, self._platform))
        return [kind for kind in KINDS if kind not in fixed or not self._rests_at(fixed[kind])]

    def _messages(
        self, waiting: Sequence[Announcement]
    ) -> list[tuple[Target | None, list[Announcement]]]:
        """Sort the news by where it goes, and return what is sent in this step. None: nowhere."""
        by_target: dict[Target | None, list[Announcement]] = {}
        level_of = self._community.level_curve.level_of
        for one in waiting:
            if one.kind == "level" and level_of(one.xp) < one.number:
                continue  # XP was lost meanwhile: it is news again if it comes back in time
            target = target_of(
                one,
                self._setting,
                self._platform,
                spot_of=self._spots.of,
                closed=self._closed,
            )
            if target is not None and self._rests_at(target.place):
                continue
            by_target.setdefault(target, []).append(one)
        chosen = []
        left = {True: PRIVATE_MAX, False: PLACES_MAX[self._platform]}
        for target, news in by_target.items():
            if target is not None:
                if not left[target.is_private]:
                    continue
                left[target.is_private] -= 1
            chosen.append((target, news))
        return chosen

    async def _tell(self, target: Target | None, news: Sequence[Announcement]) -> int:
        """Send one message. Returns how much it announced."""
        async with self._database.connection() as conn:
            claimed = await announcements.claim(conn, self._platform, news)
        if target is None or not claimed:
            return 0
        text = announcement(claimed, await self._words_of(claimed))
        if not text:
            return 0
        try:
            await self._send(target, text)
        except Unsent as error:
            await self._give_back(claimed)
            await self._rest(target, error, len(claimed))
            return 0
        except Unwanted as error:
            log.info("announcement.refused", account_id=target.account_id, why=str(error))
            assert target.account_id is not None
            self._closed[target.account_id] = None
            if len(self._closed) > CLOSED_MAX:
                self._closed.popitem(last=False)
            await self._give_back(claimed)
            return 0
        except PerhapsSent as error:
            log.warning("announcement.unconfirmed", announcements=len(claimed), why=str(error))
            return 0
        await self._note_sent(target, len(claimed))
        return len(claimed)

    async def _words_of(self, news: Sequence[Announcement]) -> Speaker:
        """Return the words, with the name of the community if they need it."""
        if not any(names_community(one, self._speaker) for one in news):
            return self._speaker
        return self._speaker._replace(community_name=await self._sending.community_name())

    async def _send(self, target: Target, text: str) -> None:
        if target.place is None:
            assert target.account_id is not None
            await self._sending.tell(target.account_id, text)
        else:
            await self._sending.announce(target.place, text, reply_to=target.message_id)

    async def _give_back(self, claimed: Sequence[Announcement]) -> None:
        """Have news wait again, with what Postgres did not take when it was to be given back."""
        self._unsent += claimed
        if not self._unsent:
            return
        async with self._database.connection() as conn:
            await announcements.give_back(conn, self._platform, self._unsent)
        self._unsent.clear()

    async def _note_sent(self, target: Target, count: int) -> None:
        log.info("announcement.sent", announcements=count)
        place = target.place
        self._rests.pop(place, None)
        self._rests.pop(_chat(place), None)
        if place is not None and named(place, self._platform) in self._parked:
            name = named(place, self._platform)
            async with self._database.connection() as conn:
                await announcements.note_place(conn, self._platform, name, cause=None)
            self._parked.discard(name)

    async def _rest(self, target: Target, error: Unsent, count: int) -> None:
        """Leave a place alone for a pause, the longer the more refusals follow one another."""
        place = target.place
        if place is not None and target.account_id is not None and error.cause is not None:
            # A spot is no place of the settings: news of its members goes elsewhere from now on.
            self._spots.forget(place)
            log.info("announcement.not_on_the_spot", why=str(error))
            return
        key: Hashable = place if error.cause is not None else _chat(place)
        last = self._rests.get(key)
        refusals = 1 if last is None else last.refusals + 1
        longer_s = backoff_s(refusals, first_s=error.retry_s, max_s=RETRY_S_MAX, chance=0.0)
        pause_s = max(INTERVAL_S, error.retry_s, longer_s)
        self._rests[key] = _Rest(self._clock() + pause_s, refusals)
        where = "private chats" if place is None else named(place, self._platform)
        is_news = self._refusal_news.is_new(f"{where}: {error}", wait_s=pause_s)
        log_at = log.warning if is_news else log.debug
        log_at(
            "announcement.unsent",
            place=where,
            announcements=count,
            why=str(error),
            again_in_s=round(pause_s, 1),
        )
        if place is not None and error.cause is not None:
            async with self._database.connection() as conn:
                await announcements.note_place(
                    conn, self._platform, where, cause=error.cause, error=str(error)
                )
            self._parked.add(where)

    def _rests_at(self, place: PublicPlace | None) -> bool:
        """Tell whether a place is left alone for now."""
        now = self._clock()
        rests = (self._rests.get(key) for key in (place, _chat(place)))
        return any(rest is not None and rest.until > now for rest in rests)


def _chat(place: PublicPlace | None) -> Hashable:
    """Return what shares a rate limit with a place: a channel, a chat, all private chats. Pure."""
    return "private" if place is None else ("chat", place.channel_id)
