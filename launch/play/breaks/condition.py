"""The condition of one breakage, as the board shows it, and how it changes. Pure."""

from typing import Literal, NamedTuple

import msgspec

__all__ = ["Condition", "Hand", "Look", "Stage", "Tally"]

Stage = Literal["idle", "preparing", "broken", "healed", "failed", "unavailable"]
#: A person can do nothing now, shorten the wait, or mend what mends by no other way; "given" while
#: it is being done.
Hand = Literal["none", "may", "must", "given"]


class Look(NamedTuple):
    """One look at the damage. `waits` names what is not well yet, and is empty if all is well."""

    waits: str = ""
    detail: str = ""
    """Words of the processes or platforms about it, in English."""
    hand: Hand = "none"


WELL = Look()


class Tally(NamedTuple):
    """Events recorded since a moment, those of them that arrived, and those still on their way."""

    recorded: int = 0
    arrived: int = 0
    waiting: int = 0

    @property
    def lost(self) -> int:
        """Those that neither arrived nor are on their way."""
        return self.recorded - self.arrived - self.waiting


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one breakage.

    idle → preparing → broken → healed, and back to preparing; `failed` if it could not be broken,
    and `unavailable` if it cannot be broken from here.
    """

    stage: Stage = "idle"
    times: int = 0
    """How often it was broken. It tells the page that this is another healing than the last."""
    since: float | None = None
    """Unix time in seconds at which it was broken last."""
    took_s: float | None = None
    """Seconds from that moment until it was seen to be healed."""
    waits: str = ""
    detail: str = ""
    hand: Hand = "none"
    asked: int = 0
    """How many commands members sent while it was broken."""
    recorded: int = 0
    arrived: int = 0
    lost: int = 0
    why: str = ""
    """The reason of `failed` and `unavailable`."""

    @property
    def is_under_way(self) -> bool:
        """Whether it is being broken, or is broken: another press changes nothing."""
        return self.stage in ("preparing", "broken")

    @property
    def may_be_struck(self) -> bool:
        """Whether it can be broken now."""
        return self.stage in ("idle", "healed", "failed")

    @property
    def takes_a_hand(self) -> bool:
        """Whether the button that mends it does something."""
        return self.stage == "broken" and self.hand in ("may", "must")

    def prepared(self) -> "Condition":
        """Begin: what it needs is being made ready."""
        return Condition(stage="preparing", times=self.times)

    def struck(self, now: float) -> "Condition":
        """It is broken from now on."""
        return Condition(stage="broken", times=self.times + 1, since=now)

    def seen(self, look: Look, tally: Tally, asked: int) -> "Condition":
        """Note what a look saw, and how many commands were sent. A hand that is given stays so."""
        return msgspec.structs.replace(
            self,
            waits=look.waits,
            detail=look.detail,
            hand="given" if self.hand == "given" else look.hand,
            asked=asked,
            recorded=tally.recorded,
            arrived=tally.arrived,
            lost=tally.lost,
        )

    def handed(self, hand: Hand) -> "Condition":
        """A person lends a hand ("given"), or has done so ("none"), and the next look says more."""
        return msgspec.structs.replace(self, hand=hand)

    def healed(self, now: float) -> "Condition":
        """It is seen to be well."""
        return msgspec.structs.replace(
            self,
            stage="healed",
            took_s=round(max(now - (self.since or now), 0.0), 2),
            waits="",
            detail="",
            hand="none",
        )

    def failed(self, why: str) -> "Condition":
        """It could not be broken, or not be watched."""
        return Condition(stage="failed", times=self.times, why=why)

    def unavailable(self, why: str) -> "Condition":
        """It cannot be broken from here."""
        return Condition(stage="unavailable", times=self.times, why=why)
