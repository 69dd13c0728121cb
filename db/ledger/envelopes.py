"""An event as this package takes it from its caller, and what it returns."""

from datetime import datetime
from typing import NamedTuple, Protocol

from ..platforms import Platform
from .entries import LedgerRow


class Event(Protocol):
    """What this package needs to know of an event; the wire's own classes have it."""

    @property
    def idempotency_key(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def source(self) -> Platform: ...
    @property
    def user_id(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def entity_id(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...


class Envelope(NamedTuple):
    """An event together with its bytes on the wire."""

    event: Event
    payload: bytes

    def as_row(self, member_id: int) -> LedgerRow:
        """Translate the event into a ledger row of this member.

        Each type of event has one of the three effects. The ledger refuses a row without any
        (`transaction_has_one_effect`), so a type that it does not know cannot pass unnoticed.
        """
        event = self.event
        return LedgerRow(
            idempotency_key=event.idempotency_key,
            source=event.source,
            type=event.type,
            member_id=member_id,
            account_id=event.user_id,
            delta_xp=getattr(event, "delta_xp", 0),
            delta_balance=getattr(event, "delta_balance", 0),
            achievement=getattr(event, "achievement", None),
            reason=event.reason,
            entity_id=event.entity_id,
            occurred_at=event.occurred_at,
        )


class Recorded(NamedTuple):
    """What became of an event at its origin."""

    idempotency_key: str
    source: Platform
    member_id: int
    payload: bytes
    created: bool
    """False when the key was known already: nothing was added a second time."""
