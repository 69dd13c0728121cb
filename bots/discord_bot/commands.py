"""From Discord's interactions to the rooms' commands, and back."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import discord
import structlog
from discord import AllowedMentions, AppCommandOptionType, Interaction, app_commands

from bots.features.command import (
    Answer,
    Asker,
    Audience,
    Command,
    MemberParameter,
    NumberParameter,
    Parameter,
    Question,
    Target,
    TextParameter,
)
from bots.features.room import Room, commands_of
from bots.runtime.member_limits import MemberLimits
from bots.runtime.room_services import Services
from bots.texts import failures
from bots.texts.languages import Texts
from config.discord_answers import UNREADABLE

from .unreadable_gateway_events import cause_of

log = structlog.get_logger("twinstream.discord_bot")

#: Seconds that a stopping bot gives to the answers in progress.
DRAIN_S_MAX = 5.0


class Tree(app_commands.CommandTree[discord.Client]):
    """The slash commands of one server, and the answers in progress."""

    def __init__(self, client: discord.Client, services: Services, rooms: Sequence[Room]) -> None:
        super().__init__(client)
        self._services = services
        self._limits = MemberLimits()
        self._in_progress: set[asyncio.Task[object]] = set()
        guild = discord.Object(services.community.discord.guild_id)
        for command in commands_of(rooms):
            self.add_command(_slash_command(self, command), guild=guild)

    async def answer(
        self, interaction: Interaction, command: Command[Any], argument: object
    ) -> None:
        """Answer a command. `argument` is the value of its option, None if that was left out."""
        asker = self._asker(interaction)
        if not self._limits.admits(asker.account_id):
            log.info("questions.skipped", account_id=asker.account_id, questions=1)
            text = failures.too_fast(asker.texts)
            await interaction.response.send_message(text, ephemeral=True)
            return
        if isinstance(argument, discord.Member | discord.User):
            argument = Target(argument.id, argument.display_name)
        if isinstance(argument, Target) and argument.account_id == asker.account_id:
            argument = None
        is_ephemeral = command.audience is not Audience.EVERYBODY
        parameter = command.parameter
        if isinstance(argument, Target) and not interaction.permissions.manage_guild:
            assert isinstance(parameter, MemberParameter)
            refusal = parameter.refuse(asker.texts)
            await interaction.response.send_message(refusal, ephemeral=is_ephemeral)
            return
        answer = command.run(Question(asker, argument, str(interaction.id)))
        if command.is_instant:
            text = (await answer).text
            await interaction.response.send_message(text, ephemeral=is_ephemeral)
        else:
            await self._respond(interaction, answer, ephemeral=is_ephemeral)

    async def _respond(
        self, interaction: Interaction, answer: Coroutine[Any, Any, Answer], *, ephemeral: bool
    ) -> None:
        """Acknowledge at once, then work out the answer and send it.

        Discord forgets an interaction that is not acknowledged within three seconds.
        """
        task = asyncio.current_task()
        assert task is not None
        self._in_progress.add(task)
        try:
            await _acknowledge(interaction, ephemeral=ephemeral)
            await _send(interaction, (await answer).text, ephemeral=ephemeral)
        finally:
            self._in_progress.discard(task)
            answer.close()  # it never began if Discord refused the acknowledgement

    async def drain(self) -> None:
        """Wait for the answers in progress, at most DRAIN_S_MAX seconds."""
        if self._in_progress:
            await asyncio.wait(self._in_progress, timeout=DRAIN_S_MAX)

    def _asker(self, interaction: Interaction) -> Asker:
        """Return the asker; their language is that of their own Discord client."""
        user = interaction.user
        return Asker(user.id, user.display_name, self._texts(interaction))

    def _texts(self, interaction: Interaction) -> Texts:
        return self._services.languages.speak(str(interaction.locale.value))

    async def _call(self, interaction: Interaction) -> None:
        """Run the command. An interaction that cannot be read is reported like any other error."""
        try:
            await super()._call(interaction)
        except UNREADABLE as error:
            # discord.py would leave this to the task, where nothing logs it.
            unread = app_commands.AppCommandError("the interaction cannot be read")
            unread.__cause__ = error
            await self.on_error(interaction, unread)

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        """Log the error of a command, and apologise to the member if Discord allows it."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        if isinstance(cause, discord.HTTPException):
            log.warning("answer.failed", interaction_id=interaction.id, why=str(cause))
            return
        log.error("interaction.failed", interaction_id=interaction.id, exc_info=cause)
        apology = failures.failed(self._texts(interaction))
        try:
            if interaction.response.is_done():
                await _send(interaction, apology, ephemeral=True)
            else:
                await interaction.response.send_message(apology, ephemeral=True)
        except discord.HTTPException as refused:
            log.warning("answer.failed", interaction_id=interaction.id, why=str(refused))


async def _acknowledge(interaction: Interaction, *, ephemeral: bool) -> None:
    try:
        await interaction.response.defer(ephemeral=ephemeral, thinking=True)
    except UNREADABLE as error:
        # Discord took the acknowledgement, and only its response to it cannot be read.
        log.warning("response.not_decoded", interaction_id=interaction.id, why=cause_of(error))


async def _send(interaction: Interaction, text: str, *, ephemeral: bool) -> None:
    try:
        await interaction.followup.send(
            text,
            ephemeral=ephemeral,
            suppress_embeds=True,
            allowed_mentions=AllowedMentions.none(),
        )
    except UNREADABLE as error:
        # Discord sent the message, so a second attempt would send it twice.
        log.warning("response.not_decoded", interaction_id=interaction.id, why=cause_of(error))


def _slash_command(tree: Tree, command: Command[Any]) -> app_commands.Command[Any, ..., None]:
    """Make the slash command with which Discord offers a command of a room."""
    parameter = command.parameter
    if parameter is None:

        async def plain(interaction: Interaction) -> None:
            await tree.answer(interaction, command, None)

        return app_commands.Command(
            name=command.name, description=command.description, callback=plain
        )

    async def with_value(interaction: Interaction, value: Any = None) -> None:
        # An empty text counts as none, as in Telegram.
        await tree.answer(interaction, command, None if value == "" else value)

    # discord.py reads the type of an option from the annotation.
    with_value.__annotations__["value"] = _annotation(parameter)
    app_commands.rename(value=parameter.name)(with_value)
    app_commands.describe(value=parameter.hint)(with_value)
    return app_commands.Command(
        name=command.name, description=command.description, callback=with_value
    )


def _annotation(parameter: Parameter) -> Any:
    """Return the annotation of an option that may be left out. Pure."""
    match parameter:
        case NumberParameter():
            return WholeNumber(parameter.least, parameter.most) | None
        case TextParameter():
            return str | None
        case MemberParameter():
            return discord.Member | discord.User | None


class WholeNumber(app_commands.Transformer[discord.Client]):
    """A whole number within a range, which Discord's clients check."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    @property
    def type(self) -> AppCommandOptionType:
        return AppCommandOptionType.integer

    @property
    def min_value(self) -> int:
        return self._least

    @property
    def max_value(self) -> int:
        return self._most

    async def transform(self, interaction: Interaction, value: Any, /) -> Any:
        """Return the number as Discord sent it."""
        return value
