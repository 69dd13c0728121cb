"""The course of a breakage on a real Postgres, a real Redis and the local platforms."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import schemas
from bus import SOURCES
from db.ledger import events
from db.ledger.envelopes import Envelope
from launch.errors import LaunchError
from launch.play.board import Board
from launch.play.breaks.breakage import Breakage
from launch.play.breaks.company import ROBIN
from launch.play.breaks.condition import WELL, Look
from launch.play.breaks.panel import Breaks, breakages
from launch.play.breaks.scene import Scene
from launch.play.panels import DeedRefused, Stage
from launch.processes import Crew
from launch.sandbox_client import SandboxClient
from launch.sandbox_runner import Endpoints, RunningSandbox
from launch.workspace import Workspace
from sandbox import Faults, Transcript, load_seed
from sandbox.control import Control
from sandbox.discord_api import DiscordPlatform
from sandbox.telegram_api import TelegramPlatform
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.settling import until

SEED = load_seed()
ALICE = 1001


class Bruise(Breakage):
    """Something that is broken for as long as the test wants."""

    name = "bruise"

    def __init__(self) -> None:
        self.strikes = self.mended = 0
        self.seen = Look("hurts")
        self.refusal: LaunchError | None = None
        self.mistake: Exception | None = None

    async def strike(self, scene: Scene) -> float:
        if self.refusal is not None:
            raise self.refusal
        self.strikes += 1
        return time.time()

    async def look(self, scene: Scene) -> Look:
        if self.mistake is not None:
            raise self.mistake
        return self.seen

    async def mend(self, scene: Scene) -> None:
        self.mended += 1
        self.seen = WELL


class Shown(Board):
    """A board of which a test reads what it shows now."""

    def __init__(self) -> None:
        super().__init__()
        self.now: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        super().set(key, value)
        self.now[key] = value


@pytest.fixture
async def stage(database_url, redis_server, tmp_path: Path) -> AsyncIterator[Stage]:
    """Both platforms and the servers, without bots and consumers: the test does their work."""
    transcript, faults = Transcript(), Faults()
    telegram = TelegramPlatform(SEED, transcript, faults)
    discord = DiscordPlatform(SEED, transcript, faults)
    control = Control(telegram, discord, transcript, faults)
    async with contextlib.AsyncExitStack() as stack:
        for server in (telegram, discord, control):
            await server.start()
            stack.push_async_callback(server.stop)
        endpoints = Endpoints(
            redis_url=redis_server.url,
            database_url=database_url,
            telegram_api_base=telegram.api_base,
            discord_api_base=discord.api_base,
            discord_gateway_url="",
            discord_cdn_base="",
            control_url=control.url,
            page_url=control.page_url,
            telegram={"bot_id": SEED.telegram.bot_id, "people": {"ada": 1009}},
            discord={
                "application_id": SEED.discord.application_id,
                "guild_id": SEED.discord.guild.id,
                "channels": {"general": SEED.discord.guild.channels[0].id},
                "people": {"vera": 800000000000000100},
            },
        )
        crew = Crew(os.environ, roster=tmp_path / "roster.json", log_folder=tmp_path)
        workspace = Workspace(tmp_path, redis_server.url, database_url, (), {})
        yield Stage(Shown(), workspace, RunningSandbox(endpoints, crew, crew), print)


@pytest.fixture(autouse=True)
async def robin(stage, pool) -> None:
    """Robin is there and linked already: no bots run that could do it."""
    ids = []
    async with SandboxClient(stage.sandboxed.endpoints.control_url) as control:
        for platform in SOURCES:
            joined = await control.post("/members", platform=platform, action="join", name=ROBIN)
            ids.append(int(joined["user_id"]))
    async with pool.acquire() as conn, conn.transaction():
        code = await issue_code(conn, "discord", ids[1])
        assert await redeem_code(conn, "telegram", ids[0], code) is LinkOutcome.LINKED


@pytest.fixture
def bruise() -> Bruise:
    return Bruise()


@pytest.fixture
async def panel(stage, bruise) -> AsyncIterator[Breaks]:
    panel = Breaks(stage, [bruise])
    watching = asyncio.create_task(panel.watch())
    await until_shown(stage, "bruise", lambda now: now["stage"] == "idle")
    yield panel
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def until_shown(stage: Stage, name: str, holds: Callable[[dict[str, Any]], bool]) -> Any:
    board: Any = stage.board

    async def is_shown() -> bool:
        now = board.now.get(f"breaks/{name}")
        return now is not None and holds(now)

    await until(is_shown, what=f"the board shows it of {name}")
    return board.now[f"breaks/{name}"]


async def record(pool, entity_id: str) -> bytes:
    event = schemas.xp_changed(
        user_id=ALICE,
        delta_xp=5,
        source="telegram",
        reason="quest",
        entity_id=entity_id,
        occurred_at=datetime.now(UTC),
    )
    payload = schemas.encode(event)
    async with pool.acquire() as conn, conn.transaction():
        await events.record(conn, "telegram", [Envelope(event, payload)])
    return payload


async def settle(pool, payload: bytes) -> None:
    """Do the consumers' work: enter the event on the other side."""
    event = schemas.decode(payload)
    async with pool.acquire() as conn, conn.transaction():
        await events.settle(conn, "discord", "telegram", [Envelope(event, payload)])


