"""python -m sandbox: both platforms and the control interface, until SIGINT or SIGTERM."""

import asyncio
import importlib.util
import json
import logging
import signal
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from .control import Control
from .discord_api import DiscordLimits, DiscordPlatform
from .errors import SandboxError
from .faults import Faults
from .page.browser_checks import is_loopback
from .seed_data import Seed, load_seed
from .state_file import StateFile
from .telegram_api import TelegramLimits, TelegramPlatform
from .transcript import Transcript

log = structlog.get_logger("twinstream.sandbox")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line."""

    host: str
    telegram_port: int
    discord_port: int
    control_port: int
    seed: Path | None
    state: Path | None
    limit_scale: float


def main(
    host: Annotated[
        str, typer.Option(help="Address of all three servers; they check no identity.")
    ] = "127.0.0.1",
    telegram_port: Annotated[int, typer.Option(help="0 picks a free port.")] = 0,
    discord_port: Annotated[int, typer.Option(help="0 picks a free port.")] = 0,
    control_port: Annotated[int, typer.Option(help="0 picks a free port.")] = 0,
    seed: Annotated[Path | None, typer.Option(help="Another seed.json than the default.")] = None,
    state: Annotated[
        Path | None, typer.Option(help="File that keeps the state over a restart.")
    ] = None,
    limit_scale: Annotated[
        float,
        typer.Option(min=0.001, help="Length of rate-limit windows; 0.1 is ten times faster."),
    ] = 1.0,
) -> None:
    """A local Telegram Bot API and a local Discord API.

    When ready, prints one line of JSON with the addresses, tokens and ids; logs go to stderr.
    """
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    options = Options(host, telegram_port, discord_port, control_port, seed, state, limit_scale)
    try:
        _run(_serve(options))
    except (SandboxError, OSError) as error:
        raise SystemExit(f"sandbox: {error}") from error


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it is installed, as bots and consumers do."""
    if importlib.util.find_spec("uvloop") is None:
        asyncio.run(serving)
        return
    import uvloop

    uvloop.run(serving)


async def _serve(options: Options) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    seed, transcript, faults = load_seed(options.seed), Transcript(), Faults()
    telegram = TelegramPlatform(
        seed.telegram, transcript, faults, limits=TelegramLimits().scaled(options.limit_scale)
    )
    discord = DiscordPlatform(
        seed.discord, transcript, faults, limits=DiscordLimits().scaled(options.limit_scale)
    )
    control = Control(telegram, discord, transcript, faults)
    if not is_loopback(options.host):
        log.warning("sandbox.exposed", host=options.host)
    async with AsyncExitStack() as stack:
        if options.state is not None:
            file = StateFile(options.state, {"telegram": telegram, "discord": discord})
            file.load()
            saving = asyncio.create_task(file.save_regularly())
            stack.push_async_callback(_cancelled, saving)
        for server, port in (
            (telegram, options.telegram_port),
            (discord, options.discord_port),
            (control, options.control_port),
        ):
            await server.start(options.host, port)
            stack.push_async_callback(server.stop)
        ready = {
            "telegram_api_base": telegram.api_base,
            "discord_api_base": discord.api_base,
            "discord_gateway_url": discord.gateway_url,
            "discord_cdn_base": discord.cdn_base,
            "control_url": control.url,
            "page_url": control.page_url,
        }
        sys.stdout.write(json.dumps(ready | _seeded_ids(seed)) + "\n")
        sys.stdout.flush()
        await stopping.wait()
    log.info("sandbox.stopped")


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def _seeded_ids(seed: Seed) -> dict[str, Any]:
    group, guild = seed.telegram.group, seed.discord.guild
    return {
        "telegram": {
            "token": seed.telegram.token,
            "bot_id": seed.telegram.bot_id,
            "chat_id": group.id,
            "people": {person.username: person.id for person in group.people},
        },
        "discord": {
            "token": seed.discord.token,
            "application_id": seed.discord.application_id,
            "guild_id": guild.id,
            "channels": {channel.name: channel.id for channel in guild.channels},
            "roles": {role.name: role.id for role in guild.roles},
            "people": {member.username: member.id for member in guild.members},
        },
    }


if __name__ == "__main__":
    typer.run(main)
