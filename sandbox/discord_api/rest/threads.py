"""Threads: on messages, on their own, and as posts of a forum; and the members of threads."""

from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.forms import (
    Anything,
    Choice,
    Flag,
    Form,
    Kind,
    Many,
    Text,
    Whole,
    missing,
)
from sandbox.discord_api.bodies.messages import DRAFT_FIELDS, read_draft
from sandbox.discord_api.channel_types import (
    FORUM,
    NEWS,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
)
from sandbox.discord_api.errors import ApiError, refuse_unknown_fields, unknown
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import require_in
from sandbox.discord_api.snowflakes import now
from sandbox.discord_api.world import Channel, Thread

from .routing import Reply, Request, Routes

__all__ = ["THREAD_FIELDS", "routes"]

routes = Routes()

ARCHIVE_MINUTES = (60, 1440, 4320, 10080)
THREAD_FIELDS: dict[str, Kind] = {
    "name": Text(1, 100),
    "auto_archive_duration": Choice(ARCHIVE_MINUTES),
    "rate_limit_per_user": Whole(0, 21_600),
}
THREAD = Form(
    THREAD_FIELDS | {"type": Choice((PUBLIC_THREAD, PRIVATE_THREAD)), "invitable": Flag()},
    {"name"},
    "a thread",
)
POST = Form(
    THREAD_FIELDS
    | {"message": Anything(), "applied_tags": Many(Anything(), 0, 0), "type": Anything()},
    ("name", "message"),
    "a post of a forum",
)
MEMBERS = "/channels/{channel_id}/thread-members"


@routes.add(
    "POST",
    "/channels/{channel_id}/messages/{message_id}/threads",
    fields=frozenset(THREAD_FIELDS),
)
def start_on_message(request: Request) -> Reply:
    """Start a thread on a message, whose id it has. A message takes one thread."""
    parent = request.channel(Permission.CREATE_PUBLIC_THREADS)
    message = request.message()
    if parent.type not in (TEXT, NEWS):
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    if message.thread_id is not None:
        raise ApiError(400, 160004, "A thread has already been created for this message")
    about = Form(THREAD_FIELDS, {"name"}, "a thread").read(request.body, "")
    message.thread_id = message.id
    one = _thread(request, parent, message.id, about)
    request.editor.start_thread(one, reason=request.reason)
    return Reply(201, payloads.channel(one, request.world))


@routes.add(
    "POST",
    "/channels/{channel_id}/threads",
    fields=frozenset({*THREAD.fields, *POST.fields}),
    query={"use_nested_fields"},
    takes_files=True,
)
def start(request: Request) -> Reply:
    """Start a thread without a message, or a post of a forum with its first message."""
    parent = request.channel(Permission.CREATE_PUBLIC_THREADS)
    thread_id = request.world.next_id()
    if parent.type == FORUM:
        about = POST.read(request.body, "")
        _check_message(about["message"])
        draft = read_draft(about.pop("message"), request.uploads)
        about.pop("type", None)
        one = _thread(request, parent, thread_id, about)
        request.editor.start_thread(one, reason=request.reason)
        message = request.editor.write(one.id, request.world.bot_id, draft, message_id=thread_id)
        shown = payloads.channel(one, request.world)
        return Reply(201, shown | {"message": payloads.message(message, request.world)})
    if parent.type not in (TEXT, NEWS) or request.uploads:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    about = THREAD.read(request.body, "")
    invitable = about.pop("invitable", True)
    kind = about.pop("type", PRIVATE_THREAD)
    if kind == PRIVATE_THREAD:
        require_in(request.world, parent, Permission.CREATE_PRIVATE_THREADS)
    one = _thread(request, parent, thread_id, about)
    one.type = kind
    _found(one).invitable = invitable
    request.editor.start_thread(one, reason=request.reason)
    return Reply(201, payloads.channel(one, request.world))


@routes.add("GET", "/guilds/{guild_id}/threads/active")
def active(request: Request) -> Json:
    """The threads of the guild that are not archived."""
    request.guild()
    found = [
        one
        for one in request.world.channels.values()
        if one.thread is not None and not one.thread.archived
    ]
    return _listed(request, found) | {"has_more": False}


