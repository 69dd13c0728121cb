"""The announcement of changes: gateway events, and lines of the audit log."""

from typing import Any, Protocol

from sandbox.discord_api import payloads
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_in, permissions_of
from sandbox.discord_api.world import AuditEntry, Channel, World

__all__ = ["Announcer", "Emit", "changes_of"]


class Emit(Protocol):
    """Sends an event to the bot's sessions; a `direct` one happened outside the guild."""

    def __call__(self, event: str, payload: Json, *, direct: bool = False) -> None: ...


class Announcer:
    """Holds the world, and announces what the editors change in it."""

    def __init__(self, world: World, emit: Emit) -> None:
        self.world = world
        self._emit = emit

    def _guild_event(self, event: str, payload: Json) -> None:
        """Announce something in the guild, unless the bot is outside or the guild unavailable."""
        if self.world.installed and not self.world.guild.unavailable:
            self._emit(event, payload | {"guild_id": str(self.world.guild.id)})

    def _channel_event(self, channel: Channel, event: str, payload: Json) -> None:
        """Announce something in a channel, direct or of the guild, if the bot sees the channel."""
        if channel.direct:
            self._emit(event, payload, direct=True)
        elif Permission.VIEW_CHANNEL in permissions_in(self.world, self.world.bot, channel):
            self._guild_event(event, payload)

    def _log(
        self,
        action: int,
        by: int,
        target: int,
        changes: list[Json],
        reason: str | None,
        options: Json | None = None,
    ) -> None:
        """Add a line to the audit log; `options` say more of some actions, in texts."""
        entry = AuditEntry(self.world.next_id(), action, by, target, changes, reason, options)
        self.world.log(entry)
        guild, bot = self.world.guild, self.world.guild.members.get(self.world.bot_id)
        if bot is not None and Permission.VIEW_AUDIT_LOG in permissions_of(guild, bot):
            self._guild_event("GUILD_AUDIT_LOG_ENTRY_CREATE", payloads.audit_entry(entry))


def changes_of(values: dict[str, tuple[Any, Any]]) -> list[Json]:
    """Return the audit log's list of changed attributes, with old and new values."""
    changes = []
    for key, (old, new) in values.items():
        if old != new:
            change = {"key": key, "old_value": old, "new_value": new}
            changes.append({name: value for name, value in change.items() if value is not None})
    return changes
