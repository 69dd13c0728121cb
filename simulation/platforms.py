"""Models of Discord and Telegram: members with roles and tags, and calls that can fail.

They take the place of the clients of discord.py and aiogram, so the real displays run against them:
their reads and writes, the order of these, and their handling of each failure.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import discord
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import GetChatMember
from aiogram.types import ChatMemberAdministrator, ChatMemberLeft, ChatMemberMember, User

from bus import Source
from config import Community

from .simulated_process import Machine, Process, current

BOT: Final = 7
BOT_ROLE: Final = 700
#: A role that twinstream does not manage; every member has it.
FOREIGN_ROLE: Final = 800
MANAGE_ROLES: Final = 1 << 28
#: The possible failures of a call. Only a write can be answered with success without effect.
READ_TROUBLES: Final = ("unreachable", "answer lost", "out of order", "asks to wait", "hangs")
WRITE_TROUBLES: Final = (*READ_TROUBLES, "does nothing")
#: Seconds: longer than every timeout.
HANG_S: Final = 3_600.0
ASKS_TO_WAIT_S: Final = 3


class Platform(ABC):
    """A platform with members. A member who leaves loses roles and tag."""

    def __init__(self, name: Source, machine: Machine) -> None:
        self.name = name
        self.reachable = True
        self.trouble_share = 0.0
        #: Requests about members that are neither answered nor cancelled.
        self.under_way = 0
        self.away: set[int] = set()
        #: Called with the process of the next write, before that write takes effect.
        self.before_next_write: Callable[[Process], None] | None = None
        self._machine = machine

    @abstractmethod
    def error(self, trouble: str) -> Exception:
        """Return the exception that the platform's library raises for this failure."""

    @abstractmethod
    def remove_display(self, account: int) -> None:
        """Remove all roles, or the tag, of a member."""

    def leave(self, account: int) -> None:
        """Let a member leave."""
        self.away.add(account)
        self.remove_display(account)

    @asynccontextmanager
    async def request(
        self, what: str, account: int = BOT, *, writes: bool = False
    ) -> AsyncIterator[bool]:
        """Send one request, let the block execute it, and return its answer.

        The block gets whether a write takes effect. If the request is not executed, the error is
        raised before the block. A refusal that the block raises is the answer.
        """
        about_member = account != BOT
        self.under_way += about_member
        try:
            await current().turn()
            trouble = self._trouble(writes)
            who = account if about_member else "bot"
            self._machine.note(current().name, f"{self.name} {what} {who}: {trouble or 'well'}")
            if trouble == "hangs":
                await asyncio.sleep(HANG_S)
            if trouble in ("unreachable", "out of order", "asks to wait"):
                raise self.error(trouble)
            cancelled = False
            if writes and (before_write := self.before_next_write):
                self.before_next_write = None
                before_write(current())
                cancelled = await current().outlast_pause()
            yield trouble != "does nothing"
            if cancelled:  # the paused process notices its timeout only after the request was sent
                raise asyncio.CancelledError
            if trouble == "answer lost":
                raise self.error(trouble)
            await current().turn()
        finally:
            self.under_way -= about_member

    def _trouble(self, writes: bool) -> str | None:
        dice = self._machine.dice
        if not self.reachable:
            return "unreachable"
        if dice.random() >= self.trouble_share:
            return None
        return dice.choice(WRITE_TROUBLES if writes else READ_TROUBLES)


