"""The pages about the local Telegram name every route and every method, and their examples work."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiogram.methods
import aiohttp
import pytest
import pytest_asyncio
from aiogram.methods.base import TelegramMethod

from sandbox.control import Control
from sandbox.control.telegram_routes import TelegramRoutes
from sandbox.discord_api import DiscordPlatform
from sandbox.telegram_api.methods.coverage import OUT_OF_SCOPE
from sandbox.telegram_api.methods.table import METHODS
from sandbox.telegram_api.world.deliveries import NEVER_SENT

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROW = re.compile(r"^\| `(?P<path>/telegram/[\w/]+)` \| .+ \| `(?P<body>\{.*\})` \|$", re.MULTILINE)
METHOD = re.compile(r"^\| `(?P<name>\w+)` \| (?P<says>.+) \|$", re.MULTILINE)
GROUP, ALICE = -1001000000001, 1001


def routes() -> list[tuple[str, str]]:
    return [(row["path"], row["body"]) for row in ROW.finditer((DOCS / "sandbox.md").read_text())]


@pytest_asyncio.fixture(loop_scope="module")
async def control(telegram, seed, transcript, faults) -> AsyncIterator[Control]:
    discord = DiscordPlatform(seed, transcript, faults)
    found = Control(telegram, discord, transcript, faults)
    await found.start()
    yield found
    await found.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def sent(telegram, call) -> None:
    """The messages that the examples name."""
    telegram.say(GROUP, ALICE, "hello")
    inline: list[list[dict[str, Any]]] = [
        [{"text": "Again", "callback_data": "again"}],
        [{"text": "Code", "copy_text": {"text": "7K2"}}],
    ]
    markups: list[dict[str, Any]] = [{"inline_keyboard": inline}, {"keyboard": [["Help"]]}]
    for markup in markups:
        await call("sendMessage", chat_id=GROUP, text="x", reply_markup=json.dumps(markup))
    await call("sendPoll", chat_id=GROUP, question="q", options='["a", "b"]')
    telegram.people.set_forum()
    assert telegram.people.open_topic("News") == 5


async def test_every_route_has_a_row(telegram):
    assert [path for path, _ in routes()] == [r.path for r in TelegramRoutes(telegram).all()]


async def test_every_example_works(control, sent, telegram):
    before = json.dumps(telegram.dump(), default=bytes.decode)
    async with aiohttp.ClientSession() as session:
        for path, body in routes():
            telegram.load(json.loads(before))
            async with session.post(control.url + path, json=json.loads(body)) as response:
                assert response.status == 200, (path, await response.text())


async def test_an_uploaded_file_is_read_through_the_control_interface(control, call):
    body = await call("sendDocument", chat_id=GROUP, document=b"hello")
    file_id = body["result"]["document"]["file_id"]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{control.url}/telegram/files/{file_id}") as response:
            assert await response.read() == b"hello"
        async with session.get(f"{control.url}/telegram/files/none") as response:
            assert (response.status, await response.json()) == (
                400,
                {"error": "there is no file 'none'"},
            )


def names_of_aiogram() -> set[str]:
    kinds = [getattr(aiogram.methods, name) for name in aiogram.methods.__all__]
    return {
        kind.__api_method__
        for kind in kinds
        if issubclass(kind, TelegramMethod) and kind is not TelegramMethod
    }


async def test_every_method_of_aiogram_is_imitated_or_refused_with_a_reason(call):
    assert METHODS.keys() | OUT_OF_SCOPE.keys() == names_of_aiogram()
    assert not METHODS.keys() & OUT_OF_SCOPE.keys()
    refused = await call("SendInvoice")
    assert refused["description"] == (
        "Not Found: the sandbox does not imitate 'sendInvoice' (payments and stars)"
    )


async def test_the_page_says_of_every_method_whether_it_is_imitated():
    page = (DOCS / "sandbox-telegram.md").read_text()
    listed = {row["name"]: row["says"] for row in METHOD.finditer(page)}
    expected = dict.fromkeys(METHODS, "imitated") | {
        name: f"no: {reason}" for name, reason in OUT_OF_SCOPE.items()
    }
    for name in ("close", "logOut"):
        expected[name] = "refused, as Telegram does for a bot that polls"
    assert listed == dict(sorted(expected.items()))
    assert f"{len(METHODS)} of {len(METHODS) + len(OUT_OF_SCOPE)}" in page


async def test_the_page_names_every_update_that_never_comes():
    page = (DOCS / "sandbox-telegram.md").read_text()
    sentence = page.partition("These updates never come by themselves:")[2].partition(".")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == NEVER_SENT
