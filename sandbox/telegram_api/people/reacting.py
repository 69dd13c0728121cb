"""People react to messages."""

from collections.abc import Sequence

from sandbox.errors import SandboxError
from sandbox.telegram_api.methods.messages.pins_and_reactions import REACTIONS, announce_reaction
from sandbox.telegram_api.world import JSON, User
from sandbox.telegram_api.world.payloads import chat_payload, user_payload

from .actor import Actor

__all__ = ["Reacting"]

#: Reactions that a person with Telegram Premium may give one message.
REACTIONS_OF_ONE_MAX = 3


class Reacting(Actor):
    """People react to messages."""

    def react(
        self,
        chat_id: int,
        message_id: int,
        user_id: int,
        emoji: str | Sequence[str] | None,
        *,
        anonymous: bool = False,
        bot_id: int | None = None,
    ) -> None:
        """A person reacts to a message; None removes their reactions.

        A number in place of an emoji is the id of a custom emoji. `anonymous` administrators react
        as the group. In private, bots are not told; in a channel, they get the counts.
        """
        user, world = self._person(user_id), self._of(bot_id)
        chat = self._chat_of(chat_id, user_id, "can_react_to_messages")
        self._existing(world, chat_id, message_id)
        wanted = [emoji] if isinstance(emoji, str) else list(emoji or ())
        new = [_reaction(one) for one in wanted if one]
        if len(new) > REACTIONS_OF_ONE_MAX:
            raise SandboxError("a person gives a message three reactions at most")
        actor: JSON = {"user": user_payload(user)}
        if anonymous:
            leads = not isinstance(chat, User) and chat.members[user_id].status in (
                "creator",
                "administrator",
            )
            if not leads:
                raise SandboxError("only administrators of a group react anonymously")
            actor = {"actor_chat": chat_payload(chat)}
        given = world.state.reactions.setdefault(world.reaction_key(chat_id, message_id), {})
        key = str(chat.id if anonymous else user_id)
        old = given.get(key, [])
        given[key] = new
        if not isinstance(chat, User) and old != new:
            announce_reaction(world, chat, message_id, actor, (old, new))


def _reaction(emoji: str) -> JSON:
    if emoji.isdecimal():
        return {"type": "custom_emoji", "custom_emoji_id": emoji}
    if emoji not in REACTIONS:
        raise SandboxError(f"Telegram has no reaction {emoji!r}")
    return {"type": "emoji", "emoji": emoji}
