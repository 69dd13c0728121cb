"""The doctor: all fine on a healthy sandbox, and the remedy for each thing that is wrong."""

import asyncio
import contextlib
import time
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
import pytest

from bus import SOURCES, connect, ensure_group
from bus import Keys as BusKeys
from config import Settings
from config.outside_text.terminal import Terminal
from consumers.operate import doctor
from consumers.operate.doctor import NOTIFICATIONS
from db import connections, open_pool
from db.ledger import events
from db.pool import newest_migration
from launch.migrate import make_roles
from sandbox import Fault, Faults, Transcript, load_seed
from sandbox.telegram_api import TelegramPlatform
from tests.support.commit_gate import CommitGate
from tests.support.discord_display import BOT_ROLE, NEWCOMER, Server
from tests.support.settling import until

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    import consumers.display.discord_roles.roles  # noqa: F401 - the doctor imports it when it needs it


@pytest.fixture
async def group() -> AsyncIterator[TelegramPlatform]:
    platform = TelegramPlatform(load_seed().telegram, Transcript(), Faults())
    await platform.start()
    yield platform
    await platform.stop()


@pytest.fixture
async def settings(
    settings: Settings,
    own_redis_url: str,
    server: Server,
    group: TelegramPlatform,
    checkout: Path,
) -> Settings:
    """A whole deployment on the sandbox, with its streams made."""
    redis = connect(own_redis_url, name="test")
    for source in SOURCES:
        subscription = BusKeys().subscription(source)
        await ensure_group(redis, subscription)
        await redis.xreadgroup(subscription.group, "reader", {subscription.stream: ">"})
    await redis.aclose()
    return msgspec.structs.replace(
        settings,
        redis_url=own_redis_url,
        telegram_token=load_seed().telegram.token,
        telegram_api_base=group.api_base,
        discord_token=load_seed().discord.token,
        discord_api_base=server.platform.api_base,
        discord_gateway_url=server.platform.gateway_url,
        twinstream_config=str(checkout / "sandbox" / "twinstream.toml"),
    )


async def wrongs(settings: Settings) -> dict[str, str]:
    return {
        one.what: one.remedy async for one in doctor.examine(settings) if one.remedy is not None
    }


async def told(settings: Settings, **changes: str | None) -> str:
    """Return the diagnoses with a remedy, after some settings were changed."""
    found = await wrongs(msgspec.structs.replace(settings, **changes))
    return "\n".join(f"{what}: {mend}" for what, mend in found.items())


async def test_where_all_is_well_it_says_so_and_exits_0(settings, capsys):
    assert await doctor.run(settings, Terminal()) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 10
    assert all(line.startswith("fine") for line in lines)


async def test_it_asks_whether_anybody_reads_the_streams(settings, own_redis_url, monkeypatch):
    monkeypatch.setattr(doctor, "SILENT_MS_MAX", -1)  # a reader of a minute ago
    silent = await wrongs(settings)
    monkeypatch.undo()
    redis = connect(own_redis_url, name="test")
    stream, group = BusKeys().subscription("telegram")
    await redis.xgroup_delconsumer(stream, group, "reader")
    await redis.aclose()

    what = "stream sync:{}, group {}"
    assert "start the consumers" in silent[what.format("telegram", "discord")]
    assert "start the consumers" in silent[what.format("discord", "telegram")]
    found = await wrongs(settings)
    assert what.format("telegram", "discord") in found
    assert what.format("discord", "telegram") not in found


async def roles_note(settings: Settings) -> str:
    [note] = [one.note async for one in doctor.examine(settings) if one.what == "roles of Postgres"]
    return note


async def test_it_says_what_one_login_for_everything_gives_up(settings, prefix):
    assert await roles_note(settings) == (
        "none, so one login does everything: no permission keeps a process from changing the"
        " ledger or from recording for the other platform (`make roles`, docs/operate.md)"
    )

    make_roles(settings.database_url, prefix=f"doctor_{prefix.split(':')[1]}")

    assert "_consumers, " in await roles_note(settings)
    async with await open_pool(settings.database_url, name="telegram-bot"):
        assert (await roles_note(settings)).startswith("telegram-bot connected as the owner: no")


