import io
import json
import logging
import re
import sys

import pytest
import structlog

from config import set_up_logs
from config.logs import span


@pytest.fixture(autouse=True)
def _as_before():
    """Logging is one for the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("twinstream")
    before = root.handlers, root.level, ours.level
    yield
    root.handlers, root.level, ours.level = before
    structlog.reset_defaults()


def logged(monkeypatch: pytest.MonkeyPatch, style: str, event: str, **values: object) -> str:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    set_up_logs(style=style)
    structlog.get_logger("twinstream.consumers").info(event, **values)
    return output.getvalue()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.02, "20 ms"),
        (1.0, "1 s"),
        (1.5, "1.5 s"),
        (60, "1 min"),
        (90, "90 s"),
        (900, "15 min"),
        (3_600, "1 h"),
        (86_400, "24 h"),
        (30 * 86_400.0, "30 days"),
        (0, "0 ms"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert span(seconds) == said


def test_at_a_terminal_a_role_says_its_interval_batch_and_retention_in_words(monkeypatch):
    line = logged(
        monkeypatch,
        "console",
        "role.started",
        role="cleanup",
        interval_s=86_400,
        batch=5_000,
        retention_s=30 * 86_400.0,
        claim_idle_ms=30_000,
    )
    plain = re.sub(r"\x1b\[\d*m", "", line)

    places = [plain.index(text) for text in ("role=cleanup", "interval='24 h'", "batch=5000")]
    assert places == sorted(places)
    assert "retention='30 days'" in plain
    assert "claim_idle='30 s'" in plain


def test_machines_read_numbers(monkeypatch):
    line = json.loads(logged(monkeypatch, "json", "role.started", interval_s=900.0, batch=500))

    assert (line["interval_s"], line["batch"]) == (900.0, 500)


def test_other_lines_stay_as_they_are(monkeypatch):
    assert "retry_s" in logged(monkeypatch, "console", "role.delayed", retry_s=0.1)


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_shows_no_local_variables(monkeypatch, style):
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    set_up_logs(style=style)

    def connect(address: str) -> None:
        raise ConnectionRefusedError("nobody listens")

    try:
        connect("postgresql://twinstream:" + "secret" + "@db/twinstream")
    except ConnectionRefusedError:
        logging.getLogger("asyncpg").warning("could not connect", exc_info=True)

    assert "nobody listens" in output.getvalue()
    assert "twinstream:secret" not in output.getvalue()
