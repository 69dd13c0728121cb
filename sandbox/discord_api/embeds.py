"""Embeds: their limits, and the form in which Discord returns them."""

from typing import Any

from .errors import ApiError, invalid_form, not_imitated
from .payloads import Json

__all__ = ["read_embeds"]

EMBEDS_MAX = 10
FIELDS_MAX = 25
TOTAL_LENGTH_MAX = 6000
LENGTHS_MAX = {"title": 256, "description": 4096}
PART_FIELDS = {
    "author": {"name": 256, "url": 2048, "icon_url": 2048},
    "footer": {"text": 2048, "icon_url": 2048},
    "image": {"url": 2048},
    "thumbnail": {"url": 2048},
}
PLAIN_FIELDS = frozenset(
    {"type", "title", "description", "url", "color", "timestamp", "fields", "flags"}
)


def read_embeds(embeds: list[Json]) -> list[Json]:
    """Validate embeds, and return them without null fields. Raises ApiError 50035."""
    if len(embeds) > EMBEDS_MAX:
        raise _too_long("embeds", EMBEDS_MAX)
    read = [_embed(embed, f"embeds.{index}") for index, embed in enumerate(embeds)]
    if sum(map(_length, read)) > TOTAL_LENGTH_MAX:
        raise invalid_form(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            f"Embed size exceeds maximum size of {TOTAL_LENGTH_MAX}",
        )
    return read


def _embed(embed: Json, path: str) -> Json:
    given = {name: value for name, value in embed.items() if value is not None}
    for name in given:
        if name not in PLAIN_FIELDS and name not in PART_FIELDS:
            raise not_imitated(f"the field {name!r} of an embed")
    for name, limit in LENGTHS_MAX.items():
        _check_length(given, name, limit, path)
    for part, limits in PART_FIELDS.items():
        if part in given:
            given[part] = _part(given[part], limits, f"{path}.{part}")
    fields = given.get("fields", [])
    if len(fields) > FIELDS_MAX:
        raise _too_long(f"{path}.fields", FIELDS_MAX)
    limits = {"name": 256, "value": 1024}
    given["fields"] = [
        {"inline": False} | _part(one, limits, f"{path}.fields.{index}", {"inline"})
        for index, one in enumerate(fields)
    ]
    if not given["fields"]:
        del given["fields"]
    return given | {"type": "rich"}


def _part(
    part: Json, limits: dict[str, int], path: str, plain: frozenset[str] | set[str] = frozenset()
) -> Json:
    given = {name: value for name, value in part.items() if value is not None}
    for name in given:
        if name not in limits and name not in plain:
            raise not_imitated(f"the field {name!r} of {path}")
    for name, limit in limits.items():
        _check_length(given, name, limit, path)
    required = next(iter(limits))
    if not given.get(required):
        raise invalid_form(f"{path}.{required}", "BASE_TYPE_REQUIRED", "This field is required")
    return given


def _check_length(holder: Json, name: str, limit: int, path: str) -> None:
    if len(holder.get(name, "")) > limit:
        raise _too_long(f"{path}.{name}", limit)


def _too_long(path: str, limit: int) -> ApiError:
    return invalid_form(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def _length(embed: Json) -> int:
    texts: list[Any] = [embed.get("title", ""), embed.get("description", "")]
    texts += [embed.get("footer", {}).get("text", ""), embed.get("author", {}).get("name", "")]
    texts += [one[name] for one in embed.get("fields", []) for name in ("name", "value")]
    return sum(len(text) for text in texts)
