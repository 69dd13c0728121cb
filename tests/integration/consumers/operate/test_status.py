"""The operator's screen: what it says of servers, streams, findings, bots and locks."""

import asyncio
import contextlib
import io
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
import pytest

from bots.runtime.supervisor import Supervisor
from config import Settings
from config.outside_text.terminal import Terminal
from consumers.operate.status import advice, command, looking, screen
from consumers.operate.status.advice import advise
from consumers.operate.status.observation import ConsumerState
from consumers.settling.role import Settling
from db.surfaces import BACKFILL, LIVE
from db.upkeep import bot_connections, overview
from tests.integration.consumers.operate.test_history_import_command import hold
from tests.support.settling import edited, until, xp_payload

HOSTILE = "[/x] \x1b[2J\u202e" + "because " * 60


@pytest.fixture
async def well(resources, pool) -> None:
    """Both streams have a reader and both bots are connected."""
    for source in ("telegram", "discord"):
        await Settling(source, resources).step()
        await bot_connections.report(pool, source, is_connected=True)


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A server that accepts connections and answers nothing, as one that hangs."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def with_more_settings(settings: Settings, folder: Path, lines: str) -> Settings:
    """Return settings whose file has these lines, too."""
    unchanged = Path(settings.twinstream_config).read_text(encoding="utf-8")
    changed = folder / "twinstream.toml"
    changed.write_text(f"{unchanged}\n{lines}", encoding="utf-8")
    return msgspec.structs.replace(settings, twinstream_config=str(changed))


async def shown(settings: Settings, keys, **options) -> tuple[int, str]:
    output = io.StringIO()
    code = await command.run(settings, Terminal(file=output, width=80), keys=keys, **options)
    return code, output.getvalue()


def has_shown(output: io.StringIO, words: str) -> Callable[[], Awaitable[bool]]:
    """Return a look whether these words were printed."""

    async def look() -> bool:
        return words in output.getvalue()

    return look


@pytest.mark.usefixtures("well")
async def test_a_deployment_that_is_well_says_so_in_80_columns(settings, keys):
    code, said = await shown(settings, keys)

    assert code == 0
    assert said.splitlines()[0].endswith(": well")
    for words in ("read by to-discord-1", "read by to-telegram-1", "discord: connected"):
        assert words in said
    assert max(map(len, said.splitlines())) <= 80
    assert "What to do" not in said


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.usefixtures("well")
async def test_watching_looks_again_until_it_is_ended_and_clears_only_a_terminal(
    settings, keys, pool, monkeypatch, is_terminal
):
    monkeypatch.setattr(command, "WATCH_S", 0.01)
    output = io.StringIO()
    console = Terminal(
        file=output,
        width=80,
        force_terminal=is_terminal,
        color_system=None,
        _environ={"TERM": "xterm"},
    )
    watching = asyncio.create_task(command.run(settings, console, watch=True, keys=keys))
    await until(has_shown(output, ": well"), what="the screen")

    await pool.execute(
        "INSERT INTO sync_events (idempotency_key, source, type, payload, status, error_message)"
        " VALUES ('k1', 'telegram', 'xp.changed', '{}', 'failed', 'unknown_type: x')"
    )
    await until(has_shown(output, "1 event buried"), what="the screen after a change")

    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert ("\x1b[2J" in output.getvalue()) == is_terminal


@pytest.mark.parametrize("hangs", ["redis_url", "database_url"])
@pytest.mark.usefixtures("well")
async def test_a_server_that_hangs_costs_its_own_line_only(settings, keys, hangs):
    async with silent_server() as port:
        scheme = "redis" if hangs == "redis_url" else "postgresql"
        unfit = msgspec.structs.replace(
            settings, **{hangs: f"{scheme}://me:secret@127.0.0.1:{port}/0"}
        )
        seen = await looking.look(unfit, keys=keys, answer_s=0.5)

    said = "\n".join(map(str, screen.lines(seen, advise(seen), width=80)))
    name, other = ("Redis", "Postgres") if hangs == "redis_url" else ("Postgres", "Redis")
    assert f"{name.ljust(screen.INDENT)}did not answer within 0.5 s" in said
    assert f"{other.ljust(screen.INDENT)}did not" not in said
    assert ("read by to-discord-1" in said) == (hangs == "database_url")
    assert ("last pass" in said) == (hangs == "redis_url")
    assert advise(seen)[0].what.startswith(f"{name} did not answer")
    assert "secret" not in said


