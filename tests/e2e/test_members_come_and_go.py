"""Members who leave and return, through the bots and the roles that show ranks, end to end."""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial

import aiohttp
import msgspec
import pytest

import schemas
from bots.runtime.errors import Refused
from bots.runtime.supervisor import Supervisor
from config.community import DiscordSetting
from consumers.display.telegram_tags import tags
from consumers.runtime.resources import open_resources
from db.ledger import events
from db.ledger.envelopes import Envelope
from sandbox import Transcript, load_seed
from sandbox.discord_api import DiscordPlatform, Intent
from tests.support.boards import scores
from tests.support.settling import until

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    import bots.discord_bot.app
    from consumers.display.discord_roles import roles

ALICE, TELEGRAM_ALICE = 800000000000000101, 1001
TELEGRAM_BORIS = 1002
ADA = 1009
GUILD, NEWCOMER = 900000000000000001, 900000000000000101
TELEGRAM_GROUP = -1001000000001
GIVE = "PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}"
LOOK = "GET /guilds/{guild_id}/members/{user_id}"


async def earn(stage, platform: schemas.Source, user_id: int, entity_id: str) -> None:
    event = schemas.xp_changed(
        user_id=user_id,
        delta_xp=10,
        source=platform,
        reason="game_guess",
        entity_id=entity_id,
        occurred_at=datetime.now(UTC),
    )
    async with stage.pool.acquire() as conn, conn.transaction():
        await events.record(conn, platform, [Envelope(event, schemas.encode(event))])


def roles_of(stage, user_id: int) -> set[int] | None:
    for one in stage.discord.world()["members"]:
        if int(one["user"]["id"]) == user_id:
            return {int(role) for role in one["roles"]}
    return None


def tag_of(stage, user_id: int) -> str:
    [tag] = [one["tag"] for one in stage.telegram.world()["members"] if one["user_id"] == user_id]
    return tag


async def lose_updates(stage) -> None:
    """Have Telegram forget the updates that no bot has fetched yet, as it does after a day."""
    url = f"{stage.telegram.api_base}/bot{stage.settings.telegram_token}/deleteWebhook"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data={"drop_pending_updates": "true"}) as response,
    ):
        assert response.status == 200


async def error(stage, platform: str) -> str:
    found = await stage.pool.fetchval(
        "SELECT max(error) FROM surfaces WHERE platform = $1", platform
    )
    return found or ""


@contextlib.asynccontextmanager
async def shown(stage, module) -> AsyncIterator[Callable]:
    """Run the role that displays ranks. Yields a function that waits for a condition."""
    stop = asyncio.Event()
    async with (
        open_resources(stage.settings, stage.community, stop, keys=stage.keys) as resources,
        module.open_role(resources) as role,
    ):

        async def leads_to(condition: Callable) -> None:
            async with asyncio.timeout(10.0):
                while True:
                    await role.step()
                    found = condition()
                    if await found if asyncio.iscoroutine(found) else found:
                        return
                    await asyncio.sleep(0.01)

        yield leads_to


@pytest.fixture
def watched(stage):
    """The bot asks for the privileged intent, and the application has it."""
    guild = DiscordSetting(guild_id=GUILD, watch_members=True)
    stage.community = msgspec.structs.replace(stage.community, discord=guild)
    return stage


async def test_a_returning_member_gets_their_role_once_the_screening_is_passed(watched):
    await earn(watched, "discord", ALICE, "1")
    async with watched.discord_bot(), shown(watched, roles) as leads_to:
        await leads_to(lambda: roles_of(watched, ALICE) == {NEWCOMER})
        watched.discord.leave(ALICE)
        watched.discord.join(ALICE, pending=True)

        async def waits_for_screening() -> bool:
            return "membership screening" in await error(watched, "discord")

        await leads_to(waits_for_screening)
        assert roles_of(watched, ALICE) == set()
        watched.discord.pass_screening(ALICE)
        await leads_to(lambda: roles_of(watched, ALICE) == {NEWCOMER})

    assert len(watched.transcript.calls(name=GIVE)) == 2
    assert await watched.totals("discord", ALICE) == (10, 0)


async def test_a_returning_member_gets_their_role_at_once_without_a_screening(watched):
    await earn(watched, "discord", ALICE, "1")
    async with watched.discord_bot(), shown(watched, roles) as leads_to:
        await leads_to(lambda: roles_of(watched, ALICE) == {NEWCOMER})
        watched.discord.leave(ALICE)
        watched.discord.join(ALICE)

        await leads_to(lambda: roles_of(watched, ALICE) == {NEWCOMER})


async def test_a_member_who_left_is_parked_until_their_next_command_shows_the_return(stage):
    """Without the privileged intent Discord does not report who joins."""
    stage.discord.leave(ALICE)
    await earn(stage, "discord", ALICE, "1")
    async with stage.discord_bot(), shown(stage, roles) as leads_to:

        async def is_parked() -> bool:
            return "is not a member" in await error(stage, "discord")

        await leads_to(is_parked)
        looks = len(stage.transcript.calls(name=LOOK))
        await earn(stage, "discord", ALICE, "2")
        for _ in range(5):
            await leads_to(is_parked)
        assert len(stage.transcript.calls(name=LOOK)) == looks
        stage.discord.join(ALICE)
        await leads_to(is_parked)

        profile = await stage.tell_discord(ALICE, "profile")
        await leads_to(lambda: roles_of(stage, ALICE) == {NEWCOMER})

    assert "XP: 20" in profile


