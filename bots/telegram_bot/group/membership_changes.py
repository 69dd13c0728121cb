"""Changes in the group: accounts that join, leave or change their rights, and a new id of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

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
from aiogram.types import ChatMemberUpdated, Message, TelegramObject

from bots.features.room import Invitation, Room, gone, invited, returned

from .membership import Membership
from .moves import GroupMoves
from .presence import Presence

log = structlog.get_logger("twinstream.telegram_bot")

#: The account that the anonymous administrators of all groups share.
ANONYMOUS_ADMIN_ID = 1_087_968_824
ORDINARY = MEMBER | +RESTRICTED


def add_membership_changes(
    router: Router,
    rooms: Sequence[Room],
    membership: Membership,
    moves: GroupMoves,
    presence: Presence,
    group_id: int,
) -> None:
    """Register the handlers of updates that concern the group's members, or the group itself."""

    async def forget(
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Have Telegram asked again about a member who changed, before any handler."""
        assert isinstance(event, ChatMemberUpdated)
        if event.chat.id == group_id:
            membership.forget(event.new_chat_member.user.id)
        return await handler(event, data)

    router.chat_member.outer_middleware(forget)

    @router.my_chat_member(F.chat.id == group_id)
    async def bot_changed(update: ChatMemberUpdated) -> None:
        membership.forget_all()
        presence.changed()
        log.info("bot.status_changed", chat_id=group_id, status=update.new_chat_member.status)

    # An account that becomes an administrator, or ceases to be one, loses its tag or title.
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(IS_NOT_MEMBER >> IS_MEMBER))
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(IS_ADMIN >> ORDINARY))
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(ORDINARY >> IS_ADMIN))
    async def changed(update: ChatMemberUpdated) -> None:
        assert update.bot is not None
        if (invitation := invitation_of(update, update.bot.id)) is not None:
            await invited(rooms, invitation)
        await returned(rooms, update.new_chat_member.user.id)

    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(IS_MEMBER >> IS_NOT_MEMBER))
    async def left(update: ChatMemberUpdated) -> None:
        await gone(rooms, update.new_chat_member.user.id)

    # The first message is the last one in the old chat, the second the first one in the new chat.
    @router.message(F.chat.id == group_id, F.migrate_to_chat_id)
    async def moves_away(message: Message) -> None:
        moves.told(group_id, message.migrate_to_chat_id)

    @router.message(F.migrate_from_chat_id == group_id)
    async def moved_here(message: Message) -> None:
        moves.told(group_id, message.chat.id)


def invitation_of(update: ChatMemberUpdated, bot_id: int) -> Invitation | None:
    """Return the invitation by which an account joined; None for none of a person's. Pure.

    A member added the account, or it came by a link that a person made, or that this bot made: for
    which member, the record says. Other links of bots, and the group's public name, are nobody's:
    an administrator who approves a request that was sent by that name invited nobody.
    """
    account = update.new_chat_member.user
    was_here = update.old_chat_member.status not in ("left", "kicked") and getattr(
        update.old_chat_member, "is_member", True
    )
    if account.is_bot or was_here:
        return None
    link = update.invite_link
    if link is None and update.via_join_request:
        return None
    inviter = update.from_user if link is None else link.creator
    if link is not None and inviter.id == bot_id:
        return Invitation(None, account.id, link.invite_link)
    if inviter.is_bot or inviter.id in (account.id, ANONYMOUS_ADMIN_ID):
        return None
    return Invitation(inviter.id, account.id)
