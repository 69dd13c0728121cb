"""The parts of a command, the same on both platforms: its description, its question, its answer."""

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import structlog

from bots.texts import failures
from bots.texts.buttons import Rows
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


class Place(enum.Enum):
    """The place of an account whom an administrator named."""

    MEMBER = "member"
    BOT = "bot"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"
    """The platform does not say at this moment."""


class Form(NamedTuple):
    """The fields of a `FormParameter`, as the platform has them."""

    target: Target | None
    """The member whom the form names; None for nobody."""
    place: Place
    values: Mapping[str, int | str]
    """The fields by their names, without those that were left out. Empty on Telegram."""
    text: str = ""
    """On Telegram the words after the member, which the room reads."""


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
    replied_to: Target | None = None
    """The author of the message that the command replies to. Discord's commands reply to none."""


class Sent(Protocol):
    """An answer that the asker sees, and that can be replaced as long as the platform allows it."""

    async def replace(self, answer: "Answer") -> bool:
        """Put another answer in its place, with its buttons. Returns whether the platform did."""
        ...


class File(NamedTuple):
    """A file for the asker."""

    name: str
    content: bytes


class Answer(NamedTuple):
    """The reply to a question. Pictures of a room become a field here."""

    text: str
    """A text in the asker's language and the platform's markup, ready to send."""
    must_arrive: bool = False
    """Whether the text tells what the asker has won or changed, so that it is never dropped."""
    buttons: Rows = ()
    """The buttons under the text, row by row. Buttons that act are for the asker alone."""
    on_sent: Callable[[Sent], None] | None = None
    """Called once the platform has shown the answer, for a room that replaces it later."""
    hint: str = ""
    """Told at once to the member who pressed a button, over the chat on Telegram. Discord shows it
    only where the message stays as it is. An answer without a text leaves the message so."""
    told_to_all: str = ""
    """Told to everybody beside an answer on Discord that only the asker sees."""
    file: File | None = None
    """A file that comes with the text: below it on Discord, as the next message on Telegram. For
    answers that only the asker sees."""


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


class FormParameter(NamedTuple):
    """A member and several fields, for a command of administrators; the argument is a `Form`.

    Discord shows each as an option. On Telegram the command replies to the member or names the
    account first, and the room reads the rest of the words.
    """

    member: TextParameter
    fields: tuple[NumberParameter | TextParameter, ...]


Parameter = NumberParameter | TextParameter | MemberParameter | FormParameter


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that the member pressed for whom its message was."""

    asker: Asker
    value: str
    entity_id: str
    """Names the button and its message, so that what a press earns counts once."""
    is_private: bool
    """Whether nobody else sees the message."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A deep link into the private chat on Telegram that a member opened."""

    asker: Asker
    value: str
    """The rest of the payload after the prefix of the `Start`."""
    entity_id: str


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
    aliases: tuple[str, ...] = ()
    """Other names that people try in Telegram. Discord shows its commands while people type."""
    is_instant: bool = False
    """The answer needs no database, so that it fits into the three seconds that Discord waits."""
    is_for_strangers: bool = False
    """Whether accounts outside the Telegram group, which may write to the bot in private, are
    answered like members. The answer then says nothing of others, and changes nothing of theirs."""
    refuse_stranger: Callable[[Texts], str] | None = None
    """Answers accounts outside the Telegram group. None: the bot's own words do."""
    earns: bool = False
    """Whether it may earn something, so that members who may not write in the group are refused."""
    refuse_others: Callable[[Texts], str] | None = None
    """Answers members who are no administrators. None: the command is for all members."""
    refuse_in_group: Callable[[Texts, bool], str] | None = None
    """Answers in a Telegram group a command that is for private chats only.

    It is told whether an argument was shown to the group. A button beside the answer leads to the
    private chat and runs the command there. None: the command is answered in groups too.
    """

    async def run(self, question: Question[A]) -> Answer:
        """Answer the question; while Postgres is unavailable the answer says so."""
        return await answered(self.handler(question), question.asker)


@dataclass(frozen=True, kw_only=True)
class Press:
    """One action of buttons, as both bots hand it to its room.

    The answer replaces the message whose button was pressed; its buttons go, unless the answer has
    new ones. A press that comes twice, or after the buttons are gone, reaches no handler as long as
    the process remembers the message; after a restart it may, so handlers act once by what Postgres
    says.
    """

    action: str
    """A short word without a colon. `PressButton` names it."""
    handler: Callable[[Pressed], Awaitable[Answer]]
    is_for_strangers: bool = False
    refuse_stranger: Callable[[Texts], str] | None = None
    """As for `Command`: answers accounts outside the Telegram group, and the buttons stay."""
    earns: bool = False
    """As for `Command`: members who may not write in the group are refused, there as well."""

    async def run(self, pressed: Pressed) -> Answer | None:
        """Do what the button says. None while Postgres is unavailable: nothing was done."""
        try:
            return await self.handler(pressed)
        except (StorageUnavailable, Contention) as error:
            account_id = pressed.asker.account_id
            log.warning("database.unavailable", account_id=account_id, why=str(error))
            return None


@dataclass(frozen=True, kw_only=True)
class Start:
    """One kind of deep link into the private chat on Telegram: `/start <prefix>-<value>`.

    Telegram allows 64 characters of `A-Z a-z 0-9 _ -` after `/start`.
    """

    prefix: str
    handler: Callable[[Opened], Awaitable[Answer]]
    is_for_strangers: bool = False
    refuse_stranger: Callable[[Texts], str] | None = None

    async def run(self, opened: Opened) -> Answer:
        """Answer the member; while Postgres is unavailable the answer says so."""
        return await answered(self.handler(opened), opened.asker)


@dataclass(frozen=True, kw_only=True)
class PrivateText:
    """A kind of text that members send to the Telegram bot in private without any command."""

    recognises: Callable[[str], bool]
    handler: Callable[[Question[str]], Awaitable[Answer]]
    is_for_strangers: bool = False
    refuse_stranger: Callable[[Texts], str] | None = None

    async def run(self, question: Question[str]) -> Answer:
        """Answer the text; while Postgres is unavailable the answer says so."""
        return await answered(self.handler(question), question.asker)


async def answered(answer: Awaitable[Answer], asker: Asker) -> Answer:
    """Return the answer, or one that says that Postgres is unavailable."""
    try:
        return await answer
    except (StorageUnavailable, Contention) as error:
        log.warning("database.unavailable", account_id=asker.account_id, why=str(error))
        return Answer(failures.unavailable(asker.texts))
