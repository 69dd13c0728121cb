"""The command /link, its buttons and links, and codes that are void because others saw them."""

from collections.abc import Sequence

from bots.features.command import (
    Answer,
    Audience,
    Command,
    Opened,
    Press,
    PrivateText,
    Question,
    Start,
    TextParameter,
    Unclear,
)
from bots.features.room import Duty, Room
from bots.runtime.database import Database
from bots.runtime.delivery import Delivery
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db import Platform
from db.links import codes
from db.links.codes import TOKEN_PREFIX, typed_code, typed_token

from . import texts
from .dialogue import CANCEL, CONFIRM, DECLINE, Dialogue
from .news import NewsOfOffers


async def void_codes(database: Database, posted: Sequence[str]) -> list[Platform]:
    """Make void those of these texts that are live codes; return where each was given out.

    Raises:
        DbError: Postgres is unavailable, so a code may still be live.
    """
    async with database.connection() as conn:
        return await codes.void_codes(conn, database.platform, posted)


def open_room(services: Services) -> Room:
    """Open the room. Offers live in Postgres; the room knows which answers can be replaced."""
    dialogue = Dialogue(services)

    async def link(question: Question[str]) -> Answer:
        sent = question.argument
        if sent is None or sent is Unclear.ARGUMENT:
            return await dialogue.start(question.asker)
        return await dialogue.open(question.asker, sent)

    async def opened(opened: Opened) -> Answer:
        return await dialogue.open(opened.asker, f"{TOKEN_PREFIX}-{opened.value}")

    async def tell_news(delivery: Delivery) -> None:
        await NewsOfOffers(services.database, dialogue, delivery).run()

    return Room(
        commands=(
            Command(
                name="link",
                description=marked("Link your Telegram and Discord accounts"),
                handler=link,
                parameter=TextParameter(
                    name="code",
                    hint=marked("The code I gave you on Telegram; leave it out to start here"),
                ),
                audience=Audience.ASKER_ON_DISCORD,
                aliases=("привязать", "связать"),
                refuse_in_group=texts.in_private,
            ),
        ),
        presses=(
            Press(action=CONFIRM, handler=dialogue.confirm),
            Press(action=DECLINE, handler=dialogue.decline),
            Press(action=CANCEL, handler=dialogue.cancel),
        ),
        starts=(Start(prefix=TOKEN_PREFIX, handler=opened),),
        private_texts=(PrivateText(recognises=is_proof, handler=link),),
        duties=(Duty("news of offers", tell_news),),
    )


def is_proof(text: str) -> bool:
    """Tell whether a text without a command is a code, or a link with a token. Pure."""
    return typed_code(text) is not None or typed_token(text) is not None
