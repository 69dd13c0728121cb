"""A real aiogram bot on the Telegram side: it polls, answers, and meets every known trap."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiogram import Bot, Dispatcher, F
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.filters import Command
from aiogram.types import (
    BotCommand,
    BotCommandScopeChat,
    CallbackQuery,
    ChatMemberUpdated,
    ChatPermissions,
    EphemeralMessageParameters,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    ReplyParameters,
)

from sandbox import Fault, SandboxError
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Seconds after which a poll ends by itself. A test that is answered within half of it was answered
#: because something happened.
LONG_POLL_S = 30

GROUP, VERA, ALICE, BORIS = -1001000000001, 1000, 1001, 1002
KEYBOARD = InlineKeyboardMarkup(
    inline_keyboard=[[InlineKeyboardButton(text="Again", callback_data="again")]]
)


@contextlib.asynccontextmanager
async def polling(dispatcher: Dispatcher, bot: Bot) -> AsyncIterator[None]:
    task = asyncio.create_task(
        dispatcher.start_polling(
            bot, handle_signals=False, close_bot_session=False, polling_timeout=5
        )
    )
    try:
        yield
    finally:
        # Stopping a dispatcher that has not started yet is an error.
        while not task.done():
            with contextlib.suppress(RuntimeError):
                await dispatcher.stop_polling()
                break
            await asyncio.sleep(0)
        await task


@pytest.fixture
def dispatcher():
    found = Dispatcher()

    @found.message(Command("start"))
    async def greet(message: Message) -> None:
        assert message.from_user is not None
        await message.answer(f"Hello <b>{message.from_user.first_name}</b>", parse_mode="HTML")

    @found.message(Command("roll"))
    async def roll(message: Message) -> None:
        await message.reply("Rolled", reply_markup=KEYBOARD)

    @found.callback_query(F.data == "again")
    async def again(query: CallbackQuery) -> None:
        assert isinstance(query.message, Message)
        await query.message.edit_text("Rolled again", reply_markup=KEYBOARD)
        await query.answer("Done")

    return found


@pytest_asyncio.fixture(loop_scope="module")
async def settled(bot):
    """Make the first poll, so that `allowed_updates` of a test holds from its start."""
    await bot.get_updates()


def named(name):
    return lambda call: call.name == name


async def test_a_command_in_private_is_answered(telegram, bot, dispatcher, transcript):
    async with polling(dispatcher, bot):
        telegram.say(ALICE, ALICE, "/start")
        sent = await transcript.wait_for(named("sendMessage"), timeout=PATIENCE_S)
    assert sent.request == {
        "chat_id": ALICE,
        "text": "Hello <b>Alice</b>",
        "parse_mode": "HTML",
    }
    assert sent.response["result"]["text"] == "Hello Alice"
    assert sent.response["result"]["entities"] == [{"type": "bold", "offset": 6, "length": 5}]
    assert [c.name for c in transcript.calls(after=1)] == ["update", "sendMessage"]


async def test_a_button_edits_its_message(telegram, bot, dispatcher, transcript):
    async with polling(dispatcher, bot):
        asked = telegram.say(GROUP, BORIS, "/roll@twinstream_sandbox_bot")
        sent = await transcript.wait_for(named("sendMessage"), timeout=PATIENCE_S)
        reply = sent.response["result"]
        assert reply["reply_to_message"]["message_id"] == asked
        query = telegram.click(GROUP, reply["message_id"], BORIS, "again")
        answered = await transcript.wait_for(named("answerCallbackQuery"), timeout=PATIENCE_S)
    assert answered.request == {"callback_query_id": query, "text": "Done"}
    assert telegram.messages(GROUP)[-1]["text"] == "Rolled again"


async def test_member_and_reaction_updates_reach_only_bots_that_ask_for_them(
    telegram, bot, transcript
):
    seen: asyncio.Queue[object] = asyncio.Queue()
    listening = Dispatcher()
    listening.chat_member.register(seen.put)
    listening.message_reaction.register(seen.put)
    telegram.join(name="Unseen")
    await bot.get_updates(allowed_updates=listening.resolve_used_update_types())
    message_id = telegram.say(GROUP, ALICE, "hello")
    async with polling(listening, bot):
        newcomer = telegram.join(name="Egor")
        telegram.react(GROUP, message_id, BORIS, "🔥")
        joined, reacted = [await asyncio.wait_for(seen.get(), PATIENCE_S) for _ in range(2)]
    assert isinstance(joined, ChatMemberUpdated)
    assert (joined.new_chat_member.user.id, joined.old_chat_member.status) == (newcomer, "left")
    assert isinstance(reacted, MessageReactionUpdated)
    [reaction] = reacted.new_reaction
    assert isinstance(reaction, ReactionTypeEmoji)
    assert reaction.emoji == "🔥"
    kinds = [next(iter(c.response.keys() - {"update_id"})) for c in transcript.calls(name="update")]
    assert kinds[-2:] == ["chat_member", "message_reaction"]


async def test_an_unconfirmed_update_comes_again(telegram, bot, settled):
    telegram.say(GROUP, ALICE, "one")
    telegram.say(GROUP, ALICE, "two")
    first, second = await bot.get_updates()
    assert [u.update_id for u in await bot.get_updates()] == [first.update_id, second.update_id]
    assert await bot.get_updates(offset=second.update_id) == [second]
    assert await bot.get_updates(offset=second.update_id + 1) == []
    telegram.say(GROUP, ALICE, "three")
    telegram.say(GROUP, ALICE, "four")
    assert [u.message.text for u in await bot.get_updates(offset=-1)] == ["four"]
    assert len(await bot.get_updates(limit=1)) == 1


async def test_a_long_poll_returns_as_soon_as_something_happens(telegram, bot, settled):
    poll = asyncio.create_task(bot.get_updates(timeout=LONG_POLL_S))
    await asyncio.sleep(0)
    telegram.say(GROUP, ALICE, "hello")
    updates = await asyncio.wait_for(poll, LONG_POLL_S / 2)
    assert [update.message.text for update in updates] == ["hello"]


async def polls(telegram, expected: bool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while telegram.world()["bot_polls"] is not expected:  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(0.005)


async def test_a_bot_that_dies_in_a_poll_takes_nothing_with_it(telegram, bot, transcript):
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await polls(telegram, True)
    poll.cancel()
    await polls(telegram, False)
    telegram.say(GROUP, ALICE, "hello")
    assert transcript.calls(name="update") == []
    assert len(await bot.get_updates()) == 1


async def test_a_second_poller_ends_the_first(telegram, bot, transcript):
    first = asyncio.create_task(bot.get_updates(timeout=30))
    second = asyncio.create_task(bot.get_updates(timeout=30))
    refused = await transcript.wait_for(named("getUpdates"), timeout=PATIENCE_S)
    assert refused.status == 409
    telegram.say(GROUP, ALICE, "hello")
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert sum(isinstance(result, TelegramConflictError) for result in results) == 1
    assert sum(isinstance(result, list) for result in results) == 1


async def test_the_bot_cannot_write_first(telegram, bot):
    with pytest.raises(TelegramForbiddenError, match="can't initiate conversation"):
        await bot.send_message(ALICE, "hi")
    telegram.say(ALICE, ALICE, "/start")
    await bot.send_message(ALICE, "hi")
    telegram.people.block(ALICE)
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(ALICE, "hi")


async def test_a_tag_is_seen_on_the_member_and_over_their_messages(telegram, bot, settled):
    await bot.set_chat_member_tag(GROUP, ALICE, "Veteran")
    assert (await bot.get_chat_member(GROUP, ALICE)).tag == "Veteran"
    telegram.say(GROUP, ALICE, "hello")
    assert (await bot.get_updates())[-1].message.sender_tag == "Veteran"
    # aiogram drops empty strings, so clearing arrives as a call without `tag`.
    await bot.set_chat_member_tag(GROUP, ALICE, "")
    assert (await bot.get_chat_member(GROUP, ALICE)).tag is None


async def test_a_tag_does_not_outlive_the_stay(telegram, bot):
    await bot.set_chat_member_tag(GROUP, ALICE, "Veteran")
    telegram.leave(ALICE)
    assert (await bot.get_chat_member(GROUP, ALICE)).status == "left"
    with pytest.raises(TelegramBadRequest, match="USER_NOT_PARTICIPANT"):
        await bot.set_chat_member_tag(GROUP, ALICE, "Veteran")
    telegram.join(ALICE)
    assert (await bot.get_chat_member(GROUP, ALICE)).tag is None


async def test_an_administrator_cannot_be_tagged(telegram, bot):
    telegram.people.promote(ALICE)
    with pytest.raises(TelegramBadRequest, match="CHAT_CREATOR_REQUIRED"):
        await bot.set_chat_member_tag(GROUP, ALICE, "Veteran")
    telegram.people.demote(ALICE)
    assert await bot.set_chat_member_tag(GROUP, ALICE, "Veteran")


async def test_anonymous_administrators_share_one_id(telegram, bot, settled):
    telegram.say(GROUP, VERA, "who am I", anonymous=True)
    message = (await bot.get_updates())[-1].message
    assert (message.from_user.id, message.sender_chat.id) == (1087968824, GROUP)


async def test_a_bot_without_rights_sees_only_messages_that_are_meant_for_it(
    telegram, bot, settled
):
    telegram.people.set_bot("member")
    await bot.get_updates(offset=-1)
    ours = await bot.send_message(GROUP, "hi")
    for text in ("chatter", "/roll", "@twinstream_sandbox_bot hello"):
        telegram.say(GROUP, ALICE, text)
    telegram.say(GROUP, ALICE, "an answer", reply_to=ours.message_id)
    texts = [u.message.text for u in await bot.get_updates() if u.message]
    assert texts == ["/roll", "@twinstream_sandbox_bot hello", "an answer"]


async def test_ephemeral_commands_and_messages_have_no_message_id(telegram, bot, settled):
    await bot.set_my_commands([BotCommand(command="me", description="My rank", is_ephemeral=True)])
    assert telegram.say(GROUP, ALICE, "/me") == 0
    command = (await bot.get_updates())[-1].message
    assert (command.message_id, command.ephemeral_message_id) == (0, 1)
    to_alice = EphemeralMessageParameters(receiver_user_id=ALICE)
    answer = await bot.send_message(
        GROUP,
        "Legend",
        reply_parameters=ReplyParameters(ephemeral_message_id=1),
        ephemeral_message_parameters=to_alice,
        reply_markup=KEYBOARD,
    )
    assert (answer.message_id, answer.receiver_user.id) == (0, ALICE)
    assert telegram.messages(GROUP) == []
    assert telegram.click(GROUP, 0, ALICE, "again")
    edited = {"chat_id": GROUP, "receiver_user_id": ALICE, "ephemeral_message_id": 2}
    assert await bot.edit_ephemeral_message_text(**edited, text="Newcomer")
    assert await bot.delete_ephemeral_message(**edited)
    with pytest.raises(TelegramBadRequest, match="message not found"):
        await bot.delete_ephemeral_message(**edited)


async def test_menus_are_kept_by_scope_and_language(telegram, bot):
    top = BotCommand(command="top", description="Leaders")
    scope = BotCommandScopeChat(chat_id=GROUP)
    await bot.set_my_commands([top], scope=scope, language_code="ru")
    menu = await bot.get_my_commands(scope=scope, language_code="ru")
    assert [command.command for command in menu] == ["top"]
    assert await bot.get_my_commands(scope=scope) == []
    await bot.delete_my_commands(scope=scope, language_code="ru")
    assert await bot.get_my_commands(scope=scope, language_code="ru") == []


async def test_a_flood_wait_by_order_names_its_seconds(telegram, bot, faults):
    faults.add(Fault("telegram", "getUpdates", 429, retry_after=6.2))
    with pytest.raises(TelegramRetryAfter) as caught:
        await bot.get_updates()
    assert caught.value.retry_after == 7
    assert await bot.get_updates() == []


async def test_a_lost_reply_hides_that_the_call_was_done(telegram, bot, faults):
    faults.add(Fault("telegram", "sendMessage", 502, when="after"))
    with pytest.raises(TelegramServerError):
        await bot.send_message(GROUP, "hi")
    assert [message["text"] for message in telegram.messages(GROUP)] == ["hi"]


async def test_a_refusal_by_order_does_nothing(telegram, bot, faults):
    faults.add(Fault("telegram", "*", 400, description="Bad Request: not today"))
    with pytest.raises(TelegramBadRequest, match="not today"):
        await bot.send_message(GROUP, "hi")
    assert telegram.messages(GROUP) == []


async def test_a_dropped_write_looks_done_and_is_not(telegram, bot, faults):
    faults.add(Fault("telegram", "setChatMemberTag", 200, when="dropped"))
    assert await bot.set_chat_member_tag(GROUP, ALICE, "Veteran")
    assert (await bot.get_chat_member(GROUP, ALICE)).tag is None
    assert await bot.set_chat_member_tag(GROUP, ALICE, "Veteran")
    assert (await bot.get_chat_member(GROUP, ALICE)).tag == "Veteran"


async def test_a_hangup_leaves_no_answer_and_no_trace(telegram, bot, faults, transcript):
    faults.add(Fault("telegram", "sendMessage", 0, when="hangup"))
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(GROUP, "hi")
    assert telegram.messages(GROUP) == []
    assert transcript.calls(name="sendMessage")[0].status == 0


async def test_a_lost_answer_leaves_the_call_done(telegram, bot, faults, transcript):
    faults.add(Fault("telegram", "sendMessage", 0, when="lost"))
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(GROUP, "hi")
    assert [message["text"] for message in telegram.messages(GROUP)] == ["hi"]
    assert transcript.calls(name="sendMessage")[0].status == 0


async def test_a_restart_keeps_everything_and_redelivers(telegram, bot, settled):
    await bot.set_chat_member_tag(GROUP, ALICE, "Veteran")
    telegram.say(GROUP, ALICE, "unread")
    before = telegram.dump()
    telegram.reset()
    assert await bot.get_updates() == []
    telegram.load(json.loads(json.dumps(before)))
    assert telegram.dump() == before
    assert (await bot.get_chat_member(GROUP, ALICE)).tag == "Veteran"
    assert [update.message.text for update in await bot.get_updates()] == ["unread"]


async def test_a_reset_leaves_the_bot_its_settings(telegram, bot):
    await bot.get_updates(allowed_updates=["chat_member"])
    await bot.set_my_commands([BotCommand(command="top", description="Leaders")])
    telegram.reset()
    telegram.join(name="Egor")
    (update,) = await bot.get_updates()
    assert update.chat_member is not None
    assert len(await bot.get_my_commands()) == 1


async def test_a_dropped_poll_loses_no_update(telegram, bot, faults, settled):
    faults.add(Fault("telegram", "getUpdates", 200, when="dropped"))
    telegram.say(GROUP, ALICE, "hello")
    assert await bot.get_updates() == []
    assert len(await bot.get_updates()) == 1


async def test_a_silenced_member_still_presses_buttons(telegram, bot, settled):
    sent = await bot.send_message(GROUP, "x", reply_markup=KEYBOARD)
    await bot.restrict_chat_member(GROUP, ALICE, ChatPermissions())
    assert telegram.click(GROUP, sent.message_id, ALICE, "again")
    with pytest.raises(SandboxError, match="lacks can_react_to_messages"):
        telegram.react(GROUP, sent.message_id, ALICE, "🔥")


async def test_a_reset_repeats_no_id(telegram, bot, settled):
    first, newcomer = telegram.say(GROUP, ALICE, "one"), telegram.join(name="Egor")
    (update, *_) = await bot.get_updates()
    telegram.reset()
    assert telegram.say(GROUP, ALICE, "two") > first
    assert telegram.join(name="Egor") > newcomer
    assert (await bot.get_updates())[0].update_id > update.update_id


async def test_an_outage_ends_where_it_began(telegram, bot):
    host, _, port = telegram.api_base.removeprefix("http://").partition(":")
    await telegram.stop()
    with pytest.raises(TelegramNetworkError):
        await bot.get_me()
    await telegram.start(host, int(port))
    assert (await bot.get_me()).id == 42


async def test_stopping_answers_the_open_poll(telegram, bot):
    poll = asyncio.create_task(bot.get_updates(timeout=LONG_POLL_S))
    await polls(telegram, True)
    await telegram.stop()
    assert await asyncio.wait_for(poll, LONG_POLL_S / 2) == []
