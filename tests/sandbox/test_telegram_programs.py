"""aiogram's own example programs run on the sandbox, changed in nothing but token and address."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import Transcript
from sandbox.telegram_api import TelegramPlatform
from tests.support.example_programs import aiogram_examples, first_call, running
from tests.support.patience import PATIENCE_S

DOCS = Path(__file__).parents[2] / "docs"
GROUP, VERA, ALICE, BORIS = -1001000000001, 1000, 1001, 1002


class Stage:
    """A person who plays with one program."""

    def __init__(self, telegram: TelegramPlatform, transcript: Transcript) -> None:
        self.telegram = telegram
        self.people = telegram.people
        self._transcript = transcript
        self._seen = 0

    def say(self, text: str) -> int:
        """Alice writes to the bot in private."""
        return self.telegram.say(ALICE, ALICE, text)

    async def call(self, name: str) -> dict[str, Any]:
        """The parameters of the bot's next call of a method, and its result."""
        found = await self._transcript.wait_for(
            lambda call: call.name == name, timeout=PATIENCE_S, after=self._seen
        )
        self._seen = found.number
        assert found.status == 200, found
        asked: dict[str, Any] = found.request
        return asked | {"result": found.response["result"]}

    async def text(self) -> str:
        """The next text of the bot."""
        return str((await self.call("sendMessage"))["result"]["text"])

    def buttons(self, chat_id: int = ALICE) -> list[list[str]]:
        """The reply keyboard that Alice sees."""
        keyboard = self.people.reply_keyboard(chat_id, ALICE)
        return (
            []
            if keyboard is None
            else [[one["text"] for one in row] for row in keyboard["keyboard"]]
        )


async def echo(stage: Stage) -> None:
    stage.people.start(ALICE)
    greeting = (await stage.call("sendMessage"))["result"]
    assert (greeting["text"], greeting["entities"][0]["type"]) == ("Hello, Alice!", "bold")
    stage.say("a <b>text</b> as it is")
    assert await stage.text() == "a <b>text</b> as it is"
    stage.people.send(ALICE, ALICE, "photo", caption="look")
    assert (await stage.call("sendPhoto"))["result"]["caption"] == "look"
    stage.people.send(ALICE, ALICE, "voice")
    await stage.call("sendVoice")
    stage.people.send(ALICE, ALICE, "location", fields={"latitude": 1.5, "longitude": 2.5})
    await stage.call("sendLocation")


async def errors(stage: Stage) -> None:
    stage.people.start(ALICE)
    stage.say("/age 33")
    assert await stage.text() == "Your age is 33"
    stage.say("/age old")
    assert await stage.text() == "Error caught: InvalidAge('Age should be a number')"
    stage.say("/name")
    stage.say("/name Al")
    assert await stage.text() == "Your name is Al"


async def states(stage: Stage) -> None:
    stage.people.start(ALICE)
    assert await stage.text() == "Hi there! What's your name?"
    stage.say("Al & Co")
    assert (await stage.text()).startswith("Nice to meet you, Al & Co!")
    assert stage.buttons() == [["Yes", "No"]]
    stage.people.press(ALICE, ALICE, "Yes")
    assert (await stage.text()).startswith("Cool!")
    assert stage.buttons() == []
    stage.say("Python")
    assert (await stage.text()).startswith("Python, you say?")
    assert await stage.text() == (
        "I'll keep in mind that, Al & Co, you like to write bots with Python."
    )
    stage.people.start(ALICE)
    await stage.text()
    stage.say("/cancel")
    assert await stage.text() == "Cancelled."


