"""The Telegram bot from start to stop: introduce itself, poll until stopped, finish its answers."""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec
import structlog
from aiogram import Bot, Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import BotCommand, ErrorEvent, LinkPreviewOptions
from aiogram.types.chat_member_union import ChatMemberUnion
from aiogram.utils.token import TokenValidationError

from bots.features.command import Asker
from bots.features.room import Room, commands_of, duties_of
from bots.runtime.errors import Refused
from bots.runtime.room_services import Services, open_services
from bots.runtime.supervisor import Supervisor
from bots.texts import failures
from bots.texts.languages import ENGLISH, Languages
from bus import Keys
from config import Community, Settings, telegram_session
from config.telegram_answer_decoding import UnreadableAnswer
from config.telegram_group import GroupAddress
from db.earning import Earnings

from .answer_tidying import Tidier
from .delivery import TelegramDelivery
from .group.invite_links import InviteLinks
from .group.moves import GroupMoves
from .group.presence import Presence, warn_unless_promoted
from .markup import TelegramMarkup
from .messages.answer_queue import AnswerQueue, Reply
from .messages.posted_codes import CodeGuard
from .polling.earnings_first import EarningsFirst
from .polling.progress import PollingProgress
from .polling.retries import ANSWER_WAIT_S_MAX, POLL_BACKOFF_S_MAX, Retries
from .polling.update_gate import UpdateGate
from .rooms import open_rooms
from .router import build_router

log = structlog.get_logger("twinstream.telegram_bot")

#: Seconds that Telegram may hold a poll open when there is no update: less than the half minute
#: after which proxies cut idle connections.
POLLING_TIMEOUT_S = 25
#: Seconds without progress after which the bot is unhealthy: a poll, the wait for Telegram's limits
#: on an answer, and the pause after a failed poll may each take their longest.
SILENCE_S_MAX = POLLING_TIMEOUT_S + ANSWER_WAIT_S_MAX + POLL_BACKOFF_S_MAX
#: Seconds that a stopping bot gives to the answers in its queue.
ANSWERS_DRAIN_S_MAX = 5.0
NOT_ACCEPTED = (
    "Telegram does not accept TELEGRAM_TOKEN: open @BotFather in Telegram, send /mybots, choose"
    " the bot, press API Token, and copy the whole token"
)


async def serve(
    settings: Settings,
    community: Community,
    supervisor: Supervisor,
    *,
    keys: Keys = Keys(),  # noqa: B008 - frozen
) -> None:
    """Serve the group and private chats until the supervisor is stopped.

    Raises:
        Refused: Telegram does not accept the token.
        Stopped: the process was asked to stop before the bot was ready.
    """
    async with open_services(
        settings, community, supervisor, platform="telegram", mark=TelegramMarkup(), keys=keys
    ) as services:
        rooms = open_rooms(services)
        await supervisor.keep(
            partial(_serve, settings, services, rooms, supervisor),
            what="starting the Telegram bot",
            transient=(TelegramAPIError, ClientDecodeError),
        )


async def _serve(
    settings: Settings, services: Services, rooms: Sequence[Room], supervisor: Supervisor
) -> None:
    """Serve the group, under its new id too if it becomes a supergroup meanwhile."""
    group = GroupAddress(services.community.telegram.chat_id)
    while True:
        telegram = msgspec.structs.replace(services.community.telegram, chat_id=group.chat_id)
        community = msgspec.structs.replace(services.community, telegram=telegram)
        moves = GroupMoves(group)
        await _serve_once(
            settings, services._replace(community=community), rooms, supervisor, moves
        )
        if not moves.noticed.is_set():
            return


