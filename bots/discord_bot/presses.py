"""From Discord's component interactions to the rooms' buttons, and back."""

from collections.abc import Sequence
from typing import Any

import discord
import structlog
from discord import Interaction

from bots.features.command import Answer, Asker, Press, Pressed
from bots.features.room import Room, presses_of
from bots.runtime.button_memory import ButtonMemory
from bots.runtime.member_limits import MemberLimits
from bots.texts import failures
from bots.texts.buttons import PressedData, read_data
from config.discord_answers import UNREADABLE

from .answers import DiscordSent, send, tell_all
from .unreadable_gateway_events import cause_of

log = structlog.get_logger("twinstream.discord_bot")


class Presses:
    """Hands each pressed button to its room, and puts the answer in the place of the message.

    A press that may not be done, or cannot be at the moment, is told to the member alone, and the
    message keeps its buttons. Custom ids say everything, so buttons work after a restart.
    """

    def __init__(self, rooms: Sequence[Room], limits: MemberLimits, memory: ButtonMemory) -> None:
        self._presses = presses_of(rooms)
        self._limits = limits
        self._memory = memory

    async def press(self, interaction: Interaction, asker: Asker) -> None:
        """Do what the button says."""
        sent: Any = interaction.data or {}
        custom_id = str(sent.get("custom_id", ""))
        data = read_data(custom_id)
        press = None if data is None else self._presses.get(data.action)
        if data is None or press is None or interaction.message is None:
            await _tell(interaction, failures.button_too_old(asker.texts))
        elif data.account_id != asker.account_id:
            await _tell(interaction, press.refusal_of_another(asker.texts))
        elif not self._limits.admits(asker.account_id):
            log.info("questions.skipped", account_id=asker.account_id, questions=1)
            await _tell(interaction, failures.too_fast(asker.texts))
        elif self._memory.is_gone(interaction.message.id, custom_id):
            await _acknowledge(interaction)  # pressed twice: the first press changes the message
        elif not _has_button(interaction.message, custom_id):
            await _tell(interaction, failures.button_too_old(asker.texts))
        else:
            self._memory.take(interaction.message.id, custom_id)
            await self._run(interaction, press, asker, data)

    async def _run(
        self, interaction: Interaction, press: Press, asker: Asker, data: PressedData
    ) -> None:
        message = interaction.message
        assert message is not None
        is_private = interaction.guild_id is None or message.flags.ephemeral
        pressed = Pressed(asker, data.value, str(message.id), is_private)
        try:
            await _acknowledge(interaction)
            answer = await press.run(pressed)
        except Exception:
            self._memory.put_back(message.id)
            raise
        if isinstance(answer, str):
            self._memory.put_back(message.id)
            await send(interaction, Answer(answer), self._memory, ephemeral=True)
            return
        if not answer.text:
            self._memory.put_back(message.id)
            await send(interaction, Answer(answer.hint), self._memory, ephemeral=True)
            return
        sent = DiscordSent(interaction, self._memory)
        try:
            await sent.edit(answer)
        except discord.NotFound as error:
            # The member has closed the message: the answer still has to reach them.
            log.info("answer.not_replaced", interaction_id=interaction.id, why=str(error))
            await send(interaction, answer, self._memory, ephemeral=is_private)
            return
        if answer.on_sent is not None:
            answer.on_sent(sent)
        await tell_all(interaction, answer, self._memory, ephemeral=is_private)


def _has_button(message: discord.Message, custom_id: str) -> bool:
    """Tell whether a button under a message has this id: a client may send another one. Pure."""
    return any(
        getattr(item, "custom_id", None) == custom_id
        for row in message.components
        for item in getattr(row, "children", ())
    )


async def _acknowledge(interaction: Interaction) -> None:
    """Tell Discord that the press arrived; the message stays as it is until it is replaced."""
    try:
        await interaction.response.defer()
    except UNREADABLE as error:
        log.warning("response.not_decoded", interaction_id=interaction.id, why=cause_of(error))


async def _tell(interaction: Interaction, text: str) -> None:
    await interaction.response.send_message(text, ephemeral=True)
