"""The short way to read payloads: it knows what our codec writes, and lets nothing else through."""

import json

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from tests.support import event_strategies

#: An event as schemas/codec.py writes it.
PLAIN = (
    '{"type":"xp.changed","idempotency_key":"own-key-1","source":"telegram","user_id":1001,'
    '"reason":"game_guess","entity_id":"1","occurred_at":"2026-11-29T12:00:00.5Z","v":1,"delta_xp":5}'
)
UNLOCKED = (
    '{"type":"achievement.unlocked","idempotency_key":"k","source":"discord","user_id":7,'
    '"reason":"achievement","entity_id":"1","occurred_at":"2026-11-29T12:00:00Z","v":1,'
    '"achievement":"first_win"}'
)
#: Names as the codec writes them: quotes, backslashes and control characters escaped, nothing else.
NAMED = tuple(
    PLAIN.replace('"v":1,', f'"v":1,"display_name":{name},')
    for name in (
        '"Аня"',
        '""',
        '"a \\"quoted\\" \\\\ name"',
        '"\\n\\t\\u001f\\u0001\x7f \u2028 🚀 </b>"',
    )
)


async def read(conn: asyncpg.Connection, function: str, payloads: list[str]) -> object:
    """Return the events that the function reads, or its error."""
    try:
        rows = await conn.fetch(f"SELECT e.* FROM unnest(twinstream.{function}($1)) AS e", payloads)
    except asyncpg.PostgresError as error:
        return (error.sqlstate, error.constraint_name, str(error))
    return [tuple(row) for row in rows]


async def read_both_ways(conn: asyncpg.Connection, payloads: list[str]) -> object:
    """Read payloads the short way and the long way, and return what both say."""
    short = await read(conn, "read_events", payloads)
    assert short == await read(conn, "read_any_events", payloads)
    return short


async def test_what_the_codec_writes_is_read_the_short_way(pool):
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(
            "CREATE OR REPLACE FUNCTION twinstream.read_any_events(payloads text[])"
            " RETURNS twinstream.event[] LANGUAGE sql AS 'SELECT NULL::twinstream.event[]'"
        )
        for text in (PLAIN, UNLOCKED, PLAIN.replace("xp", "balance"), *NAMED):
            assert schemas.encode(schemas.decode(text.encode())).decode() == text.replace(
                "00.5Z", "00.500000Z"
            )
            read_events = await read(conn, "read_events", [text])
            assert isinstance(read_events, list)
            assert [row[-1] for row in read_events] == [text]


#: A part of `PLAIN`, and what stands there in its place.
REFUSED = (
    ('"user_id":1001', '"user_id":0'),
    ('"user_id":1001', '"user_id":-1'),
    ('"user_id":1001', '"user_id":"1001"'),
    ('"user_id":1001', '"user_id":1e3'),
    ('"user_id":1001', '"user_id":9223372036854775808'),
    ('"game_guess"', f'"{"a" * 65}"'),
    ('"game_guess"', '"Game"'),
    ('"game_guess"', '"game "'),
    ('"game_guess"', '"game\\t1\\t2026-11-29T12:00:00Z"'),
    ('"entity_id":"1"', '"entity_id":"a b"'),
    ('"entity_id":"1"', '"entity_id":""'),
    ('"entity_id":"1"', f'"entity_id":"{"1" * 129}"'),
    ('"own-key-1"', f'"{"k" * 257}"'),
    ('"own-key-1"', '"k\\n"'),
    ('"own-key-1"', '"k k"'),
    ('"own-key-1"', '"k\\"k"'),
    ('"own-key-1"', '"é"'),
    ('"own-key-1"', "null"),
    ("12:00:00.5Z", "24:00:00Z"),
    ("12:00:00.5Z", "12:00:60Z"),
    ("12:00:00.5Z", "12:00:00+00:00"),
    ("12:00:00.5Z", "12:00"),
    ("2026-11-29T12:00:00.5Z", "infinity"),
    ("2026-11-29T12:00:00.5Z", "nonsense"),
    ("2026-11-29", "2026-02-30"),
    ('"delta_xp":5', '"delta_xp":0'),
    ('"delta_xp":5', '"delta_xp":-1000000000001'),
    ('"delta_xp":5', '"delta_xp":5.0'),
    ('"delta_xp":5', '"delta_xp":"5"'),
    ('"delta_xp":5', '"delta_balance":5'),
    ('"delta_xp":5', '"delta_xp":5,"delta_balance":5'),
    ('"delta_xp":5', '"delta_xp":5,"delta_xp":6'),
    ('"delta_xp":5', '"delta_xp":5,"achievement":"first_win"'),
    ('"delta_xp":5', f'"delta_xp":5,"note":{"[" * 200}{"]" * 200}'),
    ('"v":1', '"v":2'),
    ('"v":1', '"v":1,"display_name":5'),
    ('"v":1', '"v":1,"display_name":null'),
    ('"v":1', '"v":1,"display_name":{"a":1}'),
    ('"v":1', '"v":1,"display_name":"a","display_name":"b"'),
    ('"v":1', '"v":1,"display_name":"\\u0041"'),
    ('"v":1', '"v":1,"display_name":"a","delta_xp":7'),
    ('"v":1', '"v":1.0'),
    ('"xp.changed"', '"xp.lost"'),
    ('"xp.changed"', '"achievement.unlocked"'),
    ('"telegram"', '"matrix"'),
    ('"telegram"', '"discord"'),
    (PLAIN, UNLOCKED),
    (PLAIN, UNLOCKED.replace("discord", "telegram").replace("first_win", "First")),
    (PLAIN, UNLOCKED.replace("discord", "telegram").replace("first_win", "a" * 65)),
    (PLAIN, UNLOCKED.replace("discord", "telegram").replace("first_win", "")),
    (PLAIN, "{}"),
    (PLAIN, "[]"),
    (PLAIN, "nonsense"),
    (PLAIN, PLAIN + " "),
)


async def test_the_short_way_refuses_what_the_long_way_refuses(pool):
    async with pool.acquire() as conn:
        for text, written in REFUSED:
            assert text in PLAIN
            await read_both_ways(conn, [PLAIN, PLAIN.replace(text, written)])


async def test_nothing_is_read_from_nothing(pool):
    async with pool.acquire() as conn:
        assert await read_both_ways(conn, []) == []


async def test_both_ways_read_the_same_events(pool):
    batches: list[list[str]] = []

    @settings(suppress_health_check=list(HealthCheck))
    @given(st.lists(event_strategies.events, min_size=1, max_size=5))
    def collect(batch: list[schemas.Event]) -> None:
        texts = [schemas.encode(one).decode() for one in batch if one.source == batch[0].source]
        batches.append(texts)
        batches.append([json.dumps(json.loads(text)) for text in texts])

    collect()
    async with pool.acquire() as conn:
        for batch in batches:
            read_events = await read_both_ways(conn, batch)
            assert isinstance(read_events, list)
            assert len(read_events) == len(batch)
