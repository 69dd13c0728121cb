"""Passwords are changed as docs/operate.md says, and the old ones open nothing any more."""

import secrets
from typing import Final

import asyncpg
import redis.exceptions
from redis.asyncio import Redis

from tests.engine.deployment import UP
from tests.engine.errors import EngineError
from tests.engine.world import World

OWNER: Final = "POSTGRES_PASSWORD"
#: The user whom each variable's password is of.
USERS: Final = {
    "POSTGRES_TELEGRAM_PASSWORD": "twinstream_telegram_bot_login",
    "POSTGRES_DISCORD_PASSWORD": "twinstream_discord_bot_login",
    "POSTGRES_TO_DISCORD_PASSWORD": "twinstream_to_discord_login",
    "POSTGRES_TO_TELEGRAM_PASSWORD": "twinstream_to_telegram_login",
    "POSTGRES_CONSUMERS_PASSWORD": "twinstream_consumers_login",
    "REDIS_TELEGRAM_PASSWORD": "telegram-bot",
    "REDIS_DISCORD_PASSWORD": "discord-bot",
    "REDIS_TO_DISCORD_PASSWORD": "to-discord",
    "REDIS_TO_TELEGRAM_PASSWORD": "to-telegram",
    "REDIS_CONSUMERS_PASSWORD": "consumers",
    "REDIS_OPERATOR_PASSWORD": "operator",
}


async def passwords(world: World) -> None:
    """Change every password, in the right order and in the wrong one."""
    await world.up()
    before = world.new.env
    names = [name for name in before if name.endswith("_PASSWORD") and name != OWNER]
    world.new.set({name: secrets.token_hex(24) for name in names})
    await world.up()
    await world.play()
    still = [name for name in names if await _opens(USERS[name], before[name], name)]
    refused = [name for name in names if not await _opens(USERS[name], world.new.env[name], name)]
    if still or refused:
        raise EngineError(
            f"old passwords that still open: {still}; new ones that do not: {refused}"
        )
    world.say(f"{len(names)} passwords were changed by `up` alone")
    await _change_the_owners(world)
    await world.play()
    await world.prove()


async def _change_the_owners(world: World) -> None:
    """The owner's password is in the database: changed in `.env` alone, `up` says what is wrong."""
    running = {one.id for one in await world.new.containers() if one.service != "migrate"}
    new = secrets.token_hex(24)
    old = world.new.env[OWNER]
    world.new.set({OWNER: new})
    done = await world.new.compose(*UP, may_fail=True)
    said = await world.new.log("migrate")
    if not done.code or "password authentication failed" not in said:
        raise EngineError(f"`up` ended with {done.code}, and migrate said:\n{said}")
    world.say("the owner's password in `.env` alone: `up` fails, and migrate says why")
    statement = f"ALTER USER twinstream PASSWORD '{new}'"
    ask = ("exec", "-T", "-e", f"PGPASSWORD={old}", "postgres")
    await world.new.compose(*ask, "psql", "-h", "127.0.0.1", "-U", "twinstream", "-c", statement)
    await world.up()
    if world.new.env[OWNER] != new:
        raise EngineError(f"{OWNER} was changed by somebody else")
    kept = running & {one.id for one in await world.new.containers()}
    world.say(f"{len(kept)} of {len(running)} containers stayed while the owner's password changed")


async def _opens(user: str, password: str, variable: str) -> bool:
    """Tell whether this user gets in with this password."""
    if variable.startswith("POSTGRES"):
        address = f"postgresql://{user}:{password}@127.0.0.1:5432/twinstream?sslmode=disable"
        try:
            connection = await asyncpg.connect(address)
        except asyncpg.InvalidPasswordError:
            return False
        await connection.close()
        return True
    client = Redis.from_url(f"redis://{user}:{password}@127.0.0.1:6379/0")
    try:
        return bool(await client.ping())
    except redis.exceptions.AuthenticationError:
        return False
    finally:
        await client.aclose()
