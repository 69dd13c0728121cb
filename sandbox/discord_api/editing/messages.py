"""Changes of messages: their content and files, reactions, pins, and typing."""

import time
from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.components import media_of
from sandbox.discord_api.bodies.messages import EPHEMERAL, Draft, apply_mentions
from sandbox.discord_api.bodies.uploads import Upload
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.snowflakes import age_of, now
from sandbox.discord_api.world import Attachment, Channel, Message, Reaction, Thread

from .announcements import Announcer

__all__ = ["MessageEditor"]

MESSAGE_DELETE, MESSAGE_BULK_DELETE, MESSAGE_PIN, MESSAGE_UNPIN = 72, 73, 74, 75
PINNED_NOTICE = 6


class MessageEditor(Announcer):
    """Writes, changes and deletes messages."""

    def write(
        self,
        channel_id: int,
        author_id: int,
        draft: Draft,
        *,
        message_id: int | None = None,
        **attributes: Any,
    ) -> Message:
        """Write a message. An ephemeral one is kept but not announced.

        The first message of a post in a forum has a given `message_id`: that of the post.
        """
        message = Message(
            id=self.world.next_id() if message_id is None else message_id,
            channel_id=channel_id,
            author_id=author_id,
            content=draft.content,
            timestamp=now(),
            flags=draft.flags,
            embeds=draft.embeds,
            components=self._with_media_ids(draft.components),
            attachments=[self.store(one, channel_id) for one in draft.files],
            **attributes,
        )
        apply_mentions(message, draft, self.world)
        self.world.remember(message)
        thread = self._thread_counting(message)
        if thread is not None:
            thread.message_count += 1
            thread.messages_sent += 1
        self._message_event("MESSAGE_CREATE", message)
        return message

    def rewrite(self, message: Message, draft: Draft) -> None:
        """Replace the content of a message."""
        message.content = draft.content
        message.embeds = draft.embeds
        message.components = self._with_media_ids(draft.components)
        message.flags = draft.flags
        before = message.attachments
        message.attachments = [self.store(one, message.channel_id) for one in draft.files]
        for gone in (one for one in before if one not in message.attachments):
            self.world.drop_file(gone.id)
        message.edited_timestamp = now()
        apply_mentions(message, draft, self.world)
        self._message_event("MESSAGE_UPDATE", message)

    def erase(self, message: Message, *, by: int, reason: str | None = None) -> None:
        """Delete a message. Deleting another author's message adds an audit-log line."""
        channel = self.world.channels[message.channel_id]
        self._forget(message)
        if by != message.author_id and not channel.direct:
            options = {"channel_id": str(channel.id), "count": "1"}
            self._log(MESSAGE_DELETE, by, message.author_id, [], reason, options)
        if not message.flags & EPHEMERAL:
            gone = {"id": str(message.id), "channel_id": str(channel.id)}
            self._channel_event(channel, "MESSAGE_DELETE", gone)

    def erase_many(
        self, channel: Channel, messages: list[Message], *, by: int, reason: str | None = None
    ) -> None:
        """Delete several messages of a channel with one event."""
        for message in messages:
            self._forget(message)
        options = {"count": str(len(messages))}
        self._log(MESSAGE_BULK_DELETE, by, channel.id, [], reason, options)
        gone = {"ids": [str(one.id) for one in messages], "channel_id": str(channel.id)}
        self._channel_event(channel, "MESSAGE_DELETE_BULK", gone)

    def erase_latest(self, author_id: int, seconds: int, *, by: int) -> None:
        """Delete what a user wrote in the guild in the last seconds, one event per channel."""
        found: dict[int, list[Message]] = {}
        for one in self.world.messages.values():
            if one.author_id == author_id and age_of(one.id) < seconds:
                found.setdefault(one.channel_id, []).append(one)
        for channel_id, messages in found.items():
            channel = self.world.channels[channel_id]
            if not channel.direct:
                self.erase_many(channel, messages, by=by)

    def store(self, file: Attachment | Upload, channel_id: int) -> Attachment:
        """Return the attachment of a file; an upload is kept, so that it can be fetched."""
        if isinstance(file, Attachment):
            return file
        one = file.attachment(self.world.next_id(), channel_id)
        self.world.keep_file(one, file.content)
        return one

    # Reactions, pins and typing

    def react(self, message: Message, user_id: int, emoji: str) -> None:
        """Add a user's reaction. The same one twice changes nothing."""
        reaction = self.reaction(message, emoji)
        if reaction is None:
            reaction = Reaction(emoji)
            message.reactions.append(reaction)
        if user_id not in reaction.user_ids:
            reaction.user_ids.append(user_id)
            self._reaction_event("MESSAGE_REACTION_ADD", message, emoji, user_id)

    def unreact(self, message: Message, user_id: int, emoji: str) -> None:
        """Take a user's reaction away, if they have it."""
        reaction = self.reaction(message, emoji)
        if reaction is None or user_id not in reaction.user_ids:
            return
        reaction.user_ids.remove(user_id)
        message.reactions = [one for one in message.reactions if one.user_ids]
        self._reaction_event("MESSAGE_REACTION_REMOVE", message, emoji, user_id)

    def clear_reactions(self, message: Message, emoji: str | None = None) -> None:
        """Remove all reactions of a message, or all with one emoji."""
        kept = [one for one in message.reactions if emoji is not None and one.emoji != emoji]
        if len(kept) == len(message.reactions):
            return
        message.reactions = kept
        suffix = "ALL" if emoji is None else "EMOJI"
        self._reaction_event(f"MESSAGE_REACTION_REMOVE_{suffix}", message, emoji)

    @staticmethod
    def reaction(message: Message, emoji: str) -> Reaction | None:
        """Return the reaction of a message with this emoji."""
        return next((one for one in message.reactions if one.emoji == emoji), None)

    def pin(self, message: Message, *, by: int, reason: str | None = None) -> None:
        """Pin a message, with the notice that Discord writes below it."""
        message.pinned_at = now()
        self._pins_changed(message, MESSAGE_PIN, by, reason)
        self.write(message.channel_id, by, Draft(), type=PINNED_NOTICE, reply_to=message.id)

    def unpin(self, message: Message, *, by: int, reason: str | None = None) -> None:
        """Take a message from the pinned ones."""
        message.pinned_at = None
        self._pins_changed(message, MESSAGE_UNPIN, by, reason)

    def type_in(self, channel: Channel, user_id: int) -> None:
        """A user begins to write."""
        payload: Json = {
            "channel_id": str(channel.id),
            "user_id": str(user_id),
            "timestamp": int(time.time()),
        }
        member = self.world.guild.members.get(user_id)
        if not channel.direct and member is not None:
            payload["member"] = payloads.member(member, self.world.users)
        self._channel_event(channel, "TYPING_START", payload)

    # Shared steps

    def _thread_counting(self, message: Message) -> Thread | None:
        """Return the thread that counts a message; the first one of a post has the post's id."""
        if message.id == message.channel_id:
            return None
        return self.world.channels[message.channel_id].thread

    def _forget(self, message: Message) -> None:
        self.world.forget(message)
        thread = self._thread_counting(message)
        if thread is not None:
            thread.message_count = max(0, thread.message_count - 1)

    def _pins_changed(self, message: Message, action: int, by: int, reason: str | None) -> None:
        channel = self.world.channels[message.channel_id]
        if not channel.direct:
            options = {"channel_id": str(channel.id), "message_id": str(message.id)}
            self._log(action, by, message.author_id, [], reason, options)
        self._message_event("MESSAGE_UPDATE", message)
        pins = [
            one.pinned_at
            for one in self.world.messages.values()
            if one.channel_id == channel.id and one.pinned_at is not None
        ]
        latest = {"channel_id": str(channel.id), "last_pin_timestamp": max(pins, default=None)}
        self._channel_event(channel, "CHANNEL_PINS_UPDATE", latest)

    def _with_media_ids(self, components: list[Json]) -> list[Json]:
        """Give every media item the id and the address that Discord's answers show."""
        for media in media_of(components):
            media.setdefault("id", str(self.world.next_id()))
            media.setdefault("proxy_url", media["url"])
        return components

    def _message_event(self, event: str, message: Message) -> None:
        if not message.flags & EPHEMERAL:
            channel = self.world.channels[message.channel_id]
            self._channel_event(channel, event, lambda view: payloads.message_event(message, view))

    def _reaction_event(
        self, event: str, message: Message, emoji: str | None, user_id: int | None = None
    ) -> None:
        channel = self.world.channels[message.channel_id]
        payload = payloads.reaction_event(message, emoji, user_id, self.world)
        if event != "MESSAGE_REACTION_ADD":
            payload = {
                name: value
                for name, value in payload.items()
                if name not in ("member", "message_author_id")
            }
        self._channel_event(channel, event, payload)
