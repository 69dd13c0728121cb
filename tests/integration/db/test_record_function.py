"""The door: what `twinstream.record` and its siblings promise to a caller in any language."""

import asyncio
import json
from datetime import UTC, datetime

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from schemas.fields import ENTITY_ID_PATTERN, WORD_PATTERN

RECORD_XP = "SELECT * FROM twinstream.record_xp($1, $2, $3, $4, $5)"
WIN = ("telegram", 1001, 15, "game_guess", "67890")
KEY = "tg_game_guess_1001_67890"


def payload(**changes: object) -> str:
    """An event of Telegram as the wire carries it."""
    fields = {
        "type": "xp.changed",
        "idempotency_key": "own-key-1",
        "source": "telegram",
        "user_id": 1001,
        "reason": "game_guess",
        "entity_id": "1",
        "occurred_at": "2026-11-29T12:00:00Z",
        "delta_xp": 5,
    }
    return json.dumps({key: it for key, it in (fields | changes).items() if it is not None})


async def refusal(pool: asyncpg.Pool, *payloads: str) -> asyncpg.PostgresError:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await pool.fetch("SELECT * FROM twinstream.record($1)", list(payloads))
    assert await pool.fetchval("SELECT count(*) FROM transactions") == 0
    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 0
    return refused.value


async def test_a_person_records_xp_in_sql(pool):
    row = await pool.fetchrow(RECORD_XP, *WIN)

    assert (row["key"], row["created"]) == (KEY, True)
    again = await pool.fetchrow(RECORD_XP, *WIN)
    assert (again["key"], again["member_id"], again["created"]) == (KEY, row["member_id"], False)
    assert await pool.fetchval("SELECT xp FROM members") == 15
    event = await pool.fetchrow("SELECT * FROM sync_events")
    assert (event["status"], event["left_to_relay"]) == ("pending", True)
    decoded = schemas.decode(event["payload"].encode())
    assert isinstance(decoded, schemas.XpChanged)
    assert (decoded.idempotency_key, decoded.delta_xp) == (KEY, 15)


async def test_balance_and_achievements_have_functions_of_their_own(pool):
    balance = await pool.fetchrow(
        "SELECT * FROM twinstream.record_balance('discord', 2001, 7, 'shop', 'order-7')"
    )
    unlocked = await pool.fetchrow(
        "SELECT * FROM twinstream.record_achievement('discord', 2001, 'first_win')"
    )

    assert balance["key"] == "dc_shop.balance_2001_order-7"
    assert unlocked["key"] == "dc_achievement.first_win_2001"
    for (text,) in await pool.fetch("SELECT payload FROM sync_events"):
        event = schemas.decode(text.encode())
        assert schemas.parse_key(event.idempotency_key) is not None


async def test_an_event_is_undone_with_the_callers_transaction(pool):
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await conn.fetchrow(RECORD_XP, *WIN)
        await transaction.rollback()

    assert await pool.fetchval("SELECT count(*) FROM transactions") == 0
    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 0


async def test_receipts_come_in_order_and_name_what_is_new(pool):
    await pool.fetch("SELECT * FROM twinstream.record($1)", [payload(idempotency_key="known")])

    rows = await pool.fetch(
        "SELECT * FROM twinstream.record($1)",
        [
            payload(idempotency_key="z", user_id=3),
            payload(idempotency_key="known"),
            payload(idempotency_key="a", user_id=2),
            payload(idempotency_key="z", user_id=3),
        ],
    )

    assert [(row["key"], row["created"]) for row in rows] == [
        ("z", True),
        ("known", False),
        ("a", True),
        ("z", False),
    ]
    assert await pool.fetchval("SELECT sum(xp) FROM members") == 15


#: Changes of an event, and the words with which it is refused.
REFUSED: tuple[tuple[dict[str, object], str], ...] = (
    ({"v": 2}, "v is 2"),
    ({"type": "xp_changed"}, "type is 'xp_changed'"),
    ({"source": "matrix"}, "source is 'matrix'"),
    ({"user_id": 0}, "user_id is '0'"),
    ({"user_id": None}, "user_id is NULL"),
    ({"reason": "Game"}, "reason is 'Game'"),
    ({"reason": "a" * 65}, "reason is"),
    ({"reason": "game\n"}, "reason is"),
    ({"entity_id": ""}, "entity_id is ''"),
    ({"entity_id": "a b"}, "entity_id is 'a b'"),
    ({"entity_id": "a" * 129}, "entity_id is"),
    ({"idempotency_key": "k k"}, "idempotency_key is 'k k'"),
    ({"idempotency_key": "k" * 257}, "idempotency_key is"),
    ({"occurred_at": "2026-11-29T12:00:00"}, "occurred_at is"),
    ({"delta_xp": 0}, "delta_xp is '0'"),
    ({"delta_xp": None}, "delta_xp is NULL"),
    ({"delta_xp": 10**12 + 1}, "delta_xp is"),
    ({"type": "balance.changed"}, "delta_balance is NULL"),
    ({"type": "achievement.unlocked", "achievement": "First"}, "achievement is 'First'"),
    ({"note": "x" * 17_000}, "more than 16384 bytes"),
)