async def on_board(stage) -> list[int]:
    async with stage.pool.acquire() as conn:
        return await scores(conn)


async def test_a_member_who_leaves_telegram_is_off_the_board_until_they_are_back(stage):
    await earn(stage, "telegram", TELEGRAM_ALICE, "1")
    async with stage.telegram_bot():
        assert "10 очков" in await stage.tell_telegram(TELEGRAM_BORIS, "/top")
        stage.telegram.leave(TELEGRAM_ALICE)
        # Updates are handled in order, so the answer comes after the bot has seen who left.
        assert (await stage.tell_telegram(TELEGRAM_BORIS, "/top")).startswith("Опыта пока нет")
        stage.telegram.join(TELEGRAM_ALICE)
        assert "10 очков" in await stage.tell_telegram(TELEGRAM_BORIS, "/top")


async def test_a_command_from_outside_the_group_takes_its_sender_off_the_board(stage):
    stage.telegram.leave(TELEGRAM_ALICE)
    await earn(stage, "telegram", TELEGRAM_ALICE, "1")
    await lose_updates(stage)
    assert await on_board(stage) == [10]
    async with stage.telegram_bot():
        await stage.tell_telegram(TELEGRAM_ALICE, "/profile", chat_id=TELEGRAM_ALICE)

        assert await on_board(stage) == []
        stage.telegram.join(TELEGRAM_ALICE)
        await lose_updates(stage)
        await stage.tell_telegram(TELEGRAM_ALICE, "/help")
        await until(partial(is_on_board, stage), what="the member is on the board again")


async def is_on_board(stage) -> bool:
    return await on_board(stage) == [10]


async def test_a_member_who_leaves_discord_is_off_the_board_at_once(watched):
    await earn(watched, "discord", ALICE, "1")
    async with watched.discord_bot():
        watched.discord.leave(ALICE)

        await until(partial(is_empty, watched), what="the member is off the board")
        watched.discord.join(ALICE)
        await until(partial(is_on_board, watched), what="the member is on the board again")


async def is_empty(stage) -> bool:
    return await on_board(stage) == []


async def test_without_the_intent_a_visit_and_a_command_tell_who_is_on_the_board(stage):
    stage.discord.leave(ALICE)
    await earn(stage, "discord", ALICE, "1")
    async with stage.discord_bot(), shown(stage, roles) as leads_to:
        await leads_to(partial(is_empty, stage))
        stage.discord.join(ALICE)

        await stage.tell_discord(ALICE, "profile")
        await until(partial(is_on_board, stage), what="the member is on the board again")


async def test_bots_are_off_the_board_once_they_were_visited(stage):
    """A bot of somebody's has earned something: it sent the events about itself."""
    bot_id = next(
        int(one["user"]["id"]) for one in stage.discord.world()["members"] if one["user"].get("bot")
    )
    await earn(stage, "discord", bot_id, "1")
    async with shown(stage, roles) as leads_to:
        await leads_to(partial(is_empty, stage))


async def test_a_lost_return_in_telegram_is_seen_at_the_next_message(stage):
    stage.telegram.leave(TELEGRAM_ALICE)
    await earn(stage, "telegram", TELEGRAM_ALICE, "1")
    async with shown(stage, tags) as leads_to:

        async def is_parked() -> bool:
            return "is not in the Telegram group" in await error(stage, "telegram")

        await leads_to(is_parked)
        stage.telegram.join(TELEGRAM_ALICE)
        await lose_updates(stage)
        async with stage.telegram_bot():
            stage.telegram.say(TELEGRAM_GROUP, TELEGRAM_ALICE, "hello")
            await leads_to(lambda: tag_of(stage, TELEGRAM_ALICE) == "Newcomer")


async def test_a_former_administrator_is_tagged_at_once(stage):
    await earn(stage, "telegram", ADA, "1")
    async with stage.telegram_bot(), shown(stage, tags) as leads_to:

        async def is_exempt() -> bool:
            return "is an administrator" in await error(stage, "telegram")

        await leads_to(is_exempt)
        stage.telegram.people.demote(ADA)
        await leads_to(lambda: tag_of(stage, ADA) == "Newcomer")
        stage.telegram.people.promote(ADA)
        await leads_to(is_exempt)


async def test_watching_members_without_the_intent_is_refused_with_what_to_do(watched):
    await watched.discord.stop()
    server = DiscordPlatform(
        load_seed(), Transcript(), watched.faults, privileged=Intent.MESSAGE_CONTENT
    )
    await server.start()
    watched.settings = msgspec.structs.replace(
        watched.settings,
        discord_api_base=server.api_base,
        discord_gateway_url=server.gateway_url,
    )
    try:
        with pytest.raises(Refused, match="Server Members Intent"):
            await watched.served(bots.discord_bot.app.serve, Supervisor(asyncio.Event()))
    finally:
        await server.stop()
        await watched.discord.start()


async def test_watching_members_asks_for_no_list_of_them(watched):
    """Discord answers a request for the list in half a minute; after a refusal discord.py hangs."""
    async with watched.discord_bot():
        await watched.tell_discord(ALICE, "profile")

    sent = {call.name for call in watched.transcript.calls(platform="discord")}
    assert "gateway IDENTIFY" in sent
    assert "gateway REQUEST_GUILD_MEMBERS" not in sent
