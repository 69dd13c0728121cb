"""Both bots and the consumers on the sandbox, as processes that a real Prometheus scrapes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp
from redis.asyncio import Redis

from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from launch.sandbox_runner import Endpoints, _wait_for_bots
from launch.servers import free_port
from tests.support.processes import CHECKOUT, Consumers, consumers, environment, sandbox
from tests.support.prometheus import RANGE_S, Prometheus, running_prometheus

CONSUMERS: Final = "consumers"
TELEGRAM_BOT: Final = "bots.telegram_bot"
DISCORD_BOT: Final = "bots.discord_bot"
#: Each process and how far its port for figures is from TWINSTREAM_METRICS_PORT.
OFFSETS: Final = {CONSUMERS: 0, TELEGRAM_BOT: 1, DISCORD_BOT: 2}
#: So that what a process has read and not settled is soon read by another.
PROMPT: Final = "\n[consumers]\nblock_ms = 100\nclaim_idle_ms = 1000\n"


class MonitoredDeployment:
    """Everything at work, and the ways to disturb it."""

    def __init__(self, stack: AsyncExitStack, endpoints: Endpoints, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._ports = {module: free_port() for module in OFFSETS}
        self._platforms: AsyncExitStack
        self.endpoints = endpoints
        self.environ = environment(
            **endpoints.environment({}) | {"TWINSTREAM_CONFIG": str(folder / "twinstream.toml")}
        )
        self.processes: dict[str, Consumers] = {}
        self.redis: Redis
        self.client: SandboxClient
        self.prometheus: Prometheus
        self.member: SandboxMember

    @property
    def targets(self) -> list[str]:
        """Where the figures of the processes are."""
        return [f"127.0.0.1:{port}" for port in self._ports.values()]

    async def start(self, module: str, *roles: str, has_figures: bool = True) -> None:
        """Start a process, with libraries of its own, so that it serves no other one's figures."""
        port = self._ports[module] - OFFSETS[module]
        figures = {"TWINSTREAM_METRICS_PORT": str(port)} if has_figures else {}
        self.processes[module] = await self._stack.enter_async_context(
            consumers(*roles, environ=self.environ | figures, module=module, imports=True)
        )

    async def kill(self, module: str) -> None:
        """End a process in the middle of whatever it does."""
        self.processes[module].process.kill()
        await self.processes[module].ended()

    @contextmanager
    def halted(self, module: str) -> Iterator[None]:
        """Stop a process during the block, so that it neither works nor answers."""
        with halted(self.processes[module].process.pid):
            yield

    async def operate(self, *command: str) -> None:
        """Run a command of the operator to its end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "consumers", *command),
            cwd=CHECKOUT,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await process.wait()

    async def fault(self, platform: str, **fault: Any) -> None:
        """Let the next calls to a platform go wrong (docs/sandbox.md)."""
        await self.client.post("/faults", platform=platform, **fault)

    async def clear_faults(self) -> None:
        """Let every call go well again."""
        async with aiohttp.request("DELETE", f"{self.endpoints.control_url}/faults") as answer:
            assert answer.status == 200

    async def start_platforms(self) -> None:
        """Start the sandbox on the ports, and with the people, that it had before."""
        self._platforms = AsyncExitStack()
        await self._platforms.enter_async_context(sandbox(*places(self.endpoints, self._folder)))

    async def stop_platforms(self) -> None:
        """End both platforms."""
        await self._platforms.aclose()


def places(endpoints: Endpoints, folder: Path) -> list[str]:
    """Return the options by which the sandbox comes back where it was."""
    urls = {
        "telegram": endpoints.telegram_api_base,
        "discord": endpoints.discord_api_base,
        "control": endpoints.control_url,
    }
    ports = [f"--{name}-port={url.split(':')[2].split('/')[0]}" for name, url in urls.items()]
    return [f"--state={folder / 'world.json'}", *ports]


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """Stop a process during the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def monitored_deployment(
    binary: str,
    folder: Path,
    *,
    redis_url: str,
    database_url: str,
    settings: str = "",
    roles: tuple[str, ...] = (),
    for_s: int = 1,
    range_s: int = RANGE_S,
) -> AsyncIterator[MonitoredDeployment]:
    """Start everything, and end it with the block. `settings` is added to twinstream.toml."""
    toml = (CHECKOUT / "sandbox/twinstream.toml").read_text(encoding="utf-8")
    (folder / "twinstream.toml").write_text(toml + PROMPT + settings, encoding="utf-8")
    async with AsyncExitStack() as stack:
        platforms = AsyncExitStack()
        ready = await platforms.enter_async_context(sandbox(f"--state={folder / 'world.json'}"))
        known = {
            name: value for name, value in ready.items() if name in Endpoints.__struct_fields__
        }
        endpoints = Endpoints(redis_url=redis_url, database_url=database_url, **known)
        scene = MonitoredDeployment(stack, endpoints, folder)
        scene._platforms = platforms
        stack.push_async_callback(scene.stop_platforms)
        scene.redis = Redis.from_url(redis_url, protocol=2)
        stack.push_async_callback(scene.redis.aclose)
        await scene.start(CONSUMERS, *roles)
        await scene.start(TELEGRAM_BOT)
        await scene.start(DISCORD_BOT)
        scene.client = await stack.enter_async_context(SandboxClient(endpoints.control_url))
        await _wait_for_bots(scene.client, 0, folder)
        scene.prometheus = await stack.enter_async_context(
            running_prometheus(binary, folder, scene.targets, for_s=for_s, range_s=range_s)
        )
        # A count is news if Prometheus has seen the one before.
        await scene.prometheus.sees("up", *[1] * len(OFFSETS))
        scene.member = await SandboxMember.arrive(scene.client, endpoints, "Mira")
        yield scene


class Deploy(Protocol):
    """Start a deployment, which is to bring about the alerts that the test is marked with."""

    def __call__(self, **chosen: Any) -> AbstractAsyncContextManager[MonitoredDeployment]: ...
