"""Any history of members and bots leaves the local Telegram in order.

Every update and every answer is what aiogram's models expect, and Telegram's
promises about ids, pins and bots hold.
"""

import asyncio
import contextlib
import json
from typing import Any

from aiogram.methods.base import Response
from aiogram.types import Update
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Faults, SandboxError, Transcript, load_seed
from sandbox.telegram_api import Manner, TelegramPlatform
from sandbox.telegram_api.errors import ApiError
from sandbox.telegram_api.methods.parameter_parser import read
from sandbox.telegram_api.methods.table import METHODS, TABLE
from sandbox.telegram_api.methods.updates import GetUpdates, Polling
from sandbox.telegram_api.world.deliveries import UPDATE_KINDS, is_service
from sandbox.telegram_api.world.files import KINDS
from sandbox.telegram_api.world.rights import ADMINISTRATOR_RIGHTS
from tests.sandbox.telegram_rules import Rules
from tests.support.telegram_models import answer_model, foreign_fields

GROUP, CHANNEL, NOBODY = -1001000000001, -1002000000001, 77
BOT, STRANGER = 42, 7_000_002
PEOPLE = (1000, 1001, 1001, 1002, 1009, NOBODY)
#: Histories on each day, and how long each is at most. A night has more of them.
HISTORIES, ACTIONS_MIN, ACTIONS_MAX = 12, 25, 60

chats = st.sampled_from((GROUP, GROUP, GROUP, GROUP, CHANNEL, 1001))
people = st.sampled_from(PEOPLE)
bots = st.sampled_from((BOT, BOT, BOT, STRANGER))
# Low numbers, so that messages, topics and albums are met again.
numbers = st.integers(1, 8)
words = st.one_of(
    st.sampled_from(
        ["/roll", "/roll@stranger_bot", "@twinstream_sandbox_bot x", "t.me/a #b", "😀*"]
    ),
    st.text(max_size=20),
)
manners = st.builds(
    Manner,
    reply_to=st.none() | numbers,
    anonymous=st.booleans(),
    sender_chat_id=st.sampled_from([None, None, None, CHANNEL]),
    thread_id=st.none() | numbers,
    bot_id=st.sampled_from([None, None, STRANGER]),
)
reactions = st.lists(st.sampled_from(["🔥", "❤\u200d🔥", "5368324170671202286"]), max_size=3)
rights = st.none() | st.frozensets(st.sampled_from(ADMINISTRATOR_RIGHTS), max_size=6)
standings = st.sampled_from(["administrator", "member", "left", "kicked"])

