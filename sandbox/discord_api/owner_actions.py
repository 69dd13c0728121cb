"""Actions of the guild's owner and of its integrations, which the bot did not cause."""

from sandbox.errors import SandboxError

from .permission_bits import bits
from .world import Member, Role
from .world_editor import WorldEditor

__all__ = ["OwnerActions"]


class OwnerActions:
    """Acts for the owner. An impossible action raises SandboxError with a sentence."""

    def __init__(self, editor: WorldEditor) -> None:
        self._editor = editor
        self._guild = editor.world.guild

    def give_role(self, user_id: int, role_id: int) -> None:
        """Give a member a role; a managed role as its integration would."""
        member, role = self._member(user_id), self._role(role_id)
        held = list({*member.roles, role.id})
        self._editor.set_roles(member, held, by=self._guild.owner_id)

    def take_role(self, user_id: int, role_id: int) -> None:
        """Take a role from a member."""
        member, role = self._member(user_id), self._role(role_id)
        kept = [held for held in member.roles if held != role.id]
        self._editor.set_roles(member, kept, by=self._guild.owner_id)

    def set_permissions(self, role_id: int, *names: str) -> None:
        """Set the permissions of a role, such as "MANAGE_ROLES"."""
        values = {"permissions": bits(names)}
        self._editor.edit_role(self._role(role_id), values, by=self._guild.owner_id)

    def move_role(self, role_id: int, *, above: int) -> None:
        """Move a role to the position just above another one."""
        role, below = self._role(role_id), self._role(above)
        order = sorted(self._guild.roles.values(), key=lambda one: (one.position, -one.id))
        order.remove(role)
        order.insert(order.index(below) + 1, role)
        self._editor.move_roles(order[1:], by=self._guild.owner_id)

    def delete_role(self, role_id: int) -> None:
        """Delete a role other than @everyone."""
        role = self._role(role_id)
        if role.id == self._guild.id:
            raise SandboxError("@everyone cannot be deleted")
        self._editor.delete_role(role, by=self._guild.owner_id)

    def kick_bot(self) -> None:
        """Remove the bot from the guild. Only a reset brings it back."""
        self._editor.evict_bot()

    def refuse_direct_messages(self, user_id: int, *, refused: bool = True) -> None:
        """A person closes their direct messages to members of the guild, or opens them."""
        user = self._editor.world.users[self._member(user_id).user_id]
        user.accepts_direct_messages = not refused

    def _member(self, user_id: int) -> Member:
        member = self._guild.members.get(user_id)
        if member is None:
            raise SandboxError(f"user {user_id} is not in the guild")
        return member

    def _role(self, role_id: int) -> Role:
        role = self._guild.roles.get(role_id)
        if role is None:
            raise SandboxError(f"there is no role {role_id}")
        return role
