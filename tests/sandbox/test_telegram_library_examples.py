# mypy: disable-error-code="union-attr, arg-type"
"""Bots in the style of aiogram's documentation run unchanged but for token and address.

Each program below is what its readers write: routers, filters, keyboards, files, states. The only
concession to the sandbox is the session's server.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F, Router, html
from aiogram.client.default import DefaultBotProperties
from aiogram.enums import ParseMode
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.filters.callback_data import CallbackData
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    ChatJoinRequest,
    CopyTextButton,
    InlineKeyboardButton,
    InputMediaPhoto,
    KeyboardButton,
    Message,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from aiogram.utils.deep_linking import create_start_link
from aiogram.utils.keyboard import InlineKeyboardBuilder
from aiogram.utils.media_group import MediaGroupBuilder

from sandbox.telegram_api import Manner
from sandbox.telegram_api.people.chatting import PIXEL
from sandbox.telegram_api.world.rights import ADMINISTRATOR_RIGHTS
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, VERA, ALICE, BORIS = -1001000000001, 1000, 1001, 1002


@contextlib.asynccontextmanager
async def running(bot: Bot, *routers: Router) -> AsyncIterator[None]:
    dispatcher = Dispatcher()
    dispatcher.include_routers(*routers)
    started = asyncio.Event()
    dispatcher.startup.register(started.set)
    await bot.get_updates(allowed_updates=dispatcher.resolve_used_update_types())
    polling = asyncio.create_task(
        dispatcher.start_polling(
            bot, handle_signals=False, close_bot_session=False, polling_timeout=5
        )
    )
    await started.wait()
    try:
        yield
    finally:
        while not polling.done():
            with contextlib.suppress(RuntimeError):
                await dispatcher.stop_polling()
                break
            await asyncio.sleep(0)
        await polling


@pytest.fixture
def bot(bot, seed):
    """The bot with a default parse mode, as in aiogram's first example."""
    default = DefaultBotProperties(parse_mode=ParseMode.HTML)
    return Bot(seed.telegram.token, session=bot.session, default=default)


@pytest.fixture
def answer(transcript):
    """`await answer("sendMessage")` is the result of the next such call that was granted."""
    seen = 0

    async def next_one(name: str) -> Any:
        nonlocal seen
        found = await transcript.wait_for(
            lambda call: call.name == name, timeout=PATIENCE_S, after=seen
        )
        seen = found.number
        assert found.status == 200, found
        return found.response["result"]

    return next_one


async def test_echo_with_deep_link(telegram, bot, answer):
    router = Router()

    @router.message(CommandStart(deep_link=True))
    async def linked(message: Message, command: CommandObject) -> None:
        await message.answer(f"Hello, {html.bold(message.from_user.full_name)}: {command.args}")

    @router.message()
    async def echo(message: Message) -> None:
        await message.send_copy(chat_id=message.chat.id)

    link = await create_start_link(bot, "ref_7")
    assert link.startswith("https://t.me/twinstream_sandbox_bot?start=")
    async with running(bot, router):
        telegram.people.start(ALICE, link.partition("start=")[2])
        greeting = await answer("sendMessage")
        assert greeting["text"] == "Hello, Alice: ref_7"
        assert greeting["entities"] == [{"type": "bold", "offset": 7, "length": 5}]
        telegram.people.send(ALICE, ALICE, "sticker")
        assert (await answer("sendSticker"))["sticker"]["type"] == "regular"


class Guess(CallbackData, prefix="guess"):
    number: int


async def test_buttons_and_callback_data(telegram, bot, answer):
    router = Router()

    @router.message(Command("guess"))
    async def ask(message: Message) -> None:
        keyboard = InlineKeyboardBuilder()
        for number in range(1, 7):
            keyboard.button(text=str(number), callback_data=Guess(number=number))
        keyboard.adjust(3)
        keyboard.row(InlineKeyboardButton(text="Rules", url="https://example.org/rules"))
        keyboard.row(InlineKeyboardButton(text="Code", copy_text=CopyTextButton(text="7K2")))
        await message.reply("Which one?", reply_markup=keyboard.as_markup())

    @router.callback_query(Guess.filter(F.number > 3))
    async def high(query: CallbackQuery, callback_data: Guess) -> None:
        await query.message.edit_text(f"{callback_data.number} is too high")
        await query.answer("Lower!", show_alert=True)

    async with running(bot, router):
        telegram.say(GROUP, ALICE, "/guess")
        asked = await answer("sendMessage")
        assert [len(row) for row in asked["reply_markup"]["inline_keyboard"]] == [3, 3, 1, 1]
        telegram.click(GROUP, asked["message_id"], ALICE, "guess:5")
        assert (await answer("editMessageText"))["text"] == "5 is too high"
        assert await answer("answerCallbackQuery") is True


