"""Files: uploads and their limits, ids that are used again, albums, edits and downloads."""

import json
import struct

import aiohttp
import pytest

from sandbox.telegram_api.methods.messages import media
from sandbox.telegram_api.world.files import image_size

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, ALICE = -1001000000001, 1001
HERE = {"chat_id": GROUP}


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height)


async def test_an_upload_is_downloaded_again(telegram, call, seed):
    sent = (await call("sendDocument", **HERE, document=b"hello", caption="<b>x</b>"))["result"]
    document = sent["document"]
    assert (document["file_name"], document["mime_type"]) == ("document.png", "image/png")
    assert (document["file_size"], sent["caption"]) == (5, "<b>x</b>")
    found = (await call("getFile", file_id=document["file_id"]))["result"]
    assert found["file_size"] == 5
    address = f"{telegram.api_base}/file/bot{seed.telegram.token}/{found['file_path']}"
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as response:
            assert await response.read() == b"hello"
        async with session.get(address + "x") as response:
            assert response.status == 404
        async with session.get(address.replace("SANDBOX", "WRONG")) as response:
            assert response.status == 401


async def test_a_file_is_sent_again_by_its_id(call):
    first = (await call("sendPhoto", **HERE, photo=png(320, 200)))["result"]["photo"][0]
    again = (await call("sendPhoto", **HERE, photo=first["file_id"]))["result"]["photo"]
    assert again == [first]
    assert (first["width"], first["height"]) == (320, 200)
    body = await call("sendDocument", **HERE, document=first["file_id"])
    assert body["description"] == "Bad Request: can't use file of type Photo as Document"


async def test_the_same_bytes_have_the_same_unique_id(call):
    one, two = [(await call("sendVoice", **HERE, voice=b"x"))["result"]["voice"] for _ in range(2)]
    assert one["file_unique_id"] == two["file_unique_id"]
    assert one["file_id"] != two["file_id"]


