"""The router of Telegram's updates: which handler gets which update."""

from collections.abc import Sequence

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.types import Message

from bots.features.room import Room
from bots.runtime.button_memory import ButtonMemory
from bots.runtime.member_limits import MemberLimits
from bots.runtime.room_services import Services

from .activity.plain_messages import PlainMessages
from .activity.posted_messages import PostedMessages
from .activity.reactions import add_reactions
from .activity.replies import Replies
from .group.invite_links import InviteLinks
from .group.membership import Membership
from .group.membership_changes import add_membership_changes
from .group.moves import GroupMoves
from .group.other_chats import OtherChats
from .group.presence import Presence
from .messages.answer_queue import AnswerQueue
from .messages.authors import Askers, Observer
from .messages.commands import Answers, add_commands
from .messages.other_inputs import add_other_inputs
from .messages.posted_codes import CodeGuard
from .messages.presses import Presses


def build_router(
    services: Services,
    rooms: Sequence[Room],
    queue: AnswerQueue,
    guard: CodeGuard,
    moves: GroupMoves,
    presence: Presence,
    links: InviteLinks,
) -> Router:
    """Return the handlers for the configured group and for private chats; others are ignored."""
    group_id = services.community.telegram.chat_id
    commands = Router(name="commands")
    commands.message.filter((F.chat.id == group_id) | (F.chat.type == ChatType.PRIVATE))
    limits, memory = MemberLimits(), ButtonMemory()
    group_texts = services.languages.speak(services.community.announcements.language)
    commands.message.middleware(Askers(services.languages, queue, limits, group_texts))
    membership = Membership(group_id)
    add_commands(commands, services, rooms, queue, membership, memory, links)
    answers = Answers(queue, memory)
    replies = Replies(rooms, membership, answers, group_id)
    replies.register(commands)
    add_other_inputs(commands, answers, services.mark)
    presses = Presses(services, rooms, queue, membership, limits, memory)
    commands.callback_query.register(presses.press)
    changes = Router(name="changes")
    add_membership_changes(changes, rooms, membership, moves, presence, group_id)
    reactions = Router(name="reactions")
    earning = services.community.earning
    earning_chats = earning.messages.telegram_chats
    add_reactions(reactions, rooms, {group_id, *earning_chats})
    router = Router(name="twinstream")
    router.include_routers(commands, changes, reactions)
    router.message.outer_middleware(OtherChats(group_id, earning.named_telegram_chats))
    router.message.outer_middleware(PostedMessages(rooms, membership, group_id, earning_chats))
    router.message.outer_middleware(Observer(rooms, group_id))
    router.message.outer_middleware(guard)
    router.message.outer_middleware(PlainMessages(replies.are_awaited))
    router.edited_message.outer_middleware(guard)
    router.edited_message.register(_ignore_edit, F.chat.id == group_id)
    return router


async def _ignore_edit(message: Message) -> None:
    """Do nothing; a handler for edited messages makes aiogram request them, for the guard."""
