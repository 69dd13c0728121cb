"""The operator's screen and the alert's figure, on a bot that runs in this process."""

import asyncio
import time
from typing import Any

from bots.runtime.metrics import CONNECTED
from consumers.operate.status import looking
from consumers.operate.status.advice import advise
from consumers.operate.status.observation import Advice
from schemas import Source
from tests.support.patience import PATIENCE_S


async def advised(stage: Any, platform: Source) -> list[Advice]:
    """Return what the operator's screen says of this platform's bot now."""
    seen = await looking.look(stage.settings, keys=stage.keys)
    return [one for one in advise(seen) if f"{platform.capitalize()} bot" in one.what]


async def until_advised(stage: Any, platform: Source, says: str | None) -> list[Advice]:
    """Look at the screen until it says so of the bot, or nothing at all."""
    end = time.monotonic() + PATIENCE_S
    while True:
        found = await advised(stage, platform)
        if (says is None and not found) or any(says in one.what for one in found if says):
            return found
        assert time.monotonic() < end, f"waited {PATIENCE_S} s in vain: {says}, but {found}"
        await asyncio.sleep(0.1)


def connected_metric(platform: Source) -> float:
    return float(CONNECTED.labels(platform)._value.get())
