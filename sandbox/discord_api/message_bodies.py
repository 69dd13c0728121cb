"""Message bodies sent by a bot, validated as Discord validates them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .components import read_components
from .embeds import read_embeds
from .errors import ApiError, invalid_form, not_imitated
from .payloads import Json
from .world import Message, World

__all__ = [
    "CROSSPOSTABLE_FLAGS",
    "DRAFT_FIELDS",
    "EPHEMERAL",
    "INTERACTION_FLAGS",
    "LAYOUT",
    "LOADING",
    "Draft",
    "apply_mentions",
    "read_draft",
    "read_edit",
]

SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
LOADING = 1 << 7
SUPPRESS_NOTIFICATIONS = 1 << 12
LAYOUT = 1 << 15
"""The flag of Components V2: the message consists of components alone."""

CROSSPOSTABLE_FLAGS = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | LAYOUT
INTERACTION_FLAGS = CROSSPOSTABLE_FLAGS | EPHEMERAL
CONTENT_LENGTH_MAX = 2000

DRAFT_FIELDS = frozenset(
    {"content", "embeds", "components", "flags", "allowed_mentions", "tts", "attachments"}
)

USER_MENTION = re.compile(r"<@!?(\d+)>")
ROLE_MENTION = re.compile(r"<@&(\d+)>")
EVERYONE_MENTION = re.compile(r"@(?:everyone|here)\b")


@dataclass(slots=True)
class Draft:
    """The writable part of a message."""

    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: int = 0
    allowed_mentions: Json | None = None

    @property
    def empty(self) -> bool:
        """Whether the message would show nothing."""
        return not (self.content or self.embeds or self.components)


def read_draft(body: Json, *, flags_allowed: int = CROSSPOSTABLE_FLAGS) -> Draft:
    """Read a new message. Raises ApiError 50035 (invalid field) or 50006 (empty message)."""
    draft = _read(body, Draft(), flags_allowed)
    if draft.empty:
        raise ApiError(400, 50006, "Cannot send an empty message")
    return draft


def read_edit(body: Json, message: Message) -> Draft:
    """Read the edit of a message. Fields that are not given keep their values.

    An edit can set the layout flag, but not remove it.
    """
    before = Draft(message.content, message.embeds, message.components, message.flags)
    editable = message.flags | SUPPRESS_EMBEDS | LAYOUT
    given = body.get("flags")
    if given is not None:
        body = body | {"flags": given | (message.flags & (LAYOUT | EPHEMERAL))}
    draft = _read(body, before, editable)
    if draft.empty:
        raise ApiError(400, 50006, "Cannot send an empty message")
    return draft


def _read(body: Json, before: Draft, flags_allowed: int) -> Draft:
    if body.get("attachments"):
        raise not_imitated("attachments of messages")
    if body.get("tts"):
        raise not_imitated("text-to-speech messages")
    flags = before.flags if body.get("flags") is None else int(body["flags"])
    if flags & ~flags_allowed:
        raise invalid_form("flags", "BITWISE_INVALID_VALUE", f"Flags {flags} are not allowed here")
    layout = bool(flags & LAYOUT)
    content = before.content if "content" not in body else body["content"] or ""
    embeds = before.embeds if "embeds" not in body else read_embeds(body["embeds"] or [])
    components = before.components
    if "components" in body:
        components = read_components(body["components"] or [], layout=layout)
    draft = Draft(content, embeds, components, flags, body.get("allowed_mentions"))
    _check_content(draft, layout=layout)
    return draft


def _check_content(draft: Draft, *, layout: bool) -> None:
    if not isinstance(draft.content, str):
        raise invalid_form("content", "STRING_TYPE_CONVERT", "Could not interpret it as string.")
    if len(draft.content) > CONTENT_LENGTH_MAX:
        raise invalid_form(
            "content", "BASE_TYPE_MAX_LENGTH", f"Must be {CONTENT_LENGTH_MAX} or fewer in length."
        )
    for name, value in [("content", draft.content), ("embeds", draft.embeds)]:
        if layout and value:
            raise invalid_form(
                name,
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The {name!r} field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def apply_mentions(message: Message, draft: Draft, world: World) -> None:
    """Set the mentions of a message: those in its text that its `allowed_mentions` permit."""
    text = "\n".join([draft.content, *_texts(draft.components)])
    allowed = _Allowed(draft.allowed_mentions)
    message.mentions = [
        user_id
        for user_id in _ids(USER_MENTION.findall(text))
        if user_id in world.users and allowed.has("users", user_id)
    ]
    message.mention_roles = [
        role_id
        for role_id in _ids(ROLE_MENTION.findall(text))
        if role_id in world.guild.roles and allowed.has("roles", role_id)
    ]
    everyone = EVERYONE_MENTION.search(text) is not None
    message.mention_everyone = everyone and allowed.has("everyone", None)


class _Allowed:
    """The `allowed_mentions` of a draft; without them, every mention pings."""

    def __init__(self, rules: Json | None) -> None:
        self._rules = rules

    def has(self, kind: str, one: int | None) -> bool:
        if self._rules is None or kind in (self._rules.get("parse") or []):
            return True
        return one in {int(value) for value in self._rules.get(kind) or []}


def _texts(components: list[Json]) -> Iterable[str]:
    for component in components:
        content: Any = component.get("content")
        if content is not None:
            yield content
        yield from _texts(component.get("components", []))


def _ids(found: list[str]) -> list[int]:
    return list(dict.fromkeys(map(int, found)))
