"""Smooth shapes: masks of discs and rounded bars, and the marks of both platforms."""

from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw

#: Masks are drawn so many times as large and scaled down, because Pillow's edges are not smooth.
_FINER: Final = 4
TELEGRAM: Final = (42, 171, 238)
DISCORD: Final = (88, 101, 242)


@lru_cache(maxsize=64)
def rounded(width: int, height: int, radius: int) -> Image.Image:
    """Return the mask of a rectangle with round corners."""
    mask = Image.new("L", (width * _FINER, height * _FINER))
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, width * _FINER - 1, height * _FINER - 1), radius * _FINER, fill=255
    )
    return mask.reduce(_FINER)


def disc(diameter: int) -> Image.Image:
    """Return the mask of a disc."""
    return rounded(diameter, diameter, diameter // 2)


@lru_cache(maxsize=8)
def platform_mark(platform: str, side: int) -> Image.Image:
    """Return a platform's mark: a disc in its colour with a white sign."""
    unit = side * _FINER / 100
    sign = Image.new("L", (side * _FINER, side * _FINER))
    draw = ImageDraw.Draw(sign)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * unit, y * unit) for x, y in points]

    if platform == "telegram":  # a plane of paper
        draw.polygon(at((20, 49), (77, 26), (67, 75), (49, 62), (40, 71), (38, 57)), fill=255)
        draw.polygon(at((38, 57), (66, 37), (43, 60), (40, 71)), fill=90)
    else:  # a face with headphones
        draw.rounded_rectangle(at((22, 34), (78, 68)), 20 * unit, fill=255)
        draw.polygon(at((26, 50), (22, 72), (38, 66), (62, 66), (78, 72), (74, 50)), fill=255)
        for x in (39, 61):
            draw.ellipse(at((x - 6, 44), (x + 6, 58)), fill=0)
    mark = Image.new("RGBA", (side, side), TELEGRAM if platform == "telegram" else DISCORD)
    mark.paste((255, 255, 255), (0, 0), sign.reduce(_FINER))
    mark.putalpha(disc(side))
    return mark
