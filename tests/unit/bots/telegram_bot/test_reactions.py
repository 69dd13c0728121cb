"""Which updates about reactions are a person's first reaction to a message."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram.types import (
    Chat,
    MessageReactionUpdated,
    ReactionTypeCustomEmoji,
    ReactionTypeEmoji,
    ReactionTypePaid,
    User,
)

from bots.telegram_bot.activity.reactions import reaction_of
from db.earning.reactions import Reaction

AT = datetime(2026, 1, 2, tzinfo=UTC)
GROUP = Chat(id=-1001, type="supergroup")
ALICE = User(id=1001, is_bot=False, first_name="Alice")
BOT = User(id=42, is_bot=True, first_name="bot")
LIKE, LOVE = ReactionTypeEmoji(emoji="👍"), ReactionTypeEmoji(emoji="❤")


def update(**parts: Any) -> MessageReactionUpdated:
    fields: dict[str, Any] = {"user": ALICE, "old_reaction": [], "new_reaction": [LIKE]} | parts
    return MessageReactionUpdated(chat=GROUP, message_id=7, date=AT, **fields)


@pytest.mark.parametrize(
    "new",
    [[LIKE], [LIKE, LOVE], [ReactionTypeCustomEmoji(custom_emoji_id="5")], [ReactionTypePaid()]],
)
def test_any_first_reaction_of_a_person_counts(new):
    assert reaction_of(update(new_reaction=new)) == Reaction(-1001, 7, 1001, AT)


@pytest.mark.parametrize(
    "parts",
    [
        {"old_reaction": [LIKE], "new_reaction": [LOVE]},
        {"old_reaction": [LIKE], "new_reaction": []},
        {"user": BOT},
        {"user": None, "actor_chat": GROUP},
        {"user": None, "actor_chat": Chat(id=-1002, type="channel")},
    ],
)
def test_exchanged_removed_anonymous_and_bots_reactions_do_not(parts):
    assert reaction_of(update(**parts)) is None