class Form(StatesGroup):
    name = State()
    phone = State()


async def test_a_form_with_reply_keyboards(telegram, bot, answer):
    router = Router()

    @router.message(Command("form"))
    async def begin(message: Message, state: FSMContext) -> None:
        await state.set_state(Form.name)
        rows = [[KeyboardButton(text="Anonymous")]]
        markup = ReplyKeyboardMarkup(keyboard=rows, resize_keyboard=True, one_time_keyboard=True)
        await message.answer("Your name?", reply_markup=markup)

    @router.message(Form.name)
    async def named(message: Message, state: FSMContext) -> None:
        await state.update_data(name=message.text)
        await state.set_state(Form.phone)
        rows = [[KeyboardButton(text="Share", request_contact=True)]]
        await message.answer("Phone?", reply_markup=ReplyKeyboardMarkup(keyboard=rows))

    @router.message(Form.phone, F.contact)
    async def done(message: Message, state: FSMContext) -> None:
        data = await state.get_data()
        await state.clear()
        text = f"{data['name']} {message.contact.phone_number}"
        await message.answer(text, reply_markup=ReplyKeyboardRemove())

    async with running(bot, router):
        telegram.say(ALICE, ALICE, "/form")
        await answer("sendMessage")
        telegram.people.press(ALICE, ALICE, "Anonymous")
        await answer("sendMessage")
        telegram.people.press(ALICE, ALICE, "Share")
        assert (await answer("sendMessage"))["text"] == "Anonymous +00000001001"
        assert telegram.people.reply_keyboard(ALICE, ALICE) is None


async def test_files_go_up_and_down(telegram, bot, answer):
    router = Router()

    @router.message(F.document)
    async def keep(message: Message) -> None:
        content = await message.bot.download(message.document)
        size = len(content.read())
        await message.answer_photo(BufferedInputFile(PIXEL, "card.png"), caption=f"{size} bytes")

    @router.message(Command("album"))
    async def album(message: Message) -> None:
        media = MediaGroupBuilder(caption="Two")
        for name in ("one.png", "two.png"):
            media.add_photo(media=BufferedInputFile(PIXEL, name))
        first, _ = await message.answer_media_group(media=media.build())
        again = InputMediaPhoto(media=BufferedInputFile(PIXEL, "three.png"), caption="New")
        await first.edit_media(again)

    async with running(bot, router):
        telegram.people.send(ALICE, ALICE, "document", data=b"12345", file_name="a.txt")
        sent = await answer("sendPhoto")
        assert sent["caption"] == "5 bytes"
        assert telegram.file(sent["photo"][-1]["file_id"]) == PIXEL
        telegram.say(ALICE, ALICE, "/album")
        assert len(await answer("sendMediaGroup")) == 2
        assert (await answer("editMessageMedia"))["caption"] == "New"


async def test_topics_and_reactions(telegram, bot, answer):
    telegram.people.set_bot("administrator", frozenset(ADMINISTRATOR_RIGHTS))
    telegram.people.set_forum()
    router = Router()

    @router.message(Command("topic"))
    async def open_topic(message: Message, command: CommandObject) -> None:
        topic = await message.bot.create_forum_topic(message.chat.id, command.args)
        await message.bot.send_message(
            message.chat.id, "Welcome", message_thread_id=topic.message_thread_id
        )

    @router.message(F.is_topic_message, F.text)
    async def like(message: Message) -> None:
        await message.react([ReactionTypeEmoji(emoji="❤\u200d🔥")])

    @router.message_reaction()
    async def reacted(event: MessageReactionUpdated) -> None:
        emoji = event.new_reaction[0].emoji
        await event.bot.send_message(event.chat.id, f"{event.user.first_name}: {emoji}")

    async with running(bot, router):
        telegram.say(GROUP, VERA, "/topic Games")
        topic = (await answer("createForumTopic"))["message_thread_id"]
        welcome = await answer("sendMessage")
        assert (welcome["message_thread_id"], welcome["is_topic_message"]) == (topic, True)
        telegram.say(GROUP, ALICE, "nice", manner=Manner(thread_id=topic))
        assert await answer("setMessageReaction") is True
        telegram.react(GROUP, welcome["message_id"], BORIS, "👨\u200d💻")
        assert (await answer("sendMessage"))["text"] == "Boris: 👨\u200d💻"


async def test_requests_to_join(telegram, bot, answer):
    router = Router()

    @router.chat_join_request()
    async def welcome(request: ChatJoinRequest) -> None:
        await request.approve()

    telegram.people.want_requests()
    async with running(bot, router):
        newcomer = telegram.join(name="Egor")
        assert await answer("approveChatJoinRequest") is True
    assert (await bot.get_chat_member(GROUP, newcomer)).status == "member"