def watching(settings: Settings, folder: Path) -> Settings:
    file = folder / "twinstream.toml"
    text = Path(settings.twinstream_config).read_text()
    file.write_text(text.replace("[discord]", "[discord]\nwatch_members = true"))
    return msgspec.structs.replace(settings, twinstream_config=str(file))


async def test_it_says_when_boards_hear_of_members_who_left(settings, tmp_path):
    notes = [
        one.note
        for some in (settings, watching(settings, tmp_path))
        async for one in doctor.examine(some)
        if one.what == "Discord intents"
    ]

    assert "when a visit finds them gone: watch_members = true does so" in notes[0]
    assert notes[1] == "boards leave out who leaves the server at once"


def earning_by_messages_only(settings: Settings, folder: Path) -> Settings:
    file = folder / "twinstream.toml"
    text = Path(settings.twinstream_config).read_text()
    off = "\n".join(f"[earning.{one}]\nenabled = false" for one in ("voice", "reactions", "thanks"))
    file.write_text(f"{text}\n{off}\n")
    return msgspec.structs.replace(settings, twinstream_config=str(file))


async def test_it_says_what_of_voice_reactions_and_thanks_counts(settings, group, tmp_path):
    what = ("voice, reactions and thanks on Discord", "reactions on Telegram")
    notes = [one.note async for one in doctor.examine(settings) if one.what in what]
    without = earning_by_messages_only(settings, tmp_path)
    group.people.set_bot("member")

    assert notes == [
        "they earn XP",
        (
            "time in voice channels, reactions in channels that the bot sees, /thanks; words of"
            " thanks in replies need read_messages = true"
        ),
    ]
    assert "make the bot an administrator" in (await wrongs(settings))["reactions on Telegram"]
    assert [one.note async for one in doctor.examine(without) if one.what in what] == [
        "they earn no XP",
        "nothing of them counts",
    ]


async def test_it_writes_nothing_on_either_platform(settings, server):
    await wrongs(settings)

    calls = server.transcript.calls(platform="discord")
    assert {call.name.split()[0] for call in calls} == {"GET"}


async def test_troubles_of_the_platforms_are_named_with_their_remedies(settings, server, group):
    server.platform.administration.move_role(NEWCOMER, above=BOT_ROLE)
    group.people.set_bot("administrator", frozenset())

    found = await wrongs(settings)

    assert "drag 'twinstream' above it" in found["roles in the Discord server"]
    assert "Edit Member Tags" in found["rights in the Telegram group"]
    assert await doctor.run(settings, Terminal(quiet=True)) == 1


async def test_the_new_id_of_a_group_that_became_a_supergroup_is_named(settings, group):
    moved = group.people.migrate()

    found = await wrongs(settings)

    assert f"set chat_id = {moved} in [telegram]" in found["telegram.chat_id"]
    assert "rights in the Telegram group" not in found


async def test_a_bot_outside_of_server_and_group_has_an_invitation_as_its_remedy(
    settings, server, group
):
    server.platform.administration.kick_bot()
    group.people.set_bot("member")

    found = await wrongs(settings)

    assert "invite it" in found["roles in the Discord server"]
    assert "not an administrator" in found["rights in the Telegram group"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"telegram_token": None}, "TELEGRAM_TOKEN is not set"),
        ({"telegram_token": "nonsense"}, "does not look like a token"),
        ({"telegram_token": "42:WRONG"}, "Telegram refuses TELEGRAM_TOKEN"),
        ({"discord_token": "WRONG"}, "Discord refuses DISCORD_TOKEN"),
        ({"redis_url": "redis://127.0.0.1:1/0"}, "Redis: "),
        ({"database_url": "postgresql://nobody@127.0.0.1:1/none"}, "Postgres: "),
        ({"twinstream_config": "/nowhere.toml"}, "/nowhere.toml does not exist"),
    ],
)
async def test_each_setting_that_does_not_work_is_named(settings, changes, says):
    assert says in await told(settings, **changes)


