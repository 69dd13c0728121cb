"""The command /link, and codes that are void because others could read them."""

from collections.abc import Sequence

import structlog

from bots.features.command import Answer, Audience, Command, Question, TextParameter, Unclear
from bots.features.room import Room
from bots.runtime.database import Database
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from bots.texts.names import PLATFORM_NAMES
from db import Platform
from db.links import codes
from db.links.codes import LinkOutcome
from db.members import accounts
from db.stop_signs import Paused
from schemas import opposite

from . import texts

log = structlog.get_logger("twinstream.bots")


async def void_codes(database: Database, posted: Sequence[str]) -> list[Platform]:
    """Make void those of these texts that are live codes; return where each was issued.

    Raises:
        DbError: Postgres is unavailable, so a code may still be live.
    """
    async with database.connection() as conn:
        return await codes.void_codes(conn, database.platform, posted)


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state: codes live in Postgres."""
    database, mark = services.database, services.mark
    other = PLATFORM_NAMES[opposite(services.platform)]
    stores = services.community.stores.connected()

    async def issue(question: Question[str]) -> Answer:
        """Issue a one-time code for the asker's account; an earlier code of theirs is void now."""
        account_id, name, language = question.asker
        try:
            async with database.connection() as conn:
                code = await codes.issue_code(conn, database.platform, account_id)
                await accounts.remember_name(conn, database.platform, account_id, name)
        except Paused:
            return Answer(texts.linking_paused(language))
        return Answer(texts.code(code, other, language, mark))

    async def redeem(question: Question[str], code: str) -> Answer:
        """Link the asker's account with the one on the other platform that asked for `code`."""
        account_id, name, language = question.asker
        other_name = None
        async with database.connection() as conn:
            outcome = await codes.redeem_code(
                conn, database.platform, account_id, code, stores=stores
            )
            await accounts.remember_name(conn, database.platform, account_id, name)
            if outcome is LinkOutcome.LINKED:
                other_name = await accounts.name_elsewhere(conn, database.platform, account_id)
        log.info("link.attempted", account_id=account_id, outcome=outcome.value)
        is_linked = outcome is LinkOutcome.LINKED
        text = texts.linked(outcome, other, other_name, language, mark)
        return Answer(text, must_arrive=is_linked)

    async def link(question: Question[str]) -> Answer:
        code = question.argument
        if code is None or code is Unclear.ARGUMENT:
            return await issue(question)
        return await redeem(question, code)

    return Room(
        commands=(
            Command(
                name="link",
                description=marked("Link your Telegram and Discord accounts"),
                handler=link,
                parameter=TextParameter(
                    name="code",
                    hint=marked("The code I gave you on Telegram; leave it out to get one"),
                ),
                audience=Audience.ASKER_ON_DISCORD,
                refuse_in_group=texts.in_private,
            ),
        )
    )
