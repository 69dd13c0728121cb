"""The parts of a command, the same on both platforms: its description, its question, its answer."""

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

import structlog

from bots.features.posted_messages import MessagePlace
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
    roles: frozenset[int] = frozenset()
    """On Discord."""


class Target(NamedTuple):
    """Another account on this platform that the asker named, and its name if it is known."""

    account_id: int
    name: str | None = None
    is_bot: bool = False
    is_here: bool | None = None
    """Whether the account is in the group or server. None: nobody asked, or nobody could tell."""
    roles: frozenset[int] = frozenset()
    """On Discord."""


class TargetKind(enum.Enum):
    """The kind of account that an administrator named."""

    MEMBER = "member"
    BOT = "bot"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"
    """The platform does not say at this moment."""


class Form(NamedTuple):
    """The fields of a `FormParameter`, as the platform has them."""

    target: Target | None
    """The member whom the form names; None for nobody."""
    kind: TargetKind
    values: Mapping[str, int | str]
    """The fields by their names, without those that were left out. Empty on Telegram."""
    text: str = ""
    """On Telegram the words after the member, which the room reads."""


class Unclear(enum.Enum):
    """Stands where an argument was written that cannot be read."""

    ARGUMENT = "argument"


class Avatars(Protocol):
    """Reads the pictures of accounts on one platform, as far as one question is concerned."""

    async def read(self, account_id: int) -> bytes | None:
        """Return an avatar as the platform sends it; None if there is none in time.

        Raises nothing.
        """
        ...


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
    asked_at: datetime | None = None
    """When the platform says it was sent: the same each time an update is delivered."""
    replies_to_nameless: bool = False
    """Whether that message is in the name of a group or a channel, so that it has no author."""
    is_flagged: bool = False
    """Whether the command's `Flag` was given."""
    avatars: Avatars | None = None
    place: MessagePlace | None = None
    """Where a text was written; None for a command."""
    invite_link: Callable[[], Awaitable[str | None]] | None = None
    """Makes the asker's own invite link, or returns None if the platform refuses. Raises nothing.
    None where the platform does not say by whose link a member came."""


class Sent(Protocol):
    """An answer that the asker sees, and that can be replaced as long as the platform allows it."""

    async def replace(self, answer: "Answer") -> bool:
        """Put another answer in its place, with its buttons. Returns whether the platform did."""
        ...


class File(NamedTuple):
    """A file for the asker."""

    name: str
    content: bytes


class Picture(NamedTuple):
    """A picture that stands in the place of the answer's text, where it can be drawn and shown."""

    name: str
    """The name of the file, with its ending."""
    description: str
    """The text of the picture for people who do not see it, without markup."""
    caption: str
    """The text beside the picture, in the platform's markup."""
    draw: Callable[[], Awaitable[bytes | None]]
    """Called once, beside other members' questions. Returns None if it cannot be drawn, and raises
    nothing."""


class Answer(NamedTuple):
    """The reply to a question."""

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
    picture: Picture | None = None


class NumberParameter(NamedTuple):
    """An optional whole number. Telegram's members may still write one out of the range."""

    name: str
    hint: str
    least: int
    most: int


class Choice(NamedTuple):
    """A text that a parameter offers."""

    value: str
    label: str
    """In English and `marked`: Discord shows it translated."""


class TextParameter(NamedTuple):
    """An optional word or text, taken as it was written."""

    name: str
    hint: str
    choices: tuple[Choice, ...] = ()
    """The texts that Discord lets members choose from; none: any text. On Telegram all are."""


class MemberParameter(NamedTuple):
    """An optional other member; the argument is a `Target`.

    A member who names themselves is treated as if they named nobody.
    """

    name: str
    hint: str
    refuse: Callable[[Texts], str] | None
    """Answers a member who names another one and is no administrator. None: all may name others."""
    asks_presence: bool = False
    """Whether `Target.is_here` is wanted, which may cost a call of the platform."""


class Flag(NamedTuple):
    """A wish beside the parameter: an option on Discord, one of its words in Telegram."""

    name: str
    hint: str
    words: tuple[str, ...]


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
    flag: Flag | None = None
    user_menu: str = ""
    """The entry of a member's context menu on Discord that runs the command for that member, in
    English and `marked`. Empty: there is none."""
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
    refuse_others: Callable[[Texts], str] | None = None
    """Answers members for whom the message was not. None: the bot's own words do."""

    def refusal_of_another(self, texts: Texts) -> str:
        """Answer a member for whom the message was not. Pure."""
        refuse = self.refuse_others or failures.button_of_another
        return refuse(texts)

    async def run(self, pressed: Pressed) -> Answer | str:
        """Do what the button says. A text alone says why nothing was done; the buttons stay."""
        try:
            return await self.handler(pressed)
        except (StorageUnavailable, Contention) as error:
            return _excuse(error, pressed.asker)


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


@dataclass(frozen=True, kw_only=True)
class GroupReply:
    """A kind of text with which members reply to messages of other members, where people meet.

    On Discord it needs the privileged Message Content Intent. The handler returns None where the
    bot stays silent.
    """

    recognises: Callable[[str], bool]
    """Tells whether a text is of this kind. Called for each reply, so it must be quick."""
    handler: Callable[[Question[str]], Awaitable[Answer | None]]

    async def run(self, question: Question[str]) -> Answer | None:
        """Answer the reply, or do not. While Postgres is unavailable there is no answer."""
        try:
            return await self.handler(question)
        except (StorageUnavailable, Contention) as error:
            account_id = question.asker.account_id
            log.warning("database.unavailable", account_id=account_id, why=str(error))
            return None


async def answered(answer: Awaitable[Answer], asker: Asker) -> Answer:
    """Return the answer, or one that says that Postgres or the account cannot be had now."""
    try:
        return await answer
    except (StorageUnavailable, Contention) as error:
        return Answer(_excuse(error, asker))


def _excuse(error: StorageUnavailable | Contention, asker: Asker) -> str:
    if isinstance(error, Contention):
        log.warning("change.hindered", account_id=asker.account_id, why=str(error))
        return failures.in_the_way(asker.texts)
    log.warning("database.unavailable", account_id=asker.account_id, why=str(error))
    return failures.unavailable(asker.texts)
