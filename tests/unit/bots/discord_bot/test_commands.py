"""Slash commands as Discord gets them, made from the rooms' descriptions."""

import warnings
from typing import Any

import pytest

from bots.features.command import Command, MemberParameter, NumberParameter, TextParameter
from bots.features.room import Room
from bots.runtime.room_services import Services
from tests.support.bot_texts import COMMUNITY, DISCORD, LANGUAGES

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

    from bots.discord_bot.commands import Tree

INTEGER, STRING, USER = 4, 3, 6


async def published(parameter) -> list[dict[str, object]]:
    """Return the options of a command with this parameter."""

    async def handler(question):
        raise AssertionError("no member sends it here")

    command = Command(name="any", description="Any", handler=handler, parameter=parameter)
    unused: Any = None
    services = Services(
        platform="discord",
        database=unused,
        producer=unused,
        earnings=unused,
        mark=DISCORD,
        languages=LANGUAGES,
        community=COMMUNITY,
    )
    client = discord.Client(intents=discord.Intents.none())
    tree = Tree(client, services, [Room(commands=(command,))])
    [one] = tree.get_commands(guild=discord.Object(COMMUNITY.discord.guild_id))
    return one.to_dict(tree)["options"]


@pytest.mark.parametrize(
    ("parameter", "option"),
    [
        (
            NumberParameter(name="number", hint="How many", least=1, most=10),
            {"type": INTEGER, "min_value": 1, "max_value": 10},
        ),
        (TextParameter(name="code", hint="How many"), {"type": STRING}),
        (
            MemberParameter(name="member", hint="How many", refuse=lambda texts: "no"),
            {"type": USER},
        ),
    ],
    ids=["number", "text", "member"],
)
async def test_a_parameter_becomes_an_option_that_may_be_left_out(parameter, option):
    assert await published(parameter) == [
        {"name": parameter.name, "description": "How many", "required": False, **option}
    ]


async def test_a_command_without_a_parameter_has_no_option():
    assert await published(None) == []