# Actions of people by name, with their arguments.
ACTIONS: dict[str, st.SearchStrategy[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "say": st.tuples(st.tuples(chats, people, words), st.fixed_dictionaries({"manner": manners})),
    "send": st.tuples(
        st.tuples(chats, people, st.sampled_from([*KINDS, "dice", "venue"])),
        st.fixed_dictionaries({"caption": words, "manner": manners}),
    ),
    "forward": st.tuples(
        st.tuples(chats, people, chats, numbers),
        st.fixed_dictionaries({"hidden": st.booleans(), "manner": manners}),
    ),
    "edit": st.tuples(st.tuples(chats, numbers, people, words), st.just({})),
    "delete": st.tuples(st.tuples(chats, numbers, people), st.just({})),
    "click": st.tuples(st.tuples(chats, numbers, people, st.just("go")), st.just({})),
    "press": st.tuples(st.tuples(chats, people, st.just("Help")), st.just({})),
    "vote": st.tuples(
        st.tuples(chats, numbers, people, st.lists(st.integers(0, 2), max_size=2)), st.just({})
    ),
    "react": st.tuples(
        st.tuples(chats, numbers, people, reactions),
        st.fixed_dictionaries({"anonymous": st.booleans()}),
    ),
    "join": st.tuples(st.tuples(st.none() | people, st.just("Egor")), st.just({})),
    "leave": st.tuples(st.tuples(people), st.just({})),
    "kick": st.tuples(st.tuples(people), st.just({})),
    "rename": st.tuples(st.tuples(people, words, st.none() | words), st.just({})),
    "block": st.tuples(
        st.tuples(people), st.fixed_dictionaries({"blocked": st.booleans(), "bot_id": bots})
    ),
    "tag": st.tuples(st.tuples(people, st.just("Pilot")), st.just({})),
    "promote": st.tuples(st.tuples(people), st.just({})),
    "demote": st.tuples(st.tuples(people), st.just({})),
    "mute": st.tuples(st.tuples(people), st.fixed_dictionaries({"muted": st.booleans()})),
    "set_bot": st.tuples(st.tuples(standings, rights), st.fixed_dictionaries({"bot_id": bots})),
    "set_forum": st.tuples(st.just(()), st.fixed_dictionaries({"is_forum": st.booleans()})),
    "open_topic": st.tuples(st.tuples(words), st.just({})),
    "close_topic": st.tuples(st.tuples(numbers), st.just({})),
    "want_requests": st.tuples(st.just(()), st.fixed_dictionaries({"wanted": st.booleans()})),
    "pin": st.tuples(st.tuples(numbers), st.just({})),
}
PLACE = {"chat_id": chats, "message_thread_id": st.sampled_from([None, None, 2, 5])}
INLINE = '{"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}'
REPLY = '{"keyboard": [["Help"]], "selective": true}'
markups = st.sampled_from([None, INLINE, REPLY, '{"remove_keyboard": true}'])
replies = st.none() | numbers.map(lambda number: json.dumps({"message_id": number}))
at = {"chat_id": chats, "message_id": numbers}
# Methods that bots call, with their parameters; None leaves one out.
CALLS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "sendMessage": {**PLACE, "text": words, "reply_markup": markups, "reply_parameters": replies},
    "sendPoll": {**PLACE, "question": st.just("q"), "options": st.just('["a", "b"]'),
                 "is_anonymous": st.booleans()},
    "sendDice": PLACE,
    "forwardMessage": {**at, "from_chat_id": chats},
    "copyMessage": {**at, "from_chat_id": chats, "reply_markup": markups},
    "editMessageText": {**at, "text": words, "reply_markup": markups},
    "editMessageCaption": {**at, "caption": words},
    "stopPoll": at,
    "deleteMessage": at,
    "pinChatMessage": at,
    "unpinAllChatMessages": {"chat_id": chats},
    "getChat": {"chat_id": chats},
    "getChatAdministrators": {"chat_id": chats, "return_bots": st.booleans()},
    "getChatMember": {"chat_id": chats, "user_id": people},
    "setChatMemberTag": {"chat_id": chats, "user_id": people, "tag": st.just("Legend")},
    "promoteChatMember": {"chat_id": chats, "user_id": people, "can_pin_messages": st.booleans()},
    "restrictChatMember": {"chat_id": chats, "user_id": people, "permissions": st.just("{}")},
    "banChatMember": {"chat_id": chats, "user_id": people, "revoke_messages": st.booleans()},
    "unbanChatMember": {"chat_id": chats, "user_id": people},
    "approveChatJoinRequest": {"chat_id": chats, "user_id": st.integers(5001, 5004)},
    "createForumTopic": {"chat_id": chats, "name": words},
    "closeForumTopic": {"chat_id": chats, "message_thread_id": numbers},
    "deleteForumTopic": {"chat_id": chats, "message_thread_id": numbers},
    "hideGeneralForumTopic": {"chat_id": chats},
    "setChatTitle": {"chat_id": chats, "title": words},
    "deleteAllMessageReactions": {"chat_id": chats, "user_id": people},
}  # fmt: skip
plain = st.one_of(
    *(st.tuples(st.just(name), drawn) for name, drawn in ACTIONS.items()),
    *(
        st.tuples(st.just(name), st.tuples(bots, st.fixed_dictionaries(parameters)))
        for name, parameters in CALLS.items()
    ),
)


