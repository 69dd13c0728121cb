"""The command /profile."""

from datetime import datetime
from functools import partial

import asyncpg

from bots.cards import Card, CardPainter
from bots.features.command import (
    Answer,
    Audience,
    Avatars,
    Command,
    Flag,
    MemberParameter,
    Picture,
    Question,
    Target,
    Unclear,
)
from bots.features.room import Room
from bots.runtime.database import Database
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db.members import accounts, profiles
from db.members.profiles import Figures, Profile

from . import texts


async def read_profile(database: Database, account_id: int, name: str) -> Profile | None:
    """Return the profile of an account that has this name now; None if it has earned nothing.

    Raises:
        DbError: Postgres is unavailable, or the read has to be repeated.
    """
    async with database.connection() as conn:
        await accounts.remember_name(conn, database.platform, account_id, name)
        return await profiles.profile(conn, database.platform, account_id)


def open_room(services: Services) -> Room:
    """Open the room. It keeps the cards that it drew last, within a bound."""
    profile_room = _ProfileRoom(services, CardPainter(services.community.cards))
    return Room(
        commands=(
            Command(
                name="profile",
                description=marked("XP, level, rank and balance, yours or another member's"),
                handler=profile_room.show,
                parameter=MemberParameter(
                    name="member",
                    hint=marked("The member whose profile you want to see; yours if left out"),
                    refuse=None,
                ),
                flag=Flag(
                    name="text",
                    hint=marked("Show it in words, without a picture"),
                    words=("text", "текст", "текстом"),
                ),
                user_menu=marked("Profile"),
                aliases=(
                    *("rank", "level", "balance", "xp"),
                    *("профиль", "ранг", "уровень", "баланс", "опыт"),
                ),
                audience=Audience.ASKER_ON_DISCORD,
            ),
        )
    )


class _ProfileRoom:
    """Reads and shows profiles."""

    def __init__(self, services: Services, painter: CardPainter) -> None:
        self._services = services
        self._painter = painter

    async def show(self, question: Question[Target]) -> Answer:
        """Answer /profile."""
        asker, argument = question.asker, question.argument
        if argument is Unclear.ARGUMENT:
            return Answer(texts.unclear(asker.texts))
        if argument is None and question.replies_to_nameless:
            return Answer(texts.nameless(asker.texts))
        is_own = argument is None
        target = argument or Target(asker.account_id, asker.name)
        if target.is_bot:
            return Answer(texts.is_bot(asker.texts))
        if is_own:
            await self._services.earnings.close_windows_of(asker.account_id)
        async with self._services.database.connection() as conn:
            if is_own:
                platform = self._services.platform
                await accounts.remember_name(conn, platform, asker.account_id, asker.name)
            figures = await self._figures(conn, target.account_id)
            if not is_own and figures is not None and figures.is_hidden:
                return Answer(texts.hidden(asker.texts))
            if figures is not None and figures.left_out == "bot":
                return Answer(texts.is_bot(asker.texts))
            profile = await profiles.profile(conn, self._services.platform, target.account_id)
        name = target.name or (figures and figures.display_name) or ""
        if profile is None or figures is None:
            mark = self._services.mark
            return Answer(texts.nothing_earned(name, asker.texts, mark, is_own=is_own))
        return self._answer(question, target, texts.Seen(name, profile, figures, is_own))

    async def _figures(self, conn: asyncpg.Connection, account_id: int) -> Figures | None:
        today = datetime.now(self._services.community.zone).date()
        return await profiles.figures(conn, self._services.platform, account_id, today=today)

    def _answer(self, question: Question[Target], target: Target, seen: texts.Seen) -> Answer:
        language, mark = question.asker.texts, self._services.mark
        community = self._services.community
        text = texts.card(seen, language, mark, community)
        if question.is_flagged or not community.cards.pictures:
            return Answer(text)
        card = texts.picture(seen, language, community)
        # Discord reads the description out; on Telegram the caption is all that can be read out.
        beside = texts.beside_card(seen, language, mark, community)
        return Answer(
            text,
            picture=Picture(
                name="profile.png",
                description=texts.card(seen, language, texts.Unformatted(), community),
                caption=text if self._services.platform == "telegram" else "\n".join(beside),
                draw=partial(self._draw, card, target.account_id, question.avatars),
            ),
        )

    async def _draw(self, card: Card, account_id: int, avatars: Avatars | None) -> bytes | None:
        avatar = None if avatars is None else await avatars.read(account_id)
        return await self._painter.paint(card, avatar)
