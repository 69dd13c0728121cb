"""`python -m consumers`, except that one event kills the process that settles it, kill -9."""

import os
import signal
from collections.abc import Sequence
from typing import Any

from bus import Source
from consumers.__main__ import run
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.stores.port import Store

LETHAL = "lethal"

settle = events.settle


async def settle_or_die(
    conn: Any,
    platform: Source,
    source: Source,
    envelopes: Sequence[Envelope],
    *,
    store: Store | None = None,
    forget_secret: str | None = None,
) -> frozenset[str]:
    if any(envelope.event.idempotency_key.endswith(LETHAL) for envelope in envelopes):
        os.kill(os.getpid(), signal.SIGKILL)
    return await settle(conn, platform, source, envelopes, store=store, forget_secret=forget_secret)


if __name__ == "__main__":
    events.settle = settle_or_die
    run()
