"""Pinned messages, and the deletion of many messages at once."""

from sandbox.discord_api.bodies.forms import Many, Snowflake
from sandbox.discord_api.errors import ApiError, invalid_form
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_in
from sandbox.discord_api.snowflakes import age_of
from sandbox.discord_api.world import Channel

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

PINS_MAX = 250
BULK_MAX = 100
BULK_AGE_MAX_S = 14 * 24 * 3600
PINS = "/channels/{channel_id}/messages/pins"


@routes.add("GET", PINS, query={"before", "limit"})
def pins(request: Request) -> Json:
    """The pinned messages, those that were pinned last first."""
    found = request.channel(Permission.READ_MESSAGE_HISTORY)
    limit = request.number("limit", 50, low=1, high=50)
    before = request.query.get("before")
    pinned = sorted(
        (one.pinned_at, one.id)
        for one in request.world.messages.values()
        if one.channel_id == found.id and one.pinned_at is not None
    )
    page = [one for one in reversed(pinned) if before is None or one[0] < before]
    items = [
        {
            "pinned_at": pinned_at,
            "message": request.shown(request.world.messages[message_id]),
        }
        for pinned_at, message_id in page[:limit]
    ]
    return {"items": items, "has_more": len(page) > limit}


@routes.add("PUT", PINS + "/{message_id}")
def pin(request: Request) -> None:
    """Pin a message. A pinned one stays as it is."""
    found = _pinnable(request)
    message = request.message()
    if message.pinned_at is not None:
        return
    here = [one for one in request.world.messages.values() if one.channel_id == found.id]
    if sum(one.pinned_at is not None for one in here) >= PINS_MAX:
        raise ApiError(400, 30003, f"Maximum number of pins reached for the channel ({PINS_MAX})")
    request.editor.pin(message, by=request.world.bot_id, reason=request.reason)


@routes.add("DELETE", PINS + "/{message_id}")
def unpin(request: Request) -> None:
    """Take a message from the pinned ones."""
    _pinnable(request)
    message = request.message()
    if message.pinned_at is not None:
        request.editor.unpin(message, by=request.world.bot_id, reason=request.reason)


@routes.add("POST", "/channels/{channel_id}/messages/bulk-delete", fields={"messages"})
def erase_many(request: Request) -> None:
    """Delete 2 to 100 messages, none of which is older than two weeks. Unknown ids are ignored."""
    found = request.channel(Permission.MANAGE_MESSAGES)
    if found.direct:
        raise ApiError(403, 50003, "Cannot execute action on a DM channel")
    ids = Many(Snowflake(), 2, BULK_MAX).read(request.body.get("messages"), "messages")
    if len(set(ids)) < len(ids):
        raise invalid_form("messages", "SET_TYPE_ALREADY_CONTAINS_VALUE", "Contains twice.")
    if any(age_of(int(one)) > BULK_AGE_MAX_S for one in ids):
        raise ApiError(400, 50034, "You can only bulk delete messages that are under 14 days old.")
    known = [request.world.messages.get(int(one)) for one in ids]
    here = [one for one in known if one is not None and one.channel_id == found.id]
    if here:
        request.editor.erase_many(found, here, by=request.world.bot_id, reason=request.reason)


def _pinnable(request: Request) -> Channel:
    """Return the channel, if the bot may pin there: Pin Messages, or Manage Messages as before."""
    found = request.channel(Permission.READ_MESSAGE_HISTORY)
    held = permissions_in(request.world, request.world.bot, found)
    if not found.direct and not held & (Permission.PIN_MESSAGES | Permission.MANAGE_MESSAGES):
        request.channel(Permission.PIN_MESSAGES)
    return found
