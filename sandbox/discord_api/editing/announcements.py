"""The announcement of changes: gateway events, and lines of the audit log."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from sandbox.discord_api import payloads
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_in, permissions_of
from sandbox.discord_api.world import AuditEntry, Channel, World

__all__ = ["Announcer", "Emit", "changes_of"]


class Emit(Protocol):
    """Sends an event to the sessions of one bot; a `direct` one happened outside the guild."""

    def __call__(self, event: str, payload: Json, *, to: int, direct: bool = False) -> None: ...


Shown = Json | Callable[[World], Json]
"""The payload of an event: the same for all bots, or by the world as each of them sees it."""


class Announcer:
    """Holds the world, and announces what the editors change in it."""

    def __init__(self, world: World, emit: Emit) -> None:
        self.world = world
        self._emit = emit

    def _views(self) -> Iterator[World]:
        """Yield the world as each bot sees it, unless the bot is outside or the guild away."""
        for bot_id in () if self.world.guild.unavailable else list(self.world.applications):
            view = self.world.as_seen_by(bot_id)
            if view.installed:
                yield view

    def _guild_event(self, event: str, payload: Shown, *, but: int | None = None) -> None:
        """Announce something in the guild to all bots in it, `but` one."""
        for view in self._views():
            if view.bot_id != but:
                self._tell(view, event, payload)

    def _channel_event(self, channel: Channel, event: str, payload: Shown) -> None:
        """Announce something in a channel, direct or of the guild, to the bots that see it."""
        if channel.bot_id is not None:
            view = self.world.as_seen_by(channel.bot_id)
            self._emit(event, _seen_in(view, payload), to=channel.bot_id, direct=True)
            return
        for view in self._views():
            if Permission.VIEW_CHANNEL in permissions_in(view, view.bot, channel):
                self._tell(view, event, payload)

    def _tell(self, view: World, event: str, payload: Shown) -> None:
        guild_id = {"guild_id": str(view.guild.id)}
        self._emit(event, _seen_in(view, payload) | guild_id, to=view.bot_id)

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
        for view in self._views():
            if Permission.VIEW_AUDIT_LOG in permissions_of(view.guild, view.bot):
                self._tell(view, "GUILD_AUDIT_LOG_ENTRY_CREATE", payloads.audit_entry(entry))


def _seen_in(view: World, payload: Shown) -> Json:
    return payload(view) if callable(payload) else payload


def changes_of(values: dict[str, tuple[Any, Any]]) -> list[Json]:
    """Return the audit log's list of changed attributes, with old and new values."""
    changes = []
    for key, (old, new) in values.items():
        if old != new:
            change = {"key": key, "old_value": old, "new_value": new}
            changes.append({name: value for name, value in change.items() if value is not None})
    return changes
