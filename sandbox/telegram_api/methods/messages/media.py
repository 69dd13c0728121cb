"""Methods that send files: pictures, documents, albums and other media; and what edits them."""

from typing import Any

from sandbox.telegram_api.errors import ApiError, bad_request
from sandbox.telegram_api.parameters import (
    Editing,
    MessageEntity,
    Methods,
    Nested,
    Parameters,
    Posting,
)
from sandbox.telegram_api.texts.formatting import formatted_caption
from sandbox.telegram_api.world import JSON, World
from sandbox.telegram_api.world.files import described, image_size, shown, store
from sandbox.telegram_api.world.state import StoredFile

from .sending import SendingToAll, post
from .texts import own_message, store_edited, with_keyboard

__all__ = ["ALBUM_SIZES", "METHODS", "PERMISSIONS", "stored_file"]

ATTACHED = "attach://"
FILE_BYTES_MAX = 50 * 2**20
PHOTO_BYTES_MAX = 10 * 2**20
#: Telegram lets bots download files up to this size.
DOWNLOAD_BYTES_MAX = 20 * 2**20
ALBUM_SIZES = range(2, 11)
#: Pixels of the longer side of a thumbnail.
THUMBNAIL_SIDE_MAX = 320
# The permission to send each kind of media.
PERMISSIONS = {
    "photo": "can_send_photos",
    "document": "can_send_documents",
    "video": "can_send_videos",
    "audio": "can_send_audios",
    "voice": "can_send_voice_notes",
    "video_note": "can_send_video_notes",
    "animation": "can_send_other_messages",
    "sticker": "can_send_other_messages",
}
THINGS = {
    "photo": "photos",
    "document": "documents",
    "video": "videos",
    "audio": "music",
    "voice": "voice messages",
    "video_note": "video notes",
    "animation": "animations",
    "sticker": "stickers",
}


class Captioned(SendingToAll, kw_only=True):
    """Parameters of methods that send media with a caption."""

    caption: str = ""
    parse_mode: str | None = None
    caption_entities: list[MessageEntity] | None = None


class SendPhoto(Captioned, kw_only=True):
    photo: str
    show_caption_above_media: bool = False
    has_spoiler: bool = False


class SendDocument(Captioned, kw_only=True):
    document: str
    thumbnail: str | None = None
    disable_content_type_detection: bool = False


class SendVideo(Captioned, kw_only=True):
    video: str
    duration: int = 0
    width: int = 0
    height: int = 0
    thumbnail: str | None = None
    show_caption_above_media: bool = False
    has_spoiler: bool = False
    supports_streaming: bool = False


class SendAnimation(Captioned, kw_only=True):
    animation: str
    duration: int = 0
    width: int = 0
    height: int = 0
    thumbnail: str | None = None
    show_caption_above_media: bool = False
    has_spoiler: bool = False


class SendAudio(Captioned, kw_only=True):
    audio: str
    duration: int = 0
    performer: str | None = None
    title: str | None = None
    thumbnail: str | None = None


class SendVoice(Captioned, kw_only=True):
    voice: str
    duration: int = 0


class SendVideoNote(SendingToAll, kw_only=True):
    video_note: str
    duration: int = 0
    length: int = 0
    thumbnail: str | None = None


class SendSticker(SendingToAll, kw_only=True):
    sticker: str
    emoji: str | None = None


SENDING: dict[type[Parameters], str] = {
    SendPhoto: "photo",
    SendDocument: "document",
    SendVideo: "video",
    SendAnimation: "animation",
    SendAudio: "audio",
    SendVoice: "voice",
    SendVideoNote: "video_note",
    SendSticker: "sticker",
}
# Parameters of the uploading method that become fields of the file.
META = ("width", "height", "duration", "length", "performer", "title", "emoji")


def send_media(world: World, call: Any) -> JSON:
    """Send one file of the method's kind, uploaded or sent before. Returns Message."""
    kind = SENDING[type(call)]
    world.writable(call.chat_id, PERMISSIONS[kind], THINGS[kind])
    content = _media_fields(world, kind, getattr(call, kind), call)
    return post(world, call, content, permission=PERMISSIONS[kind], things=THINGS[kind])


def _media_fields(world: World, kind: str, media: str, call: Any) -> JSON:
    """Return the fields of a message with a file, from the parameters or an InputMedia."""
    meta = {name: value for name in META if (value := getattr(call, name, None))}
    if getattr(call, "thumbnail", None):
        meta["thumbnail"] = _thumbnail(world, call.thumbnail)
    content: JSON = {}
    if hasattr(call, "caption"):
        content = formatted_caption(
            world.state, call.caption or "", call.parse_mode, call.caption_entities
        )
    for flag, field in (
        ("show_caption_above_media", "show_caption_above_media"),
        ("has_spoiler", "has_media_spoiler"),
    ):
        if getattr(call, flag, False):
            content[field] = True
    content[kind] = shown(stored_file(world, kind, media, meta))
    if kind == "animation":
        # For the sake of old bots, an animation is sent as a document, too.
        content["document"] = {
            key: value
            for key, value in content[kind].items()
            if key not in ("width", "height", "duration")
        }
    return content


