"""Avatars as the platforms send them. Members chose them, so any of them may be hostile."""

import io
import warnings
from typing import Final

from PIL import Image, ImageOps

#: Bytes of an avatar that are read. Both platforms make theirs smaller than a tenth of it.
BYTES_MAX: Final = 2 * 2**20
#: Pixels of one. A file of a kilobyte may say that it has a billion.
PIXELS_MAX: Final = 2_048 * 2_048
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")


class UnfitAvatar(Exception):
    """The bytes are no picture that a card may show; says why."""


def read_avatar(data: bytes, side: int) -> Image.Image:
    """Return an avatar as a square of this side, upright and on white where it is transparent.

    Raises:
        UnfitAvatar: it is no picture, is too large, or is damaged.
    """
    if len(data) > BYTES_MAX:
        raise UnfitAvatar(f"{len(data)} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
                if opened.width * opened.height > PIXELS_MAX:
                    raise UnfitAvatar(f"{opened.width} x {opened.height} pixels")
                opened.draft("RGB", (side, side))
                upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except UnfitAvatar:
        raise
    except Exception as error:
        # A decoder may raise anything about bytes that nobody checked.
        raise UnfitAvatar(f"{type(error).__name__}: {error}") from error
    square = ImageOps.fit(upright, (side, side), Image.Resampling.LANCZOS)
    shown = Image.new("RGB", (side, side), (255, 255, 255))
    shown.paste(square, (0, 0), square)
    return shown
