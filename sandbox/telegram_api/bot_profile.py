"""Methods on the bot's profile: its user, command menus, name and descriptions."""

import json
import re

import msgspec

from . import parameters as p
from .errors import ApiError, bad_request
from .payloads import user_payload
from .state import JSON
from .world import World

__all__ = ["METHODS", "ephemeral_commands"]

COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")
LANGUAGE = re.compile(r"[a-z]{2}")
COMMANDS_MAX = 100
DESCRIPTION_LENGTH_MAX = 256
# The fields that a scope of each type must have; it may have no others.
SCOPES = {
    "default": set(),
    "all_private_chats": set(),
    "all_group_chats": set(),
    "all_chat_administrators": set(),
    "chat": {"chat_id"},
    "chat_administrators": {"chat_id"},
    "chat_member": {"chat_id", "user_id"},
}
PROFILE_LENGTHS_MAX = {"name": 64, "description": 512, "short_description": 120}


def get_me(world: World, call: p.GetMe) -> JSON:
    """User, with the fields that only getMe returns."""
    return user_payload(world.bot) | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def log_out(world: World, call: p.LogOut) -> bool:
    """Refused: the sandbox has no cloud server to move from or to."""
    raise bad_request("the sandbox does not imitate logOut")


def close(world: World, call: p.Close) -> bool:
    """Refused, as Telegram does in the first ten minutes after a start."""
    raise ApiError(429, "Too Many Requests: retry after 600", retry_after=600)


def set_my_commands(world: World, call: p.SetMyCommands) -> bool:
    """Replace the menu of a scope and language; an empty list removes it."""
    key = _menu(world, call.scope, call.language_code)
    if len(call.commands) > COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in call.commands:
        if not COMMAND.fullmatch(command.command):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command.description) <= DESCRIPTION_LENGTH_MAX:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.state.commands.pop(key, None)
    if call.commands:
        world.state.commands[key] = [
            msgspec.to_builtins(command) | {"command": command.command.removeprefix("/")}
            for command in call.commands
        ]
    return True


def get_my_commands(world: World, call: p.GetMyCommands) -> list[JSON]:
    """The menu of exactly this scope and language, without inheritance."""
    return world.state.commands.get(_menu(world, call.scope, call.language_code), [])


def delete_my_commands(world: World, call: p.DeleteMyCommands) -> bool:
    """Remove the menu of a scope and language."""
    world.state.commands.pop(_menu(world, call.scope, call.language_code), None)
    return True


def _menu(world: World, scope: p.BotCommandScope, language: str) -> str:
    if scope.type not in SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    named = {name for name in ("chat_id", "user_id") if getattr(scope, name) is not None}
    if named != SCOPES[scope.type]:
        expected = ", ".join(sorted(SCOPES[scope.type])) or "neither chat_id nor user_id"
        raise bad_request(f"can't parse BotCommandScope: type {scope.type!r} takes {expected}")
    if scope.chat_id is not None:
        world.chat(scope.chat_id)
    _check_language(language)
    return json.dumps([scope.type, scope.chat_id, scope.user_id, language])


def _check_language(language: str) -> None:
    if language and not LANGUAGE.fullmatch(language):
        raise bad_request("LANG_CODE_INVALID")


def ephemeral_commands(world: World) -> set[str]:
    """Return the commands marked ephemeral in any menu: only sender and bot see their messages."""
    return {
        command["command"]
        for menu in world.state.commands.values()
        for command in menu
        if command.get("is_ephemeral")
    }


def _set_profile(world: World, field: str, value: str, language: str) -> bool:
    _check_language(language)
    if len(value) > PROFILE_LENGTHS_MAX[field]:
        raise bad_request(f"{field.replace('_', ' ')} is too long")
    world.state.profile[f"{field}:{language}"] = value
    return True


def _get_profile(world: World, field: str, language: str, default: str = "") -> JSON:
    """Return the text for a language, or else the one for all languages."""
    _check_language(language)
    texts = world.state.profile
    return {field: texts.get(f"{field}:{language}") or texts.get(f"{field}:") or default}


def set_my_name(world: World, call: p.SetMyName) -> bool:
    """Set the bot's name for a language, or for all languages without one."""
    return _set_profile(world, "name", call.name, call.language_code)


def get_my_name(world: World, call: p.GetMyName) -> JSON:
    """BotName."""
    return _get_profile(world, "name", call.language_code, world.bot.first_name)


def set_my_description(world: World, call: p.SetMyDescription) -> bool:
    """Set the description, which an empty chat with the bot shows."""
    return _set_profile(world, "description", call.description, call.language_code)


def get_my_description(world: World, call: p.GetMyDescription) -> JSON:
    """BotDescription."""
    return _get_profile(world, "description", call.language_code)


def set_my_short_description(world: World, call: p.SetMyShortDescription) -> bool:
    """Set the short description, which the bot's profile page shows."""
    return _set_profile(world, "short_description", call.short_description, call.language_code)


def get_my_short_description(world: World, call: p.GetMyShortDescription) -> JSON:
    """BotShortDescription."""
    return _get_profile(world, "short_description", call.language_code)


METHODS: p.Methods = {
    p.GetMe: get_me,
    p.LogOut: log_out,
    p.Close: close,
    p.SetMyCommands: set_my_commands,
    p.GetMyCommands: get_my_commands,
    p.DeleteMyCommands: delete_my_commands,
    p.SetMyName: set_my_name,
    p.GetMyName: get_my_name,
    p.SetMyDescription: set_my_description,
    p.GetMyDescription: get_my_description,
    p.SetMyShortDescription: set_my_short_description,
    p.GetMyShortDescription: get_my_short_description,
}
