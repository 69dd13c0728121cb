"""The saved state of the Telegram side: reads what this version saved, and the one before it."""

from typing import Any

import msgspec

from sandbox.errors import SeedError
from sandbox.seed_data import TelegramSeed

from .world.state import JSON, State

__all__ = ["state_from"]

# Fields that belonged to the state when there was one bot.
OF_THE_BOT = ("pending", "raw", "allowed_updates", "commands", "profile")


def state_from(saved: JSON, seed: TelegramSeed) -> State:
    """Return a dumped state. Raises SeedError if it is invalid, or of another group or bot."""
    try:
        state = msgspec.convert(_with_bots(saved, seed), State, str_keys=True)
    except (msgspec.ValidationError, AttributeError, TypeError) as error:
        raise SeedError(f"the saved Telegram state cannot be used: {error}") from error
    if seed.group.id not in (*state.groups, *state.moved) or seed.bot_id not in state.bots:
        raise SeedError("the saved Telegram state is of another group or bot than the seed")
    state.bots[seed.bot_id].token = seed.token
    return state


def _with_bots(saved: JSON, seed: TelegramSeed) -> JSON:
    if "bots" in saved or str(seed.bot_id) not in saved.get("users", {}):
        return saved
    users: dict[str, JSON] = saved["users"]
    bot: dict[str, Any] = {name: saved[name] for name in OF_THE_BOT if name in saved}
    bot["token"] = seed.token
    for flag in ("opened", "blocked"):
        bot[flag] = [int(user_id) for user_id, user in users.items() if user.get(flag)]
    for name in ("messages", "message_ids"):
        kept = saved.get(name, {})
        bot[name] = {chat_id: kept[chat_id] for chat_id in kept if not chat_id.startswith("-")}
    reset: JSON = {"queries": {}, "reactions": {}}
    return saved | reset | {"bots": {str(seed.bot_id): bot}}
