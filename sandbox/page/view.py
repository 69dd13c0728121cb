"""The view of the page: every object that it shows, under a key of its own."""

from collections.abc import Iterator
from typing import Any

__all__ = ["Json", "keyed"]

Json = dict[str, Any]

# Lists of a platform's chats, and the field that names an entry in each. A list that is added to
# GET /chats appears on the page once it has its row here.
TELEGRAM_LISTS = {
    "users": "id",
    "bots": "bot_id",
    "ephemeral": "ephemeral_message_id",
    "presses": "callback_query_id",
}
DISCORD_LISTS = {
    "roles": "id",
    "members": "user.id",
    "bots": "id",
    "commands": "id",
    "voice_states": "user_id",
    "presences": "user.id",
    "modals": "interaction_id",
    "interactions": "interaction_id",
}


def keyed(chats: Json, typing: Json) -> Json:
    """Return the objects of GET /chats by key, such as "telegram/messages/-100/7".

    The messages of a private chat on Telegram are numbered by bot, so its key names both. `typing`
    are the places in which a bot or a person types, by key.
    """
    telegram, discord = chats["telegram"], chats["discord"]
    found: Json = dict(_listed("telegram", telegram, TELEGRAM_LISTS))
    found |= _listed("discord", discord, DISCORD_LISTS)
    found["discord/guild"] = discord["guild"]
    found["sandbox/addresses"] = chats["addresses"]
    for chat in telegram["chats"]:
        name = f"{chat['id']}" + (f":{chat['bot_id']}" if "bot_id" in chat else "")
        _place(found, "telegram", "chats", name, chat, "message_id")
    for channel in discord["channels"]:
        _place(found, "discord", "channels", channel["id"], channel, "id")
    return found | typing


def _listed(platform: str, view: Json, lists: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for name, path in lists.items():
        for one in view[name]:
            yield f"{platform}/{name}/{_at(one, path)}", one


def _at(one: Any, path: str) -> Any:
    for name in path.split("."):
        one = one[name]
    return one


def _place(found: Json, platform: str, kind: str, name: str, place: Json, number: str) -> None:
    bare = {key: value for key, value in place.items() if key != "messages"}
    found[f"{platform}/{kind}/{name}"] = bare
    for message in place["messages"]:
        found[f"{platform}/messages/{name}/{message[number]}"] = message
