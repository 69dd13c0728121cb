"""Ordered faults, and errors that name each route and field that the sandbox does not imitate."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from sandbox import Fault
from sandbox.discord_api import DiscordPlatform
from tests.support.discord_sandbox import (
    ALICE,
    BOT,
    GENERAL,
    GUILD,
    MEMBER_ROLE,
    NEWCOMER,
    TOKEN,
    Bench,
    connected,
    discord,
    listening,
    new_bench,
)
from tests.support.patience import PATIENCE_S
from tests.support.variants import variants

pytest_plugins = ["tests.support.discord_sandbox"]

PUT_ROLE = f"PUT {MEMBER_ROLE}"
ROLE_PATH = f"/guilds/{GUILD}/members/{ALICE}/roles/{NEWCOMER}"


class Raw:
    """Requests without a client library in between."""

    def __init__(self, bench: Bench, http: aiohttp.ClientSession) -> None:
        self.bench = bench
        self.http = http

    async def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        url = self.bench.platform.api_base + path
        async with self.http.request(method, url, json=body, headers=headers) as response:
            assert response.headers["Via"]
            if response.status != 204:
                assert response.headers["Content-Type"] == "application/json"
            return response.status, await response.json() if response.status != 204 else None

    async def roles(self) -> list[str]:
        _, member = await self("GET", f"/guilds/{GUILD}/members/{ALICE}")
        found: list[str] = member["roles"]
        return found


@pytest.fixture
async def raw(bench: Bench) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {TOKEN}"}) as http:
        yield Raw(bench, http)


async def test_a_fault_before_the_call_leaves_it_undone(raw):
    raw.bench.faults.add(Fault("discord", PUT_ROLE, 503))
    assert (await raw("PUT", ROLE_PATH))[0] == 503
    assert await raw.roles() == []
    assert (await raw("PUT", ROLE_PATH))[0] == 204


async def test_a_fault_after_the_call_leaves_it_done(raw):
    raw.bench.faults.add(Fault("discord", PUT_ROLE, 503, when="after"))
    assert (await raw("PUT", ROLE_PATH))[0] == 503
    assert await raw.roles() == [str(NEWCOMER)]


async def test_a_dropped_call_is_answered_and_changes_nothing(raw):
    raw.bench.faults.add(Fault("discord", PUT_ROLE, 0, when="dropped"))
    assert (await raw("PUT", ROLE_PATH))[0] == 204
    assert await raw.roles() == []
    write = "POST /channels/{channel_id}/messages"
    raw.bench.faults.add(Fault("discord", write, 0, when="dropped"))
    status, message = await raw("POST", f"/channels/{GENERAL}/messages", {"content": "lost"})
    assert (status, message["content"]) == (200, "lost")
    assert raw.bench.platform.world()["messages"] == []


async def test_a_hangup_closes_the_connection_and_does_nothing(raw):
    raw.bench.faults.add(Fault("discord", "*", 0, when="hangup"))
    with pytest.raises(aiohttp.ClientError):
        # Writes are not repeated by aiohttp, reads are.
        await raw("POST", f"/channels/{GENERAL}/messages", {"content": "hello"})
    assert raw.bench.platform.world()["messages"] == []


async def test_a_lost_answer_leaves_the_call_done_and_the_gateway_alone(raw):
    raw.bench.faults.add(Fault("discord", "*", 0, when="lost"))
    assert raw.bench.faults.take("discord", "gateway MESSAGE_CREATE") is None
    with pytest.raises(aiohttp.ClientError):
        await raw("POST", f"/channels/{GENERAL}/messages", {"content": "hello"})
    [message] = raw.bench.platform.world()["messages"]
    assert message["content"] == "hello"
    assert raw.bench.calls("POST /channels/{channel_id}/messages")[0].status == 0


async def test_a_fault_brings_its_own_words_and_code(raw):
    raw.bench.faults.add(Fault("discord", PUT_ROLE, 403, description="No", code=20028))
    assert await raw("PUT", ROLE_PATH) == (403, {"message": "No", "code": 20028})


async def test_the_client_repeats_a_502_by_itself(bench):
    async with connected(bench) as bot:
        bench.faults.add(Fault("discord", PUT_ROLE, 502, when="after"))
        await bot.http.add_role(GUILD, ALICE, NEWCOMER)
        assert [call.status for call in bench.calls(PUT_ROLE)] == [502, 204]
        assert len(bench.calls("gateway GUILD_MEMBER_UPDATE")) == 1


def test_a_fault_can_be_ordered_for_existing_routes_only():
    assert DiscordPlatform.knows(PUT_ROLE)
    assert DiscordPlatform.knows("gateway connect")
    assert DiscordPlatform.knows("*")
    assert not DiscordPlatform.knows("PUT /guilds")


async def test_an_unknown_route_is_named(raw):
    status, body = await raw("GET", "/guilds/1/integrations")
    assert (status, body["message"]) == (
        400,
        "The sandbox does not imitate the route GET /guilds/1/integrations",
    )
    status, body = await raw("DELETE", "/users/@me")
    assert (status, body["message"]) == (
        400,
        "The sandbox does not imitate the route DELETE /users/@me",
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("PATCH", f"/guilds/{GUILD}/members/{ALICE}", {"flags": 4}, "'flags'"),
        ("POST", f"/channels/{GENERAL}/messages", {"content": "x", "poll": {}}, "'poll'"),
        ("POST", f"/channels/{GENERAL}/messages", {"embeds": [{"glow": 1}]}, "'glow'"),
        ("GET", f"/guilds/{GUILD}/members?before=5", None, "'before'"),
        ("PUT", ROLE_PATH, {"why": 1}, "'why'"),
    ],
)
async def test_an_unknown_field_is_named(raw, method, path, body, named):
    status, answer = await raw(method, path, body)
    assert status == 400
    assert named in answer["message"]


async def test_a_body_of_the_wrong_shape_is_a_refusal_not_a_crash(raw):
    status, answer = await raw("POST", "/users/@me/channels", {"recipient_id": "alice"})
    assert (status, answer["code"]) == (400, 50035)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": "x" * 2001}, "content"),
        ({"content": "x", "flags": 64}, "flags"),
        ({"content": "x", "flags": 1 << 15}, "content"),
        ({"content": "x", "components": [{"type": 10, "content": "y"}]}, "components"),
        ({"content": "x", "message_reference": {"message_id": "5"}}, "message_reference"),
    ],
)
async def test_a_message_that_discord_would_refuse_names_the_field(raw, body, field):
    status, answer = await raw("POST", f"/channels/{GENERAL}/messages", body)
    assert (status, answer["code"]) == (400, 50035)
    assert field in answer["errors"]


async def test_an_empty_message_is_refused(raw):
    status, answer = await raw("POST", f"/channels/{GENERAL}/messages", {"content": ""})
    assert (status, answer["code"]) == (400, 50006)


async def test_an_audit_reason_is_decoded_and_bounded(raw):
    reason = quote("ранг", safe="")
    assert (await raw("PUT", ROLE_PATH, **{"X-Audit-Log-Reason": reason}))[0] == 204
    assert raw.bench.calls(PUT_ROLE)[0].reason == "ранг"
    long = {"X-Audit-Log-Reason": "x" * 513}
    assert (await raw("DELETE", ROLE_PATH, **long))[0] == 400
    assert await raw.roles() == [str(NEWCOMER)]


async def test_without_the_token_nothing_is_answered(bench):
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{bench.platform.api_base}/users/@me") as response:
            assert response.status == 401
            assert await response.json() == {"message": "401: Unauthorized", "code": 0}
        path = f"/webhooks/{BOT}/made-up-token"
        async with http.post(bench.platform.api_base + path, json={"content": "x"}) as response:
            assert response.status == 401
            assert (await response.json())["code"] == 50027


async def first_close_code(bench: Bench, query: str, *frames: Any) -> int | None:
    """The code with which the gateway closes after these frames."""
    url = bench.platform.gateway_url + query
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        for frame in frames:
            await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
        while True:
            message = await socket.receive(timeout=PATIENCE_S)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return socket.close_code


SAID: dict[str, object] = {"token": TOKEN, "intents": 1, "properties": {}}
IDENTIFY = {"op": 2, "d": SAID}


@pytest.mark.parametrize(
    ("query", "frames", "code"),
    [
        ("?v=9", [], 4012),
        ("", ["not json"], 4002),
        ("", ["x" * 5000], 4002),
        ("", [{"op": 5, "d": {}}], 4001),
        ("", [{"op": 8, "d": {"guild_id": str(GUILD), "query": "", "limit": 0}}], 4003),
        ("", [{"op": 2, "d": {"token": "no", "intents": 1}}], 4004),
        ("", [{"op": 2, "d": {"token": TOKEN, "intents": 1 << 30}}], 4013),
        ("", [{"op": 2, "d": {"token": TOKEN, "intents": 1, "shard": [2, 2]}}], 4010),
        ("", [IDENTIFY, IDENTIFY], 4005),
        ("", [{"op": 1, "d": None}] * 121, 4008),
    ],
)
async def test_the_gateway_closes_with_the_code_of_the_mistake(query, frames, code):
    async with listening(new_bench(limit_scale=1.0)) as bench:
        assert await first_close_code(bench, query, *frames) == code


#: Frames of the wrong shape by what is wrong with them.
MISSHAPEN: dict[str, dict[str, Any]] = {
    "no op": {"op": [], "d": None},
    "nested": {"op": 1, "d": [[]], "x": "NESTED"},
    "no identity": {"op": 2, "d": None},
    "token": {"op": 2, "d": {"token": 1}},
    "shard": {"op": 2, "d": SAID | {"shard": "01"}},
    "threshold": {"op": 2, "d": SAID | {"large_threshold": "many"}},
    "presence": {"op": 2, "d": SAID | {"presence": {"status": []}}},
    "activities": {"op": 3, "d": {"status": "idle", "activities": [1]}},
    "status": {"op": 3, "d": {"status": {}, "activities": []}},
    "channel": {"op": 4, "d": {"guild_id": str(GUILD), "channel_id": []}},
    "no session": {"op": 6, "d": None},
    "sequence": {"op": 6, "d": {"token": TOKEN, "session_id": "SESSION", "seq": "7"}},
    "no guild": {"op": 8, "d": {"query": "", "limit": 0}},
    "query": {"op": 8, "d": {"guild_id": str(GUILD), "query": 5, "limit": 1}},
    "limit": {"op": 8, "d": {"guild_id": str(GUILD), "query": "a", "limit": "1"}},
    "users": {"op": 8, "d": {"guild_id": str(GUILD), "user_ids": ["x"]}},
}


@pytest.mark.parametrize(
    "frame",
    variants(
        ((name, (frame,)) for name, frame in MISSHAPEN.items()),
        every_day=("no op", "nested", "token", "status", "sequence", "users"),
    ),
)
async def test_a_frame_of_the_wrong_shape_closes_the_socket_and_ends_nothing_else(frame, caplog):
    async with listening(new_bench()) as bench:
        sent = json.dumps(frame).replace('"NESTED"', "[" * 2000 + "]" * 2000)
        if frame["op"] == 6:
            session_id = await begun_session(bench, close_code=4000)
            code = await first_close_code(bench, "", sent.replace("SESSION", session_id))
        else:
            first = [] if frame["op"] == 2 else [IDENTIFY]
            code = await first_close_code(bench, "", *first, sent)
        assert code == 4002
        assert await begun_session(bench, close_code=4000)
        assert caplog.records == []


async def answer_to_resume(bench: Bench, session_id: str, sequence: int) -> dict[str, Any]:
    """The payloads for a client that tries to resume this session."""
    url = bench.platform.gateway_url
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        assert (await socket.receive_json())["op"] == 10
        said = {"token": TOKEN, "session_id": session_id, "seq": sequence}
        await socket.send_json({"op": 6, "d": said})
        answer: dict[str, Any] = await socket.receive_json()
        return answer


async def begun_session(bench: Bench, *, close_code: int) -> str:
    """The id of a session whose client got READY and then closed with this code."""
    url = bench.platform.gateway_url
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive_json()
        await socket.send_json(IDENTIFY)
        session_id: str = (await socket.receive_json())["d"]["session_id"]
        await socket.close(code=close_code)
    return session_id


async def test_a_client_that_asks_for_zstd_gets_plain_frames(bench):
    url = f"{bench.platform.gateway_url}/?v=10&encoding=json&compress=zstd-stream"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        assert (await socket.receive_json())["op"] == 10


async def test_an_unknown_session_cannot_be_resumed(bench):
    answer = await answer_to_resume(bench, "gone", 3)
    assert (answer["op"], answer["d"]) == (9, False)


async def test_a_session_that_its_client_closed_properly_cannot_be_resumed(bench):
    session_id = await begun_session(bench, close_code=1000)
    answer = await answer_to_resume(bench, session_id, 1)
    assert (answer["op"], answer["d"]) == (9, False)


async def test_a_session_that_was_left_in_disorder_goes_on_where_it_was(bench):
    session_id = await begun_session(bench, close_code=4000)
    answer = await answer_to_resume(bench, session_id, 1)
    assert (answer["t"], answer["s"]) == ("GUILD_CREATE", 2)
    beyond = await answer_to_resume(bench, session_id, 99)
    assert (beyond["op"], beyond["d"]) == (9, False)


def test_the_library_under_test_is_the_one_studied():
    assert discord.__version__ == "2.7.1"
