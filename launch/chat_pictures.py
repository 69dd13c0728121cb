"""Draw a chat as an SVG that looks like Telegram (light) or Discord (dark). Pure: no clock, no I/O.

The same messages give the same bytes. Nothing is loaded: the reader's own fonts show the text, so
the widths here are estimates on the generous side.
"""

import re
from html import escape
from itertools import groupby
from typing import Final, NamedTuple

WIDTH: Final = 480
#: Sizes in pixels of the SVG.
MARGIN, PADDING, LINE, SIZE, BUTTON, HEADER = 14, 11, 20, 14, 34, 46
FONTS: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
#: The width of a character as a share of the size of the font; the first class that has it counts.
WIDTHS: Final = (
    (re.compile(r"[ilI.,:;'|!()\[\]]"), 0.32),
    (re.compile(r"\s"), 0.30),
    (re.compile(r"[mwMWжшщюыфЖШЩЮЫФМ@%—]"), 0.92),
    (re.compile(r"[A-ZА-ЯЁ]"), 0.72),
    (re.compile(r"[^\u0000-\u2fff]"), 1.35),
)
OTHER_WIDTH: Final = 0.60
UNFIT_FOR_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: The colours of Discord's buttons by style: primary, secondary, success, danger, link.
COLOURS: Final = {1: "#5865f2", 2: "#4e5058", 3: "#248046", 4: "#da373c", 5: "#4e5058"}


class Run(NamedTuple):
    """A part of a text in one style: plain (""), bold ("b") or code ("c")."""

    text: str
    style: str = ""


class Button(NamedTuple):
    """A button below a message. `style` is Discord's number for its colour."""

    label: str
    style: int = 2
    is_link: bool = False


class Message(NamedTuple):
    """A message as its reader sees it. `above` and `below` are small notes of the platform."""

    author: str
    runs: tuple[Run, ...]
    rows: tuple[tuple[Button, ...], ...] = ()
    is_own: bool = False
    above: str = ""
    below: str = ""


def width_of(text: str, size: float = SIZE, style: str = "") -> float:
    """Estimate the width of a text in pixels."""
    size *= 1.08 if style else 1
    shares = (
        next((share for kind, share in WIDTHS if kind.match(one)), OTHER_WIDTH) for one in text
    )
    return size * sum(shares)


def wrapped(runs: tuple[Run, ...], width: float) -> list[list[Run]]:
    """Break a text into lines that fit; a word that is wider than a line is broken, too."""
    lines: list[list[Run]] = [[]]
    used = 0.0
    for run in runs:
        for piece in re.findall(r"\n|[^\S\n]+|\S+", run.text):
            if piece == "\n":
                lines.append([])
                used = 0.0
                continue
            for part in _parts(piece, width, run.style):
                wide = width_of(part, style=run.style)
                if used and used + wide > width:
                    lines.append([])
                    used = 0.0
                    if part.isspace():
                        continue
                lines[-1].append(Run(part, run.style))
                used += wide
    return lines


def _parts(word: str, width: float, style: str) -> list[str]:
    parts = [""]
    for one in word:
        if parts[-1] and width_of(parts[-1] + one, style=style) > width:
            parts.append("")
        parts[-1] += one
    return parts


def draw_telegram(title: str, messages: list[Message]) -> str:
    """Draw a chat with a bot, alone or in a group."""
    shapes, y = [_box(0, 0, WIDTH, HEADER, "#ffffff", 0)], HEADER + MARGIN
    shapes.append(_text(MARGIN, 29, [Run(title, "b")], "#000000", size=16))
    for one in messages:
        lines = wrapped(one.runs, WIDTH * 0.78 - 2 * PADDING)
        inner = max([*map(_width, lines), width_of(one.below, 11), *map(_width_of_row, one.rows)])
        wide = min(inner + 2 * PADDING, WIDTH - 2 * MARGIN)
        high = len(lines) * LINE + 2 * PADDING - 4 + (14 if one.below else 0)
        x = WIDTH - MARGIN - wide if one.is_own else MARGIN
        shapes.append(_box(x, y, wide, high, "#e3fdc9" if one.is_own else "#ffffff", 12))
        shapes += _lines(x + PADDING, y + PADDING, lines, "#000000", "#3a6d99")
        if one.below:
            note = x + wide - PADDING - width_of(one.below, 11)
            shapes.append(_text(note, y + high - 8, [Run(one.below)], "#8a9aa5", size=11))
        y += high + 4
        for row in one.rows:
            share = (wide - 4 * (len(row) - 1)) / len(row)
            for place, button in enumerate(row):
                left = x + place * (share + 4)
                shapes.append(_box(left, y, share, BUTTON, "#7d9c86", 9))
                shapes.append(_middle(left + share / 2, y + 22, button, "#ffffff"))
            y += BUTTON + 4
        y += 8
    return _sheet(y + 4, "#d5e3cf", title, shapes)


