"""The Telegram side in a browser: people write, press and manage; the bot is a real aiogram."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command
from aiogram.types import (
    BotCommand,
    CallbackQuery,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
)
from playwright.async_api import expect

from sandbox import load_seed
from tests.sandbox.test_telegram_client import polling

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

GROUP, VERA, ALICE, BORIS, CLARA = -1001000000001, 1000, 1001, 1002, 1003
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@contextlib.asynccontextmanager
async def guessing_bot(world) -> AsyncIterator[None]:
    """A bot with a menu of commands, inline buttons, a copy button and a reply keyboard."""
    async with AiohttpSession(api=TelegramAPIServer.from_base(world.telegram.api_base)) as session:
        bot, dispatcher = Bot(load_seed().telegram.token, session=session), Dispatcher()

        @dispatcher.message(Command("guess"))
        async def guess(message: Message) -> None:
            buttons = [
                InlineKeyboardButton(text="Hint", callback_data="hint"),
                InlineKeyboardButton(text="Rules", callback_data="rules"),
                InlineKeyboardButton(text="Code", copy_text=CopyTextButton(text="ABC-1")),
            ]
            markup = InlineKeyboardMarkup(inline_keyboard=[buttons])
            await message.reply("<b>Wrong</b>", parse_mode="HTML", reply_markup=markup)

        @dispatcher.callback_query()
        async def pressed(query: CallbackQuery) -> None:
            await query.answer(f"It is {query.data}", show_alert=query.data == "rules")

        @dispatcher.message(Command("start"))
        async def start(message: Message) -> None:
            rows = [[KeyboardButton(text="Profile")]]
            await message.answer("Welcome", reply_markup=ReplyKeyboardMarkup(keyboard=rows))

        menu = [("guess", "Guess a number"), ("profile", "Your rank")]
        commands = [BotCommand(command=name, description=said) for name, said in menu]
        await bot.set_my_commands(commands)
        await bot.set_my_commands(
            [BotCommand(command="guess", description="Угадать")], language_code="ru"
        )
        async with polling(dispatcher, bot):
            yield


async def write(page, text: str) -> None:
    field = page.locator(".telegram textarea")
    await field.fill(text)
    await field.press("Enter")


async def become(page, user_id: int) -> None:
    await page.locator(f'.telegram [data-person="{user_id}"]').click()


async def pick(page, message: str, item: str) -> None:
    """Open the menu of a message and pick an item."""
    bubble = page.locator(".telegram .message", has_text=message).first
    await bubble.hover()
    await bubble.locator(".more").click()
    await page.get_by_role("menuitem", name=item, exact=True).click()


async def test_people_write_reply_edit_react_and_delete(open_page, world):
    page = await open_page()
    messages = page.locator(".telegram .message")
    await write(page, "hello from Alice")
    await expect(messages).to_have_count(1)
    await expect(messages.first).to_have_class("message own ")
    await become(page, BORIS)
    await pick(page, "hello from Alice", "Reply")
    await write(page, "hello Alice")
    await expect(messages.last.locator(".quoted")).to_contain_text("hello from Alice")
    await pick(page, "hello Alice", "Edit")
    await write(page, "hello dear Alice")
    await expect(messages.last).to_contain_text("edited")
    await pick(page, "hello from Alice", "React 🔥")
    await expect(messages.first.locator(".reaction.own")).to_contain_text("1")
    await messages.first.locator(".reaction").click()
    await expect(messages.first.locator(".reaction")).to_have_count(0)
    await pick(page, "hello dear Alice", "Delete")
    await expect(messages).to_have_count(1)
    assert [one["text"] for one in world.telegram.messages(GROUP)] == ["hello from Alice"]


async def test_commands_are_completed_and_buttons_answered(open_page, world):
    async with guessing_bot(world):
        page = await open_page()
        field = page.locator(".telegram textarea")
        await field.press_sequentially("/g")
        options = page.locator(".telegram [role=option]")
        await expect(options).to_have_text(["/guessGuess a number"])
        await field.press("Tab")
        await expect(field).to_have_value("/guess ")
        await field.press_sequentially("5")
        await field.press("Enter")
        answer = page.locator(".telegram .message", has_text="Wrong")
        await expect(answer.locator("strong")).to_have_text("Wrong")
        await answer.get_by_role("button", name="Hint").click()
        await expect(page.locator(".telegram .toast")).to_contain_text("It is hint")
        await answer.get_by_role("button", name="Rules").click()
        await expect(page.get_by_role("dialog")).to_contain_text("It is rules")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await answer.get_by_role("button", name="Code").click()
        await expect(page.locator(".telegram .toast").last).to_contain_text("ABC-1")
        # Boris reads Russian, so his menu is the Russian one.
        await become(page, BORIS)
        await field.fill("/")
        await expect(options).to_have_text(["/guessУгадать"])


async def test_a_private_chat_begins_and_shows_its_keyboard(open_page, world):
    async with guessing_bot(world):
        page = await open_page()
        await page.locator('.telegram [data-place="bot:42"]').click()
        await page.get_by_role("button", name="START").click()
        await expect(page.locator(".telegram .message").last).to_contain_text("Welcome")
        await page.locator(".reply-keyboard button").click()
        await expect(page.locator(".telegram .message.own").last).to_contain_text("Profile")


async def test_files_are_uploaded_and_shown(open_page, world):
    page = await open_page()
    picker = page.locator(".telegram input[type=file]")
    picture = {"name": "red.png", "mimeType": "image/png", "buffer": PICTURE}
    await picker.set_input_files([picture])
    await write(page, "a picture")
    image = page.locator(".telegram .message img")
    await expect(image).to_have_js_property("naturalWidth", 1)
    await expect(page.locator(".telegram .message")).to_contain_text("a picture")
    await picker.set_input_files([{"name": "x.html", "mimeType": "text/html", "buffer": b"<b>x"}])
    await page.locator(".telegram .composer .send").click()
    async with page.expect_download() as saving:
        await page.locator(".telegram .file").click()
    saved = await saving.value
    assert saved.suggested_filename == "x.html"


async def test_the_owner_mutes_tags_and_removes_and_people_come_and_go(open_page, world):
    page = await open_page()
    await page.locator("[aria-controls=telegram-members]").click()
    rows = page.locator(".telegram .members .member")

    async def manage(name: str, item: str) -> None:
        await rows.filter(has_text=name).locator(".more").click()
        await page.get_by_role("menuitem", name=item, exact=True).click()

    await manage("Alice", "Give a tag")
    await page.get_by_role("textbox", name="Tag").fill("Pilot")
    await page.get_by_role("button", name="Save").click()
    await expect(rows.filter(has_text="Alice").locator(".tag")).to_have_text("Pilot")
    await write(page, "tagged")
    await become(page, BORIS)
    await expect(page.locator(".telegram .message .tag")).to_have_text("Pilot")
    await manage("Boris", "Mute (as the owner)")
    await expect(page.locator(".telegram textarea")).to_be_disabled()
    await manage("Boris", "Unmute")
    await expect(page.locator(".telegram textarea")).to_be_enabled()
    await manage("Boris", "Leave")
    await expect(page.locator(".telegram .service").last).to_contain_text("Boris left")
    await expect(page.locator(".telegram textarea")).to_be_disabled()
    await manage("Boris", "Join")
    await expect(page.locator(".telegram .service").last).to_contain_text("Boris joined")


async def test_topics_part_the_messages(open_page, world):
    page = await open_page()
    await write(page, "in general")
    for item in ("With topics", "New topic"):
        await page.get_by_role("button", name="Chat menu").click()
        await page.get_by_role("menuitem", name=item).click()
    await page.get_by_role("textbox", name="Title").fill("Games")
    await page.get_by_role("button", name="Save").click()
    # Only who may manages topics, and the sandbox says so.
    await expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    await page.get_by_role("button", name="Cancel").click()
    await become(page, VERA)
    await page.get_by_role("button", name="Chat menu").click()
    await page.get_by_role("menuitem", name="New topic").click()
    await page.get_by_role("textbox", name="Title").fill("Games")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("tab", name="Games").click()
    await write(page, "in games")
    await expect(page.locator(".telegram .message")).to_have_count(1)
    await page.get_by_role("tab", name="General").click()
    await expect(page.locator(".telegram .message").first).to_contain_text("in general")


async def test_a_vote_is_counted_and_what_the_sandbox_refuses_is_told(open_page, world):
    await world.bot("sendPoll", chat_id=GROUP, question="Which?", options=["Chess", "Go"])
    page = await open_page()
    await page.locator(".poll button").first.click()
    await expect(page.locator(".poll button").first).to_contain_text("100%")
    await become(page, VERA)
    await write(page, "x" * 5_000)
    await expect(page.locator(".telegram .toast.error")).not_to_be_empty()
    assert len(await page.locator(".telegram textarea").input_value()) == 5_000
