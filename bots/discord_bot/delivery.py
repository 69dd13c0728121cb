"""Messages from the Discord bot that answer no command: announcements and direct messages."""

from http import HTTPStatus

import aiohttp
import discord

from bots.runtime.delivery import PerhapsSent, Unsent, Unwanted
from bots.texts.buttons import Rows
from config import Community
from config.discord_answers import UNREADABLE, wait_asked_s

from .answers import text_with_copies, view_of
from .unreadable_gateway_events import cause_of

#: Discord's answers for members who take no direct messages and for accounts that are gone.
_UNWANTED = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


class DiscordDelivery:
    """Announces in one channel and tells accounts by direct message. A `bots.runtime.Delivery`."""

    def __init__(self, client: discord.Client, community: Community) -> None:
        self._client = client
        self._channel_id = community.announcements.discord_channel_id

    @property
    def has_announcements(self) -> bool:
        return self._channel_id is not None

    async def announce(self, text: str) -> None:
        assert self._channel_id is not None
        channel = self._client.get_partial_messageable(self._channel_id)
        try:
            await channel.send(
                text,
                silent=True,
                suppress_embeds=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except (discord.Forbidden, discord.NotFound) as error:
            raise Unsent(f"{error} (channel {channel.id})") from error
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            raise _fate(error) from error
        except UNREADABLE as error:
            raise PerhapsSent(f"the answer cannot be read ({cause_of(error)})") from error

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
