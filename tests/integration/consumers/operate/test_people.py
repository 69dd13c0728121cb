"""`python -m consumers forget` and `export`, for a person who wrote an e-mail."""

import io
import json
from pathlib import Path

import msgspec
import pytest

from config import ConfigError, Settings
from config.outside_text.terminal import Terminal
from consumers.operate import people
from consumers.operate.people import read_account
from db.members.forgetting import Account
from tests.support.recorded_events import record, xp

ID = 7_712_345_671
ACCOUNT = Account("telegram", ID)


@pytest.fixture
def settings(own_redis_url: str, database_url: str, checkout: Path) -> Settings:
    return Settings(
        redis_url=own_redis_url,
        database_url=database_url,
        forget_secret="a secret of the deployment",
        twinstream_config=str(checkout / "sandbox" / "twinstream.toml"),
    )


@pytest.fixture
def console() -> Terminal:
    return Terminal(file=io.StringIO(), width=100)


def said(console: Terminal) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined]


async def test_an_owner_forgets_a_person_after_a_confirmation(settings, pool, console):
    await record(pool, xp(50, "1", user_id=ID))
    asked: list[str] = []

    def answer(question: str) -> bool:
        asked.append(question)
        return len(asked) > 1

    assert await people.forget(settings, console, ACCOUNT, confirm=answer) == 1
    assert await pool.fetchval("SELECT count(*) FROM accounts WHERE account_id = $1", ID) == 1
    await pool.execute("UPDATE surfaces SET parked = 'absent', error = 'x', retry_at = now()")
    assert await people.forget(settings, console, ACCOUNT, confirm=answer) == 0

    assert "50 XP" in said(console)
    assert "Nothing was changed." in said(console)
    assert "Forgotten." in said(console)
    assert await pool.fetchval("SELECT count(*) FROM accounts WHERE account_id = $1", ID) == 0


async def test_an_owner_writes_what_is_stored_to_a_file_of_their_own(
    settings, pool, console, tmp_path: Path
):
    await record(pool, xp(50, "1", user_id=ID))
    file = tmp_path / "person.json"

    assert await people.export(settings, console, ACCOUNT, file) == 0
    nobody = Account("telegram", 5)
    assert await people.export(settings, console, nobody, None) == 1

    assert json.loads(file.read_bytes())["totals"]["xp"] == 50
    assert file.stat().st_mode & 0o077 == 0
    assert "Nothing is stored about telegram:5." in said(console)


async def test_without_a_secret_the_command_says_which_one(settings, console):
    settings = msgspec.structs.replace(settings, forget_secret=None)
    with pytest.raises(ConfigError, match="FORGET_SECRET is not set"):
        await people.forget(settings, console, ACCOUNT, confirm=lambda _: True)


@pytest.mark.parametrize("written", ["1001", "telegram:", "slack:1", "telegram:-1", "discord:0"])
def test_an_account_is_written_with_its_platform(written: str):
    assert read_account("discord:2001") == ("discord", 2001)
    with pytest.raises(ConfigError, match="names no account"):
        read_account(written)
