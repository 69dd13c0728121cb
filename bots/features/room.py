"""The ways in which a feature takes part in a bot."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from bots.runtime.delivery import Delivery, PublicPlace
from db.earning.reactions import Reaction

from .command import Answer, Asker, Command, GroupReply, Press, PrivateText, Start
from .posted_messages import MessagePlace, Posted
from .voice_members import Connected


class Observation(NamedTuple):
    """The tag or the roles of the member who caused an update, as the update shows them."""

    account_id: int
    look: str | frozenset[int]
    """The tag beside the name in Telegram, empty for none; or the ids of the roles in Discord."""
    at: datetime
    """When the platform saw it so, by the platform's clock."""


class Duty(NamedTuple):
    """Work in the background while the bot is connected.

    It ends by itself or is cancelled. After an unexpected error it begins again.
    """

    name: str
    """A few words for the log."""
    run: Callable[[Delivery], Awaitable[None]]


class VoiceWatch(Protocol):
    """Gets what Discord shows of voice channels. Nothing of it waits or raises."""

    heard_at: Callable[[], float | None]
    """Set by the platform: when it was last heard, on the clock of `time.perf_counter`."""

    def earns(self, account_id: int, channel: MessagePlace, roles: Iterable[int]) -> bool:
        """Tell whether the settings let an account with these roles earn in a channel."""
        ...

    def shown(self, members: Sequence[Connected]) -> None:
        """Everybody who is connected now, in place of what was known."""
        ...

    def changed(self, member: Connected) -> None:
        """A member came into a channel, or changed there."""
        ...

    def left(self, account_id: int) -> None:
        """A member left the voice channels."""
        ...

    def lost(self) -> None:
        """Nothing is seen any more until `shown`."""
        ...


class Invitation(NamedTuple):
    """An account that joined by somebody's invitation."""

    inviter_id: int | None
    """None if the account came by `link`."""
    account_id: int
    link: str | None = None
    """The link by which it came, if this bot made it; the record says for whom."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """A feature, opened for one bot. Each field is one way in which a feature can take part.

    A feature that needs another way (each message, a reaction, voice) adds a field here, and each
    platform calls it from the file that receives such updates.
    """

    commands: tuple[Command[Any], ...] = ()
    presses: tuple[Press, ...] = ()
    """The actions of the buttons under its answers. An action has one room."""
    starts: tuple[Start, ...] = ()
    """The deep links into the private chat on Telegram that it makes."""
    private_texts: tuple[PrivateText, ...] = ()
    """The texts without a command that it answers in private chats on Telegram."""
    replies: tuple[GroupReply, ...] = ()
    """The texts with which members reply to each other that it wants to see."""
    duties: tuple[Duty, ...] = ()
    beside: Callable[[Asker], Awaitable[Sequence[Answer]]] | None = None
    """Called after each command that was answered: what else to tell the member, in private.

    Raises nothing.
    """
    on_observed: Callable[[Observation], Awaitable[None]] | None = None
    """Called for each message in the group and each interaction in the server. Raises nothing."""
    on_heard: Callable[[int, PublicPlace, int | None], None] | None = None
    """Called with each account that did something where others read along, the place, and the
    message there that can be replied to, if there is one. Raises nothing."""
    on_message: Callable[[Posted], None] | None = None
    """Called for each message that a member wrote by themselves, in the group, the server, and the
    other chats that the settings name. It waits for nothing, because commands wait behind it, and
    raises nothing."""
    on_reaction: Callable[[Reaction], None] | None = None
    """Called for the first reaction of a person to a message. It waits for nothing, because
    commands wait behind it, and raises nothing."""
    settled: Callable[[float], Awaitable[None]] | None = None
    """Waits until Postgres has what updates brought, for so many seconds at most, and not while
    Postgres is away. Telegram is asked for more updates after it. Raises nothing."""
    voice: VoiceWatch | None = None
    """Gets what Discord shows of voice channels."""
    on_returned: Callable[[int], Awaitable[None]] | None = None
    """Called with an account that joined, or whose right to wear a tag changed. Raises nothing."""
    on_invited: Callable[[Invitation], Awaitable[None]] | None = None
    """Called with an account that joined by a person's invitation. Raises nothing."""
    on_gone: Callable[[int], Awaitable[None]] | None = None
    """Called with an account that left, or that asks from outside the group. Raises nothing."""


def commands_of(rooms: Iterable[Room]) -> list[Command[Any]]:
    """Return the commands of all rooms, in the order of the rooms. Pure."""
    return [command for room in rooms for command in room.commands]


def presses_of(rooms: Iterable[Room]) -> dict[str, Press]:
    """Return the actions of all rooms by their names. Pure.

    Raises:
        ValueError: two actions have one name.
    """
    found: dict[str, Press] = {}
    for press in (press for room in rooms for press in room.presses):
        if found.setdefault(press.action, press) is not press:
            raise ValueError(f"two rooms have buttons with the action {press.action!r}")
    return found


def starts_of(rooms: Iterable[Room]) -> list[Start]:
    """Return the deep links of all rooms. Pure."""
    return [start for room in rooms for start in room.starts]


def private_texts_of(rooms: Iterable[Room]) -> list[PrivateText]:
    """Return the kinds of private texts that rooms answer. Pure."""
    return [text for room in rooms for text in room.private_texts]


def replies_of(rooms: Iterable[Room]) -> list[GroupReply]:
    """Return the kinds of replies that rooms want to see. Pure."""
    return [reply for room in rooms for reply in room.replies]


def duties_of(rooms: Iterable[Room]) -> list[Duty]:
    """Return the duties of all rooms, in the order of the rooms. Pure."""
    return [duty for room in rooms for duty in room.duties]


async def beside(rooms: Iterable[Room], asker: Asker) -> list[Answer]:
    """Return what the rooms have to tell a member in private, beside the answer to a command."""
    return [
        answer for room in rooms if room.beside is not None for answer in await room.beside(asker)
    ]


async def observed(rooms: Iterable[Room], observation: Observation) -> None:
    """Show an observation to every room that wants it."""
    for room in rooms:
        if room.on_observed is not None:
            await room.on_observed(observation)


def heard(
    rooms: Iterable[Room], account_id: int, place: PublicPlace, message_id: int | None = None
) -> None:
    """Tell every room that wants it where an account did something."""
    for room in rooms:
        if room.on_heard is not None:
            room.on_heard(account_id, place, message_id)


def posted(rooms: Iterable[Room], message: Posted) -> None:
    """Show a message to every room that wants it."""
    for room in rooms:
        if room.on_message is not None:
            room.on_message(message)


def reacted(rooms: Iterable[Room], reaction: Reaction) -> None:
    """Show a reaction to every room that wants it."""
    for room in rooms:
        if room.on_reaction is not None:
            room.on_reaction(reaction)


async def invited(rooms: Iterable[Room], invitation: Invitation) -> None:
    """Tell every room that wants it by whom an account came."""
    for room in rooms:
        if room.on_invited is not None:
            await room.on_invited(invitation)


async def gone(rooms: Iterable[Room], account_id: int) -> None:
    """Tell every room that wants it of an account that is not in the group or server."""
    for room in rooms:
        if room.on_gone is not None:
            await room.on_gone(account_id)


async def returned(rooms: Iterable[Room], account_id: int) -> None:
    """Tell every room that wants it of an account that came back."""
    for room in rooms:
        if room.on_returned is not None:
            await room.on_returned(account_id)
