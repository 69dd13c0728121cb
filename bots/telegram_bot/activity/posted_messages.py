"""Messages in the community's group, and in other chats that the settings name, for the rooms."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Final

from aiogram.enums import ChatType, ContentType, MessageEntityType
from aiogram.types import Message, TelegramObject

from bots.features.posted_messages import MessagePlace, Posted
from bots.features.room import Room, posted
from bots.telegram_bot.group.membership import Membership, Standing
from bots.telegram_bot.messages.authors import Author, author_of, topic_of

#: Contents that say something without a text.
_SPEAKING: Final = frozenset(
    {
        ContentType.AUDIO,
        ContentType.CHECKLIST,
        ContentType.CONTACT,
        ContentType.DOCUMENT,
        ContentType.LIVE_PHOTO,
        ContentType.LOCATION,
        ContentType.PAID_MEDIA,
        ContentType.PHOTO,
        ContentType.POLL,
        ContentType.RICH_MESSAGE,
        ContentType.STORY,
        ContentType.VENUE,
        ContentType.VIDEO,
        ContentType.VIDEO_NOTE,
        ContentType.VOICE,
    }
)
#: Contents that members send with one tap.
_MUTE: Final = frozenset(
    {ContentType.STICKER, ContentType.ANIMATION, ContentType.DICE, ContentType.GAME}
)


class PostedMessages:
    """Shows the rooms what members post, as an outer middleware."""

    def __init__(
        self,
        rooms: Sequence[Room],
        membership: Membership,
        group_id: int,
        other_chats: Collection[int],
    ) -> None:
        self._rooms = rooms
        self._membership = membership
        self._group_id = group_id
        self._other_chats = frozenset(other_chats)

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Show the message, and hand it on."""
        assert isinstance(event, Message)
        if event.chat.id == self._group_id or event.chat.id in self._other_chats:
            self._show(event)
        return await handler(event, data)

    def _show(self, message: Message) -> None:
        is_home = message.chat.id == self._group_id
        found = posted_by_member(message, is_home=is_home)
        if found is None:
            return
        if is_home:
            # Nobody is asked about: Telegram itself lets nobody write who is muted. Others write
            # here who are no members, such as commenters on a linked channel's posts.
            known = self._membership.known(found.account_id)
            if known in (Standing.MUTED, Standing.OUTSIDE):
                return
        posted(self._rooms, found)


def posted_by_member(message: Message, *, is_home: bool) -> Posted | None:
    """Return what a member wrote by themselves; None for any other message. Pure.

    Left out are posts of bots, channels and anonymous administrators, forwards, messages by way of
    an inline bot, and news of the chat.
    """
    user = message.from_user
    if user is None or author_of(message) is not Author.MEMBER:
        return None
    is_passed_on = (
        message.forward_origin is not None
        or message.via_bot is not None
        or message.is_automatic_forward
        or message.sender_business_bot is not None
    )
    text = _text_of(message)
    if is_passed_on or text is _NOTHING or message.chat.type == ChatType.PRIVATE:
        return None
    entities = message.entities or message.caption_entities or []
    return Posted(
        account_id=user.id,
        name=user.full_name,
        message_id=message.message_id,
        place=place_of(message, is_home=is_home),
        at=message.date,
        text=text,
        is_command=any(
            one.type == MessageEntityType.BOT_COMMAND and one.offset == 0 for one in entities
        ),
    )


def place_of(message: Message, *, is_home: bool) -> MessagePlace:
    """Return the chat and the topic of a message. Pure."""
    return MessagePlace(message.chat.id, topic_of(message), is_home=is_home)


#: Stands for a message that nobody wrote, such as the news that a message was pinned.
_NOTHING: Final = "\x00"


def _text_of(message: Message) -> str | None:
    """Return the text to judge, None if there is none to judge, or _NOTHING. Pure."""
    text = message.text or message.caption
    kind = message.content_type
    if kind == ContentType.TEXT or (text and kind in _SPEAKING | _MUTE):
        return text or ""
    if kind in _SPEAKING:
        return None
    return "" if kind in _MUTE else _NOTHING
