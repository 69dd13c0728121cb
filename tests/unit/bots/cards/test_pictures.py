"""Cards as pictures: legible colours, avatars that may be hostile, and the thread that draws."""

import asyncio
import io
import threading
import zlib
from pathlib import Path
from struct import pack

import pytest
import structlog
from PIL import Image

from bots.cards import Card, CardPainter, Stat, drawing
from bots.cards.avatars import BYTES_MAX, UnfitAvatar, read_avatar
from bots.cards.backgrounds import BUILT_IN, contrast, gradient, palette_of
from bots.cards.painter import REMEMBERED_BYTES_MAX, WAITING_MAX
from config import CardSetting
from config.cards import BACKGROUNDS

#: The least contrast of small text, and of large text and shapes, by WCAG 2 (level AA).
TEXT, LARGE = 4.5, 3.0


def card(name: str = "Anna", *, rank: str | None = "Veteran", done: int = 591) -> Card:
    return Card(
        name=name,
        rank=rank,
        level="Level 12",
        progress="340 / 575 XP",
        done=done,
        stats=(Stat("Place", "#3"), Stat("XP", "12,345"), Stat("Balance", "1,204")),
        platforms=frozenset({"telegram", "discord"}),
    )


def encoded(color: object, kind: str = "PNG", size: tuple[int, int] = (64, 64)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)  # type: ignore[arg-type]
    return file.getvalue()


def opened(png: bytes | None) -> Image.Image:
    assert png is not None
    return Image.open(io.BytesIO(png)).convert("RGB")