async def test_what_the_wire_refuses_the_function_refuses(pool):
    for changes, says in REFUSED:
        error = await refusal(pool, payload(), payload(**changes))

        assert error.constraint_name == "event_follows_the_wire_format", changes
        assert says in str(error)


#: Fields as a caller may write them in JSON, and no consumer reads them.
UNREADABLE = (
    ("entity_id", "123"),
    ("reason", "true"),
    ("idempotency_key", "99123"),
    ("user_id", '"007"'),
    ("user_id", '" 7 "'),
    ("user_id", '"0x10"'),
    ("user_id", "1e2"),
    ("delta_xp", '"5"'),
    ("delta_xp", "1e3"),
    ("v", "null"),
    ("v", '"1"'),
    ("v", "1e0"),
    ("occurred_at", '"2026-11-29T10:00Z"'),
    ("occurred_at", '"2026-11-29T24:00:00Z"'),
    ("occurred_at", '"2026-11-29T10:00:60Z"'),
    ("occurred_at", '"01-02-2026T10:00:00Z"'),
    ("occurred_at", '"12345-1-01T10:00:00Z"'),
    ("occurred_at", '"2026-11-29T10:00:00.Z"'),
    ("occurred_at", '"0001-01-01T00:00:00+14:00"'),
    ("occurred_at", '"9999-12-31T23:59:59-14:00"'),
    ("note", "[" * 3000 + "]" * 3000),
    ("note", '{"a":' * 1500 + "1" + "}" * 1500),
)


async def test_no_event_is_recorded_that_a_consumer_cannot_read(pool):
    is_old = int(await pool.fetchval("SHOW server_version_num")) < 160_000
    for field, written in UNREADABLE:
        text = payload(**{field: "HERE"}).replace('"HERE"', written)
        with pytest.raises(schemas.SchemaError):
            schemas.decode(text.encode())

        error = await refusal(pool, text)

        # An older Postgres itself refuses some texts that newer ones read: 0x10, 10:00:00.Z.
        itself = is_old and isinstance(error, asyncpg.DataError)
        assert itself or error.constraint_name == "event_follows_the_wire_format", (field, written)


async def test_what_is_no_json_is_refused(pool):
    assert "json" in str(await refusal(pool, "not json"))


async def test_events_of_both_platforms_need_two_calls(pool):
    other = payload(source="discord", idempotency_key="own-key-2")

    error = await refusal(pool, payload(), other)

    assert error.constraint_name == "call_is_of_one_platform"


async def test_a_call_takes_a_thousand_events_at_most(pool):
    error = await refusal(pool, *[payload()] * 1_001)

    assert error.constraint_name == "call_has_a_thousand_events_at_most"


async def test_a_key_with_other_content_is_refused_by_name(pool):
    await pool.fetchrow(RECORD_XP, *WIN)

    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await pool.fetchrow(RECORD_XP, "telegram", 1001, 20, "game_guess", "67890")

    assert refused.value.constraint_name == "key_names_one_event"
    assert refused.value.detail == KEY
    assert "delta_xp 15 is now 20" in str(refused.value)


async def test_an_overdraft_names_the_accounts(pool):
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await pool.fetch(
            "SELECT * FROM twinstream.record($1)",
            [
                payload(idempotency_key="a", user_id=1, delta_xp=-1),
                payload(idempotency_key="b", user_id=2, delta_xp=1),
                payload(idempotency_key="c", user_id=3, delta_xp=-1),
            ],
        )

    assert refused.value.constraint_name == "member_xp_not_negative"
    assert refused.value.detail == "1,3"


@pytest.mark.parametrize(
    "key",
    [
        "tg_reconcile_1001_7.9",
        "tg_achievement_bonus_1001_first_win",
        "tg_achievement_bonus.balance_1001_first_win",
        "link:7:link:telegram:xp",
        "entry:sync:telegram:1-0",
        "import:telegram:1001:xp",
    ],
)
async def test_reserved_keys_are_for_our_own_processes(pool, key):
    own: dict[str, object] = {}
    parsed = schemas.parse_key(key)
    if isinstance(parsed, schemas.EntityKey):
        own |= {"reason": parsed.reason, "entity_id": parsed.entity_id}
        if parsed.kind == "balance":
            own |= {"type": "balance.changed", "delta_balance": 5}

    error = await refusal(pool, payload(idempotency_key=key, **own))

    assert error.constraint_name == "key_is_reserved"
    ours = "SELECT * FROM twinstream.record_events($1, 'pending', true, true, true)"
    assert await pool.fetch(ours, [payload(idempotency_key=key, **own)])


@pytest.mark.parametrize(
    "key",
    [
        "tg_game_guess_1002_1",
        "dc_game_guess_1001_1",
        "tg_game_guess.balance_1001_1",
        "tg_game_guess_1001_2",
        "tg_other_1001_1",
        "tg_achievement.first_win_1001",
    ],
)
async def test_a_key_of_our_form_must_be_the_events_own(pool, key):
    error = await refusal(pool, payload(idempotency_key=key))

    assert error.constraint_name == "key_agrees_with_event"
    assert "tg_game_guess_1001_1" in str(error)


