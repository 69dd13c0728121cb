"""The command /links, for administrators."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import structlog

from bots.features.command import Answer, Audience, Command, Question, TextParameter, Unclear
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.languages import Texts, marked
from bots.texts.link_acts import refusal
from db import Platform
from db.links import states, support
from db.links.refusals import BooksDiffer, LinkRefused
from db.links.support import Administrator
from db.stop_signs import Paused

from . import texts
from .requests import READING, Request, read

log = structlog.get_logger("twinstream.bots")

#: Acts in one answer: a Discord message holds 2,000 characters.
ACTS_SHOWN_MAX: Final = 10
#: Members on a page of those who earn on one side only, for the same reason.
PAGE_MEMBERS: Final = 15
#: Pages that can be asked for: nobody reminds more members by hand.
PAGES_MAX: Final = 100


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state."""
    database, mark, platform = services.database, services.mark, services.platform
    stores = services.community.stores.connected()

    async def handle(question: Question[str]) -> Answer:
        asker, words = question.asker, question.argument
        request = read("" if isinstance(words, Unclear) else words or "", question.replied_to)
        if request is None or not request.is_complete:
            return Answer(texts.usage(platform, request, asker.texts, mark))
        if request.act in READING:
            return Answer(await show(question, request))
        by = Administrator(platform, asker.account_id, request.reason)
        known = {"account_id": asker.account_id, "act": request.act, "on": request.accounts[0]}
        try:
            await database.attempt(lambda conn: _act(conn, by, request, stores))
        except (LinkRefused, BooksDiffer, Paused) as error:
            log.info("link_act.refused", **known, why=str(error))
            return Answer(refusal(error, asker.texts))
        log.info("link_act.done", **known)
        return Answer(texts.done(request, asker.texts), must_arrive=True)

    async def show(question: Question[str], request: Request) -> str:
        language = question.asker.texts
        if request.act == "one-sided":
            return await show_one_sided(request.page, language)
        account_id = request.accounts[0] if request.accounts else None
        async with database.connection() as conn:
            acts = await states.acts_of(conn, platform, account_id, limit=ACTS_SHOWN_MAX)
            if account_id is None:
                return texts.acts(acts, platform, language, mark)
            state = await states.link_state(conn, platform, account_id)
        return texts.standing(account_id, state, acts, platform, language, mark)

    async def show_one_sided(page: int, language: Texts) -> str:
        past = (min(page, PAGES_MAX) - 1) * PAGE_MEMBERS
        async with database.connection() as conn:
            found = await states.one_sided_here(conn, platform, past=past, limit=PAGE_MEMBERS + 1)
        is_last = len(found) <= PAGE_MEMBERS
        shown = found[:PAGE_MEMBERS]
        return texts.one_sided(shown, past, None if is_last else page + 1, language, mark)

    return Room(
        commands=(
            Command(
                name="links",
                description=marked("Links of members; only for administrators"),
                handler=handle,
                parameter=TextParameter(
                    name="words",
                    hint=marked(
                        "see, link, unlink, undo, move, forbid, allow, acts or one-sided; then whom"
                    ),
                ),
                audience=Audience.ASKER,
                is_in_menu=False,
                refuse_others=texts.admins_only,
            ),
        )
    )


async def _act(
    conn: asyncpg.Connection, by: Administrator, request: Request, stores: Sequence[Platform]
) -> None:
    """Do what an administrator asks for; see `db.links.support`."""
    account_id, *more = request.accounts
    tables = list(stores)
    match request.act:
        case "link":
            await support.link(conn, by, account_id, more[0], stores=tables)
        case "unlink":
            await support.unlink(conn, by, account_id, stores=tables)
        case "undo":
            await support.undo(conn, by, account_id, stores=tables)
        case "move":
            await support.move(conn, by, account_id, more[0], stores=tables)
        case "forbid" | "allow":
            may_link = request.act == "allow"
            await support.set_leave(conn, by, account_id, may_link=may_link)
