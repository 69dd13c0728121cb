"""Changes of channels and threads, and of the guild as a whole."""

from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.channel_types import DIRECT
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.snowflakes import now
from sandbox.discord_api.world import Channel, Overwrite, Thread

from .announcements import Announcer, changes_of

__all__ = ["ChannelEditor"]

CHANNEL_CREATE, CHANNEL_UPDATE, CHANNEL_DELETE = 10, 11, 12
GUILD_UPDATE = 1
OVERWRITE_CREATE, OVERWRITE_UPDATE, OVERWRITE_DELETE = 13, 14, 15
THREAD_CREATE, THREAD_UPDATE, THREAD_DELETE = 110, 111, 112


class ChannelEditor(Announcer):
    """Creates, changes and deletes channels and threads."""

    def open_direct(self, user_id: int) -> Channel:
        """Return the direct channel between the bot and a user, which is created on first use."""
        bot_id = self.world.bot_id
        for channel in self.world.channels.values():
            if (channel.recipient_id, channel.bot_id) == (user_id, bot_id):
                return channel
        channel_id = self.world.next_id()
        channel = Channel(channel_id, "", type=DIRECT, recipient_id=user_id, bot_id=bot_id)
        self.world.channels[channel.id] = channel
        return channel

    def create_channel(self, channel: Channel, *, by: int, reason: str | None = None) -> None:
        """Add a channel to the guild."""
        self.world.channels[channel.id] = channel
        changes = changes_of({"name": (None, channel.name), "type": (None, channel.type)})
        self._log(CHANNEL_CREATE, by, channel.id, changes, reason)
        self._guild_event("CHANNEL_CREATE", payloads.channel(channel, self.world))

    def edit_channel(
        self, channel: Channel, values: dict[str, Any], *, by: int, reason: str | None = None
    ) -> None:
        """Set attributes of a channel, or of a thread and its metadata."""
        changes = changes_of(
            {name: (getattr(_holder(channel, name), name), value) for name, value in values.items()}
        )
        if not changes:
            return
        for name, value in values.items():
            setattr(_holder(channel, name), name, value)
        if channel.thread is not None and "archived" in values:
            channel.thread.archived_at = now()
        action, event = CHANNEL_UPDATE, "CHANNEL_UPDATE"
        if channel.is_thread:
            action, event = THREAD_UPDATE, "THREAD_UPDATE"
        self._log(action, by, channel.id, changes, reason)
        self._guild_event(event, lambda view: payloads.channel(channel, view))

    def set_overwrite(
        self,
        channel: Channel,
        target: int,
        overwrite: Overwrite | None,
        *,
        by: int,
        reason: str | None = None,
    ) -> None:
        """Set the permissions of a role or member in a channel; None removes them."""
        action = OVERWRITE_UPDATE if target in channel.overwrites else OVERWRITE_CREATE
        if overwrite is None:
            action = OVERWRITE_DELETE
            channel.overwrites.pop(target, None)
        else:
            channel.overwrites[target] = overwrite
        options = {"id": str(target), "type": str(int(target in self.world.users))}
        self._log(action, by, channel.id, [], reason, options)
        self._guild_event("CHANNEL_UPDATE", payloads.channel(channel, self.world))

    def delete_channel(self, channel: Channel, *, by: int, reason: str | None = None) -> None:
        """Delete a channel with its messages and threads; members in it are disconnected."""
        for thread in [one for one in self.world.channels.values() if one.parent_id == channel.id]:
            if thread.is_thread:
                self._remove(thread)
            else:
                thread.parent_id = None
        self._remove(channel)
        changes = changes_of({"name": (channel.name, None)})
        if channel.is_thread:
            self._log(THREAD_DELETE, by, channel.id, changes, reason)
            about = {"id": str(channel.id), "type": channel.type}
            about["parent_id"] = str(channel.parent_id)
            self._guild_event("THREAD_DELETE", about)
        else:
            self._log(CHANNEL_DELETE, by, channel.id, changes, reason)
            self._guild_event("CHANNEL_DELETE", payloads.channel(channel, self.world))
        guild = self.world.guild
        lost = ("afk_channel_id", "system_channel_id")
        values = {name: None for name in lost if getattr(guild, name) == channel.id}
        self.edit_guild(values, by=by)

    # Threads

    def start_thread(self, channel: Channel, *, reason: str | None = None) -> None:
        """Add a thread, whose owner is its first member."""
        thread = _thread(channel)
        self.world.channels[channel.id] = channel
        thread.members[thread.owner_id] = now()
        changes = changes_of({"name": (None, channel.name)})
        self._log(THREAD_CREATE, thread.owner_id, channel.id, changes, reason)
        self._guild_event(
            "THREAD_CREATE", lambda view: payloads.channel(channel, view) | {"newly_created": True}
        )

    def join_thread(self, channel: Channel, user_id: int) -> None:
        """Add a member to a thread, if they are not in it."""
        members = _thread(channel).members
        if user_id not in members:
            members[user_id] = now()
            self._thread_members(channel, added=user_id)

    def leave_thread(self, channel: Channel, user_id: int) -> None:
        """Take a member from a thread, if they are in it."""
        if _thread(channel).members.pop(user_id, None) is not None:
            self._thread_members(channel, removed=user_id)

    def _thread_members(
        self, channel: Channel, *, added: int | None = None, removed: int | None = None
    ) -> None:
        thread = _thread(channel)
        about: Json = {"id": str(channel.id), "member_count": len(thread.members)}
        if added is not None:
            joined_at = thread.members[added]
            member = payloads.member(self.world.guild.members[added], self.world.users)
            one = payloads.thread_member(channel.id, added, joined_at)
            about["added_members"] = [one | {"member": member, "presence": None}]
        if removed is not None:
            about["removed_member_ids"] = [str(removed)]
        self._guild_event("THREAD_MEMBERS_UPDATE", about)

    # The guild

    def edit_guild(self, values: dict[str, Any], *, by: int, reason: str | None = None) -> None:
        """Set attributes of the guild."""
        guild = self.world.guild
        changes = changes_of({name: (getattr(guild, name), values[name]) for name in values})
        for name, value in values.items():
            setattr(guild, name, value)
        if changes:
            self._log(GUILD_UPDATE, by, guild.id, changes, reason)
            self._guild_event("GUILD_UPDATE", payloads.guild(guild))

    def set_available(self, *, available: bool) -> None:
        """Begin an outage of the guild, of which its bots are told; or end it."""
        if not available:
            self._guild_event("GUILD_DELETE", {"id": str(self.world.guild.id), "unavailable": True})
        self.world.guild.unavailable = not available

    def _remove(self, channel: Channel) -> None:
        del self.world.channels[channel.id]
        for message in [
            one for one in self.world.messages.values() if one.channel_id == channel.id
        ]:
            self.world.forget(message)


def _thread(channel: Channel) -> Thread:
    if channel.thread is None:
        raise ValueError(f"channel {channel.id} is no thread")
    return channel.thread


def _holder(channel: Channel, name: str) -> Channel | Thread:
    """Return the object that holds this attribute: the channel, or what makes it a thread."""
    if channel.thread is not None and hasattr(channel.thread, name):
        return channel.thread
    return channel