# Deeds that find their object by its place among all those that are there.
AIMED: dict[str, st.SearchStrategy[tuple[Any, ...]]] = {
    "a person edits": st.tuples(numbers, words),
    "a bot edits": st.tuples(numbers, words),
    "a person reacts": st.tuples(st.integers(0, 1), st.sampled_from((1001, 1002)), reactions),
    "a reader reacts": st.tuples(numbers, st.sampled_from((1001, 1002)), reactions),
    "a bot forwards": st.tuples(numbers, bots),
    "a person writes in a topic": st.tuples(numbers, people, words),
    "a bot writes in a topic": st.tuples(numbers, bots),
    "the owner closes a topic": st.tuples(numbers),
    "a person comes": st.tuples(people),
}
aimed = st.one_of(*(st.tuples(st.just(name), drawn) for name, drawn in AIMED.items()))


@st.composite
def deeds(draw: st.DrawFn) -> tuple[str, Any]:
    """Half of the deeds are aimed: the others mostly meet nothing to be done to."""
    return draw(aimed if draw(st.booleans()) else plain)


def _in_topic(name: str, how: Any, thread: int) -> tuple[str, Any]:
    """Return what is done in this topic, or with it."""
    if name == "the owner closes a topic":
        return "close_topic", ((thread,), {})
    if name.startswith("a person"):
        return "say", ((GROUP, *how[1:]), {"manner": Manner(thread_id=thread)})
    said = {"chat_id": GROUP, "text": "x"} | ({"message_thread_id": thread} if thread > 1 else {})
    return "sendMessage", (how[1], said)


def found(platform: TelegramPlatform, name: str, how: Any) -> tuple[str, Any]:
    """Return a deed with its object, if it is an aimed one. Without an object it is a look."""
    if name not in AIMED:
        return name, how
    world, nth, nothing = platform._world, how[0], ("getChat", (BOT, {"chat_id": GROUP}))
    group = world.state.groups[GROUP]
    places = [
        (chat, message)
        for chat, kept in world.state.messages.items()
        for message in kept.values()
        if not is_service(message)
    ]
    topics = list(group.topics)
    if name == "a person comes":
        return "join", ((nth, "Egor"), {})
    if "topic" in name and topics:
        return _in_topic(name, how, topics[nth % len(topics)])
    if name.endswith("edits"):
        by_bot = name.startswith("a bot")
        places = [
            (chat, one)
            for chat, one in places
            if (world.author(one) in world.state.bots) == by_bot and "sender_chat" not in one
        ]
    if name == "a reader reacts":
        places = [(chat, one) for chat, one in places if chat == CHANNEL]
    if name == "a bot forwards":
        places = [(chat, one) for chat, one in places if "edit_date" in one] or places
    if not places:
        return nothing
    chat, message = places[nth % len(places)]
    author, number = world.author(message), message["message_id"]
    match name:
        case "a person edits":
            return "edit", ((chat, number, author, how[1]), {})
        case "a bot edits":
            asked = {"chat_id": chat, "message_id": number, "text": how[1]}
            return "editMessageText", (author, asked)
        case "a person reacts" | "a reader reacts":
            return "react", ((chat, number, *how[1:]), {})
        case _:
            asked = {"chat_id": GROUP, "from_chat_id": chat, "message_id": number}
            return "forwardMessage", (how[1], asked)


def community() -> TelegramPlatform:
    platform = TelegramPlatform(load_seed(), Transcript(), Faults())
    people = platform.people
    people.set_bot("administrator", frozenset(ADMINISTRATOR_RIGHTS))
    assert people.open_channel("Waves", owner_id=1001, linked=True) == CHANNEL
    people.add_bot("Stranger", "stranger_bot")
    people.start(1001)
    for bot in platform._world.state.bots.values():
        bot.allowed_updates = sorted(UPDATE_KINDS)
    for bot_id in (BOT, STRANGER):
        said = {"chat_id": GROUP, "text": "x", "reply_markup": INLINE}
        do(platform, "sendMessage", (bot_id, said))
    people.join(1002, chat_id=CHANNEL)
    people.say(CHANNEL, 1001, "news")
    people.set_forum()
    people.say(GROUP, 1001, "hello", manner=Manner(thread_id=people.open_topic("Games")))
    return platform


