"""Tidying up in the group: answers that are nobody's news go after a time, with their commands.

Notes are collected and written to Postgres together, so an answer waits for none, and a restart
forgets no message. A process that is killed leaves those of its last seconds standing.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import Message

from bots.runtime.database import Database
from config.community import AnswerSetting
from db import DbError
from db.members import transient_messages
from db.members.transient_messages import Transient

log = structlog.get_logger("twinstream.telegram_bot")

#: Seconds between looks at Postgres.
INTERVAL_S = 3.0
#: Messages deleted at once: Telegram's limit.
DELETED_MAX: Final = 100
#: Age in seconds beyond which Telegram deletes no message: 48 hours, less an hour for its clock.
AGE_S_MAX: Final = 47 * 3_600.0
#: Messages that wait to be noted while Postgres is away. Beyond it the oldest stays in the group.
NOTES_MAX: Final = 1_000
#: Seconds after which a deletion is tried again that Telegram did not do.
RETRY_S: Final = 60.0
#: Seconds that a stopping bot gives to its last notes.
STOP_S_MAX: Final = 2.0


class Tidier:
    """Deletes transient answers in the group once their time is over."""

    def __init__(self, database: Database, setting: AnswerSetting, group_id: int) -> None:
        self._database = database
        self._after_s = float(setting.tidy_after_s)
        self._with_commands = setting.tidy_commands
        self._group_id = group_id
        #: The newest note about each message: True for a command, False for an answer, None for
        #: one that stays.
        self._notes: dict[int, bool | None] = {}

    def note(self, sent: object, commands: Collection[int], *, stays: bool) -> None:
        """Note that a message answers these commands, and whether it stays.

        A message that was noted before gets its whole time again.
        """
        if not self._after_s or not isinstance(sent, Message) or sent.chat.id != self._group_id:
            return
        if sent.ephemeral_message_id is not None:
            return  # it goes by itself
        self._put(sent.message_id, None if stays else False)
        for message_id in commands:
            self._put(message_id, None if stays else True)

    def _put(self, message_id: int, note: bool | None) -> None:
        self._notes.pop(message_id, None)
        self._notes[message_id] = note
        if len(self._notes) > NOTES_MAX:
            del self._notes[next(iter(self._notes))]

    async def run(self, bot: Bot) -> None:
        """Tidy up until cancelled; the last notes are written before."""
        if not self._after_s:
            return
        try:
            while True:
                try:
                    await self.step(bot)
                except DbError as error:
                    log.debug("tidying.delayed", why=str(error))
                await asyncio.sleep(INTERVAL_S)
        finally:
            writing = asyncio.ensure_future(self._write())
            await asyncio.wait({writing}, timeout=STOP_S_MAX)
            writing.cancel()

    async def step(self, bot: Bot) -> int:
        """Write what was noted, and delete what is due. Returns how many messages were due."""
        await self._write()
        async with self._database.connection() as conn:
            due = await transient_messages.take(conn, limit=DELETED_MAX, age_s_max=AGE_S_MAX)
        here = [one for one in due if one.chat_id == self._group_id]
        await self._delete(bot, [one for one in here if not one.is_command])
        if self._with_commands:
            await self._delete(bot, [one for one in here if one.is_command])
        return len(due)

    async def _write(self) -> None:
        notes, self._notes = self._notes, {}
        if not notes:
            return
        try:
            async with self._database.connection() as conn:
                await transient_messages.note(
                    conn,
                    self._group_id,
                    answers=[one for one, note in notes.items() if note is False],
                    commands=[one for one, note in notes.items() if note is True],
                    kept=[one for one, note in notes.items() if note is None],
                    after_s=self._after_s,
                )
        except BaseException:  # cancelled, too: the last notes of a stopping bot
            self._notes = {**notes, **self._notes}
            raise

    async def _delete(self, bot: Bot, messages: Sequence[Transient]) -> None:
        if not messages:
            return
        ids = [one.message_id for one in messages]
        try:
            await bot.delete_messages(self._group_id, ids)
        except TelegramBadRequest as error:
            if messages[0].is_command:
                # The bot has no right to delete what members write, and then it leaves that.
                log.info("commands.not_tidied", messages=len(ids), why=error.message)
            elif len(messages) > 1:
                # One that cannot be deleted keeps none of the others.
                for one in messages:
                    await self._delete(bot, [one])
            else:
                log.info("answer.not_tidied", message_id=ids[0], why=error.message)
        except (AiogramError, OSError) as error:
            log.info("answers.not_tidied", messages=len(ids), why=str(error))
            await self._put_off(messages)
        else:
            log.info("answers.tidied", messages=len(ids), are_commands=messages[0].is_command)

    async def _put_off(self, messages: Sequence[Transient]) -> None:
        """Have messages deleted later that Telegram did not delete now."""
        async with self._database.connection() as conn:
            await transient_messages.put_off(conn, self._group_id, messages, after_s=RETRY_S)
