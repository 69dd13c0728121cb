"""The sandbox's platforms as a process: linked members, and the ranks shown to them."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final, NamedTuple

import asyncpg

from launch.sandbox_client import Call, SandboxClient

from .processes import CHECKOUT

#: Factor on the length of the sandbox's rate-limit windows, so that limits do not dominate.
LIMIT_SCALE: Final = 0.001
RANKS: Final = ("Newcomer", "Regular", "Veteran", "Legend")
RANK_XP: Final = 10
JOIN_AT_ONCE: Final = 16
SERVED_S_MAX: Final = 60.0

GIVE: Final = "PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}"
TAG: Final = "setChatMemberTag"


class LinkedAccounts(NamedTuple):
    """The accounts of one person on both platforms."""

    telegram_id: int
    discord_id: int


class Shown(NamedTuple):
    """A rank that a platform shows for an account, and since when (Unix seconds)."""

    platform: str
    account_id: int
    rank: str
    at: float


class Platforms:
    """Both platforms, for bots and for the people on them."""

    def __init__(self, pid: int, ready: dict[str, Any], client: SandboxClient) -> None:
        self.pid = pid
        self._ready = ready
        self._client = client
        self._rank_of_role = {
            role: name for name, role in ready["discord"]["roles"].items() if name in RANKS
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point our processes to these platforms."""
        ready = self._ready
        return {
            "TELEGRAM_TOKEN": ready["telegram"]["token"],
            "TELEGRAM_API_BASE": ready["telegram_api_base"],
            "DISCORD_TOKEN": ready["discord"]["token"],
            "DISCORD_API_BASE": ready["discord_api_base"],
            "DISCORD_GATEWAY_URL": ready["discord_gateway_url"],
        }

    def toml(self, *, rank_xp: int = RANK_XP) -> str:
        """Return the settings of a community with four ranks, whose changes are written at once."""
        ranks = "".join(
            f'[[ranks]]\nname = "{name}"\nxp = {rank_xp * number}\ntelegram_tag = "{name}"\n'
            f"discord_role = {self._ready['discord']['roles'][name]}\n"
            for number, name in enumerate(RANKS, start=1)
        )
        return (
            f"[telegram]\nchat_id = {self._ready['telegram']['chat_id']}\n"
            f"[discord]\nguild_id = {self._ready['discord']['guild_id']}\n{ranks}"
            "[consumers]\ndiscord_window_ms = 10\ntelegram_window_ms = 10\n"
        )

    async def people(self, pool: asyncpg.Pool, count: int) -> list[LinkedAccounts]:
        """Let so many people join both platforms, and link their accounts."""
        gate = asyncio.Semaphore(JOIN_AT_ONCE)

        async def join(platform: str, number: int) -> int:
            async with gate:
                joined = await self._client.post(
                    "/members", platform=platform, action="join", name=f"Person {number}"
                )
                return int(joined["user_id"])

        async def arrive(number: int) -> LinkedAccounts:
            return LinkedAccounts(await join("telegram", number), await join("discord", number))

        people = await asyncio.gather(*(arrive(number) for number in range(count)))
        await _link(pool, people)
        return people

    async def served(self, registration: str, *, after: int = 0) -> None:
        """Wait until a bot has registered its commands."""

        def registers(call: Call) -> bool:
            return call.name == registration and call.status == 200

        await self._client.wait_for(registration, registers, after=after, timeout_s=SERVED_S_MAX)

    async def last(self) -> int:
        """Return the number of the newest call."""
        return await self._client.newest()

    async def shown(self, after: int) -> list[Shown]:
        """Return the ranks shown since that call, oldest first."""
        calls = await self._client.calls(after=after)
        return list(self._ranks_in(calls))

    def _ranks_in(self, calls: Iterable[Call]) -> Iterable[Shown]:
        for call in calls:
            if call.name == GIVE and call.status == 204:
                path = call.request["path"]
                if rank := self._rank_of_role.get(path["role_id"]):
                    yield Shown("discord", int(path["user_id"]), rank, call.at)
            elif call.name == TAG and call.status == 200:
                asked = call.request
                yield Shown("telegram", int(asked["user_id"]), asked.get("tag") or "", call.at)


@contextlib.asynccontextmanager
async def platforms(*, limit_scale: float = LIMIT_SCALE) -> AsyncIterator[Platforms]:
    """Run `python -m sandbox` until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", f"--limit-scale={limit_scale}"),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        async with SandboxClient(ready["control_url"]) as client:
            yield Platforms(process.pid, ready, client)
    finally:
        process.terminate()
        await process.wait()


async def _link(pool: asyncpg.Pool, people: list[LinkedAccounts]) -> None:
    async with pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
            "INSERT INTO members (xp) SELECT 0 FROM generate_series(1, $1::int) RETURNING id",
            len(people),
        )
        await conn.executemany(
            "INSERT INTO accounts (platform, account_id, member_id)"
            " VALUES ('telegram', $1, $3), ('discord', $2, $3)",
            [(*person, row["id"]) for person, row in zip(people, rows, strict=True)],
        )
