"""From Telegram's updates to the shared commands, and back."""

from functools import partial

import structlog
from aiogram import F, Router
from aiogram.enums import ChatType, ParseMode
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import (
    IS_ADMIN,
    IS_MEMBER,
    IS_NOT_MEMBER,
    MEMBER,
    RESTRICTED,
    ChatMemberUpdatedFilter,
    Command,
    CommandObject,
    CommandStart,
)
from aiogram.types import (
    ChatMemberUpdated,
    EphemeralMessageParameters,
    InlineKeyboardMarkup,
    Message,
)

from bots import answers, reasons
from bots.app import Services
from bots.commands import Asker
from db import DbError

from .codes import LINK_PAYLOAD, CodeGuard, Found, private_button
from .membership import Membership
from .outbox import Outbox
from .senders import Askers, Observer
from .subjects import Unclear, whom

log = structlog.get_logger("twinstream.telegram_bot")

PLAIN = MEMBER | +RESTRICTED


def build_router(services: Services, outbox: Outbox, guard: CodeGuard) -> Router:
    """Return the handlers for the configured group and for private chats; others are ignored."""
    group_id = services.community.telegram.chat_id
    commands = Router(name="commands")
    commands.message.filter((F.chat.id == group_id) | (F.chat.type == ChatType.PRIVATE))
    commands.message.middleware(Askers(services.languages))
    _add_commands(commands, services, outbox)
    _add_link(commands, services, outbox)
    changes = Router(name="changes")
    _add_changes(changes, services, group_id)
    router = Router(name="twinstream")
    router.include_routers(commands, changes)
    router.message.outer_middleware(Observer(services.sightings, group_id))
    router.message.outer_middleware(guard)
    router.edited_message.outer_middleware(guard)
    router.edited_message.register(_edited, F.chat.id == group_id)
    return router


async def _edited(message: Message) -> None:
    """Let Telegram send edited messages, which the guard looks at."""


def _add_commands(router: Router, services: Services, outbox: Outbox) -> None:
    commands = services.commands
    membership = Membership(services.community.telegram.chat_id)

    @router.message(Command("guess"))
    async def guess(message: Message, command: CommandObject, asker: Asker) -> None:
        assert message.bot is not None
        if message.chat.type == ChatType.PRIVATE and not await membership.includes(
            message.bot, asker.account_id
        ):
            _answer(outbox, message, answers.members_only(asker.texts))
            return
        # The message names the guess, so an update that is delivered again is paid once.
        entity_id = f"{message.chat.id}.{message.message_id}"
        _answer(
            outbox, message, await commands.guess(asker, command.args or "", entity_id=entity_id)
        )

    @router.message(Command("profile"))
    async def profile(message: Message, asker: Asker) -> None:
        _answer(outbox, message, await commands.profile(asker))

    @router.message(Command("why"))
    async def why(message: Message, command: CommandObject, asker: Asker) -> None:
        assert message.bot is not None
        about = whom(message, command.args or "")
        if about is Unclear.WHOM:
            _whisper(outbox, message, asker, reasons.whom(asker.texts))
        elif about is None or about.account_id == asker.account_id:
            _whisper(outbox, message, asker, await commands.why(asker))
        elif await membership.is_administrator(message.bot, asker.account_id):
            _whisper(outbox, message, asker, await commands.why(asker, about))
        else:
            _whisper(outbox, message, asker, reasons.admins_only(asker.texts))

    @router.message(Command("top"))
    async def top(message: Message, asker: Asker) -> None:
        _answer(outbox, message, await commands.top(asker))

    @router.message(Command("help"))
    async def help_(message: Message, asker: Asker) -> None:
        _answer(outbox, message, commands.help(asker))


def _add_link(router: Router, services: Services, outbox: Outbox) -> None:
    commands = services.commands
    private = F.chat.type == ChatType.PRIVATE

    @router.message(CommandStart(deep_link=True, magic=F.args == LINK_PAYLOAD), private)
    async def start_link(message: Message, asker: Asker) -> None:
        _answer(outbox, message, await commands.link(asker, ""))

    @router.message(CommandStart())
    async def start(message: Message, asker: Asker) -> None:
        _answer(outbox, message, commands.start(asker))

    @router.message(Command("link"), private)
    async def link(message: Message, command: CommandObject, asker: Asker) -> None:
        _answer(outbox, message, await commands.link(asker, command.args or ""))

    @router.message(Command("link"))
    async def link_in_group(
        message: Message, command: CommandObject, asker: Asker, found: Found
    ) -> None:
        if found is Found.VOID:
            return  # the guard has told them
        if found is Found.UNKNOWN:
            texts = services.languages.speak(services.community.announcements.language)
            _answer(outbox, message, answers.code_not_void_yet(texts))
            return
        _answer(
            outbox,
            message,
            answers.link_in_private(asker.texts, code_was_shown=bool(command.args)),
            await private_button(message, asker.texts),
        )


def _add_changes(router: Router, services: Services, group_id: int) -> None:
    # Whoever becomes or ceases to be an administrator loses their tag or title with it.
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(IS_NOT_MEMBER >> IS_MEMBER))
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(IS_ADMIN >> PLAIN))
    @router.chat_member(F.chat.id == group_id, ChatMemberUpdatedFilter(PLAIN >> IS_ADMIN))
    async def changed(update: ChatMemberUpdated) -> None:
        account_id = update.new_chat_member.user.id
        try:
            await services.members.show_again(account_id)
        except DbError as error:
            # Not the end of it: reconcile compares what is shown with what should be.
            log.warning("member.not_shown_again", account_id=account_id, why=str(error))

    @router.message(F.chat.id == group_id, F.migrate_to_chat_id)
    async def migrated(message: Message) -> None:
        log.error(
            "chat.migrated",
            why="the group became a supergroup and has a new id: set telegram.chat_id in"
            f" twinstream.toml to {message.migrate_to_chat_id} and start the bot again",
        )


def _whisper(outbox: Outbox, message: Message, asker: Asker, text: str) -> None:
    """Answer so that nobody else sees it, also in the group."""
    if message.chat.type == ChatType.PRIVATE:
        _answer(outbox, message, text)
        return

    async def send() -> None:
        to = EphemeralMessageParameters(receiver_user_id=asker.account_id)
        try:
            await message.answer(text, parse_mode=ParseMode.HTML, ephemeral_message_parameters=to)
        except TelegramBadRequest as error:
            # Not every group has them; what was asked is nobody else's business all the same.
            log.info("answer.not_whispered", chat_id=message.chat.id, why=error.message)
            await message.reply(reasons.in_private(asker.texts))

    outbox.put(message.chat.id, send)


def _answer(
    outbox: Outbox, message: Message, text: str, keyboard: InlineKeyboardMarkup | None = None
) -> None:
    """Answer in the same place; in a group as a reply, so that people see to whom."""
    send = message.answer if message.chat.type == ChatType.PRIVATE else message.reply
    outbox.put(
        message.chat.id, partial(send, text, parse_mode=ParseMode.HTML, reply_markup=keyboard)
    )
