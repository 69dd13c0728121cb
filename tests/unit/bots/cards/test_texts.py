"""Texts on cards: every script is shaped, written in its direction, and cut between characters."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bots.cards.fonts import FOLDER, font, font_for
from bots.cards.graphemes import graphemes
from bots.cards.text_lines import MISSING, TextLine, text_line
from bots.cards.writing_direction import in_visual_order, levels
from bots.texts.outside_text import one_line

#: Bytes of all fonts together.
FONTS_BYTES_MAX = 20_000_000
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def visual(line: str) -> str:
    marks = list(zip(line, levels(line), strict=True))
    return "".join(mark for mark, _ in in_visual_order(marks, lambda one: one[1]))


def numbers(line: TextLine) -> list[int]:
    return [glyph.number for glyph in line.glyphs]


def drawn(line: TextLine) -> Image.Image:
    sheet = Image.new("RGB", (max(1, round(line.width)) + 40, 200))
    line.draw(sheet, 20, 110, (255, 255, 255))
    return sheet


@pytest.mark.parametrize(
    ("line", "seen"),
    # As the Rust crate unicode-bidi orders them; 200,000 random lines agreed with it.
    [
        ("abc", "abc"),
        ("אבג", "גבא"),
        ("Noa אב 12", "Noa 12 בא"),
        ("אב 12 abc", "abc 12 בא"),
        ("بع 12", "12 عب"),
        ("a (אב) b", "a (בא) b"),
        ("אב-3.5%", "3.5%-בא"),
        ("بع 1/2", "1/2 عب"),
        ("12-אב", "בא-12"),
        ("a אב!", "a בא!"),
        ("אב a!", "!a בא"),
        ("$5 אב", "בא $5"),
        ("", ""),
    ],
)
def test_lines_stand_in_the_order_of_unicode(line: str, seen: str) -> None:
    assert visual(line) == seen


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("e\u0301a", ["e\u0301", "a"]),
        (f"{FAMILY}x", [FAMILY, "x"]),
        (
            "\U0001f1fa\U0001f1e6\U0001f1ef\U0001f1f5",
            ["\U0001f1fa\U0001f1e6", "\U0001f1ef\U0001f1f5"],
        ),
        ("\U0001f44d\U0001f3fdb", ["\U0001f44d\U0001f3fd", "b"]),
        ("1\ufe0f\u20e32", ["1\ufe0f\u20e3", "2"]),
        ("क्षत्रि", ["क्ष", "त्रि"]),
        ("สวั", ["ส", "วั"]),
    ],
)
def test_what_readers_see_as_one_character_stays_together(text: str, parts: list[str]) -> None:
    assert graphemes(text) == parts


@pytest.mark.parametrize(
    ("joined", "apart"),
    [
        ("محمد", "م ح م د"),  # letters of a word have other forms than alone
        ("क्षत्रि", "क ष त र"),
        (FAMILY, "\U0001f469\U0001f469\U0001f467\U0001f466"),
        ("\U0001f1fa\U0001f1e6", "\U0001f1fa \U0001f1e6"),
    ],
)
def test_scripts_that_need_it_are_shaped(joined: str, apart: str) -> None:
    assert not set(numbers(text_line(joined, 40, bold=True))) & set(
        numbers(text_line(apart, 40, bold=True))
    )


def test_ideographs_have_japanese_forms_beside_kana_only() -> None:
    chinese, japanese = text_line("直", 40, bold=True), text_line("直さ", 40, bold=True)

    assert numbers(chinese)[0] != numbers(japanese)[0]


@pytest.mark.parametrize(
    "name",
    [
        "Anna", "Ωρίων", "Соня", "محمد", "क्षत्रिय", "שלום", "สวัสดี", "桜井さくら", "김민준", "王小明",
        "ქართული", "Հայ", "বাংলা", "தமிழ்", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "ગુજરાતી", "ਪੰਜਾਬੀ", "සිංහල",
        "ខ្មែរ", "ລາວ", "မြန်မာ", "አማርኛ", "ଓଡ଼ିଆ", "Việt", "★彡", "𝓕𝓪𝓷𝓬𝔂", "ⓐⓑ", "😀", "❤️", "1️⃣",
        "🏴󠁧󠁢󠁳󠁣󠁴󠁿", FAMILY,
    ],
)  # fmt: skip
def test_names_of_every_script_leave_ink(name: str) -> None:
    line = text_line(name, 40, bold=True)

    assert line.missing == 0
    assert drawn(line).getbbox() is not None


def test_emoji_have_colours() -> None:
    red, green, _ = (part.tobytes() for part in drawn(text_line("❤️", 60, bold=True)).split())

    assert max(red) > max(green) + 80


def test_a_character_that_no_font_has_is_seen_as_one() -> None:
    line = text_line("\U00012000a", 40, bold=True)

    assert line.missing == 1
    assert numbers(line) == numbers(text_line(f"{MISSING}a", 40, bold=True))


def test_a_long_line_is_cut_between_characters_and_never_wider() -> None:
    line = text_line(FAMILY * 30, 40, bold=True, width_max=300)

    assert line.width <= 300
    family = numbers(text_line(FAMILY, 40, bold=True))
    assert numbers(line)[:-1] == family * (len(line.glyphs) - 1)


def test_marks_that_are_piled_up_stay_in_their_line() -> None:
    sheet = Image.new("RGB", (200, 400))
    text_line("Z" + "\u0301\u0323" * 40, 40, bold=True).draw(sheet, 20, 200, (255,) * 3)

    box = sheet.getbbox()
    assert box is not None
    assert box[1] >= 200 - 50
    assert box[3] <= 200 + 20


@given(st.text(max_size=200), st.integers(10, 400))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_drawn(text: str, width: int) -> None:
    line = text_line(one_line(text), 32, bold=True, width_max=width)

    assert line.width <= max(width, 32)
    drawn(line)


def test_the_fonts_are_small_and_come_with_their_licence() -> None:
    fonts = [file for file in FOLDER.iterdir() if file.suffix in (".ttf", ".otf")]

    assert sum(file.stat().st_size for file in fonts) < FONTS_BYTES_MAX
    assert "SIL OPEN FONT LICENSE" in (FOLDER / "OFL.txt").read_text()
    for file in fonts:
        assert font(file.name).face.glyph_count > 1
    assert font_for("a", bold=True, before=None) == "NotoSans-Bold.ttf"


def test_texts_are_drawn_where_the_machine_has_no_library_and_no_font(checkout: Path) -> None:
    # The process opens nothing but what pip installed and what lies in the checkout.
    watch = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(args[0])"
        " if event in ('open', 'ctypes.dlopen') else None)\n"
        "from PIL import Image\n"
        "from bots.cards.text_lines import text_line\n"
        "line = text_line('محمد क्ष 桜 ❤️', 40, bold=True)\n"
        "line.draw(Image.new('RGB', (400, 100)), 0, 60, (1, 2, 3))\n"
        "named = [str(one) for one in opened if isinstance(one, (str, bytes))]\n"
        "maps = open('/proc/self/maps').read() if sys.platform == 'linux' else ''\n"
        "assert 'fribidi' not in maps and 'raqm' not in maps, maps\n"
        "assert not [one for one in named if '/share/fonts' in one or 'fontconfig' in one], named\n"
        "assert line.missing == 0\n"
    )
    subprocess.run([sys.executable, "-c", watch], cwd=checkout, check=True)
