"""Telegram's rules, checked after each deed of a history on the local Telegram."""

import contextlib
import copy
import json
from collections.abc import Collection, Iterator
from typing import Any

from sandbox.telegram_api import TelegramPlatform
from sandbox.telegram_api.errors import ApiError
from sandbox.telegram_api.methods.parameter_parser import read
from sandbox.telegram_api.methods.table import METHODS, TABLE
from sandbox.telegram_api.world import Group
from sandbox.telegram_api.world.deliveries import is_service

JSON = dict[str, Any]
#: Where a message is: the bot of a private chat (else 0), the chat and the message's number.
Place = tuple[int, int, int]
#: The kinds of update that carry a message.
MESSAGES = ("message", "edited_message", "channel_post", "edited_channel_post")
EDITED = ("edited_message", "edited_channel_post")
MEMBERSHIPS = ("chat_member", "my_chat_member")
#: The right of an administrator without which a bot's call has no effect in a group.
RIGHTS = {
    "pinChatMessage": "can_pin_messages",
    "unpinAllChatMessages": "can_pin_messages",
    "setChatMemberTag": "can_manage_tags",
    "promoteChatMember": "can_promote_members",
    "restrictChatMember": "can_restrict_members",
    "banChatMember": "can_restrict_members",
    "unbanChatMember": "can_restrict_members",
    "approveChatJoinRequest": "can_invite_users",
    "createForumTopic": "can_manage_topics",
    "hideGeneralForumTopic": "can_manage_topics",
    "setChatTitle": "can_change_info",
    "deleteAllMessageReactions": "can_delete_messages",
}
#: The traces that a refused deed may leave: a number used up, and a file that was uploaded first.
UNSEEN = ("made_id", "file_number", "query_id", "newcomer_id", "ephemeral_id", "files")


def _filled(value: Any) -> Any:
    """Return a saved value without places that are empty."""
    if isinstance(value, list):
        return [_filled(one) for one in value]
    if not isinstance(value, dict):
        return value
    shown = {key: _filled(one) for key, one in value.items()}
    return {key: one for key, one in shown.items() if one not in ({}, [], None)}


def _words(message: JSON) -> list[Any]:
    """The fields of a message that an edit of its words changes."""
    named = ("text", "entities", "caption", "caption_entities")
    return [message.get(name) for name in named]


def _standing(membership: JSON | None) -> JSON:
    """A membership without its person's name, and without what depends on the bot that asks."""
    found = membership or {}
    return {key: one for key, one in found.items() if key not in ("user", "can_be_edited")}


