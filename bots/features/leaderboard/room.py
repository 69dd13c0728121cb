"""The command /top."""

from bots.features.command import Answer, Command, Question
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db.members import profiles

from . import texts

#: Members on the board: with the longest names and ranks it still fits into a Discord message.
TOP_LINES = 10


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state."""

    async def show(question: Question[None]) -> Answer:
        async with services.database.connection() as conn:
            standings = await profiles.top(conn, services.platform, limit=TOP_LINES)
        return Answer(
            texts.table(standings, question.asker.texts, services.mark, services.community)
        )

    return Room(
        commands=(
            Command(
                name="top",
                description=marked("The members with the most XP"),
                handler=show,
                aliases=("leaderboard", "leaders", "топ", "лидеры"),
            ),
        ),
    )
