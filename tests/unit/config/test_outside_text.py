"""Text from outside at a terminal and in a log: whatever it holds, it is only shown."""

import io
import json
import logging
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from config import set_up_logs
from config.outside_text import tell, visible
from config.outside_text.terminal import Terminal, whole_table
from tests.support.unicode_categories import GENERAL_CATEGORIES

#: Every category of Unicode as often as any other: most characters are letters of one script.
CATEGORIES: list[Any] = list(GENERAL_CATEGORIES)
OUTSIDE = st.text(
    st.one_of([st.characters(categories=[category]) for category in CATEGORIES])
    | st.sampled_from("[]/\\:<>@\x1b\x9b\u202e\u2066\ufeff\u3164\n\r\t"),
    max_size=30,
)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")  # the colours that the renderer itself writes


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Logging is one for the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("twinstream")
    before = root.handlers, root.level, ours.level
    yield
    root.handlers, root.level, ours.level = before
    structlog.reset_defaults()


def unseen(text: str, *, but: str = "") -> set[str]:
    """Return the characters that a terminal would obey, or would not show."""
    return {
        mark
        for mark in set(text) - set(but)
        if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        or mark in "\u115f\u1160\u2800\u3164\uffa0"
    }


@given(OUTSIDE)
@example("\x1b]0;title\x07")
@example("\ud800")
def test_nothing_in_a_visible_text_acts_and_all_of_it_is_seen(text: str) -> None:
    shown = visible(text)

    assert not unseen(shown)
    assert visible(shown) == shown
    assert unseen(visible(text, lines=True), but="\n\t") == set()


def test_what_people_read_stays_as_it_is() -> None:
    for text in ("Мира 🎉", "naïve ★", "한글", "a\u3000b", "❤\ufe0f"):
        assert visible(text) == text
    assert visible("a\x1b[2Jb\u202e") == "a\\x1b[2Jb\\u202e"


def printed(show: Callable[[Terminal], None]) -> str:
    output = io.StringIO()
    show(Terminal(file=output, force_terminal=True, color_system="standard", width=400))
    return output.getvalue()


@given(OUTSIDE)
@example("[/x]")
@example("[red]:warning:")
@example("\x1b[2J\x9b2J")
def test_the_terminal_shows_any_text_as_it_is_written(text: str) -> None:
    def show(terminal: Terminal) -> None:
        table = Table("a", title=text)
        table.add_row(text)
        table.add_row(Text(text, style="red"))
        terminal.print(table)
        terminal.print(f"id {text}", soft_wrap=True)
        terminal.print(Text(text), soft_wrap=True)

    assert unseen(ESCAPES.sub("", printed(show)), but="\n") == set()


def test_markup_and_emoji_codes_are_no_more_than_text() -> None:
    shown = printed(lambda terminal: terminal.print("[/x] [bold]key[/bold] :warning:"))

    assert shown == "[/x] [bold]key[/bold] :warning:\n"


@pytest.mark.parametrize("style", ["console", "json"])
@given(text=OUTSIDE)
@example(text="\x1b[2J\x9b2J\u202e")
def test_a_log_line_shows_any_text_and_stays_one_line(style: str, text: str) -> None:
    output = io.StringIO()
    before, sys.stderr = sys.stderr, output
    try:
        set_up_logs(style=style)
        log = structlog.get_logger("twinstream.test")
        log.info("update.received", why=text, names=[text], kinds={text: text})
        logging.getLogger("asyncpg").warning("%s", text)
    finally:
        sys.stderr = before

    lines = ESCAPES.sub("", output.getvalue()).splitlines()
    assert len(lines) == 2
    assert not unseen("".join(lines))
    if style == "json":
        assert json.loads(lines[0])["why"] == visible(text)


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_shows_the_text_of_an_error(
    style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    set_up_logs(style=style)

    try:
        raise ValueError("\x1b[2J")
    except ValueError as error:
        logging.getLogger("asyncpg").warning("failed", exc_info=True)
        sys.excepthook(type(error), error, None)

    assert "x1b[2J" in output.getvalue()
    assert not unseen(ESCAPES.sub("", output.getvalue()), but="\n")


def test_the_last_words_of_a_process_are_visible(capsys: pytest.CaptureFixture[str]) -> None:
    tell(ValueError("first\nsecond \x1b[2J"))

    assert capsys.readouterr().err == "first\nsecond \\x1b[2J\n"


def test_a_table_that_is_too_wide_breaks_its_words_and_cuts_none():
    said = io.StringIO()
    key = "tg_achievement_unlocked_512345678_first_hundred_messages"
    table = whole_table("id", "idempotency key", "account", "reason")
    table.add_row("7", key, "512345678901234567", "the payload is not JSON: " * 5)

    Terminal(width=80, file=said).print(table)

    lines = [line for line in said.getvalue().splitlines() if "│" in line]
    columns = zip(*(line.strip("│").split("│") for line in lines), strict=True)
    _, keys, accounts, _ = ("".join(map(str.strip, column)) for column in columns)
    assert "…" not in said.getvalue()
    assert (key in keys, "512345678901234567" in accounts) == (True, True)
