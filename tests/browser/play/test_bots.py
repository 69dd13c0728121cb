"""The panel of own bots on the real stack: beside ours, and in place of ours."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from tests.browser.barriers import look_for_barriers
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_own_bots import connects, program_running

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

#: Our bots stop and start within this time, on a busy machine.
BOT_MS = 8 * PATIENCE_MS


DEED = """async ([deed, body]) => {
  const headers = { "X-Sandbox-Token": sessionStorage.getItem("sandbox-token") };
  const given = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(`/api/bots/${deed}`, given);
  return [answer.status, (await answer.json()).error];
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(open_page, running) -> AsyncIterator[Any]:
    """The page with the panel in front, for a newcomer on both sides. Our bots run again after."""
    async with SandboxClient(running.endpoints.control_url) as client:
        omar = await SandboxMember.arrive(client, running.endpoints, "Omar")
    choices = f"&panel=bots&side=bots&tour=no&tg={omar.telegram_id}&dc={omar.discord_id}"
    one = await open_page(running.url + choices, waits=False, reduced_motion="reduce")
    await one.locator("#bots .bot").nth(1).wait_for()
    yield one
    for platform in ("telegram", "discord"):
        await one.evaluate(DEED, ["start", {"platform": platform}])


async def program_of(row: Any, library: str) -> str:
    await row.get_by_role("button", name=library, exact=True).click()
    return str(await row.locator(".program code").text_content())


async def hear(page: Any, side: str, words: str) -> None:
    await expect(page.locator(f".{side} .message", has_text=words).last).to_be_visible()


async def greet_in_telegram(page: Any, text: str) -> None:
    await page.locator(".telegram textarea").fill(text)
    await page.locator(".telegram textarea").press("Enter")
    await hear(page, "telegram", "Hello, Omar!")


@pytest.mark.parametrize("library", ["aiogram", pytest.param("grammY", marks=pytest.mark.nightly)])
async def test_ours_makes_room_for_a_program_and_comes_back(page, tmp_path, library):
    ours = page.locator("#bots section[aria-labelledby=bots-telegram] .bot").first
    state = ours.locator(".bot-state")
    await expect(state).to_contain_text("connected: aiogram", timeout=BOT_MS)
    await ours.get_by_role("button", name="Stop ours").click()
    await expect(state).to_have_text("stopped by you", timeout=BOT_MS)
    await expect(ours.locator(".bot-hint")).to_contain_text("The token is free now")

    # The tour says what is in the way.
    await page.locator("#tab-tour").click()
    await page.get_by_role("button", name="Play in Telegram").click()
    await expect(page.locator(".tour-hindrance")).to_contain_text("not connected now")
    await page.get_by_role("button", name="Leave the tour").last.click()
    await page.locator("#tab-bots").click()

    await ours.get_by_role("button", name="How to connect").click()
    async with program_running(tmp_path, library, await program_of(ours, library)):
        await connects(state, "aiogram" if library == "aiogram" else "node-fetch")
        await greet_in_telegram(page, "/hello")
    await expect(state).to_have_text("stopped by you", timeout=BOT_MS)
    await ours.get_by_role("button", name="Start ours").click()
    await expect(state).to_contain_text("connected: aiogram", timeout=BOT_MS)


@pytest.mark.nightly
@pytest.mark.parametrize("library", ["discord.py", "discord.js"])
async def test_a_bot_of_ones_own_works_beside_ours(page, tmp_path, library):
    section = page.locator("#bots section[aria-labelledby=bots-discord]")
    count = await section.locator(".bot").count()
    await page.get_by_role("button", name="Add a bot: Discord").click()
    row = section.locator(".bot").nth(count)
    name = str(await row.locator(".bot-name").text_content())
    await expect(row.locator(".bot-state")).to_have_text("not connected")
    await look_for_barriers(page, "#bots")
    async with program_running(tmp_path, library, await program_of(row, library)):
        known = "discord.py" if library == "discord.py" else "@discordjs/ws"
        await connects(row.locator(".bot-state"), known)
        ours = section.locator(".bot").first.locator(".bot-state")
        await expect(ours).to_contain_text("connected: discord.py")
        await page.locator(".discord textarea").fill("/hello")
        option = page.locator(".discord [role=option]", has_text="Say hello")
        await option.filter(has_text=name).click()
        await page.locator(".discord .command-bar [type=submit]").click()
        await hear(page, "discord", "Hello, Omar!")


async def test_a_program_with_the_token_of_a_bot_of_ours_that_runs_is_told_to_be_in_the_way(
    page, running
):
    ours = page.locator("#bots section[aria-labelledby=bots-telegram] .bot").first
    await expect(ours.locator(".bot-state")).to_contain_text("connected", timeout=BOT_MS)
    token = running.endpoints.telegram["token"]
    url = f"{running.endpoints.telegram_api_base}/bot{token}/getUpdates"
    async with aiohttp.ClientSession() as session, session.get(url, params={"timeout": 1}):
        pass
    await expect(ours.locator(".bot-state")).to_contain_text("several programs")
    await expect(ours.locator(".bot-hint")).to_contain_text("stop it here")


async def test_a_deed_twice_or_of_another_platform_is_refused(page):
    asked = [
        ("start", {"platform": "telegram"}),
        ("stop", {"platform": "irc"}),
        ("stop", {}),
        ("stop", {"platform": ["telegram"]}),
    ]
    answers = [await page.evaluate(DEED, one) for one in asked]
    assert [status for status, _ in answers] == [409] * 4
    assert answers[0][1] == "our bot runs already, or is still stopping"
    assert answers[1][1] == '`platform` is "telegram" or "discord"'
