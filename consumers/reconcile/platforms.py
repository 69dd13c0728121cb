"""Opening what looks at the platforms themselves: what members wear there, and the alarm.

Nothing is asked of a platform before it is needed, and one that does not answer, or refuses the
token, is only left out: the books are proven without it.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import ModuleType
from typing import Generic, NamedTuple, Protocol, TypeVar

import structlog

from config import ConfigError
from consumers.runtime.resources import Parts
from consumers.runtime.roles import import_slowly
from consumers.runtime.runner import NotYet

from .port import CannotLook, Subject
from .subjects.appearance import Worn

log = structlog.get_logger("twinstream.reconcile")

T = TypeVar("T")


class Alarm(Protocol):
    """Something that may ask for a pass before its time."""

    async def ring(self) -> str | None:
        """Look, and say why a pass is needed now; None if it is not."""
        ...

    def heeded(self) -> None:
        """Note that a pass begins because of what was said last."""
        ...


class Looking(NamedTuple):
    """What is looked at on the platforms; `alarm` is None where there is none."""

    subjects: tuple[Subject, ...]
    alarm: Alarm | None


@contextlib.asynccontextmanager
async def open_looking(parts: Parts) -> AsyncIterator[Looking]:
    """Open the subjects `roles` and `tags`, each where its platform's token is set, and the alarm.

    With keep_manual_changes there are none: what people changed by hand is as it should be.
    """
    community, windows = parts.community, parts.community.consumers
    if community.keep_manual_changes:
        log.info("reconcile.hand_made_changes_kept", why="keep_manual_changes is set")
        yield Looking((), None)
        return
    subjects: list[Subject] = []
    alarm: Alarm | None = None
    async with AsyncExitStack() as stack:
        if parts.settings.telegram_token is not None:
            module = await _module("consumers.reconcile.subjects.telegram_tags")
            opening = functools.partial(
                (await _module("consumers.display.telegram_tags.tags")).open_bot, parts.settings
            )
            tags = module.WornTags(
                Doorway(stack, opening),
                community,
                looks_max=community.reconcile.telegram_looks_max,
                window_s=windows.telegram_window_ms / 1_000,
            )
            subjects.append(Worn(tags, parts.pool))
        if parts.settings.discord_token is not None:
            module = await _module("consumers.reconcile.subjects.discord_roles")
            observed = (
                await _module("consumers.display.discord_roles.rate_limits")
            ).DiscordLimits()
            opening = functools.partial(
                (await _module("consumers.display.discord_roles.roles")).open_client,
                parts.settings,
                observed,
            )
            login = Doorway(stack, opening)
            roles = module.WornRoles(
                login,
                community,
                observed,
                looks_max=community.reconcile.discord_looks_max,
                window_s=windows.discord_window_ms / 1_000,
            )
            subjects.append(Worn(roles, parts.pool))
            module = await _module("consumers.reconcile.subjects.role_counts")
            alarm = module.RoleAlarm(login, community, parts.pool)
        yield Looking(tuple(subjects), alarm)


async def _module(name: str) -> ModuleType:
    """The platforms' libraries take seconds to import; the other roles must not wait for them."""
    return await asyncio.to_thread(import_slowly, name)


class Doorway(Generic[T]):
    """Logs in to a platform when it is needed first, for all who need it."""

    def __init__(
        self, stack: AsyncExitStack, opening: Callable[[], AbstractAsyncContextManager[T]]
    ) -> None:
        """What is opened is closed by `stack`."""
        self._stack = stack
        self._opening = opening
        self._opened: T | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self) -> T:
        """Return what is open.

        Raises:
            CannotLook: the platform does not answer, or refuses the token.
        """
        async with self._one_at_a_time:
            if self._opened is None:
                try:
                    self._opened = await self._stack.enter_async_context(self._opening())
                except (ConfigError, NotYet) as error:
                    raise CannotLook(str(error)) from error
            return self._opened
