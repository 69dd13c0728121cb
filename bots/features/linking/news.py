"""Telling both sides of an offer what the other side did: a duty of the bot of each platform."""

import asyncio
from typing import Final

import structlog

from bots.features.command import Answer
from bots.runtime.database import Database
from bots.runtime.delivery import Delivery, PerhapsSent, Unsent, Unwanted
from db import DbError
from db.error_causes.logged_causes import LoggedCauses
from db.links import offers
from db.links.offers import News
from db.members import notices

from .dialogue import Dialogue

log = structlog.get_logger("twinstream.bots")

#: Seconds between looks at Postgres: the member who opened a link comes back to a question that is
#: there already. A look is one read of an index that is empty nearly always.
INTERVAL_S: Final = 1.0
#: Age in seconds at which news is dropped: Discord lets an answer be replaced for 15 minutes, and
#: an offer that was opened lasts 10.
NEWS_S_MAX: Final = 900.0
#: Seconds until a message is tried again of which nobody knows whether it was sent.
REPEAT_S: Final = 5.0


class NewsOfOffers:
    """Puts questions and outcomes into the answers that members have before them.

    An answer that this process holds is replaced. On Telegram, a question comes as a message of its
    own; so does a refusal if no answer is held, on either platform. On Discord, a question without
    an answer to replace waits for the member's next /link. News is told again after a crash.
    """

    def __init__(self, database: Database, dialogue: Dialogue, delivery: Delivery) -> None:
        self._database = database
        self._dialogue = dialogue
        self._delivery = delivery
        self._outage_news = LoggedCauses()
        self._is_named = False
        self._clock = asyncio.get_running_loop().time
        #: When to try again, by the offer and the status.
        self._not_before: dict[tuple[int, str], float] = {}

    async def run(self) -> None:
        """Tell news until cancelled."""
        while True:
            try:
                await self.step()
            except DbError as error:
                log_at = log.warning if self._outage_news.is_new(str(error)) else log.debug
                log_at("offers.delayed", why=str(error))
            else:
                if self._outage_news.end():
                    log.info("offers.resumed")
            await asyncio.sleep(INTERVAL_S)

    async def step(self) -> None:
        """Note the bot's name once, and tell the news that there is."""
        if not self._is_named:
            await self._note_name()
        platform = self._database.platform
        async with self._database.connection() as conn:
            found = await offers.news(conn, platform, older_than_s=NEWS_S_MAX)
        now = self._clock()
        waiting = {(one.offer_id, one.status) for one in found}
        self._not_before = {one: at for one, at in self._not_before.items() if one in waiting}
        for one in found:
            if self._not_before.get((one.offer_id, one.status), 0.0) <= now:
                await self._try_to_tell(one)

    async def _note_name(self) -> None:
        """Tell the bot of Discord where links lead."""
        try:
            name = await self._delivery.bot_name()
        except Unsent as error:
            log.warning("bot_name.unknown", why=str(error))
            return
        if name is not None:
            async with self._database.connection() as conn:
                await offers.note_bot_name(conn, self._database.platform, name)
        self._is_named = True

    async def _try_to_tell(self, news: News) -> None:
        """Tell the news. A fault with one offer delays that offer only."""
        try:
            await self._tell(news)
        except DbError:
            raise
        except Exception:
            log.exception("offer.untold", account_id=news.account_id, offer_id=news.offer_id)
            self._not_before[news.offer_id, news.status] = self._clock() + REPEAT_S

    async def _tell(self, news: News) -> None:
        is_question = news.status == "opened"
        held = self._dialogue.held
        on_telegram = self._database.platform == "telegram"
        if is_question and not on_telegram and news.offer_id not in held:
            return  # the member's next /link asks
        language = held.language(news.offer_id)
        if is_question:
            answer = await self._dialogue.question(news.account_id, news.offer_id, language)
        else:
            answer = await self._dialogue.outcome(news.account_id, news.status, language)
        if answer is None or await self._show(news, answer):
            async with self._database.connection() as conn:
                await offers.end_news(conn, self._database.platform, news)

    async def _end_notice(self, news: News) -> None:
        """Send no notice of a link that the member has just seen."""
        if news.status == "linked":
            async with self._database.connection() as conn:
                await notices.end_of_link(conn, self._database.platform, news.account_id)

    async def _show(self, news: News, answer: Answer) -> bool:
        """Show the answer to the member. Returns whether that is over, done or refused for good."""
        is_question = news.status == "opened"
        on_telegram = self._database.platform == "telegram"
        if not (is_question and on_telegram):
            if await self._dialogue.held.replace(news.offer_id, answer):
                await self._end_notice(news)
                return True
            if is_question or news.status == "linked":
                # The member's next /link asks; a notice tells of a link.
                return True
        known = {"account_id": news.account_id, "offer_id": news.offer_id, "status": news.status}
        try:
            await self._delivery.tell(news.account_id, answer.text, answer.buttons)
        except Unwanted as error:
            log.info("offer.untold", **known, why=str(error))
        except (Unsent, PerhapsSent) as error:
            wait_s = error.retry_s if isinstance(error, Unsent) else REPEAT_S
            self._not_before[news.offer_id, news.status] = self._clock() + wait_s
            log.warning("offer.untold", **known, why=str(error), again_in_s=wait_s)
            return False
        return True
