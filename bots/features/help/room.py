"""The commands /help and /start."""

from collections.abc import Sequence

from bots.features.command import Answer, Audience, Command, Question
from bots.features.room import Room, commands_of
from bots.runtime.room_services import Services
from bots.texts.languages import marked

from . import texts


def open_room(services: Services, others: Sequence[Room]) -> Room:
    """Open the room, which lists the commands of the `others` and itself."""

    async def help_(question: Question[None]) -> Answer:
        return Answer(texts.menu(listed, question.asker.texts, services.mark))

    async def start(question: Question[None]) -> Answer:
        return Answer(texts.welcome(question.asker.texts))

    room = Room(
        commands=(
            Command(
                name="help",
                description=marked("What I can do"),
                handler=help_,
                aliases=("commands", "помощь", "команды"),
                is_for_strangers=True,
                audience=Audience.ASKER_ON_DISCORD,
                is_instant=True,
            ),
            Command(
                name="start",
                description=marked("Say hello"),
                handler=start,
                audience=Audience.ASKER_ON_DISCORD,
                is_for_strangers=True,
                is_in_menu=False,  # Telegram shows it as a button before anything else
                is_instant=True,
            ),
        )
    )
    listed = [command for command in commands_of([*others, room]) if command.is_in_menu]
    return room