AWAY: Final[dict[str, dict[str, str | None]]] = {
    "Postgres": {"database_url": "postgresql://nobody@127.0.0.1:1/none"},
    "Postgres is not set": {"database_url": None},
    "Redis": {"redis_url": "redis://127.0.0.1:1/0"},
    "Redis is not set": {"redis_url": None},
}


@pytest.mark.parametrize("name", AWAY)
async def test_a_server_that_is_away_is_said_once_and_costs_its_own_checks_only(
    settings, capsys, name
):
    unfit = msgspec.structs.replace(settings, **AWAY[name])

    assert await doctor.run(unfit, Terminal()) == 1

    server, other = ("Postgres", "Redis") if name.startswith("Postgres") else ("Redis", "Postgres")
    lines = capsys.readouterr().out.splitlines()
    (wrong,) = [line for line in lines if line.startswith("wrong")]
    (skipped,) = [line for line in lines if not line.startswith(("fine", "wrong"))]
    assert wrong.startswith(f"wrong {server}: ")
    assert skipped.startswith("skip  ")
    assert skipped.endswith(f", which need {server}")
    told = "\n".join(line for line in lines if line.startswith("fine"))
    assert f"fine  {other}" in told
    assert "fine  DISCORD_TOKEN" in told
    assert "fine  rights in the Telegram group" in told


@contextlib.asynccontextmanager
async def silent_postgres() -> AsyncIterator[tuple[str, list[float]]]:
    """A Postgres that hangs: its address, and the seconds for which each connection waited."""
    waited_s = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            await reader.read(-1)
        waited_s.append(time.monotonic() - began)
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://me@127.0.0.1:{port}/none", waited_s


@pytest.mark.parametrize(
    ("setting", "what"),
    [("database_url", "Postgres"), ("database_listen_url", NOTIFICATIONS)],
)
async def test_a_postgres_that_hangs_is_asked_once_and_not_for_long(
    settings, monkeypatch, setting, what
):
    monkeypatch.setattr(doctor, "CONNECT_S_MAX", 0.2)

    async with silent_postgres() as (url, waited_s):
        found = await wrongs(msgspec.structs.replace(settings, **{setting: url}))

    assert list(found) == [what]
    assert "did not answer in time" in found[what]
    [once_s] = waited_s
    assert once_s < connections.CONNECT_TIMEOUT_S / 2


@pytest.mark.parametrize(
    ("last", "wrong", "skipped"),
    [
        ("Postgres and its migrations", "Postgres", [f"{NOTIFICATIONS}, forgetting, stores"]),
        ("events", NOTIFICATIONS, ["forgetting, stores"]),
        (NOTIFICATIONS, "forgetting", ["stores"]),
        ("forgetting", "stores", []),
    ],
)
async def test_a_postgres_that_dies_meanwhile_is_said_once(
    settings, monkeypatch, last, wrong, skipped
):
    pools = []

    async def open_and_keep(*args: Any, **options: Any) -> asyncpg.Pool:
        pools.append(await open_pool(*args, **options))
        return pools[-1]

    async def is_noticed() -> bool:
        return pools[0].get_idle_size() == 0

    monkeypatch.setattr(doctor, "open_pool", open_and_keep)
    found = []
    async with contextlib.AsyncExitStack() as life:
        gate = await life.enter_async_context(CommitGate(settings.database_url))
        async for one in doctor.examine(msgspec.structs.replace(settings, database_url=gate.url)):
            found.append(one)
            if one.what == last:
                await life.aclose()
                await until(is_noticed, what="the pool notices that its connection is gone")

    [remedy] = [one.remedy for one in found if one.remedy is not None and one.what == wrong]
    assert "Postgres" in remedy
    assert [one.what for one in found if one.remedy is not None] == [wrong]
    left_out = [one.what for one in found if one.is_left_out]
    assert left_out == [f"{what}, which need Postgres" for what in skipped]
    assert "TELEGRAM_TOKEN" in [one.what for one in found]