async def quiz(stage: Stage) -> None:
    stage.people.start(ALICE)
    assert (await stage.text()).startswith("Hi! This is a quiz bot.")
    stage.say("/quiz")
    assert await stage.text() == "Welcome to the quiz!"
    for capital in ("Paris", "Madrid", "Berlin", "London"):
        assert (await stage.text()).startswith("What is the capital of")
        stage.people.press(ALICE, ALICE, capital)
    assert await stage.text() == "What is the capital of Italy?"
    assert stage.buttons() == [["Paris", "London"], ["Berlin", "Rome"], ["🔙 Back", "🚫 Exit"]]
    stage.people.press(ALICE, ALICE, "🔙 Back")
    assert await stage.text() == "What is the capital of England?"
    stage.people.press(ALICE, ALICE, "🚫 Exit")
    summary = await stage.text()
    assert "Correct: 4" in summary
    assert "Incorrect: 1" in summary


async def scenes(stage: Stage) -> None:
    stage.people.start(ALICE)
    assert (await stage.text()).startswith("Start demo?")
    assert stage.buttons() == [["Demo"]]
    stage.people.press(ALICE, ALICE, "Demo")
    assert await stage.text() == "Hi there! What's your name?"
    stage.say("Al")
    assert await stage.text() == "Nice to meet you, Al!"
    assert await stage.text() == "Did you like to write bots?"
    stage.people.press(ALICE, ALICE, "Yes")
    assert await stage.text() == "Cool! I'm too!"
    assert await stage.text() == "What language do you prefer?"
    assert stage.buttons() == [["🔙 Back", "❌ Cancel"]]
    stage.say("Python")
    assert (await stage.text()).startswith("Python, you say?")
    assert await stage.text() == ("I'll keep in mind that, Al, you like to write bots with Python.")
    assert stage.buttons() == []


async def updates(stage: Stage) -> None:
    stage.people.start(ALICE)
    greeting = (await stage.call("sendMessage"))["result"]
    stage.telegram.click(ALICE, greeting["message_id"], ALICE, "*")
    assert (await stage.call("answerCallbackQuery"))["text"] == "Yeah good, now I'm fine"
    said = stage.say("one")
    stage.people.edit(ALICE, said, ALICE, "two")
    assert await stage.text() == "Message was edited, Big Brother watches you"
    stage.people.kick(BORIS)
    assert await stage.text() == f"Member {VERA} was changed from member to kicked"
    stage.people.set_bot("member")
    assert await stage.text() == "This Bot`s status was changed from administrator to member"


async def one_message(stage: Stage) -> None:
    assert await stage.text() == "Hello, World!"


#: The play of a person with each program.
PLAYS: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "echo_bot.py": echo,
    "error_handling.py": errors,
    "finite_state_machine.py": states,
    "multi_file_bot/bot.py": echo,
    "quiz_scene.py": quiz,
    "scene.py": scenes,
    "specify_updates.py": updates,
    "without_dispatcher.py": one_message,
}
ARGUMENTS = {"without_dispatcher.py": ("--token", "{token}", "--chat-id", f"{GROUP}")}


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> Path:
    return aiogram_examples(tmp_path_factory.mktemp("aiogram"))


@pytest.mark.nightly
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", PLAYS)
async def test_a_program_of_aiogram_works_as_its_reader_expects(
    name, examples, telegram, transcript, seed, tmp_path
):
    token, output = seed.telegram.token, tmp_path / "output.txt"
    arguments = [one.format(token=token) for one in ARGUMENTS.get(name, ())]
    addresses = [telegram.api_base]
    async with running(
        "aiogram", addresses, examples / name, *arguments, output=output, token=token
    ) as process:
        await first_call(process, transcript, "sendMessage" if arguments else "getMe")
        await PLAYS[name](Stage(telegram, transcript))
        if arguments:
            assert await process.wait() == 0
    assert "Traceback" not in output.read_text()


def test_the_page_lists_the_programs_that_run():
    rows = re.findall(
        r"^\| `([\w/]+\.py)` \| (\w+)", (DOCS / "sandbox-telegram.md").read_text(), re.MULTILINE
    )
    assert [name for name, state in rows if state == "runs"] == list(PLAYS)
