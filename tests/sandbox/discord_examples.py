"""Bots as the examples of discord.py write them; they know neither address nor token."""

from typing import Any

from discord.ext import commands

from tests.support.discord_sandbox import discord


class ExampleBot(commands.Bot):
    """A bot with commands that begin with "!"."""

    def __init__(self, **options: Any) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__(command_prefix="!", intents=intents, help_command=None, **options)


class Confirm(discord.ui.View):
    """Two buttons, one of which ends the view."""

    def __init__(self) -> None:
        super().__init__()
        self.value: bool | None = None

    @discord.ui.button(label="Confirm", style=discord.ButtonStyle.green, custom_id="yes")
    async def confirm(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.send_message("Confirming", ephemeral=True)
        self.value = True
        self.stop()

    @discord.ui.button(label="Cancel", style=discord.ButtonStyle.grey, custom_id="no")
    async def cancel(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.send_message("Cancelling", ephemeral=True)
        self.value = False
        self.stop()


class Counter(discord.ui.View):
    """A button that counts in its own label."""

    @discord.ui.button(label="0", style=discord.ButtonStyle.red, custom_id="count")
    async def count(self, interaction: discord.Interaction, button: Any) -> None:
        button.label = str(int(button.label or 0) + 1)
        if button.label == "5":
            button.style = discord.ButtonStyle.green
            button.disabled = True
        await interaction.response.edit_message(view=self)


class Dropdown(discord.ui.Select[Any]):
    """A choice of colours."""

    def __init__(self) -> None:
        options = [
            discord.SelectOption(label="Red", description="Like fire", emoji="🟥"),
            discord.SelectOption(label="Blue", description="Like the sea", emoji="🟦"),
        ]
        super().__init__(placeholder="Choose a colour", custom_id="colour", options=options)

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"Your colour is {self.values[0]}")


class Feedback(discord.ui.Modal, title="Feedback"):
    """A form with a short and a long text."""

    name: Any = discord.ui.TextInput(label="Name", custom_id="name")
    feedback: Any = discord.ui.TextInput(
        label="What do you think?",
        custom_id="feedback",
        style=discord.TextStyle.long,
        required=False,
        max_length=300,
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"Thanks, {self.name.value}!", ephemeral=True)


def example_bot(**options: Any) -> ExampleBot:
    """All of them in one bot."""
    bot = ExampleBot(**options)

    @bot.command()
    async def ask(ctx: commands.Context[Any]) -> None:
        view = Confirm()
        await ctx.send("Do you want to continue?", view=view)
        await view.wait()
        await ctx.send("Confirmed" if view.value else "Cancelled")

    @bot.command()
    async def counter(ctx: commands.Context[Any]) -> None:
        await ctx.send("Press!", view=Counter())

    @bot.command()
    async def colour(ctx: commands.Context[Any]) -> None:
        view = discord.ui.View()
        view.add_item(Dropdown())
        await ctx.send("Pick your colour:", view=view)

    @bot.command()
    async def size(ctx: commands.Context[Any]) -> None:
        sizes = [len(await one.read()) for one in ctx.message.attachments]
        await ctx.reply(f"{sizes}", file=discord.File(__file__, filename="answer.txt"))

    @bot.hybrid_command(description="Says hello")
    async def hello(ctx: commands.Context[Any]) -> None:
        await ctx.send(f"Hello {ctx.author.mention}")

    @bot.tree.command(description="Asks for feedback")
    async def feedback(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Feedback(custom_id="form"))

    @bot.event
    async def on_voice_state_update(member: Any, before: Any, after: Any) -> None:
        if before.channel is None and after.channel is not None:
            general = member.guild.text_channels[0]
            await general.send(f"{member.display_name} joined {after.channel.name}")

    return bot
