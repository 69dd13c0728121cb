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
    conn: Any, platform: Any, source: Any, envelopes: Sequence[Envelope], **more: Any
) -> Any:
    if any(envelope.event.idempotency_key.endswith(LETHAL) for envelope in envelopes):
        os.kill(os.getpid(), signal.SIGKILL)
    return await settle(conn, platform, source, envelopes, **more)


if __name__ == "__main__":
    events.settle = settle_or_die
    run()
