"""Text as bots write it: parsed by its parse mode, checked, and with all of its entities."""

from collections.abc import Sequence

import msgspec

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import MessageEntity
from sandbox.telegram_api.world.payloads import user_payload
from sandbox.telegram_api.world.state import JSON, State

from .found_entities import checked, joined, length_of, merged, trimmed
from .html import from_html
from .links import LinkError, checked_link, mentioned_user
from .markdown import from_markdown, from_markdown_v2

__all__ = ["CAPTION_LENGTH_MAX", "TEXT_LENGTH_MAX", "formatted", "formatted_caption"]

TEXT_LENGTH_MAX = 4096
CAPTION_LENGTH_MAX = 1024
PARSERS = {"html": from_html, "markdownv2": from_markdown_v2, "markdown": from_markdown}


def formatted(
    state: State, text: str, parse_mode: str | None, entities: Sequence[MessageEntity] | None
) -> tuple[str, list[JSON]]:
    """Return the text of a message with its entities. Raises ApiError where Telegram refuses it."""
    plain, found = _parsed(state, text, parse_mode, entities)
    if not plain:
        raise bad_request("text must be non-empty")
    if length_of(plain) > TEXT_LENGTH_MAX:
        raise bad_request("message is too long")
    return plain, found


def formatted_caption(
    state: State, text: str, parse_mode: str | None, entities: Sequence[MessageEntity] | None
) -> JSON:
    """Return the fields of a message with a caption; none without one."""
    plain, found = _parsed(state, text, parse_mode, entities)
    if length_of(plain) > CAPTION_LENGTH_MAX:
        raise bad_request("message caption is too long")
    fields: JSON = {"caption": plain} if plain else {}
    return fields | ({"caption_entities": found} if found else {})


def _parsed(
    state: State, text: str, parse_mode: str | None, entities: Sequence[MessageEntity] | None
) -> tuple[str, list[JSON]]:
    if parse_mode is None:
        given = [msgspec.to_builtins(one) for one in entities or ()]
        plain, found = trimmed(text, checked(text, given))
    elif (parser := PARSERS.get(parse_mode.lower())) is not None:
        plain, found = parser(text)
    else:
        raise bad_request("unsupported parse_mode")
    linked = [one for each in found if (one := _linked(state, each)) is not None]
    return plain, merged(plain, joined(linked))


def _linked(state: State, entity: JSON) -> JSON | None:
    """Return a link as Telegram stores it: to a known member a mention, else an address or none."""
    user_id = None
    if entity["type"] == "text_link":
        user_id = mentioned_user(entity["url"])
    elif entity["type"] == "text_mention":
        user_id = (entity.get("user") or {}).get("id")
    else:
        return entity
    place = {"offset": entity["offset"], "length": entity["length"]}
    if user_id is not None or entity["type"] == "text_mention":
        user = state.users.get(user_id or 0)
        if user is None:
            return None
        return {"type": "text_mention", **place, "user": user_payload(user)}
    try:
        return {"type": "text_link", **place, "url": checked_link(entity["url"])}
    except LinkError:
        return None
