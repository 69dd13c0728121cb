"""A bot written with telegraf, for Node, runs on the local Telegram."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.node_programs import install
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.nightly]

ALICE = 1001
TELEGRAF = "telegraf@4.16.3"


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """The bot, beside the package that it needs."""
    into = tmp_path_factory.mktemp("node")
    folder = install(Path(__file__).with_name("telegraf"), into, npm=("install", TELEGRAF))
    return folder / "bot.mjs"


@pytest_asyncio.fixture(loop_scope="module")
async def telegraf_bot(telegram, seed, program) -> AsyncIterator[None]:
    settings = {"API_ROOT": telegram.api_base, "BOT_TOKEN": seed.telegram.token}
    process = await asyncio.create_subprocess_exec("node", program, env=os.environ | settings)
    yield
    process.terminate()
    await process.wait()


async def test_a_telegraf_bot_answers(telegraf_bot, telegram, transcript):
    async def answer(name):
        found = await transcript.wait_for(lambda call: call.name == name, timeout=PATIENCE_S)
        assert found.status == 200, found
        return found.response["result"]

    telegram.people.start(ALICE, "ref_1")
    welcome = await answer("sendMessage")
    assert welcome["text"] == "Welcome, Alice (ref_1)"
    telegram.click(ALICE, welcome["message_id"], ALICE, "again")
    assert (await answer("editMessageText"))["text"] == "Once more"
    await answer("answerCallbackQuery")
    telegram.say(ALICE, ALICE, "/card")
    picture = await answer("sendPhoto")
    assert (picture["caption"], picture["photo"][0]["width"]) == ("Your card", 1)
    telegram.say(ALICE, ALICE, "thanks")
    assert await answer("setMessageReaction") is True
