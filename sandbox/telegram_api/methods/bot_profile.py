"""Methods on the bot's profile: its user, command menus, name and descriptions."""

import json
import re

import msgspec

from sandbox.telegram_api.errors import ApiError, bad_request
from sandbox.telegram_api.parameters import ChatId, Methods, Nested, Parameters
from sandbox.telegram_api.texts.links import LinkError, checked_link
from sandbox.telegram_api.world import JSON, User, World
from sandbox.telegram_api.world.payloads import user_payload
from sandbox.telegram_api.world.rights import ADMINISTRATOR_RIGHTS, CHANNEL_RIGHTS

__all__ = ["METHODS", "ephemeral_commands", "menus_of"]

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


class GetMe(Parameters):
    pass


def get_me(world: World, call: GetMe) -> JSON:
    """User, with the fields that only getMe returns."""
    return user_payload(world.bot) | {
        "can_join_groups": True,
        "can_read_all_group_messages": world.own.reads_all,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


class LogOut(Parameters):
    pass


def log_out(world: World, call: LogOut) -> bool:
    """Refused: the sandbox has no cloud server to move from or to."""
    raise bad_request("the sandbox does not imitate logOut")


class Close(Parameters):
    pass


def close(world: World, call: Close) -> bool:
    """Refused, as Telegram does in the first ten minutes after a start."""
    raise ApiError(429, "Too Many Requests: retry after 600", retry_after=600)


class BotCommand(Nested):
    command: str
    description: str
    is_ephemeral: bool | None = None


class BotCommandScope(Nested):
    type: str
    chat_id: ChatId | None = None
    user_id: int | None = None


def _every_chat() -> BotCommandScope:
    return BotCommandScope(type="default")


class SetMyCommands(Parameters, kw_only=True):
    commands: list[BotCommand]
    scope: BotCommandScope = msgspec.field(default_factory=_every_chat)
    language_code: str = ""


def set_my_commands(world: World, call: SetMyCommands) -> bool:
    """Replace the menu of a scope and language; an empty list removes it."""
    key = _menu(world, call.scope, call.language_code)
    if len(call.commands) > COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in call.commands:
        if not COMMAND.fullmatch(command.command):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command.description) <= DESCRIPTION_LENGTH_MAX:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.own.commands.pop(key, None)
    if call.commands:
        world.own.commands[key] = [
            msgspec.to_builtins(command) | {"command": command.command.removeprefix("/")}
            for command in call.commands
        ]
    return True


class GetMyCommands(Parameters, kw_only=True):
    scope: BotCommandScope = msgspec.field(default_factory=_every_chat)
    language_code: str = ""


def get_my_commands(world: World, call: GetMyCommands) -> list[JSON]:
    """The menu of exactly this scope and language, without inheritance."""
    return world.own.commands.get(_menu(world, call.scope, call.language_code), [])


class DeleteMyCommands(Parameters, kw_only=True):
    scope: BotCommandScope = msgspec.field(default_factory=_every_chat)
    language_code: str = ""


def delete_my_commands(world: World, call: DeleteMyCommands) -> bool:
    """Remove the menu of a scope and language."""
    world.own.commands.pop(_menu(world, call.scope, call.language_code), None)
    return True


def _menu(world: World, scope: BotCommandScope, language: str) -> str:
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


def menus_of(commands: dict[str, list[JSON]]) -> list[JSON]:
    """Return the menus of a bot, each with the scope and language that it is for."""
    return [
        dict(zip(("type", "chat_id", "user_id", "language_code"), json.loads(key), strict=True))
        | {"commands": menu}
        for key, menu in commands.items()
    ]


def ephemeral_commands(world: World) -> set[str]:
    """Return the commands marked ephemeral in any menu: only sender and bot see their messages."""
    return {
        command["command"]
        for menu in world.own.commands.values()
        for command in menu
        if command.get("is_ephemeral")
    }


def _set_profile(world: World, field: str, value: str, language: str) -> bool:
    _check_language(language)
    if len(value) > PROFILE_LENGTHS_MAX[field]:
        raise bad_request(f"{field.replace('_', ' ')} is too long")
    world.own.profile[f"{field}:{language}"] = value
    return True


def _get_profile(world: World, field: str, language: str, default: str = "") -> JSON:
    """Return the text for a language, or else the one for all languages."""
    _check_language(language)
    texts = world.own.profile
    return {field: texts.get(f"{field}:{language}") or texts.get(f"{field}:") or default}


class SetMyName(Parameters, kw_only=True):
    name: str = ""
    language_code: str = ""


def set_my_name(world: World, call: SetMyName) -> bool:
    """Set the bot's name for a language, or for all languages without one."""
    return _set_profile(world, "name", call.name, call.language_code)


class GetMyName(Parameters, kw_only=True):
    language_code: str = ""


def get_my_name(world: World, call: GetMyName) -> JSON:
    """BotName."""
    return _get_profile(world, "name", call.language_code, world.bot.first_name)


