"""Messages from the Discord bot that answer no command: announcements and direct messages."""

from http import HTTPStatus
from typing import Final

import aiohttp
import discord

from bots.runtime.delivery import PerhapsSent, PublicPlace, Unsent, Unwanted
from bots.texts.buttons import Rows
from config import Community
from config.discord_answers import UNREADABLE, wait_asked_s

from .answers import text_with_copies, view_of
from .unreadable_gateway_events import cause_of

#: Discord's answers for members who take no direct messages and for accounts that are gone.
_UNWANTED = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)

#: Discord's codes of lasting refusals, and what they mean.
_CAUSES: Final = {
    10003: "the channel or thread does not exist (any more)",
    50001: "the bot does not see the channel",
    50008: "the channel takes no messages",
    50013: "the bot may not write there",
    50083: "the thread is archived",
    160005: "the thread is locked",
}
#: The meaning of a refusal with another code.
_CAUSES_OF_STATUS: Final[dict[int, str]] = {
    HTTPStatus.FORBIDDEN: "the bot may not write there",
    HTTPStatus.NOT_FOUND: "the channel or thread does not exist (any more)",
}


class DiscordDelivery:
    """Announces in one channel and tells accounts by direct message. A `bots.runtime.Delivery`."""

    def __init__(self, client: discord.Client, community: Community) -> None:
        self._client = client
        self._guild_id = community.discord.guild_id

    async def announce(self, place: PublicPlace, text: str, *, reply_to: int | None = None) -> None:
        assert place.channel_id is not None
        channel = self._client.get_partial_messageable(place.channel_id)
        mentions = discord.AllowedMentions.none()
        try:
            if reply_to is None:
                await channel.send(
                    text, silent=True, suppress_embeds=True, allowed_mentions=mentions
                )
            else:
                answered = discord.MessageReference(
                    message_id=reply_to, channel_id=channel.id, fail_if_not_exists=False
                )
                await channel.send(
                    text,
                    silent=True,
                    suppress_embeds=True,
                    allowed_mentions=mentions,
                    reference=answered,
                )
        except discord.HTTPException as error:
            cause = _CAUSES.get(error.code, _CAUSES_OF_STATUS.get(error.status))
            if cause is None:
                raise _fate(error) from error
            raise Unsent(f"{error} (channel {channel.id})", cause=cause) from error
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            raise _fate(error) from error
        except UNREADABLE as error:
            raise PerhapsSent(f"the answer cannot be read ({cause_of(error)})") from error

    async def community_name(self) -> str:
        guild = self._client.get_guild(self._guild_id)
        return "" if guild is None else guild.name

    async def tell(self, account_id: int, text: str, buttons: Rows = ()) -> None:
        shown = text_with_copies(text, buttons)
        view = view_of(buttons, account_id)
        mentions = discord.AllowedMentions.none()
        try:
            channel = await self._client.create_dm(discord.Object(account_id))
            if view is None:
                await channel.send(shown, allowed_mentions=mentions)
            else:
                await channel.send(shown, allowed_mentions=mentions, view=view)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            if isinstance(error, discord.HTTPException) and error.status in _UNWANTED:
                raise Unwanted(str(error)) from error
            raise _fate(error) from error
        except UNREADABLE as error:
            raise PerhapsSent(f"the answer cannot be read ({cause_of(error)})") from error

    async def bot_name(self) -> str | None:
        return None


def _fate(error: Exception) -> Unsent | PerhapsSent:
    """Say whether a message that met this error may have been sent. Pure."""
    wait_s = wait_asked_s(error)
    return PerhapsSent(str(error)) if wait_s is None else Unsent(str(error), retry_s=wait_s)
