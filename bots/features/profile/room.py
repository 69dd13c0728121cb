"""The command /profile."""

from bots.features.command import Answer, Audience, Command, Question
from bots.features.room import Room
from bots.runtime.database import Database
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db.members import accounts, profiles
from db.members.profiles import Profile

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
    """Open the room. It keeps no state."""

    async def show(question: Question[None]) -> Answer:
        account_id, name, language = question.asker
        await services.earnings.close_windows_of(account_id)
        profile = await read_profile(services.database, account_id, name)
        return Answer(texts.card(profile, name, language, services.mark, services.community))

    return Room(
        commands=(
            Command(
                name="profile",
                description=marked("Your XP, balance and rank"),
                handler=show,
                aliases=(
                    *("rank", "level", "balance", "xp"),
                    *("профиль", "ранг", "уровень", "баланс", "опыт"),
                ),
                audience=Audience.ASKER_ON_DISCORD,
            ),
        )
    )
