"""Interacting with the bot: commands, context menus, buttons, selects and modals."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sandbox.discord_api.bodies.commands import CHAT_INPUT, MESSAGE_MENU, USER_MENU
from sandbox.discord_api.bodies.components import SELECTS, find
from sandbox.discord_api.interactions import (
    Interaction,
    InteractionKind,
    interaction_event,
    metadata,
)
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import ALL_PERMISSIONS, Permission
from sandbox.discord_api.permission_checks import permissions_in
from sandbox.discord_api.world import Channel, Command, Message
from sandbox.errors import SandboxError

from .actors import Actors
from .command_options import CommandInput, command_data
from .field_values import FilledModal, picked
from .resolved_objects import USERS, Resolved

__all__ = ["Interacting"]

IN_GUILD, IN_BOT_DM = 0, 1


class Interacting(Actors):
    """Uses the bot's commands and components for people."""

    def slash(
        self,
        channel_id: int,
        user_id: int,
        command: str,
        options: Mapping[str, Any],
        *,
        focused: str | None = None,
        bot_id: int | None = None,
    ) -> int:
        """A person uses a slash command ("rank" or "shop buy"). Returns the interaction's id.

        Where several bots offer it, it is the seed's bot's, unless `bot_id` names another.
        With `focused` they are still typing the option of that name, which the bot completes.
        """
        channel = self._channel_of(channel_id, user_id, Permission.USE_APPLICATION_COMMANDS)
        spoken = command.removeprefix("/").split()
        if not spoken:
            raise SandboxError(f"a command has a name, unlike {command!r}")
        name, *words = spoken
        bot_id, found = self._offered(CHAT_INPUT, name, channel, user_id, bot_id)
        store = partial(self._editor.store, channel_id=channel.id)
        said = CommandInput(found, words, options, self._world, user_id, store, focused=focused)
        kind = InteractionKind.COMMAND if focused is None else InteractionKind.AUTOCOMPLETE
        return self._interact(bot_id, kind, user_id, channel, command_data(said)).id

    def use_menu(
        self,
        channel_id: int,
        user_id: int,
        command: str,
        target_id: int,
        *,
        bot_id: int | None = None,
    ) -> int:
        """A person uses a command of the context menu of a user or of a message.

        Returns the interaction's id.
        """
        channel = self._channel_of(channel_id, user_id, Permission.USE_APPLICATION_COMMANDS)
        message = self._world.messages.get(target_id)
        kind = USER_MENU if message is None else MESSAGE_MENU
        bot_id, found = self._offered(kind, command, channel, user_id, bot_id)
        resolved = Resolved(self._world, user_id)
        if message is None:
            resolved.add(target_id, (USERS,), f"the command {command!r}")
        else:
            resolved.add_message(self._message_of(channel_id, target_id, user_id))
        data: Json = {
            "id": str(found.id),
            "name": command,
            "type": kind,
            "target_id": str(target_id),
            "resolved": resolved.found,
        }
        if found.guild_id is not None:
            data["guild_id"] = str(found.guild_id)
        return self._interact(bot_id, InteractionKind.COMMAND, user_id, channel, data).id

    def click(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        custom_id: str,
        values: Sequence[Any] | None = None,
    ) -> int:
        """A person clicks a button or picks `values` of a select. Returns the interaction's id."""
        channel = self._channel_of(channel_id, user_id, Permission.VIEW_CHANNEL)
        message = self._message_of(channel_id, message_id, user_id)
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
        if component["type"] in SELECTS:
            resolved = Resolved(self._world, user_id)
            data["values"] = picked(component, values, resolved, self._world)
            if resolved.found:
                data["resolved"] = resolved.found
        elif values is not None:
            raise SandboxError(f"{custom_id!r} of message {message_id} is a button without values")
        kind = InteractionKind.COMPONENT
        return self._interact(message.author_id, kind, user_id, channel, data, message).id

    def submit(self, user_id: int, custom_id: str, values: Mapping[str, Any]) -> int:
        """A person submits the modal shown to them, with values by field. Returns the interaction.

        A value is a text, a list of what was picked or uploaded, or whether a box is ticked.
        """
        shown = self._interactions.modal_shown_to(user_id, custom_id)
        if shown is None or shown.modal is None:
            raise SandboxError(f"user {user_id} was not shown a modal {custom_id!r}")
        channel = self._channel_of(shown.channel_id, user_id, Permission.VIEW_CHANNEL)
        store = partial(self._editor.store, channel_id=channel.id)
        modal = FilledModal(values, Resolved(self._world, user_id), self._world, store)
        data: Json = {"custom_id": custom_id, "components": modal.fill(shown.modal["components"])}
        if modal.resolved.found:
            data["resolved"] = modal.resolved.found
        source = self._world.messages.get(shown.source_id or 0)
        shown.modal = None
        trigger = metadata(shown, self._world)
        kind = InteractionKind.MODAL_SUBMIT
        return self._interact(shown.bot_id, kind, user_id, channel, data, source, trigger).id

    def choices(self, interaction_id: int) -> list[Json] | None:
        """The choices by which the bot completed an option, or None before its answer."""
        one = self._interactions.get(interaction_id)
        if one is None:
            raise SandboxError(f"there is no interaction {interaction_id}")
        return one.choices

    # Shared steps

    def _interact(
        self,
        bot_id: int,
        kind: InteractionKind,
        user_id: int,
        channel: Channel,
        data: Json,
        source: Message | None = None,
        trigger: Json | None = None,
    ) -> Interaction:
        world = self._world.as_seen_by(bot_id)
        if world.guild.unavailable and not channel.direct:
            raise SandboxError("the guild is unavailable")
        if not world.installed and not channel.direct:
            raise SandboxError(f"the bot {bot_id} is not in the guild, so it cannot be used")
        source_id = None if source is None else source.id
        one = self._interactions.begin(
            world.next_id(),
            bot_id,
            kind,
            user_id,
            channel.id,
            data,
            source_id=source_id,
            trigger=trigger,
        )
        event = interaction_event(one, world, source)
        self._emit("INTERACTION_CREATE", event, to=bot_id, direct=channel.direct)
        return one

    def _offered(
        self, kind: int, name: str, channel: Channel, user_id: int, bot_id: int | None
    ) -> tuple[int, Command]:
        """Return the command that a client offers, and its bot; a guild's hides a global one."""
        scopes = [None] if channel.direct else [self._world.guild.id, None]
        named = channel.bot_id if channel.bot_id is not None else bot_id
        for owner, application in self._world.applications.items():
            if named not in (None, owner):
                continue
            for scope in scopes:
                for command in application.commands:
                    if command.guild_id == scope and command.key == (kind, name):
                        self._check_may_use(command, channel, user_id)
                        return owner, command
        raise SandboxError(f"the command /{name} is not synced, so it cannot be used here")

    def _check_may_use(self, command: Command, channel: Channel, user_id: int) -> None:
        name, definition = command.key[1], command.definition
        contexts = definition.get("contexts")
        here = IN_BOT_DM if channel.direct else IN_GUILD
        if contexts is not None and here not in contexts:
            place = "direct messages" if channel.direct else "the guild"
            raise SandboxError(f"/{name} is not offered in {place}")
        if channel.direct:
            if contexts is None and not definition.get("dm_permission", True):
                raise SandboxError(f"/{name} is not offered in direct messages")
            return
        needed = definition.get("default_member_permissions")
        held = permissions_in(self._world, self._member(user_id), channel)
        if needed is None or held == ALL_PERMISSIONS:
            return
        if int(needed) == 0 or int(needed) & ~int(held):
            raise SandboxError(f"user {user_id} may not use /{name}")
