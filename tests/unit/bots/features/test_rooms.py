"""Rules for every room, so that a new one is complete and reaches both bots."""

import ast
import importlib
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bots.features.command import Asker, Command, Question
from bots.features.room import Room, commands_of
from bots.runtime.room_services import Services
from bots.telegram_bot.rooms import open_rooms as open_telegram_rooms
from bus import Source
from db import StorageUnavailable
from tests.support.bot_texts import COMMUNITY, ENGLISH, LANGUAGES, TELEGRAM

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from bots.discord_bot.rooms import open_rooms as open_discord_rooms

BOTS = Path(__file__).parents[4] / "bots"
ROOMS = sorted(path.parent.name for path in (BOTS / "features").glob("*/room.py"))
OPENERS = {"telegram": open_telegram_rooms, "discord": open_discord_rooms}


def opened(platform: Source) -> list[Room]:
    database: Any = SimpleNamespace(platform=platform)
    producer: Any = None
    services = Services(
        platform=platform,
        database=database,
        producer=producer,
        earnings=producer,
        mark=TELEGRAM,
        languages=LANGUAGES,
        community=COMMUNITY,
    )
    return OPENERS[platform](services)


def commands(platform: Source) -> list[Command]:
    return commands_of(opened(platform))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_owns_and_can_be_opened(room):
    package = importlib.import_module(f"bots.features.{room}")

    assert package.__doc__
    assert "From outside" in package.__doc__
    assert callable(package.open_room)


@pytest.mark.parametrize("bot", ["telegram_bot", "discord_bot"])
def test_each_bot_opens_every_room(bot):
    tree = ast.parse((BOTS / bot / "rooms.py").read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for name in [node.module.rpartition(".")[2], *(alias.name for alias in node.names)]
    }

    assert set(ROOMS) - imported == set()


@pytest.mark.parametrize("platform", OPENERS)
def test_no_two_commands_have_the_same_name(platform):
    names = [
        name.casefold()
        for command in commands(platform)
        for name in (command.name, *command.aliases)
    ]

    assert len(names) == len(set(names))
    assert names


@pytest.mark.parametrize("platform", OPENERS)
@pytest.mark.parametrize("texts", list(LANGUAGES), ids=lambda texts: texts.language)
async def test_help_lists_the_commands_of_the_menu(platform, texts):
    [help_] = [command for command in commands(platform) if command.name == "help"]

    answer = await help_.run(Question(Asker(1, "Alice", texts), None, "1"))

    listed = [line.split()[0] for line in answer.text.splitlines()[1:]]
    assert listed == [f"/{command.name}" for command in commands(platform) if command.is_in_menu]
    assert "/start" not in listed


async def test_a_command_says_so_while_postgres_is_unavailable():
    async def handler(question):
        raise StorageUnavailable("away")

    command = Command(name="any", description="Any", handler=handler)
    answer = await command.run(Question(Asker(1, "Alice", ENGLISH), None, "1"))

    assert answer.text.startswith("I cannot reach my records right now.")