@routes.add("GET", "/channels/{channel_id}/threads/archived/public", query={"before", "limit"})
def archived(request: Request) -> Json:
    """The archived public threads of a channel, those archived last first."""
    parent = request.channel(Permission.READ_MESSAGE_HISTORY)
    limit = request.number("limit", 50, low=2, high=100)
    before = request.query.get("before")
    found = [
        one
        for one in request.world.channels.values()
        if one.parent_id == parent.id
        and one.type == PUBLIC_THREAD
        and one.thread is not None
        and one.thread.archived
        and (before is None or one.thread.archived_at < before)
    ]
    found.sort(key=lambda one: one.thread.archived_at if one.thread else "", reverse=True)
    return _listed(request, found[:limit]) | {"has_more": len(found) > limit}


@routes.add("PUT", MEMBERS + "/@me")
def join(request: Request) -> None:
    """The bot joins a thread."""
    one, _ = _open_thread(request)
    request.editor.join_thread(one, request.world.bot_id)


@routes.add("DELETE", MEMBERS + "/@me")
def leave(request: Request) -> None:
    """The bot leaves a thread."""
    one, _ = _open_thread(request)
    request.editor.leave_thread(one, request.world.bot_id)


@routes.add("PUT", MEMBERS + "/{user_id}")
def add(request: Request) -> None:
    """Add a member to a thread."""
    one, _ = _open_thread(request)
    request.channel(Permission.SEND_MESSAGES_IN_THREADS)
    if request.id("user_id") not in request.world.guild.members:
        raise unknown("Member")
    request.editor.join_thread(one, request.id("user_id"))


@routes.add("DELETE", MEMBERS + "/{user_id}")
def remove(request: Request) -> None:
    """Take a member from a thread."""
    one, thread = _open_thread(request)
    if thread.owner_id != request.world.bot_id or one.type != PRIVATE_THREAD:
        request.channel(Permission.MANAGE_THREADS)
    request.editor.leave_thread(one, request.id("user_id"))


@routes.add("GET", MEMBERS, query={"with_member", "after", "limit"})
def members(request: Request) -> list[Json]:
    """The members of a thread, by id."""
    one, thread = _found_thread(request)
    after, limit = request.number("after", 0), request.number("limit", 100, low=1, high=100)
    ids = [user_id for user_id in sorted(thread.members) if user_id > after]
    return [_member(request, one, user_id) for user_id in ids[:limit]]


@routes.add("GET", MEMBERS + "/{user_id}", query={"with_member"})
def member(request: Request) -> Json:
    """One member of a thread, or 10007."""
    one, thread = _found_thread(request)
    if request.id("user_id") not in thread.members:
        raise unknown("Member")
    return _member(request, one, request.id("user_id"))


def _member(request: Request, one: Channel, user_id: int) -> Json:
    joined_at = one.thread.members[user_id] if one.thread is not None else ""
    shown = payloads.thread_member(one.id, user_id, joined_at)
    if request.query.get("with_member", "false").lower() in ("true", "1"):
        whole = request.world.guild.members[user_id]
        shown["member"] = payloads.member(whole, request.world.users)
    return shown


def _thread(request: Request, parent: Channel, thread_id: int, about: dict[str, Any]) -> Channel:
    made = Thread(request.world.bot_id, now(), now())
    made.auto_archive_duration = about.pop("auto_archive_duration", made.auto_archive_duration)
    about.pop("applied_tags", None)
    return Channel(thread_id, type=PUBLIC_THREAD, parent_id=parent.id, thread=made, **about)


def _found_thread(request: Request) -> tuple[Channel, Thread]:
    one = request.channel()
    return one, _found(one)


def _found(one: Channel) -> Thread:
    if one.thread is None:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    return one.thread


def _open_thread(request: Request) -> tuple[Channel, Thread]:
    one, thread = _found_thread(request)
    if thread.archived:
        raise ApiError(400, 50083, "Thread is archived")
    return one, thread


def _listed(request: Request, found: list[Channel]) -> Json:
    bot_id = request.world.bot_id
    joined = [
        payloads.thread_member(one.id, bot_id, one.thread.members[bot_id])
        for one in found
        if one.thread is not None and bot_id in one.thread.members
    ]
    return {
        "threads": [payloads.channel(one, request.world) for one in found],
        "members": joined,
    }


def _check_message(message: Any) -> None:
    if not isinstance(message, dict):
        raise missing("message")
    refuse_unknown_fields(message, DRAFT_FIELDS, "the first message of a post")
