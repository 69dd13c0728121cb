"""Application commands, which the bot syncs globally or for one guild."""

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.commands import FIELDS, read_command
from sandbox.discord_api.bodies.forms import Anything, Many
from sandbox.discord_api.errors import ApiError, invalid_form, missing_access, unknown
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.world import Command

from .routing import Reply, Request, Routes

__all__ = ["routes"]

routes = Routes()

EVERYWHERE = "/applications/{application_id}/commands"
IN_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"
UPSERT_FIELDS = FIELDS - {"id"}
EDIT_FIELDS = UPSERT_FIELDS - {"type"}
COMMANDS_MAX = {1: 100, 2: 15, 3: 15}


@routes.add("GET", EVERYWHERE, query={"with_localizations"})
@routes.add("GET", IN_GUILD, query={"with_localizations"})
def commands(request: Request) -> list[Json]:
    """The commands of a scope."""
    return [_shown(request, one) for one in _of_scope(request)]


@routes.add("PUT", EVERYWHERE, rate="command_syncs")
@routes.add("PUT", IN_GUILD, rate="command_syncs")
def sync(request: Request) -> list[Json]:
    """Replace all commands of a scope. Commands of the same type and name keep their ids."""
    listed = Many(Anything()).read(request.body, "commands")
    definitions = [read_command(one, f"{index}") for index, one in enumerate(listed)]
    keys = [(one["type"], one["name"]) for one in definitions]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise invalid_form(
                f"{index}.name",
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            )
    for kind, limit in COMMANDS_MAX.items():
        if sum(key[0] == kind for key in keys) > limit:
            raise ApiError(400, 30032, f"Maximum number of application commands reached ({limit}).")
    scope = _scope(request)
    earlier = {one.key: one for one in _of_scope(request)}
    synced = [_stored(request, scope, one, earlier) for one in definitions]
    others = [one for one in request.world.application.commands if one.guild_id != scope]
    request.world.application.commands = others + synced
    return [_shown(request, one) for one in synced]


@routes.add("POST", EVERYWHERE, fields=UPSERT_FIELDS, rate="command_syncs")
@routes.add("POST", IN_GUILD, fields=UPSERT_FIELDS, rate="command_syncs")
def upsert(request: Request) -> Reply:
    """Add a command, or replace the one of the same type and name (200 instead of 201)."""
    scope, definition = _scope(request), read_command(request.body, "")
    earlier = {one.key: one for one in _of_scope(request)}
    one = _stored(request, scope, definition, earlier)
    kept = request.world.application.commands
    others = [each for each in kept if each.guild_id != scope or each.key != one.key]
    request.world.application.commands = [*others, one]
    return Reply(200 if one.key in earlier else 201, _shown(request, one))


@routes.add("GET", EVERYWHERE + "/{command_id}")
@routes.add("GET", IN_GUILD + "/{command_id}")
def command(request: Request) -> Json:
    """One command."""
    return _shown(request, _command(request))


@routes.add("PATCH", EVERYWHERE + "/{command_id}", fields=EDIT_FIELDS, rate="command_syncs")
@routes.add("PATCH", IN_GUILD + "/{command_id}", fields=EDIT_FIELDS, rate="command_syncs")
def edit(request: Request) -> Json:
    """Change parts of a command."""
    one = _command(request)
    one.definition = read_command(one.definition | request.body, "")
    one.version = request.world.next_id()
    return _shown(request, one)


@routes.add("DELETE", EVERYWHERE + "/{command_id}", rate="command_syncs")
@routes.add("DELETE", IN_GUILD + "/{command_id}", rate="command_syncs")
def delete(request: Request) -> None:
    """Remove a command."""
    request.world.application.commands.remove(_command(request))


def _scope(request: Request) -> int | None:
    """Return the guild of the path, or None for global. Refuses other applications."""
    request.check_application()
    if "guild_id" not in request.path:
        return None
    if request.id("guild_id") != request.world.guild.id:
        raise missing_access()
    return request.guild().id


def _of_scope(request: Request) -> list[Command]:
    scope = _scope(request)
    return [one for one in request.world.application.commands if one.guild_id == scope]


def _command(request: Request) -> Command:
    for one in _of_scope(request):
        if one.id == request.id("command_id"):
            return one
    raise unknown("application command")


def _stored(
    request: Request, scope: int | None, definition: Json, earlier: dict[tuple[int, str], Command]
) -> Command:
    """Return the command to keep, with its earlier id, and a new version if it changed."""
    before = earlier.get((definition["type"], definition["name"]))
    if before is not None and before.definition == definition:
        return before
    command_id = request.world.next_id() if before is None else before.id
    return Command(command_id, request.world.next_id(), scope, definition)


def _shown(request: Request, one: Command) -> Json:
    return payloads.command(one, application_id=request.world.bot_id)
