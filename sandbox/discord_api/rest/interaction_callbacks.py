"""Answers to interactions: the callback, the original response and the follow-ups."""

from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.errors import invalid_form, not_imitated, unknown
from sandbox.discord_api.interactions import Callback, Interaction, InteractionKind, metadata
from sandbox.discord_api.message_bodies import (
    DRAFT_FIELDS,
    EPHEMERAL,
    INTERACTION_FLAGS,
    LOADING,
    Draft,
    read_draft,
    read_edit,
)
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.world import Message

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

CHAT_INPUT_COMMAND, REPLY = 20, 19
WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
WEBHOOK_MESSAGE = WEBHOOK + "/messages/{message_id}"
ORIGINAL = "@original"
COMPONENT_ONLY = frozenset({Callback.DEFERRED_UPDATE, Callback.UPDATE})
MODAL_FIELDS = frozenset({"custom_id", "title", "components"})


@routes.add(
    "POST",
    "/interactions/{interaction_id}/{interaction_token}/callback",
    fields={"type", "data"},
    query={"with_response"},
    authorized=False,
)
def callback(request: Request) -> Json | None:
    """Acknowledge an interaction, once and within 3 s."""
    one = request.interactions.to_acknowledge(
        request.id("interaction_id"), request.path["interaction_token"]
    )
    try:
        kind = Callback(request.body["type"])
    except ValueError:
        raise not_imitated(f"interaction callbacks of type {request.body['type']}") from None
    _check_suits(one, kind)
    message = _carry_out(request, one, kind, request.body.get("data") or {})
    one.acknowledged = kind
    if request.query.get("with_response", "0").lower() not in ("1", "true"):
        return None
    return _acknowledgement(request, one, kind, message)


def _check_suits(one: Interaction, kind: Callback) -> None:
    """Only a click can update its message, and a modal cannot answer a modal."""
    clicked = one.source_id is not None
    unsuitable = (kind in COMPONENT_ONLY and not clicked) or (
        kind is Callback.MODAL and one.kind is InteractionKind.MODAL_SUBMIT
    )
    if unsuitable:
        raise invalid_form(
            "type", "INTERACTION_APPLICATION_CALLBACK_TYPE", f"Type {kind.value} does not suit"
        )


def _carry_out(request: Request, one: Interaction, kind: Callback, data: Json) -> Message | None:
    if kind is Callback.MODAL:
        one.modal = _modal(data)
        return None
    if kind is Callback.DEFERRED_UPDATE:
        one.original_id = one.source_id
        return request.world.messages.get(one.source_id or 0)
    if kind is Callback.UPDATE:
        message = _source(request, one)
        _check_fields(data, DRAFT_FIELDS)
        request.editor.rewrite(message, read_edit(data, message))
    elif kind is Callback.MESSAGE:
        _check_fields(data, DRAFT_FIELDS)
        draft = read_draft(data, flags_allowed=INTERACTION_FLAGS)
        message = _respond(request, one, draft)
    else:
        _check_fields(data, frozenset({"flags"}))
        flags = (data.get("flags") or 0) & EPHEMERAL
        message = _respond(request, one, Draft(flags=flags | LOADING))
    one.original_id = message.id
    return message


def _respond(
    request: Request, one: Interaction, draft: Draft, *, reply_to: int | None = None
) -> Message:
    """Write a message that answers an interaction. Only its person sees an ephemeral one."""
    kind = CHAT_INPUT_COMMAND if one.kind is InteractionKind.COMMAND else 0
    return request.editor.write(
        one.channel_id,
        request.world.bot_id,
        draft,
        type=kind if reply_to is None else REPLY,
        reply_to=reply_to,
        visible_to=one.user_id if draft.flags & EPHEMERAL else None,
        interaction=metadata(one, request.world),
    )


def _source(request: Request, one: Interaction) -> Message:
    message = request.world.messages.get(one.source_id or 0)
    if message is None:
        raise unknown("Message")
    return message


