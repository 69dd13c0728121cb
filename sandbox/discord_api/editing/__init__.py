"""Changes to the world. Each one adds its audit-log line and sends its gateway events.

Nothing here checks whether a change is allowed: the caller has done so.
"""

from sandbox.discord_api.bodies.messages import HAS_THREAD
from sandbox.discord_api.world import Channel

from .announcements import Emit
from .channels import ChannelEditor
from .members import MemberEditor
from .messages import MessageEditor
from .roles import RoleEditor
from .voice import VoiceEditor

__all__ = ["Emit", "WorldEditor"]


class WorldEditor(MemberEditor, RoleEditor, ChannelEditor, MessageEditor, VoiceEditor):
    """Changes the world, and announces each change."""

    def as_seen_by(self, bot_id: int) -> "WorldEditor":
        """Return an editor for another bot; the world's changes are the same."""
        return WorldEditor(self.world.as_seen_by(bot_id), self._emit)

    def remove_member(self, user_id: int) -> None:
        """Remove a member with their roles, voice state, presence and places in threads."""
        self.disconnect(user_id)
        self.world.guild.presences.pop(user_id, None)
        for channel in self.world.channels.values():
            if channel.thread is not None:
                self.leave_thread(channel, user_id)
        super().remove_member(user_id)

    def start_thread(self, channel: Channel, *, reason: str | None = None) -> None:
        """Add a thread; the message on which it was started says so from now on."""
        super().start_thread(channel, reason=reason)
        starter = self.world.messages.get(channel.id)
        if starter is not None:
            starter.flags |= HAS_THREAD
            self._message_event("MESSAGE_UPDATE", starter)

    def delete_channel(self, channel: Channel, *, by: int, reason: str | None = None) -> None:
        """Delete a channel; members who are connected to it are disconnected first."""
        for state in list(self.world.guild.voice_states.values()):
            if state.channel_id == channel.id:
                self.disconnect(state.user_id)
        super().delete_channel(channel, by=by, reason=reason)
