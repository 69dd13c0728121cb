"""From Discord's interactions to the rooms' commands, and back."""

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any

import discord
import structlog
from discord import AppCommandOptionType, Interaction, app_commands

from bots.features.command import (
    Answer,
    Asker,
    Audience,
    Command,
    Form,
    FormParameter,
    MemberParameter,
    NumberParameter,
    Parameter,
    Question,
    Target,
    TargetKind,
    TextParameter,
)
from bots.features.room import Room, beside, commands_of
from bots.runtime.button_memory import ButtonMemory
from bots.runtime.member_limits import MemberLimits
from bots.runtime.room_services import Services
from bots.texts import failures
from bots.texts.languages import Texts
from config.discord_answers import UNREADABLE

from .answers import acknowledge, send, send_at_once, tell_all
from .members.avatars import DiscordAvatars
from .presses import Presses

log = structlog.get_logger("twinstream.discord_bot")

#: Seconds that a stopping bot gives to the answers in progress.
DRAIN_S_MAX = 5.0


class Tree(app_commands.CommandTree[discord.Client]):
    """The slash commands of one server, and the answers in progress."""

    def __init__(self, client: discord.Client, services: Services, rooms: Sequence[Room]) -> None:
        super().__init__(client)
        self._services = services
        self._rooms = rooms
        self._limits = MemberLimits()
        self._memory = ButtonMemory()
        self._in_progress: set[asyncio.Task[object]] = set()
        self._presses = Presses(rooms, self._limits, self._memory)
        guild = discord.Object(services.community.discord.guild_id)
        for command in commands_of(rooms):
            self.add_command(_slash_command(self, command), guild=guild)
            if command.user_menu:
                self.add_command(_user_menu(self, command), guild=guild)

    async def answer(
        self,
        interaction: Interaction,
        command: Command[Any],
        argument: object,
        *,
        is_flagged: bool = False,
    ) -> None:
        """Answer a command. `argument` is the value of its option, None if that was left out."""
        asker = self._asker(interaction)
        if not self._limits.admits(asker.account_id):
            log.info("questions.skipped", account_id=asker.account_id, questions=1)
            text = failures.too_fast(asker.texts)
            await interaction.response.send_message(text, ephemeral=True)
            return
        people = [interaction.user]
        if isinstance(argument, discord.Member | discord.User):
            people.append(argument)
            is_here = isinstance(argument, discord.Member)
            argument = Target(
                argument.id, argument.display_name, argument.bot, is_here, _roles_of(argument)
            )
        if isinstance(argument, Target) and argument.account_id == asker.account_id:
            argument = None
        is_ephemeral = command.audience is not Audience.EVERYBODY
        refuse = _refusal_of_others(command, argument)
        if refuse is not None and not interaction.permissions.manage_guild:
            await interaction.response.send_message(refuse(asker.texts), ephemeral=is_ephemeral)
            return
        answer = command.run(
            Question(
                asker,
                argument,
                str(interaction.id),
                asked_at=interaction.created_at,
                is_flagged=is_flagged,
                avatars=DiscordAvatars(people),
            )
        )
        if command.is_instant:
            await send_at_once(interaction, await answer, ephemeral=is_ephemeral)
        else:
            await self._respond(interaction, answer, ephemeral=is_ephemeral)

    async def _respond(
        self, interaction: Interaction, answer: Coroutine[Any, Any, Answer], *, ephemeral: bool
    ) -> None:
        """Acknowledge at once, then work out the answer and send it.

        Discord forgets an interaction that is not acknowledged within three seconds.
        """
        with self._progress():
            try:
                await acknowledge(interaction, ephemeral=ephemeral)
                done = await answer
                await send(interaction, done, self._memory, ephemeral=ephemeral)
                await tell_all(interaction, done, self._memory, ephemeral=ephemeral)
                for more in await beside(self._rooms, self._asker(interaction)):
                    await send(interaction, more, self._memory, ephemeral=True)
            finally:
                answer.close()  # it never began if Discord refused the acknowledgement

    async def press(self, interaction: Interaction) -> None:
        """Do what a pressed button says."""
        with self._progress():
            try:
                await self._presses.press(interaction, self._asker(interaction))
            except Exception as error:  # noqa: BLE001 - any error of a press is its own
                await self._report(interaction, error)

    @contextlib.contextmanager
    def _progress(self) -> Iterator[None]:
        """Let a stop of the bot wait for the block."""
        task = asyncio.current_task()
        assert task is not None
        self._in_progress.add(task)
        try:
            yield
        finally:
            self._in_progress.discard(task)

    async def drain(self) -> None:
        """Wait for the answers in progress, at most DRAIN_S_MAX seconds."""
        if self._in_progress:
            await asyncio.wait(self._in_progress, timeout=DRAIN_S_MAX)

    def _asker(self, interaction: Interaction) -> Asker:
        """Return the asker; their language is that of their own Discord client."""
        user = interaction.user
        return Asker(user.id, user.display_name, self._texts(interaction), _roles_of(user))

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
        await self._report(interaction, cause)

    async def _report(self, interaction: Interaction, cause: Exception) -> None:
        if isinstance(cause, discord.HTTPException):
            log.warning("answer.failed", interaction_id=interaction.id, why=str(cause))
            return
        log.error("interaction.failed", interaction_id=interaction.id, exc_info=cause)
        apology = failures.failed(self._texts(interaction))
        try:
            if interaction.response.is_done():
                await send(interaction, Answer(apology), self._memory, ephemeral=True)
            else:
                await interaction.response.send_message(apology, ephemeral=True)
        except discord.HTTPException as refused:
            log.warning("answer.failed", interaction_id=interaction.id, why=str(refused))


