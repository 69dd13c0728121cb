"""The rooms of a simulated bot: the real ones, with their duties, in virtual time."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any, Final

from bots.discord_bot.markup import DiscordMarkup
from bots.features.announcements.announcer import Announcer
from bots.features.announcements.member_whereabouts import Spots
from bots.features.invitations.room import Invitations
from bots.features.reactions.reaction_queue import ReactionQueue
from bots.features.voice.voice_clock import VoiceClock
from bots.runtime.database import Database
from bots.runtime.room_services import Services
from bots.telegram_bot.markup import TelegramMarkup
from bots.texts.languages import Languages
from bots.texts.markup import Markup
from config import Community
from db import Producer

from . import earning_deeds
from .chats import BEGAN_AT, Chat
from .expectations import Expectations
from .pool import Pool
from .told_news import ToldNews
from .voice_channels import VoiceChannels

_LANGUAGES: Final = Languages.load()
_MARKUPS: Final[Mapping[str, Markup]] = {"telegram": TelegramMarkup(), "discord": DiscordMarkup()}


class BotRooms:
    """The rooms of one bot process. Their memory dies with it."""

    def __init__(
        self,
        chat: Chat,
        pool: Pool,
        producer: Producer,
        community: Community,
        news: ToldNews,
        voice: VoiceChannels,
        expected: Expectations,
    ) -> None:
        clock = asyncio.get_running_loop().time
        any_pool: Any = pool
        self.earnings = earning_deeds.WatchedEarnings(pool, chat, expected)
        services = Services(
            platform=chat.source,
            database=Database(any_pool, chat.source),
            producer=producer,
            earnings=self.earnings,
            mark=_MARKUPS[chat.source],
            languages=_LANGUAGES,
            community=community,
        )
        self.reactions = ReactionQueue(services)
        self.invitations = Invitations(services)
        self.spots = Spots(clock=clock)
        self._announcer = Announcer(
            services.database,
            community,
            _LANGUAGES.speak("en"),
            services.mark,
            news,
            spots=self.spots,
            clock=clock,
            now=lambda: BEGAN_AT + timedelta(seconds=clock()),
        )
        began_s = earning_deeds.BEGAN_AT.timestamp()
        self._voice_clock = VoiceClock(services, clock=lambda: began_s + clock(), monotonic=clock)
        self._voice = voice
        self._news = news
        self._is_discord = chat.source == "discord"

    def duties(self, process: Any) -> list[Coroutine[Any, Any, None]]:
        """Return what the process does beside answering members, until it ends."""
        both = [self.reactions.run(self._news), self._announcer.run()]
        if self._is_discord:
            watching = self._voice.connect(process, self._voice_clock)
            return [*both, watching, self._voice_clock.run(self._news)]
        return [*both, self.invitations.pay(self._news)]

    @property
    def unsettled(self) -> int:
        """How many earnings are in memory and not in Postgres."""
        return self.earnings.waiting
