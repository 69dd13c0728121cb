"""The table of routes, with the fields and the rate limit of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.uploads import Upload
from sandbox.discord_api.editing import WorldEditor
from sandbox.discord_api.errors import ApiError, invalid_form, missing_access, unknown
from sandbox.discord_api.gateway.intents import Intent, hidden
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_in, require, require_in
from sandbox.discord_api.world import Channel, Guild, Member, Message, Role, World

__all__ = ["Handler", "Reply", "Request", "Route", "Routes"]


class Reply(NamedTuple):
    """An answer other than 200 with JSON or 204 without."""

    status: int
    body: Any


@dataclass(slots=True)
class Request:
    """A request whose token, rate limits and field names have been checked."""

    editor: WorldEditor
    interactions: Interactions
    gateway_url: str
    privileged: Intent
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    uploads: Mapping[int, Upload]
    reason: str | None

    @property
    def world(self) -> World:
        """The current world."""
        return self.editor.world

    def id(self, name: str) -> int:
        """An id from the path."""
        value = self.path[name]
        if not value.isdecimal():
            raise invalid_form(name, "NUMBER_TYPE_COERCE", f"Value {value!r} is not snowflake.")
        return int(value)

    def number(self, name: str, default: int, *, low: int = 0, high: int = 2**63) -> int:
        """A number from the query, within its bounds."""
        value = self.query.get(name, str(default))
        if not value.isdecimal() or not low <= int(value) <= high:
            raise invalid_form(name, "NUMBER_TYPE_RANGE", f"Must be between {low} and {high}.")
        return int(value)

    def check_application(self) -> None:
        """Refuse paths of other applications."""
        if self.id("application_id") != self.world.bot_id:
            raise ApiError(
                403, 20012, "You are not authorized to perform this action on this application"
            )

    def guild(self) -> Guild:
        """The guild of the path. Refuses with 10004, or 50001 where the bot is not a member."""
        if self.id("guild_id") != self.world.guild.id:
            raise unknown("Guild")
        if not self.world.installed or self.world.guild.unavailable:
            raise missing_access()
        return self.world.guild

    def guild_where(self, permission: Permission) -> Guild:
        """The guild of the path. Refuses with 50013 where the bot lacks the permission."""
        guild = self.guild()
        require(guild, self.world.bot, permission)
        return guild

    def member(self) -> Member:
        """The member of the path, or 10007; 10013 if there is no such user at all."""
        user_id = self.id("user_id")
        member = self.guild().members.get(user_id)
        if member is None:
            raise unknown("Member" if user_id in self.world.users else "User")
        return member

    def role(self) -> Role:
        """The role of the path, or 10011."""
        role = self.guild().roles.get(self.id("role_id"))
        if role is None:
            raise unknown("Role")
        return role

    def channel(self, permission: Permission = Permission.VIEW_CHANNEL) -> Channel:
        """The channel of the path: 10003, 50001 if the bot does not see it, or 50013."""
        channel = self.world.channels.get(self.id("channel_id"))
        if channel is None:
            raise unknown("Channel")
        if channel.direct:
            if channel.bot_id != self.world.bot_id:
                raise missing_access()
            return channel
        if not self.world.installed or self.world.guild.unavailable:
            raise missing_access()
        if Permission.VIEW_CHANNEL not in permissions_in(self.world, self.world.bot, channel):
            raise missing_access()
        if channel.is_thread and permission is Permission.SEND_MESSAGES:
            permission = Permission.SEND_MESSAGES_IN_THREADS
        require_in(self.world, channel, permission)
        return channel

    def message(self) -> Message:
        """The message of the path, or 10008. Ephemeral ones are found by their webhook only."""
        message = self.world.messages.get(self.id("message_id"))
        if message is None or message.channel_id != self.channel().id or message.visible_to:
            raise unknown("Message")
        return message

    def shown(self, message: Message) -> Json:
        """A message that the bot reads: without its content, if MESSAGE_CONTENT is not granted.

        The intent rules all of the API, not the gateway alone.
        """
        payload = payloads.message(message, self.world)
        direct = self.world.channels[message.channel_id].direct
        if direct or Intent.MESSAGE_CONTENT in self.privileged:
            return payload
        return hidden(payload, str(self.world.bot_id))


Handler = Callable[[Request], Any]
AnyHandler = TypeVar("AnyHandler", bound=Handler)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. It accepts only `fields` and `query`; `rate` names a DiscordLimits field.

    Without `authorized`, the interaction's token in the path replaces the bot's token, and the call
    does not count against the global limit.
    """

    method: str
    template: str
    handler: Handler
    fields: frozenset[str]
    query: frozenset[str]
    rate: str
    authorized: bool
    takes_files: bool

    @property
    def name(self) -> str:
        """The name of the route in faults and in the transcript."""
        return f"{self.method} {self.template}"


class Routes:
    """Collects the routes of one module, by decorator."""

    def __init__(self) -> None:
        self.table: list[Route] = []

    def add(
        self,
        method: str,
        template: str,
        *,
        fields: frozenset[str] | set[str] = frozenset(),
        query: frozenset[str] | set[str] = frozenset(),
        rate: str = "other",
        authorized: bool = True,
        takes_files: bool = False,
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Make the decorated function answer this operation."""

        def enter(handler: AnyHandler) -> AnyHandler:
            self.table.append(
                Route(
                    method,
                    template,
                    handler,
                    frozenset(fields),
                    frozenset(query),
                    rate,
                    authorized,
                    takes_files,
                )
            )
            return handler

        return enter
