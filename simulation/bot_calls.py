"""The calls of the bots: what each asks the producer, the function of Postgres, or the stream."""

import random
from datetime import UTC, datetime
from typing import Any

import schemas
from bus import Source
from db import Producer
from db.errors import mapped_errors
from schemas.platforms import SHORT_NAMES

from .expectations import Effect
from .pool import Connection

PLAYERS = 3
ACHIEVEMENTS = ("first_win", "lucky")
#: Accounts on Telegram that nobody has seen before somebody invites them.
NEWCOMERS = range(11, 15)

#: The arguments of one call of the producer.
Wanted = dict[str, Any]


def accounts_of(source: Source) -> range:
    """Return the players' accounts on a platform."""
    first = 1 if source == "telegram" else 101
    return range(first, first + PLAYERS)


def draw(dice: random.Random, source: Source) -> Wanted:
    """Draw a call with a key that nothing else has, or an achievement."""
    account = dice.choice(accounts_of(source))
    chance = dice.random()
    common = {"user_id": account, "source": source}
    if chance < 0.1:
        return common | {"achievement": dice.choice(ACHIEVEMENTS)}
    what = "delta_xp" if chance < 0.8 else "delta_balance"
    amount = dice.choice([5, 10, 15, 40, -3, -30])
    entity = f"{dice.getrandbits(40)}"
    return common | {what: amount, "reason": "game_guess", "entity_id": entity}


def draw_refused(dice: random.Random, source: Source) -> Wanted:
    """Draw a call with a key that is reserved, or another event's."""
    one, other, *_ = dice.sample(accounts_of(source), 3)
    entity, short = f"{dice.getrandbits(40)}", SHORT_NAMES[source]
    keys = (
        f"{short}_achievement_bonus_{one}_{entity}",
        f"{short}_reconcile_{one}_{entity}",
        f"{short}_game_guess_{other}_{entity}",
        f"link:{entity}:policy:{source}:xp",
        f"entry:{entity}",
    )
    return {
        "user_id": one,
        "source": source,
        "delta_xp": 5,
        "reason": "game_guess",
        "entity_id": entity,
        "idempotency_key": dice.choice(keys),
    }


async def create(producer: Producer, wanted: Wanted, **more: Any) -> Any:
    """Call the producer."""
    if "achievement" in wanted:
        return await producer.create_achievement_event(**wanted, **more)
    if "delta_xp" in wanted:
        return await producer.create_xp_change_event(**wanted, **more)
    return await producer.create_balance_change_event(**wanted, **more)


async def record(conn: Connection, wanted: Wanted) -> Any:
    """Call the function of Postgres, as a program in another language does.

    The errors are translated, so that a bot judges them as it judges the producer's.
    """
    with mapped_errors():
        if "achievement" in wanted:
            return await conn.fetchrow(
                "SELECT * FROM twinstream.record_achievement($1, $2, $3)",
                *(wanted[name] for name in ("source", "user_id", "achievement")),
            )
        [what] = wanted.keys() & {"delta_xp", "delta_balance"}
        return await conn.fetchrow(
            f"SELECT * FROM twinstream.record_{what.removeprefix('delta_')}($1,$2,$3,$4,$5,$6)",  # noqa: S608 - one of two constants
            *(wanted[name] for name in ("source", "user_id", what, "reason", "entity_id")),
            wanted.get("idempotency_key"),
        )


def event_of(wanted: Wanted) -> schemas.Event:
    """Build the event of a call."""
    common = wanted | {"occurred_at": datetime(2026, 1, 1, 12, tzinfo=UTC)}
    if "achievement" in wanted:
        return schemas.achievement_unlocked(**common)
    if "delta_xp" in wanted:
        return schemas.xp_changed(**common)
    return schemas.balance_changed(**common)


def key_of(wanted: Wanted) -> str:
    """Return the key of a call's event."""
    return event_of(wanted).idempotency_key


def effect_of(wanted: Wanted) -> Effect:
    """Return the effect of a call's event."""
    return Effect(
        wanted["source"],
        wanted["user_id"],
        xp=wanted.get("delta_xp", 0),
        balance=wanted.get("delta_balance", 0),
        achievement=wanted.get("achievement"),
    )