async def _serve_once(
    settings: Settings,
    services: Services,
    rooms: Sequence[Room],
    supervisor: Supervisor,
    moves: GroupMoves,
) -> None:
    refused = asyncio.Event()
    progress = PollingProgress(silence_s_max=SILENCE_S_MAX)
    presence = Presence(services.community.telegram.chat_id)
    bot = _build_bot(settings, services.earnings, rooms, refused, progress, moves)
    try:
        await supervisor.unless_stopped(_introduce(bot, services, rooms, presence))
        progress.made()
        if moves.noticed.is_set():
            return
        polling = _Polling(bot, services, rooms, progress, moves, presence)
        with supervisor.health.reported_by(
            progress.is_recent, lambda: _trouble(presence, progress)
        ):
            await polling.run(supervisor, refused)
    except (TelegramUnauthorizedError, TelegramNotFound) as error:
        raise Refused(NOT_ACCEPTED) from error
    finally:
        await bot.session.close()


def _trouble(presence: Presence, progress: PollingProgress) -> str | None:
    """Say what keeps the bot from serving members; None if nothing is known to.

    While Telegram answers no poll, its last word on the group may be out of date.
    """
    absent = presence.trouble if progress.is_recent() else None
    return "; ".join(filter(None, (absent, progress.trouble()))) or None


def _build_bot(
    settings: Settings,
    earnings: Earnings,
    rooms: Sequence[Room],
    refused: asyncio.Event,
    progress: PollingProgress,
    moves: GroupMoves,
) -> Bot:
    assert settings.telegram_token is not None
    session = telegram_session(settings)
    session.middleware(moves)
    of_rooms = (room.settled for room in rooms if room.settled is not None)
    session.middleware(EarningsFirst((earnings.settled, *of_rooms)))
    session.middleware(
        Retries(on_refused=refused.set, on_polled=progress.made, on_conflict=progress.conflicted)
    )
    try:
        return Bot(
            settings.telegram_token,
            session=session,
            default=DefaultBotProperties(
                link_preview=LinkPreviewOptions(is_disabled=True),
                allow_sending_without_reply=True,
            ),
        )
    except TokenValidationError as error:
        raise Refused(NOT_ACCEPTED) from error


async def _introduce(
    bot: Bot, services: Services, rooms: Sequence[Room], presence: Presence
) -> None:
    """Send Telegram the menu; log who the bot is and whether it can serve the group."""
    me = await bot.me()
    await _set_menu(bot, services.languages, rooms)
    chat_id = services.community.telegram.chat_id
    try:
        member = await _look(bot, presence)
        if presence.trouble is not None:
            return
        title = await _title_of(bot, chat_id)
    except TelegramMigrateToChat:
        return  # the group's moves are noticed, and it is served under its new id
    log.info("bot.started", bot=me.username, chat_id=chat_id, chat=title)
    if member is not None:
        warn_unless_promoted(member, me, title or chat_id)


async def _title_of(bot: Bot, chat_id: int) -> str | None:
    """Return the group's title; None if Telegram does not say."""
    try:
        return (await bot.get_chat(chat_id)).title
    except (UnreadableAnswer, TelegramBadRequest, TelegramForbiddenError) as error:
        if isinstance(error, UnreadableAnswer) and not error.was_done:
            raise
        log.warning("chat.not_decoded", chat_id=chat_id, why=str(error))
        return None


async def _look(bot: Bot, presence: Presence) -> ChatMemberUnion | None:
    """Return the bot's place in the group; None if it has none, or Telegram does not say.

    Telegram is asked again while the bot serves. It is not away: it answered the calls before.
    """
    try:
        return await presence.look(bot)
    except (UnreadableAnswer, TelegramRetryAfter, TelegramNetworkError) as error:
        if isinstance(error, UnreadableAnswer) and not error.was_done:
            raise
        log.warning("membership.unresolved", account_id=bot.id, why=str(error))
        return None


async def _set_menu(bot: Bot, languages: Languages, rooms: Sequence[Room]) -> None:
    for texts in languages:
        await bot.set_my_commands(
            [
                BotCommand(command=command.name, description=texts.gettext(command.description))
                for command in commands_of(rooms)
                if command.is_in_menu
            ],
            language_code=None if texts.language == ENGLISH else texts.language,
        )


