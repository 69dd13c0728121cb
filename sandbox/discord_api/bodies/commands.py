"""Definitions of application commands, validated and completed as Discord does it."""

import re
from typing import Any

from sandbox.discord_api.channel_types import EVERY_CHANNEL
from sandbox.discord_api.errors import invalid_form
from sandbox.discord_api.payloads import Json

from .forms import Anything, Choice, Flag, Form, Kind, Many, Mapped, Number, Text, Whole, missing

__all__ = ["CHAT_INPUT", "FIELDS", "MESSAGE_MENU", "USER_MENU", "read_choices", "read_command"]

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER = 1, 2, 3, 4
BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(5, 12)
NESTED, CHOSEN = frozenset({SUBCOMMAND, GROUP}), frozenset({STRING, INTEGER, NUMBER})

NAME = re.compile(r"[-_'\w]{1,32}")
OPTIONS_MAX = CHOICES_MAX = 25
TOTAL_LENGTH_MAX = 8000
PERMISSIONS_MAX = 2**54 - 1
LOCALES = frozenset(
    [
        *("ar", "bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi", "fr"),
        *("he", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt", "nl", "no", "pl", "pt-BR", "ro"),
        *("ru", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW"),
    ]
)
NAMES_BY_LOCALE, TEXTS_BY_LOCALE = Mapped(LOCALES, Text(1, 32)), Mapped(LOCALES, Text(1, 100))

COMMAND = Form(
    {
        "id": Anything(),
        "type": Choice((CHAT_INPUT, USER_MENU, MESSAGE_MENU)),
        "name": Text(1, 32),
        "name_localizations": NAMES_BY_LOCALE,
        "description": Text(0, 100),
        "description_localizations": TEXTS_BY_LOCALE,
        "options": Many(Anything(), 0, OPTIONS_MAX),
        "default_member_permissions": Whole(0, PERMISSIONS_MAX),
        "dm_permission": Flag(),
        "contexts": Many(Choice((0, 1, 2)), 1),
        "integration_types": Many(Choice((0, 1)), 1),
        "nsfw": Flag(),
        "handler": Anything(),
    },
    {"name"},
    "a command",
)
FIELDS = frozenset(COMMAND.fields)
OPTION_BASE: dict[str, Kind] = {
    "type": Whole(),
    "name": Text(1, 32),
    "name_localizations": NAMES_BY_LOCALE,
    "description": Text(1, 100),
    "description_localizations": TEXTS_BY_LOCALE,
    "required": Flag(),
}


def _choice(value: Kind) -> Form:
    names = Mapped(LOCALES, Text(1, 100))
    known: dict[str, Kind] = {"name": Text(1, 100), "name_localizations": names, "value": value}
    return Form(known, ("name", "value"), "a choice")


CHOICES = {
    STRING: _choice(Text(0, 100)),
    INTEGER: _choice(Whole()),
    NUMBER: _choice(Number()),
}
BOUNDS: dict[int, dict[str, Kind]] = {
    STRING: {"min_length": Whole(0, 6000), "max_length": Whole(1, 6000)},
    INTEGER: {"min_value": Whole(), "max_value": Whole()},
    NUMBER: {"min_value": Number(), "max_value": Number()},
}


def _option(kind: int) -> Form:
    """Return the form of an option of this type."""
    fields = dict(OPTION_BASE)
    if kind in NESTED:
        fields["options"] = Many(Anything(), 0, OPTIONS_MAX)
    if kind in CHOSEN:
        fields["choices"] = Many(CHOICES[kind], 0, CHOICES_MAX)
        fields["autocomplete"] = Flag()
        fields |= BOUNDS[kind]
    if kind == CHANNEL:
        fields["channel_types"] = Many(Choice(EVERY_CHANNEL))
    return Form(fields, ("type", "name", "description"), "a command's option")


OPTIONS = {kind: _option(kind) for kind in range(SUBCOMMAND, ATTACHMENT + 1)}


def read_command(body: Any, path: str) -> Json:
    """Return a command as Discord stores it, with missing fields filled in.

    Raises ApiError 50035, which names the invalid field below `path`.
    """
    given = COMMAND.read(body, path)
    prefix = f"{path}." if path else ""
    kind = given.get("type", CHAT_INPUT)
    if kind == CHAT_INPUT:
        _check_name(given["name"], f"{prefix}name")
        if not given.get("description"):
            raise missing(f"{prefix}description")
    elif given.get("options") or given.get("description"):
        raise invalid_form(
            f"{prefix}description",
            "APPLICATION_COMMANDS_DESCRIPTION_INVALID",
            "Context menu commands cannot have a description or options",
        )
    options = _options(given.get("options", []), f"{prefix}options", NESTED)
    permissions = given.get("default_member_permissions")
    read = {
        "type": kind,
        "name": given["name"],
        "name_localizations": given.get("name_localizations"),
        "description": given.get("description", ""),
        "description_localizations": given.get("description_localizations"),
        "options": options,
        "default_member_permissions": None if permissions is None else str(permissions),
        "dm_permission": given.get("dm_permission", True),
        "contexts": given.get("contexts"),
        "integration_types": given.get("integration_types") or [0],
        "nsfw": given.get("nsfw", False),
    }
    if _length(read) > TOTAL_LENGTH_MAX:
        raise invalid_form(
            f"{prefix}name",
            "APPLICATION_COMMAND_TOO_LARGE",
            f"Command exceeds maximum size ({TOTAL_LENGTH_MAX})",
        )
    return read


def read_choices(given: Any, kind: int, path: str) -> list[Json]:
    """Return the choices by which a bot answers an autocomplete of an option of this type."""
    return Many(CHOICES[kind], 0, CHOICES_MAX).read(given, path)


def _options(listed: list[Any], path: str, nested: frozenset[int]) -> list[Json]:
    """Return options; `nested` are the types of subcommands that may stand here."""
    read: list[Json] = []
    for index, option in enumerate(listed):
        here = f"{path}.{index}"
        kind = option.get("type") if isinstance(option, dict) else None
        if type(kind) is not int or kind not in OPTIONS or kind in NESTED - nested:
            raise invalid_form(f"{here}.type", "BASE_TYPE_CHOICES", f"{kind!r} is not allowed here")
        one = OPTIONS[kind].read(option, here)
        _check_name(one["name"], f"{here}.name")
        _check_option(one, here)
        if kind in NESTED:
            inner = frozenset({SUBCOMMAND}) if kind == GROUP else frozenset()
            one["options"] = _options(one.get("options", []), f"{here}.options", inner)
            _check_only(one["options"], f"{here}.options", subcommands=kind == GROUP)
        read.append(one)
    _check_order(read, path)
    if any(one["type"] in NESTED for one in read):
        _check_only(read, path, subcommands=True)
    return read


def _check_name(name: str, path: str) -> None:
    if not NAME.fullmatch(name) or name != name.lower():
        raise invalid_form(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_option(option: Json, path: str) -> None:
    if option.get("autocomplete") and option.get("choices"):
        raise invalid_form(
            f"{path}.choices",
            "APPLICATION_COMMAND_OPTIONS_CHOICES_AND_AUTOCOMPLETE",
            "An option has choices or autocomplete, not both",
        )
    for unit in ("length", "value"):
        low, high = option.get(f"min_{unit}"), option.get(f"max_{unit}")
        if low is not None and high is not None and low > high:
            raise invalid_form(
                f"{path}.min_{unit}", "NUMBER_TYPE_MAX", f"Must be at most max_{unit}."
            )
    names = [choice["name"] for choice in option.get("choices", ())]
    if len(set(names)) < len(names):
        raise invalid_form(
            f"{path}.choices",
            "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_DUPLICATE",
            "Choice names must be unique",
        )


def _check_only(options: list[Json], path: str, *, subcommands: bool) -> None:
    """Refuse subcommands beside other options, and a group without subcommands."""
    kinds = {option["type"] in NESTED for option in options}
    if subcommands and kinds != {True}:
        raise invalid_form(
            path,
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and sub-command group options exclude all other types",
        )


def _check_order(options: list[Json], path: str) -> None:
    """Refuse two options of one name, and a required option after an optional one."""
    seen: set[str] = set()
    required_before = True
    for index, option in enumerate(options):
        if option["name"] in seen:
            raise invalid_form(
                f"{path}.{index}.name",
                "APPLICATION_COMMAND_OPTIONS_NAME_DUPLICATED",
                "Option names must be unique",
            )
        seen.add(option["name"])
        required = bool(option.get("required"))
        if required and not required_before:
            raise invalid_form(
                f"{path}.{index}",
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        required_before = required


def _length(one: Json) -> int:
    """Return the length of all names, descriptions and values, which Discord limits as a whole."""
    total = len(one["name"]) + len(one.get("description", ""))
    for choice in one.get("choices", ()):
        total += len(choice["name"]) + len(str(choice["value"]))
    return total + sum(map(_length, one.get("options", ())))