def _modal(data: Json) -> Json:
    _check_fields(data, MODAL_FIELDS)
    for name in sorted(MODAL_FIELDS):
        if not data.get(name):
            raise invalid_form(f"data.{name}", "BASE_TYPE_REQUIRED", "This field is required")
    return data


def _check_fields(data: Json, known: frozenset[str]) -> None:
    for name in data:
        if name not in known:
            raise not_imitated(f"the field {name!r} of an interaction callback's data")


def _acknowledgement(
    request: Request, one: Interaction, kind: Callback, message: Message | None
) -> Json:
    """Return the body that `with_response` requests."""
    about: Json = {"id": str(one.id), "type": int(one.kind), "channel_id": str(one.channel_id)}
    answer: Json = {"interaction": about}
    if message is not None:
        about["response_message_id"] = str(message.id)
        about["response_message_loading"] = bool(message.flags & LOADING)
        about["response_message_ephemeral"] = bool(message.flags & EPHEMERAL)
        shown = payloads.message(message, request.world)
        answer["resource"] = {"type": int(kind), "message": shown}
    return answer


# Follow-ups and the original response


@routes.add(
    "POST",
    WEBHOOK,
    fields=DRAFT_FIELDS,
    query={"wait", "with_components"},
    rate="webhooks",
    authorized=False,
)
def follow_up(request: Request) -> Json:
    """A further message. The first one after a deferral fills the deferred message."""
    one = _followed(request)
    draft = read_draft(request.body, flags_allowed=INTERACTION_FLAGS)
    original = request.world.messages.get(one.original_id or 0)
    if original is not None and original.flags & LOADING:
        _fill(request, original, draft)
        return payloads.message(original, request.world)
    reply_to = None if original is None else original.id
    message = _respond(request, one, draft, reply_to=reply_to)
    return payloads.message(message, request.world)


@routes.add("GET", WEBHOOK_MESSAGE, rate="webhooks", authorized=False)
def answer(request: Request) -> Json:
    """A message that answered the interaction; `@original` is the first."""
    return payloads.message(_answer(request), request.world)


@routes.add(
    "PATCH",
    WEBHOOK_MESSAGE,
    fields=DRAFT_FIELDS,
    query={"with_components"},
    rate="webhooks",
    authorized=False,
)
def edit_answer(request: Request) -> Json:
    """Edit an answer. This gives a deferred answer its content."""
    message = _answer(request)
    if message.flags & LOADING:
        body = {name: value for name, value in request.body.items() if value is not None}
        _fill(request, message, read_draft(body, flags_allowed=INTERACTION_FLAGS))
    else:
        request.editor.rewrite(message, read_edit(request.body, message))
    return payloads.message(message, request.world)


@routes.add("DELETE", WEBHOOK_MESSAGE, rate="webhooks", authorized=False)
def delete_answer(request: Request) -> None:
    """Delete an answer."""
    request.editor.erase(_answer(request), by=request.world.bot_id)


def _followed(request: Request) -> Interaction:
    if request.id("webhook_id") != request.world.bot_id:
        raise unknown("Webhook")
    return request.interactions.to_follow(request.path["webhook_token"])


def _answer(request: Request) -> Message:
    one = _followed(request)
    asked: Any = request.path["message_id"]
    message_id = one.original_id if asked == ORIGINAL else request.id("message_id")
    message = request.world.messages.get(message_id or 0)
    ours = message is not None and (
        message.id == one.original_id or (message.interaction or {}).get("id") == str(one.id)
    )
    if message is None or not ours:
        raise unknown("Message")
    return message


def _fill(request: Request, deferred: Message, draft: Draft) -> None:
    """Give a deferred message its content. The deferral decided whether it is ephemeral."""
    draft.flags = (draft.flags & ~EPHEMERAL) | (deferred.flags & EPHEMERAL)
    request.editor.rewrite(deferred, draft)
