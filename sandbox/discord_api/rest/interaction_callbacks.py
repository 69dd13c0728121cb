"""Answers to interactions: the callback, the original response and the follow-ups."""

from typing import Any, cast

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.commands import read_choices
from sandbox.discord_api.bodies.messages import (
    DRAFT_FIELDS,
    EPHEMERAL,
    INTERACTION_FLAGS,
    LOADING,
    Draft,
    read_draft,
    read_edit,
)
from sandbox.discord_api.bodies.modals import read_modal
from sandbox.discord_api.errors import invalid_form, not_imitated, refuse_unknown_fields, unknown
from sandbox.discord_api.interactions import Callback, Interaction, InteractionKind, metadata
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.world import Message

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

CHAT_INPUT_COMMAND, CONTEXT_MENU_COMMAND, REPLY = 20, 23, 19
WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
WEBHOOK_MESSAGE = WEBHOOK + "/messages/{message_id}"
ORIGINAL = "@original"
COMPONENT_ONLY = frozenset({Callback.DEFERRED_UPDATE, Callback.UPDATE})
COMMANDS = {1: CHAT_INPUT_COMMAND, 2: CONTEXT_MENU_COMMAND, 3: CONTEXT_MENU_COMMAND}


@routes.add(
    "POST",
    "/interactions/{interaction_id}/{interaction_token}/callback",
    fields={"type", "data"},
    query={"with_response"},
    authorized=False,
    takes_files=True,
)
def callback(request: Request) -> Json | None:
    """Acknowledge an interaction, once and within 3 s."""
    one = request.interactions.to_acknowledge(
        request.id("interaction_id"), request.path["interaction_token"]
    )
    try:
        kind = Callback(request.body.get("type"))
    except ValueError:
        given = request.body.get("type")
        raise invalid_form("type", "BASE_TYPE_CHOICES", f"{given!r} is no callback") from None
    _check_suits(one, kind)
    message = _carry_out(request, one, kind, request.body.get("data") or {})
    one.acknowledged = kind
    if request.query.get("with_response", "0").lower() not in ("1", "true"):
        return None
    return _acknowledgement(request, one, kind, message)


def _check_suits(one: Interaction, kind: Callback) -> None:
    """Refuse an update without a clicked message, a modal on a modal, and choices elsewhere."""
    clicked = one.source_id is not None
    unsuitable = (
        (kind in COMPONENT_ONLY and not clicked)
        or (kind is Callback.MODAL and one.kind is InteractionKind.MODAL_SUBMIT)
        or (kind is Callback.CHOICES) != (one.kind is InteractionKind.AUTOCOMPLETE)
    )
    if unsuitable:
        raise invalid_form(
            "type", "INTERACTION_APPLICATION_CALLBACK_TYPE", f"Type {kind.value} does not suit"
        )


def _carry_out(request: Request, one: Interaction, kind: Callback, data: Json) -> Message | None:
    if request.uploads and kind not in (Callback.MESSAGE, Callback.UPDATE):
        raise not_imitated(f"files with an interaction callback of type {kind.value}")
    if kind is Callback.MODAL:
        one.modal = read_modal(data)
        return None
    if kind is Callback.CHOICES:
        _check_fields(data, frozenset({"choices"}))
        one.choices = read_choices(data.get("choices"), _focused(one.data)["type"], "data.choices")
        return None
    if kind is Callback.DEFERRED_UPDATE:
        one.original_id = one.source_id
        return request.world.messages.get(one.source_id or 0)
    if kind is Callback.UPDATE:
        message = _source(request, one)
        _check_fields(data, DRAFT_FIELDS)
        request.editor.rewrite(message, read_edit(data, request.uploads, message))
    elif kind is Callback.MESSAGE:
        _check_fields(data, DRAFT_FIELDS)
        draft = read_draft(data, request.uploads, flags_allowed=INTERACTION_FLAGS)
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
    kind = COMMANDS[one.data["type"]] if one.kind is InteractionKind.COMMAND else 0
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


def _focused(data: Json) -> Json:
    """Return the option that the person is typing."""
    for option in data.get("options", ()):
        if option.get("focused"):
            return cast("Json", option)
        if "options" in option:
            return _focused(option)
    raise unknown("interaction")


def _check_fields(data: Json, known: frozenset[str]) -> None:
    refuse_unknown_fields(data, known, "an interaction callback's data")


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
    takes_files=True,
)
def follow_up(request: Request) -> Json:
    """A further message. The first one after a deferral fills the deferred message."""
    one = _followed(request)
    draft = read_draft(request.body, request.uploads, flags_allowed=INTERACTION_FLAGS)
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
    takes_files=True,
)
def edit_answer(request: Request) -> Json:
    """Edit an answer. This gives a deferred answer its content."""
    message = _answer(request)
    if message.flags & LOADING:
        body = {name: value for name, value in request.body.items() if value is not None}
        draft = read_draft(body, request.uploads, flags_allowed=INTERACTION_FLAGS)
        _fill(request, message, draft)
    else:
        request.editor.rewrite(message, read_edit(request.body, request.uploads, message))
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
