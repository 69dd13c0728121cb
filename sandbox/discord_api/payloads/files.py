"""Files of messages: their attachments, and `attachment://` in embeds and components."""

from typing import Any
from urllib.parse import quote

from sandbox.discord_api.world import Attachment, World

from .json_values import Json

__all__ = ["attachment", "expanded", "url_of"]

REFERENCE = "attachment://"


def url_of(one: Attachment, world: World) -> str:
    """The address at which the file can be fetched, without a token."""
    return f"{world.files_url}/{one.channel_id}/{one.id}/{quote(one.filename)}"


def attachment(one: Attachment, world: World) -> Json:
    """An attachment of a message or of a command."""
    url = url_of(one, world)
    shown: Json = {
        "id": str(one.id),
        "filename": one.filename,
        "size": one.size,
        "url": url,
        "proxy_url": url,
        "content_type": one.content_type,
    }
    optional = ("description", "title", "width", "height")
    return shown | {name: value for name in optional if (value := getattr(one, name)) is not None}


def expanded(value: Any, attachments: list[Attachment], world: World) -> Any:
    """Return embeds or components with the addresses of files in place of references to them."""
    if isinstance(value, list):
        return [expanded(one, attachments, world) for one in value]
    if not isinstance(value, dict):
        return value
    shown = {name: expanded(one, attachments, world) for name, one in value.items()}
    for name in ("url", "icon_url"):
        given = shown.get(name)
        if isinstance(given, str) and given.startswith(REFERENCE):
            shown |= _found(given.removeprefix(REFERENCE), name, shown, attachments, world)
    return shown


def _found(
    filename: str, name: str, shown: Json, attachments: list[Attachment], world: World
) -> Json:
    file = next((one for one in attachments if one.filename == filename), None)
    if file is None:
        return {}
    url = url_of(file, world)
    found: Json = {name: url, f"proxy_{name}": url}
    if "id" in shown:
        found |= {"attachment_id": str(file.id), "content_type": file.content_type}
    return found