def _refusal_of_others(command: Command[Any], argument: object) -> Callable[[Texts], str] | None:
    """Return the refusal of members who are no administrators; None if all may ask this. Pure."""
    if isinstance(argument, Target):
        assert isinstance(command.parameter, MemberParameter)
        return command.parameter.refuse
    return command.refuse_others


def _slash_command(tree: Tree, command: Command[Any]) -> app_commands.Command[Any, ..., None]:
    """Make the slash command with which Discord offers a command of a room."""
    parameter = command.parameter
    if isinstance(parameter, FormParameter):
        return _registered(command, _form_callback(tree, command, parameter))
    if parameter is None:

        async def plain(interaction: Interaction) -> None:
            await tree.answer(interaction, command, None)

        return _registered(command, plain)

    async def with_value(interaction: Interaction, value: Any = None) -> None:
        # An empty text counts as none, as in Telegram.
        await tree.answer(interaction, command, None if value == "" else value)

    async def with_both(
        interaction: Interaction, value: Any = None, flag: bool | None = None
    ) -> None:
        await tree.answer(
            interaction, command, None if value == "" else value, is_flagged=bool(flag)
        )

    callback: Any = with_value if command.flag is None else with_both
    # discord.py reads the type of an option from the annotation.
    callback.__annotations__["value"] = _annotation(parameter)
    app_commands.rename(value=parameter.name)(callback)
    app_commands.describe(value=parameter.hint)(callback)
    if isinstance(parameter, TextParameter) and parameter.choices:
        app_commands.choices(
            value=[
                app_commands.Choice(name=app_commands.locale_str(one.label), value=one.value)
                for one in parameter.choices
            ]
        )(callback)
    if command.flag is not None:
        app_commands.rename(flag=command.flag.name)(callback)
        app_commands.describe(flag=command.flag.hint)(callback)
    return _registered(command, callback)


def _user_menu(tree: Tree, command: Command[Any]) -> app_commands.ContextMenu:
    """Make the entry of a member's context menu that runs a command for that member."""

    async def of_member(interaction: Interaction, member: discord.Member | discord.User) -> None:
        await tree.answer(interaction, command, member)

    return app_commands.ContextMenu(name=command.user_menu, callback=of_member)


def _registered(command: Command[Any], callback: Any) -> app_commands.Command[Any, ..., None]:
    made: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=command.name, description=command.description, callback=callback
    )
    if command.refuse_others is not None:
        # Discord's clients offer it to administrators only, unless these let other roles use it.
        made.default_permissions = discord.Permissions(manage_guild=True)
    return made


def _form_callback(tree: Tree, command: Command[Any], form: FormParameter) -> Any:
    """Return the callback of a command with several options, all of which may be left out."""

    async def with_form(interaction: Interaction, **given: Any) -> None:
        await tree.answer(interaction, command, _form(given.pop(form.member.name, None), given))

    options = {form.member.name: discord.Member | discord.User | None}
    options |= {one.name: _annotation(one) for one in form.fields}
    kinds = inspect.Parameter
    parameters = [kinds("interaction", kinds.POSITIONAL_OR_KEYWORD, annotation=Interaction)]
    parameters += [
        kinds(name, kinds.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in options.items()
    ]
    # discord.py reads the options from the signature.
    with_form.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    hints = {one.name: one.hint for one in (form.member, *form.fields)}
    app_commands.describe(**hints)(with_form)
    return with_form


def _roles_of(user: discord.User | discord.Member) -> frozenset[int]:
    return frozenset(user._roles) if isinstance(user, discord.Member) else frozenset()


def _form(member: Any, given: Mapping[str, Any]) -> Form:
    """Return the options of a form. A user who is no member of the server has left it. Pure."""
    values = {name: value for name, value in given.items() if value not in (None, "")}
    if member is None:
        return Form(None, TargetKind.UNKNOWN, values)
    kind = TargetKind.MEMBER if isinstance(member, discord.Member) else TargetKind.OUTSIDE
    if member.bot:
        kind = TargetKind.BOT
    return Form(Target(member.id, member.display_name), kind, values)


def _annotation(parameter: Parameter) -> Any:
    """Return the annotation of an option that may be left out. Pure."""
    match parameter:
        case NumberParameter():
            return WholeNumber(parameter.least, parameter.most) | None
        case TextParameter():
            return str | None
        case MemberParameter() | FormParameter():
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
