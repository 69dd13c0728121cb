"""XP for messages: which ones count is judged here, and how often by Postgres."""

import asyncio
from datetime import datetime, time, timedelta
from functools import partial

from bots.features.exclusions import Exclusions
from bots.features.posted_messages import Posted
from bots.features.room import Room
from bots.runtime.room_services import Services
from db.earning import Earned, Earning

from .amounts import amount
from .multipliers import Multipliers
from .pauses import Pauses
from .places import EarningPlaces
from .repetition import LastMessages, says_something

#: The reason of the events that message XP becomes.
MESSAGES = "messages"


class MessageXp:
    """Hands messages that count to `Earnings`, one for each account and cooldown at most."""

    def __init__(self, services: Services) -> None:
        community = services.community
        setting = community.earning.messages
        home_chat = community.telegram.chat_id
        self._platform = services.platform
        self._secret = services.amount_secret
        self._earnings = services.earnings
        self._setting = setting
        self._zone = community.zone
        self._cooldown = timedelta(seconds=setting.cooldown_s)
        self._places = EarningPlaces(setting.places, home_chat)
        self._exclusions = Exclusions(community, services.platform)
        self._multipliers = Multipliers(setting.multipliers, self._zone, home_chat)
        self._last = LastMessages(setting.alike_max)
        self._pauses = Pauses()

    def note(self, posted: Posted) -> None:
        """Let a message earn what it is worth. It waits for nothing and raises nothing."""
        if self._pauses.is_paused(posted.account_id, posted.at):
            return
        xp = self._worth(posted)
        if xp <= 0:
            return
        # Until Postgres answers, as if it had counted: at most one of these is on its way.
        self._pauses.pause(posted.account_id, posted.at + self._cooldown)
        answer = self._earnings.earn(
            Earning(
                posted.account_id,
                MESSAGES,
                xp,
                posted.at,
                float(self._setting.cooldown_s),
                self._setting.xp_per_day_max,
            )
        )
        answer.add_done_callback(partial(self._learn, posted.account_id, posted.at))

    def _learn(self, account_id: int, at: datetime, answer: asyncio.Future[Earned]) -> None:
        """Remember what Postgres says: the person may have written on the other platform."""
        if answer.cancelled():
            return
        earned = answer.result()
        if earned.last_at is not None:
            self._pauses.pause(account_id, earned.last_at + self._cooldown)
        if earned.day_xp >= self._setting.xp_per_day_max:
            tomorrow = at.astimezone(self._zone).date() + timedelta(days=1)
            self._pauses.pause(account_id, datetime.combine(tomorrow, time(), self._zone))

    def _worth(self, posted: Posted) -> int:
        """Return the XP of a message; 0 if it does not count."""
        setting = self._setting
        if posted.place not in self._places or not self._may_earn(posted):
            return 0
        if posted.text is not None and not self._is_fresh(posted.account_id, posted.text):
            return 0
        key = f"{self._platform}:{posted.place.id}:{posted.message_id}"
        base = amount(self._secret, key, setting.xp_min, setting.xp_max)
        return round(base * self._multipliers.factor(posted))

    def _may_earn(self, posted: Posted) -> bool:
        """Tell whether the author may earn there, and wrote no command."""
        if posted.is_command or self._exclusions.have_message(posted):
            return False
        prefixes = tuple(self._setting.command_prefixes)
        return posted.text is None or not posted.text.startswith(prefixes)

    def _is_fresh(self, account_id: int, text: str) -> bool:
        least = self._setting.least_characters
        if not says_something(text, least):
            return False
        return not self._last.is_repetition(account_id, text)


def open_room(services: Services) -> Room:
    """Open the room. Its memory of authors is lost with it; Postgres knows what counted."""
    if not services.community.earning.messages.enabled:
        return Room()
    return Room(on_message=MessageXp(services).note)