def stored_file(world: World, kind: str, media: str, meta: JSON | None = None) -> StoredFile:
    """Return the file that a parameter names: an upload, or the id of a file sent before."""
    if media.startswith(ATTACHED):
        upload = world.uploads.get(media.removeprefix(ATTACHED))
        if upload is None:
            raise bad_request(f"can't parse {kind}: there is no file {media!r} in the request")
        if kind == "photo" and len(upload.data) > PHOTO_BYTES_MAX:
            raise bad_request(
                f"file of size {len(upload.data)} bytes is too big for a photo; "
                f"the maximum size is {PHOTO_BYTES_MAX} bytes"
            )
        if len(upload.data) > FILE_BYTES_MAX:
            raise ApiError(413, "Request Entity Too Large")
        return store(
            world.state,
            kind,
            upload.data,
            name=upload.name,
            mime_type=upload.mime_type,
            meta=meta,
        )
    if "://" in media:
        raise bad_request("failed to get HTTP URL content: the sandbox fetches nothing")
    file = world.state.files.get(media)
    if file is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if file.kind != kind:
        theirs, wanted = file.kind.title(), kind.title()
        raise bad_request(f"can't use file of type {theirs} as {wanted}")
    return file


def _thumbnail(world: World, media: str) -> JSON:
    upload = world.uploads.get(media.removeprefix(ATTACHED))
    if upload is None:
        raise bad_request("thumbnails can't be reused and can be only uploaded as a new file")
    size = image_size(upload.data) or (0, 0)
    if max(size) > THUMBNAIL_SIDE_MAX:
        raise bad_request("PHOTO_THUMB_INVALID")
    return described(store(world.state, "photo", upload.data, name=upload.name))


class InputMedia(Nested):
    """One item of an album, or the new content of an edited message."""

    type: str
    media: str
    thumbnail: str | None = None
    caption: str | None = None
    parse_mode: str | None = None
    caption_entities: list[MessageEntity] | None = None
    show_caption_above_media: bool = False
    has_spoiler: bool = False
    disable_content_type_detection: bool = False
    width: int = 0
    height: int = 0
    duration: int = 0
    supports_streaming: bool = False
    performer: str | None = None
    title: str | None = None


MIXED = frozenset({"photo", "video"})
ALBUM_KINDS = MIXED | {"audio", "document"}


class SendMediaGroup(Posting, kw_only=True):
    media: list[InputMedia]


def send_media_group(world: World, call: SendMediaGroup) -> list[JSON]:
    """Send an album of 2 to 10 files. Returns a list of Message."""
    if len(call.media) not in ALBUM_SIZES:
        few = len(call.media) < ALBUM_SIZES.start
        raise bad_request(f"too {'few' if few else 'many'} messages to send as an album")
    kinds = {item.type for item in call.media}
    if unknown := kinds - ALBUM_KINDS:
        raise bad_request(f"type {sorted(unknown)[0]!r} can't be used in sendMediaGroup")
    if len(kinds) > 1 and not kinds <= MIXED:
        raise bad_request(f"{sorted(kinds - MIXED)[0]} can't be mixed with other media types")
    for kind in kinds:
        world.writable(call.chat_id, PERMISSIONS[kind], THINGS[kind])
    contents = [_media_fields(world, item.type, item.media, item) for item in call.media]
    album = str(13_000_000_000_000_000 + world.made())
    return [post(world, call, content | {"media_group_id": album}) for content in contents]


class EditMessageCaption(Editing, kw_only=True):
    caption: str = ""
    parse_mode: str | None = None
    caption_entities: list[MessageEntity] | None = None
    show_caption_above_media: bool = False


def edit_message_caption(world: World, call: EditMessageCaption) -> JSON:
    """Replace caption and keyboard of one of the bot's messages with media. Returns Message."""
    old = own_message(world, call.chat_id, call.message_id)
    if not PERMISSIONS.keys() & old.keys() or old.keys() & {"sticker", "video_note"}:
        raise bad_request("there is no caption in the message to edit")
    fields = formatted_caption(world.state, call.caption, call.parse_mode, call.caption_entities)
    if call.show_caption_above_media:
        fields["show_caption_above_media"] = True
    bare = {key: old[key] for key in old.keys() - CAPTION_FIELDS}
    return store_edited(world, old, with_keyboard(bare | fields, call.reply_markup))


CAPTION_FIELDS = {"caption", "caption_entities", "show_caption_above_media"}


class EditMessageMedia(Editing, kw_only=True):
    media: InputMedia


def edit_message_media(world: World, call: EditMessageMedia) -> JSON:
    """Replace file, caption and keyboard of one of the bot's messages. Returns Message."""
    old = own_message(world, call.chat_id, call.message_id)
    kind = call.media.type
    if kind not in ALBUM_KINDS | {"animation"}:
        raise bad_request(f"can't parse InputMedia: type {kind!r} is unsupported")
    if "media_group_id" in old and kind not in (ALBUM_KINDS & old.keys() | MIXED):
        raise bad_request("message content type can't be changed in an album")
    fields = _media_fields(world, kind, call.media.media, call.media)
    gone = CAPTION_FIELDS | PERMISSIONS.keys() | {"text", "entities", "has_media_spoiler"}
    bare = {key: old[key] for key in old.keys() - gone - {"link_preview_options"}}
    return store_edited(world, old, with_keyboard(bare | fields, call.reply_markup))


class GetFile(Parameters, kw_only=True):
    file_id: str


def get_file(world: World, call: GetFile) -> JSON:
    """File, with the path under which the bot can download it."""
    file = world.state.files.get(call.file_id)
    if file is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if len(file.data) > DOWNLOAD_BYTES_MAX:
        raise bad_request("file is too big")
    return {
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": len(file.data),
        "file_path": file.path,
    }


METHODS: Methods = {
    **dict.fromkeys(SENDING, send_media),
    SendMediaGroup: send_media_group,
    EditMessageCaption: edit_message_caption,
    EditMessageMedia: edit_message_media,
    GetFile: get_file,
}
