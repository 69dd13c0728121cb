"""A Telegram platform for each test; one aiogram session for each module, since it takes a quarter
of a second to close."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sandbox import Faults, Rate, Transcript, load_seed
from sandbox.telegram_api import TelegramLimits, TelegramPlatform

UNLIMITED = TelegramLimits(Rate(10**6, 1.0), Rate(10**6, 1.0), Rate(10**6, 1.0))

Call = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def seed():
    return load_seed()


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def telegram_limits() -> TelegramLimits:
    """No limits; a module about limits overrides this."""
    return UNLIMITED


@pytest_asyncio.fixture(loop_scope="module")
async def telegram(seed, transcript, faults, telegram_limits) -> AsyncIterator[TelegramPlatform]:
    platform = TelegramPlatform(seed.telegram, transcript, faults, limits=telegram_limits)
    await platform.start()
    yield platform
    await platform.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telegram_session() -> AsyncIterator[Any]:
    from aiogram.client.session.aiohttp import AiohttpSession

    session = AiohttpSession()
    yield session
    await session.close()


@pytest.fixture
def bot(telegram, telegram_session, seed):
    """An unmodified aiogram bot, pointed at the sandbox the official way."""
    from aiogram import Bot
    from aiogram.client.telegram import TelegramAPIServer

    telegram_session.api = TelegramAPIServer.from_base(telegram.api_base)
    return Bot(seed.telegram.token, session=telegram_session)


@pytest_asyncio.fixture(loop_scope="module")
async def call(telegram, seed) -> AsyncIterator[Call]:
    """Bare HTTP: `await call("getMe", ...)` posts a form, bytes as files; returns the answer."""
    async with aiohttp.ClientSession() as session:

        async def post(method: str, /, **parameters: Any) -> dict[str, Any]:
            url = f"{telegram.api_base}/bot{seed.telegram.token}/{method}"
            form = aiohttp.FormData()
            for key, value in parameters.items():
                file = {"filename": f"{key}.png"} if isinstance(value, bytes) else {}
                form.add_field(key, io.BytesIO(value) if file else str(value), **file)
            async with session.post(url, data=form) as response:
                body: dict[str, Any] = await response.json()
                assert response.status == body.get("error_code", 200)
                return body

        yield post
