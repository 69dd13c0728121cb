"""The colours of cards: built-in backgrounds, a plain colour, or a picture of the operator's."""

from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image, ImageEnhance, ImageOps

Color = tuple[int, int, int]
Size = tuple[int, int]

#: Bytes of an operator's picture; more is no background but a mistake.
FILE_BYTES_MAX: Final = 20 * 2**20
#: Pixels of it: 8K, some 100 MB while it is read.
FILE_PIXELS_MAX: Final = 8_000 * 4_500
#: How bright an operator's picture stays below white text.
PICTURE_BRIGHTNESS: Final = 0.42


#: The least contrast of small text and its background by WCAG 2, level AA.
TEXT_CONTRAST: Final = 4.5
_WHITE: Final = (255, 255, 255)
_INK: Final = (24, 27, 38)


class Palette(NamedTuple):
    """The colours of a card."""

    top: Color
    """Of the background, at its upper left."""
    bottom: Color
    """At its lower right."""
    accent: Color
    text: Color
    muted: Color
    """Of labels."""
    panel: tuple[int, int, int, int]
    """Laid over the background, below figures and bar."""


def _dark(top: Color, bottom: Color, accent: Color) -> Palette:
    return Palette(top, bottom, accent, _WHITE, (196, 202, 220), (255, 255, 255, 22))


def _light(top: Color, bottom: Color, accent: Color) -> Palette:
    return Palette(top, bottom, accent, _INK, (78, 84, 104), (20, 26, 60, 18))


#: By the names in twinstream.toml.
BUILT_IN: Final = {
    "midnight": _dark((38, 42, 84), (17, 18, 34), (124, 140, 255)),
    "ocean": _dark((14, 70, 98), (9, 24, 46), (70, 205, 224)),
    "forest": _dark((24, 78, 62), (12, 28, 30), (110, 220, 142)),
    "ember": _dark((104, 44, 40), (34, 16, 26), (255, 158, 92)),
    "orchid": _dark((92, 38, 104), (30, 16, 44), (240, 132, 230)),
    "graphite": _dark((58, 62, 70), (26, 28, 33), (208, 214, 226)),
    "paper": _light((255, 252, 246), (238, 230, 216), (176, 84, 30)),
    "sky": _light((244, 250, 255), (208, 226, 248), (28, 96, 200)),
}


def palette_of(background: str, accent: str | None) -> Palette:
    """Return the colours for a background of `[cards]`: a name, a colour, or a picture."""
    if background in BUILT_IN:
        found = BUILT_IN[background]
    elif background.startswith("#"):
        found = _around(_color(background))
    else:
        found = BUILT_IN["midnight"]
    return found if accent is None else found._replace(accent=_color(accent))


def gradient(palette: Palette, size: Size) -> Image.Image:
    """Return the background from one corner to the other."""
    middle = _mixed(palette.top, palette.bottom, 0.55)
    corners = Image.new("RGB", (2, 2))
    corners.putdata([palette.top, middle, middle, palette.bottom])
    # Four pixels, resized, are a smooth gradient; the margin keeps its flat ends outside.
    width, height = size
    whole = corners.resize((width * 2, height * 2), Image.Resampling.BILINEAR)
    return whole.crop((width // 2, height // 2, width // 2 + width, height // 2 + height))


def picture(file: Path, size: Size) -> Image.Image:
    """Return an operator's picture as a background, dark enough for white text.

    Raises:
        OSError: the file is missing, is too large, or is no picture.
    """
    if file.stat().st_size > FILE_BYTES_MAX:
        raise OSError(f"{file} has more than {FILE_BYTES_MAX // 2**20} MB")
    with Image.open(file, formats=("PNG", "JPEG", "WEBP")) as opened:
        if opened.width * opened.height > FILE_PIXELS_MAX:
            raise OSError(f"{file} has {opened.width} x {opened.height} pixels: make it smaller")
        opened.draft("RGB", size)
        upright = ImageOps.exif_transpose(opened)
        fitted = ImageOps.fit(upright.convert("RGB"), size, Image.Resampling.LANCZOS)
    return ImageEnhance.Brightness(fitted).enhance(PICTURE_BRIGHTNESS)


@lru_cache(maxsize=8)
def luminance(color: Color) -> float:
    """Return how bright a colour is, from 0 to 1, as WCAG 2 defines it."""
    parts = [part / 255 for part in color]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _around(color: Color) -> Palette:
    """Return a palette for a plain colour, which is changed until text can be read on it."""
    is_dark = contrast(color, _WHITE) >= contrast(color, _INK)
    away = (0, 0, 0) if is_dark else (255, 255, 255)
    while contrast(color, _WHITE if is_dark else _INK) < TEXT_CONTRAST:
        color = _mixed(color, away, 0.05)
    muted = _mixed(_WHITE if is_dark else _INK, color, 0.2)
    if is_dark:
        found = _dark(color, _mixed(color, (0, 0, 0), 0.35), _mixed(color, _WHITE, 0.6))
    else:
        found = _light(color, _mixed(color, _WHITE, 0.25), _mixed(color, (0, 0, 0), 0.62))
    return found._replace(muted=muted)


def _mixed(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _color(written: str) -> Color:
    red, green, blue = bytes.fromhex(written.removeprefix("#"))
    return red, green, blue
