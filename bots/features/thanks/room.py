"""The command /thanks, and replies that thank in words."""

from datetime import UTC, datetime
from typing import Final

import structlog

from bots.features.command import (
    Answer,
    Audience,
    Command,
    GroupReply,
    MemberParameter,
    Question,
    Target,
)
from bots.features.exclusions import Exclusions
from bots.features.room import Room
from bots.runtime.metrics import THANKS
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db import Contention
from db.earning import thanks
from db.earning.thanks import Thanked, ThankLimits

from . import texts
from .words import ThankWords

log = structlog.get_logger("twinstream.bots")

#: Attempts to enter a thank while one of the accounts is being linked, which takes milliseconds.
ATTEMPTS_MAX: Final = 3


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state."""
    setting = services.community.earning.thanks
    if not setting.enabled:
        return Room()
    desk = _Desk(services)
    words = ThankWords(setting.words)
    command = Command(
        name="thanks",
        description=marked("Thank another member"),
        handler=desk.answer_command,
        parameter=MemberParameter(
            name="member",
            hint=marked("The member whom you thank"),
            refuse=None,
            asks_presence=True,
        ),
        aliases=("thank", "thx", "rep", "спасибо", "благодарю", "дякую"),
        audience=Audience.ASKER if setting.quiet else Audience.EVERYBODY,
        earns=True,
    )
    reply = GroupReply(recognises=words.are_in, handler=desk.answer_reply)
    return Room(commands=(command,), replies=(reply,) if words else ())


class _Desk:
    """Enters thanks and answers them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        setting = services.community.earning.thanks
        self._exclusions = Exclusions(services.community, services.platform)
        self._is_quiet = setting.quiet
        self._limits = ThankLimits(
            services.community.timezone, setting.per_day_max, setting.xp, setting.xp_per_day_max
        )

    async def answer_command(self, question: Question[Target]) -> Answer:
        """Answer /thanks, also if it does not count."""
        language, mark = question.asker.texts, self._services.mark
        named = question.argument
        target = named if isinstance(named, Target) else question.replied_to
        if target is None or target.account_id == question.asker.account_id:
            return Answer(texts.nobody(self._services.platform, language))
        if target.is_bot:
            return Answer(texts.bot(language))
        if target.is_here is None:
            return Answer(texts.unknown(language))
        if not target.is_here:
            return Answer(texts.absent(target.name, language, mark))
        if self._excludes(question, target):
            return Answer(texts.excluded(language))
        thanked = await self._thank(question, target)
        return Answer(texts.answer(thanked, target.name, self._limits.per_day, language, mark))

    async def answer_reply(self, question: Question[str]) -> Answer | None:
        """Answer a reply that thanks, if it counts. People thank for other reasons, too."""
        target = question.replied_to
        if (
            target is None
            or target.is_bot
            or not target.is_here
            or target.account_id == question.asker.account_id
            or self._excludes(question, target)
        ):
            return None
        thanked = await self._thank(question, target)
        if self._is_quiet or thanked.outcome not in ("thanked", "known"):
            return None
        language, mark = question.asker.texts, self._services.mark
        return Answer(texts.answer(thanked, target.name, self._limits.per_day, language, mark))

    def _excludes(self, question: Question[Target] | Question[str], target: Target) -> bool:
        """Tell whether the settings exclude one of the two, or the place of a word. Pure."""
        asker, place = question.asker, question.place
        return (
            self._exclusions.have_account(asker.account_id, asker.roles)
            or self._exclusions.have_account(target.account_id, target.roles)
            or (place is not None and self._exclusions.have_place(place))
        )

    async def _thank(self, question: Question[Target] | Question[str], target: Target) -> Thanked:
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return await self._enter(question, target)
            except Contention:
                continue
        return await self._enter(question, target)

    async def _enter(self, question: Question[Target] | Question[str], target: Target) -> Thanked:
        platform, giver = self._services.platform, question.asker.account_id
        thanked = await thanks.give(
            self._services.producer,
            platform,
            giver,
            target.account_id,
            entity_id=question.entity_id,
            said_at=question.asked_at or datetime.now(UTC),
            limits=self._limits,
            receiver_name=target.name,
            forget_secret=self._services.forget_secret,
        )
        if thanked.outcome == "thanked":
            THANKS.labels(platform).inc()
            log.info("thank.counted", account_id=giver, receiver_id=target.account_id)
        return thanked
