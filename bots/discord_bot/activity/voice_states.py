"""Voice channels: who is in which, and who can speak and hear, for the room of voice."""

from typing import Any

import discord

from bots.features.room import VoiceWatch
from bots.features.voice_members import Connected

from .posted_messages import place_of


def renew_voice_states(client: discord.Client) -> None:
    """Let each GUILD_CREATE say alone who is connected.

    discord.py adds its voice states to those of before, so it would keep who left while the server
    was away. They are forgotten as the event is read: its handlers run later, beside others.
    """
    parsers = client._connection.parsers
    parse = parsers["GUILD_CREATE"]

    def renew(data: Any) -> None:
        guild = client.get_guild(int(data["id"]))
        if guild is not None:
            guild._voice_states.clear()
        parse(data)

    parsers["GUILD_CREATE"] = renew


class VoiceStates:
    """Hands on what one server shows of its voice channels.

    discord.py keeps the states of members from GUILD_CREATE on, and their members while they are
    connected.
    """

    def __init__(self, watch: VoiceWatch, guild_id: int) -> None:
        self._watch = watch
        self._guild_id = guild_id

    def show(self, guild: discord.Guild | None) -> None:
        """Show everybody who is connected now: after READY, RESUMED, or GUILD_CREATE."""
        if guild is None or guild.id != self._guild_id or guild.unavailable:
            return
        found = []
        for account_id, state in guild._voice_states.items():
            member = guild.get_member(account_id)
            if member is not None:
                found.append(self._connected(member, state))
        self._watch.shown([one for one in found if one is not None])

    def update(self, member: discord.Member, state: discord.VoiceState) -> None:
        """Hand on one change: the member came, left, moved, or was muted."""
        if member.guild.id != self._guild_id:
            return
        connected = self._connected(member, state)
        if connected is None:
            self._watch.left(member.id)
        else:
            self._watch.changed(connected)

    def lose(self, guild: discord.Guild | None = None) -> None:
        """Say that nothing is seen any more: the connection, or the server, is away."""
        if guild is None or guild.id == self._guild_id:
            self._watch.lost()

    def _connected(self, member: discord.Member, state: discord.VoiceState) -> Connected | None:
        channel = state.channel
        if channel is None:
            return None
        afk = member.guild.afk_channel
        is_afk = afk is not None and afk.id == channel.id
        return Connected(
            account_id=member.id,
            channel_id=channel.id,
            is_bot=member.bot,
            # `suppress` is the audience of a stage, and everybody in the AFK channel.
            can_speak=not (state.mute or state.self_mute or state.suppress),
            can_hear=not (state.deaf or state.self_deaf),
            earns=not is_afk and self._watch.earns(member.id, place_of(channel), member._roles),
        )
