"""discord.py's own example programs run on the sandbox, changed in nothing but ids and address."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sandbox import Faults, Transcript
from sandbox.discord_api import DiscordPlatform, Upload
from sandbox.seed_data import DiscordChannelSeed
from tests.support.discord_sandbox import (
    ALICE,
    BORIS,
    CLARA,
    GENERAL,
    GUILD,
    LUCKY,
    NEWCOMER,
    SEED,
    UNLIMITED,
    VERA,
    Bench,
    listening,
)
from tests.support.example_programs import discord_examples, filled_in, first_call, running
from tests.support.settling import until

DOCS = Path(__file__).parents[2] / "docs"
#: The token and the channel that the programs name.
TOKEN, CHANNEL = "token", 1234567
RIGHTS = (
    "VIEW_CHANNEL",
    "SEND_MESSAGES",
    "READ_MESSAGE_HISTORY",
    "EMBED_LINKS",
    "ADD_REACTIONS",
    "MANAGE_CHANNELS",
    "MANAGE_ROLES",
    "MODERATE_MEMBERS",
)
GUILD_ID, PLACE = f"id={GUILD}", f"{GENERAL}"
APP_GUILD = {"discord.Object(id=0)": f"discord.Object({GUILD_ID})"}
MODAL_GUILD = {"discord.Object(0)": f"discord.Object({GUILD_ID})"}
SUPPRESS_NOTIFICATIONS, EPHEMERAL = 1 << 12, 1 << 6


class Stage:
    """People who play with one program."""

    def __init__(self, bench: Bench, bot_id: int) -> None:
        self.platform = bench.platform
        self.people = bench.platform.people
        self.bot_id = bot_id

    @property
    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.platform.world()["messages"]
        return found

    def say(self, text: str, user_id: int = ALICE) -> int:
        return self.platform.say(GENERAL, user_id, text)

    def ask(self, text: str) -> int:
        """Alice mentions the bot."""
        return self.say(f"<@{self.bot_id}> {text}")

    def slash(self, command: str, **options: Any) -> None:
        self.people.slash(GENERAL, ALICE, command, options, bot_id=self.bot_id)

    async def seen(self, holds: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The newest message for which this holds, once there is one."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.messages if holds(one)]

        async def there() -> bool:
            return bool(found())

        await until(there, what=what)
        return found()[-1]

    async def written(self, pattern: str) -> dict[str, Any]:
        """The newest message of the bot whose whole text fits."""
        return await self.seen(
            lambda one: (
                one["author"]["id"] == str(self.bot_id)
                and re.fullmatch(pattern, one["content"], re.DOTALL) is not None
            ),
            pattern,
        )

    async def interface(self) -> dict[str, Any]:
        """The newest message of the bot that has components."""
        return await self.seen(lambda one: bool(one["components"]), "components")

    async def press(
        self, message: dict[str, Any], label: str, values: list[Any] | None = None
    ) -> None:
        """Alice presses what has this label, or uses the select with this placeholder."""
        shown = [one for one in self.messages if one["id"] == message["id"]][-1]
        part = next(
            one
            for one in _parts(shown["components"])
            if label in (one.get("label"), one.get("placeholder"))
        )
        self.platform.click(GENERAL, int(message["id"]), ALICE, part["custom_id"], values)

    async def modal(self, bench: Bench) -> dict[str, str]:
        """The custom ids of the fields of the modal that the bot showed last, by their labels."""
        shown = (await bench.seen(CALLBACK_OF_MODAL)).request["body"]
        assert shown["type"] == 9
        fields = {"": shown["data"]["custom_id"]}
        for one in shown["data"]["components"]:
            if one["type"] == 18:
                fields[one["label"]] = one["component"]["custom_id"]
            elif one["type"] == 1:
                fields[one["components"][0]["label"]] = one["components"][0]["custom_id"]
        return fields


CALLBACK_OF_MODAL = "POST /interactions/{interaction_id}/{interaction_token}/callback"
Play = Callable[[Stage, Bench], Awaitable[None]]


def _parts(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All components, those inside others too."""
    found = []
    for one in components:
        inner = [*one.get("components", ())]
        inner += [one["accessory"]] if "accessory" in one else []
        found += [one, *_parts(inner)]
    return found


