"""How long members were in voice channels so that it counts. Pure: the caller has the clock.

Time counts while a member is neither muted nor deafened, and another person in the same channel can
hear them. It is added up per member from one change to the next, so leaving and coming back, or
muting and unmuting, never adds more than being there.

All times are seconds of one monotonic clock. `seen_until` is the last moment at which Discord was
heard: what happened after it, nobody saw, so it does not count.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bots.features.voice_members import Connected

#: Members whose rest of an interval is remembered after they left. Beyond it the member who left
#: first loses it, which is less than one interval.
RESTS_MAX: Final = 10_000
#: Seconds of time beyond whole intervals that are kept for later, at least: while nothing happens,
#: Discord is heard by its heartbeat only, each 41 s. More than that passed while nobody looked.
KEPT_S_MIN: Final = 120.0


@dataclass(slots=True)
class _Time:
    """Time that counted for one member, beyond whole intervals that were taken."""

    counted_s: float = 0.0
    since_s: float | None = None
    """From when on time counts; None while it does not."""


class VoiceHours:
    """Adds up the time of all members of one server."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._connected: dict[int, Connected] = {}
        self._channels: dict[int, set[int]] = {}
        self._times: OrderedDict[int, _Time] = OrderedDict()

    def __len__(self) -> int:
        """Return how many members are connected."""
        return len(self._connected)

    def set(self, at_s: float, member: Connected) -> None:
        """A member came into a channel, moved to another one, or changed what they can do."""
        self._remove(at_s, member.account_id)
        self._connected[member.account_id] = member
        self._channels.setdefault(member.channel_id, set()).add(member.account_id)
        self._judge(at_s, member.channel_id)

    def leave(self, at_s: float, account_id: int) -> None:
        """A member left the voice channels."""
        self._remove(at_s, account_id)

    def restart(self, at_s: float, members: Iterable[Connected]) -> None:
        """Begin again with everybody whom Discord shows now, after a time that nobody saw.

        Time that counted before stays; nothing counts between `lose` and this.
        """
        for time in self._times.values():
            self._stop(at_s, time)
        self._connected.clear()
        self._channels.clear()
        for member in members:
            self._connected[member.account_id] = member
            self._channels.setdefault(member.channel_id, set()).add(member.account_id)
        for channel_id in self._channels:
            self._judge(at_s, channel_id)
        self._forget_rests()

    def lose(self, seen_until_s: float) -> None:
        """Discord is heard no more since `seen_until_s`: nothing after it counts."""
        self.restart(seen_until_s, ())

    def take(self, seen_until_s: float) -> list[int]:
        """Return the accounts of members who have a whole interval, and take it from their time.

        A member has at most one interval at a time. Of the rest, little is kept for the next time.
        """
        taken = []
        kept_s_max = max(KEPT_S_MIN, self._interval_s)
        for account_id, time in self._times.items():
            if time.since_s is not None:
                time.counted_s += max(0.0, seen_until_s - time.since_s)
                time.since_s = max(time.since_s, seen_until_s)
            if time.counted_s >= self._interval_s:
                taken.append(account_id)
                time.counted_s = min(time.counted_s - self._interval_s, kept_s_max)
        return taken

    def _remove(self, at_s: float, account_id: int) -> None:
        before = self._connected.pop(account_id, None)
        if before is None:
            return
        inside = self._channels[before.channel_id]
        inside.discard(account_id)
        if account_id in self._times:
            self._stop(at_s, self._times[account_id])
        if inside:
            self._judge(at_s, before.channel_id)
        else:
            del self._channels[before.channel_id]
        self._forget_rests()

    def _judge(self, at_s: float, channel_id: int) -> None:
        """Let time begin or stop to count for each member in a channel."""
        inside = [self._connected[one] for one in self._channels[channel_id]]
        company = sum(member.is_company for member in inside)
        for member in inside:
            others = company - member.is_company
            counts = (
                others > 0
                and member.earns
                and member.can_speak
                and member.can_hear
                and not member.is_bot
            )
            if counts:
                self._begin(at_s, member.account_id)
            elif member.account_id in self._times:
                self._stop(at_s, self._times[member.account_id])

    def _begin(self, at_s: float, account_id: int) -> None:
        time = self._times.setdefault(account_id, _Time())
        self._times.move_to_end(account_id)
        if time.since_s is None:
            time.since_s = at_s

    @staticmethod
    def _stop(at_s: float, time: _Time) -> None:
        if time.since_s is not None:
            time.counted_s += max(0.0, at_s - time.since_s)
            time.since_s = None

    def _forget_rests(self) -> None:
        """Forget members who are not connected, if there are too many."""
        if len(self._times) <= RESTS_MAX + len(self._connected):
            return
        for account_id in list(self._times):
            if account_id not in self._connected:
                del self._times[account_id]
                if len(self._times) <= RESTS_MAX + len(self._connected):
                    return
