"""By whose invitation an account joined, as Telegram tells it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram.types import ChatMemberUpdated

from bots.features.room import Invitation
from bots.telegram_bot.group.membership_changes import ANONYMOUS_ADMIN_ID, invitation_of

BOT, OTHER_BOT, ADMIN, ALICE, GUEST = 7, 8, 1009, 1001, 5001


def person(account_id: int) -> dict[str, Any]:
    is_bot = account_id in (BOT, OTHER_BOT, ANONYMOUS_ADMIN_ID)
    return {"id": account_id, "is_bot": is_bot, "first_name": "A"}


def joined(
    by: int, *, link_of: int | None = None, name: str = "", **more: Any
) -> ChatMemberUpdated:
    link = {
        "invite_link": "https://t.me/+a",
        "creator": person(link_of or 0),
        "creates_join_request": False,
        "is_primary": False,
        "is_revoked": False,
        "name": name,
    }
    return ChatMemberUpdated.model_validate(
        {
            "chat": {"id": -100, "type": "supergroup", "title": "G"},
            "from": person(by),
            "date": datetime(2026, 11, 30, tzinfo=UTC),
            "old_chat_member": {"status": "left", "user": person(GUEST)},
            "new_chat_member": {"status": "member", "user": person(GUEST)},
            "invite_link": link if link_of is not None else None,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("update", "inviter"),
    [
        (joined(ALICE), ALICE),
        (joined(GUEST, link_of=ADMIN), ADMIN),
    ],
)
def test_an_account_came_by_a_member_or_an_administrators_link(update, inviter):
    assert invitation_of(update, BOT) == Invitation(inviter, GUEST)


@pytest.mark.parametrize("by", [GUEST, ADMIN], ids=["at once", "let in by an administrator"])
def test_whose_a_link_of_the_bot_is_says_the_record(by):
    update = joined(by, link_of=BOT, name=f"member {ALICE}")

    assert invitation_of(update, BOT) == Invitation(None, GUEST, "https://t.me/+a")


@pytest.mark.parametrize(
    "update",
    [
        joined(GUEST),
        joined(GUEST, link_of=GUEST),
        joined(GUEST, link_of=OTHER_BOT, name=f"member {ALICE}"),
        joined(ANONYMOUS_ADMIN_ID),
        # The account asked to join by the public name, and an administrator said yes.
        joined(ADMIN, via_join_request=True),
    ],
)
def test_an_account_came_by_nobody(update):
    assert invitation_of(update, BOT) is None


def test_a_name_that_another_account_gave_its_link_names_no_member():
    update = joined(GUEST, link_of=ADMIN, name=f"member {ALICE}")

    assert invitation_of(update, BOT) == Invitation(ADMIN, GUEST)