async def basic_commands(stage: Stage, bench: Bench) -> None:
    stage.slash("hello")
    await stage.written(f"Hi, <@{ALICE}>")
    stage.slash("add", first_value=2, second_value=3)
    await stage.written(r"2 \+ 3 = 5")
    stage.slash("send", text="to all")
    await stage.written("to all")
    stage.slash("joined", member=BORIS)
    await stage.written(r"boris joined <t:\d+>")
    stage.people.use_menu(GENERAL, ALICE, "Show Join Date", BORIS, bot_id=stage.bot_id)
    await stage.written(r"boris joined at <t:\d+>")
    said = stage.say("rude words", BORIS)
    stage.people.use_menu(GENERAL, ALICE, "Report to Moderators", said, bot_id=stage.bot_id)
    report = await stage.seen(
        lambda one: bool(one["embeds"]) and one["embeds"][0].get("title") == "Reported Message",
        "the report",
    )
    assert report["embeds"][0]["description"] == "rude words"


async def transformers(stage: Stage, bench: Bench) -> None:
    stage.slash("add", first=1, second=2)
    assert (await stage.written(r"1 \+ 2 = 3"))["flags"] & EPHEMERAL
    stage.slash("channel-info", channel=GENERAL)
    shown = await stage.seen(
        lambda one: bool(one["embeds"]) and one["embeds"][0].get("title") == "Channel Info", "info"
    )
    assert shown["embeds"][0]["fields"][0]["value"] == "general"
    stage.slash("shop", action="Buy", item="hat")
    await stage.written("Action: Buy\nItem: hat")
    stage.slash("fruit", fruit=2)
    await stage.written(r"<Fruits\.cherry: 2>")
    stage.slash("graph", point="3, 4")
    await stage.written(r"Point\(x=3, y=4\)")
    stage.slash("graph3d", point="1,2,3")
    await stage.written(r"Point3D\(x=1, y=2, z=3\)")


async def background_task(stage: Stage, bench: Bench) -> None:
    assert (await stage.written("1"))["channel_id"] == str(CHANNEL)


async def basic_bot(stage: Stage, bench: Bench) -> None:
    stage.say("?add 2 3")
    await stage.written("5")
    stage.say("?roll 3d6")
    await stage.written(r"[1-6], [1-6], [1-6]")
    stage.say("?choose tea tea")
    await stage.written("tea")
    stage.say("?repeat 2 again")
    await stage.written("again")
    stage.say(f"?joined <@{BORIS}>")
    await stage.written(r"boris joined <t:\d+>")
    stage.say("?cool cat")
    await stage.written("No, cat is not cool")
    stage.say("?cool bot")
    await stage.written("Yes, the bot is cool.")


async def converters(stage: Stage, bench: Bench) -> None:
    stage.say(f"!userinfo <@{BORIS}>")
    await stage.written(f"User found: {BORIS} -- boris\n.*")
    stage.say("!userinfo nobody-at-all")
    await stage.written("Couldn't find that user.")
    stage.say("!notify general")
    await stage.written("Hello, general!")
    stage.say("!notify boris")
    greeting = await stage.written("Hello, boris!")
    assert greeting["channel_id"] not in (str(GENERAL), str(CHANNEL))
    stage.say(f"!ignore <#{GENERAL}>")
    await stage.written(f"Channel found: <#{GENERAL}>, adding it to the ignore list.")
    stage.say("!multiply 4 true")
    await stage.written("8")


async def custom_context(stage: Stage, bench: Bench) -> None:
    said = stage.say("!guess 7")
    marked = await stage.seen(
        lambda one: one["id"] == str(said) and "reactions" in one, "a cross mark"
    )
    assert marked["reactions"][0]["emoji"]["name"] == "\N{CROSS MARK}"


async def deleted(stage: Stage, bench: Bench) -> None:
    stage.say("!deleteme")
    await stage.written(r"example.* has deleted the message: I will delete myself now\.\.\.")
    await stage.written(r"example.* has deleted the message: Goodbye in 3 seconds\.\.\.")


async def edits(stage: Stage, bench: Bench) -> None:
    said = stage.say("one")
    stage.people.edit(GENERAL, said, ALICE, "two")
    await stage.written(r"\*\*alice\*\* edited their message:\none -> two")
    stage.say("!editme")
    await stage.written(r"\*\*example.*\*\* edited their message:\n10 -> 40")


async def guessing_game(stage: Stage, bench: Bench) -> None:
    stage.say("$guess")
    await stage.written(r"Guess a number between 1 and 10\.")
    stage.say("5")
    await stage.written(r"(You are right!|Oops\. It is actually \d+\.)")


