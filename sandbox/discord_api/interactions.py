"""Interactions: created by a command, click or modal, and answerable for a limited time."""

import secrets
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import Any

from . import payloads
from .bodies.commands import USER_MENU
from .bodies.uploads import FILE_SIZE_MAX
from .errors import ApiError, invalid_token, unknown
from .payloads import Json
from .permission_bits import Permission
from .permission_checks import permissions_in
from .world import Channel, Message, World

__all__ = [
    "Callback",
    "Interaction",
    "InteractionKind",
    "Interactions",
    "interaction_event",
    "metadata",
]

ACKNOWLEDGE_WITHIN_S = 3.0
ANSWER_WITHIN_S = 15 * 60.0
INTERACTIONS_KEPT = 10_000
IN_GUILD, IN_BOT_DM = 0, 1


class InteractionKind(IntEnum):
    """The action of a person that created an interaction."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


class Callback(IntEnum):
    """How a bot acknowledges an interaction. A pong answers only Discord's own pings."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass(slots=True)
class Interaction:
    """One interaction, which `bot_id` answers by the message `original_id`.

    `source_id` is the clicked message.
    """

    id: int
    bot_id: int
    kind: InteractionKind
    user_id: int
    channel_id: int
    made_at: float
    data: Json
    source_id: int | None = None
    acknowledged: Callback | None = None
    original_id: int | None = None
    modal: Json | None = None
    choices: list[Json] | None = None
    trigger: Json | None = None
    """Metadata of the interaction whose modal this one submits."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48))


class Interactions:
    """The interactions that can still be answered. Times are seconds of the injected clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}

    def copy(self) -> "Interactions":
        """Return a deep copy, for a call that must change nothing."""
        copied = Interactions(self._clock)
        copied._by_id, copied._by_token = deepcopy((self._by_id, self._by_token))
        return copied

    def begin(
        self,
        interaction_id: int,
        bot_id: int,
        kind: InteractionKind,
        user_id: int,
        channel_id: int,
        data: Json,
        *,
        source_id: int | None = None,
        trigger: Json | None = None,
    ) -> Interaction:
        """Create an interaction, and keep it for its answers."""
        made_at = self._clock()
        one = Interaction(interaction_id, bot_id, kind, user_id, channel_id, made_at, data)
        one.source_id, one.trigger = source_id, trigger
        self._by_id[one.id] = one
        self._by_token[one.token] = one
        while len(self._by_id) > INTERACTIONS_KEPT:
            oldest = self._by_id.pop(next(iter(self._by_id)))
            del self._by_token[oldest.token]
        return one

    def to_acknowledge(self, interaction_id: int, token: str) -> Interaction:
        """Return the interaction of a callback.

        Raises ApiError 10062 (unknown, or more than 3 s old), 50027 (wrong token) or 40060
        (already acknowledged).
        """
        one = self._by_id.get(interaction_id)
        if one is None:
            raise unknown("interaction")
        if one.token != token:
            raise invalid_token()
        if one.acknowledged is not None:
            raise ApiError(400, 40060, "Interaction has already been acknowledged.")
        if self._clock() - one.made_at > ACKNOWLEDGE_WITHIN_S:
            raise unknown("interaction")
        return one

    def to_follow(self, token: str) -> Interaction:
        """Return the interaction of a follow-up: acknowledged, and at most 15 minutes old.

        Raises ApiError 10015 or 50027.
        """
        one = self._by_token.get(token)
        if one is None or self._clock() - one.made_at > ANSWER_WITHIN_S:
            raise invalid_token()
        if one.acknowledged is None:
            raise unknown("Webhook")
        return one

    def bot_of(self, token: str) -> int | None:
        """Return the bot that the interaction with this token is for."""
        one = self._by_token.get(token)
        return None if one is None else one.bot_id

    def get(self, interaction_id: int) -> Interaction | None:
        """Return the interaction with this id, if it is still kept."""
        return self._by_id.get(interaction_id)

    def showing_modals(self) -> list[Interaction]:
        """Return the interactions whose modal a person has open, oldest first."""
        return [one for one in self._by_id.values() if one.modal is not None]

    def latest(self, number: int) -> list[Json]:
        """Return the latest interactions, oldest first, as their people see them.

        One that the bot did not acknowledge in time has failed.
        """
        now = self._clock()
        return [
            {
                "interaction_id": str(one.id),
                "bot_id": str(one.bot_id),
                "user_id": str(one.user_id),
                "channel_id": str(one.channel_id),
                "kind": one.kind.name.lower(),
                "name": one.data.get("name") or one.data.get("custom_id"),
                "source_id": None if one.source_id is None else str(one.source_id),
                "acknowledged": one.acknowledged is not None,
                "failed": one.acknowledged is None and now - one.made_at > ACKNOWLEDGE_WITHIN_S,
                "choices": one.choices,
            }
            for one in list(islice(reversed(self._by_id.values()), number))[::-1]
        ]

    def modal_shown_to(self, user_id: int, custom_id: str) -> Interaction | None:
        """Return the newest interaction that showed this person a modal with this id."""
        for one in reversed(self._by_id.values()):
            modal = one.modal
            if modal is not None and one.user_id == user_id and modal["custom_id"] == custom_id:
                return one
        return None


