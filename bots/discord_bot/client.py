"""The bot's client: it receives from one server what its commands and rooms need, and no more."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import discord
import structlog
from discord import app_commands

from bots.features.exclusions import Exclusions
from bots.features.room import (
    Observation,
    Room,
    duties_of,
    gone,
    heard,
    observed,
    posted,
    replies_of,
    returned,
)
from bots.runtime.delivery import PublicPlace
from bots.runtime.room_services import Services
from bots.runtime.supervisor import Supervisor
from config.discord_answers import UNREADABLE

from .activity.known_members import KnownMembers
from .activity.posted_messages import posted_by_member
from .activity.reactions import Reactions
from .activity.replies import Replies
from .activity.voice_states import VoiceStates, renew_voice_states
from .commands import Tree
from .delivery import DiscordDelivery
from .translator import CatalogueTranslator
from .unreadable_gateway_events import cause_of, guard_parsers

log = structlog.get_logger("twinstream.discord_bot")

#: Seconds that a call waits for Discord's rate limits. A longer wait is an error: by then the
#: member has forgotten the question.
RATE_LIMIT_WAIT_S_MAX = 30.0
#: The permissions that an invitation asks for. The consumers give roles with the same token.
PERMISSIONS = discord.Permissions(
    manage_roles=True,
    view_channel=True,
    send_messages=True,
    read_message_history=True,
)

#: Seconds until the bot is ready after the gateway sent the last of its servers. discord.py waits
#: two, because it prepares all servers; ours is shown to the rooms whenever it comes.
SERVERS_AWAITED_S = 0.5
#: Seconds that a stopping bot gives to its duties.
DUTIES_S_MAX = 5.0
#: Servers that the bot is in instead, named in the log: one of them is probably meant.
OTHER_GUILDS_NAMED = 3

discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


class TwinClient(discord.Client):
    """Answers the commands of the configured server. It serves one connection: app.py says why.

    Interactions carry their members, so the client fetches none. It caches members who join, and
    only where members are watched: discord.py reports the end of the screening only for them.
    """

    def __init__(self, services: Services, rooms: Sequence[Room], supervisor: Supervisor) -> None:
        setting = services.community.discord
        watched = setting.watch_members
        listens = any(room.on_message is not None for room in rooms) or (
            setting.read_messages and bool(replies_of(rooms))
        )
        has_voice = any(room.voice is not None for room in rooms)
        super().__init__(
            intents=discord.Intents(
                guilds=True,
                members=watched,
                guild_messages=listens,
                message_content=listens and setting.read_messages,
                voice_states=has_voice,
                guild_reactions=any(room.on_reaction is not None for room in rooms),
            ),
            # Rooms see each message once and keep none.
            max_messages=None,
            chunk_guilds_at_startup=False,
            guild_ready_timeout=SERVERS_AWAITED_S,
            member_cache_flags=discord.MemberCacheFlags(voice=has_voice, joined=watched),
            max_ratelimit_timeout=RATE_LIMIT_WAIT_S_MAX,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        renew_voice_states(self)
        guard_parsers(self)
        self.tree = Tree(self, services, rooms)
        self._services = services
        self._supervisor = supervisor
        self._rooms = rooms
        self._guild_id = services.community.discord.guild_id
        self._introduced = False
        #: Whether Discord let the bot publish its commands, when it was last asked.
        self._may_publish = True
        self._duties: list[asyncio.Task[None]] = []
        self._heartbeat: Any = None
        self._known = KnownMembers(self, self._guild_id)
        group_texts = services.languages.speak(services.community.announcements.language)
        self._replies = Replies(rooms, self._known, group_texts)
        exclusions = Exclusions(services.community, services.platform)
        self._reactions = Reactions(rooms, self._known, exclusions, self._guild_id)
        self._voice = [
            VoiceStates(room.voice, self._guild_id) for room in rooms if room.voice is not None
        ]
        for watch in (room.voice for room in rooms if room.voice is not None):
            watch.heard_at = self.heard_at

    async def setup_hook(self) -> None:
        """Publish the commands before the first of them can arrive, and begin the duties."""
        await self.tree.set_translator(CatalogueTranslator(self._services.languages))
        await self._publish_commands()
        delivery = DiscordDelivery(self, self._services.community)
        self._duties = [
            asyncio.create_task(
                self._supervisor.keep_up(partial(duty.run, delivery), what=duty.name)
            )
            for duty in duties_of(self._rooms)
        ]

    def is_connected(self) -> bool:
        """Tell whether the gateway has accepted the session and its connection is open.

        discord.py closes a connection on which the gateway sends nothing for a minute, not even the
        acknowledgement of a heartbeat.
        """
        return self.is_ready() and self.ws.open

    def trouble(self) -> str | None:
        """Say that the bot is not in its server, as the operator's screen tells it.

        discord.py keeps a server that is in an outage, and drops one that removed the bot; before
        it is connected it knows none. The address of the invitation is in the log: the screen
        would break it into lines.
        """
        if not self.is_connected() or self.get_guild(self._guild_id) is not None:
            return None
        return (
            f"it is not in the server {self._guild_id}: invite it with the address in its log, or"
            " correct discord.guild_id in twinstream.toml"
        )

    def heard_at(self) -> float | None:
        """Return when the gateway last sent anything, on the clock of `time.perf_counter`.

        discord.py drops its heartbeat before it says that the connection is lost, so the last one
        is kept here. None for a client that never connected.
        """
        heartbeat = getattr(self.ws, "_keep_alive", None)
        self._heartbeat = heartbeat or self._heartbeat
        return None if self._heartbeat is None else float(self._heartbeat._last_recv)

    async def on_ready(self) -> None:
        """Log once which server is served; discord.py calls this again after reconnects."""
        self._show_voice(self.get_guild(self._guild_id))
        if self._introduced:
            return
        self._introduced = True
        guild = self.get_guild(self._guild_id)
        if guild is None:
            self._log_removal()
            return
        log.info("bot.started", bot=str(self.user), guild_id=guild.id, guild=guild.name)
        if not self._may_publish:
            self._log_refused_commands()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Begin to serve when an administrator accepts the invitation that was logged."""
        if guild.id == self._guild_id:
            log.info("guild.joined", guild_id=guild.id, guild=guild.name)
            await self._publish_commands()
            if not self._may_publish:
                self._log_refused_commands()

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Log the invitation when a moderator removes the bot; it serves again once invited."""
        if guild.id == self._guild_id:
            self._log_removal()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer a press, and show the rooms which roles the member has.

        The tree answers commands meanwhile.
        """
        member = interaction.user
        is_ours = interaction.guild_id == self._guild_id and isinstance(member, discord.Member)
        if is_ours and interaction.channel_id is not None:
            # Before anything is earned there.
            heard(self._rooms, member.id, PublicPlace(interaction.channel_id))
        if interaction.type is discord.InteractionType.component:
            await self.tree.press(interaction)
        if is_ours and isinstance(member, discord.Member):
            roles = frozenset(role.id for role in member.roles)
            await observed(self._rooms, Observation(member.id, roles, interaction.created_at))

    async def on_message(self, message: discord.Message) -> None:
        """Show the rooms a message that a member wrote."""
        reads = self.intents.message_content
        found = posted_by_member(message, guild_id=self._guild_id, reads=reads)
        if found is None:
            return
        assert isinstance(message.author, discord.Member)
        self._known.note(message.author)
        heard(self._rooms, found.account_id, PublicPlace(found.place.id), found.message_id)
        posted(self._rooms, found)
        await self._replies.see(message)

    async def on_member_join(self, member: discord.Member) -> None:
        """Tell the rooms of a member who joined; the consumers wait for the screening, if any."""
        self._known.forget(member.id)
        await self._returned(member)

    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        """Tell the rooms of a member who has passed the screening."""
        if before.pending and not after.pending:
            await self._returned(after)

    async def on_raw_member_remove(self, payload: discord.RawMemberRemoveEvent) -> None:
        """Tell the rooms of a member who left, whether or not they are in the cache."""
        if payload.guild_id == self._guild_id:
            self._known.forget(payload.user.id)
            await gone(self._rooms, payload.user.id)

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """Tell the rooms of a reaction."""
        await self._reactions.add(payload)

    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Tell the rooms of a member who came into a voice channel, left it, or was muted."""
        for voice in self._voice:
            voice.update(member, after)

    async def on_resumed(self) -> None:
        """Show the rooms who is in voice channels now; the gateway has sent what was missed."""
        self._show_voice(self.get_guild(self._guild_id))

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Show the rooms who is in voice channels, now that Discord has the server again."""
        self._show_voice(guild)

    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        """Tell the rooms that no voice channel is seen while Discord is in trouble."""
        for voice in self._voice:
            voice.lose(guild)

    async def on_disconnect(self) -> None:
        """Tell the rooms that nothing is seen any more."""
        for voice in self._voice:
            voice.lose()

    def _show_voice(self, guild: discord.Guild | None) -> None:
        self.heard_at()
        for voice in self._voice:
            voice.show(guild)

    async def _returned(self, member: discord.Member) -> None:
        if member.guild.id == self._guild_id:
            await returned(self._rooms, member.id)

    async def close(self) -> None:
        """Finish the answers in progress, then disconnect."""
        for task in self._duties:
            task.cancel()
        await self.tree.drain()
        if self._duties:
            # They finish what they have begun: an announcement that was claimed is sent.
            await asyncio.wait(self._duties, timeout=DUTIES_S_MAX)
        await super().close()
        # discord.py leaves its wait for the first servers running, which would call on_ready later.
        ready = self._connection._ready_task
        if ready is not None:
            ready.cancel()

    async def _publish_commands(self) -> None:
        self._may_publish = True
        try:
            await self.tree.sync(guild=discord.Object(self._guild_id))
        except (discord.Forbidden, discord.NotFound):
            self._may_publish = False  # only the gateway tells whether the bot is in the server
        except (discord.HTTPException, discord.RateLimited, app_commands.AppCommandError) as error:
            # The commands published earlier still work, so the bot serves them.
            log.error("commands.not_published", why=str(error))
        except UNREADABLE as error:
            why = f"Discord's answer cannot be read ({cause_of(error)})"
            log.error("commands.not_published", why=why)

    def _why_not_served(self) -> str:
        others = [f"{guild.id} {guild.name!r}" for guild in self.guilds[:OTHER_GUILDS_NAMED]]
        elsewhere = f"; it is in {', '.join(others)}" if others else ""
        return (
            f"the bot is not in the server {self._guild_id}{elsewhere}: invite it with"
            f" {self._invitation()} , or correct discord.guild_id in twinstream.toml"
        )

    def _log_removal(self) -> None:
        log.error("guild.not_served", bot=str(self.user), why=self._why_not_served())

    def _log_refused_commands(self) -> None:
        why = f"the bot may not publish its commands: invite it again with {self._invitation()}"
        log.error("guild.not_served", why=why)

    def _invitation(self) -> str:
        assert self.application_id is not None
        return discord.utils.oauth_url(
            self.application_id,
            permissions=PERMISSIONS,
            guild=discord.Object(self._guild_id),
            scopes=("bot", "applications.commands"),
        )
