"""Getting updates: long polling, confirmation by offset, and the conflict of two pollers."""

import asyncio

from . import parameters as p
from .errors import ApiError, bad_request
from .state import JSON
from .world import UPDATE_KINDS, World

__all__ = ["METHODS", "Polling"]

LIMIT_MAX = 100
TIMEOUT_SECONDS_MAX = 50
CONFLICT = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)


class Polling:
    """The one long poll that may be open. A new poll ends the old one with a 409."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: asyncio.Future[bool] | None = None
        world.on_update = self.wake

    @property
    def is_open(self) -> bool:
        """Whether a bot's poll is waiting."""
        return self._open is not None

    async def get_updates(self, call: p.GetUpdates) -> list[JSON]:
        """Confirm the updates below `offset`, and return the others, or wait for a new one.

        Unconfirmed updates are returned again. `allowed_updates` applies to later updates, until
        another call changes it.
        """
        self._settle(superseded=True)
        self._allow(call.allowed_updates)
        self._confirm(call.offset)
        if not self._world.state.pending and call.timeout > 0:
            await self._wait_for_update(min(call.timeout, TIMEOUT_SECONDS_MAX))
        limit = call.limit if 1 <= call.limit <= LIMIT_MAX else LIMIT_MAX
        return self._world.state.pending[:limit]

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
                raise ApiError(409, CONFLICT)
        finally:
            if self._open is poll:
                self._open = None

    def _allow(self, kinds: list[str] | None) -> None:
        if kinds is None:
            return
        for kind in kinds:
            if kind not in UPDATE_KINDS:
                # Telegram ignores an unknown kind, and the bot would wait for it without end.
                raise bad_request(f"the sandbox knows no update of type {kind!r}")
        self._world.state.allowed_updates = kinds

    def _confirm(self, offset: int) -> None:
        state = self._world.state
        if offset < 0:
            state.pending = state.pending[offset:]
        elif offset > 0:
            state.pending = [update for update in state.pending if update["update_id"] >= offset]
        if state.raw:
            waiting = {update["update_id"] for update in state.pending}
            state.raw = {key: text for key, text in state.raw.items() if key in waiting}


def set_webhook(world: World, call: p.SetWebhook) -> bool:
    """Refused, except for the empty address that removes a webhook."""
    if call.url:
        raise bad_request("bad webhook: the sandbox delivers updates through getUpdates only")
    return delete_webhook(world, p.DeleteWebhook(drop_pending_updates=call.drop_pending_updates))


def delete_webhook(world: World, call: p.DeleteWebhook) -> bool:
    """Drop pending updates on request; there is no webhook to delete."""
    if call.drop_pending_updates:
        world.state.pending = []
    return True


def get_webhook_info(world: World, call: p.GetWebhookInfo) -> JSON:
    """WebhookInfo of a bot that polls."""
    info: JSON = {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": len(world.state.pending),
    }
    if world.state.allowed_updates:
        info["allowed_updates"] = world.state.allowed_updates
    return info


METHODS: p.Methods = {
    p.SetWebhook: set_webhook,
    p.DeleteWebhook: delete_webhook,
    p.GetWebhookInfo: get_webhook_info,
}
