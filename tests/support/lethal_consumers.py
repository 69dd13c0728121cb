"""`python -m consumers`, except that one event kills the process that settles it, kill -9."""

import os
import signal
from collections.abc import Sequence
from typing import Any

from consumers.__main__ import run
from db.ledger import events
from db.ledger.envelopes import Envelope

LETHAL = "lethal"

settle = events.settle


async def settle_or_die(
    conn: Any, platform: Any, source: Any, facts: Sequence[Envelope], **more: Any
) -> Any:
    if any(fact.event.idempotency_key.endswith(LETHAL) for fact in facts):
        os.kill(os.getpid(), signal.SIGKILL)
    return await settle(conn, platform, source, facts, **more)


if __name__ == "__main__":
    events.settle = settle_or_die
    run()
