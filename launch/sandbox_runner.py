"""Running twinstream on the sandbox: platforms, bots and consumers as processes."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec

from config import in_place_of

from . import private_files
from .errors import LaunchError
from .processes import Crew, Module
from .sandbox_client import Call, SandboxClient
from .servers import free_port
from .workspace import Workspace

COMMUNITY = Path("sandbox/twinstream.toml")
#: Seconds until the platforms listen, and until both bots are connected after that. Both are far
#: above what a busy machine needs.
READY_TIMEOUT_S = 60.0
BOTS_TIMEOUT_S = 120.0

CONSUMERS = Module("consumers", "consumers")
TELEGRAM_BOT = Module("telegram-bot", "bots.telegram_bot")
DISCORD_BOT = Module("discord-bot", "bots.discord_bot")
OURS = (CONSUMERS, TELEGRAM_BOT, DISCORD_BOT)
#: The duty of each process in Postgres, by its name.
DUTIES = {
    CONSUMERS.name: "consumers",
    TELEGRAM_BOT.name: "telegram_bot",
    DISCORD_BOT.name: "discord_bot",
}


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses, tokens and ids of a running sandbox: the content of `endpoints.json`."""

    redis_url: str
    database_url: str
    telegram_api_base: str
    discord_api_base: str
    discord_gateway_url: str
    discord_cdn_base: str
    control_url: str
    page_url: str
    telegram: dict[str, Any]
    discord: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Endpoints":
        """Read the file of a running sandbox.

        Raises:
            LaunchError: no sandbox runs here.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError as error:
            raise LaunchError(
                "no sandbox is running here: start one with `make sandbox`"
            ) from error

    @property
    def chat_id(self) -> int:
        """The seeded Telegram group."""
        return int(self.telegram["chat_id"])

    @property
    def guild_id(self) -> str:
        """The seeded Discord server."""
        return str(self.discord["guild_id"])

    @property
    def channel_id(self) -> str:
        """The first seeded Discord channel."""
        return str(next(iter(self.discord["channels"].values())))

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment that our processes need to run on this sandbox."""
        ours = {
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.database_url,
            "TELEGRAM_API_BASE": self.telegram_api_base,
            "DISCORD_API_BASE": self.discord_api_base,
            "DISCORD_GATEWAY_URL": self.discord_gateway_url,
            "DISCORD_CDN_BASE": self.discord_cdn_base,
            "TELEGRAM_TOKEN": str(self.telegram["token"]),
            "DISCORD_TOKEN": str(self.discord["token"]),
            "TWINSTREAM_CONFIG": str(COMMUNITY),
            "PYTHONUNBUFFERED": "1",
        }
        return in_place_of(base, ours)


class RunningSandbox:
    """A running sandbox with our processes on it."""

    def __init__(self, endpoints: Endpoints, platforms: Crew, ours: Crew) -> None:
        self.endpoints = endpoints
        self.platforms = platforms
        self.ours = ours

    async def watch(self) -> None:
        """Restart processes that have ended, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.platforms.watch())
            group.create_task(self.ours.watch())


@contextlib.asynccontextmanager
async def run_sandbox(
    workspace: Workspace, *, limit_scale: float = 1.0, community: Path = COMMUNITY
) -> AsyncIterator[RunningSandbox]:
    """Start the platforms, then the bots and the consumers, and stop them when the block ends.

    The block begins once both bots have registered their commands with their platforms.

    Raises:
        LaunchError: a process did not start; the message names the log to read.
    """
    endpoints_file = workspace.folder.parent / "endpoints.json"
    platforms = Crew(
        os.environ, roster=workspace.folder / "platforms.json", log_folder=workspace.logs
    )
    platforms.stop_leftovers()
    with contextlib.ExitStack() as stack:
        stack.callback(platforms.stop)
        ready = await start_platforms(platforms, limit_scale, state=workspace.folder / "world.json")
        endpoints = msgspec.convert(
            {**ready, "redis_url": workspace.redis_url, "database_url": workspace.database_url},
            Endpoints,
        )
        ours = Crew(
            in_place_of(
                endpoints.environment(os.environ),
                {
                    "FORGET_SECRET": workspace.forget_secret.read_text(encoding="ascii"),
                    "TWINSTREAM_CONFIG": str(community),
                },
            ),
            roster=workspace.roster,
            log_folder=workspace.logs,
            own_variables=own_logins(workspace),
        )
        ours.stop_leftovers()
        stack.callback(ours.stop)
        async with SandboxClient(endpoints.control_url) as client:
            before = await client.newest()
            for module in OURS:
                ours.start(module)
            await _until_ready(_wait_for_bots(client, before, workspace.logs), ours)
        content = msgspec.json.format(msgspec.json.encode(endpoints)) + b"\n"
        private_files.write(endpoints_file, content)
        stack.callback(endpoints_file.unlink, missing_ok=True)
        yield RunningSandbox(endpoints, platforms, ours)


def own_logins(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return the variables by which each of our processes uses its own login of Postgres. Pure."""
    urls = workspace.own_database_urls
    return {name: {"DATABASE_URL": urls[duty]} for name, duty in DUTIES.items() if duty in urls}


async def start_platforms(
    platforms: Crew, limit_scale: float, *, state: Path | None = None
) -> dict[str, Any]:
    """Start the process that serves both platforms. Returns their addresses, tokens and ids.

    The ports are chosen here: after a restart the platforms listen on the same ports, which the
    bots and consumers already know. `state` is a file that keeps the platforms' state meanwhile.

    Raises:
        LaunchError: the process did not start; the message names the log to read.
    """
    ports = [f"--{name}-port={free_port()}" for name in ("telegram", "discord", "control")]
    kept = [] if state is None else [f"--state={state}"]
    arguments = (*kept, f"--limit-scale={limit_scale}", *ports)
    process = platforms.start(Module("sandbox", "sandbox", arguments), pipe=True)
    return await _first_line(process, platforms.log_of("sandbox"))


async def _first_line(process: subprocess.Popen[bytes], log: Path | None) -> dict[str, Any]:
    """Read the line of JSON that the sandbox prints when it is ready."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            line = await asyncio.to_thread(process.stdout.readline)
            answer: dict[str, Any] = json.loads(line)
            return answer
    except (TimeoutError, json.JSONDecodeError) as error:
        raise LaunchError(f"the sandbox did not start; see {log}") from error


async def _until_ready(ready: Coroutine[Any, Any, None], crew: Crew) -> None:
    """Wait until the processes are ready, and restart those that end meanwhile.

    Raises:
        LaunchError: they were not ready in time, or one of them cannot start with its settings.
    """
    # Without the watch, unfit settings would look like a start that takes too long.
    tasks = [asyncio.ensure_future(ready), asyncio.create_task(crew.watch())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_for_bots(client: SandboxClient, after: int, logs: Path) -> None:
    """Wait until both bots have registered their commands with their platform."""

    def telegram(call: Call) -> bool:
        return call.name == "setMyCommands" and call.status == 200

    def discord(call: Call) -> bool:
        return call.name.startswith("PUT ") and call.name.endswith("/commands")

    for what, registered in (("telegram-bot", telegram), ("discord-bot", discord)):
        await client.wait_for(
            f"the start of {what} (see {logs / what}.log)",
            registered,
            after=after,
            timeout_s=BOTS_TIMEOUT_S,
        )
