"""The commands /unlink and /undo, which ask once, and the buttons that do it."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from bots.features.command import Answer, Asker, Audience, Command, Press, Pressed, Question
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.buttons import PressButton
from bots.texts.languages import marked
from bots.texts.link_acts import refusal
from db.links import states
from db.links.refusals import BooksDiffer, LinkRefused
from db.links.states import LinkState
from db.members import accounts
from db.stop_signs import Paused

from . import texts

log = structlog.get_logger("twinstream.bots")

UNLINK: Final = "unlink"
UNDO: Final = "undo_link"
KEEP: Final = "keep_link"

End = Callable[..., Awaitable[None]]


class Ends:
    """Asks once before a link ends, and ends it. It keeps no state: links live in Postgres."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._platform = services.platform
        self._mark = services.mark
        self._stores = services.community.stores.connected()
        self._cooldown_hours = services.community.linking.cooldown_hours

    async def ask_unlink(self, question: Question[None]) -> Answer:
        """Answer /unlink: say what will happen."""
        state = await self._state_of(question.asker)
        language = question.asker.texts
        if not state.is_linked:
            return Answer(texts.not_linked(state, self._platform, language, self._mark))
        number = str(state.link_id)
        rows = [(PressButton(texts.unlink_label(language), UNLINK, number),)]
        if state.undo_until is not None:
            rows.append((PressButton(texts.undo_label(language), UNDO, number),))
        rows.append((PressButton(texts.keep_label(language), KEEP, number),))
        text = texts.before_unlink(
            state, self._platform, self._cooldown_hours, language, self._mark
        )
        return Answer(text, buttons=tuple(rows))

    async def ask_undo(self, question: Question[None]) -> Answer:
        """Answer /undo: say what will happen."""
        state = await self._state_of(question.asker)
        language = question.asker.texts
        if state.undo_until is None:
            return Answer(texts.nothing_to_undo(state, self._platform, language, self._mark))
        number = str(state.link_id)
        rows = (
            (PressButton(texts.undo_label(language), UNDO, number),),
            (PressButton(texts.keep_label(language), KEEP, number),),
        )
        return Answer(texts.before_undo(state, self._platform, language, self._mark), buttons=rows)

    async def unlink(self, pressed: Pressed) -> Answer:
        """Unlink the member's account."""
        return await self._end(states.unlink_own, texts.unlinked, pressed)

    async def undo(self, pressed: Pressed) -> Answer:
        """Undo the link of the member's account."""
        return await self._end(states.undo_own_link, texts.undone, pressed)

    async def keep(self, pressed: Pressed) -> Answer:
        """Change nothing."""
        return Answer(texts.kept(pressed.asker.texts))

    async def _end(self, how: End, done: Callable[..., str], pressed: Pressed) -> Answer:
        asker = pressed.asker
        known = {"account_id": asker.account_id, "action": how.__name__}
        try:
            await self._database.attempt(
                lambda conn: how(
                    conn,
                    self._platform,
                    asker.account_id,
                    stores=self._stores,
                    link_id=int(pressed.value),
                )
            )
            async with self._database.connection() as conn:
                state = await states.link_state(conn, self._platform, asker.account_id)
        except (LinkRefused, BooksDiffer, Paused) as error:
            log.info("link.not_ended", **known, why=str(error))
            return Answer(refusal(error, asker.texts))
        log.info("link.ended", **known)
        return Answer(done(state, self._platform, asker.texts, self._mark), must_arrive=True)

    async def _state_of(self, asker: Asker) -> LinkState:
        async with self._database.connection() as conn:
            await accounts.remember_name(conn, self._platform, asker.account_id, asker.name)
            return await states.link_state(conn, self._platform, asker.account_id)


def open_room(services: Services) -> Room:
    """Open the room."""
    ends = Ends(services)
    return Room(
        commands=(
            Command(
                name="unlink",
                description=marked("Unlink your Telegram and Discord accounts"),
                handler=ends.ask_unlink,
                aliases=("отвязать", "развязать"),
                audience=Audience.ASKER_ON_DISCORD,
                refuse_in_group=texts.in_private,
            ),
            Command(
                name="undo",
                description=marked("Undo the link of your accounts"),
                handler=ends.ask_undo,
                aliases=("отменить",),
                audience=Audience.ASKER_ON_DISCORD,
                is_in_menu=False,
                refuse_in_group=texts.in_private,
            ),
        ),
        presses=(
            # A member who left the group is told of a link as well, and may end it: it is theirs.
            Press(action=UNLINK, handler=ends.unlink, is_for_strangers=True),
            Press(action=UNDO, handler=ends.undo, is_for_strangers=True),
            Press(action=KEEP, handler=ends.keep, is_for_strangers=True),
        ),
    )
