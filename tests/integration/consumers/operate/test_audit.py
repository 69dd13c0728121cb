"""`python -m consumers audit`: its output for an operator, and for a program."""

import io
import json
import subprocess
from pathlib import Path

import asyncpg
import pytest

import schemas
from config.outside_text.terminal import Terminal
from consumers.operate import audit as command
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.upkeep.audit import audit
from db.upkeep.audit_queries import BY_LEDGER
from tests.support import processes
from tests.support.processes import CHECKOUT, environment
from tests.support.settling import NOON, xp_payload


@pytest.fixture
def environ(database_url: str) -> dict[str, str]:
    """An audit asks nothing of Redis."""
    toml = CHECKOUT / "sandbox" / "twinstream.toml"
    return environment(DATABASE_URL=database_url, TWINSTREAM_CONFIG=str(toml))


@pytest.fixture
async def history(pool: asyncpg.Pool) -> asyncpg.Pool:
    envelopes = []
    for number in range(30):
        payload = xp_payload(1, user_id=1 + number, entity_id=str(number), occurred_at=NOON)
        envelopes.append(Envelope(schemas.decode(payload), payload))
    async with pool.acquire() as conn, conn.transaction():
        await events.record(conn, "telegram", envelopes)
    async with pool.acquire() as conn, conn.transaction():
        await events.settle(conn, "discord", "telegram", envelopes)
    return pool


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return processes.run("consumers", "audit", *arguments, environ=environ)


async def shown(pool: asyncpg.Pool) -> str:
    async with pool.acquire() as conn:
        found = await audit(conn, {})
    output = io.StringIO()
    command.show(found, Terminal(file=output, width=160))
    return output.getvalue()


async def test_it_exits_0_when_everything_adds_up(history: asyncpg.Pool, environ: dict[str, str]):
    done = run(environ)

    assert done.returncode == 0, done.stderr
    assert "Everything adds up" in done.stdout


async def test_it_exits_1_and_a_program_can_read_why(
    history: asyncpg.Pool, environ: dict[str, str]
):
    await history.execute("UPDATE sync_state SET xp = 9 WHERE platform = 'discord'")

    done = run(environ, "--json")

    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["equal"] is False
    assert document["differences"] == 30
    [books] = [check for check in document["checks"] if check["name"] == "books"]
    assert books["different"] == 30
    assert len(books["examples"]) == 20
    assert books["examples"][0]["expected"] == "1 XP, 0 balance"


async def test_a_table_of_members_that_is_set_is_audited_too(
    history: asyncpg.Pool, environ: dict[str, str], tmp_path: Path
):
    await history.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)")
    await history.execute("INSERT INTO users SELECT g, 1, 0 FROM generate_series(1, 30) AS g")
    toml = tmp_path / "twinstream.toml"
    toml.write_text(
        (CHECKOUT / "sandbox" / "twinstream.toml").read_text()
        + '\n[stores.telegram]\ntable = "users"\n'
    )
    environ |= {"TWINSTREAM_CONFIG": str(toml)}
    assert run(environ).returncode == 0

    await history.execute("UPDATE users SET balance = 2 WHERE id = 7")

    done = run(environ, "--json")
    assert done.returncode == 1
    store = json.loads(done.stdout)["checks"][-1]
    assert store["name"] == "store of telegram"
    assert [one["what"] for one in store["examples"]] == ["account 7 on telegram"]


async def test_people_read_a_table_and_the_first_differences(history: asyncpg.Pool):
    assert "Everything adds up" in await shown(history)

    await history.execute("UPDATE members SET balance = 5")

    text = await shown(history)
    assert "totals: 30 differences, the first 20" in text
    assert "1 XP, 5 balance" in text
    assert "30 differences: `make reconcile`" in text


def test_each_check_of_the_ledger_is_explained():
    assert command.PROVES.keys() == BY_LEDGER.keys()


def test_without_an_address_it_says_what_is_missing(environ: dict[str, str]):
    done = run({**environ, "DATABASE_URL": ""})

    assert done.returncode == 2
    assert done.stderr.startswith("DATABASE_URL is not set")
