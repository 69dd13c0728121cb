"""Embeds: their limits, and the form in which Discord returns them."""

from datetime import datetime
from typing import Any

from sandbox.discord_api.errors import invalid_form
from sandbox.discord_api.payloads import Json

from .forms import WEB, Flag, Form, Kind, Many, Text, Url, Whole, missing

__all__ = ["read_embeds"]

EMBEDS_MAX = 10
TOTAL_LENGTH_MAX = 6000
COLOR_MAX = 0xFFFFFF
VISIBLE = ("title", "description", "fields", "image", "thumbnail", "author", "footer", "video")

MEDIA = Url(schemes=(*WEB, "attachment"))
PICTURE = Form({"url": MEDIA}, {"url"}, "an embed's picture")


class Moment:
    """A moment in ISO 8601."""

    def read(self, value: Any, path: str) -> str:
        text = Text().read(value, path)
        try:
            datetime.fromisoformat(text)
        except ValueError:
            message = f"Could not parse {text}. Should be ISO8601."
            raise invalid_form(path, "DATE_TIME_TYPE_PARSE", message) from None
        return text


FIELD = Form(
    {"name": Text(1, 256), "value": Text(1, 1024), "inline": Flag()},
    ("name", "value"),
    "an embed's field",
)
AUTHOR: dict[str, Kind] = {"name": Text(1, 256), "url": Url(), "icon_url": MEDIA}
EMBED = Form(
    {
        "type": Text(),
        "title": Text(0, 256),
        "description": Text(0, 4096),
        "url": Url(),
        "color": Whole(0, COLOR_MAX),
        "timestamp": Moment(),
        "fields": Many(FIELD, 0, 25),
        "author": Form(AUTHOR, {"name"}, "an embed's author"),
        "footer": Form({"text": Text(1, 2048), "icon_url": MEDIA}, {"text"}, "an embed's footer"),
        "image": PICTURE,
        "thumbnail": PICTURE,
        "flags": Whole(0),
    },
    what="an embed",
)


def read_embeds(embeds: Any) -> list[Json]:
    """Validate embeds, and return them without null fields. Raises ApiError 50035."""
    read = Many(EMBED, 0, EMBEDS_MAX).read(embeds, "embeds")
    for index, embed in enumerate(read):
        if not any(embed.get(name) for name in VISIBLE):
            raise missing(f"embeds.{index}.description")
        if embed.get("fields"):
            embed["fields"] = [{"inline": False} | one for one in embed["fields"]]
        else:
            embed.pop("fields", None)
        embed["type"] = "rich"
    if sum(map(_length, read)) > TOTAL_LENGTH_MAX:
        raise invalid_form(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            f"Embed size exceeds maximum size of {TOTAL_LENGTH_MAX}",
        )
    return read


def _length(embed: Json) -> int:
    texts: list[Any] = [embed.get("title", ""), embed.get("description", "")]
    texts += [embed.get("footer", {}).get("text", ""), embed.get("author", {}).get("name", "")]
    texts += [one[name] for one in embed.get("fields", []) for name in ("name", "value")]
    return sum(len(text) for text in texts)
