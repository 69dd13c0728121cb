"""Messages and the reactions to them."""

from sandbox.discord_api.world import Message, Reaction, World

from .channels import channel
from .files import attachment, expanded, url_of
from .json_values import Json
from .users import basic_member, member, user

__all__ = ["forward_of", "message", "message_event", "reaction_event"]

REPLY = 19
SUPPRESS_EMBEDS = 1 << 2
# The fields of a message that a forward of it shows.
SNAPSHOT = (
    "type",
    "content",
    "mentions",
    "mention_roles",
    "attachments",
    "embeds",
    "timestamp",
    "edited_timestamp",
    "flags",
    "components",
    "sticker_items",
)


def message(one: Message, world: World) -> Json:
    """A message, as in REST, with the message that it replies to."""
    shown = _content(one, world)
    if one.forwarded is not None:
        shown |= one.forwarded
    if one.reply_to is not None:
        shown["message_reference"] = {
            "type": 0,
            "channel_id": str(one.channel_id),
            "message_id": str(one.reply_to),
        }
        if not world.channels[one.channel_id].direct:
            shown["message_reference"]["guild_id"] = str(world.guild.id)
    if one.type == REPLY:
        replied = world.messages.get(one.reply_to or 0)
        shown["referenced_message"] = None if replied is None else _content(replied, world)
    return shown


def _content(one: Message, world: World) -> Json:
    embeds = expanded(one.embeds, one.attachments, world) if one.attachments else one.embeds
    components = (
        expanded(one.components, one.attachments, world) if one.attachments else one.components
    )
    shown: Json = {
        "id": str(one.id),
        "channel_id": str(one.channel_id),
        "type": one.type,
        "content": one.content,
        "author": user(world.users[one.author_id]),
        "timestamp": one.timestamp,
        "edited_timestamp": one.edited_timestamp,
        "flags": one.flags,
        "embeds": [] if one.flags & SUPPRESS_EMBEDS else embeds,
        "components": components,
        "attachments": _attachments(one, world),
        "mentions": [user(world.users[mentioned]) for mentioned in one.mentions],
        "mention_roles": [str(role_id) for role_id in one.mention_roles],
        "mention_everyone": one.mention_everyone,
        "pinned": one.pinned_at is not None,
        "tts": False,
    }
    if one.reactions:
        shown["reactions"] = [_reaction(each, world) for each in one.reactions]
    if one.stickers:
        shown["sticker_items"] = one.stickers
    if one.nonce is not None:
        shown["nonce"] = one.nonce
    if one.author_id in world.applications:
        shown["application_id"] = str(one.author_id)
    if one.interaction is not None:
        shown["webhook_id"] = str(one.author_id)
        shown["interaction_metadata"] = one.interaction
    if one.thread_id in world.channels:
        shown["thread"] = channel(world.channels[one.thread_id], world)
    return shown


def forward_of(one: Message, world: World) -> Json:
    """The parts of a message that forwards another one: where that is, and what it showed."""
    if one.forwarded is not None:
        return one.forwarded
    reference: Json = {"type": 1, "channel_id": str(one.channel_id), "message_id": str(one.id)}
    if not world.channels[one.channel_id].direct:
        reference["guild_id"] = str(world.guild.id)
    whole = _content(one, world)
    snapshot = {name: whole[name] for name in SNAPSHOT if name in whole}
    return {"message_reference": reference, "message_snapshots": [{"message": snapshot}]}


def _attachments(one: Message, world: World) -> list[Json]:
    """The attachments, but for files that an embed shows: Discord lists these only there."""
    in_embeds = {
        holder.get(name)
        for embed in one.embeds
        for holder in (*embed.values(), embed)
        if isinstance(holder, dict)
        for name in ("url", "icon_url")
    }
    return [
        attachment(file, world) | ({"ephemeral": True} if one.visible_to else {})
        for file in one.attachments
        if f"attachment://{file.filename}" not in in_embeds and url_of(file, world) not in in_embeds
    ]


def message_event(one: Message, world: World) -> Json:
    """A message, as in gateway events: with its guild, and the membership of everybody in it."""
    shown = message(one, world)
    if world.channels[one.channel_id].direct:
        return shown
    members = world.guild.members
    shown["guild_id"] = str(world.guild.id)
    author = members.get(one.author_id)
    if author is not None:
        shown["member"] = basic_member(author)
    for mentioned, each in zip(one.mentions, shown["mentions"], strict=True):
        if mentioned in members:
            each["member"] = basic_member(members[mentioned])
    return shown


def _reaction(one: Reaction, world: World) -> Json:
    return {
        "emoji": {"id": None, "name": one.emoji},
        "count": len(one.user_ids),
        "count_details": {"normal": len(one.user_ids), "burst": 0},
        "burst_colors": [],
        "me_burst": False,
        "me": world.bot_id in one.user_ids,
        "burst_me": False,
        "burst_count": 0,
    }


def reaction_event(one: Message, emoji: str | None, user_id: int | None, world: World) -> Json:
    """A reaction's event; without a user or an emoji, that of all reactions which were removed."""
    shown: Json = {"channel_id": str(one.channel_id), "message_id": str(one.id)}
    in_guild = not world.channels[one.channel_id].direct
    if in_guild:
        shown["guild_id"] = str(world.guild.id)
    if emoji is not None:
        shown["emoji"] = {"id": None, "name": emoji}
    if user_id is not None:
        shown |= {
            "user_id": str(user_id),
            "message_author_id": str(one.author_id),
            "burst": False,
            "type": 0,
        }
        if in_guild and user_id in world.guild.members:
            shown["member"] = member(world.guild.members[user_id], world.users)
    return shown
