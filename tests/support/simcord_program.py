"""Asks simcord what tests/sandbox/discord_probes.py asks the sandbox; prints the outcomes as JSON.

Needs simcord on PYTHONPATH, beside the checkout.
"""

import asyncio
import importlib
import json
import sys
from typing import Any

from tests.sandbox.discord_probes import Place, outcomes
from tests.support.discord_sandbox import discord

# The permissions of the bot, here and in the sandbox.
RIGHTS = (
    "view_channel",
    "send_messages",
    "read_message_history",
    "embed_links",
    "attach_files",
    "add_reactions",
    "manage_roles",
    "kick_members",
    "ban_members",
    "manage_nicknames",
    "moderate_members",
    "manage_channels",
    "view_audit_log",
    "create_public_threads",
    "send_messages_in_threads",
    "change_nickname",
)


async def main() -> None:
    simcord = importlib.import_module("simcord")
    bot = discord.Client(intents=discord.Intents.all())
    env: Any = simcord.Env(bot)
    await env.start()
    owner = env.create_user("vera")
    guild = env.create_guild(owner=owner)
    channel = guild.create_text_channel("general")
    rights = discord.Permissions(**dict.fromkeys(RIGHTS, True))
    low, managed = guild.create_role("low"), guild.create_role("boost")
    own, high = guild.create_role("bot", permissions=rights), guild.create_role("high")
    stored = env.backend.guilds[guild.id]
    stored.roles[managed.id].managed = True
    for position, role in enumerate((low, managed, own, high), start=1):
        stored.roles[role.id].position = position
    assert bot.user is not None
    stored.members[bot.user.id].role_ids[:] = [own.id]
    # @everyone may do as little as in the sandbox's guild: see, write and read.
    stored.roles[guild.id].permissions = discord.Permissions(
        view_channel=True, send_messages=True, read_message_history=True
    ).value
    member = guild.add_member(env.create_user("alice"))
    await member.send(channel, "hello")
    place = Place(
        guild.id,
        channel.id,
        member.id,
        owner.id,
        low.id,
        high.id,
        managed.id,
        channel.last_message.id,
    )
    sys.stdout.write(json.dumps(await outcomes(bot, place)))


if __name__ == "__main__":
    asyncio.run(main())
