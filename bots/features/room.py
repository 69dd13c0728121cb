"""The ways in which a feature takes part in a bot."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bots.runtime.delivery import Delivery

from .command import Command


class Observation(NamedTuple):
    """The tag or the roles of the member who caused an update, as the update shows them."""

    account_id: int
    look: str | frozenset[int]
    """The tag beside the name in Telegram, empty for none; or the ids of the roles in Discord."""
    at: datetime
    """When the platform saw it so, by the platform's clock."""


Duty = Callable[[Delivery], Awaitable[None]]
"""Work in the background while the bot is connected; it ends by itself or is cancelled."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """A feature, opened for one bot. Each field is one way in which a feature can take part.

    A feature that needs another way (each message, a reaction, voice, a button) adds a field here,
    and each platform calls it from the file that receives such updates.
    """

    commands: tuple[Command[Any], ...] = ()
    duties: tuple[Duty, ...] = ()
    on_observed: Callable[[Observation], Awaitable[None]] | None = None
    """Called for each message in the group and each interaction in the server. Raises nothing."""
    on_returned: Callable[[int], Awaitable[None]] | None = None
    """Called with an account that joined, or whose right to wear a tag changed. Raises nothing."""


def commands_of(rooms: Iterable[Room]) -> list[Command[Any]]:
    """Return the commands of all rooms, in the order of the rooms. Pure."""
    return [command for room in rooms for command in room.commands]


def duties_of(rooms: Iterable[Room]) -> list[Duty]:
    """Return the duties of all rooms, in the order of the rooms. Pure."""
    return [duty for room in rooms for duty in room.duties]


async def observed(rooms: Iterable[Room], observation: Observation) -> None:
    """Show an observation to every room that wants it."""
    for room in rooms:
        if room.on_observed is not None:
            await room.on_observed(observation)


async def returned(rooms: Iterable[Room], account_id: int) -> None:
    """Tell every room that wants it of an account that came back."""
    for room in rooms:
        if room.on_returned is not None:
            await room.on_returned(account_id)
