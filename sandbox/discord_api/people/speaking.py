"""Voice channels: members come, go, move and mute themselves; and their presence."""

from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.world import Presence, VoiceState
from sandbox.errors import SandboxError

from .actors import Actors

__all__ = ["Speaking"]

STATUSES = ("online", "idle", "dnd", "offline")


class Speaking(Actors):
    """Connects people to voice channels, and shows whether they are there."""

    def connect(self, user_id: int, channel_id: int, **flags: bool) -> None:
        """A member enters a voice channel, or moves there from another one.

        `flags` are those of their client: self_mute, self_deaf, self_stream, self_video.
        """
        channel = self._channel_of(channel_id, user_id, Permission.CONNECT)
        if not channel.vocal:
            raise SandboxError(f"channel {channel_id} is no voice channel")
        inside = [
            one for one in self._world.guild.voice_states.values() if one.channel_id == channel_id
        ]
        if channel.user_limit and len(inside) >= channel.user_limit:
            raise SandboxError(f"channel {channel_id} is full")
        self._editor.connect(user_id, channel_id, **flags)

    def set_voice(self, user_id: int, **flags: bool) -> None:
        """A connected member mutes or deafens themselves, or begins or ends a stream or video."""
        state = self._voice_state(user_id)
        if flags.get("self_stream"):
            self._channel_of(state.channel_id, user_id, Permission.STREAM)
        self._editor.set_voice(state, flags)

    def disconnect(self, user_id: int) -> None:
        """A member leaves the voice channel."""
        self._editor.disconnect(self._voice_state(user_id).user_id)

    def fall_idle(self, user_id: int) -> None:
        """A connected member is idle for too long: Discord moves them to the AFK channel."""
        state, afk = self._voice_state(user_id), self._world.guild.afk_channel_id
        if afk is None:
            raise SandboxError("the guild has no AFK channel")
        self._editor.connect(state.user_id, afk)

    def set_presence(self, user_id: int, status: str, playing: str | None = None) -> None:
        """A member comes online, goes offline, or plays something."""
        if status not in STATUSES:
            raise SandboxError(f"a status is one of {', '.join(STATUSES)}, not {status!r}")
        self._member(user_id)
        activities = [] if playing is None else [{"name": playing, "type": 0, "created_at": 0}]
        presence = None if status == "offline" else Presence(status, activities)
        self._editor.set_presence(user_id, presence)

    def _voice_state(self, user_id: int) -> VoiceState:
        state = self._world.guild.voice_states.get(self._member(user_id).user_id)
        if state is None:
            raise SandboxError(f"user {user_id} is in no voice channel")
        return state
