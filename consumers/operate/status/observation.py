"""The things seen at one look; `--json` writes exactly these, and the advice."""

from collections.abc import Sequence

import msgspec

from bus import Source
from config.community import ReconcileSetting
from db import Platform
from db.reconcile.drift import Held
from db.upkeep.bot_connections import BotConnection
from db.upkeep.overview import (
    Buried,
    Flow,
    HeldExample,
    LastPass,
    Links,
    Locker,
    Parked,
    ParkedPlace,
    PutOff,
    Unpublished,
)


class ServerState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a server answers, and what it is."""

    name: str
    #: The error, with its remedy; None if the server answers.
    trouble: str | None = None
    version: str = ""
    answered_ms: float = 0.0


class ConsumerState(msgspec.Struct, frozen=True, kw_only=True):
    """One consumer of a group, and how long ago it last asked for entries."""

    name: str
    unacknowledged: int
    seen_s: float


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """One stream and the group that reads it."""

    source: Source
    stream: str
    group: str
    #: The reason why the stream cannot be measured or used; None if it can.
    trouble: str | None = None
    unread: int = 0
    unacknowledged: int = 0
    #: None if the age is unknown, 0 if nothing waits.
    oldest_s: float | None = 0.0
    readers: tuple[ConsumerState, ...] = ()
    #: A group of another program that keeps settled entries, and how far it is behind.
    held_by: str | None = None
    held_s: float | None = None
    #: Whether that group has stopped, for all one can see.
    is_held: bool = False


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of Postgres."""

    flow: Sequence[Flow] = ()
    unpublished: Sequence[Unpublished] = ()
    buried: Sequence[Buried] = ()
    #: Whether the newest of the first of them can never be sent again.
    buried_is_unusable: bool = False
    waiting: dict[Platform, int] = {}
    #: Surfaces that have been put off for long, apart from those of a ladder that changed.
    put_off: Sequence[PutOff] = ()
    parked: Sequence[Parked] = ()
    #: Places that take no announcements.
    parked_places: Sequence[ParkedPlace] = ()
    last_pass: LastPass | None = None
    #: How long ago a pass was last finished, and not stopped.
    finished_s: float | None = None
    held: Sequence[Held] = ()
    held_examples: Sequence[HeldExample] = ()
    stop_sign: str | None = None
    links: Links = Links(0, 0)
    bots: Sequence[BotConnection] = ()
    #: Accounts whose events wait on the stream for long, by source.
    late_members: dict[Platform, int] = {}
    lockers: Sequence[Locker] = ()
    #: Accounts whose rows in the bots' own tables could not be paid, by platform.
    owed: dict[Platform, int] = {}


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one look saw. A part that its server did not tell is empty."""

    at: str
    postgres: ServerState
    redis: ServerState
    streams: Sequence[StreamState] = ()
    record: Record | None = None
    #: The platforms whose token is set, so that a bot of ours is meant to run there.
    tokens: Sequence[Platform] = ()
    #: Why a process that starts now would refuse twinstream.toml; None if it is fit.
    unfit_settings: str | None = None
    #: Seconds between two passes, by the settings.
    passes_every_s: float = ReconcileSetting().interval_ms / 1_000


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do, the most urgent with the smallest number."""

    urgency: int
    what: str
    #: The command as one types it, if there is one.
    command: str | None = None