class DiscordServer(Platform):
    """A server and its roles: the part of `discord.Client` and its `http` that we use."""

    def __init__(self, machine: Machine, community: Community) -> None:
        super().__init__("discord", machine)
        self.user = SimpleNamespace(id=BOT)
        self.http = self
        self._guild_id = community.discord.guild_id
        self._ours = sorted(community.discord_roles)
        self._displayed: dict[int, set[int]] = {}

    def roles_of(self, account: int) -> set[int]:
        """Return a member's roles."""
        return self._displayed.setdefault(account, {FOREIGN_ROLE})

    def remove_display(self, account: int) -> None:
        """Remove all roles but FOREIGN_ROLE."""
        self._displayed.pop(account, None)

    def error(self, trouble: str) -> Exception:
        """Return the exception that discord.py raises."""
        if trouble == "asks to wait":
            return discord.RateLimited(ASKS_TO_WAIT_S)
        if trouble == "out of order":
            return discord.DiscordServerError(_response(503), "Service Unavailable")
        return aiohttp.ServerDisconnectedError()

    async def get_guilds(self, limit: int, **_: Any) -> list[dict[str, Any]]:
        """Return the servers that the bot is in."""
        async with self.request("GET guilds"):
            return [{"id": str(self._guild_id)}]

    async def get_roles(self, guild_id: int) -> list[dict[str, Any]]:
        """Return the server's roles, the bot's own above the others."""
        async with self.request("GET roles"):
            return [_role(BOT_ROLE, 2, MANAGE_ROLES), *(_role(one, 1, 0) for one in self._ours)]

    async def get_member(self, guild_id: int, user_id: int) -> dict[str, Any]:
        """Return a member with their roles."""
        async with self.request("GET member", user_id):
            if user_id == BOT:
                return {"roles": [str(BOT_ROLE)]}
            self._require(user_id)
            return {"roles": [str(role_id) for role_id in sorted(self.roles_of(user_id))]}

    async def add_role(self, guild_id: int, user_id: int, role_id: int, *, reason: str) -> None:
        """Give a role."""
        async with self.request(f"PUT {role_id}", user_id, writes=True) as takes_effect:
            self._require(user_id)
            if takes_effect:
                self.roles_of(user_id).add(role_id)

    async def remove_role(self, guild_id: int, user_id: int, role_id: int, *, reason: str) -> None:
        """Remove a role."""
        async with self.request(f"DELETE {role_id}", user_id, writes=True) as takes_effect:
            self._require(user_id)
            if takes_effect:
                self.roles_of(user_id).discard(role_id)

    def _require(self, account: int) -> None:
        if account in self.away:
            message = {"code": 10007, "message": "Unknown Member"}
            raise discord.NotFound(_response(404), message)


class TelegramGroup(Platform):
    """A group and its members' tags: the part of `aiogram.Bot` that we use."""

    id = BOT

    def __init__(self, machine: Machine) -> None:
        super().__init__("telegram", machine)
        self._displayed: dict[int, str] = {}

    def tag_of(self, account: int) -> str:
        """Return a member's tag; empty for none."""
        return self._displayed.get(account, "")

    def remove_display(self, account: int) -> None:
        """Remove the tag."""
        self._displayed.pop(account, None)

    def error(self, trouble: str) -> Exception:
        """Return the exception that aiogram raises."""
        method = GetChatMember(chat_id=-1, user_id=BOT)
        if trouble == "asks to wait":
            return TelegramRetryAfter(method, "Too Many Requests", ASKS_TO_WAIT_S)
        if trouble == "out of order":
            return TelegramServerError(method, "Internal Server Error")
        return TelegramNetworkError(method, "ServerDisconnectedError: Server disconnected")

    async def get_chat_member(
        self, chat_id: int, user_id: int
    ) -> ChatMemberAdministrator | ChatMemberMember | ChatMemberLeft:
        """Return a member with their tag, or the bot with its rights."""
        user = User(id=user_id, is_bot=user_id == BOT, first_name="Member")
        async with self.request("getChatMember", user_id):
            if user_id == BOT:
                return ChatMemberAdministrator.model_construct(user=user, can_manage_tags=True)
            if user_id in self.away:
                return ChatMemberLeft(user=user)
            return ChatMemberMember(user=user, tag=self.tag_of(user_id) or None)

    async def set_chat_member_tag(self, chat_id: int, user_id: int, *, tag: str) -> bool:
        """Set a tag; an empty one removes it."""
        async with self.request(f"setChatMemberTag {tag!r}", user_id, writes=True) as takes_effect:
            if user_id in self.away:
                method = GetChatMember(chat_id=chat_id, user_id=user_id)
                raise TelegramBadRequest(method, "Bad Request: USER_NOT_PARTICIPANT")
            if takes_effect:
                self._displayed[user_id] = tag
            return True


def _role(role_id: int, position: int, permissions: int) -> dict[str, Any]:
    return {
        "id": str(role_id),
        "name": f"role {role_id}",
        "position": position,
        "permissions": str(permissions),
        "managed": False,
    }


def _response(status: int) -> Any:
    """Return the part of an answer that discord.py's errors read."""
    return SimpleNamespace(status=status, reason="")
