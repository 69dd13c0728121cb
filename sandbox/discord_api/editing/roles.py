"""Changes of roles."""

from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.world import Role

from .announcements import Announcer, changes_of

__all__ = ["RoleEditor"]

ROLE_CREATE, ROLE_UPDATE, ROLE_DELETE = 30, 31, 32


class RoleEditor(Announcer):
    """Creates, changes, moves and deletes roles."""

    def create_role(self, role: Role, *, by: int, reason: str | None = None) -> None:
        """Add a role just above @everyone; all others move up."""
        roles = self.world.guild.roles
        for other in roles.values():
            if other.position >= role.position:
                other.position += 1
        roles[role.id] = role
        changes = changes_of(
            {"name": (None, role.name), "permissions": (None, str(role.permissions))}
        )
        self._log(ROLE_CREATE, by, role.id, changes, reason)
        self._role_event("GUILD_ROLE_CREATE", role)

    def edit_role(
        self, role: Role, values: dict[str, Any], *, by: int, reason: str | None = None
    ) -> None:
        """Set attributes of a role."""
        before = {name: getattr(role, name) for name in values}
        for name, value in values.items():
            setattr(role, name, value)
        changes = changes_of({name: (before[name], values[name]) for name in values})
        if changes:
            self._log(ROLE_UPDATE, by, role.id, changes, reason)
            self._role_event("GUILD_ROLE_UPDATE", role)

    def move_roles(self, order: list[Role], *, by: int, reason: str | None = None) -> None:
        """Put the roles in this order, lowest first, @everyone not among them."""
        for position, role in enumerate(order, start=1):
            self.edit_role(role, {"position": position}, by=by, reason=reason)

    def delete_role(self, role: Role, *, by: int, reason: str | None = None) -> None:
        """Delete a role and take it from its holders. Discord announces the role only."""
        guild = self.world.guild
        del guild.roles[role.id]
        for member in guild.members.values():
            member.roles = [role_id for role_id in member.roles if role_id != role.id]
        self._log(ROLE_DELETE, by, role.id, changes_of({"name": (role.name, None)}), reason)
        self._guild_event("GUILD_ROLE_DELETE", {"role_id": str(role.id)})

    def _role_event(self, event: str, role: Role) -> None:
        self._guild_event(event, {"role": payloads.role(role)})
