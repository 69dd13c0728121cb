"""Keys, reasons and amounts that a sender chose: an operator's commands show them, and go on."""

import io
from datetime import UTC, datetime

from config.outside_text.terminal import Terminal
from consumers.operate import dead_letters
from consumers.operate.reconcile import _table
from consumers.operate.status import command as status
from consumers.settling.role import Settling
from db.reconcile.drift import DriftRow

HOSTILE = "[/x] \x1b[2J\x9b2J \u202e :warning:\nwrong Postgres"
SHOWN = "[/x] \\x1b[2J\\x9b2J \\u202e :warning:\\nwrong Postgres"


async def bury_with_hostile_texts(resources, desk) -> int:
    await desk.add("telegram", b"nonsense")
    await Settling("telegram", resources).step()
    return await resources.pool.fetchval(
        "UPDATE sync_events SET idempotency_key = $1, error_message = $1 RETURNING id", HOSTILE
    )


async def test_a_buried_events_texts_are_shown_as_they_are_written(resources, desk):
    dead_id = await bury_with_hostile_texts(resources, desk)
    output = io.StringIO()
    terminal = Terminal(file=output, width=400)

    await dead_letters.show_list(resources.pool, terminal, reason="", limit=10)
    await dead_letters.show_one(resources.pool, terminal, dead_id)
    await status.run(resources.settings, terminal, keys=resources.keys)

    # Twice on each of the three screens; the last one wraps its lines.
    assert " ".join(output.getvalue().split()).count(SHOWN) == 6
    assert not {"\x1b", "\x9b", "\u202e"} & set(output.getvalue())


def test_a_finding_shows_what_a_bots_table_holds():
    output = io.StringIO()
    row = DriftRow(
        1, 1, "telegram", "store", HOSTILE, 1, 1001, HOSTILE, HOSTILE, None, "", "held", "",
        datetime.now(UTC), HOSTILE,
    )  # fmt: skip

    Terminal(file=output, width=400).print(_table([row]))

    assert output.getvalue().count(SHOWN) == 4
