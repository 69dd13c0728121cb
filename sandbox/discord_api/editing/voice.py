"""Changes of voice states and presences."""

import secrets
from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.channel_types import STAGE
from sandbox.discord_api.world import Presence, VoiceState

from .announcements import Announcer

__all__ = ["VoiceEditor"]

MEMBER_MOVE, MEMBER_DISCONNECT = 26, 27


class VoiceEditor(Announcer):
    """Connects members to voice channels, moves and disconnects them."""

    def connect(self, user_id: int, channel_id: int, **flags: bool) -> VoiceState:
        """Connect a member to a voice channel, or move them there, with flags of their client."""
        states = self.world.guild.voice_states
        state = states.get(user_id)
        if state is None:
            state = states[user_id] = VoiceState(user_id, channel_id, secrets.token_hex(16))
        moved = state.channel_id != channel_id
        state.channel_id = channel_id
        if moved:
            state.self_stream = state.self_video = False
        # Nobody speaks in the AFK channel, and on a stage only those who are invited.
        afk = channel_id == self.world.guild.afk_channel_id
        state.suppress = afk or self.world.channels[channel_id].type == STAGE
        self.set_voice(state, flags)
        return state

    def set_voice(self, state: VoiceState, flags: dict[str, Any]) -> None:
        """Set flags of a voice state, and announce it."""
        for name, value in flags.items():
            setattr(state, name, value)
        self._guild_event("VOICE_STATE_UPDATE", payloads.voice_state(state, self.world))

    def disconnect(self, user_id: int) -> None:
        """Disconnect a member, if they are connected."""
        state = self.world.guild.voice_states.pop(user_id, None)
        if state is not None:
            gone = payloads.voice_state(state, self.world) | {"channel_id": None}
            off = {"self_stream": False, "self_video": False, "suppress": False}
            self._guild_event("VOICE_STATE_UPDATE", gone | off)

    def move_member(
        self, user_id: int, channel_id: int | None, *, by: int, reason: str | None = None
    ) -> None:
        """A moderator moves a connected member, or without a channel disconnects them."""
        if channel_id is None:
            self._log(MEMBER_DISCONNECT, by, user_id, [], reason, {"count": "1"})
            self.disconnect(user_id)
        else:
            options = {"channel_id": str(channel_id), "count": "1"}
            self._log(MEMBER_MOVE, by, user_id, [], reason, options)
            self.connect(user_id, channel_id)

    def set_presence(
        self, user_id: int, presence: Presence | None, *, but: int | None = None
    ) -> None:
        """Set a member's presence, of which all bots are told `but` one; None is offline."""
        presences = self.world.guild.presences
        if presence is None:
            presences.pop(user_id, None)
        else:
            presences[user_id] = presence
        self._guild_event("PRESENCE_UPDATE", payloads.presence(user_id, self.world), but=but)
