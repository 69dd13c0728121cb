"""Changes that people make: in the books, in roles and tags, and to the bots themselves."""

import time
from collections.abc import Mapping
from typing import Any, Final

from bus import SOURCES, Source
from launch import manual_change
from launch.errors import LaunchError
from schemas import opposite

from . import record
from .breakage import Breakage
from .condition import WELL, Look
from .scene import Scene

__all__ = ["BotKicked", "ChangedBooks", "ChangedRank", "RoleAboveBot", "changes_by_hand"]

#: XP that are added to the books by hand: enough to see, and below every limit of reconcile.
XP_ADDED: Final = 25
#: A tag that no rank has.
STRANGE_TAG: Final = "Boss"
#: A difference is repaired by the second pass that finds it.
PASSES: Final = 2


class ChangedBooks(Breakage):
    """XP added to the books of one platform with SQL. Reconcile explains it, then repairs it."""

    def __init__(self, platform: Source) -> None:
        self.name = f"books-{platform}"
        self._platform = platform
        self._since = 0.0

    async def strike(self, scene: Scene) -> float:
        """Add to Robin's books."""
        robin = scene.company.robin
        account_id = robin.telegram_id if self._platform == "telegram" else int(robin.discord_id)
        self._since = time.time()
        await manual_change.change_books(scene.pool, self._platform, account_id, XP_ADDED)
        return self._since

    async def look(self, scene: Scene) -> Look:
        """Compare the books with the ledger."""
        robin = scene.company.robin.telegram_id
        if await record.books_agree(scene.pool, "telegram", robin):
            return WELL
        detail = await record.newest_finding(scene.pool, robin, self._since)
        return Look("books", detail, hand="may")

    async def mend(self, scene: Scene) -> None:
        """Compare at once, as reconcile does every quarter of an hour."""
        await _compare(scene)


class ChangedRank(Breakage):
    """An administrator changes Robin's role or tag, which no event did."""

    def __init__(self, platform: Source) -> None:
        self.name = f"rank-{platform}"
        self._platform = platform

    async def strike(self, scene: Scene) -> float:
        """Give a tag that no rank has, or a role of another rank."""
        robin = scene.company.robin
        if self._platform == "telegram":
            await scene.control.post(
                "/members",
                platform="telegram",
                action="tag",
                user_id=robin.telegram_id,
                tag=STRANGE_TAG,
            )
            return time.time()
        worn = await robin.role_names()
        for rank in reversed(scene.community.ranks):
            if rank.discord_role is not None and rank.name not in worn:
                await scene.control.post(
                    "/discord/roles",
                    action="give",
                    user_id=robin.discord_id,
                    role_id=str(rank.discord_role),
                )
                return time.time()
        raise LaunchError("Robin has every role already")

    async def look(self, scene: Scene) -> Look:
        """Look at what Robin wears."""
        seen = await scene.look_at_rank(self._platform)
        return seen._replace(hand="may") if seen.waits else seen

    async def mend(self, scene: Scene) -> None:
        """Compare at once, as reconcile does every quarter of an hour."""
        await _compare(scene)


class RoleAboveBot(Breakage):
    """The roles of all ranks stand above the bot's own: it can neither give nor take them."""

    name = "role-above-bot"
    lasts = True

    def hindrance(self, scene: Scene) -> str:
        """Say that the community's file names no role, if it names none."""
        return "" if scene.community.discord_roles else "no-roles"

    async def strike(self, scene: Scene) -> float:
        """Drag the bot's role below all others, and let Robin earn the next rank."""
        roles = _roles(await scene.world())
        await _move(scene, self._bots_role(scene, roles), above=scene.endpoints.guild_id)
        began = time.time()
        await scene.company.promote(scene.pool, "telegram")
        return began

    async def look(self, scene: Scene) -> Look:
        """Look whether the bot's role is the higher one, and the rank is shown."""
        roles = _roles(await scene.world())
        own = int(roles[self._bots_role(scene, roles)]["position"])
        if any(int(role["position"]) > own for role in _given(scene, roles)):
            return Look("above", await self._words(scene), hand="must")
        return await scene.look_at_rank("discord")

    async def mend(self, scene: Scene) -> None:
        """Drag the bot's role above every role that it gives."""
        roles = _roles(await scene.world())
        top = max(_given(scene, roles), key=lambda role: int(role["position"]))
        await _move(scene, self._bots_role(scene, roles), above=str(top["id"]))

    async def _words(self, scene: Scene) -> str:
        """Return the consumers' own words about it, once they have met it."""
        try:
            return (await scene.look_at_rank("discord")).detail
        except LaunchError:  # an earlier start left it so, and nobody plays yet
            return ""

    def _bots_role(self, scene: Scene, roles: Mapping[str, Mapping[str, Any]]) -> str:
        """Return the id of the role that came with the bot.

        Raises:
            LaunchError: the server has none; the bot may have been removed.
        """
        bot_id = str(scene.endpoints.discord["application_id"])
        for role_id, role in roles.items():
            if str((role.get("tags") or {}).get("bot_id")) == bot_id:
                return role_id
        raise LaunchError("the bot has no role on the Discord server: invite it again first")


class BotKicked(Breakage):
    """The owner removes the bot from the server or group; Robin earns a rank meanwhile."""

    lasts = True

    def __init__(self, platform: Source) -> None:
        self.name = f"kick-{platform}"
        self.probes = (platform,)
        self.keeps = (opposite(platform),)
        self._platform = platform

    async def strike(self, scene: Scene) -> float:
        """Remove the bot, and let Robin earn on the other platform."""
        if self._platform == "telegram":
            await scene.control.post("/telegram/bot", status="kicked")
        else:
            await scene.control.post("/discord/bot", action="remove")
        began = time.time()
        await scene.company.promote(scene.pool, opposite(self._platform))
        return began

    async def look(self, scene: Scene) -> Look:
        """Look whether the bot is inside, and the rank is shown."""
        if self._platform not in await scene.inhabited():
            return Look("outside", hand="must")
        return await scene.look_at_rank(self._platform)

    async def mend(self, scene: Scene) -> None:
        """Invite the bot again, with the rights that it had."""
        if self._platform == "telegram":
            await scene.control.post("/telegram/bot", status="administrator")
        else:
            await scene.control.post("/discord/bot", action="invite")


async def _compare(scene: Scene) -> None:
    for _ in range(PASSES):
        await scene.compare()


async def _move(scene: Scene, role_id: str, *, above: str) -> None:
    await scene.control.post("/discord/roles", action="move", role_id=role_id, above=above)


def _roles(world: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(role["id"]): role for role in world["discord"]["roles"]}


def _given(scene: Scene, roles: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the server's roles that the community's file names."""
    return [roles[str(one)] for one in scene.community.discord_roles if str(one) in roles]


def changes_by_hand() -> tuple[Breakage, ...]:
    """Return what people can change."""
    return (
        *(ChangedBooks(source) for source in SOURCES),
        *(ChangedRank(source) for source in SOURCES),
        RoleAboveBot(),
        *(BotKicked(source) for source in SOURCES),
    )
