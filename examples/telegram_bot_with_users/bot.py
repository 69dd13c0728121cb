"""A Telegram bot that keeps its members in a table of its own, `users`, in step with Discord.

The lines between dashes are all that twinstream adds to the bot.
Members write /dig to earn something, and /me to see what they have.
"""

import asyncio
import os

import asyncpg
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.filters import Command
from aiogram.types import Message
from twinstream import bus, db, schemas

XP, COINS = 10, 2

dispatcher = Dispatcher()


@dispatcher.message(Command("dig"))
async def dig(message: Message, producer: db.Producer) -> None:
    assert message.from_user is not None
    user = message.from_user
    # ----
    # The events first, the bot's own table after them, all in one transaction.
    async with producer.transaction() as conn:
        what = {
            "user_id": user.id,
            "source": "telegram",
            "reason": "dig",
            # The same message never counts twice, even if Telegram delivers it again.
            "entity_id": f"{message.chat.id}:{message.message_id}",
            "conn": conn,
        }
        earned = await producer.create_xp_change_event(delta_xp=XP, **what)
        await producer.create_balance_change_event(delta_balance=COINS, **what)
        # ----
        if earned.created:
            await conn.execute(
                """
                INSERT INTO users (id, name, xp, balance) VALUES ($1, $2, $3, $4)
                ON CONFLICT (id) DO UPDATE SET
                    xp = users.xp + excluded.xp, balance = users.balance + excluded.balance
                """,
                user.id,
                user.full_name,
                XP,
                COINS,
            )
    await message.answer(f"You dug up {XP} XP and {COINS} coins.")


@dispatcher.message(Command("me"))
async def me(message: Message, pool: asyncpg.Pool) -> None:
    assert message.from_user is not None
    row = await pool.fetchrow("SELECT xp, balance FROM users WHERE id = $1", message.from_user.id)
    if row is None:
        await message.answer("You have nothing yet: /dig")
    else:
        await message.answer(f"You have {row['xp']} XP and {row['balance']} coins.")


async def main() -> None:
    base = os.environ.get("TELEGRAM_API_BASE")
    api = TelegramAPIServer.from_base(base) if base else PRODUCTION
    bot = Bot(os.environ["TELEGRAM_TOKEN"], session=AiohttpSession(api=api))
    # ----
    pool = await db.open_pool(os.environ["DATABASE_URL"], name="my-bot")
    redis = bus.connect(os.environ["REDIS_URL"], name="my-bot")
    producer = db.Producer(pool, schemas, bus.Publisher(redis, bus.Keys()))
    # ----
    try:
        await dispatcher.start_polling(bot, pool=pool, producer=producer)
    finally:
        await producer.close()
        await redis.aclose()
        await pool.close()


if __name__ == "__main__":
    asyncio.run(main())
