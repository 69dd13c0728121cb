import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import pytest

from bots.features.guessing.game import NUMBER_MAX, NUMBER_MIN
from bots.runtime.errors import Refused
from bots.runtime.supervisor import Supervisor
from db.stop_signs import OBEYED
from sandbox import Fault
from tests.support.bot_advice import advised, connected_metric, until_advised
from tests.support.patience import PATIENCE_S

ALICE, BORIS = 800000000000000101, 800000000000000102
TELEGRAM_ALICE = 1001
FOLLOWUP = "POST /webhooks/{webhook_id}/{webhook_token}"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
EPHEMERAL = 64


@pytest.fixture
def serve():
    from bots.discord_bot.app import serve

    return serve


async def until(holds: Callable[[], bool], *, what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s in vain: {what}"
        await asyncio.sleep(0.02)


async def win(stage, user_id: int) -> str:
    """Play until the member has won; returns the answer to the winning guess."""
    low, high = NUMBER_MIN, NUMBER_MAX
    while low <= high:
        guess = (low + high) // 2
        after = stage.transcript.last
        answer = await stage.tell_discord(user_id, "guess", number=guess)
        if "higher" in answer:
            low = guess + 1
        elif "lower" in answer:
            high = guess - 1
        elif "not counted" in answer:
            return answer
        else:
            # A second message tells everybody.
            await until(
                lambda: len(stage.transcript.calls(name=FOLLOWUP, after=after)) == 2,  # noqa: B023
                what="the win is told",
            )
            return answer
    pytest.fail("the hints contradict one another")


async def test_a_win_is_paid_and_answered(stage):
    async with stage.discord_bot():
        assert "from 1 to 10" in await stage.tell_discord(ALICE, "guess")
        won = await win(stage, ALICE)
        profile = await stage.tell_discord(ALICE, "profile")
        top = await stage.tell_discord(BORIS, "top")

    assert "You earned 15 XP and 5 coins." in won
    assert "Achievement unlocked: Lucky guess" in won
    assert profile.startswith("Alice\nRank: Newcomer\nLevel 0: 15 / 100 XP\nPlace: #1\nXP: 15\n")
    assert "1. Alice — 15 очков опыта (Newcomer)" in top
    assert await stage.totals("discord", ALICE) == (15, 5)


async def test_only_the_asker_sees_their_profile_and_their_code(stage):
    async with stage.discord_bot():
        for command in ("profile", "link", "guess", "top"):
            await stage.tell_discord(ALICE, command)
    acknowledged = stage.transcript.calls(name=CALLBACK)

    assert [(call.request["body"].get("data") or {}).get("flags", 0) for call in acknowledged] == [
        EPHEMERAL,
        EPHEMERAL,
        EPHEMERAL,
        0,
    ]


async def test_every_command_is_acknowledged_before_it_is_answered(stage):
    async with stage.discord_bot():
        await stage.gate.shut()
        answer = await stage.tell_discord(ALICE, "profile")
        await stage.gate.open()
    [acknowledged] = stage.transcript.calls(name=CALLBACK)

    assert acknowledged.request["body"]["type"] == 5
    assert "cannot reach my records" in answer


async def test_help_comes_in_the_language_of_the_member(stage):
    async with stage.discord_bot():
        after = stage.transcript.last
        stage.discord.slash(900000000000000010, BORIS, "help")
        answer = await stage.seen(CALLBACK, after=after)
        [published] = stage.transcript.calls(
            name="PUT /applications/{application_id}/guilds/{guild_id}/commands"
        )

    assert answer.request["body"]["data"]["content"].startswith("**Что я умею**")
    described = {
        one["name"]: one.get("description_localizations") or one["name_localizations"]
        for one in published.request["body"]
    }
    assert described["guess"]["ru"] == "Угадать моё число и получить опыт"
    assert described["Profile"]["ru"] == "Профиль"


async def test_a_win_while_postgres_is_away_is_counted_later(stage):
    async with stage.discord_bot():
        await stage.tell_discord(ALICE, "guess")
        await stage.gate.shut()
        assert "not counted yet" in await win(stage, ALICE)
        await stage.gate.open()
        paid = await stage.tell_discord(ALICE, "guess")

    assert "You have 15 XP and 5 coins now" in paid
    assert await stage.totals("discord", ALICE) == (15, 5)


@pytest.mark.parametrize("options", [{}, {"code": "ABCDEFGHJK"}])
async def test_under_the_stop_sign_members_are_told_that_linking_is_paused(stage, options):
    await stage.pool.execute("INSERT INTO stop_signs VALUES ($1, 'links change')", OBEYED)

    async with stage.discord_bot():
        answer = await stage.tell_discord(ALICE, "link", **options)

    assert answer.startswith("Linking is paused while the bot is being updated.")


async def test_an_interaction_that_is_gone_costs_no_try(stage):
    async with stage.discord_bot():
        stage.faults.add(Fault("discord", CALLBACK, 404, code=10062))
        stage.discord.slash(900000000000000010, ALICE, "guess", {"number": 1})
        await stage.transcript.wait_for(lambda call: call.status == 404, timeout=10)

        assert "You have 4 tries" in await stage.tell_discord(ALICE, "guess")


async def test_a_wrong_token_is_refused_with_what_to_do(stage, serve):
    stage.settings = msgspec.structs.replace(stage.settings, discord_token="WRONG.TOKEN")

    with pytest.raises(Refused, match="Reset Token"):
        await stage.served(serve, Supervisor(asyncio.Event()))


async def test_a_gateway_that_is_away_at_the_start_is_retried(stage):
    reachable = stage.settings.discord_gateway_url
    refused = reachable.replace("/gateway", "/nowhere")
    stage.settings = msgspec.structs.replace(stage.settings, discord_gateway_url=refused)
    async with stage.bot(lambda *args, **kw: _serve_then_repair(stage, reachable, *args, **kw)):
        await stage.seen("gateway GUILD_CREATE")

        assert "from 1 to 10" in await stage.tell_discord(ALICE, "guess")


async def _serve_then_repair(stage, reachable, settings, community, supervisor, *, keys):
    """Let the gateway come back once the first attempt has failed."""
    import yarl
    from discord.gateway import DiscordWebSocket

    from bots.discord_bot.app import serve

    pause = supervisor.pause

    async def repair(delay_s):
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(reachable)
        await pause(delay_s)

    supervisor.pause = repair
    await serve(settings, community, supervisor, keys=keys)


async def test_the_bot_is_healthy_while_the_gateway_is_connected_and_not_while_it_is_away(stage):
    address = urlsplit(stage.discord.gateway_url)
    assert address.port is not None
    async with stage.discord_bot() as supervisor:
        await until(supervisor.health.is_healthy, what="health after the connection")

        await stage.discord.stop()
        await until(
            lambda: not supervisor.health.is_healthy(), what="no health without the gateway"
        )

        await stage.discord.start(port=address.port)
        await until(supervisor.health.is_healthy, what="health after the reconnection")

    assert not supervisor.health.is_healthy()


async def test_the_bot_is_healthy_while_postgres_is_away(stage):
    async with stage.discord_bot() as supervisor:
        await until(supervisor.health.is_healthy, what="health after the connection")
        await stage.gate.shut()
        assert "cannot reach my records" in await stage.tell_discord(ALICE, "profile")

        assert supervisor.health.is_healthy()
        await stage.gate.open()


async def test_a_server_without_the_bot_brings_an_invitation(stage, capsys):
    elsewhere = type(stage.community.discord)(guild_id=900000000000000999)
    stage.community = msgspec.structs.replace(stage.community, discord=elsewhere)

    printed = []

    def is_told() -> bool:
        printed.append(capsys.readouterr().out)
        return "guild.not_served" in "".join(printed)

    async with stage.discord_bot():
        await until(is_told, what="the line about the server")

    output = "".join([*printed, capsys.readouterr().out])
    assert output.count("guild.not_served") == 1
    assert "not in the server 900000000000000999; it is in 900000000000000001 'Twin" in output
    assert "invite it with https://discord.com/oauth2/authorize" in output


async def test_the_screen_says_that_the_bot_was_kicked_until_it_is_invited_again(stage, capsys):
    async with stage.discord_bot() as supervisor:
        await until(supervisor.health.is_healthy, what="health after the connection")
        await until_advised(stage, "discord", None)
        await until(lambda: connected_metric("discord") == 1, what="the metric of the connection")

        stage.discord.administration.kick_bot()
        (told,) = await until_advised(
            stage, "discord", "it is not in the server 900000000000000001: invite it"
        )
        assert told.command
        await until(lambda: connected_metric("discord") == 0, what="the metric of the alert")
        assert supervisor.health.is_healthy(), "nothing restarts a bot that waits for invitation"
        output = capsys.readouterr().out
        assert output.count("guild.not_served") == 1
        assert "invite it with https://discord.com/oauth2/authorize" in output

        stage.discord.administration.invite_bot()
        await until_advised(stage, "discord", None)
        await until(
            lambda: connected_metric("discord") == 1, what="the metric after the invitation"
        )
        assert "from 1 to 10" in await stage.tell_discord(ALICE, "guess")


async def test_the_screen_says_of_a_bot_that_was_never_invited_that_it_is_not_in_its_server(stage):
    elsewhere = type(stage.community.discord)(guild_id=900000000000000999)
    stage.community = msgspec.structs.replace(stage.community, discord=elsewhere)

    async with stage.discord_bot() as supervisor:
        await until_advised(
            stage, "discord", "it is not in the server 900000000000000999: invite it"
        )

        assert supervisor.health.is_healthy()


async def test_an_outage_of_the_server_is_no_removal_of_the_bot(stage, monkeypatch):
    from bots.discord_bot.client import TwinClient

    handle, outage = TwinClient.on_guild_unavailable, asyncio.Event()

    async def handle_and_tell(client, guild) -> None:
        await handle(client, guild)
        outage.set()

    monkeypatch.setattr(TwinClient, "on_guild_unavailable", handle_and_tell)
    async with stage.discord_bot() as supervisor:
        await until(supervisor.health.is_healthy, what="health after the connection")

        stage.discord.administration.set_available(available=False)
        async with asyncio.timeout(PATIENCE_S):
            await outage.wait()

        assert supervisor.health.is_healthy()
        assert supervisor.health.trouble() is None
        stage.discord.administration.set_available(available=True)
        assert "from 1 to 10" in await stage.tell_discord(ALICE, "guess")


async def test_the_screen_says_that_discord_refuses_the_token(stage, serve):
    stage.settings = msgspec.structs.replace(stage.settings, discord_token="wrong")

    with pytest.raises(Refused, match="Reset Token"):
        await stage.served(serve, Supervisor(asyncio.Event()))

    (told,) = await advised(stage, "discord")
    assert "Discord does not accept DISCORD_TOKEN: open https" in told.what
