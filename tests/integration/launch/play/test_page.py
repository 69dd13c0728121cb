"""The page's server: whom it refuses, what it passes on to the sandbox, and its stream."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

import aiohttp
import pytest
from yarl import URL

from launch.errors import LaunchError
from launch.play.board import Board
from launch.play.browser_checks import TOKEN_HEADER
from launch.play.page import ASSETS, READERS_MAX, PlayServer, take_port
from launch.play.panels import Deed, DeedRefused, Json, kept_up
from launch.play.sandbox_gateway import SandboxGateway
from tests.integration.launch.play.conftest import Platforms
from tests.support.patience import PATIENCE_S
from tests.support.settling import until

GROUP, ALICE = -1001000000001, 1001


class Panel:
    """A panel whose deeds a test sees."""

    name = "breaks"

    def __init__(self) -> None:
        self.done: list[Json] = []
        self.watched = 0
        self.deeds: Mapping[str, Deed] = {"kill": self._kill, "fail": self._fail}

    async def _kill(self, asked: Json) -> Json:
        self.done.append(asked)
        return {"killed": asked.get("name")}

    async def _fail(self, asked: Json) -> Json:
        raise DeedRefused("nothing runs")

    async def watch(self) -> None:
        self.watched += 1
        if self.watched == 1:
            raise KeyError("a fault of the panel")


class Client:
    """A program that asks the page's server."""

    def __init__(self, session: aiohttp.ClientSession, server: PlayServer) -> None:
        self.session = session
        self.origin, _, self.token = server.url.partition("/#token=")

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        token: bool = True,
        body: Any = None,
        data: str | None = None,
    ) -> tuple[int, bytes]:
        sent = ({TOKEN_HEADER: self.token} if token else {}) | dict(headers)
        async with self.session.request(
            method, URL(self.origin + path, encoded=True), headers=sent, json=body, data=data
        ) as answer:
            return answer.status, await answer.read()


@pytest.fixture
def panel() -> Panel:
    return Panel()


@pytest.fixture
async def client(board: Board, platforms: Platforms, panel: Panel) -> AsyncIterator[Client]:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        server = PlayServer(board, SandboxGateway(session, platforms.control.url), [panel])
        await server.start()
        yield Client(session, server)
        await server.stop()


FILES = ("/", "/assets/main.js", "/assets/bus/bus.css", "/sandbox/play/shared/api.js")
REST = (
    *(("GET", path) for path in ("/api/stream", "/sandbox/chats", "/sandbox/stream")),
    *(("POST", path) for path in ("/api/breaks/kill", "/sandbox/telegram/say")),
    *(("GET", path) for path in ("/sandbox/play/../chats", "/sandbox/play/%2e%2e/chats")),
    *(("POST", path) for path in FILES),
)


async def test_files_need_no_token_and_carry_the_policy(client: Client) -> None:
    for path in FILES:
        async with client.session.get(client.origin + path) as answer:
            assert answer.status == 200
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self';")
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"


async def test_everything_else_needs_the_token(
    client: Client, panel: Panel, platforms: Platforms
) -> None:
    said = {"chat_id": GROUP, "user_id": ALICE, "text": "forged"}
    for method, path in REST:
        status, body = await client.ask(method, path, token=False, body=said)
        assert (status, b"token" in body) == (403, True), path

    assert panel.done == []
    assert platforms.telegram.messages(GROUP) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_other_pages_are_refused_even_with_the_token(
    client: Client, panel: Panel, headers: dict[str, str]
) -> None:
    for method, path in (*REST, *(("GET", path) for path in FILES)):
        status, _ = await client.ask(method, path, headers, body={})
        assert status == 403, path

    assert panel.done == []


async def test_no_other_file_is_served(client: Client) -> None:
    for path in (
        *("/assets/../page.py", "/assets/%2e%2e/page.py", "/assets/main.py", "/assets/bus"),
        *("/assets//etc/passwd", "/assets/bus/", "/assets/unknown.js", "/.env", "/x"),
    ):
        status, body = await client.ask("GET", path)
        assert (status, b"import" in body) == (404, False), path


async def test_all_assets_have_names_that_are_served(client: Client) -> None:
    for file in ASSETS.rglob("*.*"):
        status, _ = await client.ask("GET", f"/assets/{file.relative_to(ASSETS)}", token=False)
        assert status == 200, file


# Deeds


async def test_a_deed_gets_what_the_page_sent_and_answers(client: Client, panel: Panel) -> None:
    status, body = await client.ask("POST", "/api/breaks/kill", body={"name": "consumers"})

    assert (status, json.loads(body)) == (200, {"killed": "consumers"})
    assert panel.done == [{"name": "consumers"}]


async def test_a_deed_that_cannot_be_done_says_why(client: Client) -> None:
    status, body = await client.ask("POST", "/api/breaks/fail", body={})

    assert (status, json.loads(body)) == (409, {"error": "nothing runs"})


async def test_an_unknown_deed_and_a_body_that_is_no_object_are_refused(client: Client) -> None:
    for path, body, expected in (
        ("/api/breaks/unknown", {}, 404),
        ("/api/bus/kill", {}, 404),
        ("/api/breaks/kill", [], 400),
        ("/api/breaks/kill", "x", 400),
    ):
        status, answer = await client.ask("POST", path, body=body)
        assert status == expected
        assert json.loads(answer)["error"]


async def test_a_body_that_is_nested_too_deeply_is_refused(client: Client) -> None:
    nested = '{"name":' * 50_000

    status, answer = await client.ask("POST", "/api/breaks/kill", data=nested)

    assert status == 400
    assert json.loads(answer)["error"]