async def test_a_second_press_breaks_nothing_a_second_time(stage, panel, bruise):
    order = {"name": "bruise", "plays": False}
    await asyncio.gather(*(panel.deeds["strike"](order) for _ in range(3)))
    broken = await until_shown(stage, "bruise", lambda now: now["waits"] == "hurts")

    assert bruise.strikes == 1
    assert (broken["stage"], broken["times"], broken["took_s"]) == ("broken", 1, None)
    bruise.seen = WELL
    healed = await until_shown(stage, "bruise", lambda now: now["stage"] == "healed")
    assert healed["took_s"] > 0
    bruise.seen = Look("hurts")
    await panel.deeds["strike"](order)
    again = await until_shown(stage, "bruise", lambda now: now["waits"] == "hurts")
    assert (again["times"], again["took_s"], bruise.strikes) == (2, None, 2)


async def test_it_heals_only_once_what_was_recorded_meanwhile_has_arrived(
    stage, panel, bruise, pool
):
    await settle(pool, await record(pool, "before"))
    await panel.deeds["strike"]({"name": "bruise", "plays": False})
    await until_shown(stage, "bruise", lambda now: now["waits"] == "hurts")
    first, second = await record(pool, "1"), await record(pool, "2")
    bruise.seen = WELL
    waiting = await until_shown(stage, "bruise", lambda now: now["waits"] == "arrival")
    assert (waiting["recorded"], waiting["arrived"], waiting["lost"]) == (2, 0, 0)

    await settle(pool, first)
    await until_shown(stage, "bruise", lambda now: now["arrived"] == 1)
    assert stage.board.now["breaks/bruise"]["stage"] == "broken"
    await settle(pool, second)

    healed = await until_shown(stage, "bruise", lambda now: now["stage"] == "healed")
    assert (healed["recorded"], healed["arrived"], healed["lost"]) == (2, 2, 0)


async def test_an_event_that_was_buried_counts_as_lost(stage, panel, bruise, pool):
    await panel.deeds["strike"]({"name": "bruise", "plays": False})
    await until_shown(stage, "bruise", lambda now: now["waits"] == "hurts")
    await record(pool, "1")
    await pool.execute(
        "UPDATE twinstream.sync_events SET status = 'failed', error_message = 'a test'"
    )
    bruise.seen = WELL

    healed = await until_shown(stage, "bruise", lambda now: now["stage"] == "healed")
    assert (healed["recorded"], healed["arrived"], healed["lost"]) == (1, 0, 1)


async def test_a_hand_mends_what_needs_one_and_is_refused_otherwise(stage, panel, bruise):
    await panel.deeds["mend"]({"name": "bruise"})
    assert bruise.seen == Look("hurts")
    bruise.seen = Look("hurts", hand="must")
    await panel.deeds["strike"]({"name": "bruise", "plays": False})
    await until_shown(stage, "bruise", lambda now: now["hand"] == "must")

    await asyncio.gather(*(panel.deeds["mend"]({"name": "bruise"}) for _ in range(3)))

    await until_shown(stage, "bruise", lambda now: now["stage"] == "healed")
    assert bruise.mended == 1