async def test_a_key_that_is_in_the_ledger_is_not_judged_again(pool):
    """Release 0.1 accepted it."""
    key = "tg_game_guess_1002_1"
    await pool.execute(
        "INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp,"
        " reason, entity_id, occurred_at) VALUES"
        " ($1, 'telegram', 'telegram', 'xp.changed', 1001, 5, 'game_guess', '1', now())",
        key,
    )

    [row] = await pool.fetch("SELECT * FROM twinstream.record($1)", [payload(idempotency_key=key)])

    assert row["created"] is False


word = st.from_regex(WORD_PATTERN, fullmatch=True)
entity = st.from_regex(ENTITY_ID_PATTERN, fullmatch=True)
number = st.integers(1, 2**63 + 5)
nearly_a_key = st.one_of(
    st.builds("{}_{}_{}_{}".format, st.sampled_from(["tg", "dc", "mx"]), word, number, entity),
    st.builds("tg_{}.balance_{}_{}".format, word, number, entity),
    st.builds("tg_achievement.{}_{}".format, word, number),
    st.builds("tg_{}_{}_{}".format, st.just("a" * 64) | st.just("a" * 65), number, entity),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80),
)


async def test_postgres_and_python_agree_on_what_has_the_form_of_our_keys(pool):
    async with pool.acquire() as conn:
        found: list[tuple[str, str | None]] = []

        @settings(
            max_examples=max(100, settings().max_examples),
            suppress_health_check=list(HealthCheck),
        )
        @given(nearly_a_key)
        def collect(key: str) -> None:
            parsed = schemas.parse_key(key)
            found.append(
                (key, None if parsed is None else getattr(parsed, "reason", "achievement"))
            )

        collect()
        rows = await conn.fetch(
            "SELECT twinstream.reason_in_key(key) AS reason FROM unnest($1::text[]) AS key",
            [key for key, _ in found],
        )
    differing = [
        (key, python, row["reason"])
        for (key, python), row in zip(found, rows, strict=True)
        if python != row["reason"]
    ]
    assert differing == []
    assert any(python for _, python in found)


async def test_the_own_key_is_the_same_in_postgres_and_in_python(pool):
    events: list[schemas.Event] = [
        schemas.xp_changed(
            user_id=2**63 - 1,
            delta_xp=1,
            source="discord",
            reason="a_b",
            entity_id="x:1",
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        schemas.balance_changed(
            user_id=5,
            delta_balance=-1,
            source="discord",
            reason="shop",
            entity_id="2",
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        schemas.achievement_unlocked(
            user_id=5,
            achievement="balance",
            source="discord",
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    ]

    rows = await pool.fetch(
        "SELECT twinstream.key_of(e) AS key FROM unnest(twinstream.read_events($1)) AS e",
        [schemas.encode(event).decode() for event in events],
    )

    assert [row["key"] for row in rows] == [event.idempotency_key for event in events]


async def test_a_caller_that_does_not_wait_leaves_held_members_out(pool):
    await pool.fetchrow(RECORD_XP, *WIN)
    async with pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM members FOR UPDATE")

        rows = await pool.fetch(
            "SELECT * FROM twinstream.record($1, waits_for_locks => false)",
            [payload(idempotency_key="held"), payload(idempotency_key="free", user_id=2)],
        )

        alone = await pool.fetchrow(
            "SELECT * FROM twinstream.record($1, waits_for_locks => false)",
            [payload(idempotency_key="held")],
        )

    assert [row["created"] for row in rows] == [None, True]
    assert tuple(alone) == ("held", None, None)
    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 2


async def test_one_transaction_notifies_once_and_only_if_it_commits(pool):
    heard: list[str] = []

    def hear(*message: object) -> None:
        heard.append(str(message[-1]))

    async with pool.acquire() as listener, pool.acquire() as conn:
        await listener.add_listener("twinstream_left_to_relay", hear)
        transaction = conn.transaction()
        await transaction.start()
        await conn.fetchrow(RECORD_XP, *WIN)
        await transaction.rollback()
        async with conn.transaction():
            for entity_id in ("1", "2", "3"):
                await conn.fetchrow(RECORD_XP, "telegram", 1001, 1, "game_guess", entity_id)
        await conn.fetch(
            "SELECT * FROM twinstream.record($1, caller_publishes => true)", [payload()]
        )
        await listener.execute("SELECT 1")  # notifications come before its answer
        await listener.remove_listener("twinstream_left_to_relay", hear)

    assert heard == ["telegram"]


async def test_new_members_made_at_the_same_time_are_one(pool):
    calls = [
        pool.fetchrow(RECORD_XP, "telegram", 1001, 1, "game_guess", str(number))
        for number in range(6)
    ]

    rows = await asyncio.gather(*calls)

    assert len({row["member_id"] for row in rows}) == 1
    assert await pool.fetchval("SELECT count(*) FROM members") == 1
    assert await pool.fetchval("SELECT xp FROM members") == 6