class _Polling:
    """One stretch of polling, with the duties of the rooms in the background."""

    def __init__(
        self,
        bot: Bot,
        services: Services,
        rooms: Sequence[Room],
        progress: PollingProgress,
        moves: GroupMoves,
        presence: Presence,
    ) -> None:
        self._bot = bot
        self._moves = moves
        self._presence = presence
        self._rooms = rooms
        self._delivery = TelegramDelivery(bot, services.community)
        group_id = services.community.telegram.chat_id
        self._tidier = Tidier(services.database, services.community.answers, group_id)
        self._invite_links = InviteLinks(services.database, group_id)
        self._queue = AnswerQueue(on_sent=self._note_sent)
        self._guard = CodeGuard(services, self._queue)
        self._gate = UpdateGate(
            progress.made, ended=moves.noticed, on_unreadable=self._guard.check_unread
        )
        self._dispatcher = Dispatcher()
        self._dispatcher.update.outer_middleware(self._gate)
        self._dispatcher.include_router(
            build_router(
                services, rooms, self._queue, self._guard, moves, presence, self._invite_links
            )
        )
        self._dispatcher.errors.register(partial(_apologise, services.languages, self._queue))

    async def run(self, supervisor: Supervisor, refused: asyncio.Event) -> None:
        """Poll until the supervisor is stopped, or the group's new id is noticed.

        Raises:
            Refused: `refused` was set first, because Telegram does not accept the token.
        """
        polling = asyncio.create_task(
            self._dispatcher.start_polling(
                self._bot,
                polling_timeout=POLLING_TIMEOUT_S,
                handle_as_tasks=False,  # else updates are confirmed before they are handled
                handle_signals=False,
                close_bot_session=False,
            )
        )
        events = (supervisor.stop, refused, self._moves.noticed)
        ending = [asyncio.create_task(event.wait()) for event in events]
        duties = [
            asyncio.create_task(
                supervisor.keep_up(partial(duty.run, self._delivery), what=duty.name)
            )
            for duty in duties_of(self._rooms)
        ]
        tidying = asyncio.create_task(
            supervisor.keep_up(partial(self._tidier.run, self._bot), what="tidying")
        )
        duties += [
            asyncio.create_task(supervisor.keep_up(partial(run, self._bot), what=what))
            for what, run in (
                ("invite links", self._invite_links.run),
                ("its place in the group", self._presence.run),
            )
        ]
        try:
            await asyncio.wait({polling, *ending}, return_when=asyncio.FIRST_COMPLETED)
            if not polling.done():
                await self._gate.shut()
                await self._dispatcher.stop_polling()
            await polling
        finally:
            for task in (polling, *duties, *ending):
                task.cancel()
            await asyncio.gather(polling, *duties, *ending, return_exceptions=True)
            await self._guard.close()
            await self._queue.close(ANSWERS_DRAIN_S_MAX)
            tidying.cancel()  # it notes what the queue has sent
            await asyncio.gather(tidying, return_exceptions=True)
        if refused.is_set():
            raise Refused(NOT_ACCEPTED)
        await self._gate.confirm(self._bot)

    def _note_sent(self, sent: object, batch: Sequence[Reply]) -> None:
        """Have an answer tidied up, unless it tells of something that a member won or changed."""
        commands = [one.command_id for one in batch if one.command_id is not None]
        self._tidier.note(sent, commands, stays=any(one.must_arrive for one in batch))


async def _apologise(languages: Languages, queue: AnswerQueue, event: ErrorEvent) -> bool:
    """Log the error of a handler, and apologise to the member if Telegram allows it."""
    if isinstance(event.exception, AiogramError):
        log.warning("answer.failed", update_id=event.update.update_id, why=str(event.exception))
        return True
    log.error("update.failed", update_id=event.update.update_id, exc_info=event.exception)
    message = event.update.message
    if message is not None and message.from_user is not None:
        user = message.from_user
        asker = Asker(user.id, user.full_name, languages.speak(user.language_code))
        if queue.has_room(message.chat.id, user.id):
            queue.put(message.chat.id, Reply(asker, failures.failed(asker.texts), message.reply))
    return True