async def test_a_mistake_of_ours_leaves_no_button_pressed(stage, panel, bruise):
    await panel.deeds["strike"]({"name": "bruise", "plays": False})
    await until_shown(stage, "bruise", lambda now: now["waits"] == "hurts")
    bruise.mistake = ZeroDivisionError("oops")
    failed = await until_shown(stage, "bruise", lambda now: now["stage"] == "failed")
    assert failed["why"] == "ZeroDivisionError: oops"


async def test_a_look_that_fails_is_repeated(stage, panel, bruise):
    await panel.deeds["strike"]({"name": "bruise", "plays": False})
    bruise.mistake = LaunchError("the sandbox is away")
    await until_shown(stage, "bruise", lambda now: now["waits"] == "unseen")
    bruise.mistake, bruise.seen = None, WELL
    await until_shown(stage, "bruise", lambda now: now["stage"] == "healed")


async def test_a_breakage_that_is_refused_says_why_and_can_be_tried_again(stage, panel, bruise):
    bruise.refusal = LaunchError("the sandbox refused it")
    await panel.deeds["strike"]({"name": "bruise", "plays": False})
    failed = await until_shown(stage, "bruise", lambda now: now["stage"] == "failed")
    assert failed["why"] == "the sandbox refused it"

    bruise.refusal = None
    await panel.deeds["strike"]({"name": "bruise", "plays": False})

    await until_shown(stage, "bruise", lambda now: now["stage"] == "broken")


@pytest.mark.parametrize(
    "asked", [{}, {"name": "bruise", "more": 1}, {"name": 7}, {"name": "the moon"}], ids=str
)
async def test_what_is_no_order_is_refused_with_a_sentence(panel, bruise, asked):
    for deed in panel.deeds.values():
        with pytest.raises(DeedRefused):
            await deed(asked)
    assert bruise.strikes == 0


async def test_a_server_of_another_program_is_neither_stopped_nor_emptied_from_here(stage):
    panel = Breaks(stage, breakages())
    watching = asyncio.create_task(panel.watch())
    for name in ("stop-redis", "empty-redis", "stop-postgres"):
        now = await until_shown(stage, name, lambda _: True)
        assert (now["stage"], now["why"]) == ("unavailable", "not-ours")
        with pytest.raises(DeedRefused, match="cannot be broken from here"):
            await panel.deeds["strike"]({"name": name})
    watching.cancel()


@pytest.mark.parametrize("platform", ["telegram", "discord"])
async def test_a_new_start_finds_a_bot_that_was_kicked_and_offers_to_invite_it(stage, platform):
    name = f"kick-{platform}"
    async with SandboxClient(stage.sandboxed.endpoints.control_url) as control:
        if platform == "telegram":
            await control.post("/telegram/bot", status="kicked")
        else:
            await control.post("/discord/bot", action="remove")
    async with running(stage) as panel:
        await until_shown(stage, name, lambda now: now["hand"] == "must")

        await panel.deeds["mend"]({"name": name})

        await until_shown(stage, name, lambda now: now["waits"] == "shown")


async def test_both_bots_are_kicked_and_each_waits_for_its_own_invitation(stage):
    async with running(stage) as panel:
        for platform in SOURCES:
            await panel.deeds["strike"]({"name": f"kick-{platform}", "plays": False})
            await until_shown(stage, f"kick-{platform}", lambda now: now["hand"] == "must")

        await panel.deeds["mend"]({"name": "kick-telegram"})

        await until_shown(stage, "kick-telegram", lambda now: now["waits"] == "shown")
        await until_shown(stage, "kick-discord", lambda now: now["waits"] == "outside")


@contextlib.asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[Breaks]:
    board: Any = stage.board
    board.now.clear()
    panel = Breaks(stage, breakages())
    watching = asyncio.create_task(panel.watch())
    await until_shown(stage, "kick-discord", lambda _: True)
    try:
        yield panel
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def test_every_breakage_has_a_name_of_its_own():
    names = [one.name for one in breakages()]
    assert len(names) == len(set(names)) == 19
