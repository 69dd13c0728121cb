"""Messages in the community's server, for the rooms."""

from datetime import datetime
from typing import Final

import discord

from bots.features.posted_messages import MessagePlace, Posted

#: Types of messages that a person writes. All others are news of the server, or commands.
_WRITTEN: Final = (discord.MessageType.default, discord.MessageType.reply)


def posted_by_member(message: discord.Message, *, guild_id: int, reads: bool) -> Posted | None:
    """Return what a member wrote by themselves; None for any other message. Pure.

    Left out are posts of bots, apps and webhooks, forwards, crossposts, and members who may not
    write yet or now. `reads` tells whether Discord shows the bot what is written.
    """
    author = message.author
    if message.guild is None or message.guild.id != guild_id or message.type not in _WRITTEN:
        return None
    if not isinstance(author, discord.Member) or author.bot or message.webhook_id is not None:
        return None
    is_passed_on = (
        message.flags.is_crossposted
        or message.flags.forwarded
        or bool(message.message_snapshots)
        or message.application_id is not None
        or message.interaction_metadata is not None
    )
    if is_passed_on or author.pending or _is_timed_out(author, message.created_at):
        return None
    return Posted(
        account_id=author.id,
        name=author.display_name,
        message_id=message.id,
        place=place_of(message.channel),
        at=message.created_at,
        text=_text_of(message) if reads else _unread_text_of(message),
        roles=frozenset(author._roles),
    )


def _is_timed_out(member: discord.Member, at: datetime) -> bool:
    return member.timed_out_until is not None and member.timed_out_until > at


def place_of(channel: discord.abc.Snowflake) -> MessagePlace:
    """Return a channel with the channel of a thread, and with the category. Pure."""
    parent: object = channel
    found = []
    if isinstance(channel, discord.Thread):
        parent = channel.parent
        found.append(channel.parent_id)
    category = getattr(parent, "category_id", None)
    within = (*found, category) if category is not None else tuple(found)
    return MessagePlace(channel.id, within=within)


def _text_of(message: discord.Message) -> str | None:
    """Return the text to judge; None for a file or a poll without a text. Pure."""
    if not message.content and (message.attachments or message.poll is not None):
        return None
    return message.content


def _unread_text_of(message: discord.Message) -> str | None:
    """Return an empty text for a sticker, which Discord shows to all; None for all else. Pure."""
    return "" if message.stickers else None
