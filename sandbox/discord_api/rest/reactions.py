"""Reactions to messages."""

from sandbox.discord_api import payloads
from sandbox.discord_api.emoji import reaction_emoji
from sandbox.discord_api.errors import ApiError
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import require_in
from sandbox.discord_api.world import Message

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

REACTIONS_MAX = 20
REACTIONS = "/channels/{channel_id}/messages/{message_id}/reactions"
REACTION = REACTIONS + "/{emoji_name}"


@routes.add("PUT", REACTION + "/@me", rate="reactions")
def react(request: Request) -> None:
    """Add a reaction of the bot. A message takes twenty different ones."""
    found = request.channel(Permission.READ_MESSAGE_HISTORY)
    message, emoji = request.message(), _emoji(request)
    if request.editor.reaction(message, emoji) is None:
        if not found.direct:
            require_in(request.world, found, Permission.ADD_REACTIONS)
        if len(message.reactions) >= REACTIONS_MAX:
            raise ApiError(400, 30010, f"Maximum number of reactions reached ({REACTIONS_MAX})")
    request.editor.react(message, request.world.bot_id, emoji)


@routes.add("DELETE", REACTION + "/@me", rate="reactions")
def unreact(request: Request) -> None:
    """Take the bot's reaction away."""
    message = _seen(request)
    request.editor.unreact(message, request.world.bot_id, _emoji(request))


@routes.add("DELETE", REACTION + "/{user_id}", rate="reactions")
def unreact_for(request: Request) -> None:
    """Take another user's reaction away."""
    message = _moderated(request)
    request.editor.unreact(message, request.id("user_id"), _emoji(request))


@routes.add("GET", REACTION, query={"after", "limit", "type"})
def reactors(request: Request) -> list[Json]:
    """The users who reacted with this emoji, by id. Nobody has super reactions (`type` 1)."""
    reaction = request.editor.reaction(_seen(request), _emoji(request))
    after, limit = request.number("after", 0), request.number("limit", 25, low=1, high=100)
    if reaction is None or request.number("type", 0, high=1) == 1:
        return []
    found = [one for one in sorted(reaction.user_ids) if one > after]
    return [payloads.user(request.world.users[one]) for one in found[:limit]]


@routes.add("DELETE", REACTION, rate="reactions")
def clear_one(request: Request) -> None:
    """Remove all reactions with one emoji."""
    message = _moderated(request)
    request.editor.clear_reactions(message, _emoji(request))


@routes.add("DELETE", REACTIONS, rate="reactions")
def clear(request: Request) -> None:
    """Remove all reactions."""
    request.editor.clear_reactions(_moderated(request))


def _emoji(request: Request) -> str:
    return reaction_emoji(request.path["emoji_name"])


def _seen(request: Request) -> Message:
    request.channel(Permission.READ_MESSAGE_HISTORY)
    return request.message()


def _moderated(request: Request) -> Message:
    if request.channel().direct:
        raise ApiError(403, 50003, "Cannot execute action on a DM channel")
    request.channel(Permission.MANAGE_MESSAGES)
    return request.message()