def do(platform: TelegramPlatform, name: str, how: Any) -> tuple[bool, Any]:
    """Do one deed; tell whether it was granted, and what a bot was answered.

    An impossible one is refused, and any other error is a fault of the sandbox.
    """
    if name in ACTIONS:
        arguments, options = how
        try:
            getattr(platform.people, name)(*arguments, **options)
        except SandboxError:
            return False, None
        return True, None
    bot_id, parameters = how
    asked = {key: value for key, value in parameters.items() if value is not None}
    kind = METHODS[name]
    try:
        result = TABLE[kind](platform._world.of(bot_id), read(kind, asked, {}))
    except ApiError:
        return False, None
    answer = json.loads(json.dumps({"ok": True, "result": result}))
    assert foreign_fields(answer_model(name).model_validate(answer).result) == [], name
    return True, result


def check(platform: TelegramPlatform) -> None:
    state = platform._world.state
    for bot in state.bots.values():
        ids = [update["update_id"] for update in bot.pending]
        assert ids == sorted(set(ids))
        updates = Response[list[Update]].model_validate({"ok": True, "result": bot.pending})
        assert foreign_fields(updates.result) == []
        for update in bot.pending:
            message = update.get("message", update.get("edited_message"))
            if message is not None and not is_service(message) and "sender_chat" not in message:
                assert message["from"]["id"] not in state.bots, "a bot heard a bot"
    for chat_id, kept in state.messages.items():
        group = state.groups[chat_id]
        assert list(kept) == sorted(kept)
        assert all(message["message_id"] == key for key, message in kept.items())
        assert kept.keys() >= {*group.pinned, *group.authors}
        assert len(set(group.pinned)) == len(group.pinned)
        for message in kept.values():
            thread = message.get("message_thread_id")
            assert thread is None or thread in group.topics
            assert message.get("text", "x").strip() == message.get("text", "x")
    group = state.groups[GROUP]
    assert not {user for user in group.join_requests if platform._world.present(group, user)}
    for member in group.members.values():
        assert bool(member.rights) <= (member.status == "administrator")
        assert member.status in ("member", "restricted") or not member.tag
    saved = platform.dump()
    text = json.dumps(saved)
    platform.load(json.loads(text))
    assert platform.dump() == saved


def histories() -> int:
    is_daily = settings().max_examples == settings.get_profile("daily").max_examples
    return HISTORIES if is_daily else settings().max_examples


@settings(max_examples=histories())
@given(history=st.lists(deeds(), min_size=ACTIONS_MIN, max_size=ACTIONS_MAX))
def test_each_deed_of_any_history_keeps_the_rules_and_leaves_telegram_in_order(history):
    platform = community()
    rules = Rules(platform)
    for drawn in history:
        name, how = found(platform, *drawn)
        rules.before()
        granted, result = do(platform, name, how)
        rules.after(name, how, granted=granted, result=result)
    check(platform)


@settings(max_examples=histories())
@given(said=st.lists(words, max_size=8), asked=st.integers(-3, 9))
def test_an_offset_confirms_what_is_below_it_and_nothing_else(said, asked):
    platform = community()
    world = platform._world.of(BOT)
    with contextlib.suppress(SandboxError):
        for text in said:
            platform.people.say(1001, 1001, text)
    pending = [update["update_id"] for update in world.own.pending]
    offset = asked if asked < 0 or not pending else pending[0] + asked
    polling = Polling(world)

    def poll(**parameters: Any) -> list[int]:
        updates = asyncio.run(polling.get_updates(GetUpdates(**parameters)))
        return [update["update_id"] for update in updates]

    assert poll() == pending[:100]
    left = pending[offset:] if offset < 0 else [one for one in pending if one >= offset]
    assert poll(offset=offset, limit=3) == left[:3]
    assert poll() == left
