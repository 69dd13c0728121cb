"""The dialogue of linking: starting, opening, confirming and declining an offer."""

from collections import OrderedDict
from functools import partial
from typing import Final

import structlog

from bots.features.command import Answer, Asker, Pressed, Sent
from bots.features.unlinking import standing
from bots.runtime.room_services import Services
from bots.texts.buttons import CopyButton, LinkButton, PressButton, Rows
from bots.texts.languages import Texts
from bots.texts.names import PLATFORM_NAMES
from db.links import offers, states
from db.links.codes import TOKEN_PREFIX, typed_code, typed_token
from db.links.offers import Confirmation, News, Offer, Opening, Started
from db.links.refusals import LinkRefused
from db.members import accounts
from db.stop_signs import Paused
from schemas import opposite

from . import texts

log = structlog.get_logger("twinstream.bots")

#: Actions of the buttons.
CONFIRM, DECLINE, CANCEL = "link.yes", "link.no", "link.cancel"
#: Answers that can be replaced. Beyond it the oldest is forgotten, and its member sends /link.
HELD_MAX: Final = 1_000


class HeldAnswers:
    """Answers of this process that tell of an offer and can be replaced, by the offer.

    An offer is known to one account of a platform, so each has one answer here at most.
    """

    def __init__(self, otherwise: Texts) -> None:
        self._otherwise = otherwise
        self._held: OrderedDict[int, tuple[Texts, Sent]] = OrderedDict()

    def hold(self, offer_id: int, language: Texts, sent: Sent) -> None:
        """Remember the answer in which a member sees this offer, and their language."""
        self._held[offer_id] = (language, sent)
        self._held.move_to_end(offer_id)
        if len(self._held) > HELD_MAX:
            self._held.popitem(last=False)

    def __contains__(self, offer_id: int) -> bool:
        return offer_id in self._held

    def language(self, offer_id: int) -> Texts:
        """Return the language of the member who sees the offer, else that of the community."""
        held = self._held.get(offer_id)
        return self._otherwise if held is None else held[0]

    async def replace(self, offer_id: int, answer: Answer) -> bool:
        """Show the answer in the place of the one that is held. Returns whether that was done."""
        held = self._held.get(offer_id)
        return held is not None and await held[1].replace(answer)


