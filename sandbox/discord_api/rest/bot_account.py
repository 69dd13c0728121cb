"""The bot's account: its user, application, gateway address, guilds and direct channels."""

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.forms import Text
from sandbox.discord_api.errors import ApiError, unknown
from sandbox.discord_api.gateway.intents import application_flags
from sandbox.discord_api.payloads import Json

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

SESSION_STARTS_PER_DAY = 1_000


@routes.add("GET", "/users/@me")
def own_user(request: Request) -> Json:
    """The bot's user; this is how clients log in."""
    return payloads.own_user(request.world.users[request.world.bot_id])


@routes.add("PATCH", "/users/@me", fields={"username"})
def rename(request: Request) -> Json:
    """The bot changes its username."""
    own = request.world.users[request.world.bot_id]
    username = Text(2, 32).read(request.body.get("username", own.username), "username")
    request.editor.rename_user(own, username, own.global_name)
    return payloads.own_user(own)


@routes.add("DELETE", "/users/@me/guilds/{guild_id}")
def leave_guild(request: Request) -> None:
    """The bot leaves the guild."""
    request.guild()
    request.editor.remove_member(request.world.bot_id)


@routes.add("GET", "/users/{user_id}")
def user(request: Request) -> Json:
    """Any user, in the guild or not."""
    one = request.world.users.get(request.id("user_id"))
    if one is None:
        raise unknown("User")
    return payloads.user(one)


@routes.add("GET", "/users/@me/guilds", query={"limit", "before", "after", "with_counts"})
def own_guilds(request: Request) -> list[Json]:
    """The guilds that the bot is in, with approximate counts if asked for."""
    guild = request.world.guild
    after, before = request.number("after", 0), request.number("before", 2**63)
    request.number("limit", 200, low=1, high=200)
    if not request.world.installed or not after < guild.id < before:
        return []
    shown = payloads.own_guild(request.world)
    if request.query.get("with_counts", "false").lower() in ("true", "1"):
        shown["approximate_member_count"] = len(guild.members)
        shown["approximate_presence_count"] = len(guild.presences)
    return [shown]


@routes.add("GET", "/oauth2/applications/@me")
@routes.add("GET", "/applications/@me")
def application(request: Request) -> Json:
    """The bot's application."""
    name = request.world.users[request.world.bot_id].username
    return payloads.application(
        request.world, name=name, flags=application_flags(request.privileged)
    )


@routes.add("GET", "/gateway")
def gateway(request: Request) -> Json:
    """The gateway's address."""
    return {"url": request.gateway_url}


@routes.add("GET", "/gateway/bot")
def gateway_for_bot(request: Request) -> Json:
    """The gateway's address, the number of shards, and the limit of session starts."""
    return {
        "url": request.gateway_url,
        "shards": 1,
        "session_start_limit": {
            "total": SESSION_STARTS_PER_DAY,
            "remaining": SESSION_STARTS_PER_DAY,
            "reset_after": 0,
            "max_concurrency": 1,
        },
    }


@routes.add("POST", "/users/@me/channels", fields={"recipient_id"}, rate="direct_channels")
def open_direct(request: Request) -> Json:
    """The direct channel with a user. A user with closed direct messages refuses messages only."""
    recipient_id = int(request.body["recipient_id"])
    if recipient_id not in request.world.users:
        raise unknown("User")
    if recipient_id in request.world.applications:
        raise ApiError(400, 50007, "Cannot send messages to this user")
    return payloads.channel(request.editor.open_direct(recipient_id), request.world)
