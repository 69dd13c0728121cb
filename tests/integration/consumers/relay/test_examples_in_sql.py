"""The examples that record events in SQL, as processes: what they promise, and what arrives."""

import asyncio
import re
import sys
from pathlib import Path

import asyncpg
import pytest

from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from db import Platform
from tests.support.forked_processes import IS_POSSIBLE, run_forked
from tests.support.node_programs import install
from tests.support.patience import PATIENCE_S
from tests.support.processes import CHECKOUT, environment
from tests.support.settling import Desk

GAME = CHECKOUT / "examples/game_with_psycopg/game.py"
SHOP = CHECKOUT / "examples/shop_with_django/shop.py"
TIPS = CHECKOUT / "examples/tips_with_node"
MEMBER = 1001
#: Next to each other as numbers, and the same number for JavaScript.
GIVER, TAKER = 700_000_000_000_000_001, 700_000_000_000_000_000


async def run(database_url: str, *command: str | Path | int) -> tuple[int | None, str]:
    """Run a program to its end; return its exit code and what it printed."""
    environ = environment(DATABASE_URL=database_url)
    program, *arguments = map(str, command)
    if program.endswith(".py") and IS_POSSIBLE:
        done = await asyncio.to_thread(run_forked, program, *arguments, environ=environ)
        return done.returncode, (done.stdout + done.stderr).strip()
    interpreter = [sys.executable] if program.endswith(".py") else []
    process = await asyncio.create_subprocess_exec(
        *(*interpreter, program, *arguments),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        printed, _ = await process.communicate()
    return process.returncode, printed.decode().strip()


@pytest.fixture
async def pool_with(pool: asyncpg.Pool, request: pytest.FixtureRequest) -> asyncpg.Pool:
    """A pool on a database with the tables of an example."""
    await pool.execute((CHECKOUT / "examples" / request.param / "schema.sql").read_text())
    return pool


@pytest.fixture(scope="session")
def tip_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program for Node, beside the packages that its lock file names."""
    return install(TIPS, tmp_path_factory.mktemp("node")) / "tip.js"


async def give(pool: asyncpg.Pool, source: Platform, user_id: int, coins: int) -> None:
    await pool.execute(
        "SELECT twinstream.record_balance($1, $2, $3, 'gift', '1')", source, user_id, coins
    )


async def origin_entries(pool: asyncpg.Pool) -> list[tuple[str, int, int, int]]:
    """(reason, account, XP, balance) of the events that an example recorded, in order."""
    rows = await pool.fetch(
        "SELECT reason, account_id, delta_xp, delta_balance FROM transactions"
        " WHERE reason <> 'gift' AND platform = source ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def opposite_balances(resources: Resources, source: Platform) -> dict[int, int]:
    """Let the relay and the consumer work; return the opposite books by account."""
    published = await Relay(resources).step()
    assert await Settling(source, resources).step() == published
    rows = await resources.pool.fetch(
        "SELECT a.account_id, s.balance FROM twinstream.sync_state AS s"
        " JOIN twinstream.accounts AS a USING (member_id)"
        " WHERE a.platform = $1 AND s.platform <> $1",
        source,
    )
    return dict(rows)


@pytest.mark.parametrize("pool_with", ["game_with_psycopg"], indirect=True)
async def test_a_round_that_psycopg_records_arrives_in_discord(
    pool_with, database_url, resources, desk: Desk
):
    def play(*arguments: int):
        return run(database_url, GAME, MEMBER, *arguments)

    assert await play(1) == (1, "You cannot pay for this round.")
    assert await origin_entries(pool_with) == []  # the XP went with the transaction
    await give(pool_with, "telegram", MEMBER, 12)

    assert await play(1) == (0, "You won 15 XP.")
    assert await play(1) == (0, "This round counted already.")
    assert await play(1, 6) == (1, "This round was played already, at another cost.")
    assert await play(2, 8) == (1, "You cannot pay for this round.")

    events = [("game", MEMBER, 15, 0), ("game", MEMBER, 0, -5)]
    assert await origin_entries(pool_with) == events
    assert await pool_with.fetch("SELECT id, user_id FROM rounds") == [("1", MEMBER)]
    assert await opposite_balances(resources, "telegram") == {MEMBER: 7}
    assert await desk.xp("discord") == 15


@pytest.mark.parametrize("pool_with", ["shop_with_django"], indirect=True)
async def test_a_purchase_that_django_records_arrives_in_discord(
    pool_with, database_url, resources, desk: Desk
):
    def buy(*arguments: int):
        return run(database_url, SHOP, MEMBER, *arguments)

    assert await buy(1, 30) == (0, "This order is refused.")
    assert await pool_with.fetch("SELECT * FROM orders") == [("1", MEMBER, 30, "refused")]
    assert await origin_entries(pool_with) == []  # the XP went with the savepoint
    await give(pool_with, "telegram", MEMBER, 40)

    assert await buy(1, 30) == (0, "This order is paid.")
    assert await buy(1, 30) == (0, "This order was paid already.")
    assert await buy(1, 5) == (0, "This order was paid already, at another price.")
    assert await buy(2, 11) == (0, "This order is refused.")

    assert await origin_entries(pool_with) == [
        ("purchase", MEMBER, 10, 0),
        ("shop", MEMBER, 0, -30),
    ]
    assert await pool_with.fetch("SELECT * FROM orders ORDER BY id") == [
        ("1", MEMBER, 30, "paid"),
        ("2", MEMBER, 11, "refused"),
    ]
    assert await opposite_balances(resources, "telegram") == {MEMBER: 10}
    assert await desk.xp("discord") == 10


@pytest.mark.parametrize("pool_with", ["tips_with_node"], indirect=True)
async def test_a_tip_that_node_records_arrives_in_telegram(
    pool_with, database_url, resources, tip_program: Path
):
    def tip(amount: int, interaction: int):
        return run(database_url, "node", tip_program, GIVER, TAKER, amount, interaction)

    assert await tip(5, 1) == (1, "You have less than that.")
    assert await origin_entries(pool_with) == []
    await give(pool_with, "discord", GIVER, 12)

    assert await tip(5, 1) == (0, "Your tip has arrived.")
    assert await tip(5, 1) == (0, "This tip was given already.")
    assert await tip(6, 1) == (1, "This tip was given already, with another amount.")
    assert await tip(8, 2) == (1, "You have less than that.")

    assert sorted(await origin_entries(pool_with)) == [
        ("tip_given", GIVER, 0, -5),
        ("tip_taken", TAKER, 0, 5),
    ]
    assert await pool_with.fetch("SELECT * FROM tips") == [("1", GIVER, TAKER, 5)]
    assert await opposite_balances(resources, "discord") == {GIVER: 7, TAKER: 5}


@pytest.mark.parametrize(
    "page", ["README.md", "README.ru.md", "docs/integrate.md", "docs/ru/integrate.md"]
)
async def test_the_line_on_the_pages_records_xp(pool: asyncpg.Pool, page: str):
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    [line] = re.findall(r"^SELECT \* FROM twinstream\.record.*$", text, re.MULTILINE)

    assert tuple(await pool.fetchrow(line))[::2] == ("tg_game_guess_12345_67890", True)


async def test_the_page_lists_the_functions_as_they_are(pool: asyncpg.Pool):
    """`idempotency_key` and `forget_secret` have lines of their own."""
    page = (CHECKOUT / "docs/integrate.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(record\w*)\((.*)\)` \|", page, re.MULTILINE))

    functions = await pool.fetch(
        """
        SELECT proname, array_to_string(proargnames[:pronargs], ', '), proargnames[pronargs + 1:]
        FROM pg_proc WHERE proname = ANY ($1) AND pronamespace = 'twinstream'::regnamespace
        """,
        list(listed),
    )
    own = re.compile("(, idempotency_key)?, forget_secret$")
    shown = {
        name: given if name == "record" else own.sub("", given) for name, given, _ in functions
    }
    assert shown == listed
    assert [given for *_, given in functions] == [["key", "member_id", "created"]] * 4


async def test_the_page_lists_the_refusals_by_their_names():
    migration = (CHECKOUT / "db/migrations/20261129000008_record.sql").read_text(encoding="utf-8")
    raised = set(re.findall(r"CONSTRAINT = '(\w+)'", migration))
    page = (CHECKOUT / "docs/integrate.md").read_text(encoding="utf-8")

    assert {name for name in raised if f"`{name}`" not in page} == set()
    assert len(raised) >= 5


async def test_the_page_lists_the_reserved_keys(pool: asyncpg.Pool):
    page = (CHECKOUT / "docs/integrate.md").read_text(encoding="utf-8")
    [sentence] = re.findall(r"^Reserved are keys that begin with (.*?), and those", page, re.M)

    source = await pool.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'is_reserved'")
    assert re.findall(r"`(.*?)`", sentence) == re.findall(r"starts_with\(key, '(.*?)'\)", source)
