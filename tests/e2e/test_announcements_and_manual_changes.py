"""Both bots beside their answers: announcements, and tags or roles that were changed by hand."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

import bots.features.announcements.announcer
import schemas
from config.community_file import AnnouncementSetting
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.members.accounts import remember_name
from db.surfaces.display_visits import mark_shown, take

GROUP = -1001000000001
TELEGRAM_ALICE, DISCORD_ALICE = 1001, 800000000000000101
CHANNEL, NEWCOMER = 900000000000000010, 900000000000000101
POST = "POST /channels/{channel_id}/messages"


@pytest.fixture(autouse=True)
def at_once(monkeypatch, stage):
    monkeypatch.setattr(bots.features.announcements.announcer, "INTERVAL_S", 0.05)
    announced = AnnouncementSetting(telegram=True, discord_channel_id=CHANNEL)
    stage.community = msgspec.structs.replace(stage.community, announcements=announced)


async def earn_and_show(stage, platform, user_id: int) -> None:
    """Earn the first rank, and mark it as displayed."""
    event = schemas.xp_changed(
        user_id=user_id,
        delta_xp=15,
        source=platform,
        reason="game_guess",
        entity_id="1",
        occurred_at=datetime.now(UTC),
    )
    async with stage.pool.acquire() as conn, conn.transaction():
        await events.record(conn, platform, [Envelope(event, schemas.encode(event))])
        await remember_name(conn, platform, user_id, "Alice")
    [visit] = await take(stage.pool, platform, limit=1, lease_s=60.0)
    await mark_shown(stage.pool, visit)


async def is_wanted_again(stage) -> None:
    """Return once something has to be displayed."""
    async with asyncio.timeout(10):
        wanted = "SELECT EXISTS (SELECT FROM surfaces WHERE wanted IS DISTINCT FROM shown)"
        while not await stage.pool.fetchval(wanted):  # noqa: ASYNC110 - Postgres sends no signal
            await asyncio.sleep(0.01)


async def test_a_promotion_is_announced_in_the_group(stage):
    await earn_and_show(stage, "telegram", TELEGRAM_ALICE)
    async with stage.telegram_bot():
        call = await stage.seen("sendMessage")

    assert call.request["text"] == "🎉 Alice is <b>Newcomer</b> now"
    assert int(call.request["chat_id"]) == GROUP


async def test_a_promotion_is_announced_in_the_channel(stage):
    await earn_and_show(stage, "discord", DISCORD_ALICE)
    async with stage.discord_bot():
        call = await stage.seen(POST)

    assert call.request["body"]["content"] == "🎉 Alice is **Newcomer** now"


async def test_a_tag_that_was_taken_by_hand_is_seen_at_the_next_message(stage):
    await earn_and_show(stage, "telegram", TELEGRAM_ALICE)
    # Telegram dates its messages in whole seconds.
    await stage.pool.execute("UPDATE surfaces SET shown_at = shown_at - interval '1 minute'")
    async with stage.telegram_bot():
        stage.telegram.say(GROUP, TELEGRAM_ALICE, "hello")
        await is_wanted_again(stage)


async def test_a_role_that_was_taken_by_hand_is_seen_at_the_next_command(stage):
    stage.discord.administration.give_role(DISCORD_ALICE, NEWCOMER)
    await earn_and_show(stage, "discord", DISCORD_ALICE)
    async with stage.discord_bot():
        await stage.tell_discord(DISCORD_ALICE, "profile")
        assert await take(stage.pool, "discord", limit=1, lease_s=1.0) == []
        stage.discord.administration.take_role(DISCORD_ALICE, NEWCOMER)
        await stage.tell_discord(DISCORD_ALICE, "profile")
        await is_wanted_again(stage)


async def test_roles_and_tags_changed_by_hand_make_no_event_and_no_xp(stage):
    await earn_and_show(stage, "discord", DISCORD_ALICE)
    await earn_and_show(stage, "telegram", TELEGRAM_ALICE)
    before = await books(stage)
    async with stage.discord_bot(), stage.telegram_bot():
        stage.discord.administration.give_role(DISCORD_ALICE, NEWCOMER + 3)
        await stage.tell_discord(DISCORD_ALICE, "profile")
        stage.telegram.people.tag(TELEGRAM_ALICE, "Legend")
        await stage.tell_telegram(TELEGRAM_ALICE, "/profile")
        await is_wanted_again(stage)

    assert await books(stage) == before


async def books(stage) -> list:
    """The whole ledger, and what every member has."""
    ledger = await stage.pool.fetch("SELECT * FROM transactions ORDER BY id")
    return [*ledger, *await stage.pool.fetch("SELECT id, xp, balance FROM members ORDER BY id")]
