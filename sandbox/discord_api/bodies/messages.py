"""Message bodies sent by a bot, validated as Discord validates them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord_api.errors import ApiError, invalid_form, not_imitated
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_in
from sandbox.discord_api.world import Attachment, Message, World

from .components import media_of, read_components
from .embeds import read_embeds
from .forms import Choice, Flag, Form, Many, Snowflake, Text, Whole
from .uploads import Upload, files_of

__all__ = [
    "CROSSPOSTABLE_FLAGS",
    "DRAFT_FIELDS",
    "EPHEMERAL",
    "HAS_THREAD",
    "INTERACTION_FLAGS",
    "LAYOUT",
    "LOADING",
    "Draft",
    "apply_mentions",
    "read_draft",
    "read_edit",
]

SUPPRESS_EMBEDS = 1 << 2
HAS_THREAD = 1 << 5
EPHEMERAL = 1 << 6
LOADING = 1 << 7
SUPPRESS_NOTIFICATIONS = 1 << 12
LAYOUT = 1 << 15
"""The flag of Components V2: the message consists of components alone."""

CROSSPOSTABLE_FLAGS = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | LAYOUT
INTERACTION_FLAGS = CROSSPOSTABLE_FLAGS | EPHEMERAL
CONTENT_LENGTH_MAX = 2000
FLAGS_MAX = 2**31 - 1
REFERENCE = "attachment://"

DRAFT_FIELDS = frozenset(
    {"content", "embeds", "components", "flags", "allowed_mentions", "tts", "attachments"}
)
MENTION_KINDS = ("users", "roles", "everyone")
ALLOWED_MENTIONS = Form(
    {
        "parse": Many(Choice(MENTION_KINDS)),
        "users": Many(Snowflake(), 0, 100),
        "roles": Many(Snowflake(), 0, 100),
        "replied_user": Flag(),
    },
    what="allowed mentions",
)

USER_MENTION = re.compile(r"<@!?(\d+)>")
ROLE_MENTION = re.compile(r"<@&(\d+)>")
EVERYONE_MENTION = re.compile(r"@(?:everyone|here)\b")


@dataclass(slots=True)
class Draft:
    """The writable part of a message. `files` are those that it has after the request."""

    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: int = 0
    allowed_mentions: Json | None = None
    files: list[Attachment | Upload] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether the message would show nothing."""
        return not (self.content or self.embeds or self.components or self.files)


def read_draft(
    body: Json,
    uploads: Mapping[int, Upload],
    *,
    flags_allowed: int = CROSSPOSTABLE_FLAGS,
) -> Draft:
    """Read a new message. Raises ApiError 50035 (invalid field) or 50006 (empty message)."""
    return _read(body, uploads, Draft(), flags_allowed)


def read_edit(body: Json, uploads: Mapping[int, Upload], message: Message) -> Draft:
    """Read the edit of a message. Fields that are not given keep their values.

    An edit can set the layout flag, but not remove it.
    """
    before = Draft(
        message.content,
        message.embeds,
        message.components,
        message.flags,
        files=list(message.attachments),
    )
    editable = message.flags | SUPPRESS_EMBEDS | LAYOUT
    if body.get("flags") is not None:
        given = Whole(0, FLAGS_MAX).read(body["flags"], "flags")
        body = body | {"flags": given | (message.flags & (LAYOUT | EPHEMERAL | HAS_THREAD))}
    return _read(body, uploads, before, editable)


def _read(body: Json, uploads: Mapping[int, Upload], before: Draft, flags_allowed: int) -> Draft:
    if Flag().read(body.get("tts") or False, "tts"):
        raise not_imitated("text-to-speech messages")
    flags = before.flags
    if body.get("flags") is not None:
        flags = Whole(0, FLAGS_MAX).read(body["flags"], "flags")
    if flags & ~flags_allowed:
        raise invalid_form("flags", "BITWISE_INVALID_VALUE", f"Flags {flags} are not allowed here")
    layout = bool(flags & LAYOUT)
    known = [one for one in before.files if isinstance(one, Attachment)]
    draft = Draft(
        _content(body["content"]) if "content" in body else before.content,
        read_embeds(_listed(body["embeds"])) if "embeds" in body else before.embeds,
        before.components,
        flags,
        _allowed_mentions(body.get("allowed_mentions")),
        files_of(body.get("attachments"), uploads, known),
    )
    if "components" in body:
        draft.components = read_components(_listed(body["components"]), layout=layout)
    if layout:
        _check_layout(draft)
    _check_references(draft)
    if draft.empty:
        raise ApiError(400, 50006, "Cannot send an empty message")
    return draft


