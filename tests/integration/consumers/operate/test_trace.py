"""`trace`: the life of one event from Postgres, Redis and the logs."""

import io
import json
from pathlib import Path

import msgspec
import pytest

from bus import search
from config import Settings
from config.outside_text.terminal import Terminal
from consumers.operate import trace
from consumers.settling.role import Settling
from db.members import accounts
from tests.support.settling import xp_payload

KEY = "tg_game_guess_1001_1"
ENTRY_ID = "1764385960123-0"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return msgspec.structs.replace(settings, twinstream_run_dir=str(tmp_path))


async def traced(settings: Settings, keys, key: str = KEY) -> tuple[int, str]:
    output = io.StringIO()
    code = await trace.run(settings, Terminal(file=output, width=80), key, keys=keys)
    return code, output.getvalue()


async def test_a_settled_event_is_told_from_both_servers_in_the_order_of_time(
    settings, keys, resources, producer, pool, tmp_path
):
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game_guess", entity_id="1"
    )
    async with pool.acquire() as conn:
        await accounts.remember_name(conn, "telegram", 1001, "Mira")
    await Settling("telegram", resources).step()
    logs = tmp_path / "sandbox" / "logs"
    logs.mkdir(parents=True)
    line = {"event": "win.paid", "timestamp": "2020-01-01T00:00:00Z", "level": "info", "key": KEY}
    (logs / "telegram-bot.log").write_text(f"nothing\n{json.dumps(line)}\n")

    code, said = await traced(settings, keys)

    assert code == 0
    order = [
        f"telegram-bot win.paid key={KEY}",
        "on telegram: +15 XP for telegram account 1001 (Mira), member",
        "(xp.changed of telegram) is recorded",
        f"was added to {keys.stream('telegram')}",
        "on discord: +15 XP for telegram account 1001 (Mira), member",
        "has the status completed",
        "is acknowledged",
    ]
    places = [said.index(part) for part in order]
    assert places == sorted(places), said
    assert "rank on telegram: wanted 1 (Newcomer)" in said


async def test_an_entry_in_work_says_which_consumer_has_it(settings, keys, resources, desk):
    await desk.add("telegram", xp_payload(5))
    await desk.deliver("telegram", "to-discord-7", 2)

    _, said = await traced(settings, keys)

    assert "is with to-discord-7, which has not acknowledged it" in said
    assert "delivered 2 times" in said


async def test_a_buried_event_says_why_and_an_unread_one_that_no_consumer_has_it(
    settings, keys, resources, desk
):
    await desk.add("telegram", xp_payload(5), xp_payload(6))  # one key, two amounts
    await Settling("telegram", resources).step()
    await desk.add("telegram", xp_payload(5))

    code, said = await traced(settings, keys)

    assert code == 0
    assert "dead letter of entry" in said
    assert "is delivered to no consumer yet" in said


async def test_a_key_that_no_place_knows_is_said_to_be_unknown(settings, keys, resources):
    code, said = await traced(settings, keys, "tg_game_guess_1_404\x1b[2J")

    assert code == 1
    assert said.startswith("tg_game_guess_1_404\\x1b[2J: no place knows of it")


async def test_without_redis_the_record_is_told_all_the_same(settings, keys, resources, producer):
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game_guess", entity_id="1"
    )
    away = msgspec.structs.replace(settings, redis_url="redis://me:secret@127.0.0.1:1/0")

    code, said = await traced(away, keys)

    assert code == 0
    assert "is recorded" in said
    assert "Redis     cannot be asked: " in said
    assert "secret" not in said


async def test_a_longer_key_and_a_longer_entry_id_are_other_events(
    settings, keys, resources, tmp_path
):
    stream = keys.stream("telegram")
    await resources.redis.xadd(stream, {"e": f'"{KEY}"'}, id="1764385960123-1")
    dead = {"e": f"of {KEY}1", "id": "1-1", "reason": "the other one"}
    await resources.redis.xadd(keys.dead, dead)
    logs = tmp_path / "sandbox" / "logs"
    logs.mkdir(parents=True)
    (logs / "bot.log").write_text(
        f'"{KEY}7" no\n"x{KEY}" no\nat 1764385960123-10 no\n{KEY}: yes, key\n'
        f'"a\\n{KEY}" yes, escape\nat 1764385960123-1. yes, id\n'
    )

    _, said = await traced(settings, keys)

    assert "the other one" not in said
    assert " no\n" not in said
    for one in ("yes, key", "yes, escape", "yes, id"):
        assert one in said


async def test_an_entry_is_found_however_many_were_added_before_it(
    settings, keys, resources, producer, monkeypatch
):
    monkeypatch.setattr(search, "SEARCHED_MAX", 10)
    monkeypatch.setattr(search, "_PAGE", 5)
    for _ in range(30):
        await resources.redis.xadd(keys.stream("telegram"), {"e": "another event's"})
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game_guess", entity_id="1"
    )

    _, said = await traced(settings, keys)

    assert "was added to" in said


async def test_a_key_is_not_called_unknown_where_a_place_could_not_be_asked(
    settings, keys, resources, tmp_path
):
    away = msgspec.structs.replace(settings, redis_url="redis://me:secret@127.0.0.1:1/0")

    code, said = await traced(away, keys)

    assert code == 2
    assert said.startswith(f"{KEY}: not found, and not every place could be asked")

    (tmp_path / "sandbox" / "logs" / "bot.log").mkdir(parents=True)

    code, said = await traced(settings, keys)

    assert code == 2
    assert "its log cannot be read" in said
