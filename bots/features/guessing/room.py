"""The command /guess, and the numbers to press under its answer."""

import contextlib

from bots.features.command import (
    Answer,
    Asker,
    Audience,
    Command,
    NumberParameter,
    Press,
    Pressed,
    Question,
    Unclear,
)
from bots.features.profile import read_profile
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db import Contention, StorageUnavailable

from . import texts
from .game import (
    NUMBER_MAX,
    NUMBER_MIN,
    Explained,
    GameService,
    Lost,
    Missed,
    Restarted,
    Resting,
    Turn,
    Won,
)

#: A number that no game has, for an argument that is no whole number.
NO_NUMBER = NUMBER_MIN - 1


def open_room(services: Services) -> Room:
    """Open the game. Its rounds live as long as the process."""
    community, mark = services.community, services.mark
    game = GameService(
        source=services.platform, rewards=services.producer, pause_s=community.game.pause_s
    )

    async def answer(turn: Turn, asker: Asker) -> Answer:
        """Answer a turn, with the member's new total after a win."""
        text = texts.turn(turn, asker.texts, mark, community)
        if not isinstance(turn, Won):
            return Answer(text)
        is_private = services.platform == "discord" and community.game.private_on_discord
        told = texts.told_to_all(asker.name, turn, asker.texts, mark) if is_private else ""
        if turn.reward is None:
            return Answer(text, told_to_all=told)
        # The win itself is recorded, so the answer goes out without the total if that is missing.
        with contextlib.suppress(StorageUnavailable, Contention):
            profile = await read_profile(services.database, asker.account_id, asker.name)
            if profile is not None:
                text = f"{text}\n{texts.total(profile, asker.texts, mark, community)}"
        return Answer(text, must_arrive=True, told_to_all=told)

    async def guess(question: Question[int]) -> Answer:
        asker = question.asker
        number = NO_NUMBER if question.argument is Unclear.ARGUMENT else question.argument
        turn = await game.guess(
            asker.account_id, number, entity_id=question.entity_id, display_name=asker.name
        )
        answered = await answer(turn, asker)
        if not isinstance(turn, Explained):
            # Answers to typed numbers share messages in a busy group; buttons would keep them apart.
            return answered
        return answered._replace(buttons=texts.buttons(game.board(asker.account_id)))

    async def press(pressed: Pressed) -> Answer:
        asker = pressed.asker
        token, _, number = pressed.value.partition(".")
        turn = await game.press(
            asker.account_id,
            int(number) if number.isdecimal() else NO_NUMBER,
            token,
            # A message may have several rounds, so its own name would pay one of them only.
            entity_id=f"{pressed.entity_id}.{token}",
            display_name=asker.name,
        )
        answered = await answer(turn, asker)
        match turn:
            case Resting():
                return Answer("", hint=answered.text)
            case Missed() | Restarted() | Lost():
                answered = answered._replace(hint=answered.text)
        return answered._replace(buttons=texts.buttons(game.board(asker.account_id)))

    is_private = community.game.private_on_discord
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
                audience=Audience.ASKER_ON_DISCORD if is_private else Audience.EVERYBODY,
            ),
        ),
        presses=(
            Press(
                action=texts.GUESS,
                handler=press,
                refuse_stranger=texts.members_only,
                earns=True,
            ),
        ),
    )
