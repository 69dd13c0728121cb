"""Sequences that are behind the rows of their tables, as logical replication leaves them."""

import contextlib
from pathlib import Path

import asyncpg
import msgspec
import pytest

from bots.features.guessing.game import XP_PER_WIN, GameService, Owed, Won
from config import Settings
from consumers.operate import doctor
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from db import Producer, StorageUnavailable
from db.errors import COUNTED, catch_up
from db.upkeep import retention, status
from launch.migrate import make_roles
from tests.support.reconcile import a_pass, ended, opened
from tests.support.settling import Desk, xp_payload


async def copy_rows_without_sequences(pool: asyncpg.Pool) -> None:
    """Leave the database as a replica of its rows is: each sequence begins at 1."""
    for table in COUNTED:
        await pool.execute(f"ALTER SEQUENCE twinstream.{table}_id_seq RESTART")


async def told(settings: Settings, checkout: Path) -> str:
    """Return what `doctor` finds to mend."""
    example = str(checkout / "twinstream.example.toml")
    settings = msgspec.structs.replace(settings, twinstream_config=example)
    found = [one.remedy async for one in doctor.examine(settings)]
    return "\n".join(remedy for remedy in found if remedy is not None)


async def win(producer: Producer, entity_id: str, user_id: int = 1001) -> None:
    await producer.create_xp_change_event(
        user_id=user_id, delta_xp=5, source="telegram", reason="game_guess", entity_id=entity_id
    )


async def test_a_sequence_that_is_behind_buries_nothing_and_its_remedy_lets_events_go_on(
    resources: Resources, producer: Producer, desk: Desk, pool: asyncpg.Pool, checkout: Path
):
    # Given events that arrived, and a copy of their rows
    for number in range(20):
        await win(producer, str(number), user_id=1000 + number)
    await Settling("telegram", resources).step()
    await copy_rows_without_sequences(pool)
    said = await told(resources.settings, checkout)

    # When more come from both sides
    settling = Settling("discord", resources)
    await desk.add("discord", xp_payload(7, source="discord", user_id=5))
    with pytest.raises(StorageUnavailable, match="as the owner, run SELECT setval"):
        await settling.step()
    with pytest.raises(StorageUnavailable, match="as the owner, run SELECT setval"):
        await win(producer, "20")

    # Then nothing is buried, and what `doctor` says helps
    assert "failed" not in await desk.statuses()
    for table in ("members", "sync_events", "transactions"):
        assert catch_up(table) in said
        await pool.execute(catch_up(table))
    await settling.step()
    await win(producer, "20")
    assert await desk.xp("telegram", user_id=5, on="discord") == 7
    assert "setval" not in await told(resources.settings, checkout)


async def test_what_cannot_be_put_on_record_yet_waits_to_be_buried(
    resources: Resources, producer: Producer, desk: Desk, pool: asyncpg.Pool
):
    await win(producer, "1")
    await copy_rows_without_sequences(pool)
    [nonsense] = await desk.add("discord", b"no event")
    await desk.add("discord", xp_payload(7, source="discord", user_id=5))
    settling = Settling("discord", resources)

    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="setval"):
            await settling.step()
    assert await desk.unacknowledged("discord") == 2
    assert await desk.failures() == {}

    for table in COUNTED:
        await pool.execute(catch_up(table))
    await settling.step()
    assert await desk.unacknowledged("discord") == 0
    assert list(await desk.failures()) == [
        f"entry:{desk.keys.stream('discord')}:{nonsense.decode()}"
    ]
    assert await desk.xp("telegram", user_id=5, on="discord") == 7


@pytest.mark.parametrize("table", ["reconcile_runs", "drift"])
async def test_a_pass_waits_for_its_numbers_and_ends(
    resources: Resources, producer: Producer, pool: asyncpg.Pool, table: str
):
    await win(producer, "1")
    await Settling("telegram", resources).step()
    await pool.execute("UPDATE sync_state SET xp = xp + 1 WHERE platform = 'telegram'")
    async with opened(resources) as role:
        assert (await a_pass(role, pool)).status == "finished"
        await pool.execute(f"ALTER SEQUENCE twinstream.{table}_id_seq RESTART")

        with pytest.raises(StorageUnavailable, match=f"{table}.*setval|setval.*{table}"):
            await a_pass(role, pool)
        with contextlib.suppress(StorageUnavailable):  # the runner waits it out
            await role.step()
        await pool.execute(catch_up(table))

        run_id = await pool.fetchval("SELECT max(id) FROM reconcile_runs WHERE status = 'running'")
        report = await (ended(role, pool, run_id) if run_id else a_pass(role, pool))
        assert report.status == "finished"


async def test_a_round_of_cleanup_waits_for_its_number(pool: asyncpg.Pool):
    await pool.execute("INSERT INTO cleanup_rounds (finished_at, events_upto) VALUES (now(), NULL)")
    await copy_rows_without_sequences(pool)
    async with pool.acquire() as conn:
        with pytest.raises(StorageUnavailable, match="cleanup_rounds"):
            await retention.begin_if_due(conn, interval_s=0.0)

        await pool.execute(catch_up("cleanup_rounds"))
        assert await retention.begin_if_due(conn, interval_s=0.0)


async def test_a_game_owes_a_win_until_its_numbers_are_right(
    producer: Producer, desk: Desk, pool: asyncpg.Pool
):
    await win(producer, "1")
    await copy_rows_without_sequences(pool)
    game = GameService(source="telegram", rewards=producer, think=lambda low, high: 7)

    assert isinstance(await game.guess(1001, 7, entity_id="2"), Owed)

    for table in COUNTED:
        await pool.execute(catch_up(table))
    assert isinstance(await game.guess(1001, 7, entity_id="3"), Won)
    assert await desk.xp("telegram") == 5 + XP_PER_WIN


async def test_the_consumers_login_notices_it_too(
    producer: Producer, pool: asyncpg.Pool, database_url: str, prefix: str
):
    await win(producer, "1")
    await copy_rows_without_sequences(pool)
    name = f"behind_{prefix.split(':')[1]}"
    make_roles(database_url, prefix=name)

    async with pool.acquire() as conn:
        await conn.execute(f"SET ROLE {name}_consumers")
        try:
            behind = await status.sequences_behind(conn)
        finally:
            await conn.execute("RESET ROLE")

    assert behind == ["members", "sync_events", "transactions"]


async def test_every_counted_table_is_known(pool: asyncpg.Pool):
    rows = await pool.fetch(
        """
        SELECT c.relname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'twinstream'::regnamespace AND a.attidentity <> ''
            AND a.attname = 'id' -- the number of a forgotten account orders them, and is no key
        ORDER BY c.relname
        """
    )

    assert [name for (name,) in rows] == list(COUNTED)