@pytest.mark.usefixtures("well")
async def test_sixty_one_held_findings_are_seen_with_a_name_and_what_to_type(
    settings, keys, pool, resources
):
    await pool.execute("INSERT INTO members (id) OVERRIDING SYSTEM VALUE VALUES (70)")
    await pool.execute(
        "INSERT INTO accounts (platform, account_id, member_id, display_name)"
        " VALUES ('telegram', 1, 70, $1)",
        "Mira\u202e",
    )
    for _ in range(61):
        await hold(pool, None, platform="telegram", subject="books")
        # The constraint on a finding that stands once allows no second one of the same account.
        await pool.execute(
            "UPDATE drift SET subject_id = 100 + id, account_id = nullif(least(id, 2), 2)"
        )

    code, said = await shown(settings, keys)

    assert code == 1
    assert "held: 61 in telegram books" in said
    told = " ".join(said.split())
    assert "61 findings held and not repaired: 61 in telegram books" in told
    assert r"such as telegram account 1 (Mira\u202e)" in told
    assert "make reconcile ARGS=--dry-run" in said


@pytest.mark.usefixtures("resources")
async def test_the_most_urgent_comes_first_and_every_line_fits(settings, keys, pool):
    await pool.execute(
        """
        INSERT INTO sync_events (idempotency_key, source, type, payload, status, error_message)
        VALUES ('k1', 'telegram', 'xp.changed', '{}', 'failed', $1),
            ('k2', 'telegram', 'xp.changed', '{}', 'failed', $1)
        """,
        HOSTILE,
    )
    await bot_connections.report(pool, "telegram", is_connected=False)
    # A bot that has just begun to connect is no trouble yet.
    await pool.execute("UPDATE bot_connections SET since = since - interval '11 s'")
    ours = msgspec.structs.replace(settings, discord_token="token")

    code, said = await shown(ours, keys)

    assert code == 1
    lines = said.splitlines()
    assert max(map(len, lines)) <= 80
    assert not {"\x1b", "\u202e"} & set(said)
    asked = [line for line in lines if line[:2] in ("1.", "2.", "3.", "4.", "5.")]
    assert asked[0].startswith("1. no consumer reads")
    assert asked[-1].startswith(f"{len(asked)}. 2 events buried")
    assert any("Telegram has not answered its bot" in line for line in asked)
    assert any("the Discord bot never reported" in line for line in asked)


#: Entries of another program on Telegram's stream, and the advice of `status` on them.
BURIED: Final = {
    "no field e": ({"text": "hello"}, 'correct the sender, then `make dead ARGS="discard {id}"`'),
    "no JSON": ({"e": b"hello"}, 'correct the sender, then `make dead ARGS="discard {id}"`'),
    "forged": (
        {"e": xp_payload(15, source="discord")},
        'correct the sender, then `make dead ARGS="discard {id}"`',
    ),
    "an overdraft": ({"e": xp_payload(-20)}, "mend that, then replay"),
    "of a newer release": ({"e": edited(xp_payload(15), v=99)}, "mend that, then replay"),
}


@pytest.mark.parametrize(("fields", "asked"), BURIED.values(), ids=BURIED)
@pytest.mark.usefixtures("well")
async def test_what_cannot_be_replayed_is_to_be_discarded(
    settings, keys, resources, pool, desk, fields, asked
):
    await desk.redis.xadd(keys.stream("telegram"), fields)
    await Settling("telegram", resources).step()
    dead_id = await pool.fetchval("SELECT id FROM sync_events WHERE status = 'failed'")

    code, said = await shown(settings, keys)

    assert code == 1
    assert asked.format(id=dead_id) in " ".join(said.split())


@pytest.mark.usefixtures("well")
async def test_several_that_cannot_be_replayed_are_told_together(settings, keys, resources, desk):
    for _ in range(2):
        await desk.redis.xadd(keys.stream("telegram"), {"text": "hello"})
    await Settling("telegram", resources).step()

    _, said = await shown(settings, keys)

    told = " ".join(said.split())
    assert "2 events buried" in told
    assert 'correct the sender, then `make dead ARGS="discard ID ..."`' in told


