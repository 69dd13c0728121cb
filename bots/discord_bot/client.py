"""Our client: the least of Discord that answering commands in one server takes."""

import asyncio

import discord
import structlog
from discord import app_commands

from bots.app import Services
from db import DbError

from .announcing import announce
from .commands import Tree
from .notifying import notify
from .translator import CatalogueTranslator
from .unreadable import UNREADABLE, cause_of, guard_parsers

log = structlog.get_logger("twinstream.discord_bot")

RATE_LIMIT_WAIT_S_MAX = 30.0
#: What the bot needs where it is invited: the roles are given by the consumers, with this token.
PERMISSIONS = discord.Permissions(
    manage_roles=True, view_channel=True, send_messages=True, view_audit_log=True
)

discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


class TwinClient(discord.Client):
    """Answers the commands of the configured server. Lives for one connection: see D6 in app.py.

    Members come with their interactions, so none are fetched. Only where members are watched, those
    who join are cached: of nobody else does discord.py tell that they passed the screening.
    """

    def __init__(self, services: Services) -> None:
        watched = services.community.discord.watch_members
        super().__init__(
            intents=discord.Intents(guilds=True, members=watched),
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags(voice=False, joined=watched),
            max_ratelimit_timeout=RATE_LIMIT_WAIT_S_MAX,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        guard_parsers(self)
        self.tree = Tree(self, services)
        self._languages = services.languages
        self._services = services
        self._guild_id = services.community.discord.guild_id
        self._introduced = False
        self._telling: list[asyncio.Task[None]] = []

    async def setup_hook(self) -> None:
        """Publish the commands, before the first of them can arrive."""
        await self.tree.set_translator(CatalogueTranslator(self._languages))
        await self._publish_commands()
        self._telling = [
            asyncio.create_task(tell(self, self._services)) for tell in (announce, notify)
        ]

    def is_connected(self) -> bool:
        """Tell whether the gateway has accepted us and its connection is open.

        discord.py closes a connection over which the gateway sends nothing for a minute, not even
        the acknowledgement of a heartbeat.
        """
        return self.is_ready() and self.ws.open

    async def on_ready(self) -> None:
        """Say once which server is served; discord.py calls this again after reconnects."""
        if self._introduced:
            return
        self._introduced = True
        guild = self.get_guild(self._guild_id)
        if guild is None:
            log.warning("bot.started", bot=str(self.user), why=self._invitation())
        else:
            log.info("bot.started", bot=str(self.user), guild_id=guild.id, guild=guild.name)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Begin to serve when the invitation that the log asked for arrives."""
        if guild.id == self._guild_id:
            log.info("guild.joined", guild_id=guild.id, guild=guild.name)
            await self._publish_commands()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """See in passing which roles the member has; their command is answered beside this."""
        member = interaction.user
        if interaction.guild_id == self._guild_id and isinstance(member, discord.Member):
            roles = [role.id for role in member.roles]
            await self._services.sightings.of_roles(member.id, roles, at=interaction.created_at)

    async def on_member_join(self, member: discord.Member) -> None:
        """Show a returning member's rank again; screening, if any, is waited for."""
        await self._show_again(member)

    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        """Show the rank of a member who has passed the screening."""
        if before.pending and not after.pending:
            await self._show_again(after)

    async def _show_again(self, member: discord.Member) -> None:
        if member.guild.id != self._guild_id:
            return
        try:
            await self._services.members.show_again(member.id)
        except DbError as error:
            log.warning("member.not_shown_again", account_id=member.id, why=str(error))

    async def close(self) -> None:
        """Let the answers under way be sent, then leave."""
        for task in self._telling:
            task.cancel()
        await self.tree.drain()
        await super().close()
        # discord.py leaves its wait for the first servers behind, and would call on_ready after it.
        ready = self._connection._ready_task
        if ready is not None:
            ready.cancel()

    async def _publish_commands(self) -> None:
        try:
            await self.tree.sync(guild=discord.Object(self._guild_id))
        except (discord.Forbidden, discord.NotFound):
            log.error("guild.not_served", why=self._invitation())
        except (discord.HTTPException, discord.RateLimited, app_commands.AppCommandError) as error:
            # The commands published earlier still work, so this is no reason not to serve them.
            log.error("commands.not_published", why=str(error))
        except UNREADABLE as error:
            why = f"Discord's answer cannot be read ({cause_of(error)})"
            log.error("commands.not_published", why=why)

    def _invitation(self) -> str:
        assert self.application_id is not None
        url = discord.utils.oauth_url(
            self.application_id,
            permissions=PERMISSIONS,
            guild=discord.Object(self._guild_id),
            scopes=("bot", "applications.commands"),
        )
        return (
            f"the bot is not in the server {self._guild_id}: invite it with {url} ,"
            " or correct discord.guild_id in twinstream.toml"
        )
