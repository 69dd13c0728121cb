"""Writing: messages with files, replies and edits; reactions; threads and forum posts."""

from collections.abc import Sequence

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.messages import Draft
from sandbox.discord_api.bodies.uploads import FILE_SIZE_MAX, Upload
from sandbox.discord_api.channel_types import CATEGORY, FORUM, NEWS, PUBLIC_THREAD, TEXT
from sandbox.discord_api.emoji import is_emoji
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_in
from sandbox.discord_api.snowflakes import age_of, now
from sandbox.discord_api.world import Channel, Message, Thread
from sandbox.errors import SandboxError

from .actors import Actors

__all__ = ["Writing"]

CONTENT_LENGTH_MAX = 2000
FILES_MAX = 10
REACTIONS_MAX = 20
THREAD_NAME_LENGTH_MAX = 100
REPLY = 19
#: The types of messages that people can forward: usual ones, replies and answers to commands.
FORWARDABLE = frozenset({0, REPLY, 20, 23})
HAS_SNAPSHOT = 1 << 14
STICKER_NAME_LENGTH_MAX = 30
PNG = 1


class Writing(Actors):
    """Writes, edits, deletes and reacts for people."""

    def say(
        self,
        channel_id: int,
        user_id: int,
        text: str = "",
        *,
        reply_to: int | None = None,
        files: Sequence[Upload] = (),
        sticker: str | None = None,
    ) -> int:
        """A person writes a message, perhaps with files or as a reply. Returns its id.

        `sticker` is the name of a sticker of Discord's own, which may stand alone.
        """
        channel = self._channel_of(channel_id, user_id, Permission.SEND_MESSAGES)
        self._check_writable(channel, user_id)
        draft = _draft(text, files, kept=sticker is not None)
        stickers = [] if sticker is None else [self._sticker(sticker)]
        if reply_to is not None:
            self._message_of(channel_id, reply_to, user_id)
        if files:
            self._channel_of(channel_id, user_id, Permission.ATTACH_FILES)
        if channel.thread is not None:
            if channel.thread.archived:
                self._editor.edit_channel(channel, {"archived": False}, by=user_id)
            self._editor.join_thread(channel, user_id)
        kind = 0 if reply_to is None else REPLY
        return self._editor.write(
            channel.id, user_id, draft, type=kind, reply_to=reply_to, stickers=stickers
        ).id

    def forward(self, channel_id: int, user_id: int, from_channel_id: int, message_id: int) -> int:
        """A person forwards a message into a channel. Returns the id of the new one.

        It shows the message as it is now, and does not name its author.
        """
        channel = self._channel_of(channel_id, user_id, Permission.SEND_MESSAGES)
        self._check_writable(channel, user_id)
        self._channel_of(from_channel_id, user_id, Permission.READ_MESSAGE_HISTORY)
        source = self._message_of(from_channel_id, message_id, user_id)
        if source.visible_to is not None or source.type not in FORWARDABLE:
            raise SandboxError(f"message {message_id} cannot be forwarded")
        shown = payloads.forward_of(source, self._world)
        draft = Draft(flags=HAS_SNAPSHOT)
        return self._editor.write(channel.id, user_id, draft, forwarded=shown).id

    def edit(self, channel_id: int, message_id: int, user_id: int, text: str) -> None:
        """A person changes the text of their own message."""
        self._channel_of(channel_id, user_id, Permission.VIEW_CHANNEL)
        message = self._message_of(channel_id, message_id, user_id)
        if message.author_id != user_id:
            raise SandboxError(f"user {user_id} did not write message {message_id}")
        if message.forwarded is not None or message.stickers:
            raise SandboxError(f"message {message_id} is a forward or a sticker, without a text")
        draft = _draft(text, (), kept=bool(message.attachments))
        draft.files = [*message.attachments]
        draft.embeds, draft.components, draft.flags = message.embeds, [], message.flags
        self._editor.rewrite(message, draft)

    def delete(self, channel_id: int, message_id: int, user_id: int) -> None:
        """A person deletes their own message, or as a moderator any message."""
        channel = self._channel_of(channel_id, user_id, Permission.VIEW_CHANNEL)
        message = self._message_of(channel_id, message_id, user_id)
        if message.author_id != user_id:
            self._require_moderator(channel, user_id)
        self._editor.erase(message, by=user_id)

    def react(
        self, channel_id: int, message_id: int, user_id: int, emoji: str, *, added: bool = True
    ) -> None:
        """A person adds a reaction to a message, or takes it away."""
        self._channel_of(channel_id, user_id, Permission.READ_MESSAGE_HISTORY)
        message = self._message_of(channel_id, message_id, user_id)
        if message.visible_to is not None:
            raise SandboxError("an ephemeral message takes no reactions")
        if not added:
            if self._has_reaction(message, user_id, emoji):
                return self._editor.unreact(message, user_id, emoji)
            raise SandboxError(f"user {user_id} has no reaction {emoji!r} to message {message_id}")
        if not is_emoji(emoji):
            raise SandboxError(f"{emoji!r} is not one emoji of Unicode")
        if self._editor.reaction(message, emoji) is None:
            self._channel_of(channel_id, user_id, Permission.ADD_REACTIONS)
            if len(message.reactions) >= REACTIONS_MAX:
                raise SandboxError(f"a message takes {REACTIONS_MAX} different reactions")
        return self._editor.react(message, user_id, emoji)

    def type_in(self, channel_id: int, user_id: int) -> None:
        """A person begins to type."""
        channel = self._channel_of(channel_id, user_id, Permission.SEND_MESSAGES)
        self._editor.type_in(channel, user_id)

    def start_thread(
        self,
        channel_id: int,
        user_id: int,
        name: str,
        *,
        text: str = "",
        message_id: int | None = None,
        files: Sequence[Upload] = (),
    ) -> int:
        """A person starts a thread, on a message or without; a post in a forum needs a `text`.

        Returns the thread's id, which is that of the message on which it was started.
        """
        parent = self._channel_of(channel_id, user_id, Permission.CREATE_PUBLIC_THREADS)
        if parent.type not in (TEXT, NEWS, FORUM):
            raise SandboxError(f"channel {channel_id} has no threads")
        if not 1 <= len(name) <= THREAD_NAME_LENGTH_MAX:
            raise SandboxError(f"a thread's name has 1 to {THREAD_NAME_LENGTH_MAX} characters")
        if parent.type == FORUM and not (text or files):
            raise SandboxError("a post in a forum needs a text or a file")
        starter = None
        if message_id is not None:
            starter = self._message_of(channel_id, message_id, user_id)
            if starter.thread_id is not None:
                raise SandboxError(f"message {message_id} has a thread already")
        thread_id = self._world.next_id() if starter is None else starter.id
        made = Thread(user_id, now(), now())
        channel = Channel(thread_id, name, PUBLIC_THREAD, parent_id=parent.id, thread=made)
        if starter is not None:
            starter.thread_id = thread_id
        self._editor.start_thread(channel)
        if text or files:
            draft = _draft(text, files)
            post_id = thread_id if parent.type == FORUM else None
            self._editor.write(thread_id, user_id, draft, message_id=post_id)
        return thread_id

    def join_thread(self, thread_id: int, user_id: int, *, joined: bool = True) -> None:
        """A person joins a thread, or leaves it."""
        channel = self._channel_of(thread_id, user_id, Permission.VIEW_CHANNEL)
        if channel.thread is None:
            raise SandboxError(f"channel {thread_id} is no thread")
        change = self._editor.join_thread if joined else self._editor.leave_thread
        change(channel, user_id)

    # Shared steps

    def _sticker(self, name: str) -> Json:
        if not 1 <= len(name) <= STICKER_NAME_LENGTH_MAX:
            raise SandboxError(f"a sticker's name has 1 to {STICKER_NAME_LENGTH_MAX} characters")
        return {"id": str(self._world.next_id()), "name": name, "format_type": PNG}

    def _check_writable(self, channel: Channel, user_id: int) -> None:
        self._check_pace(channel, user_id)
        if channel.type in (CATEGORY, FORUM):
            raise SandboxError(f"channel {channel.id} holds no messages; a forum takes threads")
        if channel.thread is not None and channel.thread.locked:
            self._require_moderator(channel, user_id)

    def _check_pace(self, channel: Channel, user_id: int) -> None:
        """Refuse a message in a slow channel too soon after the last one of this person."""
        pause = channel.rate_limit_per_user
        if not pause:
            return
        held = permissions_in(self._world, self._member(user_id), channel)
        if held & (Permission.MANAGE_MESSAGES | Permission.MANAGE_CHANNELS):
            return
        mine = [
            age_of(one.id)
            for one in self._world.messages.values()
            if one.channel_id == channel.id and one.author_id == user_id
        ]
        if min(mine, default=pause) < pause:
            raise SandboxError(f"channel {channel.id} takes one message in {pause} s of a member")

    def _require_moderator(self, channel: Channel, user_id: int) -> None:
        if channel.direct:
            raise SandboxError("in a direct channel people delete their own messages only")
        held = permissions_in(self._world, self._member(user_id), channel)
        if Permission.MANAGE_MESSAGES not in held:
            raise SandboxError(f"user {user_id} lacks the permission MANAGE_MESSAGES")

    def _has_reaction(self, message: Message, user_id: int, emoji: str) -> bool:
        reaction = self._editor.reaction(message, emoji)
        return reaction is not None and user_id in reaction.user_ids


def _draft(text: str, files: Sequence[Upload], *, kept: bool = False) -> Draft:
    """Return what a person wrote; white space around a text is removed, as Discord does it."""
    content = text.strip()
    if len(content) > CONTENT_LENGTH_MAX or not (content or files or kept):
        raise SandboxError(f"a message has 1 to {CONTENT_LENGTH_MAX} characters")
    if len(files) > FILES_MAX:
        raise SandboxError(f"a message has at most {FILES_MAX} files")
    if any(len(one.content) > FILE_SIZE_MAX for one in files):
        raise SandboxError(f"a file has at most {FILE_SIZE_MAX} bytes")
    return Draft(content=content, files=list(files))