def draw_discord(title: str, messages: list[Message]) -> str:
    """Draw a channel as one member sees it."""
    shapes, y = [_box(0, 0, WIDTH, HEADER, "#2b2d31", 0)], HEADER + MARGIN
    shapes.append(_text(MARGIN, 29, [Run(title, "b")], "#f2f3f5", size=16))
    x = MARGIN + 48
    for one in messages:
        if one.above:
            shapes.append(_text(x, y + 10, [Run(one.above)], "#949ba4", size=12))
            y += 20
        shapes.append(f'<circle cx="{MARGIN + 18}" cy="{y + 20}" r="18" fill="#5865f2"/>')
        shapes.append(_middle(MARGIN + 18, y + 26, Button(one.author[:1].upper()), "#ffffff"))
        shapes.append(_text(x, y + 13, [Run(one.author, "b")], "#f2f3f5"))
        badge = x + width_of(one.author) + 14
        shapes.append(_box(badge, y + 1, 32, 15, "#5865f2", 4))
        shapes.append(_text(badge + 4, y + 12, [Run("APP", "b")], "#ffffff", size=10))
        lines = wrapped(one.runs, WIDTH - x - MARGIN)
        shapes += _lines(x, y + 22, lines, "#dbdee1", "#dbdee1")
        y += 24 + len(lines) * LINE
        for row in one.rows:
            left = float(x)
            for button in row:
                wide = width_of(button.label) + (50 if button.is_link else 30)
                if left > x and left + wide > WIDTH - MARGIN:
                    left, y = float(x), y + BUTTON + 6
                shapes.append(_box(left, y + 2, wide, BUTTON, COLOURS[button.style], 8))
                shapes.append(_middle(left + wide / 2, y + 24, button, "#ffffff"))
                left += wide + 8
            y += BUTTON + 6
        if one.below:
            shapes.append(_text(x, y + 12, [Run(one.below)], "#949ba4", size=12))
            y += 18
        y += 16
    return _sheet(y, "#313338", title, shapes)


def _width_of_row(row: tuple[Button, ...]) -> float:
    """Return the width of a row of buttons in Telegram, which are equally wide."""
    widest = max(width_of(button.label) for button in row)
    return len(row) * (widest + 30) + 4 * (len(row) - 1)


def _width(line: list[Run]) -> float:
    return sum(width_of(run.text, style=run.style) for run in line)


def _lines(x: float, y: float, lines: list[list[Run]], colour: str, code: str) -> list[str]:
    return [
        _text(x, y + LINE * place + 13, line, colour, code=code)
        for place, line in enumerate(lines)
        if line
    ]


def _text(
    x: float, y: float, runs: list[Run], colour: str, *, size: int = SIZE, code: str = ""
) -> str:
    looks = {"": "", "b": ' font-weight="600"', "c": f' font-family="monospace" fill="{code}"'}
    spans = "".join(
        f"<tspan{looks[style]}>{_escaped(''.join(run.text for run in same))}</tspan>"
        for style, same in groupby(runs, lambda run: run.style)
    )
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}">{spans}</text>'


def _middle(x: float, y: float, button: Button, colour: str) -> str:
    label = _escaped(button.label) + (" ↗" if button.is_link else "")
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{SIZE}" font-weight="500" fill="{colour}"'
        f' text-anchor="middle">{label}</text>'
    )


def _escaped(text: str) -> str:
    return escape(UNFIT_FOR_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _box(x: float, y: float, width: float, height: float, colour: str, round_: int) -> str:
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"'
        f' rx="{round_}" fill="{colour}"/>'
    )


def _sheet(height: float, colour: str, title: str, shapes: list[str]) -> str:
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    namespace = 'xmlns="http://www.w3.org/2000/svg" xml:space="preserve"'
    return "\n".join(
        [
            f'<svg {namespace} {size} font-family="{FONTS}">',
            f"<title>{_escaped(title)}</title>",
            _box(0, 0, WIDTH, height, colour, 0),
            *shapes,
            "</svg>\n",
        ]
    )