async def new_member(stage: Stage, bench: Bench) -> None:
    egor = stage.platform.join(name="Egor")
    greeting = await stage.written(f"Welcome <@{egor}> to Twin Harbour!")
    assert [one["id"] for one in greeting["mentions"]] == [str(egor)]


async def reaction_roles(stage: Stage, bench: Bench) -> None:
    async def held(user_id: int, role_id: int) -> bool:
        members = stage.platform.world()["members"]
        [one] = [each for each in members if each["user"]["id"] == str(user_id)]
        return str(role_id) in one["roles"]

    async def lost() -> bool:
        return not await held(CLARA, NEWCOMER)

    [message] = [one for one in stage.messages if one["content"] == "roles"]
    place = GENERAL, int(message["id"]), CLARA
    stage.people.react(*place, "🔴")
    await until(lambda: held(CLARA, NEWCOMER), what="the role is given")
    stage.people.react(*place, "🔴", added=False)
    await until(lost, what="the role is taken")


async def reply(stage: Stage, bench: Bench) -> None:
    said = stage.say("!hello")
    answer = await stage.written("Hello!")
    assert answer["message_reference"]["message_id"] == str(said)
    assert [one["id"] for one in answer["mentions"]] == [str(ALICE)]


async def secret(stage: Stage, bench: Bench) -> None:
    async def made(name: str) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [one for one in stage.platform.world()["channels"] if one.get("name") == name]

        async def there() -> bool:
            return bool(found())

        await until(there, what=f"the channel {name}")
        return found()[0]

    stage.ask(f"secret text hideout <@&{LUCKY}>")
    channel = await made("hideout")
    overwrites = {one["id"]: one for one in channel["permission_overwrites"]}
    assert overwrites.keys() == {str(GUILD), str(LUCKY), str(stage.bot_id)}
    assert int(overwrites[str(GUILD)]["deny"]) == int(overwrites[str(LUCKY)]["allow"]) == 1 << 10
    assert (overwrites[str(stage.bot_id)]["type"], channel["topic"][:10]) == (1, "Top secret")
    stage.ask(f"secret voice cellar <@{BORIS}>")
    assert (await made("cellar"))["type"] == 2
    stage.ask("secret")
    await stage.written("Shh!")


async def feedback(stage: Stage, bench: Bench) -> None:
    stage.slash("feedback")
    fields = await stage.modal(bench)
    stage.people.submit(ALICE, fields[""], {fields["Name"]: "Al"})
    assert (await stage.written("Thanks for your feedback, Al!"))["flags"] & EPHEMERAL


async def time_out(stage: Stage, bench: Bench) -> None:
    stage.slash("timeout", member=BORIS)
    fields = await stage.modal(bench)
    values = {fields["Duration"]: ["300"], fields["Reason"]: "too loud"}
    stage.people.submit(ALICE, fields[""], values)
    await stage.written(f"Timeout <@{BORIS}> until .* with reason: too loud")
    [boris] = [one for one in stage.platform.world()["members"] if one["user"]["id"] == str(BORIS)]
    assert boris["communication_disabled_until"] is not None


async def report(stage: Stage, bench: Bench) -> None:
    stage.slash("report")
    fields = await stage.modal(bench)
    values = {
        fields["Topic"]: ["Bug"],
        fields["Title"]: "It hangs",
        fields["Description"]: "For ever",
        fields["Images"]: [Upload("hang.png", b"png", "image/png")],
    }
    stage.people.submit(ALICE, fields[""], values)
    await stage.written("Thank you for your report! .*")
    shown = await stage.interface()
    texts = [one["content"] for one in _parts(shown["components"]) if one["type"] == 10]
    assert texts[:3] == ["-# User Report\n## Bug", "### It hangs", ">>> For ever"]
    [gallery] = [one for one in _parts(shown["components"]) if one["type"] == 12]
    assert gallery["items"][0]["media"]["url"].endswith("/hang.png")


async def confirm(stage: Stage, bench: Bench) -> None:
    stage.say("$ask")
    await stage.press(await stage.written(r"Do you want to continue\?"), "Confirm")
    assert (await stage.written("Confirming"))["flags"] & EPHEMERAL


async def count_to_five(stage: Stage, message: dict[str, Any]) -> None:
    for number in range(5):
        await stage.press(message, f"{number}")
        await stage.seen(
            lambda one, label=str(number + 1): (  # type: ignore[misc]
                one["id"] == message["id"]
                and one["components"][0]["components"][0]["label"] == label
            ),
            f"{number + 1} on the button",
        )
    [last] = [one for one in stage.messages if one["id"] == message["id"]]
    assert last["components"][0]["components"][0]["disabled"]


