"""Draws cards beside the event loop, one after the other, and remembers the last ones."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from config import CardSetting

from .card import Card

if TYPE_CHECKING:
    from PIL import Image

log = structlog.get_logger("twinstream.bots")

#: Cards that may wait for the one thread: at some 20 ms each, the last one waits a quarter second.
WAITING_MAX: Final = 12
#: Bytes of cards that are remembered, some hundred of them.
REMEMBERED_BYTES_MAX: Final = 8 * 2**20
#: Seconds that one card may take with all that wait before it. Then the text goes out alone.
PAINT_S_MAX: Final = 3.0

Draw = Callable[[Card, bytes | None], bytes]


class CardPainter:
    """Turns cards into PNG pictures. A card that cannot be drawn costs a log line, and no answer.

    One thread draws, because Python runs one thread at a time and two would only hold each other
    up. The libraries are imported there, with the first card.
    """

    def __init__(self, setting: CardSetting, *, draw: Draw | None = None) -> None:
        self._draw = draw or _Drawing(setting)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cards")
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._remembered: OrderedDict[bytes, bytes] = OrderedDict()
        self._remembered_bytes = 0

    async def paint(self, card: Card, avatar: bytes | None) -> bytes | None:
        """Return the card as PNG; None if it cannot be drawn now, and the log says why."""
        key = _key(card, avatar)
        found = self._remembered.get(key)
        if found is not None:
            self._remembered.move_to_end(key)
            return found
        if key not in self._waiting and len(self._waiting) >= WAITING_MAX:
            log.warning("card.not_drawn", why=f"{WAITING_MAX} others wait to be drawn")
            return None
        if key not in self._waiting:
            drawing = asyncio.get_running_loop().run_in_executor(
                self._thread, self._draw, card, avatar
            )
            self._waiting[key] = drawing
            drawing.add_done_callback(lambda done: self._note(key, done))
        try:
            # Shielded: others may wait for the same card.
            return await asyncio.wait_for(asyncio.shield(self._waiting[key]), PAINT_S_MAX)
        except TimeoutError:
            log.warning("card.not_drawn", why=f"it took more than {PAINT_S_MAX:g} s")
        except Exception as error:  # noqa: BLE001 - whatever a library raises, the text goes out
            log.warning("card.not_drawn", why=f"{type(error).__name__}: {error}")
        return None

    def close(self) -> None:
        """Let the thread end with the card that it draws."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _note(self, key: bytes, done: asyncio.Future[bytes]) -> None:
        self._waiting.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._remembered[key] = done.result()
        self._remembered_bytes += len(done.result())
        while self._remembered_bytes > REMEMBERED_BYTES_MAX:
            _, oldest = self._remembered.popitem(last=False)
            self._remembered_bytes -= len(oldest)


class _Drawing:
    """Draws with the libraries, in the thread."""

    def __init__(self, setting: CardSetting) -> None:
        self._setting = setting
        self._background: Image.Image | None = None

    def __call__(self, card: Card, avatar: bytes | None) -> bytes:
        from . import backgrounds, drawing

        palette = backgrounds.palette_of(self._setting.background, self._setting.accent or None)
        if self._background is None:
            self._background = self._open_background()
        return drawing.draw(card, palette, self._background, _avatar(avatar))

    def _open_background(self) -> "Image.Image":
        from . import backgrounds, drawing

        if self._setting.picture:
            try:
                return backgrounds.picture(Path(self._setting.picture), drawing.SIZE)
            except Exception as error:  # noqa: BLE001 - a decoder may raise anything
                why = f"{error}: cards.picture in twinstream.toml must be a PNG, JPEG or WebP file"
                log.warning("card_background.not_read", why=why)
        palette = backgrounds.palette_of(self._setting.background, self._setting.accent or None)
        return backgrounds.gradient(palette, drawing.SIZE)


def _avatar(data: bytes | None) -> "Image.Image | None":
    """Return the avatar; None if there is none to show: an initial stands in its place."""
    from . import avatars, drawing

    if data is None:
        return None
    try:
        return avatars.read_avatar(data, drawing.AVATAR)
    except avatars.UnfitAvatar as error:
        log.info("avatar.not_read", why=str(error))
        return None


def _key(card: Card, avatar: bytes | None) -> bytes:
    digest = hashlib.sha256(repr((*card[:-1], sorted(card.platforms))).encode())
    digest.update(avatar or b"")
    return digest.digest()
