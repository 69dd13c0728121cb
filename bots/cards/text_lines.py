"""Lines of text: shaped, cut to a width, and drawn. Any script, in the order of its readers."""

import math
import unicodedata
from itertools import groupby
from typing import Final, NamedTuple

import uharfbuzz
from PIL import Image

from .fonts import CJK, EMOJI, font, font_for, scale
from .graphemes import graphemes
from .writing_direction import in_visual_order, levels

#: Stands for a character that no font has, so that two names do not look alike without it.
MISSING: Final = "\u25af"
_ELLIPSIS: Final = "…"
#: Characters of a line that are looked at: a card has room for half as many.
CHARS_MAX: Final = 128
#: The height of a line above and below its baseline, in parts of the size of its text. Marks that
#: members pile up beyond are cut off.
ABOVE: Final = 1.25
BELOW: Final = 0.5

Color = tuple[int, int, int]


class _Run(NamedTuple):
    """Characters of one font and one direction."""

    text: str
    font: str
    level: int


class _Glyph(NamedTuple):
    font: str
    number: int
    x: float
    y: float


class TextLine(NamedTuple):
    """A line that is ready to be drawn."""

    size: int
    width: float
    glyphs: tuple[_Glyph, ...]
    missing: int
    """Characters that no font has."""

    def draw(self, image: Image.Image, x: float, baseline: int, color: Color) -> None:
        """Draw the line with its left end at `x`."""
        colorful = [one for one in self.glyphs if one.font == EMOJI]
        plain = [one for one in self.glyphs if one.font != EMOJI]
        top, bottom = baseline - round(ABOVE * self.size), baseline + round(BELOW * self.size)
        if plain and (found := _outlines(plain, self.size, x)) is not None:
            mask, left, above = found
            mask, y = _clipped(mask, baseline - above, top, bottom)
            image.paste(color, (left, y), mask)
        for glyph in colorful:
            if (found := _emoji(glyph, self.size, x)) is not None:
                picture, left, above = found
                picture, y = _clipped(picture, baseline - above, top, bottom)
                image.paste(picture, (left, y), picture)


def text_line(text: str, size: int, *, bold: bool, width_max: float = math.inf) -> TextLine:
    """Shape a line, and cut it with an ellipsis where it is wider than `width_max`."""
    parts, missing = _drawable(text[:CHARS_MAX], bold=bold)
    line = _shaped(parts, size, bold=bold, missing=missing)
    if line.width <= width_max and len(text) <= CHARS_MAX:
        return line
    fits, too_many = 0, len(parts) + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        cut = _cut(parts, middle)
        if _shaped(cut, size, bold=bold, missing=missing).width <= width_max:
            fits = middle
        else:
            too_many = middle
    return _shaped(_cut(parts, fits), size, bold=bold, missing=missing)


def _cut(parts: list[str], count: int) -> list[str]:
    kept = parts[:count]
    while kept and kept[-1].isspace():
        kept.pop()
    return [*kept, _ELLIPSIS]


def _drawable(text: str, *, bold: bool) -> tuple[list[str], int]:
    """Return the characters, each as fonts can draw it, and how many none can."""
    found, missing = [], 0
    for grapheme in graphemes(unicodedata.normalize("NFC", text)):
        plainer = unicodedata.normalize("NFKC", grapheme)
        fit = next(
            (one for one in (grapheme, plainer) if font_for(one, bold=bold, before=None)), None
        )
        missing += fit is None
        found += [MISSING] if fit is None else graphemes(fit)
    return found, missing


def _shaped(parts: list[str], size: int, *, bold: bool, missing: int) -> TextLine:
    glyphs: list[_Glyph] = []
    pen = 0.0
    for run in in_visual_order(_runs(parts, bold=bold), lambda run: run.level):
        shown = font(run.font)
        buffer = uharfbuzz.Buffer()
        buffer.add_str(run.text)
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if run.level % 2 else "ltr"
        if run.font == CJK:
            buffer.language = "ja" if any(map(_is_kana, run.text)) else "zh"
        uharfbuzz.shape(shown, buffer)
        unit = size * scale(run.font) / shown.face.upem
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            x, y = pen + place.x_offset * unit, place.y_offset * unit
            glyphs.append(_Glyph(run.font, info.codepoint, x, y))
            pen += place.x_advance * unit
    return TextLine(size, pen, tuple(glyphs), missing)


def _runs(parts: list[str], *, bold: bool) -> list[_Run]:
    """Split a line into runs, in the order in which they are read."""
    line = "".join(parts)
    level_of = levels(line)
    runs: list[tuple[str, str, int]] = []
    before, index = None, 0
    for grapheme in parts:
        before = font_for(grapheme, bold=bold, before=before)
        assert before is not None
        runs.append((grapheme, before, level_of[index]))
        index += len(grapheme)
    return [
        _Run("".join(one[0] for one in group), name, level)
        for (name, level), group in groupby(runs, lambda run: run[1:])
    ]


def _outlines(glyphs: list[_Glyph], size: int, x: float) -> tuple[Image.Image, int, int] | None:
    """Draw outlines into one mask; return it with its left end, and its top above the baseline."""
    raster = uharfbuzz.RasterDraw()
    for glyph in glyphs:
        shown = font(glyph.font)
        unit = size * scale(glyph.font) / shown.face.upem
        raster.transform = (unit, 0, 0, unit, x + glyph.x, glyph.y)
        raster.draw_glyph(shown, glyph.number)
    drawn = raster.render()
    extents = None if drawn is None else drawn.extents
    if drawn is None or extents is None or not extents.width or not extents.height:
        return None
    mask = Image.frombuffer(
        "L", (extents.width, extents.height), drawn.buffer, "raw", "L", extents.stride, -1
    )
    return mask, extents.x_origin, extents.y_origin + extents.height


def _emoji(glyph: _Glyph, size: int, x: float) -> tuple[Image.Image, int, int] | None:
    """Draw one emoji in its colours."""
    shown = font(glyph.font)
    unit = size * scale(glyph.font) / shown.face.upem
    left = math.floor(x + glyph.x)
    raster = uharfbuzz.RasterPaint()
    raster.transform = (unit, 0, 0, unit, x + glyph.x - left, glyph.y)
    # The widest emoji are as high as they are wide, and a quarter of each is below the baseline.
    side, below = math.ceil(size * 1.5), math.ceil(size * 0.4)
    raster.extents = uharfbuzz.RasterExtents(x_origin=0, y_origin=-below, width=side, height=side)
    if not raster.paint_glyph_or_fail(shown, glyph.number):
        return None
    drawn = raster.render()
    if drawn is None or drawn.extents is None:
        return None
    extents = drawn.extents
    picture = Image.frombuffer(
        "RGBa", (extents.width, extents.height), drawn.buffer, "raw", "BGRa", extents.stride, -1
    ).convert("RGBA")
    return picture, left, extents.height - below


def _clipped(picture: Image.Image, y: int, top: int, bottom: int) -> tuple[Image.Image, int]:
    """Cut off what is above `top` or below `bottom` of a picture that begins at `y`."""
    first, last = max(0, top - y), min(picture.height, max(0, bottom - y))
    if first == 0 and last == picture.height:
        return picture, y
    return picture.crop((0, first, picture.width, max(first, last))), y + first


def _is_kana(mark: str) -> bool:
    return "\u3040" <= mark <= "\u30ff"
