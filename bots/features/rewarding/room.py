"""The command /reward."""

from typing import Final

import structlog

from bots.features.command import (
    Answer,
    Command,
    Form,
    FormParameter,
    NumberParameter,
    Question,
    TargetKind,
    TextParameter,
    Unclear,
)
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db.members.accounts import remember_name
from db.rewards import administrators
from db.rewards.administrators import Reward, RewardLimits

from . import requests, texts
from .requests import AMOUNT_MAX

log = structlog.get_logger("twinstream.bots")

_MEMBER: Final = TextParameter("member", marked("The member who gets it"))
_FIELDS: Final = (
    NumberParameter("xp", marked("XP; less than 0 takes it away"), -AMOUNT_MAX, AMOUNT_MAX),
    NumberParameter("coins", marked("Coins; less than 0 takes them away"), -AMOUNT_MAX, AMOUNT_MAX),
    TextParameter("achievement", marked("An achievement, by its name in the settings")),
    TextParameter("reason", marked("The reason, which the member reads in /why")),
)


class Rewards:
    """Gives what administrators want to give. It keeps no state."""

    def __init__(self, services: Services) -> None:
        setting = services.community.rewards
        self._services = services
        self._limits = RewardLimits(
            setting.per_day_max, setting.xp_per_day_max, setting.balance_per_day_max
        )
        self._stores = services.community.stores.connected()

    async def give(self, question: Question[Form]) -> Answer:
        """Answer /reward of an administrator."""
        asker, form, services = question.asker, question.argument, self._services
        language, mark = asker.texts, services.mark
        if form is None or form is Unclear.ARGUMENT or form.target is None:
            return Answer(texts.usage(services.platform, language, mark))
        if form.kind is not TargetKind.MEMBER:
            return Answer(texts.not_for(form.kind, form.target, language, mark))
        wanted = requests.read(form.text) if form.text else requests.of_values(form.values)
        if not wanted.is_complete:
            return Answer(texts.usage(services.platform, language, mark))
        known = {one.name for one in services.community.achievements}
        if wanted.achievement is not None and wanted.achievement not in known:
            return Answer(texts.unknown_achievement(wanted.achievement, known, language, mark))
        account_id, name = form.target.account_id, form.target.name
        reward = Reward(
            question.entity_id, wanted.xp, wanted.coins, wanted.achievement, wanted.reason
        )
        async with services.database.connection() as conn:
            if name:
                await remember_name(conn, services.platform, account_id, name)
            given = await administrators.give(
                conn,
                services.platform,
                asker.account_id,
                account_id,
                reward,
                self._limits,
                stores=self._stores,
                forget_secret=services.forget_secret,
            )
        log.info(
            "reward.answered",
            account_id=asker.account_id,
            on=account_id,
            outcome=given.outcome,
            xp=reward.xp,
            balance=reward.balance,
        )
        answer = texts.answer(given, reward, form.target, language, mark, services.community)
        return Answer(answer, must_arrive=given.outcome in ("given", "again"))


def open_room(services: Services) -> Room:
    """Open the room."""
    if not services.community.rewards.enabled:
        return Room()
    return Room(
        commands=(
            Command(
                name="reward",
                description=marked("Give a member XP, coins or an achievement; for administrators"),
                handler=Rewards(services).give,
                parameter=FormParameter(_MEMBER, _FIELDS),
                aliases=("give", "наградить", "начислить"),
                is_in_menu=False,
                refuse_others=texts.admins_only,
            ),
        )
    )
