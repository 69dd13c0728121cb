"""Calls that a platform refuses, or does without ever answering."""

import time
from collections.abc import Mapping
from typing import Any

from bus import Source
from schemas import opposite

from .breakage import Breakage
from .condition import Look
from .scene import Scene

__all__ = ["RefusedCalls", "refused_calls"]

#: The calls by which ranks are shown, as the sandbox names them in a fault.
SHOWING: Mapping[Source, dict[str, str]] = {
    "telegram": {"method": "setChatMemberTag"},
    "discord": {"route": "PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}"},
}
#: Seconds after which Robin can be made to earn once more: the first command may have been lost to
#: another thing that is broken.
AGAIN_S = 15.0


class RefusedCalls(Breakage):
    """The next calls that show a rank go wrong; Robin gets a rank on the other platform."""

    def __init__(self, kind: str, platform: Source, fault: Mapping[str, Any]) -> None:
        self.name = f"{kind}-{platform}"
        self._platform = platform
        self._fault = fault
        self._earned_at = 0.0

    async def strike(self, scene: Scene) -> float:
        """Order the faults, then let Robin earn."""
        await scene.control.post(
            "/faults", platform=self._platform, **SHOWING[self._platform], **self._fault
        )
        await self.mend(scene)
        return self._earned_at

    async def look(self, scene: Scene) -> Look:
        """Look whether the faults have happened, and the rank is shown."""
        if await self._is_pending(scene):
            is_late = time.time() > self._earned_at + AGAIN_S
            return Look("faults", hand="may" if is_late else "none")
        return await scene.look_at_rank(self._platform)

    async def mend(self, scene: Scene) -> None:
        """Let Robin earn a rank on the other platform."""
        self._earned_at = time.time()
        await scene.company.promote(scene.pool, opposite(self._platform))

    async def _is_pending(self, scene: Scene) -> bool:
        [name] = SHOWING[self._platform].values()
        ours = {"platform": self._platform, "name": name, **self._fault}
        del ours["times"]
        pending = (await scene.control.get("/faults"))["faults"]
        return any(ours.items() <= one.items() for one in pending)


_LIMITED = {"status": 429, "retry_after": 3.0, "times": 2}
# Each refusal by Telegram doubles the pause until the next visit, which begins at ten seconds.
_BROKEN = {"status": 502, "times": 1}
_LOST = {"when": "lost", "times": 1}


def refused_calls() -> tuple[Breakage, ...]:
    """Return each kind of refusal on each platform."""
    return tuple(
        RefusedCalls(kind, platform, fault)
        for kind, fault in (("limit", _LIMITED), ("error", _BROKEN), ("lost-reply", _LOST))
        for platform in SHOWING
    )