class SetMyDescription(Parameters, kw_only=True):
    description: str = ""
    language_code: str = ""


def set_my_description(world: World, call: SetMyDescription) -> bool:
    """Set the description, which an empty chat with the bot shows."""
    return _set_profile(world, "description", call.description, call.language_code)


class GetMyDescription(Parameters, kw_only=True):
    language_code: str = ""


def get_my_description(world: World, call: GetMyDescription) -> JSON:
    """BotDescription."""
    return _get_profile(world, "description", call.language_code)


class SetMyShortDescription(Parameters, kw_only=True):
    short_description: str = ""
    language_code: str = ""


def set_my_short_description(world: World, call: SetMyShortDescription) -> bool:
    """Set the short description, which the bot's profile page shows."""
    return _set_profile(world, "short_description", call.short_description, call.language_code)


class GetMyShortDescription(Parameters, kw_only=True):
    language_code: str = ""


def get_my_short_description(world: World, call: GetMyShortDescription) -> JSON:
    """BotShortDescription."""
    return _get_profile(world, "short_description", call.language_code)


class WebAppInfo(Nested):
    url: str


class MenuButton(Nested):
    type: str
    text: str | None = None
    web_app: WebAppInfo | None = None


class SetChatMenuButton(Parameters, kw_only=True):
    chat_id: int | None = None
    menu_button: MenuButton | None = None


def set_menu_button(world: World, call: SetChatMenuButton) -> bool:
    """Set the menu button of one private chat, or the default of all."""
    key = _menu_key(world, call.chat_id)
    button = call.menu_button or MenuButton(type="default")
    if button.type not in ("default", "commands", "web_app"):
        raise bad_request("can't parse menu button: unsupported type specified")
    if button.type == "web_app":
        if not button.text or button.web_app is None:
            raise bad_request("can't parse menu button: text and web_app are required")
        try:
            url = checked_link(button.web_app.url)
        except LinkError as error:
            raise bad_request(f"menu button Web App URL is invalid: {error}") from error
        if not url.startswith("https://"):
            raise bad_request("menu button Web App URL is invalid: Only HTTPS links are allowed")
    world.own.settings[key] = msgspec.to_builtins(button)
    return True


class GetChatMenuButton(Parameters, kw_only=True):
    chat_id: int | None = None


def get_menu_button(world: World, call: GetChatMenuButton) -> JSON:
    """MenuButton of one private chat, or of all."""
    settings = world.own.settings
    default = settings.get(_menu_key(world, None), {"type": "commands"})
    return settings.get(_menu_key(world, call.chat_id), default)


def _menu_key(world: World, chat_id: int | None) -> str:
    if chat_id is not None and not isinstance(world.chat(chat_id), User):
        raise bad_request("menu buttons exist in private chats only")
    return f"menu_button:{chat_id or ''}"


class SetMyDefaultAdministratorRights(Parameters, kw_only=True):
    rights: dict[str, bool] | None = None
    for_channels: bool = False


def set_default_rights(world: World, call: SetMyDefaultAdministratorRights) -> bool:
    """Set the rights that the bot asks for when it is made administrator."""
    known = set(_rights_of(for_channels=call.for_channels)) | {"is_anonymous"}
    asked = {name for name, wanted in (call.rights or {}).items() if wanted}
    if not asked <= known:
        raise bad_request("RIGHTS_NOT_MODIFIED")
    world.own.settings[_rights_key(call)] = dict.fromkeys(sorted(asked), True)
    return True


class GetMyDefaultAdministratorRights(Parameters, kw_only=True):
    for_channels: bool = False


def get_default_rights(world: World, call: GetMyDefaultAdministratorRights) -> JSON:
    """ChatAdministratorRights."""
    asked = world.own.settings.get(_rights_key(call), {})
    names = ("is_anonymous", *_rights_of(for_channels=call.for_channels))
    return {name: name in asked for name in names}


def _rights_of(*, for_channels: bool) -> tuple[str, ...]:
    return CHANNEL_RIGHTS if for_channels else ADMINISTRATOR_RIGHTS


def _rights_key(call: SetMyDefaultAdministratorRights | GetMyDefaultAdministratorRights) -> str:
    return f"rights:{'channels' if call.for_channels else 'groups'}"


METHODS: Methods = {
    GetMe: get_me,
    LogOut: log_out,
    Close: close,
    SetMyCommands: set_my_commands,
    GetMyCommands: get_my_commands,
    DeleteMyCommands: delete_my_commands,
    SetMyName: set_my_name,
    GetMyName: get_my_name,
    SetMyDescription: set_my_description,
    GetMyDescription: get_my_description,
    SetMyShortDescription: set_my_short_description,
    GetMyShortDescription: get_my_short_description,
    SetChatMenuButton: set_menu_button,
    GetChatMenuButton: get_menu_button,
    SetMyDefaultAdministratorRights: set_default_rights,
    GetMyDefaultAdministratorRights: get_default_rights,
}