@pytest.mark.usefixtures("well")
async def test_a_program_that_holds_members_is_named_with_the_command_that_ends_it(
    settings, keys, resources, pool, desk, database_url, monkeypatch
):
    monkeypatch.setattr(overview, "LOCKED_S", 0.0)
    await desk.add("telegram", xp_payload(5))
    await Settling("telegram", resources).step()
    other = await asyncpg.connect(database_url, server_settings={"application_name": "their bot"})
    transaction = other.transaction()
    await transaction.start()
    await other.execute("SELECT FROM twinstream.members FOR UPDATE")
    try:
        code, said = await shown(settings, keys)
    finally:
        await transaction.rollback()
        await other.close()

    assert code == 1
    told = " ".join(said.split())
    assert "members are held by process" in told
    assert "(their bot)" in told
    assert "pg_terminate_backend" in told


@pytest.mark.usefixtures("well")
async def test_what_flowed_in_the_last_minute_is_counted_by_direction(
    settings, keys, resources, desk
):
    await desk.add("telegram", xp_payload(5), xp_payload(5, entity_id="2"))
    await Settling("telegram", resources).step()

    _, said = await shown(settings, keys)

    told = " ".join(said.split())
    assert "to discord 2/min recorded, 2/min arrived; 0 unread, 0 unacknowledged" in told
    assert "to telegram 0/min recorded, 0/min arrived" in told


@pytest.mark.usefixtures("well")
async def test_a_bot_that_ended_with_a_reason_is_named_with_it(settings, keys, pool):
    await bot_connections.report(pool, "discord", is_connected=False, trouble=HOSTILE)

    code, said = await shown(settings, keys)

    assert code == 1
    told = " ".join(said.split())
    assert "discord: out of service for" in told
    assert "the Discord bot has been out of service for" in told
    assert not {"\x1b", "\u202e"} & set(said)

    await pool.execute(
        "UPDATE bot_connections SET reported_at = now() - interval '50 s' WHERE trouble IS NOT NULL"
    )
    _, said = await shown(settings, keys)

    told = " ".join(said.split())
    assert "the Discord bot has said nothing for 50 s (its last report: [/x]" in told
    await bot_connections.report(pool, "discord", is_connected=True)
    assert (await shown(settings, keys))[0] == 0


@pytest.mark.usefixtures("well")
async def test_json_holds_all_that_was_seen_on_one_line(settings, keys):
    code, said = await shown(settings, keys, as_json=True)

    told = json.loads(said)
    assert code == 0
    assert told["well"] is True
    assert told["to_do"] == []
    assert told["postgres"]["trouble"] is None
    assert [one["group"] for one in told["streams"]] == ["discord", "telegram"]
    assert [one["is_connected"] for one in told["record"]["bots"]] == [True, True]


async def test_a_bot_reports_its_connection_and_every_change_of_it(settings, community, keys, pool):
    from bots.runtime.room_services import open_services
    from bots.telegram_bot.markup import TelegramMarkup

    supervisor = Supervisor(asyncio.Event())
    answers = True

    async def reported() -> list[bool]:
        return [one.is_connected for one in await bot_connections.read(pool)]

    async def says(what: list[bool]) -> bool:
        return await reported() == what

    with supervisor.health.reported_by(lambda: answers):
        async with open_services(
            settings, community, supervisor, platform="telegram", mark=TelegramMarkup(), keys=keys
        ):
            await until(lambda: says([True]), what="the first report")
            answers = False
            await until(lambda: says([False]), what="the report of a change")


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(("name", "typed"), [("audit", "audit"), ("$(reboot)", "GROUP")])
async def test_a_stream_that_another_program_keeps_from_being_trimmed_is_named(
    settings, keys, resources, name, typed
):
    stream, group = keys.subscription("telegram")
    await resources.redis.xgroup_create(stream, name, id="1000-0")
    await resources.redis.xadd(stream, {"e": "settled"})
    await resources.redis.xgroup_setid(stream, group, "$")

    code, said = await shown(settings, keys)

    assert code == 1
    assert f"the group {name} of another program" in " ".join(said.split())
    assert f'make redis ARGS="XGROUP DESTROY {stream} {typed}"' in said