@pytest.mark.parametrize(
    ("method", "parameters", "words"),
    [
        ("sendPhoto", {"photo": b"no picture"}, "IMAGE_PROCESS_FAILED"),
        ("sendPhoto", {"photo": png(6000, 5000)}, "PHOTO_INVALID_DIMENSIONS"),
        ("sendPhoto", {"photo": png(2100, 100)}, "PHOTO_INVALID_DIMENSIONS"),
        ("sendPhoto", {"photo": png(1, 1), "caption": "x" * 1025}, "caption is too long"),
        ("sendPhoto", {"photo": "https://example.org/a.png"}, "failed to get HTTP URL content"),
        ("sendPhoto", {"photo": "AgACnothing"}, "wrong file identifier/HTTP URL specified"),
        ("sendPhoto", {"photo": "attach://nothing"}, "there is no file 'attach://nothing'"),
        ("sendPhoto", {}, "there is no photo in the request"),
        ("sendDocument", {"document": b""}, "file must be non-empty"),
        ("sendMediaGroup", {"media": "[]"}, "too few messages to send as an album"),
        (
            "sendMediaGroup",
            {"media": json.dumps([{"type": "photo", "media": "x"}] * 11)},
            "too many messages to send as an album",
        ),
        (
            "sendMediaGroup",
            {"media": json.dumps([{"type": kind, "media": "x"} for kind in ("photo", "audio")])},
            "audio can't be mixed with other media types",
        ),
        ("getFile", {"file_id": "x"}, "wrong file_id or the file is temporarily unavailable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_file_that_telegram_refuses_is_refused(call, method, parameters, words):
    chat = {} if method == "getFile" else HERE
    body = await call(method, **chat, **parameters)
    assert (body["error_code"], words in body["description"]) == (400, True), body


@pytest.mark.nightly
async def test_too_much_is_refused_as_too_large(call):
    assert media.FILE_BYTES_MAX == 50 * 2**20
    body = await call("sendDocument", **HERE, document=bytes(52 * 2**20 + 1))
    assert (body["error_code"], body["description"]) == (413, "Request Entity Too Large")


async def test_files_have_limits(call, monkeypatch):
    sent = (await call("sendDocument", **HERE, document=bytes(100)))["result"]
    limits = (media.PHOTO_BYTES_MAX, media.FILE_BYTES_MAX, media.DOWNLOAD_BYTES_MAX)
    assert limits == (10 * 2**20, 50 * 2**20, 20 * 2**20)
    monkeypatch.setattr(media, "PHOTO_BYTES_MAX", 50)
    monkeypatch.setattr(media, "FILE_BYTES_MAX", 99)
    monkeypatch.setattr(media, "DOWNLOAD_BYTES_MAX", 99)
    body = await call("sendPhoto", **HERE, photo=png(1, 1) + bytes(50))
    assert "is too big for a photo; the maximum size is 50 bytes" in body["description"]
    body = await call("sendDocument", **HERE, document=bytes(100))
    assert (body["error_code"], body["description"]) == (413, "Request Entity Too Large")
    body = await call("getFile", file_id=sent["document"]["file_id"])
    assert body["description"] == "Bad Request: file is too big"


async def test_an_album_is_several_messages_with_one_id(telegram, call):
    album = [
        {"type": "photo", "media": "attach://first", "caption": "both"},
        {"type": "photo", "media": "attach://second"},
    ]
    files = {"first": png(10, 10), "second": png(20, 20)}
    sent = (await call("sendMediaGroup", **HERE, media=json.dumps(album), **files))["result"]
    assert [message["photo"][0]["width"] for message in sent] == [10, 20]
    assert len({message["media_group_id"] for message in sent}) == 1
    assert [message.get("caption") for message in sent] == ["both", None]


async def test_media_and_caption_are_edited_and_text_is_not(telegram, call):
    picture = (await call("sendPhoto", **HERE, photo=png(10, 10), caption="one"))["result"]
    that = {**HERE, "message_id": picture["message_id"]}
    body = await call("editMessageText", **that, text="x")
    assert body["description"] == "Bad Request: there is no text in the message to edit"
    body = await call("editMessageCaption", **that, caption="one")
    assert "message is not modified" in body["description"]
    edited = (await call("editMessageCaption", **that, caption="two"))["result"]
    assert (edited["caption"], edited["photo"]) == ("two", picture["photo"])
    new = json.dumps({"type": "document", "media": "attach://new"})
    edited = (await call("editMessageMedia", **that, media=new, new=b"x"))["result"]
    assert not edited.keys() & {"photo", "caption"}
    assert edited["document"]["file_size"] == 1

    await call("sendMessage", **HERE, text="words")
    body = await call("editMessageCaption", **HERE, message_id=2, caption="x")
    assert body["description"] == "Bad Request: there is no caption in the message to edit"


async def test_a_member_sends_files_that_the_bot_downloads(telegram, call):
    telegram.people.send(
        GROUP, ALICE, "document", data=b"abc", file_name="a.txt", caption="see #this"
    )
    [update] = (await call("getUpdates"))["result"]
    message = update["message"]
    assert message["document"]["mime_type"] == "text/plain"
    assert message["caption_entities"] == [{"type": "hashtag", "offset": 4, "length": 5}]
    assert telegram.file(message["document"]["file_id"]) == b"abc"


async def test_a_silenced_bot_sends_no_files(telegram, call):
    telegram.people.set_bot("member")
    telegram.people.permit(frozenset({"can_send_messages"}))
    body = await call("sendPhoto", **HERE, photo=png(1, 1))
    assert body["description"] == "Bad Request: not enough rights to send photos to the chat"
    assert (await call("sendMessage", **HERE, text="x"))["ok"]


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(3, 4), (3, 4)),
        (b"GIF89a" + struct.pack("<HH", 5, 6), (5, 6)),
        (
            b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 7, 8),
            (8, 7),
        ),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x08\x00\x00\x09\x00\x00", (9, 10)),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 11, 12), (11, 12)),
        (b"RIFF\0\0\0\0WEBPVP8L" + bytes(5) + (12 | 13 << 14).to_bytes(4, "little"), (13, 14)),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"\xff\xd8\xff", None),
        (b"", None),
    ],
)
async def test_the_size_of_a_picture_is_read_from_its_bytes(data, size):
    assert image_size(data) == size
