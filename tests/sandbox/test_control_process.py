"""python -m sandbox as an operator starts it: ready line, control, state file, clean stop."""

import json
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.page_commands import commands, examples

CHECKOUT = Path(__file__).resolve().parents[2]
GROUP, ALICE = -1001000000001, 1001


@contextmanager
def sandbox(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def ask(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as response:
        return json.load(response)


def test_the_world_outlives_the_process(tmp_path):
    state = tmp_path / "state.json"
    with sandbox("--state", str(state), "--limit-scale", "0.1") as (process, ready):
        assert ready["telegram"]["chat_id"] == GROUP
        assert ready["discord"]["people"]["alice"] == "800000000000000101"
        tag = {"platform": "telegram", "action": "tag", "user_id": ALICE, "tag": "Pilot"}
        ask(f"{ready['control_url']}/members", tag)
        me = ask(f"{ready['telegram_api_base']}/bot{ready['telegram']['token']}/getMe")
        assert me["result"]["id"] == ready["telegram"]["bot_id"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out) == (0, "")
        assert "sandbox.stopped" in err
    with sandbox("--state", str(state)) as (process, ready):
        members = ask(f"{ready['control_url']}/world")["telegram"]["members"]
        assert {m["user_id"]: m["tag"] for m in members}[ALICE] == "Pilot"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_of_the_pages_are_answered(tmp_path):
    """Each line of curl on the pages of the sandbox and on the first page, in their order."""
    names = ("start.md", "ru/start.md", "sandbox.md", "sandbox-telegram.md")
    lines = [
        command
        for name in names
        for example in examples(CHECKOUT / "docs" / name)
        for command in commands(example)
        if command.startswith(("CONTROL=", "curl "))
    ]
    with sandbox() as (_, ready):
        (tmp_path / ".run").mkdir()
        (tmp_path / ".run/endpoints.json").write_text(json.dumps(ready), encoding="utf-8")
        script = "\n".join(f"{line}; echo" for line in lines if "json.tool" not in line)
        script = script.replace("curl -s ", "curl -sS -w ' %{http_code}' ")
        done = subprocess.run(
            ["sh", "-ec", script.replace("http://127.0.0.1:8090", ready["control_url"])],
            cwd=tmp_path,
            text=True,
            capture_output=True,
            check=False,
            timeout=50,
        )

    answers = [line for line in done.stdout.splitlines() if line]
    assert done.returncode == 0, done.stderr
    # No bot has synced its commands here.
    refused = [answer for answer in answers if not answer.endswith(" 200")]
    assert [line.partition(",")[0] for line in refused] == [
        '{"error":"the command /guess is not synced'
    ]
    assert len(answers) >= 10


def test_a_seed_that_cannot_be_used_stops_the_start(tmp_path):
    seed = tmp_path / "seed.json"
    seed.write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "--seed", str(seed)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "the seed seed.json cannot be used" in done.stderr
