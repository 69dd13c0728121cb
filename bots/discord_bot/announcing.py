"""Announcements in a channel of the Discord server."""

import aiohttp
import discord

from bots.announcements import Announcer, PerhapsSent, Unsent
from bots.app import Services

from .markup import DiscordMarkup
from .unreadable import UNREADABLE, cause_of


async def announce(client: discord.Client, services: Services) -> None:
    """Announce in the configured channel until cancelled; return at once if there is none."""
    settings = services.community.announcements
    if settings.discord_channel_id is None:
        return
    channel = client.get_partial_messageable(settings.discord_channel_id)

    async def send(text: str) -> None:
        try:
            await channel.send(text, silent=True, allowed_mentions=discord.AllowedMentions.none())
        except (discord.Forbidden, discord.NotFound, discord.RateLimited) as error:
            raise Unsent(f"{error} (channel {channel.id})") from error
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            raise PerhapsSent(str(error)) from error
        except UNREADABLE as error:
            raise PerhapsSent(f"the answer cannot be read ({cause_of(error)})") from error

    texts = services.languages.speak(settings.language)
    announcer = Announcer(services.members, services.community, texts, DiscordMarkup(), send)
    await announcer.run()
