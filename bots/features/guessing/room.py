"""The command /guess."""

import contextlib

from bots.features.command import Answer, Command, NumberParameter, Question, Unclear
from bots.features.profile import read_profile
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db import Contention, StorageUnavailable

from . import texts
from .game import NUMBER_MAX, NUMBER_MIN, GameService, Won

#: A number that no game has, for an argument that is no whole number.
NO_NUMBER = NUMBER_MIN - 1


def open_room(services: Services) -> Room:
    """Open the game. Its rounds live as long as the process."""
    community, mark = services.community, services.mark
    game = GameService(
        source=services.platform, rewards=services.producer, pause_s=community.game.pause_s
    )

    async def guess(question: Question[int]) -> Answer:
        asker = question.asker
        number = NO_NUMBER if question.argument is Unclear.ARGUMENT else question.argument
        turn = await game.guess(
            asker.account_id, number, entity_id=question.entity_id, display_name=asker.name
        )
        answer = texts.turn(turn, asker.texts, mark, community)
        if not isinstance(turn, Won) or turn.reward is None:
            return Answer(answer)
        # The win itself is recorded, so the answer goes out without the total if that is missing.
        with contextlib.suppress(StorageUnavailable, Contention):
            profile = await read_profile(services.database, asker.account_id, asker.name)
            if profile is not None:
                answer = f"{answer}\n{texts.total(profile, asker.texts, mark, community)}"
        return Answer(answer, must_arrive=True)

    return Room(
        commands=(
            Command(
                name="guess",
                description=marked("Guess my number and win XP"),
                handler=guess,
                parameter=NumberParameter(
                    name="number",
                    hint=marked("Your guess; leave it out to see where the game stands"),
                    least=NUMBER_MIN,
                    most=NUMBER_MAX,
                ),
                aliases=("play", "угадать", "играть"),
                refuse_stranger=texts.members_only,
                earns=True,
            ),
        )
    )
