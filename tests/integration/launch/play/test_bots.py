"""The panel of own bots: our processes are stopped and started, and the board says how they are."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from launch.play.board import Board
from launch.play.bots import open_bots
from launch.play.panels import DeedRefused, Panel, Stage
from launch.processes import Crew, Module
from launch.sandbox_runner import Endpoints, RunningSandbox
from launch.workspace import Workspace
from tests.support.settling import until

#: A process takes a moment to end, as a bot does that finishes what it has begun.
WAITS = """import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), sys.exit()))
print("ready", flush=True)
signal.pause()
"""
ENDPOINTS = dict.fromkeys(Endpoints.__struct_fields__, "") | {
    "telegram": {"bot_id": 42},
    "discord": {"application_id": 800},
}
TELEGRAM = {"platform": "telegram"}


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    """Two processes in place of our bots."""
    (tmp_path / "waits.py").write_text(WAITS)
    crew = Crew(
        os.environ | {"PYTHONPATH": str(tmp_path)},
        roster=tmp_path / "roster.json",
        log_folder=tmp_path,
    )
    for name, label in (("TELEGRAM_BOT", "telegram-bot"), ("DISCORD_BOT", "discord-bot")):
        module = Module(label, "waits")
        monkeypatch.setattr(f"launch.play.bots.panel.{name}", module)
        crew.start(module)
    yield crew
    crew.stop()


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def panel(crew: Crew, board: Board, tmp_path: Path) -> Panel:
    sandboxed = RunningSandbox(msgspec.convert(ENDPOINTS, Endpoints), crew, crew)
    return open_bots(Stage(board, Workspace(tmp_path, "", "", (), {}), sandboxed, print))


def states(board: Board) -> dict[str, Any]:
    _, event = board.after(None)
    told = json.loads(event.decode().split("data: ", 1)[1])["set"]
    return {key.rpartition("/")[2]: (one["bot_id"], one["state"]) for key, one in told.items()}


async def test_a_bot_is_stopped_and_started_again(panel, crew, board):
    watching = asyncio.create_task(panel.watch())
    stopping = asyncio.create_task(panel.deeds["stop"](TELEGRAM))
    await asyncio.sleep(0)
    assert states(board)["telegram"] == ("42", "stopping")
    with pytest.raises(DeedRefused, match="stopped already"):
        await panel.deeds["stop"](TELEGRAM)
    await stopping
    assert states(board) == {"telegram": ("42", "stopped"), "discord": ("800", "runs")}
    assert not crew.is_running("telegram-bot")
    await panel.deeds["start"](TELEGRAM)
    assert states(board)["telegram"] == ("42", "runs")
    assert crew.is_running("telegram-bot")
    with pytest.raises(DeedRefused, match="runs already"):
        await panel.deeds["start"](TELEGRAM)
    watching.cancel()


async def test_a_page_that_is_closed_meanwhile_leaves_no_process_behind(panel, crew, board):
    async def ready() -> bool:
        return "ready" in crew.log_of("telegram-bot").read_text()

    await until(ready, what="the process")
    stopping = asyncio.create_task(panel.deeds["stop"](TELEGRAM))
    await asyncio.sleep(0.01)
    stopping.cancel()
    await asyncio.wait({stopping})
    assert states(board)["telegram"] == ("42", "stopping")

    async def stopped() -> bool:
        return states(board)["telegram"] == ("42", "stopped")

    await until(stopped, what="the end of the process")
    await panel.deeds["start"](TELEGRAM)
    assert crew.is_running("telegram-bot")


async def test_a_process_that_ended_by_itself_is_away(panel, crew, board):
    watching = asyncio.create_task(panel.watch())
    crew.kill("discord-bot")

    async def away() -> bool:
        return states(board).get("discord") == ("800", "away")

    await until(away, what="the look at the processes")
    watching.cancel()


@pytest.mark.parametrize("asked", [{}, {"platform": "irc"}, {"platform": ["telegram"]}])
async def test_another_platform_is_refused(panel, asked):
    for deed in ("stop", "start"):
        with pytest.raises(DeedRefused, match="`platform`"):
            await panel.deeds[deed](asked)
