"""The command /privacy and its buttons."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from bots.features.command import Answer, Asker, Audience, Command, File, Press, Pressed, Question
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.buttons import PressButton, Rows
from bots.texts.languages import Texts, marked
from db.members import forgetting, privacy
from db.members.forgetting import LinkIsYoung
from db.members.privacy import Stored
from db.stop_signs import Paused

from . import texts

#: Ledger entries in a file, the newest: about 8 MB at most. Discord takes 10 MB from a bot.
ENTRIES_MAX: Final = 20_000
#: Seconds between two files for one account: Postgres reads 20,000 entries for one, and the file
#: that was sent is still in the chat.
EXPORT_PAUSE_S: Final = 300.0
#: Accounts of which the time of their file is remembered.
EXPORTS_MAX: Final = 10_000
FILE_NAME: Final = "twinstream.json"
ACTION: Final = "privacy"
EXPORT: Final = "export"
HIDE: Final = "hide"
SHOW: Final = "show"
FORGET: Final = "forget"
FORGET_NOW: Final = "now"
KEEP: Final = "keep"


def buttons(stored: Sequence[Stored], spoken: Texts, *, can_forget: bool) -> Rows:
    """Return what a member may do about what is stored about them. Pure."""
    if not stored or stored[0].is_being_forgotten:
        return ()
    export = PressButton(spoken.gettext("Send it to me as a file"), ACTION, EXPORT)
    hide = (
        PressButton(spoken.gettext("Show me on boards again"), ACTION, SHOW)
        if stored[0].is_hidden
        else PressButton(spoken.gettext("Hide me from boards"), ACTION, HIDE)
    )
    rows: Rows = ((export,), (hide,))
    if can_forget:
        rows += ((PressButton(spoken.gettext("Forget me …"), ACTION, FORGET),),)
    return rows


class ExportTimes:
    """Remembers when this process sent whom a file. A restart forgets it, which costs one file."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._sent_at: OrderedDict[int, float] = OrderedDict()
        self._clock = clock

    def wait_s(self, account_id: int) -> float:
        """Return the seconds until this account may have a file; 0.0 notes that it gets one now."""
        now = self._clock()
        wait_s = self._sent_at.get(account_id, now - EXPORT_PAUSE_S) + EXPORT_PAUSE_S - now
        if wait_s > 0.0:
            return wait_s
        self._sent_at[account_id] = now
        self._sent_at.move_to_end(account_id)
        if len(self._sent_at) > EXPORTS_MAX:
            self._sent_at.popitem(last=False)
        return 0.0


class Privacy:
    """Answers /privacy and the buttons under its answers."""

    def __init__(self, services: Services) -> None:
        self._exports = ExportTimes()
        self._database = services.database
        self._mark = services.mark
        self._can_forget = services.can_forget

    async def show(self, question: Question[None]) -> Answer:
        """Answer /privacy."""
        return await self._overview(question.asker)

    async def press(self, pressed: Pressed) -> Answer:
        """Do what a button under an answer says."""
        asker = pressed.asker
        match pressed.value:
            case "export":
                return await self._export(asker)
            case "hide" | "show":
                return await self._set_hidden(asker, hidden=pressed.value == HIDE)
            case "forget":
                return await self._warn(asker)
            case "now":
                return await self._forget(asker)
            case _:
                return await self._overview(asker)

    async def _look(self, asker: Asker) -> list[Stored]:
        async with self._database.connection() as conn:
            return await privacy.stored_of(conn, self._database.platform, asker.account_id)

    async def _overview(self, asker: Asker, done: str = "") -> Answer:
        stored = await self._look(asker)
        text = texts.overview(stored, asker.texts, self._mark, can_forget=self._can_forget)
        return Answer(
            f"{done}\n\n{text}" if done else text,
            buttons=buttons(stored, asker.texts, can_forget=self._can_forget),
        )

    async def _export(self, asker: Asker) -> Answer:
        wait_s = self._exports.wait_s(asker.account_id)
        if wait_s > 0.0:
            return await self._overview(asker, texts.exported_lately(wait_s, asker.texts))
        async with self._database.connection() as conn:
            exported = await privacy.export_of(
                conn, self._database.platform, asker.account_id, entries_max=ENTRIES_MAX
            )
        answer = await self._overview(asker, texts.exported(ENTRIES_MAX, asker.texts))
        return answer._replace(file=File(FILE_NAME, exported.encode()))

    async def _set_hidden(self, asker: Asker, *, hidden: bool) -> Answer:
        async with self._database.connection() as conn:
            await privacy.set_hidden(conn, self._database.platform, asker.account_id, hidden=hidden)
        return await self._overview(asker, texts.hidden(asker.texts, hidden=hidden))

    async def _warn(self, asker: Asker) -> Answer:
        stored = await self._look(asker)
        if not stored or stored[0].is_being_forgotten or not self._can_forget:
            return await self._overview(asker)
        forget_now = PressButton(asker.texts.gettext("Forget me for good"), ACTION, FORGET_NOW)
        keep = PressButton(asker.texts.gettext("Keep everything"), ACTION, KEEP)
        text = texts.warning(stored, asker.texts, self._mark)
        return Answer(text, buttons=((forget_now,), (keep,)))

    async def _forget(self, asker: Asker) -> Answer:
        stored = await self._look(asker)
        if not stored or not self._can_forget:
            return await self._overview(asker)
        try:
            await self._database.attempt(
                lambda conn: forgetting.ask(conn, self._database.platform, asker.account_id)
            )
        except Paused:
            return Answer(texts.paused(asker.texts))
        except LinkIsYoung:
            return Answer(texts.unlink_first(asker.texts))
        return Answer(texts.forgetting(asker.texts), must_arrive=True)


def open_room(services: Services) -> Room:
    """Open the room."""
    room = Privacy(services)
    return Room(
        commands=(
            Command(
                name="privacy",
                description=marked(
                    "What is stored about you: see it, take it along, have it deleted"
                ),
                handler=room.show,
                aliases=("данные", "забыть"),
                audience=Audience.ASKER_ON_DISCORD,
                is_for_strangers=True,  # who left may still see, take and delete what is theirs
                refuse_in_group=texts.in_private,
            ),
        ),
        presses=(Press(action=ACTION, handler=room.press, is_for_strangers=True),),
    )