@pytest.mark.usefixtures("well")
async def test_a_transaction_that_only_reads_holds_no_member(settings, keys, pool, monkeypatch):
    monkeypatch.setattr(overview, "LOCKED_S", 0.0)
    async with pool.acquire() as other, other.transaction():
        await other.fetch("SELECT FROM twinstream.members")

        code, said = await shown(settings, keys)

    assert code == 0, said


@pytest.mark.usefixtures("well")
async def test_upkeep_of_a_table_holds_no_member(settings, keys, pool, database_url, monkeypatch):
    """A VACUUM waits for the page that a cursor reads; it has locked the table and its indexes."""
    monkeypatch.setattr(overview, "LOCKED_S", 0.0)
    await pool.execute("INSERT INTO twinstream.members DEFAULT VALUES")
    upkeep = await asyncpg.connect(database_url)
    async with pool.acquire() as other, other.transaction():
        cursor = await other.cursor("SELECT FROM twinstream.members")
        await cursor.fetch(1)
        vacuum = asyncio.create_task(upkeep.execute("VACUUM (FREEZE) twinstream.members"))

        async def waits() -> bool:
            return bool(
                await pool.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"
                    " AND wait_event_type = 'BufferPin'",
                    upkeep.get_server_pid(),
                )
            )

        await until(waits, what="VACUUM waits for the page")
        code, said = await shown(settings, keys)
    await vacuum
    await upkeep.close()

    assert code == 0, said


@pytest.mark.usefixtures("well")
async def test_a_session_whose_role_was_dropped_is_named_by_its_process(
    settings, keys, pool, monkeypatch
):
    monkeypatch.setattr(overview, "LOCKED_S", 0.0)
    leaver = f"leaver_{os.getpid()}"
    await pool.execute(f"CREATE ROLE {leaver} SUPERUSER LOGIN PASSWORD 'password'")
    other = await asyncpg.connect(settings.database_url, user=leaver, password="password")
    transaction = other.transaction()
    await transaction.start()
    await other.execute("LOCK TABLE twinstream.members IN ROW EXCLUSIVE MODE")
    pid = other.get_server_pid()
    await pool.execute(f"DROP ROLE {leaver}")
    try:
        _, said = await shown(settings, keys)
    finally:
        other.terminate()

    told = " ".join(said.split())
    assert f"members are held by process {pid}" in told
    assert "0 members" not in told


async def test_a_bot_of_other_people_is_not_asked_to_report(settings, keys, resources):
    for source in ("telegram", "discord"):
        await Settling(source, resources).step()

    code, said = await shown(settings, keys)

    assert code == 0, said


async def test_figures_are_counted_up_to_a_bound(pool, resources, settings, keys, monkeypatch):
    for module in (overview, advice):
        monkeypatch.setattr(module, "COUNTED_MAX", 2)
    await pool.execute("INSERT INTO members (id) OVERRIDING SYSTEM VALUE VALUES (1), (2), (3)")
    await pool.execute(
        "INSERT INTO accounts (platform, account_id, member_id)"
        " SELECT 'discord', 10 + id, id FROM members"
    )
    await pool.execute(
        "INSERT INTO surfaces (member_id, platform, surface, wanted)"
        " SELECT id, 'discord', 'rank', 1 FROM members"
    )
    await pool.execute(
        "INSERT INTO store_debts (member_id, platform, xp, error)"
        " SELECT id, 'discord', 1, 'refused' FROM members"
    )

    _, said = await shown(settings, keys)

    assert "waiting: 0 on telegram, 2 or more on discord" in said
    assert "2 or more on discord are owed" in said


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(("interval_ms", "age_min", "is_late"), [
    (900_000, 61, True), (900_000, 59, False), (7_200_000, 120, False), (60_000, 5, True),
])  # fmt: skip
async def test_a_pass_is_late_after_four_of_the_intervals_that_are_set(
    settings, keys, pool, tmp_path, interval_ms, age_min, is_late
):
    ours = with_more_settings(settings, tmp_path, f"[reconcile]\ninterval_ms = {interval_ms}\n")
    await pool.execute(
        "INSERT INTO reconcile_runs (cause, owner, lease_until, status, finished_at)"
        " VALUES ('interval', 'x', now(), 'finished', now() - make_interval(mins => $1))",
        age_min,
    )

    code, said = await shown(ours, keys)

    assert ("no pass of reconcile was finished for" in said) == is_late
    assert code == int(is_late), said


