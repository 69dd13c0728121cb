"""The ways in which a feature takes part in a bot."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bots.runtime.delivery import Delivery, Place

from .command import Answer, Asker, Command, Press, PrivateText, Start


class Observation(NamedTuple):
    """The tag or the roles of the member who caused an update, as the update shows them."""

    account_id: int
    look: str | frozenset[int]
    """The tag beside the name in Telegram, empty for none; or the ids of the roles in Discord."""
    at: datetime
    """When the platform saw it so, by the platform's clock."""


class Invitation(NamedTuple):
    """An account that joined by somebody's invitation."""

    inviter_id: int
    account_id: int


Duty = Callable[[Delivery], Awaitable[None]]
"""Work in the background while the bot is connected; it ends by itself or is cancelled."""


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
    duties: tuple[Duty, ...] = ()
    beside: Callable[[Asker], Awaitable[Sequence[Answer]]] | None = None
    """Called after each command that was answered: what else to tell the member, in private.

    Raises nothing.
    """
    on_observed: Callable[[Observation], Awaitable[None]] | None = None
    """Called for each message in the group and each interaction in the server. Raises nothing."""
    on_heard: Callable[[int, Place, int | None], None] | None = None
    """Called with each account that did something where others read along, the place, and the
    message there that can be replied to, if there is one. Raises nothing."""
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
    rooms: Iterable[Room], account_id: int, place: Place, message_id: int | None = None
) -> None:
    """Tell every room that wants it where an account did something."""
    for room in rooms:
        if room.on_heard is not None:
            room.on_heard(account_id, place, message_id)


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