async def counter(stage: Stage, bench: Bench) -> None:
    stage.say("$counter")
    await count_to_five(stage, await stage.written("Press!"))


async def dropdown(stage: Stage, bench: Bench) -> None:
    stage.say("$colour")
    question = await stage.written("Pick your favourite colour:")
    await stage.press(question, "Choose your favourite colour...", ["Blue"])
    await stage.written("Your favourite colour is Blue")


async def dynamic_counter(stage: Stage, bench: Bench) -> None:
    stage.ask("counter")
    message = await stage.written("Here is your very own button!")
    for number in range(3):
        await stage.press(message, f"Total: {number}")
        await stage.seen(
            lambda one, label=f"Total: {number + 1}": any(  # type: ignore[misc]
                each.get("label") == label for each in _parts(one["components"])
            ),
            f"{number + 1} on the button",
        )


async def ephemeral(stage: Stage, bench: Bench) -> None:
    stage.say("$counter")
    await stage.press(await stage.written("Press!"), "Click")
    private = await stage.written("Enjoy!")
    assert private["flags"] & EPHEMERAL
    await count_to_five(stage, private)


async def layout(stage: Stage, bench: Bench) -> None:
    stage.say("$layout")
    await stage.press(await stage.interface(), "Click Me!")
    assert (await stage.written("Hi!"))["flags"] & EPHEMERAL


async def link(stage: Stage, bench: Bench) -> None:
    stage.say("$google cats and dogs")
    message = await stage.written("Google Result for: `cats and dogs`")
    [button] = message["components"][0]["components"]
    assert button["url"] == "https://www.google.com/search?q=cats+and+dogs"


async def persistent(stage: Stage, bench: Bench) -> None:
    stage.say("$prepare", VERA)
    await stage.press(await stage.written(r"What's your favourite colour\?"), "Green")
    await stage.written(r"This is green\.")
    stage.say("$dynamic_button")
    await stage.press(await stage.written("Here is your very own button!"), "Do Thing")
    await stage.written("This is your very own button!")


async def settings(stage: Stage, bench: Bench) -> None:
    async def changed(holds: Callable[[list[dict[str, Any]]], bool], what: str) -> None:
        await stage.seen(
            lambda one: one["id"] == panel["id"] and holds(_parts(one["components"])), what
        )

    stage.ask("settings")
    panel = await stage.interface()
    await stage.press(panel, "Select a fruit", ["mango"])
    await changed(lambda parts: _chosen(parts, "mango"), "the fruit")
    await stage.press(panel, "Select a channel", [GENERAL])
    await changed(lambda parts: _defaults(parts, "channel") == [str(GENERAL)], "the channel")
    await stage.press(panel, "Select members", [BORIS, CLARA])
    await changed(lambda parts: _defaults(parts, "user") == [str(BORIS), str(CLARA)], "members")
    await stage.press(panel, "\N{BELL} Enabled")
    silent = "\N{BELL WITH CANCELLATION STROKE} Disabled"
    await changed(lambda parts: any(one.get("label") == silent for one in parts), "silence")
    before = len(bench.calls(CALLBACK_OF_MODAL))
    await stage.press(panel, "1")
    shown = (await bench.seen(CALLBACK_OF_MODAL, times=before + 1)).request["body"]["data"]
    field = shown["components"][0]["components"][0]["custom_id"]
    stage.people.submit(ALICE, shown["custom_id"], {field: "3"})
    await changed(lambda parts: any(one.get("label") == "3" for one in parts), "the count")
    await stage.press(panel, "Finish")
    await stage.written(r"Settings saved\.")
    stage.ask("send")
    sent = await stage.written(f"<@{BORIS}> <@{CLARA}> 🥭 🥭 🥭")
    assert sent["flags"] & SUPPRESS_NOTIFICATIONS


def _chosen(parts: list[dict[str, Any]], value: str) -> bool:
    options = [each for one in parts for each in one.get("options", ())]
    return any(one["value"] == value and one.get("default") for one in options)


def _defaults(parts: list[dict[str, Any]], kind: str) -> list[str]:
    values = [each for one in parts for each in one.get("default_values", ())]
    return [one["id"] for one in values if one["type"] == kind]


