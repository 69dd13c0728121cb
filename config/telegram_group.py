"""The id of the Telegram group, which Telegram changes when the group becomes a supergroup."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aiogram.exceptions import TelegramMigrateToChat

log = structlog.get_logger("twinstream.telegram")

T = TypeVar("T")


class GroupAddress:
    """The group's id as a process knows it: the configured one, or the one that followed it.

    Telegram names the new id in a service message, and in the refusal of each call with the old
    one. The process goes on with the new id. `twinstream.toml` keeps the old one until an operator
    corrects it, so each process learns the new one again after its start.
    """

    def __init__(self, chat_id: int) -> None:
        self._configured = chat_id
        self.chat_id = chat_id

    @property
    def remedy(self) -> str | None:
        """The correction of twinstream.toml that is due; None if the configured id is right."""
        if self.chat_id == self._configured:
            return None
        return (
            f"the Telegram group became a supergroup: set chat_id = {self.chat_id} in [telegram] of"
            f" twinstream.toml, in place of {self._configured}, and restart the processes"
        )

    def follow(self, old_id: object, new_id: int | None) -> bool:
        """Take over the new id of the chat `old_id`. Returns False if that is not the group's."""
        if new_id is None or old_id != self.chat_id or new_id == old_id:
            return False
        self.chat_id = new_id
        log.error("chat.migrated", old_chat_id=old_id, chat_id=new_id, why=self.remedy)
        return True

    async def reach(self, call: Callable[[int], Awaitable[T]]) -> T:
        """Make a call to the group, once more if Telegram refuses it with the group's new id."""
        asked = self.chat_id
        try:
            return await call(asked)
        except TelegramMigrateToChat as error:
            if not self.follow(asked, error.migrate_to_chat_id):
                raise
            return await call(self.chat_id)
