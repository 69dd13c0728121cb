"""The parts of a command, the same on both platforms: its description, its question, its answer."""

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import structlog

from bots.texts import failures
from bots.texts.languages import Texts
from db import Contention, StorageUnavailable

log = structlog.get_logger("twinstream.bots")

A = TypeVar("A")


class Asker(NamedTuple):
    """The member who sent a command: their account here, their current name, their language."""

    account_id: int
    name: str
    texts: Texts


class Target(NamedTuple):
    """Another account on this platform that the asker named, and its name if it is known."""

    account_id: int
    name: str | None = None


class Unclear(enum.Enum):
    """Stands where an argument was written that cannot be read."""

    ARGUMENT = "argument"


@dataclass(frozen=True, slots=True)
class Question(Generic[A]):
    """A command as one member sent it."""

    asker: Asker
    argument: A | Unclear | None
    """None where none was written. A platform whose clients check arguments sends no Unclear."""
    entity_id: str
    """Names the update that brought the command, so that what the command earns counts once."""


class Answer(NamedTuple):
    """The reply to a question. Pictures, files and buttons of a room become fields here."""

    text: str
    """A text in the asker's language and the platform's markup, ready to send."""
    must_arrive: bool = False
    """Whether the text tells what the asker has won or changed, so that it is never dropped."""


class NumberParameter(NamedTuple):
    """An optional whole number. Telegram's members may still write one out of the range."""

    name: str
    hint: str
    least: int
    most: int


class TextParameter(NamedTuple):
    """An optional word or text, taken as it was written."""

    name: str
    hint: str


class MemberParameter(NamedTuple):
    """An optional other member, whom only administrators may name; the argument is a `Target`.

    A member who names themselves is treated as if they named nobody.
    """

    name: str
    hint: str
    refuse: Callable[[Texts], str]
    """Answers a member who names another one and is no administrator."""


Parameter = NumberParameter | TextParameter | MemberParameter


class Audience(enum.Enum):
    """The people who see an answer where others read along."""

    EVERYBODY = "everybody"
    ASKER_ON_DISCORD = "asker_on_discord"
    """Discord shows it to the asker alone; in a Telegram group it is an ordinary reply."""
    ASKER = "asker"
    """Both platforms show it to the asker alone. A Telegram group that cannot says so instead."""


@dataclass(frozen=True, kw_only=True)
class Command(Generic[A]):
    """One command, as both bots register it in their menus and answer it."""

    name: str
    description: str
    """In English and `marked`: the platforms' menus and /help show it translated."""
    handler: Callable[[Question[A]], Awaitable[Answer]]
    parameter: Parameter | None = None
    audience: Audience = Audience.EVERYBODY
    is_in_menu: bool = True
    """Whether Telegram's menu and /help list it. Discord always lists what it can run."""
    is_instant: bool = False
    """The answer needs no database, so that it fits into the three seconds that Discord waits."""
    refuse_stranger: Callable[[Texts], str] | None = None
    """Answers accounts outside the Telegram group, which may write to the bot in private.

    None: they are answered like members.
    """
    refuse_in_group: Callable[[Texts, bool], str] | None = None
    """Answers in a Telegram group a command that is for private chats only.

    It is told whether an argument was shown to the group. A button beside the answer leads to the
    private chat and runs the command there. None: the command is answered in groups too.
    """

    async def run(self, question: Question[A]) -> Answer:
        """Answer the question; while Postgres is unavailable the answer says so."""
        try:
            return await self.handler(question)
        except (StorageUnavailable, Contention) as error:
            asker = question.asker
            log.warning("database.unavailable", account_id=asker.account_id, why=str(error))
            return Answer(failures.unavailable(asker.texts))