async def tic_tac_toe(stage: Stage, bench: Bench) -> None:
    stage.say("$tic")
    message = await stage.written("Tic Tac Toe: X goes first")
    rows = [[each["custom_id"] for each in one["components"]] for one in message["components"]]
    # X takes the first column.
    moves = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    turns = ["It is now O's turn", "It is now X's turn"] * 2 + ["X won!"]
    for (row, column), text in zip(moves, turns, strict=True):
        stage.platform.click(GENERAL, int(message["id"]), ALICE, rows[row][column])
        await stage.written(text)


#: The play of people with each program, and the blanks that its author left to the reader.
PLAYS: dict[str, tuple[Play, dict[str, str]]] = {
    "app_commands/basic.py": (
        basic_commands,
        APP_GUILD | {"get_channel(0)": f"get_channel({PLACE})"},
    ),
    "app_commands/transformers.py": (transformers, APP_GUILD),
    "background_task.py": (background_task, {}),
    "background_task_asyncio.py": (background_task, {}),
    "basic_bot.py": (basic_bot, {}),
    "converters.py": (converters, {}),
    "custom_context.py": (custom_context, {"your token here": TOKEN}),
    "deleted.py": (deleted, {}),
    "edits.py": (edits, {}),
    "guessing_game.py": (guessing_game, {}),
    "modals/basic.py": (feedback, MODAL_GUILD),
    "modals/label.py": (time_out, MODAL_GUILD),
    "modals/report.py": (
        report,
        MODAL_GUILD | {"REPORTS_CHANNEL_ID = 0": f"REPORTS_CHANNEL_ID = {PLACE}"},
    ),
    "new_member.py": (new_member, {}),
    "reaction_roles.py": (
        reaction_roles,
        {
            "role_message_id = 0": "role_message_id = MESSAGE",
            "(name='🔴'): 0": f"(name='🔴'): {NEWCOMER}",
        },
    ),
    "reply.py": (reply, {}),
    "secret.py": (secret, {}),
    "views/confirm.py": (confirm, {}),
    "views/counter.py": (counter, {}),
    "views/dropdown.py": (dropdown, {}),
    "views/dynamic_counter.py": (dynamic_counter, {}),
    "views/ephemeral.py": (ephemeral, {}),
    "views/layout.py": (layout, {}),
    "views/link.py": (link, {}),
    "views/persistent.py": (persistent, {}),
    "views/settings.py": (settings, {}),
    "views/tic_tac_toe.py": (tic_tac_toe, {}),
}


def stage_seed() -> Any:
    """The seed with the channel that programs name, where newcomers are greeted."""
    channels = (*SEED.guild.channels, DiscordChannelSeed(str(CHANNEL), "counting"))
    guild = msgspec.structs.replace(SEED.guild, channels=channels, system_channel_id=str(GENERAL))
    return msgspec.structs.replace(SEED, guild=guild)


@pytest.mark.nightly
@pytest.mark.parametrize("name", PLAYS)
async def test_a_program_of_discord_py_works_as_its_reader_expects(name, tmp_path):
    program = discord_examples() / name
    play, blanks = PLAYS[name]
    transcript, faults = Transcript(), Faults()
    platform = DiscordPlatform(stage_seed(), transcript, faults, limits=UNLIMITED)
    async with listening(Bench(platform, transcript, faults)) as bench:
        owner = platform.administration
        bot_id, token = owner.add_bot("example", token=TOKEN, permissions=RIGHTS)
        owner.move_role(_own_role(platform, bot_id), above=LUCKY)
        roles = platform.say(GENERAL, VERA, "roles")
        values = {blank: value.replace("MESSAGE", str(roles)) for blank, value in blanks.items()}
        copy = filled_in(program, tmp_path, values)
        addresses = [platform.api_base, platform.gateway_url]
        output = tmp_path / "output.txt"
        async with running("discord", addresses, copy, output=output, token=token) as process:
            await first_call(process, transcript, "gateway GUILD_CREATE")
            await play(Stage(bench, bot_id), bench)
        assert "Traceback" not in output.read_text()


def _own_role(platform: DiscordPlatform, bot_id: int) -> int:
    roles = platform.world()["roles"]
    [own] = [one for one in roles if one.get("tags", {}).get("bot_id") == str(bot_id)]
    return int(own["id"])


def test_the_page_lists_the_programs_that_run():
    rows = re.findall(
        r"^\| `([\w/]+\.py)` \| (\w+)", (DOCS / "sandbox-discord.md").read_text(), re.MULTILINE
    )
    assert [name for name, state in rows if state == "runs"] == list(PLAYS)
