"""The command /why."""

from bots.features.command import (
    Answer,
    Audience,
    Command,
    MemberParameter,
    Question,
    Target,
    Unclear,
)
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.languages import marked
from db.links.states import acts_of
from db.members.history import history
from db.rewards.administrators import notes_of

from . import texts

#: Entries that are read for one answer: a few for each act that is shown.
ENTRIES_READ_MAX = 5 * texts.ACTS_SHOWN_MAX


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state."""

    async def show(question: Question[Target]) -> Answer:
        asker = question.asker
        if question.argument is Unclear.ARGUMENT:
            return Answer(texts.unclear(asker.texts))
        # The platform lets only administrators name another member.
        target = question.argument or Target(asker.account_id, asker.name)
        account_id, name = target.account_id, target.name
        if account_id == asker.account_id:
            await services.earnings.close_windows_of(account_id)
        async with services.database.connection() as conn:
            found = await history(conn, services.platform, account_id, limit=ENTRIES_READ_MAX)
            acts = await acts_of(conn, services.platform, account_id, limit=texts.ACTS_SHOWN_MAX)
            notes = await notes_of(conn, services.platform, account_id, limit=ENTRIES_READ_MAX)
        if question.argument is None:
            # Only administrators, who ask about others, learn the giver of a reward.
            notes = {key: note._replace(administrator_id=None) for key, note in notes.items()}
        shown = name or (found and found.display_name) or f"#{account_id}"
        return Answer(
            texts.changes(
                found,
                shown,
                services.platform,
                asker.texts,
                services.mark,
                services.community,
                acts,
                notes,
            )
        )

    return Room(
        commands=(
            Command(
                name="why",
                description=marked("What changed your XP and balance, and why"),
                handler=show,
                aliases=("history", "почему", "история"),
                parameter=MemberParameter(
                    name="member",
                    hint=marked("The member you ask about; only for administrators"),
                    refuse=texts.admins_only,
                ),
                audience=Audience.ASKER,
            ),
        )
    )
