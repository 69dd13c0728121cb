"""Changes in the group: accounts that join or change their rights, and a new id of the group."""

from collections.abc import Sequence

import structlog
from aiogram import F, Router
from aiogram.filters import (
    IS_ADMIN,
    IS_MEMBER,
    IS_NOT_MEMBER,
    MEMBER,
    RESTRICTED,
    ChatMemberUpdatedFilter,
)
from aiogram.types import ChatMemberUpdated, Message

from bots.features.room import Room, returned

log = structlog.get_logger("twinstream.telegram_bot")

ORDINARY = MEMBER | +RESTRICTED


def add_membership_changes(router: Router, rooms: Sequence[Room], group_id: int) -> None:
    """Register the handlers of updates that concern the group's members, or the group itself."""

    # An account that becomes an administrator, or ceases to be one, loses its tag or title.
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(IS_NOT_MEMBER >> IS_MEMBER))
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(IS_ADMIN >> ORDINARY))
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(ORDINARY >> IS_ADMIN))
    async def changed(update: ChatMemberUpdated) -> None:
        await returned(rooms, update.new_chat_member.user.id)

    @router.message(F.chat.id == group_id, F.migrate_to_chat_id)
    async def migrated(message: Message) -> None:
        log.error(
            "chat.migrated",
            why="the group became a supergroup and has a new id: set telegram.chat_id in"
            f" twinstream.toml to {message.migrate_to_chat_id} and start the bot again",
        )
