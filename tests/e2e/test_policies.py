"""Every policy through both bots, whatever both accounts had, and whatever broke on the way."""

import asyncio
import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

import bots.features.linking.news
from db.links.links import Policy
from db.links.states import LinkRules, set_rules
from db.upkeep.audit import audit
from sandbox import Fault
from tests.support.patience import PATIENCE_S
from tests.support.recorded_events import record, settle, until_someone_waits_for_a_lock, xp
from tests.support.variants import variants

ALICE, DISCORD_ALICE = 1001, 800000000000000101
#: XP of the Telegram account and of the Discord account before the link.
PROGRESS = {"both": (20, 15), "telegram": (20, 0), "discord": (0, 15), "neither": (0, 0)}
TOTALS: dict[Policy, Callable[[int, int], int]] = {
    "sum": lambda telegram, discord: telegram + discord,
    "max": max,
    "telegram": lambda telegram, discord: telegram,
    "discord": lambda telegram, discord: discord,
}


async def earned(stage, telegram: int, discord: int) -> None:
    for one in (
        xp(telegram, user_id=ALICE) if telegram else None,
        xp(discord, user_id=DISCORD_ALICE, source="discord") if discord else None,
    ):
        if one is not None:
            await record(stage.pool, one, source=one.event.source)
            await settle(stage.pool, one, source=one.event.source)


async def asked(stage) -> dict[str, Any]:
    """Start on Telegram, send the code from Discord; return the question on Telegram."""
    told = await stage.tell_telegram(ALICE, "/link", chat_id=ALICE)
    code = re.findall(r"<code>([A-Z2-9]{10})</code>", told)[0]
    await stage.tell_discord(DISCORD_ALICE, "link", code=code)
    call = await stage.transcript.wait_for(
        lambda call: call.name == "sendMessage" and "Confirm only if" in call.request["text"],
        timeout=PATIENCE_S,
    )
    message: dict[str, Any] = call.response["result"]
    return message


async def confirm(stage, message: dict[str, Any]) -> None:
    """Press the first button under the question, and wait until the press was confirmed."""
    after = stage.transcript.last
    data = message["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    stage.telegram.click(ALICE, message["message_id"], ALICE, data)
    await stage.seen("answerCallbackQuery", after=after)


async def nothing_breaks(stage) -> None:
    async with stage.telegram_bot(), stage.discord_bot():
        await confirm(stage, await asked(stage))


async def the_bots_end_before_the_answer(stage) -> None:
    async with stage.telegram_bot(), stage.discord_bot():
        message = await asked(stage)
    async with stage.telegram_bot():
        await confirm(stage, message)


async def postgres_breaks_before_the_commit(stage) -> None:
    async with stage.telegram_bot(), stage.discord_bot():
        message = await asked(stage)
        async with stage.pool.acquire() as conn, conn.transaction():
            await conn.execute("SELECT FROM accounts WHERE platform = 'telegram' FOR UPDATE")
            confirming = asyncio.create_task(confirm(stage, message))
            await until_someone_waits_for_a_lock(stage.pool)
            await stage.gate.shut()
        await confirming
        assert await stage.pool.fetchval("SELECT count(*) FROM links") == 0
        await stage.gate.open()
        async with asyncio.timeout(PATIENCE_S):
            while not await stage.pool.fetchval("SELECT count(*) FROM links"):
                await confirm(stage, message)


async def the_answer_is_lost(stage) -> None:
    async with stage.telegram_bot(), stage.discord_bot():
        message = await asked(stage)
        stage.faults.add(Fault("telegram", "editMessageText", 400))
        await confirm(stage, message)
        await stage.tell_telegram(ALICE, "/link", chat_id=ALICE)


BREAKS = {
    "nothing": nothing_breaks,
    "before the press": the_bots_end_before_the_answer,
    "before the commit": postgres_breaks_before_the_commit,
    "after the commit": the_answer_is_lost,
}


@pytest.fixture(autouse=True)
def prompt(monkeypatch):
    monkeypatch.setattr(bots.features.linking.news, "INTERVAL_S", 0.02)


@pytest.mark.parametrize(
    ("policy", "progress", "breaks"),
    variants(
        tuple(
            (f"{policy}, {progress}, {breaks}", (policy, progress, breaks))
            for policy, progress, breaks in itertools.product(TOTALS, PROGRESS, BREAKS)
        ),
        every_day=("max, both, before the commit",),
    ),
)
async def test_a_member_has_what_the_policy_says_once(stage, policy, progress, breaks):
    before = PROGRESS[progress]
    await earned(stage, *before)
    await set_rules(stage.pool, LinkRules(policy=policy))

    await BREAKS[breaks](stage)

    expected = TOTALS[policy](*before)
    assert await stage.totals("telegram", ALICE) == (expected, 0)
    assert await stage.totals("discord", DISCORD_ALICE) == (expected, 0)
    rows: list[Any] = await stage.pool.fetch(
        "SELECT reason, sum(delta_xp) FROM transactions"
        " WHERE idempotency_key LIKE 'link:%' AND platform = source GROUP BY reason"
    )
    moved = expected - sum(before)
    assert [tuple(row) for row in rows] == ([(f"link_{policy}", moved)] if moved else [])
    noted = await stage.pool.fetchrow("SELECT telegram_xp_before, discord_xp_before FROM links")
    assert tuple(noted) == before
    async with stage.pool.acquire() as conn:
        found = await audit(conn, {})
    assert [one for check in found.checks for one in check.examples] == []
