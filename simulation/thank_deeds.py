"""Thanks as deeds: members thank each other, and say the same thing again; and their audit."""

import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from bus import Source
from db import Producer
from db.earning import thanks
from db.earning.thanks import ThankLimits
from schemas.platforms import SHORT_NAMES

from .bot_calls import accounts_of
from .clock import EPOCH_MS
from .expectations import Effect, Expectations
from .link_deeds import NO_ANSWER
from .postgres import RealPostgres

#: Messages of each pair that thank. Few, so that many are said again.
MESSAGES: Final = 4
#: Hours between two of them: some are of the day before.
APART_H: Final = 9
LIMITS: Final = ThankLimits(zone="Asia/Tokyo", per_day=2, xp=5, xp_per_day=10**6)


class ThankDeeds:
    """The thanks of the members of one platform."""

    def __init__(self, source: Source, dice: random.Random, expected: Expectations) -> None:
        self._source = source
        self._dice = dice
        self._expected = expected

    async def act(self, producer: Producer) -> None:
        """Say a message that thanks. It may have been said before, by a process that died too."""
        giver, receiver = (self._dice.choice(accounts_of(self._source)) for _ in range(2))
        number = self._dice.randrange(MESSAGES)
        entity_id = f"thank-{giver}-{receiver}-{number}"
        key = f"{SHORT_NAMES[self._source]}_{thanks.REASON}_{receiver}_{entity_id}"
        effect = Effect(self._source, receiver, xp=LIMITS.xp)
        self._expected.tried(key, effect)
        with contextlib.suppress(*NO_ANSWER):
            thanked = await thanks.give(
                producer,
                self._source,
                giver,
                receiver,
                entity_id=entity_id,
                said_at=datetime.fromtimestamp(EPOCH_MS / 1_000, UTC)
                - timedelta(hours=APART_H * number),
                limits=LIMITS,
            )
            if thanked.outcome in ("thanked", "known"):
                self._expected.succeeded(key, effect)


def thank_breaches(real: RealPostgres) -> Iterator[str]:
    """Each thank is one point and one event, however often it was said, and whatever was linked."""
    rows = real.fetch("SELECT * FROM thanks")
    points = {
        (row["platform"], row["account_id"]): row["reputation"]
        for row in real.fetch("SELECT * FROM account_scores WHERE reputation <> 0")
    }
    received: dict[tuple[str, int], int] = {}
    for row in rows:
        account = row["platform"], row["receiver_account_id"]
        received[account] = received.get(account, 0) + 1
    if points != received:
        yield f"reputation is {points}, thanks received are {received}"
    said = [(row["platform"], row["entity_id"]) for row in rows]
    if len(said) != len(set(said)):
        yield "a message thanked twice"
    paid = {
        (row["source"], row["entity_id"])
        for row in real.fetch(
            "SELECT source, entity_id FROM transactions WHERE reason = $1 AND platform = source",
            thanks.REASON,
        )
    }
    if paid != {(row["platform"], row["entity_id"]) for row in rows if row["xp"]}:
        yield f"thanks {sorted(said)} and their events {sorted(paid)} differ"
