"""Voice channels of the Discord server: members come and go, and a model counts their time.

The gateway tells the bot of each change a little later. A bot that was killed or paused, or whose
platform was cut off, misses changes; when it is back, it is shown who is there.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from bots.features.voice.voice_clock import VoiceClock
from bots.features.voice_members import Connected
from config.community_sections.voice import VoiceSetting

from .bot_calls import accounts_of
from .earning_model import VOICE, EarningModel
from .platforms import DiscordServer
from .simulated_process import Machine, Process

#: Intervals of two virtual seconds, and a limit that a member who stays comes to.
SETTING: Final = VoiceSetting(interval_s=2, xp=3, xp_per_day_max=24)
CHANNELS: Final = (70, 71)
#: A bot that plays music, and is in a channel now and then.
MUSIC_BOT: Final = 190
#: Seconds between two changes, on average, and between two signs of life of the gateway.
CHANGE_S: Final = 0.7
HEARTBEAT_S: Final = 0.5


class VoiceChannels:
    """The members in voice channels, and the time that each of them could be heard by another."""

    def __init__(self, machine: Machine, server: DiscordServer) -> None:
        self.connected: dict[int, Connected] = {}
        #: Seconds by which the bot heard of changes too late, all together: so much more may count.
        self.late_s = 0.0
        #: Whether the bot saw everything: it was never killed, paused or without its platform.
        self.is_all_seen = True
        self._machine = machine
        self._dice: random.Random = machine.dice
        self._server = server
        self._counted: defaultdict[int, float] = defaultdict(float)
        self._since = 0.0
        self._has_bot = False
        self._tell: Callable[[float, int], None] = lambda at_s, account: None

    async def live(self, until_s: float) -> None:
        """Let members come, go, mute and deafen, until they all have left."""
        while self._now() < until_s:
            await asyncio.sleep(self._dice.expovariate(1 / CHANGE_S))
            self._change(self._dice.choice([*accounts_of("discord"), MUSIC_BOT]))
        for account in sorted(self.connected):
            self._set(account, None)

    async def connect(self, process: Process, clock: VoiceClock) -> None:
        """Tell a bot what the gateway tells, for ever."""
        if self._has_bot:
            self.is_all_seen = False  # the process before was killed
        self._has_bot = True
        changes: asyncio.Queue[tuple[float, int]] = asyncio.Queue()
        heard_at: float | None = None
        looked_at = self._now()
        is_shown = False
        clock.heard_at = lambda: heard_at
        self._tell = lambda at_s, account: changes.put_nowait((at_s, account))
        while True:
            change = None
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    change = await changes.get()
            except TimeoutError:
                pass
            await process.turn()
            if not self._server.reachable:
                self.is_all_seen = False
                if is_shown:
                    clock.lost()
                is_shown = False
                continue
            now = self._now()
            if now - looked_at > 2 * HEARTBEAT_S:
                self.is_all_seen = False  # the process was paused
            heard_at = looked_at = now
            if not is_shown:
                while not changes.empty():
                    changes.get_nowait()
                clock.shown(list(self.connected.values()))
                is_shown = True
            elif change is not None:
                at_s, account = change
                self.late_s += now - at_s
                if (member := self.connected.get(account)) is None:
                    clock.left(account)
                else:
                    clock.changed(member)

    def breaches(self, model: EarningModel) -> Iterator[str]:
        """Yield members who were paid for more intervals than they could be heard, or fewer."""
        handed_in = model.number_of("discord", VOICE)
        for account in {*self._counted, *handed_in}:
            heard_s = self._counted[account]
            most = (heard_s + self.late_s) / SETTING.interval_s
            least = (heard_s - self.late_s - HEARTBEAT_S) / SETTING.interval_s - 1
            paid = handed_in[account]
            if paid > most or (self.is_all_seen and paid < least):
                yield (
                    f"{account} was heard for {heard_s:.1f} s of voice, {self.late_s:.1f} s late,"
                    f" and paid for {paid} intervals of {SETTING.interval_s} s"
                )

    def _change(self, account: int) -> None:
        dice, member = self._dice, self.connected.get(account)
        if member is None:
            self._set(account, Connected(account, dice.choice(CHANNELS), account == MUSIC_BOT))
            return
        match dice.choice(["leave", "move", "mute", "deafen", "all well", "all well"]):
            case "leave":
                self._set(account, None)
            case "move":
                self._set(account, member._replace(channel_id=dice.choice(CHANNELS)))
            case "mute":
                self._set(account, member._replace(can_speak=not member.can_speak))
            case "deafen":
                self._set(account, member._replace(can_hear=not member.can_hear))
            case _:
                self._set(account, member._replace(can_speak=True, can_hear=True))

    def _set(self, account: int, member: Connected | None) -> None:
        now = self._now()
        for one in self.connected.values():
            if self._is_heard(one):
                self._counted[one.account_id] += now - self._since
        self._since = now
        if member is None:
            self.connected.pop(account, None)
        else:
            self.connected[account] = member
        self._machine.note("world", f"voice of {account}: {member and member[1:5]}")
        self._tell(now, account)

    def _is_heard(self, one: Connected) -> bool:
        """Tell whether a person can speak, and another person in the same channel can hear."""
        return (
            not one.is_bot
            and one.can_speak
            and one.can_hear
            and any(
                other.account_id != one.account_id
                and other.channel_id == one.channel_id
                and not other.is_bot
                and other.can_hear
                for other in self.connected.values()
            )
        )

    def _now(self) -> float:
        return self._machine.loop.time()
