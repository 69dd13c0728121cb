"""The real discord.js on the sandbox, as docs/sandbox-discord.md says how to point it there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.discord_sandbox import ALICE, BORIS, GENERAL, HARBOUR, TOKEN, Bench
from tests.support.node_programs import install
from tests.support.patience import PATIENCE_S
from tests.support.processes import environment

pytest_plugins = ["tests.support.discord_sandbox"]
# The packages come over the network.
pytestmark = pytest.mark.nightly

CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bot, beside the packages that its lock file names."""
    into = tmp_path_factory.mktemp("node")
    return install(Path(__file__).with_name("discord_js"), into) / "bot.js"


@pytest.fixture
async def lines(bench: Bench, program: Path) -> AsyncIterator[asyncio.StreamReader]:
    """The lines that the bot prints; it has begun."""
    api = bench.platform.api_base.removesuffix("/v10")
    process = await asyncio.create_subprocess_exec(
        "node",
        str(program),
        env=environment(DISCORD_API=api, DISCORD_TOKEN=TOKEN),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert await line_of(process.stdout) == "ready"
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def line_of(lines: asyncio.StreamReader) -> str:
    return (await asyncio.wait_for(lines.readline(), PATIENCE_S)).decode().strip()


def latest(bench: Bench) -> dict[str, Any]:
    message: dict[str, Any] = bench.platform.world()["messages"][-1]
    return message


async def test_a_bot_of_discord_js_answers_commands_buttons_modals_and_selects(bench, lines):
    bench.platform.slash(GENERAL, ALICE, "hello")
    await bench.seen(CALLBACK)
    message = latest(bench)
    assert (message["content"], message["attachments"][0]["size"]) == ("hello", 2)
    bench.platform.click(GENERAL, int(message["id"]), ALICE, "ask")
    await bench.seen(CALLBACK, times=2)
    bench.platform.people.submit(ALICE, "form", {"name": "Al"})
    await bench.seen(CALLBACK, times=3)
    assert latest(bench)["content"] == "hello, Al"
    bench.platform.click(GENERAL, int(message["id"]), ALICE, "friend", [BORIS])
    await bench.seen(CALLBACK, times=4)
    assert bench.platform.world()["messages"][-2]["content"] == "boris"
    assert [call for call in bench.transcript.calls() if call.status >= 400] == []


async def test_a_bot_of_discord_js_hears_messages_and_voice_channels(bench, lines):
    bench.platform.say(GENERAL, ALICE, "ping")
    await bench.seen("POST /channels/{channel_id}/messages")
    said = bench.platform.world()["messages"]
    assert [one["content"] for one in said] == ["ping", "pong"]
    assert said[0]["reactions"][0]["me"]
    bench.platform.people.connect(ALICE, HARBOUR)
    assert await line_of(lines) == f"voice {HARBOUR}"
