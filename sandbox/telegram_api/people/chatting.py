"""People write, send media, forward, edit and delete."""

import base64
import dataclasses
import re
from typing import Any

from sandbox.errors import SandboxError
from sandbox.telegram_api.errors import ApiError
from sandbox.telegram_api.methods.bot_profile import ephemeral_commands
from sandbox.telegram_api.methods.messages.forwarding import content_of
from sandbox.telegram_api.methods.messages.media import ALBUM_SIZES, PERMISSIONS
from sandbox.telegram_api.methods.messages.sending import quotation
from sandbox.telegram_api.methods.messages.simple_contents import DICE
from sandbox.telegram_api.texts.formatting import CAPTION_LENGTH_MAX, TEXT_LENGTH_MAX
from sandbox.telegram_api.texts.found_entities import found_in, length_of
from sandbox.telegram_api.world import JSON, Group, User, World
from sandbox.telegram_api.world.deliveries import is_command_for, is_service
from sandbox.telegram_api.world.files import KINDS, shown, store
from sandbox.telegram_api.world.payloads import chat_payload, forward_origin, quoted

from .actor import Actor

__all__ = ["Chatting", "Manner"]

#: The kinds of media that an album may hold together.
ALBUMS = (frozenset({"photo", "video"}), frozenset({"document"}), frozenset({"audio"}))
#: The kinds of media that have a caption.
CAPTIONED = frozenset({"animation", "audio", "document", "photo", "video", "voice"})
PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
# One black pixel, for a picture that a test needs and does not care about.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """How a person sends a message.

    `anonymous` administrators appear as the group, and with `sender_chat_id` people as a channel
    that they own. `thread_id` is the topic of a forum. `quote` is the part of the message to which
    the reply is. `bot_id` is the bot of a private chat, by default the seed's.
    """

    reply_to: int | None = None
    quote: str | None = None
    anonymous: bool = False
    sender_chat_id: int | None = None
    thread_id: int | None = None
    bot_id: int | None = None


class Chatting(Actor):
    """People write, send media, forward, edit and delete."""

    def say(
        self,
        chat_id: int,
        user_id: int,
        text: str,
        *,
        reply_to: int | None = None,
        anonymous: bool = False,
        manner: Manner | None = None,
    ) -> int:
        """A person writes. Returns the message id (0 for an ephemeral command).

        Writing in private starts the chat with the bot. `manner` replaces the other options.
        """
        manner = manner or Manner(reply_to=reply_to, anonymous=anonymous)
        content = _text_content(text)
        return self._send(chat_id, user_id, content, manner, "can_send_messages")

    def start(self, user_id: int, payload: str = "", *, bot_id: int | None = None) -> int:
        """A person opens the bot by a link like t.me/bot?start=payload. Returns the message id.

        A payload has 1 to 64 of the characters A-Z, a-z, 0-9, _ and -.
        """
        if payload and not PAYLOAD.fullmatch(payload):
            raise SandboxError(f"{payload!r} is no start payload: 1 to 64 of A-Z a-z 0-9 _ -")
        text = f"/start {payload}".strip()
        return self.say(user_id, user_id, text, manner=Manner(bot_id=bot_id))

    def send(
        self,
        chat_id: int,
        user_id: int,
        kind: str,
        *,
        data: bytes | None = None,
        file_name: str = "",
        caption: str = "",
        fields: JSON | None = None,
        album: int | None = None,
        manner: Manner | None = None,
    ) -> int:
        """A person sends a file or something else than text. Returns the message id.

        `kind` is a kind of media (photo, document, video, audio, voice, video_note, animation,
        sticker), or location, contact, venue or dice with the `fields` of that object. For media
        the `fields` add to the object, such as duration or emoji. Telegram sends each item of an
        album as a message; those that one person sends with the same number belong together.
        """
        if kind in KINDS:
            content = self._media(kind, data, file_name, fields or {})
            permission = PERMISSIONS[kind]
            if length_of(caption) > CAPTION_LENGTH_MAX:
                raise SandboxError("the caption is longer than 1024 characters")
            if caption.strip():
                content["caption"] = caption.strip()
                if entities := found_in(content["caption"]):
                    content["caption_entities"] = entities
        else:
            content, permission = _thing(kind, fields or {}), "can_send_messages"
        if album is not None:
            self._check_album(chat_id, user_id, kind, f"{album}", manner or Manner())
            content["media_group_id"] = f"{album}"
        return self._send(chat_id, user_id, content, manner or Manner(), permission)

    def _check_album(
        self, chat_id: int, user_id: int, kind: str, album: str, manner: Manner
    ) -> None:
        """Refuse what does not fit: up to ten photos and videos, documents, or audios."""
        world = self._of(manner.bot_id)
        others = [one for one in world.kept(chat_id).values() if one.get("media_group_id") == album]
        together = next((kinds for kinds in ALBUMS if kind in kinds), frozenset())
        fits = all(together & one.keys() and world.author(one) == user_id for one in others)
        if not together or not fits or len(others) >= max(ALBUM_SIZES):
            raise SandboxError(f"a {kind} of {user_id} cannot join the album {album}")

    def _media(self, kind: str, data: bytes | None, file_name: str, fields: JSON) -> JSON:
        content = PIXEL if data is None else data
        try:
            file = store(self._world.state, kind, content, name=file_name, meta=fields)
        except ApiError as error:
            raise SandboxError(f"Telegram takes no such {kind}: {error.description}") from error
        return {kind: shown(file)}

    def forward(
        self,
        chat_id: int,
        user_id: int,
        from_chat_id: int,
        message_id: int,
        *,
        hidden: bool = False,
        manner: Manner | None = None,
    ) -> int:
        """A person forwards a message. Returns the id of the new one.

        `hidden` says that the author's account may not be linked.
        """
        manner = manner or Manner()
        self._chat_of(from_chat_id, user_id)
        source = self._existing(self._of(manner.bot_id), from_chat_id, message_id)
        if is_service(source) or source.get("has_protected_content"):
            raise SandboxError(f"message {message_id} cannot be forwarded")
        origin = forward_origin(source, hidden=hidden)
        content = content_of(source) | {"forward_origin": origin}
        return self._send(chat_id, user_id, content, manner, "can_send_messages")

    def edit(
        self,
        chat_id: int,
        message_id: int,
        user_id: int,
        text: str,
        *,
        bot_id: int | None = None,
    ) -> None:
        """A person edits the text or caption of their own message."""
        self._person(user_id)
        chat, world = self._chat_of(chat_id, user_id), self._of(bot_id)
        message = self._existing(world, chat_id, message_id)
        if world.author(message) != user_id or is_service(message) or "forward_origin" in message:
            raise SandboxError(f"message {message_id} cannot be edited by {user_id}")
        if "text" not in message and not CAPTIONED & message.keys():
            raise SandboxError(f"message {message_id} has neither a text nor a caption")
        fields = _text_content(text)
        prefix = "" if "text" in message else "caption_"
        if prefix and length_of(fields["text"]) > CAPTION_LENGTH_MAX:
            raise SandboxError("the caption is longer than 1024 characters")
        message["caption" if prefix else "text"] = fields["text"]
        message.pop(f"{prefix}entities", None)
        if "entities" in fields:
            message[f"{prefix}entities"] = fields["entities"]
        message["edit_date"] = int(world.now())
        world.deliver(chat, message, author=user_id, edited=True)

    def delete(
        self, chat_id: int, message_id: int, user_id: int, *, bot_id: int | None = None
    ) -> None:
        """A person deletes a message: their own, with the right to it any. Bots are not told."""
        chat, world = self._chat_of(chat_id, user_id), self._of(bot_id)
        message = self._existing(world, chat_id, message_id)
        allowed = isinstance(chat, User) or world.author(message) == user_id
        if isinstance(chat, Group) and not allowed:
            member = chat.members[user_id]
            allowed = member.status == "creator" or "can_delete_messages" in member.rights
        if not allowed:
            raise SandboxError(f"message {message_id} cannot be deleted by {user_id}")
        world.remove(chat_id, message_id)

    def _send(
        self, chat_id: int, user_id: int, content: JSON, manner: Manner, permission: str
    ) -> int:
        user, world = self._person(user_id), self._of(manner.bot_id)
        chat = self._chat_of(chat_id, user_id, permission)
        replied = None
        if manner.reply_to is not None:
            replied = self._existing(world, chat_id, manner.reply_to)
            content = content | {"reply_to_message": quoted(replied)}
            if manner.quote:
                content["quote"] = quotation(manner.quote, replied)
                if content["quote"] is None:
                    raise SandboxError(f"message {manner.reply_to} has no words {manner.quote!r}")
        thread_id = self._thread(chat, user_id, manner.thread_id, replied)
        message = world.compose(chat, user, thread_id=thread_id, **content)
        self._disguise(world, chat, user, message, manner)
        if isinstance(chat, User):
            world.own.opened.add(user_id)
            # Telegram's apps let nobody write to a bot before they have unblocked it.
            self._set_blocked(world, user, blocked=False)
            world.own.keyboards.pop(f"{chat_id}:{user_id}:once", None)
        elif self._is_ephemeral(world, message):
            world.post_ephemeral(message, world.bot)
            world.emit("message", message)
            return 0
        world.post(message, author=user_id)
        world.deliver(chat, message, author=user_id)
        return int(message["message_id"])

    def _disguise(
        self, world: World, chat: Group | User, user: User, message: JSON, manner: Manner
    ) -> None:
        if not manner.anonymous and manner.sender_chat_id is None:
            return
        if isinstance(chat, User) or chat.kind == "channel":
            raise SandboxError("people write as a chat in groups only")
        if manner.anonymous:
            if chat.members[user.id].status not in ("creator", "administrator"):
                raise SandboxError("only administrators of a group write anonymously")
            world.mask(message, chat_payload(chat))
            return
        channel = self._channel(manner.sender_chat_id)
        if self._owner(channel) != user.id:
            raise SandboxError(f"{user.id} does not own the channel {channel.id}")
        if channel.id in chat.banned_chats:
            raise SandboxError(f"the channel {channel.id} is banned from the group")
        world.mask(message, chat_payload(channel))

    def _is_ephemeral(self, world: World, message: JSON) -> bool:
        entities = message.get("entities", [])
        if not entities or entities[0]["type"] != "bot_command" or entities[0]["offset"] != 0:
            return False
        command = message["text"][1 : entities[0]["length"]].partition("@")[0]
        ours = is_command_for(message, world.bot.username or "", alone=True)
        return ours and command in ephemeral_commands(world)


def _text_content(text: str) -> JSON:
    text = text.strip()
    if not text:
        raise SandboxError("there is no text to say")
    if length_of(text) > TEXT_LENGTH_MAX:
        raise SandboxError("the text is longer than 4096 characters")
    entities = found_in(text)
    return {"text": text} | ({"entities": entities} if entities else {})


def _thing(kind: str, fields: JSON) -> JSON:
    """Return the content of a message that has no file."""
    usual: dict[str, dict[str, Any]] = {
        "location": {"latitude": 52.5, "longitude": 13.4},
        "contact": {"phone_number": "+10000000000", "first_name": "Nobody"},
        "dice": {"emoji": "🎲", "value": 6},
        "venue": {
            "location": {"latitude": 52.5, "longitude": 13.4},
            "title": "Harbour",
            "address": "Pier 1",
        },
    }
    if kind not in usual:
        raise SandboxError(f"people send {', '.join([*KINDS, *usual])}, not {kind!r}")
    if unknown := fields.keys() - usual[kind].keys() - {"last_name", "user_id", "vcard"}:
        raise SandboxError(f"a {kind} has no field {', '.join(sorted(unknown))}")
    thing = usual[kind] | fields
    if kind == "dice" and thing["value"] not in range(1, DICE.get(str(thing["emoji"]), 0) + 1):
        raise SandboxError(f"there is no die {thing['emoji']} with the value {thing['value']}")
    content: JSON = {kind: thing}
    if kind == "venue":
        content["location"] = thing["location"]
    return content
