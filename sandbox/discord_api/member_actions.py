"""Actions of people: write, use commands, click, submit modals, join and leave."""

from collections.abc import Mapping
from typing import Any

from sandbox.errors import SandboxError

from .command_options import command_data
from .components import find
from .interactions import Interaction, InteractionKind, Interactions, interaction_event
from .message_bodies import Draft
from .payloads import Json
from .permission_bits import ALL_PERMISSIONS, Permission
from .permission_checks import permissions_of
from .world import Channel, Command, Member, Message, User
from .world_editor import Emit, WorldEditor

__all__ = ["MemberActions"]

CHAT_INPUT = 1
CONTENT_LENGTH_MAX = 2000


class MemberActions:
    """Acts for people. An impossible action raises SandboxError with a sentence."""

    def __init__(self, editor: WorldEditor, interactions: Interactions, emit: Emit) -> None:
        self._editor = editor
        self._interactions = interactions
        self._emit = emit

    # Channels

    def say(self, channel_id: int, user_id: int, text: str) -> int:
        """A person writes a message. Returns its id."""
        channel = self._channel_of(channel_id, user_id, Permission.SEND_MESSAGES)
        if not 1 <= len(text) <= CONTENT_LENGTH_MAX:
            raise SandboxError(f"a message has 1 to {CONTENT_LENGTH_MAX} characters")
        return self._editor.write(channel.id, user_id, Draft(content=text)).id

    def slash(self, channel_id: int, user_id: int, command: str, options: Mapping[str, Any]) -> int:
        """A person uses a slash command ("rank" or "shop buy"). Returns the interaction's id."""
        channel = self._channel_of(channel_id, user_id, Permission.USE_APPLICATION_COMMANDS)
        name, *words = command.removeprefix("/").split()
        found = self._command(name, channel)
        self._check_may_use(found, channel, user_id)
        data = command_data(found, words, options, self._editor.world)
        return self._interact(InteractionKind.COMMAND, user_id, channel, data).id

    def click(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        custom_id: str,
        values: list[str] | None = None,
    ) -> int:
        """A person clicks a button or picks `values` of a select. Returns the interaction's id."""
        channel = self._channel_of(channel_id, user_id, Permission.VIEW_CHANNEL)
        message = self._editor.world.messages.get(message_id)
        if message is None or message.channel_id != channel_id:
            raise SandboxError(f"there is no message {message_id} in channel {channel_id}")
        if message.visible_to not in (None, user_id):
            raise SandboxError(f"user {user_id} does not see the ephemeral message {message_id}")
        component = find(message.components, custom_id)
        if component is None:
            raise SandboxError(f"message {message_id} has nothing with the custom id {custom_id!r}")
        if component.get("disabled"):
            raise SandboxError(f"{custom_id!r} of message {message_id} is disabled")
        data: Json = {
            "custom_id": custom_id,
            "component_type": component["type"],
            "id": component["id"],
        }
        if values is not None:
            data["values"] = values
        return self._interact(InteractionKind.COMPONENT, user_id, channel, data, message).id

    def submit(self, user_id: int, custom_id: str, values: Mapping[str, str]) -> int:
        """A person submits the modal shown to them, with text by field. Returns the interaction."""
        shown = self._interactions.modal_shown_to(user_id, custom_id)
        if shown is None or shown.modal is None:
            raise SandboxError(f"user {user_id} was not shown a modal {custom_id!r}")
        channel = self._editor.world.channels[shown.channel_id]
        components = [_filled(component, values) for component in shown.modal["components"]]
        data = {"custom_id": custom_id, "components": components}
        source = self._editor.world.messages.get(shown.source_id or 0)
        shown.modal = None
        return self._interact(InteractionKind.MODAL_SUBMIT, user_id, channel, data, source).id

    # Joining and leaving

    def join(
        self, user_id: int | None = None, name: str | None = None, *, pending: bool = False
    ) -> int:
        """A person joins the guild: a known one by id, or a new one. Returns their id.

        A `pending` member stays at membership screening until `pass_screening`.
        """
        world = self._editor.world
        if user_id is None:
            user_id = world.next_id()
        if user_id in world.guild.members:
            raise SandboxError(f"user {user_id} is in the guild already")
        if user_id in world.guild.bans:
            raise SandboxError(f"user {user_id} is banned from the guild")
        username = (name or f"person{user_id}").lower().replace(" ", "_")
        user = world.users.get(user_id) or User(user_id, username, name)
        self._editor.add_member(user, pending=pending)
        return user_id

    def leave(self, user_id: int) -> None:
        """A member leaves the guild."""
        if user_id == self._editor.world.guild.owner_id:
            raise SandboxError("the owner cannot leave their guild")
        self._member(user_id)
        self._editor.remove_member(user_id)

    def pass_screening(self, user_id: int) -> None:
        """A pending member agrees to the rules of the guild."""
        member = self._member(user_id)
        if not member.pending:
            raise SandboxError(f"user {user_id} has passed membership screening already")
        self._editor.pass_screening(member)

    def open_direct(self, user_id: int) -> int:
        """A person opens a conversation with the bot. Returns the channel's id."""
        if user_id not in self._editor.world.users:
            raise SandboxError(f"there is no user {user_id}")
        return self._editor.open_direct(user_id).id

    # Shared steps

    def _interact(
        self,
        kind: InteractionKind,
        user_id: int,
        channel: Channel,
        data: Json,
        source: Message | None = None,
    ) -> Interaction:
        world = self._editor.world
        source_id = None if source is None else source.id
        one = self._interactions.begin(
            world.next_id(), kind, user_id, channel.id, data, source_id=source_id
        )
        event = interaction_event(one, world, source)
        self._emit("INTERACTION_CREATE", event, direct=channel.direct)
        return one

    def _channel_of(self, channel_id: int, user_id: int, permission: Permission) -> Channel:
        """Return the channel, if this person has the permission there."""
        world = self._editor.world
        channel = world.channels.get(channel_id)
        if channel is None:
            raise SandboxError(f"there is no channel {channel_id}")
        if channel.direct:
            if channel.recipient_id != user_id:
                raise SandboxError(f"user {user_id} is not in the direct channel {channel_id}")
            return channel
        member = self._member(user_id)
        if member.pending:
            raise SandboxError(f"user {user_id} has not passed membership screening")
        if permission not in permissions_of(world.guild, member):
            raise SandboxError(f"user {user_id} lacks the permission {permission.name}")
        return channel

    def _command(self, name: str, channel: Channel) -> Command:
        """Return the command that a client offers; a guild command hides a global one."""
        scopes = [None] if channel.direct else [self._editor.world.guild.id, None]
        for scope in scopes:
            for command in self._editor.world.commands:
                if command.guild_id == scope and command.key == (CHAT_INPUT, name):
                    return command
        raise SandboxError(f"the command /{name} is not synced, so it cannot be used here")

    def _check_may_use(self, command: Command, channel: Channel, user_id: int) -> None:
        if channel.direct:
            contexts = command.definition.get("contexts")
            if contexts is not None and 1 not in contexts:
                raise SandboxError(f"/{command.key[1]} is not offered in direct messages")
            return
        if not self._editor.world.installed:
            raise SandboxError("the bot is not in the guild, so its commands cannot be used")
        needed = command.definition.get("default_member_permissions")
        held = permissions_of(self._editor.world.guild, self._member(user_id))
        if needed is None or held == ALL_PERMISSIONS:
            return
        if int(needed) == 0 or int(needed) & ~int(held):
            raise SandboxError(f"user {user_id} may not use /{command.key[1]}")

    def _member(self, user_id: int) -> Member:
        member = self._editor.world.guild.members.get(user_id)
        if member is None:
            raise SandboxError(f"user {user_id} is not in the guild")
        return member


def _filled(component: Json, values: Mapping[str, str]) -> Json:
    """Return a modal's component with the typed values; fields lie in rows or in labels."""
    if "components" in component:
        inner = [_filled(one, values) for one in component["components"]]
        return {"type": component["type"], "id": component.get("id", 0), "components": inner}
    if "component" in component:
        filled = _filled(component["component"], values)
        return {"type": component["type"], "id": component.get("id", 0), "component": filled}
    custom_id = component.get("custom_id")
    if custom_id is None:
        return {"type": component["type"], "id": component.get("id", 0)}
    if component.get("required", True) and custom_id not in values:
        raise SandboxError(f"the modal needs a value for {custom_id!r}")
    return {
        "type": component["type"],
        "id": component.get("id", 0),
        "custom_id": custom_id,
        "value": values.get(custom_id, component.get("value", "")),
    }
