"""The Discord side in a browser: commands, components, modals, voice; the bot is discord.py."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import expect

from tests.support.discord_sandbox import (
    ALICE,
    BORIS,
    GENERAL,
    GUILD,
    HARBOUR,
    VETERAN,
    Bot,
    connected,
    discord,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

FRUITS = ("apple", "apricot", "pear")


class Form(discord.ui.Modal, title="Your order"):
    note: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Note", default="")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"noted: {self.note.value}")


class Shop(discord.ui.View):
    @discord.ui.button(label="Order", style=discord.ButtonStyle.primary)
    async def order(self, interaction: discord.Interaction, _: Any) -> None:
        await interaction.response.send_modal(Form())

    @discord.ui.select(
        placeholder="Fruit", options=[discord.SelectOption(label=one) for one in FRUITS]
    )
    async def fruit(self, interaction: discord.Interaction, select: Any) -> None:
        await interaction.response.send_message(f"picked {select.values[0]}")

    @discord.ui.select(cls=discord.ui.UserSelect, placeholder="Friends", max_values=3)
    async def friends(self, interaction: discord.Interaction, select: Any) -> None:
        names = sorted(one.name for one in select.values)
        await interaction.response.send_message(f"with {', '.join(names)}")


def shop_bot() -> Bot:
    bot = Bot()

    @bot.tree.command(name="guess", description="Guess a number", guild=discord.Object(GUILD))
    async def guess(interaction: discord.Interaction, number: int, loud: bool = False) -> None:
        await interaction.response.send_message(f"{number} {loud}", ephemeral=not loud)

    @bot.tree.command(name="buy", description="Buy a fruit", guild=discord.Object(GUILD))
    async def buy(interaction: discord.Interaction, fruit: str) -> None:
        embed = discord.Embed(title=f"One {fruit}", description="**fresh**", colour=0x3498DB)
        await interaction.response.send_message(embed=embed, view=Shop())

    @buy.autocomplete("fruit")
    async def complete(_: Any, typed: str) -> list[discord.app_commands.Choice[str]]:
        found = [one for one in FRUITS if one.startswith(typed)]
        return [discord.app_commands.Choice(name=one.title(), value=one) for one in found]

    return bot


@contextlib.asynccontextmanager
async def shop(world) -> AsyncIterator[None]:
    async with connected(world.bench, shop_bot()) as bot:
        await bot.tree.sync(guild=discord.Object(GUILD))
        yield


async def write(page, text: str) -> None:
    field = page.locator(".discord textarea")
    await field.fill(text)
    await field.press("Enter")


async def become(page, user_id: int) -> None:
    await page.locator(f'.discord [data-person="{user_id}"]').click()


async def test_members_write_reply_edit_react_and_attach(open_page, world):
    page = await open_page()
    messages = page.locator(".discord .message")
    await write(page, "hello **there** <@800000000000000102>")
    await expect(messages.first.locator("strong")).to_have_text("there")
    await expect(messages.first.locator(".mention")).to_have_text("@Boris")
    await become(page, BORIS)
    await messages.first.hover()
    await messages.first.locator(".more").click()
    await page.get_by_role("menuitem", name="Reply").click()
    picker = page.locator(".discord input[type=file]")
    await picker.set_input_files([{"name": "n.txt", "mimeType": "text/plain", "buffer": b"hi"}])
    await write(page, "an answer")
    await expect(messages.last.locator(".reply-line")).to_contain_text("hello")
    await expect(messages.last.locator(".file")).to_contain_text("n.txt")
    await messages.last.hover()
    await messages.last.locator(".more").click()
    await page.get_by_role("menuitem", name="React 🎉").click()
    await expect(messages.last.locator(".reaction.own")).to_contain_text("1")
    await messages.last.locator(".more").click()
    await page.get_by_role("menuitem", name="Edit").click()
    await write(page, "a better answer")
    await expect(messages.last).to_contain_text("(edited)")


async def test_a_slash_command_is_filled_in_and_its_answer_is_only_for_its_member(open_page, world):
    async with shop(world):
        page = await open_page()
        field = page.locator(".discord textarea")
        await field.press_sequentially("/gu")
        await expect(page.locator(".discord [role=option]")).to_have_text(["/guessGuess a number"])
        await field.press("Enter")
        bar = page.locator(".command-bar")
        await bar.get_by_label("number").fill("7")
        await page.keyboard.press("Enter")
        answer = page.locator(".discord .message.secret", has_text="7 False")
        await expect(answer).to_contain_text("Only you can see this")
        await become(page, BORIS)
        await expect(answer).to_have_count(0)
        await become(page, ALICE)
        await answer.get_by_role("button", name="Dismiss").click()
        await expect(answer).to_have_count(0)
        await field.fill("/guess")
        await field.press("Enter")
        await bar.get_by_label("number").fill("8")
        await bar.get_by_role("button", name="+ loud").click()
        await bar.get_by_label("loud").select_option(label="Yes")
        await bar.get_by_role("button", name="Send").click()
        await expect(page.locator(".discord .message").last).to_contain_text("8 True")


async def test_options_are_completed_and_components_and_modals_answered(open_page, world):
    async with shop(world):
        page = await open_page()
        field = page.locator(".discord textarea")
        await field.fill("/buy")
        await field.press("Enter")
        fruit = page.locator(".command-bar input")
        await fruit.press_sequentially("ap")
        choices = page.locator("datalist option")
        await expect(choices).to_have_count(2)
        assert await choices.evaluate_all("all => all.map((one) => one.value)") == [
            "Apple",
            "Apricot",
        ]
        await fruit.fill("Apricot")
        await fruit.press("Enter")
        offer = page.locator(".discord .message", has=page.locator(".embed"))
        await expect(offer.locator(".embed-title")).to_have_text("One apricot")
        await offer.get_by_role("button", name="Order").click()
        dialog = page.get_by_role("dialog", name="Your order")
        await dialog.get_by_label("Note").fill("ripe, please")
        await dialog.get_by_role("button", name="Submit").click()
        last = page.locator(".discord .message").last
        await expect(last).to_contain_text("noted: ripe, please")
        await offer.get_by_label("Fruit").select_option(label="pear")
        await expect(last).to_contain_text("picked pear")
        await offer.get_by_role("button", name="Friends").click()
        picks = page.get_by_role("dialog", name="Friends")
        for name in ("Boris", "Clara"):
            await picks.get_by_label(name).check()
        await picks.get_by_role("button", name="Done").click()
        await expect(last).to_contain_text("with boris, clara")


async def test_a_bot_that_does_not_answer_is_shown_as_in_discord(open_page, world):
    bot = Bot()

    @bot.tree.command(name="slow", description="Never", guild=discord.Object(GUILD))
    async def slow(interaction: discord.Interaction) -> None:
        pass

    async with connected(world.bench, bot):
        await bot.tree.sync(guild=discord.Object(GUILD))
        page = await open_page()
        await page.locator(".discord textarea").fill("/slow")
        await page.locator(".discord textarea").press("Enter")
        await page.locator(".command-bar [type=submit]").click()
        shown = page.locator(".discord .message.waiting")
        await expect(shown).to_contain_text("The bot is thinking")
        await expect(shown).to_contain_text("The application did not respond", timeout=10_000)


async def test_voice_is_joined_muted_and_left(open_page, world):
    page = await open_page()
    await page.get_by_role("button", name="Join: Harbour").click()
    inside = page.locator(".voice-people li")
    await expect(inside).to_have_text(["AAlice"])
    panel = page.locator(".voice-panel")
    await panel.get_by_role("button", name="Mute yourself").click()
    await expect(inside.get_by_label("muted", exact=True)).to_be_visible()
    await panel.get_by_role("button", name="Deafen yourself").click()
    await expect(inside.get_by_label("deafened")).to_be_visible()
    assert world.discord.world()["voice_states"][0]["channel_id"] == str(HARBOUR)
    await panel.get_by_role("button", name="Leave voice").click()
    await expect(inside).to_have_count(0)


async def test_roles_colour_names_and_threads_and_direct_messages_open(open_page, world):
    page = await open_page()
    await write(page, "look at my name")
    await page.locator("[aria-controls=discord-members]").click()
    row = page.locator(".discord .member", has_text="Alice")
    await row.locator(".more").click()
    await page.get_by_role("menuitem", name="Roles").click()
    await page.get_by_label("Veteran").check()
    await page.get_by_role("button", name="Save").click()
    await expect(row.locator(".role")).to_have_text("Veteran")
    name = page.locator(".discord .message .name").first
    assert await name.evaluate("one => one.style.getPropertyValue('--colour')")
    assert VETERAN in world.discord._state.editor.world.guild.members[ALICE].roles
    await page.get_by_role("button", name="Server menu").click()
    await page.get_by_role("menuitem", name="New thread").click()
    await page.get_by_role("textbox", name="Title").fill("Chess")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".discord .chat-title")).to_contain_text("Chess")
    await write(page, "in the thread")
    await expect(page.locator(".discord .message")).to_contain_text("in the thread")
    await page.locator(".discord .channel", has_text="twinstream").click()
    await expect(page.locator(".discord .chat-title")).to_contain_text("twinstream")
    await write(page, "hello bot")
    await expect(page.locator(".discord .message")).to_contain_text("hello bot")
    direct = [one for one in world.discord.chats(5)["channels"] if one["type"] == 1]
    assert [one["messages"][0]["content"] for one in direct] == ["hello bot"]


async def test_an_attachment_with_a_description_and_components_of_the_second_version(
    open_page, world
):
    parts = [
        {"type": 10, "content": "## Title\nA *text*"},
        {"type": 14},
        {
            "type": 9,
            "components": [{"type": 10, "content": "A section"}],
            "accessory": {"type": 2, "style": 2, "label": "Go", "custom_id": "go"},
        },
        {"type": 12, "items": [{"media": {"url": "https://elsewhere.example/x.png"}}]},
    ]
    body = {
        "flags": 1 << 15,
        "components": [{"type": 17, "accent_color": 255, "components": parts}],
    }
    await world.rest("POST", f"/channels/{GENERAL}/messages", body)
    page = await open_page()
    container = page.locator(".discord .container")
    await expect(container.locator(".big-2")).to_have_text("Title")
    # The page asks no other host for anything: a picture of elsewhere is a link.
    await expect(container.locator(".elsewhere a")).to_have_attribute(
        "href", "https://elsewhere.example/x.png"
    )
    await container.get_by_role("button", name="Go").click()
    # No bot answers: Discord says so after three seconds.
    await expect(page.locator(".discord .message.waiting")).to_be_visible(timeout=10_000)
