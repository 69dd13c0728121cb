"""Every chat with its latest messages, as a page shows them to the people in it."""

from itertools import islice
from typing import Any

import msgspec

from .methods.bot_profile import menus_of
from .world import JSON, BotState, Group, User, World
from .world.payloads import chat_payload, user_payload

__all__ = ["chat_views"]


def chat_views(world: World, latest: int) -> JSON:
    """Return all chats with their `latest` messages, oldest first, and what belongs to them.

    A private chat is named by person and bot. Bots do not see all of it: who reacted, who is behind
    an anonymous message, which reply keyboard a person sees, and what a pressed button answered.
    """
    state = world.state
    groups = [_group(world, group, latest) for group in state.groups.values()]
    private = [
        _private(world.of(bot_id), state.users[user_id], latest)
        for bot_id, bot in state.bots.items()
        for user_id in sorted(bot.messages.keys() & state.users.keys())
    ]
    return {
        "users": [user_payload(user) for user in state.users.values()],
        "bots": [
            {
                "bot_id": bot_id,
                "username": state.users[bot_id].username,
                "token": bot.token,
                "reads_all": bot.reads_all,
                "menus": menus_of(bot.commands),
            }
            for bot_id, bot in state.bots.items()
        ],
        "chats": [*groups, *private],
        "ephemeral": _last(state.ephemeral, latest),
        "presses": [
            {"callback_query_id": query_id} | _built(state.queries[query_id])
            for query_id in reversed(list(islice(reversed(state.queries), latest)))
        ],
    }


def _group(world: World, group: Group, latest: int) -> JSON:
    state = world.state
    shown = chat_payload(group) | {
        "pinned": group.pinned,
        "topics": _built(list(group.topics.values())) if group.is_forum else [],
        "members": [_member(world, group, user_id) for user_id in group.members],
        "permissions": sorted(group.permissions),
        "join_by_request": group.join_by_request,
        "join_requests": group.join_requests,
        "keyboards": {
            f"{bot_id}": keyboards
            for bot_id, bot in state.bots.items()
            if (keyboards := _keyboards(bot, group.id))
        },
    }
    messages = [
        _message(world, message) | _author(group, message)
        for message in _last(state.messages.get(group.id, {}), latest)
    ]
    return shown | {"messages": messages}


def _member(world: World, group: Group, user_id: int) -> JSON:
    member = world.member(group, user_id)
    return {
        "user_id": user_id,
        "status": member.status,
        "present": world.present(group, user_id),
        "tag": member.tag,
        "custom_title": member.custom_title,
        "is_anonymous": member.is_anonymous,
        "permissions": sorted(member.permissions),
    }


def _private(world: World, person: User, latest: int) -> JSON:
    bot, bot_id = world.own, world.bot_id
    keyboards = _keyboards(bot, person.id)
    return chat_payload(person) | {
        "bot_id": bot_id,
        "blocked": person.id in bot.blocked,
        "pinned": bot.pinned.get(person.id, []),
        "keyboards": {f"{bot_id}": keyboards} if keyboards else {},
        "messages": [_message(world, one) for one in _last(bot.messages[person.id], latest)],
    }


def _message(world: World, message: JSON) -> JSON:
    """Return a message with the reactions of each person, and the votes of its poll."""
    state, chat_id = world.state, message["chat"]["id"]
    given = state.reactions.get(world.reaction_key(chat_id, message["message_id"]), {})
    shown = message | {"reactions": {who: one for who, one in given.items() if one}}
    poll = state.polls.get(message.get("poll", {}).get("id", ""))
    return shown if poll is None else shown | {"votes": poll["votes"]}


def _author(group: Group, message: JSON) -> JSON:
    """Return who is behind a message that a chat seems to have sent."""
    author = group.authors.get(message["message_id"])
    return {} if author is None else {"author_id": author}


def _keyboards(bot: BotState, chat_id: int) -> JSON:
    """Return the reply keyboards that a bot shows in a chat, by person; person 0 is everybody."""
    return {
        key.partition(":")[2]: keyboard
        for key, keyboard in bot.keyboards.items()
        if key.partition(":")[0] == f"{chat_id}"
    }


def _last(kept: dict[int, JSON], latest: int) -> list[JSON]:
    return list(islice(reversed(kept.values()), latest))[::-1]


def _built(value: Any) -> Any:
    return msgspec.to_builtins(value)
