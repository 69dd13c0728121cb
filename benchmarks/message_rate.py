"""The cost of message XP: a bot that hears a thousand messages a second, with XP and without.

Each bot runs in this process: aiogram's dispatcher and discord.py's parsers read payloads as the
platforms send them, the rooms are the real ones, and Postgres is real. Only the platforms' answers
are missing: what the bot sends is taken and timed. Members ask for /profile meanwhile.
"""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import asyncpg
import discord
import msgspec
from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.methods import GetChatMember, SendMessage, TelegramMethod
from aiogram.types import Chat, ChatMemberMember, Message, User

from bots.discord_bot.client import TwinClient
from bots.discord_bot.markup import DiscordMarkup
from bots.discord_bot.rooms import open_rooms as open_discord_rooms
from bots.runtime.room_services import Services, open_services
from bots.runtime.supervisor import Supervisor
from bots.telegram_bot.app import _Polling
from bots.telegram_bot.group.moves import GroupMoves
from bots.telegram_bot.group.presence import Presence
from bots.telegram_bot.markup import TelegramMarkup
from bots.telegram_bot.polling.earnings_first import WAIT_S_MAX
from bots.telegram_bot.polling.progress import PollingProgress
from bots.telegram_bot.rooms import open_rooms as open_telegram_rooms
from config import Community, Settings
from config.community_sections.earning import EarningSetting, MessageSetting
from config.telegram_group import GroupAddress

from .report import Report, number
from .testbed import COMMUNITY, BenchTestbed, Start

#: People who write, in turns. Of 5,000 messages one in ten counts, and the others are within the
#: cooldown: as if 5,000 people wrote at this rate all day.
WRITERS: Final = 500
#: Seconds between two rounds of the feed: a poll of Telegram brings so much at once.
ROUND_S: Final = 0.05
#: Seconds between two members who ask for /profile.
ASK_S: Final = 0.1
GUILD, CHANNEL = 900000000000000001, 900000000000000010
#: Each of them has an I, L or O near its ends, which no code for linking has. The guard of posted
#: codes asks Postgres about ten other letters in a row, with message XP or without.
WORDS: Final = (
    *("oil", "lol", "idol", "olio", "lilo", "cool", "pool", "tool", "will", "fill", "hill", "soil"),
    *("toil", "coil", "foil", "boil", "roll", "toll", "poll", "loll", "limo", "silo", "lion"),
)


class Load(NamedTuple):
    """The figures of one bot under the load."""

    name: str
    messages_s: float
    cpu_ms: float
    """Of the bot's process, for each message: not what it waited for others on a busy machine."""
    asked_ms: Sequence[float]
    counted: int


async def run(testbed: BenchTestbed, *, rate: int, seconds: float) -> Report:
    """Feed each bot, with message XP and without."""
    loads = []
    for is_on in (False, True):
        for feed in (_telegram, _discord):
            async with testbed.start(0) as start:
                loads.append(await feed(start, rate=rate, seconds=seconds, is_on=is_on))
    return Report(
        name="messages",
        title=f"{rate:,} messages a second of {WRITERS:,} members, for {seconds:g} s",
        columns=(
            *("bot", "messages/s", "CPU of a message, ms", "a core takes, messages/s"),
            *("waited, median ms", "99th percentile, ms"),
            "people who earned",
        ),
        rows=tuple(_row(load) for load in loads),
        figures={load.name: load._asdict() for load in loads},
        notes=(
            (
                "The CPU is that of the bot's process, which also makes the payloads up. Members"
                " ask on Telegram; on Discord it is the time until the event loop takes the next"
                " event, as a command would wait."
            ),
        ),
    )


