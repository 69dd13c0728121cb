"""Drawing cards: how long one takes, and how long it holds up everything else that a bot does.

Three ways take turns: the bots' own, in a thread beside the event loop; the same work on the loop;
and Pillow's own texts with its basic layout, which shapes no script, for the same lines.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from bots.cards import Card, CardPainter, Stat, drawing
from bots.cards.backgrounds import gradient, palette_of
from bots.cards.fonts import FOLDER, LATIN
from config import CardSetting

from .report import Report, number, percentile

NAMES: Final = (
    *("Anna Ångström", "Соня Петрова", "Ωρίων Παππάς", "محمد العلي"),
    *("क्षत्रिय श्री", "שלום לוי", "สวัสดี ชาวโลก", "桜井さくら 🌸"),
)
#: Seconds between two looks at the loop: less than a bot needs for one answer.
TICK_S: Final = 0.001


class Way(NamedTuple):
    """One way to draw."""

    name: str
    draw: Callable[[Card], Awaitable[object]]


async def run(cards: int, rounds: int) -> Report:
    """Draw so many cards in each way and round, no two of them alike."""
    painter = CardPainter(CardSetting())
    palette = palette_of("midnight", None)
    background = gradient(palette, drawing.SIZE)

    async def beside_the_loop(card: Card) -> object:
        return await painter.paint(card, None)

    async def on_the_loop(card: Card) -> object:
        return drawing.draw(card, palette, background, None)

    async def by_pillow_alone(card: Card) -> object:
        return _plain(card, background)

    ways = (
        Way("beside the event loop, as the bots do", beside_the_loop),
        Way("on the event loop", on_the_loop),
        Way("Pillow's own texts on the loop, unshaped", by_pillow_alone),
    )
    taken: dict[str, list[float]] = {way.name: [] for way in ways}
    stalls: dict[str, list[float]] = {way.name: [] for way in ways}
    for way in ways:  # libraries and fonts are loaded with the first card of each script
        for number_of_card in range(len(NAMES)):
            await way.draw(_card(-1 - number_of_card))
    for number_of_round in range(rounds):
        for way in ways:
            first = number_of_round * cards
            durations, stall = await _timed(way, [_card(first + one) for one in range(cards)])
            taken[way.name] += durations
            stalls[way.name].append(stall)
    painter.close()
    return _report(cards, rounds, taken, stalls)


async def _timed(way: Way, cards: list[Card]) -> tuple[list[float], float]:
    """Return the milliseconds of each card, and the longest time in which the loop did nothing."""
    longest, ending = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal longest
        while not ending.is_set():
            before = time.perf_counter()
            await asyncio.sleep(TICK_S)
            longest = max(longest, time.perf_counter() - before - TICK_S)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    durations = []
    for card in cards:
        before = time.perf_counter()
        assert await way.draw(card)
        durations.append((time.perf_counter() - before) * 1_000)
        await asyncio.sleep(TICK_S)
    ending.set()
    await ticking
    return durations, longest * 1_000


def _card(of: int) -> Card:
    return Card(
        name=NAMES[of % len(NAMES)],
        rank="Veteran",
        level=f"Level {of % 90}",
        progress=f"{of:,} / 20,000 XP",
        done=of % 1_000,
        stats=(
            *(Stat("Place", f"#{of}"), Stat("XP", f"{of:,}"), Stat("Balance", f"{of * 3:,}")),
            *(Stat("Days in a row", f"{of % 31}"), Stat("Reputation", f"{of % 77}")),
        ),
        platforms=frozenset({"telegram", "discord"}),
    )


def _plain(card: Card, background: Image.Image) -> bytes:
    """Draw the same lines in about the same places as a bot without HarfBuzz would."""
    image = background.copy()
    draw = ImageDraw.Draw(image)
    white = (255, 255, 255)

    def write(text: str, x: int, y: int, size: int) -> None:
        file = str(FOLDER / LATIN[True])
        chosen = ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)
        draw.text((x, y), text, white, font=chosen)

    for text, y, size in (
        (card.name, 40, 54), (card.rank or "", 130, 28), (card.level, 190, 30),
    ):  # fmt: skip
        write(text, 296, y, size)
    write(card.progress, 700, 190, 26)
    for place, stat in enumerate(card.stats):
        write(stat.label, 60 + place * 180, 310, 22)
        write(stat.value, 60 + place * 180, 340, 32)
    draw.ellipse((44, 42, 256, 254), fill=(124, 140, 255))
    draw.rounded_rectangle((296, 232, 956, 256), 12, fill=(124, 140, 255))
    return drawing.encoded(image)


def _report(
    cards: int, rounds: int, taken: dict[str, list[float]], stalls: dict[str, list[float]]
) -> Report:
    rows = tuple(
        (
            name,
            number(percentile(values, 0.5)),
            number(percentile(values, 0.99)),
            number(max(values)),
            number(max(stalls[name])),
        )
        for name, values in taken.items()
    )
    return Report(
        name="cards",
        title=f"{cards} cards in eight scripts, {rounds} rounds, milliseconds",
        columns=("", "median", "99 of 100 within", "longest", "the loop stood still at most"),
        rows=rows,
        figures={"taken": taken, "stalls": stalls},
    )