class Dialogue:
    """The answers and questions for the members of one platform. Offers live in Postgres."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._platform = services.platform
        self._mark = services.mark
        self._other = PLATFORM_NAMES[opposite(services.platform)]
        self._stores = services.community.stores.connected()
        self._forget_secret = services.forget_secret
        self._community = services.community
        language = services.community.announcements.language
        self.held = HeldAnswers(services.languages.speak(language))

    async def start(self, asker: Asker) -> Answer:
        """Start an offer of the asker, or ask about the one that was opened."""
        account_id, name, language = asker.account_id, asker.name, asker.texts
        try:
            started = await self._database.attempt(
                lambda conn: offers.start(
                    conn, self._platform, account_id, name, forget_secret=self._forget_secret
                )
            )
        except Paused:
            return Answer(texts.linking_paused(language))
        except LinkRefused as error:
            if error.rule != "account_is_linked":
                raise
            return await self._standing(asker)
        if started.code is None:
            return await self._ask_again(account_id, started.id, language)
        return await self._invitation(started, started.code, language)

    async def open(self, asker: Asker, text: str) -> Answer:
        """Open the offer whose code or link the asker sent."""
        account_id, name, language = asker.account_id, asker.name, asker.texts
        proof = typed_token(text) or typed_code(text)
        if proof is None:
            return Answer(texts.no_code(self._other, language))
        outcome, offer_id, wait_s = await self._database.attempt(
            lambda conn: offers.open_offer(
                conn, self._platform, account_id, proof, name, forget_secret=self._forget_secret
            )
        )
        log.info("offer.opened", account_id=account_id, offer_id=offer_id, outcome=outcome.value)
        offer = None
        if outcome is Opening.OPENED and offer_id is not None:
            offer = await self.look(account_id, offer_id)
        if offer is None:
            return Answer(texts.not_opened(outcome, wait_s, self._other, language))
        cancel = PressButton(texts.cancel(language), CANCEL, str(offer.id))
        return Answer(
            texts.opened(offer, self._other, language, self._mark),
            buttons=((cancel,),),
            on_sent=partial(self.held.hold, offer.id, language),
        )

    async def confirm(self, pressed: Pressed) -> Answer:
        """Link the two accounts: the member who started the offer says so."""
        account_id, language = pressed.asker.account_id, pressed.asker.texts
        offer_id = int(pressed.value)
        outcome = await self._database.attempt(
            lambda conn: offers.confirm(
                conn,
                self._platform,
                account_id,
                offer_id,
                stores=self._stores,
            )
        )
        log.info("offer.confirmed", account_id=account_id, offer_id=offer_id, outcome=outcome.value)
        if outcome is not Confirmation.LINKED:
            return Answer(texts.not_linked(outcome, language))
        name = await self._partner_name(account_id)
        return Answer(texts.linked(name, self._other, language, self._mark), must_arrive=True)

    async def decline(self, pressed: Pressed) -> Answer:
        """End the offer: the member who started it does not want it."""
        return await self._end(pressed, texts.declined(pressed.asker.texts))

    async def cancel(self, pressed: Pressed) -> Answer:
        """End the offer: the member who opened it does not want it."""
        return await self._end(pressed, texts.cancelled(pressed.asker.texts))

    async def question(self, account_id: int, offer_id: int, language: Texts) -> Answer | None:
        """Return the question to the member who started; None if there is nothing to ask."""
        offer = await self.look(account_id, offer_id)
        if offer is None or not offer.is_starter or offer.status != "opened":
            return None
        return Answer(
            texts.confirmation(offer, self._platform, language, self._mark, self._community),
            buttons=_yes_or_no(offer.id, language),
            on_sent=partial(self.held.hold, offer.id, language),
        )

    async def outcome(self, account_id: int, status: str, language: Texts) -> Answer | None:
        """Return what one side is told of the other side's answer."""
        if status == "linked":
            name = await self._partner_name(account_id)
            return Answer(texts.linked(name, self._other, language, self._mark))
        if status == "declined":
            return Answer(texts.other_declined(self._other, language))
        return None

    async def look(self, account_id: int, offer_id: int) -> Offer | None:
        """Return an offer as this account sees it."""
        async with self._database.connection() as conn:
            policy = (await states.rules(conn)).policy
            return await offers.offer_of(conn, self._platform, account_id, offer_id, policy=policy)

    async def _ask_again(self, account_id: int, offer_id: int, language: Texts) -> Answer:
        """Answer /link with the question that the member has not answered yet."""
        async with self._database.connection() as conn:
            # Else the question would take the place of this answer once more.
            await offers.end_news(conn, self._platform, News(offer_id, account_id, "opened"))
        question = await self.question(account_id, offer_id, language)
        return question or Answer(texts.ended(language))

    async def _invitation(self, started: Started, code: str, language: Texts) -> Answer:
        hold = partial(self.held.hold, started.id, language)
        if self._platform == "telegram":
            # The question comes as a message of its own, which the member's phone announces.
            return Answer(
                texts.invitation_on_telegram(code, language, self._mark),
                buttons=((CopyButton(texts.copy_code(language), code),),),
                on_sent=hold,
            )
        async with self._database.connection() as conn:
            bot_name = await offers.bot_name_elsewhere(conn, self._platform)
        buttons: Rows = ()
        if bot_name is not None:
            url = f"https://t.me/{bot_name}?start={TOKEN_PREFIX}-{started.token}"
            buttons = ((LinkButton(texts.open_telegram(language), url),),)
        text = texts.invitation_on_discord(code, bool(buttons), language, self._mark)
        return Answer(text, buttons=buttons, on_sent=hold)

    async def _end(self, pressed: Pressed, text: str) -> Answer:
        account_id, language = pressed.asker.account_id, pressed.asker.texts
        offer_id = int(pressed.value)
        status = await self._database.attempt(
            lambda conn: offers.decline(conn, self._platform, account_id, offer_id)
        )
        log.info("offer.declined", account_id=account_id, offer_id=offer_id, status=status)
        if status == "linked":
            name = await self._partner_name(account_id)
            return Answer(texts.linked(name, self._other, language, self._mark))
        return Answer(text if status == "declined" else texts.ended(language))

    async def _standing(self, asker: Asker) -> Answer:
        """Tell a linked member with whom, since when, and how to end it."""
        async with self._database.connection() as conn:
            await accounts.remember_name(conn, self._platform, asker.account_id, asker.name)
            state = await states.link_state(conn, self._platform, asker.account_id)
        return Answer(standing(state, self._platform, asker.texts, self._mark))

    async def _partner_name(self, account_id: int) -> str | None:
        async with self._database.connection() as conn:
            return await accounts.name_elsewhere(conn, self._platform, account_id)


def _yes_or_no(offer_id: int, language: Texts) -> Rows:
    return (
        (
            PressButton(texts.confirm(language), CONFIRM, str(offer_id)),
            PressButton(texts.decline(language), DECLINE, str(offer_id)),
        ),
    )
