"""Interfaces on the real discord.py: selects, modals, autocomplete, context menus, options."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sandbox import SandboxError
from sandbox.discord_api import Upload
from tests.support.discord_sandbox import (
    ALICE,
    BORIS,
    FORUM,
    GENERAL,
    HARBOUR,
    NEWCOMER,
    Bench,
    connected,
    discord,
    listening,
    new_bench,
)
from tests.support.patience import PATIENCE_S

pytest_plugins = ["tests.support.discord_sandbox"]

CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
Interaction = discord.Interaction
ui = discord.ui


class Choosing(ui.View):
    """One select; its values go to a future."""

    def __init__(self, select: Any) -> None:
        super().__init__(timeout=None)
        self.picked: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.select = select
        select.callback = self._take
        self.add_item(select)

    async def _take(self, interaction: Interaction) -> None:
        self.picked.set_result(self.select.values)
        await interaction.response.defer()


async def picked(bench: Bench, bot: Any, select: Any, values: list[Any]) -> list[Any]:
    """The values that discord.py gives the callback of a select, after Alice has picked them."""
    view = Choosing(select)
    message = await bot.get_channel(GENERAL).send(view=view)
    bench.platform.click(GENERAL, message.id, ALICE, select.custom_id, values)
    return await asyncio.wait_for(view.picked, PATIENCE_S)


OPTIONS = [discord.SelectOption(label="One", value="1"), discord.SelectOption(label="Two")]


@pytest.mark.parametrize(
    ("make", "values", "kinds"),
    [
        (lambda: ui.Select(custom_id="s", options=OPTIONS, max_values=2), ["Two"], [str]),
        (lambda: ui.UserSelect(custom_id="s"), [BORIS], [discord.Member]),
        (lambda: ui.RoleSelect(custom_id="s"), [NEWCOMER], [discord.Role]),
        (
            lambda: ui.MentionableSelect(custom_id="s", max_values=2),
            [BORIS, NEWCOMER],
            [discord.Member, discord.Role],
        ),
        (
            lambda: ui.ChannelSelect(custom_id="s", channel_types=[discord.ChannelType.voice]),
            [HARBOUR],
            [discord.app_commands.AppCommandChannel],
        ),
    ],
    ids=["string", "user", "role", "mentionable", "channel"],
)
async def test_every_kind_of_select_is_accepted_and_its_picks_are_whole_objects(
    bench, make, values, kinds
):
    async with connected(bench) as bot:
        found = await picked(bench, bot, make(), values)
        assert [type(one) for one in found] == kinds
        assert [getattr(one, "id", one) for one in found] == values


@pytest.mark.parametrize(
    ("make", "values", "sentence"),
    [
        (lambda: ui.Select(custom_id="s", options=OPTIONS), ["3"], "offers"),
        (lambda: ui.Select(custom_id="s", options=OPTIONS), [], "1 to 1 values"),
        (lambda: ui.Select(custom_id="s", options=OPTIONS), None, "1 to 1 values"),
        (lambda: ui.UserSelect(custom_id="s", max_values=2), [BORIS, BORIS], "twice"),
        (lambda: ui.UserSelect(custom_id="s"), [NEWCOMER], "no such one"),
        (lambda: ui.RoleSelect(custom_id="s"), ["hero"], "takes ids"),
        (
            lambda: ui.ChannelSelect(custom_id="s", channel_types=[discord.ChannelType.text]),
            [HARBOUR],
            "of the types",
        ),
        (lambda: ui.Button(custom_id="s", label="Go"), ["1"], "without values"),
    ],
)
async def test_a_pick_that_discords_client_does_not_offer_is_a_sentence(
    bench, make, values, sentence
):
    async with connected(bench) as bot:
        view = ui.View(timeout=None)
        view.add_item(make())
        message = await bot.get_channel(GENERAL).send(view=view)
        with pytest.raises(SandboxError, match=sentence):
            bench.platform.click(GENERAL, message.id, ALICE, "s", values)


class Form(ui.Modal, title="About you"):
    """A modal with every kind of field."""

    name: Any = ui.Label(text="Name", component=ui.TextInput(custom_id="name", max_length=10))
    colour: Any = ui.Label(text="Colour", component=ui.Select(custom_id="colour", options=OPTIONS))
    friend: Any = ui.Label(
        text="Friend", component=ui.UserSelect(custom_id="friend", required=False)
    )
    photo: Any = ui.Label(
        text="Photo", component=ui.FileUpload(custom_id="photo", max_values=2, required=False)
    )

    def __init__(self) -> None:
        super().__init__(custom_id="form", timeout=None)
        self.sent: asyncio.Future[Interaction] = asyncio.get_running_loop().create_future()

    async def on_submit(self, interaction: Interaction) -> None:
        await interaction.response.send_message(f"Hello, {self.name.component.value}")
        self.sent.set_result(interaction)


async def shown_form(bench: Bench, bot: Any) -> Form:
    form = Form()

    async def show(interaction: Interaction) -> None:
        await interaction.response.send_modal(form)

    bot.tree.command(name="form", description="Shows a form")(show)
    await bot.tree.sync()
    bench.platform.slash(GENERAL, ALICE, "form")
    await bench.seen(CALLBACK)
    return form


async def test_a_modal_brings_texts_picks_and_files(bench):
    async with connected(bench) as bot:
        form = await shown_form(bench, bot)
        photo = Upload("cat.txt", b"meow")
        said = {"name": "Al", "colour": ["1"], "friend": [BORIS], "photo": [photo]}
        bench.platform.people.submit(ALICE, "form", said)
        await asyncio.wait_for(form.sent, PATIENCE_S)
        assert form.name.component.value == "Al"
        assert form.colour.component.values == ["1"]
        assert [one.id for one in form.friend.component.values] == [BORIS]
        (file,) = form.photo.component.values
        assert (file.filename, await file.read()) == ("cat.txt", b"meow")
        answer = (await bench.seen(CALLBACK, times=2)).response["resource"]["message"]
        trigger = answer["interaction_metadata"]["triggering_interaction_metadata"]
        assert (trigger["type"], trigger["name"]) == (2, "form")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"colour": ["1"]}, "a value for 'name'"),
        ({"name": "x" * 11, "colour": ["1"]}, "0 to 10 characters"),
        ({"name": "x"}, "a value for 'colour'"),
        ({"name": "x", "colour": ["1"], "age": "7"}, "no field 'age'"),
        ({"name": "x", "colour": ["1"], "photo": ["cat"]}, "takes files"),
    ],
)
async def test_a_modal_that_discords_client_would_not_send_is_a_sentence(bench, said, sentence):
    async with connected(bench) as bot:
        await shown_form(bench, bot)
        with pytest.raises(SandboxError, match=sentence):
            bench.platform.people.submit(ALICE, "form", said)


async def test_a_modal_is_not_submitted_where_its_place_or_its_person_is_gone(bench):
    async with connected(bench) as bot:
        await shown_form(bench, bot)
        said = {"name": "x", "colour": ["1"]}
        bench.platform.leave(ALICE)
        with pytest.raises(SandboxError, match="not in the guild"):
            bench.platform.people.submit(ALICE, "form", said)
        bench.platform.join(ALICE)
        bench.platform.administration.delete_channel(GENERAL)
        with pytest.raises(SandboxError, match="no channel"):
            bench.platform.people.submit(ALICE, "form", said)


async def test_an_option_is_completed_while_it_is_typed(bench):
    async with connected(bench) as bot:

        async def buy(interaction: Interaction, fruit: str, count: int = 1) -> None:
            """Never used to its end."""

        async def fruits(interaction: Interaction, current: str) -> list[Any]:
            assert interaction.namespace.count == 3
            names = [name for name in ("apple", "apricot", "pear") if name.startswith(current)]
            return [discord.app_commands.Choice(name=name, value=name) for name in names]

        command = bot.tree.command(name="buy", description="Buys")(buy)
        command.autocomplete("fruit")(fruits)
        await bot.tree.sync()
        people = bench.platform.people
        made = people.slash(GENERAL, ALICE, "buy", {"fruit": "ap", "count": 3}, focused="fruit")
        call = await bench.seen(CALLBACK)
        assert (call.status, call.request["body"]["type"]) == (200, 8)
        assert [one["value"] for one in people.choices(made) or ()] == ["apple", "apricot"]
        with pytest.raises(SandboxError, match="no autocomplete"):
            people.slash(GENERAL, ALICE, "buy", {}, focused="count")


async def test_context_menus_bring_the_user_or_message_that_they_were_used_on(bench):
    async with connected(bench) as bot:
        told: asyncio.Queue[Any] = asyncio.Queue()

        async def greet(interaction: Interaction, member: discord.Member) -> None:
            await interaction.response.send_message("Hello")
            told.put_nowait(member)

        async def save(interaction: Interaction, message: discord.Message) -> None:
            await interaction.response.send_message("Saved")
            told.put_nowait(message)

        for name, made in dict[str, Any](Greet=greet, Save=save).items():
            bot.tree.add_command(discord.app_commands.ContextMenu(name=name, callback=made))
        await bot.tree.sync()
        written = bench.platform.say(GENERAL, BORIS, "a good idea")
        bench.platform.people.use_menu(GENERAL, ALICE, "Greet", BORIS)
        assert (await asyncio.wait_for(told.get(), PATIENCE_S)).id == BORIS
        bench.platform.people.use_menu(GENERAL, ALICE, "Save", written)
        assert (await asyncio.wait_for(told.get(), PATIENCE_S)).content == "a good idea"
        answer = (await bench.seen(CALLBACK, times=2)).response["resource"]["message"]
        assert answer["interaction_metadata"]["target_message_id"] == str(written)
        with pytest.raises(SandboxError, match="not synced"):
            bench.platform.people.use_menu(GENERAL, ALICE, "Save", BORIS)


async def test_options_of_every_type_reach_a_subcommand_of_a_group(bench):
    async with connected(bench) as bot:
        told = asyncio.get_running_loop().create_future()
        top = discord.app_commands.Group(name="shop", description="Shop")
        inner = discord.app_commands.Group(name="stock", description="Stock", parent=top)

        async def add(
            interaction: Interaction,
            text: str,
            whole: int,
            yes: bool,
            user: discord.User,
            channel: discord.VoiceChannel,
            role: discord.Role,
            anybody: discord.Member | discord.Role,
            number: float,
            file: discord.Attachment,
        ) -> None:
            whole_file = (file.filename, await file.read())
            told.set_result((text, whole, yes, user.id, channel.id, role.id, anybody.id, number))
            await interaction.response.send_message(whole_file[0])

        inner.command(name="add", description="Adds")(add)
        bot.tree.add_command(top)
        await bot.tree.sync()
        given = {
            "text": "t",
            "whole": 7,
            "yes": True,
            "user": BORIS,
            "channel": HARBOUR,
            "role": NEWCOMER,
            "anybody": NEWCOMER,
            "number": 1.5,
            "file": Upload("list.txt", b"1, 2, 3"),
        }
        bench.platform.slash(GENERAL, ALICE, "shop stock add", given)
        heard = await asyncio.wait_for(told, PATIENCE_S)
        assert heard == ("t", 7, True, BORIS, HARBOUR, NEWCOMER, NEWCOMER, 1.5)
        answer = (await bench.seen(CALLBACK)).response["resource"]["message"]
        assert answer["content"] == "list.txt"
        with pytest.raises(SandboxError, match="channels of the types"):
            bench.platform.slash(GENERAL, ALICE, "shop stock add", given | {"channel": FORUM})
        with pytest.raises(SandboxError, match="is a file"):
            bench.platform.slash(GENERAL, ALICE, "shop stock add", given | {"file": 5})


async def test_a_deferred_answer_expires_after_fifteen_minutes():
    now = [0.0]
    async with (
        listening(new_bench(clock=lambda: now[0])) as bench,
        connected(bench) as bot,
    ):
        told: asyncio.Queue[Interaction] = asyncio.Queue()

        async def wait(interaction: Interaction) -> None:
            await interaction.response.defer()
            told.put_nowait(interaction)

        bot.tree.command(name="wait", description="Waits")(wait)
        await bot.tree.sync()
        bench.platform.slash(GENERAL, ALICE, "wait")
        interaction = await asyncio.wait_for(told.get(), PATIENCE_S)
        now[0] += 14 * 60
        await interaction.edit_original_response(content="still here")
        now[0] += 2 * 60
        with pytest.raises(discord.HTTPException) as late:
            await interaction.followup.send("too late")
        assert late.value.code == 50027


async def test_a_button_of_a_bot_that_was_restarted_is_answered(bench):
    def persistent() -> Callable[[], ui.View]:
        class Persistent(ui.View):
            def __init__(self) -> None:
                super().__init__(timeout=None)

            @ui.button(label="Go", custom_id="go")
            async def go(self, interaction: Interaction, _: Any) -> None:
                await interaction.response.send_message("went", ephemeral=True)

        return Persistent

    async with connected(bench) as bot:
        message = await bot.get_channel(GENERAL).send(view=persistent()())
    async with connected(bench) as bot:
        bot.add_view(persistent()())
        bench.platform.click(GENERAL, message.id, ALICE, "go")
        call = await bench.seen(CALLBACK)
        assert call.response["resource"]["message"]["content"] == "went"


async def test_commands_of_a_guild_stay_hidden_in_direct_messages(bench):
    async with connected(bench) as bot:

        async def here(interaction: Interaction) -> None:
            """Never used."""

        command = bot.tree.command(name="here", description="Only in the guild")(here)
        command.guild_only = True
        await bot.tree.sync()
        direct = bench.platform.people.open_direct(ALICE)
        with pytest.raises(SandboxError, match="not offered in direct messages"):
            bench.platform.slash(direct, ALICE, "here")