def _row(load: Load) -> tuple[str, ...]:
    asked = sorted(load.asked_ms) or [0.0]
    return (
        load.name,
        number(load.messages_s),
        number(load.cpu_ms),
        number(1_000 / load.cpu_ms),
        number(asked[len(asked) // 2]),
        number(asked[int(len(asked) * 0.99)]),
        f"{load.counted:,}",
    )


@contextlib.asynccontextmanager
async def _services(
    start: Start, platform: Any, mark: Any, *, is_on: bool
) -> AsyncIterator[Services]:
    settings = Settings(
        redis_url=start.redis_url,
        database_url=start.database_url,
        telegram_token="42:BENCHMARK",
        discord_token="BENCHMARK",
    )
    earning = EarningSetting(messages=MessageSetting(enabled=is_on))
    community: Community = msgspec.structs.replace(COMMUNITY, earning=earning)
    supervisor = Supervisor(asyncio.Event())
    async with open_services(
        settings, community, supervisor, platform=platform, mark=mark
    ) as services:
        yield services


async def _telegram(start: Start, *, rate: int, seconds: float, is_on: bool) -> Load:
    async with _services(start, "telegram", TelegramMarkup(), is_on=is_on) as services:
        session = _Sink()
        bot = Bot("42:BENCHMARK", session=session)
        group_id = services.community.telegram.chat_id
        polling = _Polling(
            bot,
            services,
            open_telegram_rooms(services),
            PollingProgress(silence_s_max=60),
            GroupMoves(GroupAddress(group_id)),
            Presence(group_id),
        )
        numbers = iter(range(1, 10**9))
        asked: dict[int, float] = {}

        async def feed(due: float, messages: int) -> None:
            for _ in range(messages):
                raw = _update(next(numbers), group_id, _text())
                await polling._dispatcher.feed_raw_update(bot, raw)
            if due >= feed_state["ask_at"]:
                feed_state["ask_at"] = due + ASK_S
                one = next(numbers)
                asked[one] = due
                user = 1_000_000 + one
                await polling._dispatcher.feed_raw_update(bot, _update(one, user, "/profile", user))
            await services.earnings.settled(WAIT_S_MAX)

        feed_state = {"ask_at": 0.0}
        load = await _measure(
            f"Telegram, XP {'on' if is_on else 'off'}", start, feed, rate=rate, seconds=seconds
        )
        await asyncio.sleep(0.5)
        waits = [(at - asked[one]) * 1_000 for one, at in session.sent.items() if one in asked]
        await polling._guard.close()
        await polling._queue.close(1.0)
        return load._replace(asked_ms=waits)


async def _discord(start: Start, *, rate: int, seconds: float, is_on: bool) -> Load:
    async with _services(start, "discord", DiscordMarkup(), is_on=is_on) as services:
        client = TwinClient(services, open_discord_rooms(services), Supervisor(asyncio.Event()))
        await client._async_setup_hook()
        parsers = client._connection.parsers
        client._connection.user = discord.ClientUser(
            state=client._connection, data=_user(1, is_bot=True)
        )
        client._connection._add_guild_from_data(_guild())
        numbers = iter(range(1, 10**9))
        waits: list[float] = []

        async def feed(due: float, messages: int) -> None:
            for _ in range(messages):
                parsers["MESSAGE_CREATE"](_discord_message(next(numbers)))
            began = time.perf_counter()
            await asyncio.sleep(0)
            waits.append((time.perf_counter() - began) * 1_000)

        load = await _measure(
            f"Discord, XP {'on' if is_on else 'off'}", start, feed, rate=rate, seconds=seconds
        )
        await client.close()
        return load._replace(asked_ms=waits)


async def _measure(name: str, start: Start, feed: Any, *, rate: int, seconds: float) -> Load:
    """Feed rounds at a steady rate, and catch up after a late one."""
    per_round = max(1, round(rate * ROUND_S))
    rounds = round(seconds / ROUND_S)
    cpu, began = time.process_time(), time.perf_counter()
    for one in range(rounds):
        due = began + one * ROUND_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await feed(due, per_round)
    took_s = time.perf_counter() - began
    cpu_ms = (time.process_time() - cpu) * 1_000 / (rounds * per_round)
    await asyncio.sleep(0.5)
    conn = await asyncpg.connect(start.database_url)
    counted = await conn.fetchval("SELECT count(*) FROM twinstream.earning_windows")
    await conn.close()
    return Load(name, rounds * per_round / took_s, cpu_ms, (), counted)


class _Sink(BaseSession):
    """Takes what the bot sends, and notes when."""

    def __init__(self) -> None:
        super().__init__()
        #: When the answer to each message was sent, by the number of the message.
        self.sent: dict[int, float] = {}

    async def close(self) -> None:
        """Close nothing."""

    async def make_request(
        self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None
    ) -> Any:
        """Answer as Telegram does, as far as the bot looks at it."""
        if isinstance(method, GetChatMember):
            user = User(id=method.user_id, is_bot=False, first_name="Ann")
            return ChatMemberMember(user=user)
        if isinstance(method, SendMessage):
            chat = Chat(id=int(method.chat_id), type="private")
            self.sent[int(method.chat_id) - 1_000_000] = time.perf_counter()
            return Message(message_id=1, date=datetime.now(UTC), chat=chat, text=method.text)
        return True

    async def stream_content(
        self,
        url: str,
        headers: dict[str, Any] | None = None,
        timeout: int = 30,
        chunk_size: int = 65_536,
        raise_for_status: bool = True,
    ) -> AsyncGenerator[bytes, None]:
        """Stream nothing."""
        yield b""


_CHANCE: Final = random.Random(os.getpid())


def _text() -> str:
    return " ".join(_CHANCE.choices(WORDS, k=8))


def _update(one: int, chat_id: int, text: str, user_id: int | None = None) -> dict[str, Any]:
    user_id = user_id or one % WRITERS + 1
    is_private = chat_id > 0
    entities = {}
    if text.startswith("/"):
        entities = {"entities": [{"type": "bot_command", "offset": 0, "length": len(text)}]}
    return {
        "update_id": one,
        "message": {
            "message_id": one,
            "date": int(time.time()),
            "chat": {
                "id": chat_id,
                "type": "private" if is_private else "supergroup",
                "title": "A",
            },
            "from": {"id": user_id, "is_bot": False, "first_name": "Ann", "language_code": "en"},
            "text": text,
            **entities,
        },
    }


def _user(user_id: int, *, is_bot: bool = False) -> Any:
    return {
        "id": str(user_id),
        "username": f"member{user_id}",
        "discriminator": "0",
        "global_name": "Ann",
        "avatar": None,
        "bot": is_bot,
    }


def _discord_message(one: int) -> Any:
    user_id = one % WRITERS + 1
    at_ms = int(time.time() * 1_000) - 1420070400000
    return {
        "id": str((at_ms << 22) + one % 4_000_000),
        "type": 0,
        "channel_id": str(CHANNEL),
        "guild_id": str(GUILD),
        "author": _user(user_id),
        "member": {
            "roles": [],
            "joined_at": "2026-01-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
            "flags": 0,
        },
        "content": "",
        "timestamp": datetime.now(UTC).isoformat(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "flags": 0,
    }


def _guild() -> Any:
    return {
        "id": str(GUILD),
        "name": "Twin Harbour",
        "owner_id": "1",
        "member_count": WRITERS,
        "roles": [
            {
                "id": str(GUILD),
                "name": "@everyone",
                "permissions": "0",
                "position": 0,
                "color": 0,
                "hoist": False,
                "managed": False,
                "mentionable": False,
                "flags": 0,
                "colors": {"primary_color": 0},
            }
        ],
        "channels": [
            {
                "id": str(CHANNEL),
                "type": 0,
                "name": "general",
                "position": 0,
                "permission_overwrites": [],
            }
        ],
        "emojis": [],
        "features": [],
        "members": [],
        "threads": [],
        "stickers": [],
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "system_channel_flags": 0,
        "preferred_locale": "en-US",
        "afk_timeout": 0,
    }
