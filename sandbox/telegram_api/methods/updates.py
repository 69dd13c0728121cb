"""Getting updates: long polling, confirmation by offset, and the conflict of two pollers."""

import asyncio
import time
from collections.abc import Callable

import structlog

from sandbox.telegram_api.errors import ApiError, bad_request
from sandbox.telegram_api.parameters import Methods, Parameters
from sandbox.telegram_api.world import JSON, World
from sandbox.telegram_api.world.deliveries import NEVER_SENT, UPDATE_KINDS

__all__ = ["METHODS", "GetUpdates", "Polling"]

LIMIT_MAX = 100
TIMEOUT_SECONDS_MAX = 50
#: Seconds after the end of a poll for which its client still counts as connected: it handles what
#: it got, and polls again.
PAUSE_SECONDS_MAX = 3.0
#: Seconds for which a conflict is told. Two clients with one token meet at least once in each poll.
CONFLICT_SECONDS = 15.0
#: The part of a client's name that is kept.
CLIENT_LENGTH_MAX = 200
CONFLICT = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)


log = structlog.get_logger("twinstream.sandbox")


class GetUpdates(Parameters, kw_only=True):
    """Parameters of a poll for updates."""

    offset: int = 0
    limit: int = 100
    timeout: int = 0
    allowed_updates: list[str] | None = None


class Polling:
    """The one long poll of a bot that may be open. A new poll ends the old one with a 409."""

    def __init__(self, world: World, clock: Callable[[], float] = time.monotonic) -> None:
        self._world = world
        self._clock = clock
        self._open: asyncio.Future[bool] | None = None
        self._client = ""
        self._seen: float | None = None
        self._conflict: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether a bot's poll is waiting."""
        return self._open is not None

    def client(self) -> JSON:
        """Return what is known of the program that polls: its name, and whether it is there."""
        return {
            "client": self._client,
            "polls": self.is_open or self._was(self._seen, PAUSE_SECONDS_MAX),
            "conflict": self._was(self._conflict, CONFLICT_SECONDS),
        }

    def _was(self, at: float | None, seconds: float) -> bool:
        return at is not None and self._clock() - at < seconds

    async def get_updates(self, call: GetUpdates, client: str = "") -> list[JSON]:
        """Confirm the updates below `offset`, and return the others, or wait for a new one.

        Unconfirmed updates are returned again. `allowed_updates` applies to later updates, until
        another call changes it. `client` is what the program calls itself.
        """
        self._client = client[:CLIENT_LENGTH_MAX]
        self._seen = self._clock()
        self._settle(superseded=True)
        self._allow(call.allowed_updates)
        self._confirm(call.offset)
        if not self._world.own.pending and call.timeout > 0:
            await self._wait_for_update(min(call.timeout, TIMEOUT_SECONDS_MAX))
        limit = call.limit if 1 <= call.limit <= LIMIT_MAX else LIMIT_MAX
        return self._world.own.pending[:limit]

    def wake(self) -> None:
        """Answer the open poll, if any, with the pending updates."""
        self._settle(superseded=False)

    def _settle(self, *, superseded: bool) -> None:
        if self._open is not None and not self._open.done():
            self._open.set_result(superseded)

    async def _wait_for_update(self, timeout: float) -> None:
        poll = self._open = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({poll}, timeout=timeout)
            if poll.done() and poll.result():
                self._conflict = self._clock()
                raise ApiError(409, CONFLICT)
        finally:
            self._seen = self._clock()
            if self._open is poll:
                self._open = None

    def _allow(self, kinds: list[str] | None) -> None:
        if kinds is None:
            return
        for kind in kinds:
            if kind not in UPDATE_KINDS:
                # Telegram ignores an unknown kind, and the bot would wait for it without end.
                raise bad_request(f"the sandbox knows no update of type {kind!r}")
        bot = self._world.own
        if silent := NEVER_SENT & set(kinds) - set(bot.allowed_updates):
            log.warning(
                "telegram.updates_never_come", bot_id=self._world.bot_id, kinds=sorted(silent)
            )
        bot.allowed_updates = kinds

    def _confirm(self, offset: int) -> None:
        bot = self._world.own
        if offset < 0:
            bot.pending = bot.pending[offset:]
        elif offset > 0:
            bot.pending = [update for update in bot.pending if update["update_id"] >= offset]
        if bot.raw:
            waiting = {update["update_id"] for update in bot.pending}
            bot.raw = {key: text for key, text in bot.raw.items() if key in waiting}


class SetWebhook(Parameters, kw_only=True):
    url: str = ""
    drop_pending_updates: bool = False


def set_webhook(world: World, call: SetWebhook) -> bool:
    """Refused, except for the empty address that removes a webhook."""
    if call.url:
        raise bad_request("bad webhook: the sandbox delivers updates through getUpdates only")
    return delete_webhook(world, DeleteWebhook(drop_pending_updates=call.drop_pending_updates))


class DeleteWebhook(Parameters, kw_only=True):
    drop_pending_updates: bool = False


def delete_webhook(world: World, call: DeleteWebhook) -> bool:
    """Drop pending updates on request; there is no webhook to delete."""
    if call.drop_pending_updates:
        world.own.pending = []
    return True


class GetWebhookInfo(Parameters):
    pass


def get_webhook_info(world: World, call: GetWebhookInfo) -> JSON:
    """WebhookInfo of a bot that polls."""
    info: JSON = {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": len(world.own.pending),
    }
    if world.own.allowed_updates:
        info["allowed_updates"] = world.own.allowed_updates
    return info


METHODS: Methods = {
    SetWebhook: set_webhook,
    DeleteWebhook: delete_webhook,
    GetWebhookInfo: get_webhook_info,
}
