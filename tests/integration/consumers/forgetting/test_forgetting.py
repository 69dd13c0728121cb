"""The role `forgetting`: a request goes through Postgres, the list and Redis, whatever dies."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from bus import SOURCES
from config import Settings
from consumers.cleanup.role import Cleanup
from consumers.forgetting import role as forgetting_role
from consumers.forgetting.role import Forgetting
from consumers.runtime.resources import Resources, open_resources
from consumers.settling.role import Settling
from db import StorageUnavailable
from db.members import accounts, forgetting, forgotten_list
from db.pool import DatabaseUnfit
from tests.support.recorded_events import Record
from tests.support.settling import Desk
from tests.support.stream_entries import entries_in

SECRET = "a secret of the deployment"
ID, OTHER = 7_712_345_671, 7_712_345_679
NAME = "Zaphod Beeblebrox"


@pytest.fixture
def list_path(tmp_path: Path) -> Path:
    return tmp_path / "forgotten.jsonl"


@pytest.fixture
def settings(settings: Settings, list_path: Path) -> Settings:
    return msgspec.structs.replace(
        settings, forget_secret=SECRET, twinstream_forgotten_list=str(list_path)
    )


@pytest.fixture
def role(resources: Resources) -> Forgetting:
    return Forgetting(resources, undress_s=0)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def make_folder(path: Path) -> None:
    path.mkdir()


def remove_folder(path: Path) -> None:
    path.rmdir()


async def ask(pool: asyncpg.Pool, account_id: int = ID) -> None:
    async with pool.acquire() as conn:
        await forgetting.ask(conn, "telegram", account_id)


async def until_done(role: Forgetting, pool: asyncpg.Pool) -> None:
    """Work until no request is left; nothing makes it wait for another process."""
    for _ in range(20):
        await pool.execute("UPDATE forget_requests SET retry_at = NULL")
        await role.step()
        if not await pool.fetchval("SELECT count(*) FROM forget_requests"):
            return
    raise AssertionError(await pool.fetch("SELECT * FROM forget_requests"))


async def everything(desk: Desk) -> str:
    """All tables and all streams as one text."""
    said = []
    for (table,) in await desk.pool.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'twinstream'"
    ):
        rows = await desk.pool.fetch(f"SELECT t::text AS row FROM twinstream.{table} AS t")
        said += [f"{table} {row['row']}" for row in rows]
    for stream in (
        *map(desk.keys.stream, SOURCES),
        *(desk.keys.dead, desk.keys.snapshots.stream),
    ):
        said += [f"{stream} {fields}" for _, fields in await entries_in(desk.redis, stream)]
    return "\n".join(said)


async def play(resources: Resources, producer: Any) -> None:
    """A member who plays, whose last event is still on its way; an entry of theirs was buried."""
    for n in range(3):
        await producer.create_xp_change_event(
            user_id=ID, delta_xp=20, source="telegram", reason="game", entity_id=str(n)
        )
    async with resources.pool.acquire() as conn:
        await accounts.remember_name(conn, "telegram", ID, NAME)
    settling = Settling("telegram", resources)
    await settling.step()
    desk_payload = json.dumps({"type": "odd", "user_id": ID, "name": NAME}).encode()
    await resources.redis.xadd(resources.keys.stream("telegram"), {"e": desk_payload})
    await settling.step()
    await producer.create_xp_change_event(
        user_id=ID, delta_xp=5, source="telegram", reason="game", entity_id="last"
    )
    await producer.create_xp_change_event(
        user_id=OTHER, delta_xp=5, source="telegram", reason="game", entity_id="1"
    )


async def test_nothing_is_left_in_tables_streams_and_logs(
    resources: Resources, producer, role, desk: Desk, list_path: Path
):
    await play(resources, producer)
    assert str(ID) in await everything(desk)
    assert NAME in await everything(desk)
    await ask(resources.pool)

    with capture_logs() as logs:
        await until_done(role, resources.pool)
        await Settling("telegram", resources).step()
        await Cleanup(resources).step()

    said = await everything(desk)
    assert str(ID) not in said
    assert NAME not in said
    assert str(OTHER) in said
    assert str(ID) not in str(logs)
    assert NAME not in str(logs)
    [line] = lines(list_path)
    assert str(ID) not in line
    assert await Record(resources.pool).discrepancies() == []


async def test_copies_that_come_after_it_count_for_nobody(
    resources: Resources, producer, role, desk: Desk
):
    await play(resources, producer)
    entries = await entries_in(desk.redis, desk.keys.stream("telegram"))
    copies = [bytes(fields[b"e"]) for _, fields in entries]
    await ask(resources.pool)
    await until_done(role, resources.pool)
    total = await desk.total_xp("discord")

    await desk.add("telegram", *(copy for copy in copies if b"odd" not in copy))
    with capture_logs() as logs:
        for _ in range(3):
            await Settling("telegram", resources).step()

    # The event of the other member has arrived meanwhile, and nothing else.
    assert await desk.total_xp("discord") in (total, total + 5)
    assert (
        await resources.pool.fetchval("SELECT count(*) FROM accounts WHERE account_id = $1", ID)
        == 0
    )
    assert "entries.buried" not in {line["event"] for line in logs}
    assert await desk.failures() == {}


async def test_new_events_of_the_account_stay_on_their_stream(
    resources: Resources, producer, role, desk: Desk
):
    await play(resources, producer)
    await ask(resources.pool)
    await role.step()
    await producer.create_xp_change_event(
        user_id=ID, delta_xp=9, source="telegram", reason="game", entity_id="new"
    )

    await until_done(role, resources.pool)
    await Settling("telegram", resources).step()

    assert await desk.xp("discord", user_id=ID) == 9


STEPS = (
    "forgetting.undress",
    "forgetting.forget",
    "forgotten_list.append",
    "forget_pages",
    "forget_entries",
    "forgetting.finish",
)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_process_that_dies_is_followed_by_one_that_goes_on(
    resources: Resources, producer, desk: Desk, list_path, monkeypatch, step, before
):
    await play(resources, producer)
    await ask(resources.pool)
    place: Any = forgetting_role
    *path, name = step.split(".")
    for part in path:
        place = getattr(place, part)
    real = getattr(place, name)

    class Died(BaseException):
        pass

    def die(*arguments: Any, **more: Any) -> Any:
        if before:
            raise Died
        done = real(*arguments, **more)
        if not hasattr(done, "__await__"):
            raise Died

        async def die_after() -> None:
            await done
            raise Died

        return die_after()

    monkeypatch.setattr(place, name, die)
    first = Forgetting(resources, undress_s=0)
    with pytest.raises(Died):
        await until_done(first, resources.pool)
    monkeypatch.setattr(place, name, real)

    await until_done(Forgetting(resources, undress_s=0), resources.pool)

    said = await everything(desk)
    assert str(ID) not in said
    assert len({json.loads(line)["mark"] for line in lines(list_path)}) == 1
    assert await Record(resources.pool).discrepancies() == []


async def test_the_platforms_take_off_what_they_show_first(resources: Resources, producer, desk):
    await play(resources, producer)
    pool = resources.pool
    await ask(pool)
    role = Forgetting(resources, undress_s=600)

    await role.step()

    wanted = "SELECT max(wanted) FROM surfaces JOIN accounts USING (member_id, platform)"
    assert await pool.fetchval(f"{wanted} WHERE account_id = {ID}") == 0
    assert await pool.fetchval("SELECT count(*) FROM accounts WHERE account_id = $1", ID) == 1
    await pool.execute("UPDATE surfaces SET shown = 0, shown_at = now(), unconfirmed = NULL")
    await until_done(role, pool)
    assert await pool.fetchval("SELECT count(*) FROM accounts WHERE account_id = $1", ID) == 0


async def test_without_the_secret_requests_wait_and_the_log_says_so_once(
    resources: Resources, producer
):
    await play(resources, producer)
    await ask(resources.pool)
    settings = msgspec.structs.replace(resources.settings, forget_secret=None)
    role = Forgetting(_with(resources, settings))
    with capture_logs() as logs:
        await role.step()
        await role.step()
    assert [line["event"] for line in logs] == ["people.not_forgotten"]


async def test_a_refusal_is_told_and_tried_again_later(resources: Resources, producer):
    await play(resources, producer)
    await ask(resources.pool, OTHER)
    await until_done(Forgetting(resources, undress_s=0), resources.pool)
    await ask(resources.pool)
    settings = msgspec.structs.replace(resources.settings, forget_secret="quite another secret")
    role = Forgetting(_with(resources, settings), undress_s=0)
    await role.step()
    async with resources.pool.acquire() as conn:
        [failed] = await forgetting.failed(conn)
    assert failed.account_id == ID
    assert "another secret" in failed.error


def _with(resources: Resources, settings: Settings) -> Resources:
    return dataclasses.replace(resources, settings=settings)


async def test_a_restored_database_is_refused_until_the_list_is_applied(
    resources: Resources, producer, settings, community, stop, keys, list_path, database_url
):
    pool = resources.pool
    await play(resources, producer)
    mark = "f" * 64
    forgotten_list.append(
        list_path,
        [forgotten_list.Mark(mark, (await pool.fetchval("SELECT now()")))],
    )

    with pytest.raises(DatabaseUnfit, match="launch forgotten apply"):
        async with open_resources(settings, community, stop, keys=keys):
            pass

    async with pool.acquire() as conn:
        missing = await forgotten_list.missing(conn, forgotten_list.read(list_path))
        await forgotten_list.note(conn, missing, secret=SECRET)
    async with open_resources(settings, community, stop, keys=keys):
        pass


async def test_a_list_that_cannot_be_written_holds_up_the_end_of_a_request(
    resources: Resources, producer, list_path: Path
):
    await play(resources, producer)
    role = Forgetting(resources, undress_s=0)
    await ask(resources.pool)
    await role.step()
    make_folder(list_path)
    with pytest.raises(StorageUnavailable, match="TWINSTREAM_FORGOTTEN_LIST"):
        await role.step()
    assert await resources.pool.fetchval("SELECT count(*) FROM forget_requests") == 1
    remove_folder(list_path)
    await until_done(role, resources.pool)
    assert len(lines(list_path)) == 1