def bomb() -> bytes:
    """Return a PNG of a kilobyte that says that it has ten thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    head = pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_the_settings_know_the_backgrounds_that_are_drawn() -> None:
    assert tuple(BUILT_IN) == BACKGROUNDS


@pytest.mark.parametrize("background", [*BACKGROUNDS, "#20304a", "#ffd54a", "#808080"])
def test_texts_can_be_read_on_every_background(background: str) -> None:
    palette = palette_of(background, None)

    for back in (palette.top, palette.bottom):
        assert contrast(palette.text, back) >= TEXT
        assert contrast(palette.muted, back) >= (TEXT if background in BUILT_IN else 3)
        assert contrast(palette.accent, back) >= (LARGE if background in BUILT_IN else 1.5)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_background_goes_from_one_colour_to_the_other(background: str) -> None:
    palette = palette_of(background, None)
    image = gradient(palette, drawing.SIZE)

    corners = image.getpixel((0, 0)), image.getpixel((image.width - 1, image.height - 1))
    for seen, wanted in zip(corners, (palette.top, palette.bottom), strict=True):
        assert isinstance(seen, tuple)
        assert all(abs(a - b) <= 24 for a, b in zip(seen, wanted, strict=True))


@pytest.mark.parametrize(
    ("name", "rank", "done"),
    [
        ("", None, 0),
        ("x" * 4096, "r" * 300, 1000),
        ("محمد", "Veteran", 1),
        ("👩‍👩‍👧‍👦", "★", 999),
        ("\U00012000", None, 500),
    ],
)
def test_a_card_is_drawn_whatever_the_name_is(name: str, rank: str | None, done: int) -> None:
    palette = palette_of("midnight", None)
    background = gradient(palette, drawing.SIZE)
    untouched = background.copy()

    image = opened(drawing.draw(card(name, rank=rank, done=done), palette, background, None))

    assert image.size == drawing.SIZE
    assert background.tobytes() == untouched.tobytes()


def test_a_long_name_stays_left_of_the_marks() -> None:
    palette = palette_of("midnight", None)
    background = gradient(palette, drawing.SIZE)
    with_name = opened(drawing.draw(card("W" * 60), palette, background, None))
    without = opened(drawing.draw(card("W"), palette, background, None))

    marks = (drawing.SIZE[0] - 160, 30, drawing.SIZE[0], 110)
    assert with_name.crop(marks).tobytes() == without.crop(marks).tobytes()


@pytest.mark.parametrize(("done", "filled"), [(0, 0), (500, 0.5), (1000, 1)])
def test_the_bar_is_as_full_as_the_level(done: int, filled: float) -> None:
    palette = palette_of("graphite", "#ff0000")
    image = opened(drawing.draw(card(done=done), palette, gradient(palette, drawing.SIZE), None))

    x, y, width, height = drawing.BAR
    row = [image.getpixel((x + place, y + height // 2)) for place in range(width)]
    assert row.count((255, 0, 0)) == pytest.approx(width * filled, abs=2)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_avatar_of_any_usual_kind_is_shown(kind: str) -> None:
    seen = read_avatar(encoded((200, 30, 30), kind, (300, 200)), 100)

    assert seen.size == (100, 100)
    red, green, _ = seen.getpixel((50, 50))  # type: ignore[misc]
    assert red > 150 > 90 > green


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>not found</html>",
        encoded("red")[:60],
        encoded("red", "BMP"),
        encoded("red", "TIFF"),
        bomb(),
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 100,
        encoded("red") + bytes(BYTES_MAX),
        encoded("red", "PNG", (4_000, 4_000)),
    ],
    ids=["empty", "page", "cut off", "bmp", "tiff", "bomb", "garbage", "huge", "many pixels"],
)
def test_an_avatar_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(UnfitAvatar):
        read_avatar(data, 100)


async def test_a_hostile_avatar_costs_the_avatar_and_not_the_card() -> None:
    painter = CardPainter(CardSetting())

    with structlog.testing.capture_logs() as logs:
        with_bomb = await painter.paint(card(), bomb())
    without = await painter.paint(card(), None)

    assert opened(with_bomb).tobytes() == opened(without).tobytes()
    assert [line["event"] for line in logs] == ["avatar.not_read"]
    painter.close()


async def test_a_card_is_drawn_once_for_all_that_want_it_and_remembered() -> None:
    drawn: list[str] = []

    def draw(one: Card, _: bytes | None) -> bytes:
        drawn.append(one.name)
        return one.name.encode()

    painter = CardPainter(CardSetting(), draw=draw)
    cards = await asyncio.gather(*(painter.paint(card("A"), None) for _ in range(5)))
    again = await painter.paint(card("A"), None)
    other = await painter.paint(card("A", done=592), None)
    avatar = await painter.paint(card("A"), b"avatar")

    assert {*cards, again, other, avatar} == {b"A"}
    assert drawn == ["A"] * 3
    painter.close()


async def test_cards_are_remembered_within_a_bound() -> None:
    size = REMEMBERED_BYTES_MAX // 3
    drawn: list[str] = []

    def draw(one: Card, _: bytes | None) -> bytes:
        drawn.append(one.name)
        return bytes(size)

    painter = CardPainter(CardSetting(), draw=draw)
    for name in ("A", "B", "C", "A", "D", "A", "B"):
        await painter.paint(card(name), None)

    # A was asked for again before D came, so D took the place of B.
    assert drawn == ["A", "B", "C", "D", "B"]
    painter.close()


async def test_while_too_many_wait_a_card_is_left_out_and_the_loop_goes_on() -> None:
    begin = threading.Event()

    def draw(one: Card, _: bytes | None) -> bytes:
        begin.wait(10)
        return one.name.encode()

    painter = CardPainter(CardSetting(), draw=draw)
    waiting = [
        asyncio.ensure_future(painter.paint(card(str(number)), None))
        for number in range(WAITING_MAX)
    ]
    await asyncio.sleep(0)

    with structlog.testing.capture_logs() as logs:
        assert await painter.paint(card("one more"), None) is None
    begin.set()

    assert await asyncio.gather(*waiting) == [str(n).encode() for n in range(WAITING_MAX)]
    assert [line["event"] for line in logs] == ["card.not_drawn"]
    painter.close()


async def test_a_card_that_cannot_be_drawn_says_why_in_the_log() -> None:
    def draw(one: Card, _: bytes | None) -> bytes:
        raise ImportError("libGL.so.1 is missing")

    painter = CardPainter(CardSetting(), draw=draw)
    with structlog.testing.capture_logs() as logs:
        assert await painter.paint(card(), None) is None

    assert [(line["event"], line["why"]) for line in logs] == [
        ("card.not_drawn", "ImportError: libGL.so.1 is missing")
    ]
    painter.close()


async def test_a_picture_of_the_operators_is_the_background(tmp_path: Path) -> None:
    file = tmp_path / "card.jpg"
    file.write_bytes(encoded((250, 250, 0), "JPEG", (1200, 900)))
    painter = CardPainter(CardSetting(picture=str(file)))

    image = opened(await painter.paint(card(), None))

    red, green, blue = image.getpixel((image.width - 5, 5))  # type: ignore[misc]
    assert red > 60 > blue
    assert contrast((red, green, blue), (255, 255, 255)) >= TEXT
    painter.close()


@pytest.mark.parametrize("content", [None, b"no picture", bomb()], ids=["missing", "text", "bomb"])
async def test_a_picture_that_cannot_be_used_is_named_and_the_background_stays(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "card.png"
    if content is not None:
        file.write_bytes(content)
    painter = CardPainter(CardSetting(picture=str(file), background="forest"))

    with structlog.testing.capture_logs() as logs:
        first = await painter.paint(card(), None)
        await painter.paint(card("another"), None)

    plain = CardPainter(CardSetting(background="forest"))
    assert opened(first).tobytes() == opened(await plain.paint(card(), None)).tobytes()
    assert [line["event"] for line in logs] == ["card_background.not_read"]
    painter.close()
    plain.close()
