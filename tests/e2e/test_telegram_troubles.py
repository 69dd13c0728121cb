"""A Telegram bot that polls and does not serve: the operator's screen says why, and until when."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import msgspec
import pytest

from bots.runtime.supervisor import Supervisor
from sandbox import Fault
from tests.support.bot_advice import connected_metric, until_advised
from tests.support.settling import until

GROUP = -1001000000001
ALICE = 1001
NOT_THERE = f"it is not in the group {GROUP} ("
REMEDY = "add @twinstream_sandbox_bot to it as an administrator, or correct telegram.chat_id"
OTHER = "another process polls with this token, or a webhook is set for it: stop the other one"


async def until_figure(value: float) -> None:
    async def is_so() -> bool:
        return connected_metric("telegram") == value

    await until(is_so, what=f"the figure of the alert, {value}")


async def until_troubled(supervisor: Supervisor, says: str | None) -> None:
    async def is_so() -> bool:
        trouble = supervisor.health.trouble()
        return trouble is None if says is None else says in (trouble or "")

    await until(is_so, what=f"trouble: {says}")


async def serving(stage, supervisor: Supervisor) -> None:
    """Return once the bot serves, and the screen says nothing of it."""

    async def is_healthy() -> bool:
        return supervisor.health.is_healthy()

    await until(is_healthy, what="health after the start")
    await until_advised(stage, "telegram", None)
    await until_figure(1)


@contextlib.asynccontextmanager
async def known_troubles(supervisor: Supervisor) -> AsyncIterator[set[str | None]]:
    """Yield the troubles that the bot has at any moment of the block."""
    known: set[str | None] = set()

    async def watch() -> None:
        while True:
            known.add(supervisor.health.trouble())
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    try:
        yield known
    finally:
        watching.cancel()


@pytest.fixture
def soon_over(monkeypatch):
    """A conflict counts as over after a few seconds, which no test has to wait for."""
    for name in ("CONTESTED_S_MIN", "CONTESTED_S_MAX"):
        monkeypatch.setattr(f"bots.telegram_bot.polling.progress.{name}", 3.0)


@pytest.fixture
def looks_often(monkeypatch):
    """The bot asks for its place in the group ten times a second."""
    monkeypatch.setattr("bots.telegram_bot.group.presence.LOOK_S", 0.1)


@pytest.fixture
def hears_of_changes(monkeypatch):
    """The bot asks for its place in the group only when an update tells of a change."""
    monkeypatch.setattr("bots.telegram_bot.group.presence.LOOK_S", 3_600.0)


@pytest.mark.usefixtures("soon_over")
async def test_the_screen_says_that_two_processes_poll_until_one_is_stopped(stage):
    async with stage.telegram_bot() as supervisor:
        await serving(stage, supervisor)

        async with stage.telegram_bot() as other:
            await until_troubled(other, OTHER)
            await until_troubled(supervisor, OTHER)
            (told,) = await until_advised(stage, "telegram", OTHER)
            assert told.what.startswith("the Telegram bot has been out of service for")
            assert told.command
            await until_figure(0)

        await until_advised(stage, "telegram", None)
        await until_figure(1)
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help")


@pytest.mark.usefixtures("soon_over")
async def test_the_screen_says_so_though_no_poll_is_answered_for_long(stage, monkeypatch):
    monkeypatch.setattr("bots.telegram_bot.app.SILENCE_S_MAX", 0.0)

    async with stage.telegram_bot() as supervisor:
        stage.faults.add(Fault("telegram", "getUpdates", 409, times=1_000))

        await until_advised(stage, "telegram", OTHER)
        assert not supervisor.health.is_healthy()


@pytest.mark.usefixtures("hears_of_changes")
@pytest.mark.parametrize("status", ["kicked", "left"])
async def test_the_screen_says_that_the_bot_was_removed_until_it_is_added_again(
    stage, capsys, status
):
    async with stage.telegram_bot() as supervisor:
        await serving(stage, supervisor)

        stage.telegram.people.set_bot(status)
        (told,) = await until_advised(stage, "telegram", NOT_THERE)
        assert REMEDY in told.what
        assert told.command
        await until_figure(0)
        assert supervisor.health.is_healthy(), "nothing restarts a bot that waits to be added"
        output = capsys.readouterr().out
        assert output.count("chat.not_served") == 1
        assert REMEDY in output

        stage.telegram.people.set_bot("administrator")
        await until_advised(stage, "telegram", None)
        await until_figure(1)
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help")
    assert capsys.readouterr().out.count("chat.joined") == 1


@pytest.mark.usefixtures("hears_of_changes")
@pytest.mark.parametrize(("status", "warnings"), [("member", 1), ("administrator", 0)])
async def test_a_bot_that_starts_outside_its_group_is_in_service_once_it_is_added(
    stage, capsys, status, warnings
):
    stage.telegram.people.set_bot("left")

    async with stage.telegram_bot() as supervisor:
        await until_advised(stage, "telegram", NOT_THERE)
        stage.telegram.people.set_bot(status)
        await serving(stage, supervisor)

    output = capsys.readouterr().out
    assert output.count("chat.joined") == 1
    assert output.count("bot.not_promoted") == warnings


@pytest.mark.usefixtures("looks_often")
async def test_a_bot_starts_although_telegram_does_not_say_where_it_is(stage, capsys):
    stage.telegram.people.set_bot("left")
    stage.faults.add(Fault("telegram", "getChatMember", 0, when="hangup", times=1_000))

    async with stage.telegram_bot() as supervisor:
        await serving(stage, supervisor)
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help", chat_id=ALICE)

        stage.faults.clear()
        await until_advised(stage, "telegram", NOT_THERE)
    assert "attempt.failed" not in capsys.readouterr().out


async def test_the_screen_says_both_of_a_bot_that_is_outside_and_shares_its_token(stage):
    stage.telegram.people.set_bot("left")

    async with stage.telegram_bot():
        await until_advised(stage, "telegram", NOT_THERE)
        stage.faults.add(Fault("telegram", "getUpdates", 409, times=1_000))
        stage.telegram.say(ALICE, ALICE, "/help")  # ends the poll that is open

        (told,) = await until_advised(stage, "telegram", OTHER)
        assert NOT_THERE in told.what
        assert "or give this bot a token of its own" in told.what


async def test_the_screen_says_no_more_where_the_bot_was_once_telegram_is_away(stage, monkeypatch):
    monkeypatch.setattr("bots.telegram_bot.app.POLLING_TIMEOUT_S", 1)
    monkeypatch.setattr("bots.telegram_bot.app.SILENCE_S_MAX", 3.0)
    stage.telegram.people.set_bot("left")

    async with stage.telegram_bot() as supervisor:
        await until_advised(stage, "telegram", NOT_THERE)
        stage.faults.add(Fault("telegram", "*", 502, times=1_000))

        await until_troubled(supervisor, None)
        assert not supervisor.health.is_healthy()


async def test_the_screen_says_that_the_group_of_the_settings_is_not_there(stage):
    wrong = type(stage.community.telegram)(chat_id=-1009)
    stage.community = msgspec.structs.replace(stage.community, telegram=wrong)

    async with stage.telegram_bot() as supervisor:
        (told,) = await until_advised(stage, "telegram", "it is not in the group -1009 (Bad Req")

        assert REMEDY in told.what
        assert supervisor.health.is_healthy()


@pytest.mark.usefixtures("looks_often")
async def test_a_removal_of_which_no_update_comes_is_found(stage):
    """Telegram tells bots nothing of a deleted group, and another process may take the update."""
    async with stage.telegram_bot() as supervisor:
        await serving(stage, supervisor)
        [bot_id] = stage.telegram._world.state.bots
        member = stage.telegram._world.the_group.members[bot_id]

        member.status, member.in_chat = "kicked", False
        await until_troubled(supervisor, NOT_THERE)

        member.status, member.in_chat = "administrator", True
        await until_troubled(supervisor, None)


@pytest.mark.usefixtures("looks_often")
@pytest.mark.parametrize(
    "fault",
    [
        Fault("telegram", "getChatMember", 502),
        Fault("telegram", "getChatMember", 429, retry_after=1),
        Fault("telegram", "getChatMember", 0, when="hangup"),
        Fault("telegram", "getChatMember", 0, when="garbled", changes={"result": 17}),
    ],
    ids=lambda fault: f"{fault.status} {fault.when}",
)
async def test_an_answer_that_says_nothing_of_the_bot_is_no_removal(stage, fault):
    async with stage.telegram_bot() as supervisor:
        await serving(stage, supervisor)
        async with known_troubles(supervisor) as known:
            after = stage.transcript.last
            stage.faults.add(dataclasses.replace(fault))
            await stage.transcript.wait_for(
                lambda call: call.name == "getChatMember", timeout=10, after=after
            )
            await stage.seen("getChatMember", after=stage.transcript.last)

    assert known == {None}


@pytest.mark.usefixtures("looks_often")
async def test_telegram_is_not_asked_again_before_the_time_that_it_named(stage):
    async with stage.telegram_bot() as supervisor:
        await serving(stage, supervisor)
        stage.faults.add(Fault("telegram", "getChatMember", 429, retry_after=2))
        limited = await stage.transcript.wait_for(
            lambda call: call.name == "getChatMember" and call.status == 429, timeout=10
        )
        stage.telegram.people.set_bot("member")
        again = await stage.seen("getChatMember", after=limited.number)

    assert again.at - limited.at > 1.9


@pytest.mark.usefixtures("looks_often")
async def test_a_move_of_the_group_is_no_removal_of_the_bot(stage):
    async with stage.telegram_bot() as supervisor:
        await serving(stage, supervisor)
        async with known_troubles(supervisor) as known:
            after = stage.transcript.last
            moved = stage.telegram.people.migrate()
            [bot] = stage.telegram._world.state.bots.values()
            bot.pending.clear()  # no service message tells of the move before the bot looks
            refused = await stage.transcript.wait_for(
                lambda call: call.name == "getChatMember" and call.status == 400,
                timeout=10,
                after=after,
            )
            assert refused.response["parameters"] == {"migrate_to_chat_id": moved}
            assert "What I can do" in await stage.tell_telegram(ALICE, "/help", chat_id=moved)

    assert known == {None}
