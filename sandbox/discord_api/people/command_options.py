"""Command options: a person's input becomes typed options and resolved objects."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.discord_api.bodies.uploads import Upload
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.world import Attachment, Command, World
from sandbox.errors import SandboxError

from .resolved_objects import CHANNELS, ROLES, USERS, Resolved

__all__ = ["CommandInput", "command_data"]

SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
STRING_LENGTH_MAX = 6000
NAMES = {
    STRING: "a text",
    INTEGER: "a whole number",
    BOOLEAN: "true or false",
    NUMBER: "a number",
    USER: "a user's id",
    CHANNEL: "a channel's id",
    ROLE: "a role's id",
    MENTIONABLE: "a user's or role's id",
    ATTACHMENT: "a file",
}
RESOLVED_AS = {
    USER: (USERS,),
    CHANNEL: (CHANNELS,),
    ROLE: (ROLES,),
    MENTIONABLE: (USERS, ROLES),
}


class CommandInput:
    """The input of a person for a command.

    `words` are the names of the subcommand group and the subcommand, if any. With `focused`, the
    person is still typing the option of that name.
    """

    def __init__(
        self,
        command: Command,
        words: list[str],
        options: Mapping[str, Any],
        world: World,
        user_id: int,
        store: Callable[[Upload], Attachment],
        *,
        focused: str | None = None,
    ) -> None:
        self.command = command
        self.words = words
        self.options = options
        self.focused = focused
        self.resolved = Resolved(world, user_id)
        self._world = world
        self._store = store

    def values(self, declared: list[Json], path: str) -> list[Json]:
        """Return the options with values. Raises SandboxError where Discord's client refuses."""
        known = {option["name"] for option in declared}
        given = [*self.options, *([] if self.focused is None else [self.focused])]
        surplus = sorted(name for name in given if name not in known)
        if surplus:
            raise SandboxError(f"{path} has no option {surplus[0]!r}")
        values = []
        for option in declared:
            if option["name"] == self.focused:
                values.append(_typed(option, self.options.get(option["name"], ""), path))
            elif option["name"] in self.options:
                values.append(self._value(option, path))
            elif option.get("required") and self.focused is None:
                raise SandboxError(f"{path} needs the option {option['name']!r}")
        return values

    def _value(self, option: Json, path: str) -> Json:
        kind, given = option["type"], self.options[option["name"]]
        what = f"the option {option['name']!r} of {path}"
        if kind == ATTACHMENT:
            if not isinstance(given, Upload):
                raise SandboxError(f"{what} is {NAMES[kind]}, not {given!r}")
            file = self._store(given)
            self.resolved.add_file(file)
            value: Any = str(file.id)
        else:
            value = _value(option, given, what)
        if kind in RESOLVED_AS:
            self._resolve(option, int(value), what)
        return {"name": option["name"], "type": kind, "value": value}

    def _resolve(self, option: Json, target: int, what: str) -> None:
        kinds, channel = option.get("channel_types"), self._world.channels.get(target)
        if kinds and channel is not None and channel.type not in kinds:
            raise SandboxError(f"{what} takes channels of the types {kinds}, not {channel.type}")
        self.resolved.add(target, RESOLVED_AS[option["type"]], what)


def command_data(said: CommandInput) -> Json:
    """Return the `data` of a slash command's interaction, or of its autocomplete.

    Raises SandboxError with a sentence if Discord's own client would refuse the input.
    """
    command, definition = said.command, said.command.definition
    path = f"/{definition['name']}"
    leaf, wrapped = definition.get("options") or [], []
    for word in said.words:
        inner = _subcommand(leaf, word, path)
        path = f"{path} {word}"
        wrapped.append(inner)
        leaf = inner.get("options") or []
    if any(option["type"] in (SUBCOMMAND, GROUP) for option in leaf):
        raise SandboxError(f"{path} needs one of its subcommands")
    given = said.values(leaf, path)
    for inner in reversed(wrapped):
        given = [{"name": inner["name"], "type": inner["type"], "options": given}]
    data: Json = {"id": str(command.id), "name": definition["name"], "type": definition["type"]}
    if command.guild_id is not None:
        data["guild_id"] = str(command.guild_id)
    if given:
        data["options"] = given
    if said.resolved.found:
        data["resolved"] = said.resolved.found
    return data


def _subcommand(options: list[Json], word: str, path: str) -> Json:
    for option in options:
        if option["name"] == word and option["type"] in (SUBCOMMAND, GROUP):
            return option
    raise SandboxError(f"{path} has no subcommand {word!r}")


def _typed(option: Json, given: Any, path: str) -> Json:
    """Return the option that a person is typing: its text so far, whatever its type."""
    if not option.get("autocomplete"):
        raise SandboxError(f"the option {option['name']!r} of {path} has no autocomplete")
    return {"name": option["name"], "type": option["type"], "value": str(given), "focused": True}


def _value(option: Json, given: Any, what: str) -> Any:
    """Return the value in the type that the option declares."""
    kind = option["type"]
    try:
        value = _converted(kind, given)
    except (TypeError, ValueError):
        raise SandboxError(f"{what} is {NAMES[kind]}, not {given!r}") from None
    choices = option.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        raise SandboxError(f"{what} is one of its choices, not {value!r}")
    size = len(value) if kind == STRING else value
    unit = "length" if kind == STRING else "value"
    low, high = option.get(f"min_{unit}"), option.get(f"max_{unit}")
    if kind == STRING and high is None:
        high = STRING_LENGTH_MAX
    if (low is not None and size < low) or (high is not None and size > high):
        raise SandboxError(f"{what} is out of its bounds ({low} to {high}): {value!r}")
    return value


def _converted(kind: int, given: Any) -> Any:
    if kind == BOOLEAN:
        if not isinstance(given, bool):
            raise TypeError
        return given
    if kind == INTEGER:
        return int(str(given))
    if kind == NUMBER:
        return float(given)
    if kind == STRING:
        return str(given)
    return str(int(given))
