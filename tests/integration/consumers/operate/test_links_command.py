"""`python -m consumers links`: the owner sees links, changes them, and every act is on record."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest

from tests.support.processes import BARE_ENVIRONMENT, run
from tests.support.recorded_events import record, settle, xp

TG, DC = 1001, 2002
TELEGRAM, DISCORD = f"telegram:{TG}", f"discord:{DC}"


@pytest.fixture
def servers(checkout, redis_server, database_url) -> Mapping[str, str]:
    return {
        "REDIS_URL": redis_server.url,
        "DATABASE_URL": database_url,
        "TWINSTREAM_CONFIG": str(checkout / "sandbox" / "twinstream.toml"),
    }


async def command(servers: Mapping[str, str], *words: str) -> Any:
    environ = {**BARE_ENVIRONMENT, "COLUMNS": "200", **servers}
    return await asyncio.to_thread(run, "consumers", "links", *words, environ=environ)


async def totals(pool: asyncpg.Pool, platform: str, account_id: int) -> int:
    count: int = await pool.fetchval(
        "SELECT m.xp FROM members AS m JOIN accounts AS a ON a.member_id = m.id"
        " WHERE a.platform = $1 AND a.account_id = $2",
        platform,
        account_id,
    )
    return count


async def test_the_owner_sees_and_changes_links(servers, pool):
    for one in (xp(20), xp(15, user_id=DC, source="discord")):
        source = one.event.source
        await record(pool, one, source=source)
        await settle(pool, one, source=source)

    one_sided = await command(servers, "one-sided")
    linked = await command(servers, "link", TELEGRAM, DISCORD, "--reason", "asked in person")
    seen = await command(servers, "see", TELEGRAM)
    assert await totals(pool, "discord", DC) == 35
    undone = await command(servers, "undo", DISCORD, "--reason", "mistake")
    assert await totals(pool, "discord", DC) == 15
    moved = await command(servers, "move", TELEGRAM, "telegram:1003", "--reason", "lost phone")
    forbidden = await command(servers, "forbid", DISCORD, "--reason", "spam")
    refused = await command(servers, "link", "telegram:1003", DISCORD, "--reason", "again")
    acts = await command(servers, "acts", "telegram")

    assert TELEGRAM in one_sided.stdout
    assert DISCORD in one_sided.stdout
    assert "one member now; both are told" in linked.stdout
    assert DISCORD in seen.stdout
    assert "20 XP, 0 coins" in seen.stdout
    assert "asked in person" in seen.stdout
    assert "is undone" in undone.stdout
    assert "goes on with telegram:1003" in moved.stdout
    assert "may not link any more" in forbidden.stdout
    assert refused.returncode == 2
    assert (
        "nothing was changed: an administrator does not let the discord account" in refused.stderr
    )
    for reason in ("asked in person", "mistake", "lost phone", "spam"):
        assert reason in acts.stdout
    assert "again" not in acts.stdout
    assert await totals(pool, "telegram", 1003) == 20


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("see", "1001"), "1001 names no account: write telegram:1001 or discord:2001"),
        (("see", "telegram:0"), "telegram:0 names no account"),
        (("unlink", TELEGRAM), "--reason"),
        (("undo", TELEGRAM, "--reason", "x"), "telegram:1001 was never linked"),
        (("link", DISCORD, TELEGRAM, "--reason", "x"), "name an account on Telegram first"),
        (("move", TELEGRAM, DISCORD, "--reason", "x"), "between two accounts of one platform"),
    ],
)
async def test_unfit_use_is_one_sentence(servers, words, sentence):
    refused = await command(servers, *words)

    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
