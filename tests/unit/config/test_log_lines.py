"""Lines at a terminal: they fit, they begin with local time, and ids come before sentences."""

import os
import re
import time
from typing import Any, TextIO

import pytest

from config.log_lines import TerminalRenderer, short_line

LINE = {
    "timestamp": "2026-11-29T03:12:40.123456Z",
    "level": "info",
    "logger": "twinstream.consumers",
    "event": "entry.deferred",
    "why": "another program's transaction holds the member of this entry, so it waits " * 2,
    "stream": "sync:telegram",
    "entry_id": "1764385960123-0",
}


@pytest.fixture(autouse=True)
def _in_moscow(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Europe/Moscow")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_line_says_when_in_local_time_what_and_to_which_id_and_fits():
    told = short_line(LINE, width=79)

    assert told.startswith("06:12:40 entry.deferred stream=sync:telegram entry_id=1764385960123-0 ")
    assert told.endswith("...")
    assert len(told) == 79
    assert "\n" not in told


def test_a_warning_goes_on_below_because_its_remedy_is_in_its_end():
    told = short_line({**LINE, "level": "warning"}, width=79).splitlines()

    assert told[0].startswith("06:12:40 WARNING entry.deferred stream=sync:telegram entry_id=")
    assert all(len(line) <= 79 and line.startswith(" " * 9) for line in told[1:])
    assert " ".join(line.strip() for line in told).count("so it waits") == 2


def test_where_no_terminal_is_nothing_is_cut():
    told = short_line(LINE, width=None)

    assert "\n" not in told
    assert told.count("so it waits") == 2


def test_values_with_spaces_are_quoted_and_others_are_not():
    line = {"event": "role.started", "timestamp": "", "interval": "15 min", "batch": 500}

    assert short_line(line, width=79).strip() == "role.started interval='15 min' batch=500"


def test_a_traceback_stands_below_its_line():
    def show(target: TextIO, raised: Any) -> None:
        target.write(f"Traceback of {raised[1]}\n")

    renderer = TerminalRenderer(width=lambda: 79, coloured=True, show_traceback=show)
    told = renderer(None, "error", {**LINE, "level": "error", "exc_info": ValueError("no")})

    plain = re.sub(r"\x1b\[\d*m", "", told)
    assert plain != told
    assert plain.startswith("06:12:40 ERROR entry.deferred ")
    assert plain.splitlines()[-1] == "Traceback of no"
    assert os.linesep * 2 not in plain
