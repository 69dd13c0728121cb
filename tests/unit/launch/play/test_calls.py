"""The calls that concern an account, whatever a bot or a platform puts into one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launch.play.bus.calls import RAW_CHARACTERS_MAX, seen


def call(platform: str, name: str, status: int, **told: Any) -> dict[str, Any]:
    empty = {"request": None, "response": None, "reason": None}
    return {"number": 7, "at": 1.5, "platform": platform, "name": name, "status": status} | (
        empty | told
    )


ALICE = {"id": 1001, "first_name": "Alice"}


@pytest.mark.parametrize(
    ("one", "account_id"),
    [
        (
            call("telegram", "update", 0, response={"update_id": 1, "message": {"from": ALICE}}),
            1001,
        ),
        (
            call(
                "telegram",
                "update",
                0,
                response={"update_id": 1, "message_reaction": {"user": ALICE}},
            ),
            1001,
        ),
        (
            call(
                "discord",
                "gateway INTERACTION_CREATE",
                0,
                response={"member": {"user": {"id": "8"}}},
            ),
            8,
        ),
        (call("discord", "gateway MESSAGE_CREATE", 0, response={"author": {"id": "8"}}), 8),
        (call("telegram", "setChatMemberTag", 200, request={"user_id": "1001"}), 1001),
        (call("telegram", "getChatMember", 429, request={"user_id": 1001}), 1001),
        (
            call(
                "discord",
                "PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}",
                403,
                request={"path": {"user_id": "8"}},
            ),
            8,
        ),
    ],
)
def test_deeds_of_people_and_changes_for_them_are_seen(
    one: dict[str, Any], account_id: int
) -> None:
    found = seen(one)

    assert found is not None
    assert (found.account_id, found.number, found.status) == (account_id, 7, one["status"])
    assert '"number": 7' in found.raw


@pytest.mark.parametrize(
    "one",
    [
        call("telegram", "getChatMember", 200, request={"user_id": 1001}),
        call("discord", "GET /users/@me", 200, request={"path": {}}),
        call("telegram", "sendMessage", 200, request={"chat_id": -100}),
        call("telegram", "update", 0, response={"update_id": 1, "chat_member": {"from": ALICE}}),
        call("discord", "gateway GUILD_MEMBER_UPDATE", 0, response={"user": {"id": "8"}}),
    ],
)
def test_other_calls_are_left_out(one: dict[str, Any]) -> None:
    assert seen(one) is None


def test_a_long_call_is_cut() -> None:
    found = seen(call("telegram", "promote", 200, request={"user_id": 1, "x": "y" * 10**6}))

    assert found is not None
    assert len(found.raw) == RAW_CHARACTERS_MAX


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["message", "from", "user", "member", "author", "id", "path", "user_id"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(
    platform=st.sampled_from(["telegram", "discord"]),
    name=st.sampled_from(["update", "setChatMemberTag", "gateway MESSAGE_CREATE", "PUT /x"]),
    status=st.sampled_from([0, 200, 500]),
    request=anything,
    response=anything,
)
def test_a_call_of_any_shape_ends_nothing(
    platform: str, name: str, status: int, request: Any, response: Any
) -> None:
    seen(call(platform, name, status, request=request, response=response))