class Rules:
    """Watches one platform: `before` a deed it notes what holds, and `after` it compares."""

    def __init__(self, platform: TelegramPlatform) -> None:
        self._platform = platform
        self._numbers: dict[int, int] = {}
        self._gone: set[Place] = set()
        self.before()

    def before(self) -> None:
        """Note the state before a deed."""
        state = self._platform._world.state
        for bot in state.bots.values():
            bot.pending = []
        self._groups = copy.deepcopy(state.groups)
        self._reactions = copy.deepcopy(state.reactions)
        self._kept = self._ids()
        self._words = {place: _words(message) for place, message in self._messages()}
        self._outline = self._saved()
        self._known = {
            (bot_id, group_id, user_id): self._membership(bot_id, group_id, user_id)
            for bot_id in state.bots
            for group_id, group in state.groups.items()
            for user_id in group.members
        }

    def _saved(self) -> JSON:
        """The state that members and bots can see."""
        saved = json.loads(json.dumps(self._platform.dump(contents=False)))
        return {key: value for key, value in _filled(saved).items() if key not in UNSEEN}

    def _messages(self) -> Iterator[tuple[Place, JSON]]:
        """The messages that are kept, each with its place."""
        state = self._platform._world.state
        owners = {0: state.messages} | {bot_id: bot.messages for bot_id, bot in state.bots.items()}
        for owner, chats in owners.items():
            for chat, kept in chats.items():
                for number, message in kept.items():
                    yield (owner, chat, number), message

    def _ids(self) -> set[Place]:
        """The places of the messages that are kept."""
        return {place for place, _ in self._messages()}

    def _membership(self, bot_id: int, group_id: int, user_id: int) -> JSON | None:
        """The answer of getChatMember to a bot, or None if it may not ask."""
        kind = METHODS["getChatMember"]
        asked = read(kind, {"chat_id": group_id, "user_id": user_id}, {})
        with contextlib.suppress(ApiError):
            return dict(TABLE[kind](self._platform._world.of(bot_id), asked))
        return None

    # After a deed

    def after(self, name: str, how: Any, *, granted: bool, result: Any = None) -> None:
        """Compare what a deed, granted or refused, has left with the rules."""
        if not granted:
            assert self._saved() == self._outline, f"{name} was refused, and changed something"
            return
        state = self._platform._world.state
        self._gone |= self._kept - self._ids()
        self._check_numbers()
        self._check_edits(name)
        if name == "join":
            self._check_entrance(how)
        if name in RIGHTS:
            self._check_right(name, how)
        if isinstance(result, dict) and "message_id" in result and "chat" in result:
            self._check_stored(how[0], result)
        for group_id, group in state.groups.items():
            self._check_authors(group_id, group)
        for bot_id, bot in state.bots.items():
            for update in bot.pending:
                self._check_update(bot_id, update)
            self._check_memberships(bot_id)

    def _check_numbers(self) -> None:
        """Update ids increase, and no message gets the number of an earlier one."""
        state = self._platform._world.state
        for bot_id, bot in state.bots.items():
            for update in bot.pending:
                assert update["update_id"] > self._numbers.get(bot_id, 0), "an id came again"
                self._numbers[bot_id] = update["update_id"]
        assert not self._gone & self._ids(), "a deleted message is there again"
        for bot_id, chat, number in self._ids() - self._kept:
            earlier = [one for each, place, one in self._kept if (each, place) == (bot_id, chat)]
            assert number > max(earlier, default=0), "a number was used again"

    def _check_edits(self, name: str) -> None:
        """Words change in an edit only, which has a date; a new message has none."""
        for place, message in self._messages():
            if place not in self._kept:
                assert "edit_date" not in message, "a new message has an edit_date"
            elif _words(message) != self._words[place]:
                assert name.startswith("edit"), f"{name} changed the words of a message"
                assert "edit_date" in message, "an edited message has no edit_date"

    def _check_entrance(self, how: Any) -> None:
        """Nobody joins who is there already, or banned."""
        (user_id, _), _ = how
        for group in self._groups.values():
            member = group.members.get(user_id)
            if group.kind == "supergroup" and member is not None:
                assert member.status in ("left", "restricted"), f"one who is {member.status} joined"
                assert not member.in_chat, "a member joined again"

    def _check_right(self, name: str, how: Any) -> None:
        """A bot without a right never has the effect."""
        bot_id, asked = how
        group = self._groups.get(asked["chat_id"])
        if group is not None and group.kind == "supergroup":
            member = group.members[bot_id]
            assert member.status == "administrator", f"{name} by a {member.status}"
            assert RIGHTS[name] in member.rights, f"{name} without {RIGHTS[name]}"

    def _check_stored(self, bot_id: int, message: JSON) -> None:
        """An answer with a message is the message that is kept."""
        state = self._platform._world.state
        chat, number = message["chat"]["id"], message["message_id"]
        place = state.messages if chat in state.groups else state.bots[bot_id].messages
        assert place[chat][number] == json.loads(json.dumps(message)), "an answer differs"

    def _check_authors(self, group_id: int, group: Group) -> None:
        """No message of a person who is out or muted, or in a closed topic of a plain member."""
        old = self._groups.get(group_id)
        kept = self._platform._world.state.messages.get(group_id, {})
        if old is None or group.kind != "supergroup":
            return
        for number, message in kept.items():
            author = message["from"]["id"] if "sender_chat" not in message else None
            if (0, group_id, number) in self._kept or author is None or is_service(message):
                continue
            member = old.members[author]
            assert member.status not in ("left", "kicked"), (
                f"a message of one who is {member.status}"
            )
            assert member.in_chat, "a message of a restricted person who has left"
            muted = member.status == "restricted" and "can_send_messages" not in member.permissions
            assert not muted, "a message of a muted person"
            topic = old.topics.get(message.get("message_thread_id", 0))
            if old.is_forum and topic is not None and topic.is_closed:
                assert member.status in ("creator", "administrator"), (
                    "a closed topic takes messages"
                )

    def _check_update(self, bot_id: int, update: JSON) -> None:
        kind = next(key for key in update if key != "update_id")
        about = update[kind]
        if kind in MESSAGES:
            self._check_message(bot_id, kind, about)
        elif kind == "message_reaction":
            assert about["chat"]["type"] != "channel", "a channel tells who reacted"
            self._check_reaction(about)
        elif kind == "message_reaction_count":
            given = self._reactions_to(about["chat"]["id"], about["message_id"])
            counted = {json.dumps(one["type"]): one["total_count"] for one in about["reactions"]}
            listed = [json.dumps(one) for reactions in given.values() for one in reactions]
            assert counted == {one: listed.count(one) for one in listed}, "a count differs"

    def _check_message(self, bot_id: int, kind: str, message: JSON) -> None:
        """An update shows the message that is kept; an edit has a date, and nothing else has."""
        state = self._platform._world.state
        chat, number = message["chat"]["id"], message["message_id"]
        in_group = chat in state.groups
        kept = (state.messages if in_group else state.bots[bot_id].messages)[chat]
        assert (0 if in_group else bot_id, chat, number) not in self._gone, "a deleted message came"
        assert kept[number] == message, "an update differs from the message that is kept"
        assert ("edit_date" in message) == (kind in EDITED), "edit_date belongs to an edit"

    def _reactions_to(self, chat: int, number: int) -> dict[str, list[JSON]]:
        return self._platform._world.state.reactions.get(f"{chat}:{number}", {})

    def _check_reaction(self, about: JSON) -> None:
        """The reactions in an update are those that are listed, and the old ones those before."""
        chat, number = about["chat"]["id"], about["message_id"]
        actor = str(about["user"]["id"] if "user" in about else about["actor_chat"]["id"])
        assert about["new_reaction"] == self._reactions_to(chat, number).get(actor, [])
        old = self._reactions.get(f"{chat}:{number}", {}).get(actor, [])
        assert about["old_reaction"] == old, "old reactions differ"

    def _check_memberships(self, bot_id: int) -> None:
        """The last news of a membership is what getChatMember answers, the first what it did."""
        bot = self._platform._world.state.bots[bot_id]
        news: dict[tuple[int, int], list[JSON]] = {}
        for update in bot.pending:
            for kind in MEMBERSHIPS:
                if kind in update and update[kind]["chat"]["id"] in self._groups:
                    about = update[kind]
                    key = about["chat"]["id"], about["new_chat_member"]["user"]["id"]
                    news.setdefault(key, []).append(about)
        self._check_unheard(bot_id, news.keys())
        for (group_id, user_id), changes in news.items():
            now = self._membership(bot_id, group_id, user_id)
            assert now in (None, changes[-1]["new_chat_member"]), "getChatMember says otherwise"
            was = self._known.get((bot_id, group_id, user_id))
            if was is not None and was["user"] == changes[0]["old_chat_member"]["user"]:
                assert was == changes[0]["old_chat_member"], "a membership changed unheard"

    def _check_unheard(self, bot_id: int, heard: Collection[tuple[int, int]]) -> None:
        """An administrating bot hears of each change of a membership in its group."""
        state = self._platform._world.state
        for group_id, group in state.groups.items():
            old = self._groups.get(group_id)
            sides = [one.members.get(bot_id) for one in (old, group) if one is not None]
            leads = [one is not None and one.status == "administrator" for one in sides]
            if leads != [True, True]:
                continue
            for user_id in group.members:
                was = self._known.get((bot_id, group_id, user_id))
                now = self._membership(bot_id, group_id, user_id)
                changed = was is not None and _standing(was) != _standing(now)
                assert not changed or (group_id, user_id) in heard, "a change came unheard"