@pytest.mark.usefixtures("well")
async def test_settings_that_the_next_start_refuses_are_told_before_it(settings, keys, tmp_path):
    unfit = with_more_settings(settings, tmp_path, "[reconcile]\nintervall_ms = 900000\n")

    code, said = await shown(unfit, keys)

    told = " ".join(said.split())
    assert code == 1
    assert "1. a process that starts now refuses its settings: " in told
    assert "reconcile.intervall_ms is not a setting; did you mean interval_ms?" in told
    assert "discord: connected" in said


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(("age_s", "priority", "is_told"), [
    (130, LIVE, True), (10, LIVE, False), (7_200, BACKFILL, False),
])  # fmt: skip
async def test_a_right_that_the_bot_lacks_for_everybody_is_named(
    settings, keys, pool, age_s, priority, is_told
):
    await pool.execute("INSERT INTO members (id) OVERRIDING SYSTEM VALUE VALUES (1)")
    await pool.execute(
        "INSERT INTO accounts (platform, account_id, member_id) VALUES ('telegram', 1, 1)"
    )
    await pool.execute(
        "INSERT INTO surfaces (member_id, platform, wanted, wanted_at, priority, error, attempts)"
        " VALUES (1, 'telegram', 1, now() - make_interval(secs => $1), $2, $3, 1)",
        age_s,
        priority,
        f"Telegram forbids it: switch on the right Edit Member Tags {HOSTILE}",
    )

    code, said = await shown(settings, keys)

    told = " ".join(said.split())
    assert code == int(is_told), said
    assert ("1 surface put off on telegram, the oldest for 130 s: Telegram forbids it" in told
        or "1 surface put off on telegram, the oldest for 2 min: Telegram forbids it" in told
    ) == is_told  # fmt: skip
    assert not {"\x1b", "\u202e"} & set(said)


@pytest.mark.usefixtures("well")
async def test_a_role_that_cannot_be_given_is_named_with_its_remedy(settings, keys, pool):
    await pool.execute("INSERT INTO members (id) OVERRIDING SYSTEM VALUE VALUES (1)")
    await pool.execute(
        "INSERT INTO accounts (platform, account_id, member_id) VALUES ('discord', 1, 1)"
    )
    rank = "Keeper of the old library"
    why = (
        f"the role {rank!r} of the rank {rank!r} stands above the bot's own: open Server Settings >"
        " Roles and drag 'twinstream' above it"
    )
    await pool.execute(
        "INSERT INTO surfaces (member_id, platform, wanted, parked, retry_at, error)"
        " VALUES (1, 'discord', 1, 'role:101', 'infinity', $1)",
        why,
    )

    _, said = await shown(settings, keys)

    assert f"1. 1 surface not shown on discord (role:101): {why}" in " ".join(said.split())


@pytest.mark.usefixtures("well")
async def test_readers_that_are_gone_are_named_after_those_that_read(settings, keys):
    seen = await looking.look(settings, keys=keys)
    old = [
        ConsumerState(name=f"to-discord-{number}", unacknowledged=0, seen_s=90.0)
        for number in (8, 9)
    ]
    gone = [msgspec.structs.replace(one, readers=tuple(old)) for one in seen.streams]
    later = msgspec.structs.replace(seen, streams=gone)

    said = "\n".join(map(str, screen.lines(later, advise(later), width=80)))

    assert "read by no consumer; to-discord-8 and 1 more last seen 90 s ago" in said


@pytest.mark.usefixtures("well")
async def test_a_server_that_is_away_is_named_once(settings, keys):
    away = msgspec.structs.replace(settings, redis_url="redis://127.0.0.1:1/0")

    _, said = await shown(away, keys)

    assert "1. Redis cannot be reached at 127.0.0.1:1" in said


@pytest.mark.usefixtures("well")
async def test_a_place_that_takes_no_announcements_is_named_with_its_cause(settings, keys, pool):
    await pool.execute(
        "INSERT INTO parked_places VALUES ('telegram', 'topic 42', 'the topic is closed', $1)",
        f"Bad Request: TOPIC_CLOSED {HOSTILE}"[:300],
    )
    code, said = await shown(settings, keys)

    assert code == 1
    assert "announcements on telegram wait (topic 42): the topic is closed" in " ".join(
        said.split()
    )
    assert "\x1b" not in said
