"""Bots of anybody: each program that the page shows is run as it is, appears there, and answers."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from sandbox import load_seed
from tests.browser.conftest import PATIENCE_MS, PHONE
from tests.support.node_programs import install_packages
from tests.support.processes import environment

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

#: The packages of npm, and the releases with which the programs are tried.
PACKAGES = {
    "telegraf": "telegraf@4.16.3",
    "grammY": "grammy@1.46.0",
    "discord.js": "discord.js@14.28.1",
}


@contextlib.asynccontextmanager
async def program_running(folder: Path, library: str, program: str) -> AsyncIterator[None]:
    """Run a program that the page shows, in a process of its own."""
    file = folder / ("my_bot.mjs" if library in PACKAGES else "my_bot.py")
    if library in PACKAGES:
        install_packages(folder, PACKAGES[library])
    file.write_text(program, encoding="utf-8")
    interpreter = "node" if library in PACKAGES else sys.executable
    process = await asyncio.create_subprocess_exec(interpreter, file, env=environment())
    try:
        yield
        assert process.returncode is None, "the program has ended by itself"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def choose(page: Any, side: str, item: str) -> None:
    """Pick from the menu of the chat or server."""
    await page.locator(f".{side} .chat-head [aria-haspopup=menu]").click()
    await page.get_by_role("menuitem", name=item, exact=True).click()


async def add_bot(page: Any, side: str) -> None:
    await choose(page, side, "Add a bot of your own")
    dialog = page.get_by_role("dialog")
    if side == "telegram":
        await dialog.get_by_label("Name", exact=False).first.fill("Mine")
    await dialog.get_by_label("Username").fill("mine_bot")
    await dialog.get_by_role("button", name="Save").click()


async def program_of(page: Any, library: str) -> str:
    """Pick a library in the dialog, and return the program that it shows."""
    dialog = page.get_by_role("dialog", name="How to connect a program")
    await dialog.get_by_role("button", name=library, exact=True).click()
    program = str(await dialog.locator(".program code").text_content())
    await dialog.get_by_role("button", name="OK").click()
    return program


def connection(page: Any, side: str, name: str) -> Any:
    return page.locator(f".{side} .member", has_text=name).locator(".entry-words").last


async def connects(words: Any, program: str) -> None:
    """Wait until the page shows that this program is there: libraries take seconds to import."""
    await expect(words).to_contain_text(f"connected: {program}", timeout=4 * PATIENCE_MS)


async def test_the_page_names_a_command_that_the_bot_hears_in_a_group(open_page):
    page = await open_page()
    for side, command in (("telegram", "/hello@mine_bot"), ("discord", "/hello")):
        await add_bot(page, side)
        dialog = page.get_by_role("dialog", name="How to connect a program")
        await expect(dialog.locator(".hint").first).to_contain_text(f"Then write {command}.")
        await dialog.get_by_role("button", name="OK").click()


@pytest.mark.parametrize(
    "library",
    [pytest.param(one, marks=pytest.mark.nightly) for one in ("aiogram", "telegraf", "grammY")],
)
async def test_a_program_for_telegram_that_the_page_shows_connects_and_answers(
    open_page, world, tmp_path, library
):
    page = await open_page()
    await add_bot(page, "telegram")
    program = await program_of(page, library)
    await page.locator("[aria-controls=telegram-members]").click()
    await expect(connection(page, "telegram", "Mine")).to_have_text("not connected")
    async with program_running(tmp_path, library, program):
        known = "node-fetch" if library in PACKAGES else "aiogram"
        await connects(connection(page, "telegram", "Mine"), known)
        field = page.locator(".telegram textarea")
        await field.fill("/hello@mine_bot")
        await field.press("Enter")
        answer = page.locator(".telegram .message:not(.own)", has_text="Hello, Alice!")
        await expect(answer).to_have_count(1)
    await expect(connection(page, "telegram", "Mine")).to_have_text("not connected")


@pytest.mark.parametrize(
    "library", ["discord.py", pytest.param("discord.js", marks=pytest.mark.nightly)]
)
async def test_a_program_for_discord_that_the_page_shows_connects_and_answers(
    open_page, world, tmp_path, library
):
    page = await open_page()
    await add_bot(page, "discord")
    program = await program_of(page, library)
    await page.locator("[aria-controls=discord-members]").click()
    await expect(connection(page, "discord", "mine_bot")).to_have_text("not connected")
    async with program_running(tmp_path, library, program):
        known = "@discordjs/ws" if library in PACKAGES else "discord.py"
        await connects(connection(page, "discord", "mine_bot"), known)
        field = page.locator(".discord textarea")
        await field.fill("/hel")
        await page.locator(".discord [role=option]", has_text="Say hello").click()
        await page.locator(".discord .command-bar [type=submit]").click()
        await expect(page.locator(".discord .message")).to_contain_text("Hello, Alice!")
    await expect(connection(page, "discord", "mine_bot")).to_have_text("not connected")


async def test_two_programs_with_one_token_are_told_apart_from_one(open_page, world):
    page = await open_page()
    await page.locator("[aria-controls=telegram-members]").click()
    ours = page.locator(".telegram .member").filter(has=page.locator("[data-focus=member-42]"))
    words = ours.locator(".entry-words").last
    url = f"{world.telegram.api_base}/bot{load_seed().telegram.token}/getUpdates"
    headers = {"User-Agent": "first/1.0 (of two)"}
    first = asyncio.create_task(world.session.get(url, params={"timeout": 30}, headers=headers))
    await expect(words).to_have_text("connected: first 1.0")
    second = asyncio.create_task(world.session.get(url, params={"timeout": 30}))
    assert (await first).status == 409
    await expect(words).to_have_text("several programs use this bot's token")
    second.cancel()


async def test_on_a_phone_and_in_russian_the_program_is_there_to_copy(open_page, world):
    page = await open_page(size=PHONE, locale="ru")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.locator(".telegram .chat-entry").first.click()
    await choose(page, "telegram", "Добавить своего бота")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Имя", exact=False).first.fill("Мой")
    await dialog.get_by_label("Имя пользователя").fill("mine_bot")
    await dialog.get_by_role("button", name="Сохранить").click()
    dialog = page.get_by_role("dialog", name="Как подключить программу")
    shown = await dialog.locator(".program code").text_content()
    await dialog.get_by_role("button", name="Скопировать").click()
    await expect(dialog.get_by_role("status")).to_have_text("Скопировано")
    assert await page.evaluate("navigator.clipboard.readText()") == shown
    assert world.telegram.api_base in shown


async def test_the_name_of_a_bot_cannot_break_the_program(open_page, world):
    page = await open_page()
    await choose(page, "telegram", "Add a bot of your own")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=False).first.fill("Mine")
    await dialog.get_by_label("Username").fill('x"); import os; ("bot')
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("letters, digits and underscores")