async def test_a_database_that_is_not_migrated_is_named(settings, pool: asyncpg.Pool):
    await pool.execute("DELETE FROM schema_migrations WHERE version = $1", newest_migration())

    assert (await told(settings)).count("make migrate") == 1


async def test_buried_events_are_counted(settings, pool: asyncpg.Pool):
    async with pool.acquire() as conn:
        await events.fail(
            conn,
            idempotency_key="entry:1",
            source="telegram",
            type="unknown",
            payload=b"?",
            error_message="no event",
        )

    assert "1 buried" in await told(settings)


async def test_a_redis_that_may_evict_and_one_without_streams_are_named(settings):
    redis = connect(settings.redis_url or "", name="test")
    await redis.delete(BusKeys().stream("telegram"))
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = await told(settings)
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.aclose()

    assert "maxmemory-policy: it is allkeys-lru" in found
    assert "stream sync:telegram, group discord: it is not there: start the consumers" in found


async def test_unusable_streams_are_named_one_by_one(settings):
    telegram, discord = (BusKeys().subscription(source) for source in SOURCES)
    redis = connect(settings.redis_url or "", name="test")
    now_ms = int(time.time() * 1_000)
    await redis.xadd(telegram.stream, {"e": "x"}, id=f"{now_ms + 5 * 3_600_000 + 60_000}-0")
    await redis.delete(discord.stream)
    await redis.set(discord.stream, "another program's")
    try:
        found = await wrongs(settings)
        await redis.delete(discord.stream)
        await ensure_group(redis, discord)
        await redis.xgroup_setid(*discord, "5-5")
        await redis.xadd(telegram.stream, {"e": "x"}, id=f"{2**64 - 1}-{2**64 - 1}")
        later = await wrongs(settings)
    finally:
        await redis.aclose()

    first, second = (f"stream {stream}, group {group}" for stream, group in (telegram, discord))
    assert "it has ids 5 hours ahead of the Redis clock" in found[first]
    assert "make rebuild" in found[first]
    assert "is not a stream" in found[second]
    assert "it takes no more entries" in later[first]
    assert "set after the end of the stream" in later[second]


async def test_a_group_of_another_program_that_stops_the_trimming_is_named(settings):
    redis = connect(settings.redis_url, name="test")
    stream, group = BusKeys().subscription("telegram")
    await redis.xgroup_create(stream, "audit", id="1000-0")
    await redis.xadd(stream, {"e": "settled"})
    await redis.xgroup_setid(stream, group, "$")

    remedy = (await wrongs(settings))[f"stream {stream}, group {group}"]

    assert remedy.startswith("the group audit of another program has not acknowledged what ours")
    assert f'`make redis ARGS="XGROUP DESTROY {stream} audit"`' in remedy
    await redis.xgroup_destroy(stream, "audit")
    await redis.aclose()


async def test_a_platform_in_trouble_does_not_stop_the_other_checks(settings, server):
    server.faults.add(Fault("discord", "*", 503, times=1_000))

    found = await wrongs(settings)

    assert list(found) == ["Discord"]


@pytest.fixture
def with_a_channel_that_is_gone(settings: Settings, tmp_path: Path) -> Settings:
    path = tmp_path / "twinstream.toml"
    usual = Path(settings.twinstream_config).read_text(encoding="utf-8")
    path.write_text(f"{usual}\n[announcements.level]\ndiscord = 4711\n", encoding="utf-8")
    return msgspec.structs.replace(settings, twinstream_config=str(path))


async def test_places_that_take_no_announcements_are_named_with_what_to_do(
    with_a_channel_that_is_gone, pool
):
    await pool.execute(
        "INSERT INTO parked_places VALUES"
        " ('telegram', 'topic 42', 'the topic is closed', 'Bad Request: TOPIC_CLOSED')"
    )
    found = await wrongs(with_a_channel_that_is_gone)

    assert "topic 42, because the topic is closed" in found["announcements on telegram"]
    assert "or correct announcements.level.discord" in found["channel for announcements"]
