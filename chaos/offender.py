"""The findings of both audits."""

from typing import NamedTuple


class Offender(NamedTuple):
    """One violation: the event, member, stream or deed, and the details."""

    what: str
    detail: str
