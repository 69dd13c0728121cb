"""The command /invite, the reactions to invited accounts, and the duty that pays for them."""

import asyncio

import structlog

from bots.features.command import Answer, Audience, Command, Question
from bots.features.room import Duty, Invitation, Room
from bots.runtime.delivery import Delivery
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db import DbError
from db.rewards import invites
from db.rewards.invites import InviteRules, Judged

from . import texts

log = structlog.get_logger("twinstream.bots")

#: Seconds between two looks for invitations that are due: they wait for hours anyway.
PAY_S = 60.0
#: Invitations that one transaction judges, and that one look judges at most: the others are looked
#: at the next time, so a crowd that earns nothing costs no more than so many sums a minute.
BATCH = 50
LOOKED_AT_MAX = 1_000


class Invitations:
    """Notes invitations and pays for them. It keeps no state: they live in Postgres."""

    def __init__(self, services: Services) -> None:
        setting = services.community.invites
        self._services = services
        self._rules = InviteRules(
            setting.stay_hours * 3_600,
            setting.least_xp,
            setting.xp,
            setting.balance,
            setting.per_day_max,
        )
        self._stores = services.community.stores.connected()

    async def note(self, invitation: Invitation) -> None:
        """Note by whom an account came."""
        services = self._services
        try:
            async with services.database.connection() as conn:
                status = await invites.note(
                    conn,
                    services.platform,
                    invitation.inviter_id,
                    invitation.account_id,
                    link=invitation.link,
                    forget_secret=services.forget_secret,
                )
        except DbError as error:
            account_id = invitation.account_id
            log.warning("invitation.lost", account_id=account_id, why=str(error))
        else:
            log.info("invitation.noted", account_id=invitation.account_id, status=status or "known")

    async def show_link(self, question: Question[None]) -> Answer:
        """Answer /invite."""
        language = question.asker.texts
        link = None if question.invite_link is None else await question.invite_link()
        if link is None:
            return Answer(texts.no_link(language))
        return Answer(texts.own_link(link, language, self._services.mark))

    async def end(self, account_id: int) -> None:
        """Note that an account left. If that is lost, it has to earn all the same.

        Its own link stays good then, until it asks from outside the group.
        """
        try:
            async with self._services.database.connection() as conn:
                await invites.end(conn, self._services.platform, account_id)
        except DbError as error:
            log.warning("invitation.lost", account_id=account_id, why=str(error))

    async def pay(self, delivery: Delivery) -> None:
        """Pay invitations that are due, until cancelled."""
        while True:
            try:
                await self._pay_all()
            except DbError as error:
                log.debug("invitations.delayed", why=str(error))
            await asyncio.sleep(PAY_S)

    async def _pay_all(self) -> None:
        services = self._services
        async with services.database.connection() as conn:
            for _ in range(LOOKED_AT_MAX // BATCH):
                looked_at = await invites.pay_due(
                    conn,
                    services.platform,
                    self._rules,
                    stores=self._stores,
                    forget_secret=services.forget_secret,
                    pause_s=PAY_S / 2,
                    at_most=BATCH,
                )
                for one in looked_at:
                    _tell(one)
                if len(looked_at) < BATCH:
                    return


def _tell(one: Judged) -> None:
    if one.refusal is not None:
        log.warning(
            "invitation.refused",
            account_id=one.account_id,
            inviter_id=one.inviter_id,
            status=one.status,
            why=one.refusal,
        )
    elif one.status != "waiting":
        log.info(
            "invitation.judged",
            account_id=one.account_id,
            inviter_id=one.inviter_id,
            status=one.status,
        )


def open_room(services: Services) -> Room:
    """Open the room. Discord does not say by whom a member came."""
    if not services.community.invites.enabled or services.platform != "telegram":
        return Room()
    invitations = Invitations(services)
    command: Command[None] = Command(
        name="invite",
        description=marked("Your own invite link"),
        handler=invitations.show_link,
        audience=Audience.ASKER,
        aliases=("пригласить", "приглашение"),
    )
    return Room(
        commands=(command,),
        duties=(Duty("invitations", invitations.pay),),
        on_invited=invitations.note,
        on_gone=invitations.end,
    )
