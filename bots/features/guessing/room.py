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


class GuessingRoom:
    """Answers turns of the game, typed and pressed."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._community, self._mark = services.community, services.mark
        self._is_private = services.platform == "discord" and (
            services.community.game.private_on_discord
        )
        self._game = GameService(
            source=services.platform,
            rewards=services.producer,
            pause_s=services.community.game.pause_s,
        )

    async def guess(self, question: Question[int]) -> Answer:
        """Answer /guess."""
        asker = question.asker
        number = NO_NUMBER if question.argument is Unclear.ARGUMENT else question.argument
        turn = await self._game.guess(
            asker.account_id, number, entity_id=question.entity_id, display_name=asker.name
        )
        answer = await self._answer(turn, asker)
        # Answers to typed numbers share messages in a busy group, and buttons share none.
        return self._with_buttons(answer, asker) if isinstance(turn, Explained) else answer

    async def press(self, pressed: Pressed) -> Answer:
        """Answer a pressed number in its message; the player is told the hint at once."""
        asker = pressed.asker
        token, _, number = pressed.value.partition(".")
        turn = await self._game.press(
            asker.account_id,
            int(number) if number.isdecimal() else NO_NUMBER,
            token,
            # A message may have several rounds, so its own name would pay one of them only.
            entity_id=f"{pressed.entity_id}.{token}",
            display_name=asker.name,
        )
        answer = await self._answer(turn, asker)
        match turn:
            case Resting():
                return Answer("", hint=answer.text)
            case Missed() | Restarted() | Lost():
                answer = answer._replace(hint=answer.text)
        return self._with_buttons(answer, asker)

    def _with_buttons(self, answer: Answer, asker: Asker) -> Answer:
        return answer._replace(buttons=texts.buttons(self._game.board(asker.account_id)))

    async def _answer(self, turn: Turn, asker: Asker) -> Answer:
        """Answer a turn, with the member's new total after a win."""
        text = texts.turn(turn, asker.texts, self._mark, self._community)
        if not isinstance(turn, Won):
            return Answer(text)
        told = texts.told_to_all(asker.name, turn, asker.texts, self._mark)
        told_to_all = told if self._is_private else ""
        if turn.reward is None:
            return Answer(text, told_to_all=told_to_all)
        await self._services.earnings.close_windows_of(asker.account_id)
        # The win itself is recorded, so the answer goes out without the total if that is missing.
        with contextlib.suppress(StorageUnavailable, Contention):
            profile = await read_profile(self._services.database, asker.account_id, asker.name)
            if profile is not None:
                total = texts.total(profile, asker.texts, self._mark, self._community)
                text = f"{text}\n{total}"
        return Answer(text, must_arrive=True, told_to_all=told_to_all)


def open_room(services: Services) -> Room:
    """Open the game. Its rounds live as long as the process."""
    room = GuessingRoom(services)
    is_private = services.community.game.private_on_discord
    return Room(
        commands=(
            Command(
                name="guess",
                description=marked("Guess my number and win XP"),
                handler=room.guess,
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
                handler=room.press,
                refuse_stranger=texts.members_only,
                earns=True,
            ),
        ),
    )