def _content(given: Any) -> str:
    """Return the text of a message; Discord removes white space around it."""
    text = "" if given is None else given
    return Text(0, CONTENT_LENGTH_MAX).read(text, "content").strip()


def _listed(given: Any) -> Any:
    """Return a list of the body, for which null stands if it is empty."""
    return [] if given is None else given


def _allowed_mentions(given: Any) -> Json | None:
    """Return the rules for mentions; a kind stands in `parse` or is listed, never both."""
    if given is None:
        return None
    rules = ALLOWED_MENTIONS.read(given, "allowed_mentions")
    for kind in ("users", "roles"):
        if rules.get(kind) and kind in rules.get("parse", ()):
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            raise invalid_form(
                "allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message
            )
    return rules


def _check_layout(draft: Draft) -> None:
    for name, value in [("content", draft.content), ("embeds", draft.embeds)]:
        if value:
            raise invalid_form(
                name,
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The {name!r} field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def _check_references(draft: Draft) -> None:
    """Refuse `attachment://` with the name of a file that the message does not have."""
    names = {
        one.filename if isinstance(one, Attachment) else one.attachment(0, 0).filename
        for one in draft.files
    }
    media = [*media_of(draft.components), *_pictures(draft.embeds)]
    for url in (one.get(name, "") for one in media for name in ("url", "icon_url")):
        if url.startswith(REFERENCE) and url.removeprefix(REFERENCE) not in names:
            raise invalid_form(
                "attachments",
                "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                f"The referenced attachment was not found: {url}",
            )


def _pictures(embeds: list[Json]) -> Iterable[Json]:
    for embed in embeds:
        yield from (
            embed[part] for part in ("image", "thumbnail", "author", "footer") if part in embed
        )


def apply_mentions(message: Message, draft: Draft, world: World) -> None:
    """Set the mentions of a message: those in its text that its `allowed_mentions` permit.

    A reply mentions the author of the message that it replies to, unless `replied_user` is false.
    Everybody, and roles that are not mentionable, are mentioned only by those with the permission.
    """
    author = world.guild.members.get(message.author_id)
    channel = world.channels[message.channel_id]
    held = Permission(0) if author is None else permissions_in(world, author, channel)
    loud = Permission.MENTION_EVERYONE in held
    text = "\n".join([draft.content, *_texts(draft.components)])
    allowed = _Allowed(draft.allowed_mentions)
    message.mentions = [
        user_id
        for user_id in _ids(USER_MENTION.findall(text))
        if user_id in world.users and allowed.has("users", user_id)
    ]
    replied = world.messages.get(message.reply_to or 0)
    if replied is not None and allowed.replied_user and replied.author_id not in message.mentions:
        message.mentions.append(replied.author_id)
    message.mention_roles = [
        role_id
        for role_id in _ids(ROLE_MENTION.findall(text))
        if role_id in world.guild.roles
        and allowed.has("roles", role_id)
        and (loud or world.guild.roles[role_id].mentionable)
    ]
    everyone = loud and EVERYONE_MENTION.search(text) is not None
    message.mention_everyone = everyone and allowed.has("everyone", None)


class _Allowed:
    """The `allowed_mentions` of a draft; without them, every mention pings."""

    def __init__(self, rules: Json | None) -> None:
        self._rules = rules

    @property
    def replied_user(self) -> bool:
        """Whether a reply mentions the author of the message that it replies to."""
        return self._rules is None or bool(self._rules.get("replied_user"))

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
