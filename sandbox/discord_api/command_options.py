"""Command options: a person's input becomes typed options and resolved objects."""

from collections.abc import Mapping
from typing import Any

from sandbox.errors import SandboxError

from . import payloads
from .payloads import Json
from .world import Command, World

__all__ = ["command_data"]

SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER = range(3, 11)
NAMES = {
    STRING: "a text",
    INTEGER: "a whole number",
    BOOLEAN: "true or false",
    NUMBER: "a number",
    USER: "a user's id",
    CHANNEL: "a channel's id",
    ROLE: "a role's id",
    MENTIONABLE: "a user's or role's id",
}


def command_data(
    command: Command, words: list[str], options: Mapping[str, Any], world: World
) -> Json:
    """Return the `data` of a slash command's interaction.

    `words` are the names of the subcommand group and the subcommand, if any. Raises SandboxError
    with a sentence if Discord's own client would refuse the input.
    """
    resolved: dict[str, dict[str, Json]] = {}
    definition = command.definition
    path = f"/{definition['name']}"
    leaf, wrapped = definition.get("options") or [], []
    for word in words:
        inner = _subcommand(leaf, word, path)
        path = f"{path} {word}"
        wrapped.append(inner)
        leaf = inner.get("options") or []
    if any(option["type"] in (SUBCOMMAND, GROUP) for option in leaf):
        raise SandboxError(f"{path} needs one of its subcommands")
    given = _values(leaf, options, path, world, resolved)
    for inner in reversed(wrapped):
        given = [{"name": inner["name"], "type": inner["type"], "options": given}]
    data: Json = {"id": str(command.id), "name": definition["name"], "type": definition["type"]}
    if command.guild_id is not None:
        data["guild_id"] = str(command.guild_id)
    if given:
        data["options"] = given
    if resolved:
        data["resolved"] = resolved
    return data


def _subcommand(options: list[Json], word: str, path: str) -> Json:
    for option in options:
        if option["name"] == word and option["type"] in (SUBCOMMAND, GROUP):
            return option
    raise SandboxError(f"{path} has no subcommand {word!r}")


def _values(
    declared: list[Json],
    options: Mapping[str, Any],
    path: str,
    world: World,
    resolved: dict[str, dict[str, Json]],
) -> list[Json]:
    surplus = options.keys() - {option["name"] for option in declared}
    if surplus:
        raise SandboxError(f"{path} has no option {sorted(surplus)[0]!r}")
    values = []
    for option in declared:
        if option["name"] not in options:
            if option.get("required"):
                raise SandboxError(f"{path} needs the option {option['name']!r}")
            continue
        value = _value(option, options[option["name"]], path)
        if option["type"] in (USER, CHANNEL, ROLE, MENTIONABLE):
            _resolve(option, int(value), path, world, resolved)
        values.append({"name": option["name"], "type": option["type"], "value": value})
    return values


def _value(option: Json, given: Any, path: str) -> Any:
    """Return the value in the type that the option declares."""
    kind = option["type"]
    name = f"the option {option['name']!r} of {path}"
    try:
        value = _converted(kind, given)
    except (TypeError, ValueError):
        raise SandboxError(f"{name} is {NAMES[kind]}, not {given!r}") from None
    choices = option.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        raise SandboxError(f"{name} is one of its choices, not {value!r}")
    size = len(value) if kind == STRING else value
    unit = "length" if kind == STRING else "value"
    low, high = option.get(f"min_{unit}"), option.get(f"max_{unit}")
    if (low is not None and size < low) or (high is not None and size > high):
        raise SandboxError(f"{name} is out of its bounds ({low} to {high}): {value!r}")
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
    if kind in (USER, CHANNEL, ROLE, MENTIONABLE):
        return str(int(given))
    raise SandboxError(f"the sandbox does not imitate options of type {kind}")


def _resolve(
    option: Json, target: int, path: str, world: World, resolved: dict[str, dict[str, Json]]
) -> None:
    """Add the object of an id to the interaction's `resolved`."""
    kind, key = option["type"], str(target)
    if kind in (USER, MENTIONABLE) and target in world.users:
        resolved.setdefault("users", {})[key] = payloads.user(world.users[target])
        member = world.guild.members.get(target)
        if member is not None:
            resolved.setdefault("members", {})[key] = payloads.resolved_member(member, world)
    elif kind in (ROLE, MENTIONABLE) and target in world.guild.roles:
        role = payloads.role(world.guild.roles[target], bot_id=world.bot_id)
        resolved.setdefault("roles", {})[key] = role
    elif kind == CHANNEL and target in world.channels:
        channel = payloads.channel(world.channels[target], world)
        resolved.setdefault("channels", {})[key] = channel
    else:
        raise SandboxError(
            f"{path} was given {target} for {option['name']!r}: there is no such one"
        )
