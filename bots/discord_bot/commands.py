"""From Discord's interactions to the shared commands, and back."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import discord
import structlog
from discord import AllowedMentions, Interaction, app_commands

from bots import answers, reasons
from bots.app import Services
from bots.commands import Asker, Subject
from bots.game import NUMBER_MAX, NUMBER_MIN
from bots.texts import Texts, marked

from .unreadable import UNREADABLE, cause_of

log = structlog.get_logger("twinstream.discord_bot")

DRAIN_S_MAX = 5.0
Number = app_commands.Range[int, NUMBER_MIN, NUMBER_MAX]
GUESS_HINT = marked("Your guess; leave it out to see where the game stands")
START_HINT = marked("Say hello")
MEMBER_HINT = marked("The member you ask about; only for administrators")
CODE_HINT = marked("The code I gave you on Telegram; leave it out to get one")


class Tree(app_commands.CommandTree[discord.Client]):
    """The commands of one server, and the answers that are under way."""

    def __init__(self, client: discord.Client, services: Services) -> None:
        super().__init__(client)
        self._services = services
        self._under_way: set[asyncio.Task[object]] = set()
        _add_commands(self, services)

    async def respond(
        self, interaction: Interaction, answer: Coroutine[Any, Any, str], *, only_to_asker: bool
    ) -> None:
        """Acknowledge at once, then work out the answer and send it.

        Discord forgets an interaction that is not acknowledged within three seconds.
        """
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            await _acknowledge(interaction, only_to_asker=only_to_asker)
            await _say(interaction, await answer, only_to_asker=only_to_asker)
        finally:
            self._under_way.discard(task)
            answer.close()  # it never began if Discord refused the acknowledgement

    async def drain(self) -> None:
        """Wait for the answers under way, at most DRAIN_S_MAX seconds."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=DRAIN_S_MAX)

    def asker(self, interaction: Interaction) -> Asker:
        """Tell who asks; their language is that of their own Discord client."""
        user = interaction.user
        return Asker(user.id, user.display_name, self._texts(interaction))

    def _texts(self, interaction: Interaction) -> Texts:
        return self._services.languages.speak(str(interaction.locale.value))

    async def _call(self, interaction: Interaction) -> None:
        """Run the command. What cannot be read of the interaction is told like any other error."""
        try:
            await super()._call(interaction)
        except UNREADABLE as error:
            # discord.py would leave this to the task, where nothing logs it.
            unread = app_commands.AppCommandError("the interaction cannot be read")
            unread.__cause__ = error
            await self.on_error(interaction, unread)

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        """Log what broke, and tell the member if Discord lets us."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        if isinstance(cause, discord.HTTPException):
            log.warning("answer.failed", interaction_id=interaction.id, why=str(cause))
            return
        log.error("interaction.failed", interaction_id=interaction.id, exc_info=cause)
        sorry = answers.failed(self._texts(interaction))
        try:
            if interaction.response.is_done():
                await _say(interaction, sorry, only_to_asker=True)
            else:
                await interaction.response.send_message(sorry, ephemeral=True)
        except discord.HTTPException as refused:
            log.warning("answer.failed", interaction_id=interaction.id, why=str(refused))


async def _acknowledge(interaction: Interaction, *, only_to_asker: bool) -> None:
    try:
        await interaction.response.defer(ephemeral=only_to_asker, thinking=True)
    except UNREADABLE as error:
        # Discord took it, and only what it said of that cannot be read.
        log.warning("answer.unread", interaction_id=interaction.id, why=cause_of(error))


async def _say(interaction: Interaction, text: str, *, only_to_asker: bool) -> None:
    try:
        await interaction.followup.send(
            text,
            ephemeral=only_to_asker,
            suppress_embeds=True,
            allowed_mentions=AllowedMentions.none(),
        )
    except UNREADABLE as error:
        # The message was sent. Another one in its place would be the second.
        log.warning("answer.unread", interaction_id=interaction.id, why=cause_of(error))


def _add_commands(tree: Tree, services: Services) -> None:
    commands = services.commands
    guild = discord.Object(services.community.discord.guild_id)
    described = dict(answers.MENU)

    @tree.command(name="guess", description=described["guess"], guild=guild)
    @app_commands.describe(number=GUESS_HINT)
    async def guess(interaction: Interaction, number: Number | None = None) -> None:
        text = "" if number is None else str(number)
        turn = commands.guess(tree.asker(interaction), text, entity_id=str(interaction.id))
        await tree.respond(interaction, turn, only_to_asker=False)

    @tree.command(name="profile", description=described["profile"], guild=guild)
    async def profile(interaction: Interaction) -> None:
        answer = commands.profile(tree.asker(interaction))
        await tree.respond(interaction, answer, only_to_asker=True)

    @tree.command(name="why", description=described["why"], guild=guild)
    @app_commands.describe(member=MEMBER_HINT)
    async def why(
        interaction: Interaction, member: discord.Member | discord.User | None = None
    ) -> None:
        asker = tree.asker(interaction)
        about = None
        if member is not None and member.id != asker.account_id:
            if not interaction.permissions.manage_guild:
                await interaction.response.send_message(
                    reasons.admins_only(asker.texts), ephemeral=True
                )
                return
            about = Subject(member.id, member.display_name)
        await tree.respond(interaction, commands.why(asker, about), only_to_asker=True)

    @tree.command(name="top", description=described["top"], guild=guild)
    async def top(interaction: Interaction) -> None:
        await tree.respond(interaction, commands.top(tree.asker(interaction)), only_to_asker=False)

    @tree.command(name="link", description=described["link"], guild=guild)
    @app_commands.describe(code=CODE_HINT)
    async def link(interaction: Interaction, code: str = "") -> None:
        answer = commands.link(tree.asker(interaction), code)
        await tree.respond(interaction, answer, only_to_asker=True)

    @tree.command(name="help", description=described["help"], guild=guild)
    async def help_(interaction: Interaction) -> None:
        await interaction.response.send_message(
            commands.help(tree.asker(interaction)), ephemeral=True
        )

    @tree.command(name="start", description=START_HINT, guild=guild)
    async def start(interaction: Interaction) -> None:
        await interaction.response.send_message(
            commands.start(tree.asker(interaction)), ephemeral=True
        )
