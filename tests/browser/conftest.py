"""Both platforms with the control interface in this process, and Chromium that opens the page."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from launch.chromium import ARGUMENTS, MISSING, chromium
from sandbox import Faults, Rate, Transcript, load_seed
from sandbox.control import Control
from sandbox.discord_api import DiscordPlatform
from sandbox.telegram_api import TelegramLimits, TelegramPlatform
from tests.support.discord_sandbox import SEED, UNLIMITED, Bench

# `make test` neither needs nor installs what drives a browser.
collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py", "*/test_*.py"]

TELEGRAM_LIMITS = TelegramLimits(Rate(10**6, 1.0), Rate(10**6, 1.0), Rate(10**6, 1.0))
#: Milliseconds within which the page shows what happened, on a busy machine.
PATIENCE_MS = 15_000

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@dataclass
class World:
    """Both platforms, and what a test asks of them."""

    telegram: TelegramPlatform
    discord: DiscordPlatform
    control: Control
    bench: Bench
    session: aiohttp.ClientSession

    async def bot(self, method: str, **parameters: Any) -> Any:
        """Call a method of the Telegram Bot API, as the seed's bot."""
        url = f"{self.telegram.api_base}/bot{load_seed().telegram.token}/{method}"
        async with self.session.post(url, json=parameters) as response:
            body = await response.json()
            assert body["ok"], body
            return body["result"]

    async def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Call a route of Discord's API, as the seed's bot."""
        headers = {"Authorization": f"Bot {SEED.token}"}
        url = self.discord.api_base + path
        async with self.session.request(method, url, json=body, headers=headers) as response:
            assert response.status < 300, await response.text()
            return await response.json() if response.status == 200 else None


@pytest_asyncio.fixture(loop_scope="session")
async def world() -> AsyncIterator[World]:
    transcript, faults, seed = Transcript(), Faults(), load_seed()
    telegram = TelegramPlatform(seed, transcript, faults, limits=TELEGRAM_LIMITS)
    discord = DiscordPlatform(seed, transcript, faults, limits=UNLIMITED)
    control = Control(telegram, discord, transcript, faults)
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for server in (telegram, discord, control):
            await server.start()
            stack.push_async_callback(server.stop)
        yield World(telegram, discord, control, Bench(discord, transcript, faults), session)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Any]:
    """One Chromium for all tests."""
    from playwright.async_api import async_playwright

    program = chromium()
    if program is None:
        pytest.fail(MISSING)
    async with async_playwright() as playwright:
        one = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield one
        await one.close()


Open = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser, world) -> AsyncIterator[Open]:
    """`await open_page(locale="ru")` opens the page in a context of its own, and waits for it.

    A page that writes an error to its console fails the test, unless it came with `hears=False`.
    """
    contexts: list[Any] = []
    wrong: list[str] = []

    async def begin(
        url: str | None = None,
        *,
        waits: bool = True,
        size: Any = None,
        hears: bool = True,
        **options: Any,
    ) -> Any:
        options.setdefault("locale", "en")
        context = await browser.new_context(viewport=size or DESKTOP, **options)
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)

        def note(said: Any) -> None:
            if hears and said.type == "error":
                wrong.append(said.text)

        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", note)
        await page.goto(url or world.control.page_url)
        if waits:
            await page.locator(".telegram .person").first.wait_for()
            await page.locator(".discord .person").first.wait_for(state="attached")
        return page

    yield begin
    for one in contexts:
        await one.close()
    # A refused request is shown to the person, and Chromium's own line about it is no fault.
    assert [one for one in wrong if "Failed to load resource" not in one] == []
