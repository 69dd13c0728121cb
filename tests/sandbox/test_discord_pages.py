"""The pages about the local Discord: each control route has an example that works, and the table of
discord.py's routes says what the code does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.control.discord_routes import DiscordRoutes
from sandbox.control.request_bodies import request_from
from sandbox.discord_api import Upload
from sandbox.discord_api.rest import ROUTES
from tests.support.discord_library import library_routes, shape
from tests.support.discord_sandbox import ALICE, GENERAL, Bench, connected, discord

pytest_plugins = ["tests.support.discord_sandbox"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = re.compile(r"^\| `(?P<path>/discord/\w+)` \| .+ \| `(?P<body>\{.*\})` \|$", re.MULTILINE)
ROW = re.compile(
    r"^\| `(?P<route>[A-Z]+ /[^`]+)` \| (?P<state>imitated|refused|out of scope) \| (?P<why>.*)\|$",
    re.MULTILINE,
)
COUNTS = re.compile(
    r"Of the (\d+) routes that discord\.py [\d.]+ calls, (\d+) are imitated, (\d+) refused because"
    r" no bot here has needed them, and (\d+) out of scope\."
)
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"


def examples() -> list[tuple[str, str]]:
    text = (DOCS / "sandbox.md").read_text()
    return [(row["path"], row["body"]) for row in EXAMPLE.finditer(text)]


def listed_routes() -> dict[str, tuple[str, str]]:
    text = (DOCS / "sandbox-discord.md").read_text()
    return {row["route"]: (row["state"], row["why"].strip()) for row in ROW.finditer(text)}


def test_every_control_route_has_one_row(bench):
    assert [path for path, _ in examples()] == [
        one.path for one in DiscordRoutes(bench.platform).all()
    ]


async def prepared(bench: Bench, bot: Any) -> dict[str, str]:
    """The ids for which the small numbers in the examples stand."""

    class Form(discord.ui.Modal, title="Form"):
        name: Any = discord.ui.TextInput(label="Name", custom_id="name")

    async def buy(interaction: discord.Interaction, fruit: str) -> None:
        await interaction.response.send_modal(Form(custom_id="form"))

    async def fruits(_: discord.Interaction, current: str) -> list[Any]:
        return [discord.app_commands.Choice(name="apple", value="apple")]

    async def greet(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message("Hello")

    shop = discord.app_commands.Group(name="shop", description="Shop")
    shop.command(name="buy", description="Buys")(buy).autocomplete("fruit")(fruits)
    bot.tree.add_command(shop)
    bot.tree.add_command(discord.app_commands.ContextMenu(name="Greet", callback=greet))
    await bot.tree.sync()
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.UserSelect(custom_id="friend"))
    people = bench.platform.people
    said = people.say(GENERAL, ALICE, "hello", files=[Upload("notes.txt", b"hi")])
    people.slash(GENERAL, ALICE, "shop buy", {"fruit": "apple"})
    await bench.seen(CALLBACK)
    typing = people.slash(GENERAL, ALICE, "shop buy", {"fruit": "a"}, focused="fruit")
    await bench.seen(CALLBACK, times=2)
    (message,) = [one for one in bench.platform.world()["messages"] if one["id"] == str(said)]
    return {
        "1": str(said),
        "2": str((await bot.get_channel(GENERAL).send(view=view)).id),
        "3": str(people.start_thread(GENERAL, ALICE, "Talk")),
        "4": str(typing),
        "5": message["attachments"][0]["id"],
    }


@pytest.mark.parametrize(("path", "body"), examples())
async def test_every_example_works(bench, path, body):
    async with connected(bench) as bot:
        ids = await prepared(bench, bot)
        asked = {
            name: ids.get(value, value) if isinstance(value, str) else value
            for name, value in json.loads(body).items()
        }
        routes = {route.path: route for route in DiscordRoutes(bench.platform).all()}
        route = routes[path]
        answer = route.act(request_from(json.dumps(asked).encode(), route.body))
        assert json.dumps(answer)


def imitated(name: str) -> bool:
    """Whether a route of ours answers this one of the library, whose path may be narrower."""
    method, path = shape(name).replace("{}", "1").split(" ", 1)
    for route in ROUTES:
        pattern = re.sub(r"\{[^}]*\}", "[^/]+", route.template)
        if route.method == method and re.fullmatch(pattern, path):
            return True
    return False


def test_the_page_says_of_every_route_of_the_library_what_becomes_of_it():
    listed = listed_routes()
    assert sorted(listed) == sorted(library_routes().values())
    wrong = [name for name, (state, _) in listed.items() if (state == "imitated") != imitated(name)]
    assert wrong == []
    unexplained = [
        name for name, (state, why) in listed.items() if (state == "imitated") == bool(why)
    ]
    assert unexplained == []


def test_the_page_counts_its_rows():
    found = COUNTS.search((DOCS / "sandbox-discord.md").read_text())
    assert found is not None
    states = [state for state, _ in listed_routes().values()]
    counted = [len(states), *map(states.count, ("imitated", "refused", "out of scope"))]
    assert [int(one) for one in found.groups()] == counted
