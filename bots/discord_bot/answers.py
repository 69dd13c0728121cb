"""Answers on their way to Discord, the buttons under them, and the ones that are replaced later."""

import io
from typing import Final

import aiohttp
import discord
import structlog
from discord import AllowedMentions, Interaction
from discord.ui import View
from discord.utils import MISSING

from bots.features.command import Answer
from bots.runtime.button_memory import ButtonMemory
from bots.texts.buttons import (
    Button,
    CopyButton,
    LinkButton,
    PressButton,
    Rows,
    data_in,
    data_of,
)
from config.discord_answers import UNREADABLE

from .unreadable_gateway_events import cause_of

log = structlog.get_logger("twinstream.discord_bot")


#: Characters of the description of a picture.
DESCRIPTION_CHARS_MAX: Final = 1_024
#: The statuses from here on are Discord's own faults.
SERVER_ERROR: Final = 500


class DiscordSent:
    """An answer to an interaction. A `bots.features.command.Sent` for 15 minutes.

    Discord lets a bot edit what it answered for as long as the token of the interaction is good.
    """

    def __init__(self, interaction: Interaction, memory: ButtonMemory) -> None:
        self._interaction = interaction
        self._memory = memory
        #: The message, once it is known: its buttons are remembered by it.
        self.message_id = None if interaction.message is None else interaction.message.id

    async def replace(self, answer: Answer) -> bool:
        try:
            await self.edit(answer)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.info("answer.not_replaced", interaction_id=self._interaction.id, why=str(error))
            return False
        return True

    async def edit(self, answer: Answer) -> None:
        """Replace the text and the buttons of the message.

        Raises:
            discord.HTTPException: Discord did not do it.
        """
        account_id = self._interaction.user.id
        if self.message_id is not None:
            self._memory.renew(self.message_id, data_in(answer.buttons, account_id))
        try:
            await self._interaction.edit_original_response(
                content=text_with_copies(answer.text, answer.buttons),
                view=view_of(answer.buttons, account_id),
                attachments=_files(answer) or MISSING,
                allowed_mentions=AllowedMentions.none(),
            )
        except UNREADABLE as error:
            # Discord has changed the message.
            why = cause_of(error)
            log.warning("response.not_decoded", interaction_id=self._interaction.id, why=why)


async def acknowledge(interaction: Interaction, *, ephemeral: bool) -> None:
    """Tell Discord that an answer will follow."""
    try:
        await interaction.response.defer(ephemeral=ephemeral, thinking=True)
    except UNREADABLE as error:
        # Discord took the acknowledgement, and only its response to it cannot be read.
        log.warning("response.not_decoded", interaction_id=interaction.id, why=cause_of(error))


async def send(
    interaction: Interaction, answer: Answer, memory: ButtonMemory, *, ephemeral: bool
) -> None:
    """Send the answer to an interaction that was acknowledged."""
    message_id = None
    picture = await _drawn(answer)
    try:
        try:
            message = await _follow_up(interaction, answer, picture, ephemeral=ephemeral)
        except discord.HTTPException as error:
            if picture is None or error.status >= SERVER_ERROR:
                raise
            # The channel, or the member's role, may allow no files.
            log.info("picture.not_sent", interaction_id=interaction.id, why=str(error))
            message = await _follow_up(interaction, answer, None, ephemeral=ephemeral)
        message_id = message.id
    except UNREADABLE as error:
        # Discord sent the message, so a second attempt would send it twice.
        log.warning("response.not_decoded", interaction_id=interaction.id, why=cause_of(error))
    if answer.on_sent is not None:
        sent = DiscordSent(interaction, memory)
        sent.message_id = message_id
        answer.on_sent(sent)


async def tell_all(
    interaction: Interaction, answer: Answer, memory: ButtonMemory, *, ephemeral: bool
) -> None:
    """Tell everybody in the server what an answer for the asker alone has for them."""
    if not answer.told_to_all or not ephemeral or interaction.guild_id is None:
        return
    try:
        await send(interaction, Answer(answer.told_to_all), memory, ephemeral=False)
    except discord.HTTPException as error:
        # The asker has the answer, and a channel may forbid what others read.
        log.info("answer.not_told", interaction_id=interaction.id, why=str(error))


async def _drawn(answer: Answer) -> discord.File | None:
    """Return the picture of an answer; None if it has none, or it cannot be drawn."""
    picture = answer.picture
    content = None if picture is None else await picture.draw()
    if picture is None or content is None:
        return None
    description = picture.description[:DESCRIPTION_CHARS_MAX]
    return discord.File(io.BytesIO(content), picture.name, description=description)


async def _follow_up(
    interaction: Interaction, answer: Answer, picture: discord.File | None, *, ephemeral: bool
) -> discord.WebhookMessage:
    text = answer.text
    if picture is not None and answer.picture is not None:
        text = answer.picture.caption
    files = [*_files(answer), *([] if picture is None else [picture])]
    return await interaction.followup.send(
        text_with_copies(text, answer.buttons),
        ephemeral=ephemeral,
        suppress_embeds=True,
        allowed_mentions=AllowedMentions.none(),
        view=view_of(answer.buttons, interaction.user.id) or MISSING,
        files=files or MISSING,
        wait=True,
    )


async def send_at_once(interaction: Interaction, answer: Answer, *, ephemeral: bool) -> None:
    """Send an answer that was ready within the seconds that Discord waits."""
    await interaction.response.send_message(
        text_with_copies(answer.text, answer.buttons),
        ephemeral=ephemeral,
        view=view_of(answer.buttons, interaction.user.id) or MISSING,
    )


def _files(answer: Answer) -> list[discord.File]:
    if answer.file is None:
        return []
    return [discord.File(io.BytesIO(answer.file.content), answer.file.name)]


def view_of(rows: Rows, account_id: int) -> View | None:
    """Return the buttons under a message for this account; None if it has none."""
    view = View(timeout=None)
    number = 0
    for row in rows:
        shown = [_item(one, account_id) for one in row if not isinstance(one, CopyButton)]
        for item in shown:
            item.row = number
            view.add_item(item)
        number += bool(shown)
    if not number:
        return None
    # discord.py would keep a view that listens for ever; presses are read from their custom ids.
    view.stop()
    return view


def text_with_copies(text: str, rows: Rows) -> str:
    """Return the text of a message, with a block to copy for each copy button. Pure."""
    blocks = [
        f"```\n{one.text.replace('```', '')}\n```"
        for row in rows
        for one in row
        if isinstance(one, CopyButton)
    ]
    return "\n".join([text, *blocks])


def _item(button: Button, account_id: int) -> discord.ui.Button[View]:
    if isinstance(button, LinkButton):
        return discord.ui.Button(label=button.label, url=button.url)
    assert isinstance(button, PressButton)
    return discord.ui.Button(
        label=button.label,
        custom_id=data_of(button, account_id),
        style=discord.ButtonStyle.secondary,
    )
