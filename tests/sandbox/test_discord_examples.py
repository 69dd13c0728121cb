"""Bots in the style of discord.py's examples run on the sandbox as they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sandbox.discord_api import Upload
from tests.sandbox.discord_examples import example_bot
from tests.support.discord_sandbox import ALICE, GENERAL, HARBOUR, Bench, connected
from tests.support.settling import until

pytest_plugins = ["tests.support.discord_sandbox"]

CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"


@asynccontextmanager
async def examples(bench: Bench) -> AsyncIterator[Any]:
    async with connected(bench, example_bot(guild_ready_timeout=0.02)) as bot:
        await bot.tree.sync()
        yield bot


async def written(bench: Bench, content: str) -> dict[str, Any]:
    """The newest message with this text, once it is there."""

    def found() -> list[dict[str, Any]]:
        return [one for one in bench.platform.world()["messages"] if one["content"] == content]

    async def there() -> bool:
        return bool(found())

    await until(there, what=content)
    return found()[-1]


async def test_buttons_confirm_and_count(bench):
    async with examples(bench):
        bench.platform.say(GENERAL, ALICE, "!ask")
        question = await written(bench, "Do you want to continue?")
        bench.platform.click(GENERAL, int(question["id"]), ALICE, "yes")
        assert (await written(bench, "Confirming"))["flags"] & 64
        await written(bench, "Confirmed")
        bench.platform.say(GENERAL, ALICE, "!counter")
        counter = int((await written(bench, "Press!"))["id"])
        for number in range(1, 6):
            bench.platform.click(GENERAL, counter, ALICE, "count")

            async def counted(label: str = str(number)) -> bool:
                shown = await written(bench, "Press!")
                return bool(shown["components"][0]["components"][0]["label"] == label)

            await until(counted, what=f"the label {number}")
        (button,) = (await written(bench, "Press!"))["components"][0]["components"]
        assert (button["disabled"], button["style"]) == (True, 3)


async def test_a_dropdown_a_modal_and_a_hybrid_command(bench):
    async with examples(bench):
        bench.platform.say(GENERAL, ALICE, "!colour")
        menu = int((await written(bench, "Pick your colour:"))["id"])
        bench.platform.click(GENERAL, menu, ALICE, "colour", ["Blue"])
        await written(bench, "Your colour is Blue")
        made = bench.platform.slash(GENERAL, ALICE, "feedback")
        assert made
        await bench.seen(
            "POST /interactions/{interaction_id}/{interaction_token}/callback", times=2
        )
        bench.platform.people.submit(ALICE, "form", {"name": "Al"})
        await written(bench, "Thanks, Al!")
        bench.platform.slash(GENERAL, ALICE, "hello")
        assert (await written(bench, f"Hello <@{ALICE}>"))["interaction_metadata"][
            "name"
        ] == "hello"
        bench.platform.say(GENERAL, ALICE, "!hello")


async def test_files_and_voice_channels(bench):
    async with examples(bench):
        files = [Upload("a.txt", b"12345"), Upload("b.txt", b"")]
        bench.platform.people.say(GENERAL, ALICE, "!size", files=files)
        answer = await written(bench, "[5, 0]")
        assert answer["attachments"][0]["filename"] == "answer.txt"
        assert answer["referenced_message"]["content"] == "!size"
        bench.platform.people.connect(ALICE, HARBOUR)
        await written(bench, "Alice joined Harbour")
