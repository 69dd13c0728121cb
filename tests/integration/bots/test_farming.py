"""Scripted members who try to earn more than they should, against the real room and Postgres.

docs/earning.md has the figures of this day.
"""

import asyncio
import datetime
from collections.abc import Iterator
from datetime import UTC, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

import asyncpg
import msgspec
import pytest

from bots.features.message_xp.room import MessageXp
from bots.features.posted_messages import MessagePlace, Posted
from config.community_sections.earning import EarningSetting
from db.earning import Earnings, Rules
from tests.support.bot_texts import COMMUNITY

DAY = (datetime.datetime.now(UTC) - timedelta(days=2)).replace(hour=0, minute=0, second=0)
PLACES = {"telegram": MessagePlace(-1001000000001), "discord": MessagePlace(10)}
LIMIT = EarningSetting().messages.xp_per_day_max
WORDS = (
    *("harbour", "lighthouse", "anchor", "storm", "morning", "captain", "sail", "market"),
    *("bread", "letter", "island"),
)
LITTLE = ("ok", "hahahahaha", "...", "+1", "🎉🎉🎉")


class Message(NamedTuple):
    at_s: float
    platform: str
    text: str
    number: int | None = None
    """The number of the message, if it is one that was seen before."""


def fresh(number: int) -> str:
    """A text of other words than the last ones have."""
    return " ".join(WORDS[(number * step + step) % len(WORDS)] + str(number) for step in (1, 3, 7))


def honest() -> Iterator[Message]:
    """Writes every two minutes for sixteen hours, as nobody does."""
    for number in range(480):
        yield Message(number * 120, "telegram", fresh(number))


def alternating() -> Iterator[Message]:
    """Writes on both platforms in turns, every ten seconds for four hours."""
    for number in range(1_440):
        yield Message(number * 10, ("telegram", "discord")[number % 2], fresh(number))


def spamming() -> Iterator[Message]:
    """Writes something new each second for two hours."""
    for number in range(7_200):
        yield Message(number, "telegram", fresh(number))


def repeating() -> Iterator[Message]:
    """Writes the same text every minute for eight hours, with other dots and in other case."""
    for number in range(480):
        text = "Good morning, how are you all today?" + "!" * (number % 9)
        yield Message(number * 61, "telegram", text.upper() if number % 2 else text)


def replayed() -> Iterator[Message]:
    """A bot is restarted again and again, and each update comes five times."""
    for number in range(20):
        for _ in range(5):
            yield Message(number * 300, "telegram", fresh(number), number)


def filling() -> Iterator[Message]:
    """Writes as little as possible, every minute."""
    for number in range(480):
        yield Message(
            number * 61, "telegram", ("ok", "hahahahaha", "...", "+1", "🎉🎉🎉")[number % 5]
        )


SCRIPTS = (honest, alternating, spamming, repeating, replayed, filling)


async def play(pool: asyncpg.Pool, script: Any, account: int) -> tuple[int, int]:
    """Play a member's day. Returns the messages and the XP."""
    community = msgspec.structs.replace(COMMUNITY, earning=EarningSetting())
    rules = Rules(window_s=14_400, zone=UTC)
    earnings = {one: Earnings(pool, one, rules) for one in ("telegram", "discord")}
    rooms = {}
    for platform, its in earnings.items():
        services: Any = SimpleNamespace(
            platform=platform, community=community, earnings=its, amount_secret=b"secret"
        )
        rooms[platform] = MessageXp(services)
    await pool.execute("SELECT twinstream.link_accounts($1, $2)", account, account + 1_000)
    messages = 0
    for messages, one in enumerate(script(), 1):
        mine = account + (1_000 if one.platform == "discord" else 0)
        number = messages if one.number is None else 100_000 + one.number
        at = DAY + timedelta(seconds=one.at_s)
        rooms[one.platform].note(Posted(mine, "Ann", number, PLACES[one.platform], at, one.text))
        if earnings[one.platform].waiting:
            await earnings[one.platform].settled(30)
            await asyncio.sleep(0)
    for its in earnings.values():
        await its.close()
    xp = await pool.fetchval(
        "SELECT coalesce(sum(day_xp), 0)::bigint FROM earning_windows WHERE account_id IN ($1, $2)",
        account,
        account + 1_000,
    )
    return messages, xp


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.__name__)
async def test_no_script_earns_more_than_an_honest_members_limit(pool, script):
    messages, xp = await play(pool, script, 1 + SCRIPTS.index(script))
    print(f"{script.__name__}: {messages} messages, {xp} XP")  # noqa: T201 - for the page

    assert xp <= LIMIT
    if script in (repeating, filling):
        assert xp <= 20  # the first one
    if script is replayed:
        assert xp <= 20 * 20