# The stream


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Read server-sent events."""
    fields: dict[str, str] = {}
    async for line in answer.content:
        if line.strip():
            name, _, value = line.decode().strip().partition(": ")
            fields[name] = value
        else:
            yield fields["event"], json.loads(fields["data"])


def stream(client: Client, **headers: str) -> Any:
    sent = {TOKEN_HEADER: client.token} | headers
    return client.session.get(f"{client.origin}/api/stream", headers=sent)


async def test_the_stream_tells_the_state_and_then_changes(client: Client, board: Board) -> None:
    board.set("bus/a/1", 1)
    async with stream(client) as answer:
        read = events(answer)
        assert await anext(read) == ("state", {"set": {"bus/a/1": 1}})
        board.set("bus/a/1", 2)
        assert await anext(read) == ("change", {"set": {"bus/a/1": 2}, "removed": []})


async def test_a_reader_that_reads_nothing_holds_up_nobody(client: Client, board: Board) -> None:
    async with stream(client) as slow, stream(client) as answer:
        assert slow.status == 200
        read = events(answer)
        await anext(read)
        for number in range(24):
            board.set("bus/a/1", {"n": number, "text": "x" * 400_000})
            kind, told = await anext(read)
            assert (kind, told["set"]["bus/a/1"]["n"]) == ("change", number)


async def test_a_burst_comes_in_few_frames(client: Client, board: Board) -> None:
    async with stream(client) as answer:
        read = events(answer)
        await anext(read)
        frames = 0
        for number in range(2_000):
            board.set(f"bus/a/{number % 50}", number)
            if number % 100 == 99:
                await asyncio.sleep(0)
        async for _, told in read:
            frames += 1
            if 1_999 in told["set"].values():
                break
        assert frames <= 3


async def test_readers_are_bounded_and_gone_ones_are_not_counted(client: Client) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(READERS_MAX):
            answer = await stack.enter_async_context(stream(client))
            assert answer.status == 200
        status, body = await client.ask("GET", "/api/stream")
        assert (status, b"close one" in body) == (503, True)

    async def there_is_room() -> bool:
        async with stream(client) as answer:
            return bool(answer.status == 200)

    await until(there_is_room, what="there is room again")


# The way to the sandbox


async def test_the_chats_reach_the_control_interface(client: Client, platforms: Platforms) -> None:
    said = {"chat_id": GROUP, "user_id": ALICE, "text": "through"}
    origin = {"Origin": client.origin, "Sec-Fetch-Site": "same-origin"}
    status, body = await client.ask("POST", "/sandbox/telegram/say", origin, body=said)

    assert (status, json.loads(body)) == (200, {"message_id": 1})
    assert [one["text"] for one in platforms.telegram.messages(GROUP)] == ["through"]
    status, body = await client.ask("POST", "/sandbox/telegram/say", body={"chat_id": 1})
    assert (status, "error" in json.loads(body)) == (400, True)
    status, body = await client.ask("GET", "/sandbox/transcript?after=0&platform=telegram")
    assert (status, "calls" in json.loads(body)) == (200, True)


async def test_the_stream_of_the_sandbox_comes_through_at_once(
    client: Client, platforms: Platforms
) -> None:
    headers = {TOKEN_HEADER: client.token}
    async with client.session.get(f"{client.origin}/sandbox/stream", headers=headers) as answer:
        read = events(answer)
        assert (await anext(read))[0] == "state"
        platforms.telegram.say(GROUP, ALICE, "news")
        kind, told = await anext(read)
        assert (kind, "news" in json.dumps(told)) == ("change", True)


async def test_a_file_of_a_member_stays_one_that_cannot_act(
    client: Client, platforms: Platforms
) -> None:
    sent = {"chat_id": GROUP, "user_id": ALICE, "kind": "document", "file_name": "a.html"}
    await client.ask("POST", "/sandbox/telegram/send", body=sent | {"content": "PGI+aGVsbG88L2I+"})
    [message] = platforms.telegram.messages(GROUP)
    path = f"/sandbox/telegram/files/{message['document']['file_id']}"
    headers = {TOKEN_HEADER: client.token}
    async with client.session.get(client.origin + path, headers=headers) as answer:
        assert await answer.read() == b"<b>hello</b>"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.content_type == "application/octet-stream"


async def test_a_sandbox_that_is_away_is_an_answer_and_not_an_end(
    client: Client, platforms: Platforms
) -> None:
    headers = {TOKEN_HEADER: client.token}
    async with client.session.get(f"{client.origin}/sandbox/stream", headers=headers) as answer:
        read = events(answer)
        await anext(read)
        await platforms.control.stop()
        # Half an answer does not look like a whole one.
        with pytest.raises(aiohttp.ClientError):
            await anext(read)
    status, body = await client.ask("GET", "/sandbox/chats")

    assert (status, "does not answer" in json.loads(body)["error"]) == (502, True)


# Starting


async def test_a_port_that_is_taken_is_said(client: Client) -> None:
    with pytest.raises(LaunchError, match="cannot listen on port"):
        take_port(int(client.origin.rpartition(":")[2]))


def test_a_port_is_taken_once() -> None:
    with take_port() as taken, pytest.raises(LaunchError, match="cannot listen on port"):
        take_port(taken.getsockname()[1])


async def test_a_panel_that_fails_begins_again(panel: Panel) -> None:
    said: list[str] = []
    await kept_up(panel, said.append)

    assert panel.watched == 2
    assert said == ["The panel breaks failed and begins again: KeyError: 'a fault of the panel'"]
