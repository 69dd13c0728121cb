"""One call shows all that a page needs, and every action of people has a route."""

import ast
import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sandbox import control as control_package
from sandbox.control import Control
from sandbox.discord_api import people as discord_people
from sandbox.telegram_api import Manner
from sandbox.telegram_api.errors import ApiError
from sandbox.telegram_api.methods.updates import GetUpdates, Polling
from sandbox.telegram_api.people import MemberActions
from sandbox.telegram_api.world import World
from tests.support.discord_sandbox import (
    ALICE,
    BORIS,
    GENERAL,
    HARBOUR,
    TOKEN,
    Bench,
    connected,
    discord,
    listening,
    new_bench,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, TELEGRAM_VERA, TELEGRAM_ALICE, TELEGRAM_BORIS, BOT = -1001000000001, 1000, 1001, 1002, 42
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
BUTTONS = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


@pytest_asyncio.fixture(loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    async with listening(new_bench()) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def look(telegram, bench) -> AsyncIterator[Any]:
    """`await look()` is the answer of GET /chats."""
    control = Control(telegram, bench.platform, bench.transcript, bench.faults)
    await control.start()
    async with aiohttp.ClientSession() as session:

        async def ask(query: str = "", *, status: int = 200) -> Any:
            async with session.get(f"{control.url}/chats{query}") as response:
                assert response.status == status
                return await response.json()

        yield ask
    await control.stop()


def chat(shown: Any, chat_id: int) -> Any:
    [found] = [one for one in shown["telegram"]["chats"] if one["id"] == chat_id]
    return found


def channel(shown: Any, channel_id: int) -> Any:
    [found] = [one for one in shown["discord"]["channels"] if one["id"] == str(channel_id)]
    return found


async def test_a_message_is_shown_with_who_reacted_and_with_its_buttons(telegram, call, look):
    await call("sendMessage", chat_id=GROUP, text="x", reply_markup=json.dumps(BUTTONS))
    telegram.react(GROUP, 1, TELEGRAM_ALICE, ["🔥"])
    telegram.react(GROUP, 1, TELEGRAM_BORIS, "👍")
    telegram.react(GROUP, 1, TELEGRAM_BORIS, None)
    await call("pinChatMessage", chat_id=GROUP, message_id=1)
    group = chat(await look(), GROUP)
    message = group["messages"][0]
    assert message["reply_markup"] == BUTTONS
    assert message["reactions"] == {str(TELEGRAM_ALICE): [{"type": "emoji", "emoji": "🔥"}]}


async def test_the_answer_to_a_pressed_button_is_shown(telegram, call, look):
    await call("sendMessage", chat_id=GROUP, text="x", reply_markup=json.dumps(BUTTONS))
    query = telegram.click(GROUP, 1, TELEGRAM_ALICE, "go")
    [press] = (await look())["telegram"]["presses"]
    assert (press["callback_query_id"], press["answered"]) == (query, False)
    await call("answerCallbackQuery", callback_query_id=query, text="Lower!", show_alert="true")
    [press] = (await look())["telegram"]["presses"]
    assert (press["user_id"], press["answered"]) == (TELEGRAM_ALICE, True)
    assert (press["text"], press["show_alert"]) == ("Lower!", True)


async def test_private_chats_are_shown_by_bot_with_their_keyboards(telegram, call, look):
    telegram.people.add_bot("Stranger", "stranger_bot", token="77:STRANGER")
    telegram.say(TELEGRAM_ALICE, TELEGRAM_ALICE, "ours")
    manner = Manner(bot_id=77)
    telegram.say(TELEGRAM_ALICE, TELEGRAM_ALICE, "theirs", manner=manner)
    keyboard = {"keyboard": [[{"text": "Help"}]]}
    markup = json.dumps(keyboard)
    await call("sendMessage", chat_id=TELEGRAM_ALICE, text="x", reply_markup=markup)
    telegram.people.react(TELEGRAM_ALICE, 1, TELEGRAM_ALICE, "👍", bot_id=77)
    chats = [one for one in (await look())["telegram"]["chats"] if one["type"] == "private"]
    reacted = {one["bot_id"]: bool(one["messages"][0]["reactions"]) for one in chats}
    assert reacted == {BOT: False, 77: True}
    texts = {one["bot_id"]: [each["text"] for each in one["messages"]] for one in chats}
    assert texts == {BOT: ["ours", "x"], 77: ["theirs"]}
    shown = {one["bot_id"]: one["keyboards"] for one in chats}
    assert shown == {BOT: {str(BOT): {"0": keyboard}}, 77: {}}


async def test_the_person_behind_an_anonymous_message_and_the_votes_are_shown(telegram, call, look):
    telegram.say(GROUP, TELEGRAM_VERA, "hello", anonymous=True)
    await call("sendPoll", chat_id=GROUP, question="q", options='["a", "b"]', is_anonymous="false")
    telegram.people.vote(GROUP, 2, TELEGRAM_ALICE, [1])
    [message, poll] = chat(await look(), GROUP)["messages"]
    assert message["author_id"] == TELEGRAM_VERA
    assert poll["votes"] == {str(TELEGRAM_ALICE): [1]}


async def test_only_the_latest_messages_are_shown_and_a_wrong_number_is_refused(telegram, look):
    for text in ("one", "two", "three"):
        telegram.say(GROUP, TELEGRAM_ALICE, text)
    messages = chat(await look("?messages=2"), GROUP)["messages"]
    assert [one["text"] for one in messages] == ["two", "three"]
    for query in ("?messages=0", "?messages=x", "?since=1"):
        assert (await look(query, status=400)).keys() == {"error"}


class Form(discord.ui.Modal, title="Form"):
    name: Any = discord.ui.TextInput(label="Name", custom_id="name")


async def whisper(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("psst", ephemeral=True)


async def form(interaction: discord.Interaction) -> None:
    await interaction.response.send_modal(Form(custom_id="form"))


async def test_discord_shows_reactions_ephemeral_answers_modals_and_voice(bench, look):
    people = bench.platform.people
    async with connected(bench) as bot:
        bot.tree.command(description="Whispers")(whisper)
        bot.tree.command(description="Asks")(form)
        await bot.tree.sync()
        said = people.say(GENERAL, ALICE, "hello")
        people.react(GENERAL, said, BORIS, "🔥")
        people.slash(GENERAL, ALICE, "whisper", {})
        people.slash(GENERAL, ALICE, "form", {})
        await bench.seen(CALLBACK, times=2)
        people.connect(ALICE, HARBOUR, self_mute=True)
        people.set_presence(BORIS, "idle", "Chess")
        shown = await look()
        [message, answer] = channel(shown, GENERAL)["messages"]
        assert message["reacted"] == {"🔥": [str(BORIS)]}
        assert (answer["content"], answer["visible_to"]) == ("psst", str(ALICE))
        [modal] = shown["discord"]["modals"]
        assert (modal["user_id"], modal["modal"]["custom_id"]) == (str(ALICE), "form")
        [state] = shown["discord"]["voice_states"]
        assert (state["user_id"], state["self_mute"]) == (str(ALICE), True)
        assert str(BORIS) in {one["user"]["id"] for one in shown["discord"]["presences"]}
        assert shown["last"] > 0
        people.submit(ALICE, "form", {"name": "Al"})
        assert (await look())["discord"]["modals"] == []


def actions_of(*kinds: type) -> set[str]:
    return {name for kind in kinds for name in dir(kind) if not name.startswith("_")}


async def test_every_action_of_people_is_reached_by_a_route():
    folder = Path(control_package.__file__).parent
    trees = await asyncio.to_thread(
        lambda: [ast.parse(path.read_text()) for path in sorted(folder.glob("*_routes.py"))]
    )
    used = {
        node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    actions = actions_of(MemberActions, discord_people.MemberActions, discord_people.OwnerActions)
    assert actions - used == set()


async def test_the_program_behind_each_bot_is_shown(telegram, bench, look, seed):
    bots = (await look())["telegram"]["bots"]
    assert [(one["token"], one["polls"]) for one in bots] == [(seed.telegram.token, False)]
    url = f"{telegram.api_base}/bot{seed.telegram.token}/getUpdates"
    headers = {"User-Agent": "Python/3.11 aiogram/3.0" + "x" * 1_000}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url):
        [bot] = (await look())["telegram"]["bots"]
    assert bot["client"].startswith("Python/3.11 aiogram/3.0x")
    assert len(bot["client"]) == 200
    # Between two polls it is there, too.
    assert (bot["polls"], bot["conflict"]) == (True, False)
    [away] = (await look())["discord"]["bots"]
    assert away["sessions"] == []
    async with connected(bench):
        [there] = (await look())["discord"]["bots"]
    assert there["token"] == seed.discord.token
    assert there["sessions"] == [{"client": "discord.py", "shard": [0, 1]}]


async def test_a_program_that_no_longer_polls_and_a_conflict_are_forgotten_after_seconds(seed):
    now = 100.0
    poll = Polling(World(seed.telegram), lambda: now)
    assert poll.client() == {"client": "", "polls": False, "conflict": False}
    first = asyncio.create_task(poll.get_updates(GetUpdates(timeout=30), "one"))
    await asyncio.sleep(0)
    second = asyncio.create_task(poll.get_updates(GetUpdates(timeout=30), "two"))
    with pytest.raises(ApiError):
        await first
    assert poll.client() == {"client": "two", "polls": True, "conflict": True}
    second.cancel()
    await asyncio.wait({second})
    now += 5
    assert poll.client() == {"client": "two", "polls": False, "conflict": True}
    now += 15
    assert poll.client() == {"client": "two", "polls": False, "conflict": False}


async def test_a_program_that_lost_its_connection_is_not_there(bench, look):
    identify = {"token": TOKEN, "intents": 0, "properties": {"$browser": "x" * 1_000}}
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"{bench.platform.gateway_url}?v=10&encoding=json")
        await socket.send_json({"op": 2, "d": identify})
        while (await socket.receive_json())["t"] != "READY":
            pass
        [bot] = (await look())["discord"]["bots"]
        assert bot["sessions"] == [{"client": "x" * 200, "shard": [0, 1]}]
        # Any other code than that of a proper end, so that the session may be resumed.
        await socket.close(code=4000)
    [bot] = (await look())["discord"]["bots"]
    assert len(list(bench.platform.gateway._sessions)) == 1
    assert bot["sessions"] == []
