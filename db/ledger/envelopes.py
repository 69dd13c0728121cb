"""Envelopes: events with their bytes, as callers pass them in, and the receipts they get back."""

from datetime import datetime
from typing import NamedTuple, Protocol

from ..platforms import Platform
from .entries import LedgerRow


class Event(Protocol):
    """The fields of an event that this package reads; the classes of the wire format have them."""

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

    def as_row(self) -> LedgerRow:
        """Translate the event into a ledger row.

        Each type of event has one of three effects: XP, balance or an achievement. The ledger
        refuses a row without any (`transaction_has_one_effect`), so an unknown type cannot pass.
        """
        event = self.event
        return LedgerRow(
            idempotency_key=event.idempotency_key,
            source=event.source,
            type=event.type,
            account_id=event.user_id,
            delta_xp=getattr(event, "delta_xp", 0),
            delta_balance=getattr(event, "delta_balance", 0),
            achievement=getattr(event, "achievement", None),
            reason=event.reason,
            entity_id=event.entity_id,
            occurred_at=event.occurred_at,
        )


class Recorded(NamedTuple):
    """The receipt for an event that was recorded at its origin."""

    idempotency_key: str
    source: Platform
    member_id: int
    """0 if the account was forgotten since the event happened, so that it counts no more."""
    payload: bytes
    created: bool
    """False if the key was known already; then nothing was added a second time."""
