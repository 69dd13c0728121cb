"""The command /daily."""

from datetime import UTC, datetime

import structlog

from bots.features.command import Answer, Command, Question
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from config import Community
from db.rewards import daily
from db.rewards.daily import DailyRules
from db.rewards.days import days_around

from . import texts

log = structlog.get_logger("twinstream.bots")


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state: claims and streaks live in Postgres."""
    community, mark = services.community, services.mark
    if not community.daily.enabled:
        return Room()
    rules, zone, stores = rules_of(community), community.zone, community.stores.connected()

    async def claim(question: Question[None]) -> Answer:
        asker, now = question.asker, datetime.now(UTC)
        async with services.database.connection() as conn:
            claimed = await daily.claim(
                conn,
                services.platform,
                asker.account_id,
                asker.name,
                days=days_around(now, zone),
                rules=rules,
                stores=stores,
                forget_secret=services.forget_secret,
            )
        if claimed.outcome == "claimed":
            log.info(
                "daily.claimed",
                account_id=asker.account_id,
                xp=claimed.xp,
                balance=claimed.balance,
                streak=claimed.streak,
            )
        answer = texts.answer(claimed, services.platform, now, asker.texts, mark, community)
        return Answer(answer, must_arrive=claimed.outcome == "claimed")

    return Room(
        commands=(
            Command(
                name="daily",
                description=marked("Your reward for today, and your days in a row"),
                handler=claim,
                aliases=(
                    *("bonus", "checkin", "streak"),
                    *("ежедневно", "бонус", "ежедневный", "награда"),
                ),
                earns=True,
            ),
        )
    )


def rules_of(community: Community) -> DailyRules:
    """Return the settings as Postgres reads them. Pure."""
    setting = community.daily
    return DailyRules(**{name: getattr(setting, name) for name in DailyRules._fields})
