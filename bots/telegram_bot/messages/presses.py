"""From Telegram's callback queries to the rooms' buttons, and back."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog
from aiogram.enums import ChatType
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import CallbackQuery, Message

from bots.features.command import Answer, Asker, Pressed
from bots.features.room import Room, heard, presses_of
from bots.runtime.button_memory import ButtonMemory
from bots.runtime.delivery import PublicPlace
from bots.runtime.member_limits import MemberLimits
from bots.runtime.room_services import Services
from bots.telegram_bot.group.membership import Membership
from bots.texts import failures
from bots.texts.buttons import data_in, read_data

from .answer_queue import AnswerQueue, Reply
from .authors import topic_of
from .buttons import has_button
from .commands import Answers
from .sent import TelegramSent, key_of, send_file
from .strangers import Strangers

log = structlog.get_logger("twinstream.telegram_bot")

#: Characters of a text that Telegram shows over the chat.
ALERT_CHARS_MAX = 200
#: Seconds that Telegram may take to show it. Other members' updates wait for it.
ALERT_S_MAX = 5


class _Told(NamedTuple):
    """A text over the chat: an alert is closed by hand, a hint goes by itself."""

    text: str
    is_alert: bool = True


class Presses:
    """Hands each pressed button to its room, and puts the answer in the place of the message.

    A press that may not be done, or cannot be at the moment, is told to the member alone, over the
    chat, and the message keeps its buttons.
    """

    def __init__(
        self,
        services: Services,
        rooms: Sequence[Room],
        queue: AnswerQueue,
        membership: Membership,
        limits: MemberLimits,
        memory: ButtonMemory,
    ) -> None:
        self._languages = services.languages
        self._group_id = services.community.telegram.chat_id
        self._rooms = rooms
        self._presses = presses_of(rooms)
        self._queue = queue
        self._strangers = Strangers(membership, rooms)
        self._limits = limits
        self._memory = memory
        self._answers = Answers(queue, memory)

    async def press(self, query: CallbackQuery) -> None:
        """Do what the button says. Telegram is always told that the press arrived."""
        user = query.from_user
        asker = Asker(user.id, user.full_name, self._languages.speak(user.language_code))
        told: _Told | None = _Told(failures.failed(asker.texts))
        try:
            told = await self._press(query, asker)
        finally:
            await self._end(query, told)

    async def _press(self, query: CallbackQuery, asker: Asker) -> _Told | None:
        """Return what the member is told over the chat; None if the message itself says it."""
        data, message = read_data(query.data), query.message
        press = None if data is None else self._presses.get(data.action)
        if data is None or press is None or not self._is_ours(message):
            return _Told(failures.button_too_old(asker.texts))
        assert isinstance(message, Message)
        if data.account_id != asker.account_id:
            return _Told(press.refusal_of_another(asker.texts))
        chat_id = message.chat.id
        has_room = self._queue.has_room(chat_id, asker.account_id)
        if not self._limits.admits(asker.account_id) or not has_room:
            log.info("questions.skipped", account_id=asker.account_id, questions=1)
            return _Told(failures.too_fast(asker.texts))
        pressed = query.data or ""
        if self._memory.is_gone(key_of(message), pressed):
            return None  # pressed twice: the first press has changed the message
        if not has_button(message, pressed):
            return _Told(failures.button_too_old(asker.texts))
        refusal = await self._strangers.refusal(message, asker, press)
        if refusal is not None:
            return _Told(refusal)
        if not self._memory.take(key_of(message), pressed):
            return None
        is_private = (
            message.chat.type == ChatType.PRIVATE or message.ephemeral_message_id is not None
        )
        if message.chat.type != ChatType.PRIVATE:
            place = PublicPlace(topic_id=topic_of(message))
            heard(self._rooms, asker.account_id, place, message.message_id)
        entity_id = f"{chat_id}.{message.ephemeral_message_id or message.message_id}"
        try:
            answer = await press.run(Pressed(asker, data.value, entity_id, is_private))
        except Exception:
            self._memory.put_back(key_of(message))
            raise
        if isinstance(answer, str):
            self._memory.put_back(key_of(message))
            return _Told(answer)
        if answer.text:
            # The next press counts by these buttons, also while the edit waits for its turn.
            self._memory.renew(key_of(message), data_in(answer.buttons, asker.account_id))
            self._replace(message, asker, answer)
        else:
            self._memory.put_back(key_of(message))
        return _Told(answer.hint, is_alert=not answer.text) if answer.hint else None

    def _is_ours(self, message: object) -> bool:
        """Tell whether the message can still be replaced, and is in a chat that the bot serves."""
        return isinstance(message, Message) and (
            message.chat.type == ChatType.PRIVATE or message.chat.id == self._group_id
        )

    def _replace(self, message: Message, asker: Asker, answer: Answer) -> None:
        bot = message.bot
        assert bot is not None
        sent = TelegramSent(bot, message, asker.account_id, self._memory)

        async def send(text: str) -> Message | None:
            try:
                await sent.edit(text, answer)
            except TelegramBadRequest as error:
                # Deleted, or too old to be edited: the answer still has to reach the member.
                log.info("answer.not_replaced", chat_id=message.chat.id, why=error.message)
                self._answers.put(message, asker, answer)
                return None
            if answer.on_sent is not None:
                answer.on_sent(sent)
            await send_file(message, answer)
            return message

        reply = Reply(
            asker,
            answer.text,
            send,
            must_arrive=answer.must_arrive,
            replaces=key_of(message),
        )
        self._queue.put(message.chat.id, reply)

    async def _end(self, query: CallbackQuery, told: _Told | None) -> None:
        """Tell Telegram that the press arrived, or its client shows it as under way for long."""
        text = None if told is None else told.text
        if text is not None and len(text) > ALERT_CHARS_MAX:
            text = f"{text[: ALERT_CHARS_MAX - 1]}…"
        assert query.bot is not None
        try:
            await query.bot.answer_callback_query(
                query.id,
                text=text,
                show_alert=True if told is not None and told.is_alert else None,
                request_timeout=ALERT_S_MAX,
            )
        except (AiogramError, OSError) as error:
            log.info("press.not_confirmed", account_id=query.from_user.id, why=str(error))
