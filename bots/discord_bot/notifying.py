"""Notices as direct messages from the Discord bot."""

from http import HTTPStatus

import aiohttp
import discord

from bots.announcements import PerhapsSent, Unsent
from bots.app import Services
from bots.notices import Notifier, Unwanted

from .unreadable import UNREADABLE, cause_of


async def notify(client: discord.Client, services: Services) -> None:
    """Tell the owners of Discord accounts what concerns them, until cancelled."""

    async def send(account_id: int, text: str) -> None:
        try:
            channel = await client.create_dm(discord.Object(account_id))
            await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
        except discord.RateLimited as error:
            raise Unsent(str(error)) from error
        except discord.HTTPException as error:
            # Some members take no direct messages, some accounts are gone.
            if error.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
                raise Unwanted(str(error)) from error
            raise PerhapsSent(str(error)) from error
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            raise PerhapsSent(str(error)) from error
        except UNREADABLE as error:
            raise PerhapsSent(f"the answer cannot be read ({cause_of(error)})") from error

    texts = services.languages.speak(services.community.announcements.language)
    await Notifier(services.members, texts, send).run()
