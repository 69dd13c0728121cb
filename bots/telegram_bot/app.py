"""The Telegram bot's life: get to know Telegram, poll until stopped, leave in good order."""

import asyncio
from functools import partial

import structlog
from aiogram import Bot, Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.types import BotCommand, ErrorEvent, LinkPreviewOptions
from aiogram.utils.token import TokenValidationError

from bots import answers
from bots.app import Services, open_services
from bots.errors import Refused
from bots.supervisor import Supervisor
from bots.texts import ENGLISH, Languages
from bus import Keys
from config import Community, Settings, telegram_session
from config.telegram_answers import UnreadableAnswer

from .announcing import announce
from .codes import CodeGuard
from .handlers import build_router
from .markup import TelegramMarkup
from .notifying import notify
from .outbox import Outbox
from .polling import Progress, Turnstile
from .requests import ANSWER_WAIT_S_MAX, POLL_BACKOFF_S_MAX, Patience

log = structlog.get_logger("twinstream.telegram_bot")

POLLING_TIMEOUT_S = 25
#: So long a poll may take, an answer wait for Telegram's limits, and polling rest after a failure.
#: Without progress for longer, the bot serves nobody.
SILENCE_S_MAX = POLLING_TIMEOUT_S + ANSWER_WAIT_S_MAX + POLL_BACKOFF_S_MAX
#: How long answers may take to leave after a stop was asked for.
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
        Refused: Telegram does not know the token.
        Stopped: the process was asked to stop before the bot was ready.
    """
    async with open_services(
        settings, community, supervisor, platform="telegram", mark=TelegramMarkup(), keys=keys
    ) as services:
        await supervisor.keep(
            partial(_serve_once, settings, services, supervisor),
            what="starting the Telegram bot",
            passing=(TelegramAPIError, ClientDecodeError),
        )


async def _serve_once(settings: Settings, services: Services, supervisor: Supervisor) -> None:
    refused = asyncio.Event()
    progress = Progress(silence_s_max=SILENCE_S_MAX)
    bot = _build_bot(settings, refused, progress)
    try:
        await supervisor.unless_stopped(_introduce(bot, services))
        progress.made()
        with supervisor.pulse.taken_from(progress.is_recent):
            await _poll(bot, services, supervisor, refused, progress)
    except (TelegramUnauthorizedError, TelegramNotFound) as error:
        raise Refused(NOT_ACCEPTED) from error
    finally:
        await bot.session.close()


def _build_bot(settings: Settings, refused: asyncio.Event, progress: Progress) -> Bot:
    assert settings.telegram_token is not None
    session = telegram_session(settings)
    session.middleware(Patience(on_refused=refused.set, on_polled=progress.made))
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


async def _introduce(bot: Bot, services: Services) -> None:
    """Learn who we are and whether the group can be served; tell Telegram our commands."""
    me = await bot.me()
    await _set_menu(bot, services.languages)
    chat_id = services.community.telegram.chat_id
    try:
        title = await _title_of(bot, chat_id)
        is_administrator = await _is_administrator(bot, chat_id)
    except (TelegramBadRequest, TelegramForbiddenError, TelegramNotFound) as error:
        log.warning(
            "bot.started",
            bot=me.username,
            chat_id=chat_id,
            why=f"the group cannot be seen ({error.message}): add @{me.username} to it as an"
            " administrator, or correct telegram.chat_id in twinstream.toml",
        )
        return
    log.info("bot.started", bot=me.username, chat_id=chat_id, chat=title)
    if not is_administrator:
        log.warning(
            "bot.not_administrator",
            why=f"Telegram tells only administrators who joined, and lets only them tag members:"
            f" make @{me.username} an administrator of {title or chat_id!r}",
        )


async def _title_of(bot: Bot, chat_id: int) -> str | None:
    """Return the group's title; None if Telegram's answer cannot be read."""
    try:
        return (await bot.get_chat(chat_id)).title
    except UnreadableAnswer as error:
        if not error.was_done:
            raise
        log.warning("chat.unread", chat_id=chat_id, why=str(error))
        return None


async def _is_administrator(bot: Bot, chat_id: int) -> bool:
    """Tell whether the bot is one; if Telegram's answer cannot be read, it is believed to be."""
    try:
        member = await bot.get_chat_member(chat_id, bot.id)
    except UnreadableAnswer as error:
        if not error.was_done:
            raise
        log.warning("membership.unknown", account_id=bot.id, why=str(error))
        return True
    return member.status == ChatMemberStatus.ADMINISTRATOR


async def _set_menu(bot: Bot, languages: Languages) -> None:
    for texts in languages:
        await bot.set_my_commands(
            [
                BotCommand(command=command, description=texts.gettext(description))
                for command, description in answers.MENU
            ],
            language_code=None if texts.language == ENGLISH else texts.language,
        )


async def _poll(
    bot: Bot,
    services: Services,
    supervisor: Supervisor,
    refused: asyncio.Event,
    progress: Progress,
) -> None:
    turnstile, outbox = Turnstile(on_handled=progress.made), Outbox()
    guard = CodeGuard(services, outbox)
    dispatcher = Dispatcher()
    dispatcher.update.outer_middleware(turnstile)
    dispatcher.include_router(build_router(services, outbox, guard))
    dispatcher.errors.register(partial(_apologise, services.languages))
    polling = asyncio.create_task(
        dispatcher.start_polling(
            bot,
            polling_timeout=POLLING_TIMEOUT_S,
            handle_as_tasks=False,  # else updates are confirmed before they are handled
            handle_signals=False,
            close_bot_session=False,
        )
    )
    ending = [asyncio.create_task(event.wait()) for event in (supervisor.stop, refused)]
    telling = [asyncio.create_task(tell(bot, services)) for tell in (announce, notify)]
    try:
        await asyncio.wait({polling, *ending}, return_when=asyncio.FIRST_COMPLETED)
        if not polling.done():
            await turnstile.shut()
            await dispatcher.stop_polling()
        await polling
    finally:
        for task in (polling, *telling, *ending):
            task.cancel()
        await asyncio.gather(polling, *telling, *ending, return_exceptions=True)
        await guard.close()
        await outbox.close(ANSWERS_DRAIN_S_MAX)
    if refused.is_set():
        raise Refused(NOT_ACCEPTED)
    await turnstile.confirm(bot)


async def _apologise(languages: Languages, event: ErrorEvent) -> bool:
    """Log what broke, and tell the member, if there is one and Telegram lets us."""
    if isinstance(event.exception, AiogramError):
        log.warning("answer.failed", update_id=event.update.update_id, why=str(event.exception))
        return True
    log.error("update.failed", update_id=event.update.update_id, exc_info=event.exception)
    message = event.update.message
    if message is not None:
        language = message.from_user.language_code if message.from_user else None
        try:
            await message.reply(answers.failed(languages.speak(language)))
        except (AiogramError, OSError) as error:
            log.warning("answer.failed", update_id=event.update.update_id, why=str(error))
    return True
