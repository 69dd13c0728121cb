"""A card as a picture."""

import io
from typing import Final

from PIL import Image

from . import shapes
from .backgrounds import Palette
from .card import Card
from .graphemes import graphemes
from .text_lines import TextLine, text_line

#: Telegram and Discord show pictures some 400 to 550 points wide, on screens twice as fine.
SIZE: Final = (1000, 424)
_MARGIN: Final = 44
AVATAR: Final = 212
AVATAR_AT: Final = (44, 42)
_RING: Final = 6
_LEFT: Final = AVATAR_AT[0] + AVATAR + 40
_RIGHT: Final = SIZE[0] - _MARGIN
#: A name is drawn in the first size in which it fits, and cut in the last one.
_NAME_SIZES: Final = (54, 46, 38)
_MARK: Final = 44
BAR: Final = (_LEFT, 232, _RIGHT - _LEFT, 24)
_PANEL: Final = (_MARGIN - 8, 292, SIZE[0] - 2 * (_MARGIN - 8), 100)


def draw(
    card: Card, palette: Palette, background: Image.Image, avatar: Image.Image | None
) -> bytes:
    """Return the card as PNG. The background has the size of the card, and stays as it is."""
    image = background.copy()
    _draw_glow(image, palette)
    _draw_avatar(image, card, palette, avatar)
    marks_at = _draw_marks(image, card, palette)
    _name_line(card.name, marks_at - 24 - _LEFT).draw(image, _LEFT, 88, palette.text)
    _draw_rank(image, card, palette)
    _draw_progress(image, card, palette)
    _draw_stats(image, card, palette)
    return encoded(image)


def encoded(image: Image.Image) -> bytes:
    """Return a picture as PNG."""
    file = io.BytesIO()
    # The fastest level: gradients hardly shrink any further, and take ten times as long.
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _name_line(name: str, width: float) -> TextLine:
    for size in _NAME_SIZES[:-1]:
        line = text_line(name, size, bold=True)
        if line.width <= width:
            return line
    return text_line(name, _NAME_SIZES[-1], bold=True, width_max=width)


def _draw_glow(image: Image.Image, palette: Palette) -> None:
    """Light the corner behind the avatar a little in the accent."""
    side = 520
    glow = _glow(side)
    image.paste(palette.accent, (AVATAR_AT[0] + AVATAR // 2 - side // 2, -150), glow)


def _glow(side: int) -> Image.Image:
    small = Image.radial_gradient("L").resize((side, side), Image.Resampling.BILINEAR)
    return small.point(lambda far: max(0, 60 - far * 60 // 170))


def _draw_avatar(
    image: Image.Image, card: Card, palette: Palette, avatar: Image.Image | None
) -> None:
    x, y = AVATAR_AT
    ring = AVATAR + 2 * _RING
    image.paste(palette.accent, (x - _RING, y - _RING), shapes.disc(ring))
    if avatar is not None:
        image.paste(avatar, (x, y), shapes.disc(AVATAR))
        return
    image.paste(_inner(palette), (x, y), shapes.disc(AVATAR))
    initial = _inked(text_line(_initial(card.name), 92, bold=True), palette.accent)
    place = (x + (AVATAR - initial.width) // 2, y + (AVATAR - initial.height) // 2)
    image.paste(initial, place, initial)


def _inked(line: TextLine, color: tuple[int, int, int]) -> Image.Image:
    """Return a short line without the space around it: it is to stand in the middle."""
    sheet = Image.new("RGBA", (AVATAR, AVATAR), (*color, 0))
    line.draw(sheet, 8, AVATAR * 2 // 3, color)
    return sheet.crop(sheet.getbbox() or (0, 0, 1, 1))


def _inner(palette: Palette) -> tuple[int, int, int]:
    red, green, blue = (
        (3 * back + front) // 4 for back, front in zip(palette.bottom, palette.accent, strict=True)
    )
    return red, green, blue


def _initial(name: str) -> str:
    """Return the character that stands in the place of an avatar."""
    found = graphemes(name)
    letter = next((one for one in found if one[0].isalnum()), found[0] if found else "?")
    return letter.upper() if len(letter.upper()) == 1 else letter


def _draw_marks(image: Image.Image, card: Card, palette: Palette) -> int:
    """Draw the marks of the member's platforms; return where they begin."""
    x = _RIGHT
    for platform in ("discord", "telegram"):
        if platform in card.platforms:
            x -= _MARK
            mark = shapes.platform_mark(platform, _MARK)
            image.paste(mark, (x, 48), mark)
            x -= 12
    return x + 12


def _draw_rank(image: Image.Image, card: Card, palette: Palette) -> None:
    if card.rank is None:
        return
    line = text_line(card.rank, 28, bold=True, width_max=_RIGHT - _LEFT - 40)
    width = round(line.width) + 40
    chip = shapes.rounded(width, 46, 23)
    tint = chip.point(lambda part: part * 46 // 255)
    image.paste(palette.accent, (_LEFT, 127), tint)
    line.draw(image, _LEFT + 20, 160, palette.text)


def _draw_progress(image: Image.Image, card: Card, palette: Palette) -> None:
    x, y, width, height = BAR
    progress = text_line(card.progress, 26, bold=False, width_max=width * 0.6)
    level = text_line(card.level, 30, bold=True, width_max=width - progress.width - 24)
    level.draw(image, x, y - 15, palette.accent)
    progress.draw(image, x + width - progress.width, y - 15, palette.muted)
    track = shapes.rounded(width, height, height // 2)
    red, green, blue, alpha = palette.panel
    image.paste((red, green, blue), (x, y), track.point(lambda part: part * alpha * 2 // 255))
    filled = width * card.done // 1000
    if filled > 0:
        # Never shorter than it is high, so that its ends stay round.
        bar = shapes.rounded(max(height, filled), height, height // 2)
        image.paste(palette.accent, (x, y), bar)


def _draw_stats(image: Image.Image, card: Card, palette: Palette) -> None:
    x, y, width, height = _PANEL
    red, green, blue, alpha = palette.panel
    panel = shapes.rounded(width, height, 22)
    image.paste((red, green, blue), (x, y), panel.point(lambda part: part * alpha // 255))
    column = width / max(1, len(card.stats))
    for number, stat in enumerate(card.stats):
        room = column - 32
        label = text_line(stat.label, 22, bold=False, width_max=room)
        value = text_line(stat.value, 32, bold=True, width_max=room)
        middle = x + column * (number + 0.5)
        _draw_centred(image, label, middle, y + 40, palette.muted)
        _draw_centred(image, value, middle, y + 79, palette.text)


def _draw_centred(
    image: Image.Image, line: TextLine, middle: float, baseline: int, color: tuple[int, int, int]
) -> None:
    line.draw(image, middle - line.width / 2, baseline, color)
