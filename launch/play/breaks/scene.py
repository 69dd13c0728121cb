"""The scene: what breakages touch, and the connections by which they look.

The connections are the page's own and survive what is broken: a pool opens new connections once
Postgres is back, and so does the client of Redis.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg

from bus import Client, Keys, Source, connect
from config import Community, in_place_of
from db import DbError, open_pool
from launch import manual_change
from launch.play.panels import Stage
from launch.processes import Crew
from launch.sandbox_client import SandboxClient
from launch.sandbox_runner import COMMUNITY, Endpoints
from launch.watchdog import Watchdog
from launch.workspace import Workspace

from . import record
from .company import Company
from .condition import WELL, Look

__all__ = ["Scene", "open_scene"]

#: Connections of the page to Postgres: one for each look that runs at the same time.
POOL_SIZE_MAX = 4
#: Seconds until an earlier event serves as the mark: Postgres may be what is broken already.
MARK_S_MAX = 1.0


class Scene:
    """The processes, the servers, both platforms, and those who play."""

    def __init__(
        self, stage: Stage, control: SandboxClient, pool: asyncpg.Pool, redis: Client
    ) -> None:
        self.control = control
        self.pool = pool
        self.redis = redis
        self.keys = Keys()
        self.community = Community.from_toml(COMMUNITY)
        self.company = Company(control, stage.sandboxed.endpoints, self.community)
        self._stage = stage
        self._newest_event = 0

    @property
    def crew(self) -> Crew:
        """Our processes."""
        return self._stage.sandboxed.ours

    @property
    def endpoints(self) -> Endpoints:
        """The addresses and ids."""
        return self._stage.sandboxed.endpoints

    def watchdog(self, name: str) -> Watchdog | None:
        """Return the watchdog of a server, or None if another program started the server."""
        workspace: Workspace = self._stage.workspace
        return next((one for one in workspace.embedded if one.name == name), None)

    async def ready(self, *, calm: bool) -> int:
        """Gather those who play, and return the newest event before anything is broken.

        Where something is broken already, nobody is linked, and the last known event serves.

        Raises:
            LaunchError: the company cannot gather.
        """
        await self.company.gather(self.pool, links=calm)
        with contextlib.suppress(DbError, TimeoutError):
            async with asyncio.timeout(MARK_S_MAX):
                self._newest_event = await record.newest_event(self.pool)
        return self._newest_event

    async def world(self) -> dict[str, Any]:
        """Return what both platforms show."""
        return await self.control.get("/world")

    async def inhabited(self) -> set[Source]:
        """Return the platforms on which our bot is in the group or server."""
        world = await self.world()
        inside: set[Source] = set()
        bot_id = int(self.endpoints.telegram["bot_id"])
        if any(
            one["user_id"] == bot_id and one["status"] == "administrator"
            for one in world["telegram"]["members"]
        ):
            inside.add("telegram")
        if world["discord"]["guild"]["bot_inside"]:
            inside.add("discord")
        return inside

    async def compare(self) -> None:
        """Make a pass of reconcile over Robin, as the operator's command does.

        Raises:
            LaunchError: the pass did not complete; the message holds the command's output.
        """
        environment = in_place_of(
            self.endpoints.environment(os.environ),
            {"FORGET_SECRET": self._stage.workspace.forget_secret.read_text(encoding="ascii")},
        )
        await manual_change.reconcile_now(environment, int(self.company.robin.discord_id))

    async def look_at_rank(self, platform: Source) -> Look:
        """Say whether this platform shows Robin the rank that the record wants."""
        robin = self.company.robin
        account = robin.telegram_id if platform == "telegram" else int(robin.discord_id)
        known = await record.shown_rank(self.pool, platform, account)
        if known is None:
            return Look("shown")
        world = await self.world()
        worn = _tag(world, account) if platform == "telegram" else self._roles(world, account)
        if known.shown != known.wanted or worn != self._wanted(platform, known.wanted):
            return Look("shown", known.error or "")
        return WELL

    def _wanted(self, platform: Source, number: int) -> set[str]:
        rank = self.community.rank(number)
        if rank is None:
            return set()
        if platform == "telegram":
            return {rank.telegram_tag} - {""}
        return set() if rank.discord_role is None else {str(rank.discord_role)}

    def _roles(self, world: Mapping[str, Any], account: int) -> set[str]:
        ours = {str(rank.discord_role) for rank in self.community.ranks if rank.discord_role}
        for member in world["discord"]["members"]:
            if member["user"]["id"] == str(account):
                return ours & set(member["roles"])
        return set()


def _tag(world: Mapping[str, Any], account: int) -> set[str]:
    for member in world["telegram"]["members"]:
        if member["user_id"] == account:
            return {str(member["tag"] or "")} - {""}
    return set()


@contextlib.asynccontextmanager
async def open_scene(stage: Stage) -> AsyncIterator[Scene]:
    """Open the connections.

    Raises:
        StorageUnavailable: Postgres is away.
    """
    endpoints = stage.sandboxed.endpoints
    # The pool says with a traceback every second that Postgres is away, which the page shows.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    redis = connect(endpoints.redis_url, name="twinstream/play-breaks")
    try:
        pool = await open_pool(endpoints.database_url, name="play-breaks", size_max=POOL_SIZE_MAX)
        try:
            async with SandboxClient(endpoints.control_url) as control:
                yield Scene(stage, control, pool, redis)
        finally:
            pool.terminate()  # a server that hangs must not hold up the end
    finally:
        await redis.aclose()
