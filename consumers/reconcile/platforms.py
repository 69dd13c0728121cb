"""The subjects that are read from the platforms themselves, roles and tags, and the alarm.

A platform is asked for nothing before it is needed. One that does not answer, or refuses the token,
is only left out: the books are compared without it.
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
from consumers.runtime.resources import Resources
from consumers.runtime.roles import import_slowly
from consumers.runtime.runner import NotYet

from .port import CannotRead, Subject
from .subjects.appearance import AppearanceSubject

log = structlog.get_logger("twinstream.reconcile")

T = TypeVar("T")


class Alarm(Protocol):
    """A cheap check between passes that can ask for a pass before it is due."""

    async def ring(self) -> str | None:
        """Check once, and return why a pass is needed now; None if it is not."""
        ...

    def pass_begun(self) -> None:
        """Remember that a pass began because of the last answer of `ring`."""
        ...


class PlatformSubjects(NamedTuple):
    """The subjects that are read from the platforms; `alarm` is None where there is none."""

    subjects: tuple[Subject, ...]
    alarm: Alarm | None


@contextlib.asynccontextmanager
async def open_platform_subjects(resources: Resources) -> AsyncIterator[PlatformSubjects]:
    """Open the subjects `roles` and `tags`, each where its platform's token is set, and the alarm.

    With keep_manual_changes there are none: a role or tag changed by hand is as it should be.
    """
    community, windows = resources.community, resources.community.consumers
    if community.keep_manual_changes:
        log.info("manual_changes.kept", why="keep_manual_changes is set")
        yield PlatformSubjects((), None)
        return
    subjects: list[Subject] = []
    alarm: Alarm | None = None
    async with AsyncExitStack() as stack:
        if resources.settings.telegram_token is not None:
            # The display's room first: it imports aiogram the quick way.
            opening = functools.partial(
                (await _module("consumers.display.telegram_tags.tags")).open_bot, resources.settings
            )
            module = await _module("consumers.reconcile.subjects.telegram_tags")
            tags = module.TelegramTags(
                LazyLogin(stack, opening),
                community,
                looks_max=community.reconcile.telegram_looks_max,
                window_s=windows.telegram_window_ms / 1_000,
            )
            subjects.append(AppearanceSubject(tags, resources.pool))
        if resources.settings.discord_token is not None:
            module = await _module("consumers.reconcile.subjects.discord_roles")
            observed = (
                await _module("consumers.display.discord_roles.rate_limit_headers")
            ).DiscordLimits()
            opening = functools.partial(
                (await _module("consumers.display.discord_roles.roles")).open_client,
                resources.settings,
                observed,
            )
            login = LazyLogin(stack, opening)
            roles = module.DiscordRoles(
                login,
                community,
                observed,
                looks_max=community.reconcile.discord_looks_max,
                window_s=windows.discord_window_ms / 1_000,
            )
            subjects.append(AppearanceSubject(roles, resources.pool))
            module = await _module("consumers.reconcile.subjects.role_counts")
            alarm = module.RoleAlarm(login, community, resources.pool)
        yield PlatformSubjects(tuple(subjects), alarm)


async def _module(name: str) -> ModuleType:
    """Import a platform's library in a thread: it takes seconds, and the other roles go on."""
    return await asyncio.to_thread(import_slowly, name)


class LazyLogin(Generic[T]):
    """Logs in to a platform at the first call, for all of its users together."""

    def __init__(
        self, stack: AsyncExitStack, opening: Callable[[], AbstractAsyncContextManager[T]]
    ) -> None:
        """Enter the context manager that `opening` returns at the first call; `stack` closes it."""
        self._stack = stack
        self._opening = opening
        self._opened: T | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self) -> T:
        """Return the client that is logged in.

        Raises:
            CannotRead: the platform does not answer, or refuses the token.
        """
        async with self._one_at_a_time:
            if self._opened is None:
                try:
                    self._opened = await self._stack.enter_async_context(self._opening())
                except (ConfigError, NotYet) as error:
                    raise CannotRead(str(error)) from error
            return self._opened
