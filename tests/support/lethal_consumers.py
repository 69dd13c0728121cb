"""`python -m consumers`, except that one event kills the process that settles it, kill -9."""

import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bus import Source
from consumers.__main__ import run
from db.ledger import events
from db.ledger.envelopes import Envelope

LETHAL = "lethal"


def deadly(
    settle: Callable[..., Coroutine[Any, Any, Any]],
) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def settle_or_die(
        conn: Any, platform: Source, source: Source, envelopes: Sequence[Envelope], **more: Any
    ) -> Any:
        if any(envelope.event.idempotency_key.endswith(LETHAL) for envelope in envelopes):
            os.kill(os.getpid(), signal.SIGKILL)
        return await settle(conn, platform, source, envelopes, **more)

    return settle_or_die


if __name__ == "__main__":
    events.settle = deadly(events.settle)
    events.settle_recorded = deadly(events.settle_recorded)
    run()