def interaction_event(one: Interaction, world: World, source: Message | None) -> Json:
    """Return the payload of INTERACTION_CREATE; the world is as its bot sees it."""
    channel = world.channels[one.channel_id]
    event: Json = {
        "id": str(one.id),
        "application_id": str(world.bot_id),
        "type": int(one.kind),
        "token": one.token,
        "version": 1,
        "data": one.data,
        "channel_id": str(channel.id),
        "locale": world.users[one.user_id].locale,
        "entitlements": [],
        "attachment_size_limit": FILE_SIZE_MAX,
        "context": IN_BOT_DM if channel.direct else IN_GUILD,
        "authorizing_integration_owners": _owners(world, channel),
    }
    event |= (
        _direct_part(one, world, channel) if channel.direct else _guild_part(one, world, channel)
    )
    if source is not None:
        event["message"] = payloads.message(source, world)
    return event


def _owners(world: World, channel: Channel) -> Json:
    """Return where the application is installed: the guild, which is 0 in a direct channel."""
    return {"0": "0" if channel.direct else str(world.guild.id)}


def _direct_part(one: Interaction, world: World, channel: Channel) -> Json:
    permissions = Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES | Permission.EMBED_LINKS
    return {
        "user": payloads.user(world.users[one.user_id]),
        "channel": payloads.channel(channel, world),
        "app_permissions": str(int(permissions)),
    }


def _guild_part(one: Interaction, world: World, channel: Channel) -> Json:
    guild, member = world.guild, world.guild.members[one.user_id]
    permissions = str(int(permissions_in(world, member, channel)))
    return {
        "guild_id": str(guild.id),
        "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
        "guild_locale": payloads.PREFERRED_LOCALE,
        "member": payloads.acting_member(member, world, channel),
        "channel": payloads.channel(channel, world) | {"permissions": permissions},
        "app_permissions": str(int(permissions_in(world, world.bot, channel))),
    }


def metadata(one: Interaction, world: World) -> dict[str, Any]:
    """Return the `interaction_metadata` of a message that answers an interaction."""
    about: Json = {
        "id": str(one.id),
        "type": int(one.kind),
        "user": payloads.user(world.users[one.user_id]),
        "authorizing_integration_owners": _owners(world, world.channels[one.channel_id]),
    }
    if one.kind is InteractionKind.COMMAND:
        about["name"] = one.data["name"]
        target_id = one.data.get("target_id")
        if target_id is not None and one.data["type"] == USER_MENU:
            about["target_user"] = payloads.user(world.users[int(target_id)])
        elif target_id is not None:
            about["target_message_id"] = target_id
    if one.kind is InteractionKind.COMPONENT:
        about["interacted_message_id"] = str(one.source_id)
    if one.trigger is not None:
        about["triggering_interaction_metadata"] = one.trigger
    return about
