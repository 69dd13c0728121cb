"""The people who play while something is broken: Robin earns, and administrators reward Robin.

A reward is one command, one event and one answer, so it says exactly what came through.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import asyncpg

from bus import SOURCES, Source
from config import Community
from db.members.accounts import find_member
from db.members.profiles import profile
from launch.errors import LaunchError
from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from launch.sandbox_runner import Endpoints

from .failures import FAILURES

__all__ = ["Company", "step_between_ranks"]

ROBIN = "Robin"
#: The administrators of the seed who reward: Telegram's in private, so that the group stays quiet.
TELEGRAM_ADMIN, DISCORD_ADMIN = "ada", "vera"
REASON = "practice"
#: The statuses of people who are in the Telegram group.
PRESENT = ("member", "restricted", "administrator")


class Company:
    """Robin, who is on both platforms with linked accounts, and whoever rewards Robin."""

    def __init__(self, control: SandboxClient, endpoints: Endpoints, community: Community) -> None:
        self._control = control
        self._endpoints = endpoints
        self._community = community
        self._robin: SandboxMember | None = None
        # Two things that are broken at once must not bring two Robins.
        self._gathering = asyncio.Lock()
        self.sent = dict.fromkeys(SOURCES, 0)
        """How many commands went to the bot of each platform."""

    @property
    def robin(self) -> SandboxMember:
        """Robin, once the company has gathered.

        Raises:
            LaunchError: it has not.
        """
        if self._robin is None:
            raise LaunchError("Robin, who plays while something is broken, has not come yet")
        return self._robin

    async def gather(self, pool: asyncpg.Pool, *, links: bool) -> None:
        """See that Robin is on both platforms, and linked if `links`.

        A person may have kicked Robin, or reset the sandbox, since the last time.
        """
        async with self._gathering:
            world = await self._control.get("/world")
            ids = [
                await self._present("telegram", _telegram_id(world["telegram"])),
                await self._present("discord", _discord_id(world["discord"])),
            ]
            robin = SandboxMember(self._control, self._endpoints, ROBIN, int(ids[0]), str(ids[1]))
            self._robin = robin
            if links and not await _is_linked(pool, robin):
                await robin.link()

    async def reward(self, platform: Source, xp: int) -> None:
        """Let an administrator of this platform give Robin XP, or take it."""
        if platform == "telegram":
            admin = int(self._endpoints.telegram["people"][TELEGRAM_ADMIN])
            text = f"/reward {self.robin.telegram_id} {xp} xp {REASON}"
            await self._control.post("/telegram/say", chat_id=admin, user_id=admin, text=text)
        else:
            options = {"member": self.robin.discord_id, "xp": xp, "reason": REASON}
            await self._control.post(
                "/discord/slash",
                channel_id=self._endpoints.channel_id,
                user_id=str(self._endpoints.discord["people"][DISCORD_ADMIN]),
                command="reward",
                options=options,
            )
        self.sent[platform] += 1

    async def promote(self, pool: asyncpg.Pool, platform: Source) -> None:
        """Let Robin earn the next rank on this platform, or fall to the first one from the last.

        Nothing comes of it if the bot is away, or Postgres is, because something else is broken.
        """
        with contextlib.suppress(*FAILURES):
            await self._promote(pool, platform)

    async def _promote(self, pool: asyncpg.Pool, platform: Source) -> None:
        async with pool.acquire() as conn:
            seen = await profile(conn, "telegram", self.robin.telegram_id)
        xp = 0 if seen is None else seen.xp
        await self.reward(
            platform, step_between_ranks(xp, [one.xp for one in self._community.ranks])
        )

    async def _present(self, platform: Source, user_id: str | None) -> str:
        if user_id is not None:
            return user_id
        joined = await self._control.post("/members", platform=platform, action="join", name=ROBIN)
        return str(joined["user_id"])


def step_between_ranks(xp: int, thresholds: list[int]) -> int:
    """Return the XP that lead from here to the next rank, or from the last rank to the first.

    Each step changes the rank, so there is something to show. Pure.
    """
    above = [one for one in thresholds if one > xp]
    return min(above) - xp if above else min(thresholds) - xp


def _telegram_id(world: Mapping[str, Any]) -> str | None:
    found = [
        str(one["user_id"])
        for one in world["members"]
        if one["name"] == ROBIN and one["status"] in PRESENT
    ]
    return found[0] if found else None


def _discord_id(world: Mapping[str, Any]) -> str | None:
    found = [str(one["user"]["id"]) for one in world["members"] if _name(one["user"]) == ROBIN]
    return found[0] if found else None


def _name(user: Mapping[str, Any]) -> str:
    return str(user.get("global_name") or user["username"])


async def _is_linked(pool: asyncpg.Pool, robin: SandboxMember) -> bool:
    async with pool.acquire() as conn:
        left = await find_member(conn, "telegram", robin.telegram_id)
        right = await find_member(conn, "discord", int(robin.discord_id))
    return left is not None and left == right
