"""`python -m launch forgotten apply`: a restored backup does not bring forgotten people back."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from bus import Keys
from config import Settings
from consumers.forgetting.role import Forgetting
from consumers.runtime.resources import open_resources
from db import DatabaseUnfit, open_pool
from db.members import accounts, forgetting, forgotten_list
from launch import forgotten_people
from tests.integration.consumers.conftest import community as community  # the fixture
from tests.support.recorded_events import Record, record, settle, xp

SECRET = "a secret of the deployment"
ID, GONE, OTHER = 7_712_345_671, 7_712_345_677, 7_712_345_679
NAME = "Zaphod Beeblebrox"


@pytest.fixture
def settings(redis_server, database_url: str, tmp_path: Path, checkout: Path) -> Settings:
    return Settings(
        redis_url=redis_server.url,
        database_url=database_url,
        forget_secret=SECRET,
        twinstream_forgotten_list=str(tmp_path / "forgotten.jsonl"),
        twinstream_config=str(checkout / "sandbox" / "twinstream.toml"),
    )


def beside(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def everything(pool: asyncpg.Pool) -> str:
    tables = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'twinstream'")
    rows = []
    for (table,) in tables:
        rows += await pool.fetch(f"SELECT t::text AS row FROM twinstream.{table} AS t")
    return "\n".join(row["row"] for row in rows)


async def forget(settings: Settings, community, stop, keys, *account_ids: int) -> None:
    async with open_resources(settings, community, stop, keys=keys) as resources:
        role = Forgetting(resources, undress_s=0)
        for account_id in account_ids:
            async with resources.pool.acquire() as conn:
                await forgetting.ask(conn, "telegram", account_id)
        for _ in range(4 * len(account_ids)):
            await role.step()
        assert not await resources.pool.fetchval("SELECT count(*) FROM forget_requests")


async def test_a_restored_backup_does_not_bring_anybody_back(
    settings: Settings, community, prefix, database_url: str
):
    stop, keys = asyncio.Event(), Keys(prefix)
    old = [xp(50, "1", user_id=ID), xp(5, "1", user_id=OTHER)]
    pool = await open_pool(database_url, name="test")
    await record(pool, *old)
    await settle(pool, old[0])
    async with pool.acquire() as conn:
        await accounts.remember_name(conn, "telegram", ID, NAME)
    await pool.close()
    name = urlsplit(database_url).path[1:]
    admin = await asyncpg.connect(beside(database_url, "postgres"))
    await admin.execute(f'CREATE DATABASE "{name}_restored" TEMPLATE "{name}"')
    await forget(settings, community, stop, keys, ID, GONE)
    restored = msgspec.structs.replace(
        settings, database_url=beside(database_url, f"{name}_restored")
    )
    try:
        with pytest.raises(DatabaseUnfit, match="python -m launch forgotten apply"):
            async with open_resources(restored, community, stop, keys=keys):
                pass
        said: list[str] = []

        await forgotten_people.apply(restored, said.append)
        await forgotten_people.apply(restored, said.append)

        assert "1 accounts were forgotten again, 1 are not" in said[0]
        assert "0 accounts were forgotten again, 0 are not" in said[1]
        async with open_resources(restored, community, stop, keys=keys) as resources:
            pool = resources.pool
            # The streams of the test have nothing of them; the requests are met at once.
            for _ in range(4):
                await Forgetting(resources).step()
            left = await everything(pool)
            assert str(ID) not in left
            assert NAME not in left
            assert str(OTHER) in left
            [again] = await record(pool, old[0], forget_secret=SECRET)
            assert not again.created
            assert await Record(pool).discrepancies() == []
        assert len(forgotten_list.read(Path(settings.twinstream_forgotten_list or ""))) == 2
    finally:
        await admin.execute(f'DROP DATABASE "{name}_restored" WITH (FORCE)')
        await admin.close()
