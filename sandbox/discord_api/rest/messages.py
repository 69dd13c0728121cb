"""Channels and the messages in them."""

from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.forms import Choice, Flag, Form, Snowflake, Text
from sandbox.discord_api.bodies.messages import DRAFT_FIELDS, Draft, read_draft, read_edit
from sandbox.discord_api.errors import ApiError, invalid_form, not_imitated
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import require_in
from sandbox.discord_api.world import Channel, Message

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

REPLY = 19
#: The type of a reference that forwards; 0 is a reply.
FORWARD = 1
REFERENCE = Form(
    {
        "type": Choice((0, FORWARD)),
        "message_id": Snowflake(),
        "channel_id": Snowflake(),
        "guild_id": Snowflake(),
        "fail_if_not_exists": Flag(),
    },
    {"message_id"},
    "a message reference",
)
MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"


@routes.add("GET", "/channels/{channel_id}")
def channel(request: Request) -> Json:
    """One channel that the bot sees."""
    return payloads.channel(request.channel(), request.world)


@routes.add("POST", "/channels/{channel_id}/typing")
def typing(request: Request) -> None:
    """Show that the bot is about to write."""
    found = request.channel(Permission.SEND_MESSAGES)
    request.editor.type_in(found, request.world.bot_id)


@routes.add("GET", MESSAGES, query={"around", "before", "after", "limit"})
def messages(request: Request) -> list[Json]:
    """Messages of a channel, newest first, `before`, `after` or `around` a message id."""
    found = request.channel(Permission.READ_MESSAGE_HISTORY)
    after, before = request.number("after", 0), request.number("before", 2**63)
    limit = request.number("limit", 50, low=1, high=100)
    here = [
        one
        for one in request.world.messages.values()
        if one.channel_id == found.id and one.visible_to is None and after < one.id < before
    ]
    page = here[:limit] if "after" in request.query else here[-limit:]
    if "around" in request.query:
        middle = request.number("around", 0)
        older = [one for one in here if one.id < middle][-(limit // 2) :] if limit > 1 else []
        page = older + [one for one in here if one.id >= middle][: limit - len(older)]
    return [request.shown(one) for one in reversed(page)]


@routes.add("GET", MESSAGE)
def message(request: Request) -> Json:
    """One message."""
    request.channel(Permission.READ_MESSAGE_HISTORY)
    return request.shown(request.message())


@routes.add(
    "POST",
    MESSAGES,
    fields=DRAFT_FIELDS | {"nonce", "enforce_nonce", "message_reference"},
    rate="messages",
    takes_files=True,
)
def write(request: Request) -> Json:
    """Post a message. With `enforce_nonce` the same nonce again returns the first message."""
    found = request.channel(Permission.SEND_MESSAGES)
    _check_recipient(request, found)
    reply_to = _reply_to(request, found)
    draft = read_draft(request.body, request.uploads)
    nonce, enforced = _nonce(request)
    if nonce is not None and enforced:
        earlier = _with_nonce(request, found, nonce)
        if earlier is not None:
            return payloads.message(earlier, request.world)
    _check_parts(request, found, draft)
    one = request.editor.write(
        found.id,
        request.world.bot_id,
        draft,
        nonce=nonce,
        reply_to=reply_to,
        type=0 if reply_to is None else REPLY,
    )
    return payloads.message(one, request.world)


def _check_parts(request: Request, found: Channel, draft: Draft) -> None:
    """Refuse with 50013 embeds and files without their permission."""
    for part, permission in [
        (draft.embeds, Permission.EMBED_LINKS),
        (draft.files, Permission.ATTACH_FILES),
    ]:
        if part and not found.direct:
            require_in(request.world, found, permission)


def _check_recipient(request: Request, found: Channel) -> None:
    """Refuse with 50007 a person with closed direct messages, or without a shared guild."""
    if found.recipient_id is None:
        return
    shares_guild = request.world.installed and found.recipient_id in request.world.guild.members
    if not shares_guild or not request.world.users[found.recipient_id].accepts_direct_messages:
        raise ApiError(403, 50007, "Cannot send messages to this user")


def _nonce(request: Request) -> tuple[str | int | None, bool]:
    """Return the nonce of the body, and whether a second message with it is the first one."""
    nonce = request.body.get("nonce")
    if nonce is not None and type(nonce) is not int:
        Text(0, 25).read(nonce, "nonce")
    enforced = request.body.get("enforce_nonce")
    return nonce, enforced is not None and Flag().read(enforced, "enforce_nonce")


def _with_nonce(request: Request, found: Channel, nonce: Any) -> Message | None:
    for one in request.world.messages.values():
        if one.nonce == nonce and one.channel_id == found.id:
            return one
    return None


def _reply_to(request: Request, found: Channel) -> int | None:
    if request.body.get("message_reference") is None:
        return None
    reference = REFERENCE.read(request.body["message_reference"], "message_reference")
    if reference.get("type") == FORWARD:
        raise not_imitated("a forward by a bot")
    target = request.world.messages.get(int(reference["message_id"]))
    if target is not None and target.channel_id == found.id:
        return target.id
    if reference.get("fail_if_not_exists", True):
        raise invalid_form(
            "message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message"
        )
    return None


@routes.add("PATCH", MESSAGE, fields=DRAFT_FIELDS, rate="message_edits", takes_files=True)
def rewrite(request: Request) -> Json:
    """Edit one of the bot's own messages."""
    found, one = request.channel(), request.message()
    if one.author_id != request.world.bot_id:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    draft = read_edit(request.body, request.uploads, one)
    _check_parts(request, found, draft)
    request.editor.rewrite(one, draft)
    return payloads.message(one, request.world)


@routes.add("DELETE", MESSAGE, rate="message_edits")
def erase(request: Request) -> None:
    """Delete a message: the bot's own, or with Manage Messages any message."""
    found, one = request.channel(), request.message()
    if one.author_id != request.world.bot_id:
        if found.direct:
            raise ApiError(403, 50003, "Cannot execute action on a DM channel")
        require_in(request.world, found, Permission.MANAGE_MESSAGES)
    request.editor.erase(one, by=request.world.bot_id, reason=request.reason)
