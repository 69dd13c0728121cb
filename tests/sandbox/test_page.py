"""The page's files, its stream of changes, and what keeps other pages of the browser away."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sandbox.control import Control
from sandbox.discord_api import DiscordPlatform, Upload
from sandbox.page import PAGE_PATH, TOKEN_HEADER, Feed, check_browser
from sandbox.page.feed import CHANGES_KEPT, READERS_MAX, TooManyReaders
from sandbox.transcript import Transcript
from tests.support.discord_sandbox import (
    ALICE,
    GENERAL,
    SEED,
    UNLIMITED,
    Bench,
    connected,
    listening,
)
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, TELEGRAM_ALICE = -1001000000001, 1001
TOKEN, HOST = "t0ken", "127.0.0.1:8090"
SAY = {"chat_id": GROUP, "user_id": TELEGRAM_ALICE, "text": "hello"}


@pytest_asyncio.fixture(loop_scope="module")
async def bench(transcript, faults) -> AsyncIterator[Bench]:
    """Both platforms write to one transcript, as in the process."""
    platform = DiscordPlatform(SEED, transcript, faults, limits=UNLIMITED)
    async with listening(Bench(platform, transcript, faults)) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def control(telegram, bench) -> AsyncIterator[Control]:
    one = Control(telegram, bench.platform, bench.transcript, bench.faults)
    await one.start()
    yield one
    await one.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


class Reader:
    """A page that reads the stream."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""

    async def event(self, kind: str = "") -> tuple[str, Any]:
        """The next event, or the next one of this kind."""
        while True:
            lines: dict[str, str] = {}
            while line := (await self._line()).rstrip("\n"):
                name, _, value = line.partition(": ")
                lines[name] = value
            self.last_id = lines.get("id", self.last_id)
            if kind in ("", lines["event"]):
                return lines["event"], json.loads(lines["data"])

    async def _line(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return (await self.answer.content.readline()).decode()

    async def until(self, key: str) -> Any:
        """The value of a key, once it is set."""
        while True:
            _, data = await self.event()
            if key in data.get("set", {}):
                return data["set"][key]


@pytest_asyncio.fixture(loop_scope="module")
async def read(control, session) -> AsyncIterator[Any]:
    """`await read(last_id)` opens the stream."""
    answers = []

    async def begin(last_id: str = "") -> Reader:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        # A state is one long line.
        answer = await session.get(f"{control.url}/stream", headers=headers, read_bufsize=2**22)
        answers.append(answer)
        return Reader(answer)

    yield begin
    for one in answers:
        one.close()


# Other pages of the browser


@pytest.mark.parametrize(
    ("method", "headers", "allowed"),
    [
        ("POST", {}, True),
        ("GET", {"Sec-Fetch-Site": "none"}, True),
        ("POST", {"Origin": f"http://{HOST}", TOKEN_HEADER: TOKEN}, True),
        ("GET", {"Sec-Fetch-Site": "same-origin", TOKEN_HEADER: TOKEN}, True),
        ("GET", {"Sec-Fetch-Site": "same-origin"}, False),
        ("POST", {"Origin": f"http://{HOST}"}, False),
        ("POST", {"Origin": f"http://{HOST}", TOKEN_HEADER: "öther"}, False),
        ("POST", {"Origin": f"http://{HOST}", TOKEN_HEADER: "\udcff"}, False),
        ("POST", {"Origin": "http://evil.example", TOKEN_HEADER: TOKEN}, False),
        ("POST", {"Origin": "null", TOKEN_HEADER: TOKEN}, False),
        ("POST", {"Origin": "http://127.0.0.1:1", TOKEN_HEADER: TOKEN}, False),
        ("POST", {"Sec-Fetch-Site": "none"}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, False),
        ("GET", {"Sec-Fetch-Site": "same-site", TOKEN_HEADER: TOKEN}, False),
        ("GET", {"Host": "evil.example:8090"}, False),
        ("GET", {"Host": "127.0.0.1.evil.example"}, False),
        ("GET", {"Host": "sandbox:8090"}, False),
        ("GET", {"Host": "192.168.0.7:8090"}, False),
        ("GET", {"Host": ""}, False),
        ("GET", {"Host": "[::1"}, False),
        ("GET", {"Host": "[::1]:8090"}, True),
        ("GET", {"Host": "localhost:8090"}, True),
    ],
)
async def test_a_request_of_another_page_is_refused(method, headers, allowed):
    given = {"Host": HOST} | headers
    found = check_browser(method, given, token=TOKEN, exposed=False, public=False)
    assert (found is None) == allowed, found


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("sandbox:8090", True), ("10.0.0.7:8090", True), ("evil.example", False), ("", False)],
)
async def test_an_exposed_server_is_known_by_addresses_and_names_of_one_label(host, allowed):
    found = check_browser("GET", {"Host": host}, token=TOKEN, exposed=True, public=False)
    assert (found is None) == allowed


async def test_a_refused_deed_is_not_done_and_says_why(control, session, telegram):
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        url = f"{control.url}/telegram/say"
        async with session.post(url, json=SAY, headers=headers) as response:
            assert response.status == 403
            assert "evil.example" in (await response.json())["error"]
            assert "Access-Control-Allow-Origin" not in response.headers
    assert telegram.messages(GROUP) == []


async def test_a_program_needs_no_token_and_the_page_does(control, session):
    url = f"{control.url}/telegram/say"
    page = {"Origin": control.url, "Sec-Fetch-Site": "same-origin"}
    async with session.post(url, json=SAY) as response:
        assert response.status == 200
    async with session.post(url, json=SAY, headers=page) as response:
        assert response.status == 403
    token = {TOKEN_HEADER: control.page_token}
    async with session.post(url, json=SAY, headers=page | token) as response:
        assert response.status == 200


async def test_every_file_of_the_page_is_served_with_a_strict_policy(control, session):
    assert control.page_url == f"{control.url}{PAGE_PATH}#token={control.page_token}"
    for name in ("", "main.js", "telegram/telegram.css", "shared/dom.js", "icon.svg"):
        # A browser that opens the page has no token yet.
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with session.get(f"{control.url}{PAGE_PATH}{name}", headers=headers) as response:
            assert response.status == 200
            policy = response.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self';")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert control.page_token not in await response.text()


@pytest.mark.parametrize(
    "path", ["../feed.py", "%2e%2e/feed.py", "shared/../../feed.py", "nothing.js", "feed.py", "x/"]
)
async def test_nothing_else_is_served(control, path):
    port = int(control.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {PAGE_PATH}{path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    first = await reader.readline()
    writer.close()
    assert b" 404 " in first


async def test_a_file_of_a_member_never_has_the_type_that_they_gave(control, session, bench):
    page = b"<script>alert(1)</script>"
    for content, expected in (
        (b"\x89PNG\r\n\x1a\nxx", "image/png"),
        (b"\xff\xd8\xffxx", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF1234WEBPxx", "image/webp"),
        (page, "application/octet-stream"),
        (b"<svg onload='alert(1)'/>", "application/octet-stream"),
    ):
        made = bench.platform.people.say(
            GENERAL, ALICE, "x", files=[Upload("a.html", content, "text/html")]
        )
        shown = bench.platform.chats(50)["channels"]
        [general] = [one for one in shown if one["id"] == str(GENERAL)]
        [message] = [one for one in general["messages"] if one["id"] == str(made)]
        url = f"{control.url}/discord/files/{message['attachments'][0]['id']}"
        async with session.get(url) as response:
            assert response.content_type == expected
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in response.headers["Content-Security-Policy"]
            inline = response.headers["Content-Disposition"] == "inline"
            assert inline == expected.startswith("image/")
            assert await response.read() == content


# The stream


async def test_a_reader_gets_the_state_and_then_each_change(read, control, session, monkeypatch):
    # A deed is told at once, and not only when the feed looks by itself.
    monkeypatch.setattr("sandbox.page.feed.LOOK_SECONDS", 3600)
    reader = await read()
    kind, state = await reader.event()
    assert kind == "state"
    assert state["set"][f"telegram/chats/{GROUP}"]["title"] == "Twin Harbour"
    assert state["set"][f"discord/members/{ALICE}"]["user"]["username"] == "alice"
    async with session.post(f"{control.url}/telegram/say", json=SAY) as response:
        assert response.status == 200
    message = await reader.until(f"telegram/messages/{GROUP}/1")
    assert message["text"] == "hello"


async def test_what_a_bot_does_and_what_is_deleted_is_told(read, telegram, call):
    reader = await read()
    await reader.event("state")
    await call("sendMessage", chat_id=GROUP, text="from the bot")
    message = await reader.until(f"telegram/messages/{GROUP}/1")
    assert message["from"]["is_bot"]
    telegram.people.delete(GROUP, 1, 1000)
    # Nothing announces this deed: the feed looks by itself every second.
    while True:
        _, data = await reader.event("change")
        if f"telegram/messages/{GROUP}/1" in data["removed"]:
            return


async def test_typing_is_shown_for_a_while(read, call, monkeypatch):
    monkeypatch.setattr("sandbox.page.feed.TYPING_SECONDS", 0.2)
    reader = await read()
    await reader.event("state")
    await call("sendChatAction", chat_id=GROUP, action="typing")
    assert (await reader.until(f"telegram/typing/{GROUP}"))["action"] == "typing"
    while True:
        _, data = await reader.event("change")
        if f"telegram/typing/{GROUP}" in data["removed"]:
            return


async def test_a_bot_on_discord_types_and_its_late_answers_are_told(read, bench):
    reader = await read()
    await reader.event("state")
    async with connected(bench) as client:
        command = {"name": "slow", "description": "never answers"}
        await client.http.bulk_upsert_global_commands(client.application_id, [command])
        await client.get_channel(GENERAL).typing()
        await reader.until(f"discord/typing/{GENERAL}")
        made = bench.platform.slash(GENERAL, ALICE, "slow")
        shown = await reader.until(f"discord/interactions/{made}")
        assert (shown["name"], shown["acknowledged"], shown["failed"]) == ("slow", False, False)


async def test_a_lost_reader_goes_on_where_it_ended(read, telegram):
    keeping = await read()
    await keeping.event("state")
    reader = await read()
    await reader.event("state")
    telegram.say(GROUP, TELEGRAM_ALICE, "one")
    await reader.until(f"telegram/messages/{GROUP}/1")
    reader.answer.close()
    telegram.say(GROUP, TELEGRAM_ALICE, "two")
    again = await read(reader.last_id)
    kind, data = await again.event()
    assert kind == "change"
    assert list(data["set"]) == [f"telegram/messages/{GROUP}/2"]


@pytest.mark.parametrize("last_id", ["nonsense", "deadbeef.1", ".", "x.99999999999"])
async def test_a_reader_that_cannot_go_on_gets_the_state(read, last_id):
    reader = await read(last_id)
    assert (await reader.event())[0] == "state"


async def test_the_stream_beats_when_nothing_happens(read, monkeypatch):
    monkeypatch.setattr("sandbox.page.routes.HEARTBEAT_SECONDS", 0.01)
    reader = await read()
    await reader.event("beat")


async def test_a_stop_ends_the_streams(telegram, bench, session):
    one = Control(telegram, bench.platform, bench.transcript, bench.faults)
    await one.start()
    answer = await session.get(f"{one.url}/stream", read_bufsize=2**22)
    reader = Reader(answer)
    await reader.event("state")
    await asyncio.wait_for(one.stop(), 5)
    answer.close()


class Look:
    """A view that a test changes."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def __call__(self, latest: int) -> dict[str, Any]:
        empty = ("users", "bots", "ephemeral", "presses")
        lists = ("roles", "members", "bots", "commands", "voice_states")
        more = ("presences", "modals", "interactions", "channels")
        chat = {"id": 1, "messages": self.messages[-latest:]}
        return {
            "addresses": {},
            "telegram": {"chats": [chat]} | {name: [] for name in empty},
            "discord": {"guild": {}} | {name: [] for name in (*lists, *more)},
        }


async def test_a_reader_that_falls_behind_gets_the_state_and_memory_is_bounded():
    look = Look()
    feed = Feed(look, Transcript())
    feed.enter()
    start, _ = feed.after(None)
    for number in range(CHANGES_KEPT + 20):
        look.messages.append({"message_id": number})
        feed._compare()
    assert len(feed._changes) == CHANGES_KEPT
    newest, events = feed.after(start)
    assert [one.split(b"\n")[1] for one in events] == [b"event: state"]
    newest_again, nothing = feed.after(newest)
    assert (newest_again, nothing) == (newest, [])
    _, some = feed.after(newest - 3)
    assert [one.split(b"\n")[1] for one in some] == [b"event: change"] * 3
    feed.leave()


async def test_large_changes_are_kept_up_to_their_size(monkeypatch):
    monkeypatch.setattr("sandbox.page.feed.CHANGE_BYTES_KEPT", 10_000)
    look = Look()
    feed = Feed(look, Transcript())
    feed.enter()
    for number in range(50):
        look.messages = [{"message_id": 1, "text": f"{number}" * 1_000}]
        feed._compare()
    assert sum(len(one) for one in feed._changes) == feed._change_bytes <= 10_000
    feed.leave()


async def test_a_thousand_messages_at_once_are_one_change():
    look = Look()
    feed = Feed(look, Transcript())
    feed.enter()
    version, _ = feed.after(None)
    look.messages = [{"message_id": number} for number in range(1_000)]
    feed.poke()
    assert await feed.wait(version, 5)
    newest, [event] = feed.after(version)
    assert newest == version + 1
    assert event.count(b'"message_id"') == 200
    feed.leave()


async def test_however_much_happens_the_feed_looks_at_intervals(monkeypatch):
    monkeypatch.setattr("sandbox.page.feed.PAUSE_SECONDS", 0.1)
    looked = 0
    look = Look()

    def noted(latest: int) -> dict[str, Any]:
        nonlocal looked
        looked += 1
        return look(latest)

    feed = Feed(noted, Transcript())
    feed.enter()
    end = asyncio.get_running_loop().time() + 0.5
    while asyncio.get_running_loop().time() < end:
        feed.poke()
        await asyncio.sleep(0)
    assert 2 <= looked <= 7
    feed.leave()


async def test_a_view_that_fails_once_does_not_end_the_feed():
    look = Look()
    feed = Feed(look, Transcript())
    feed.enter()
    version, _ = feed.after(None)
    look.messages = [{"no_id": True}]
    feed.poke()
    assert not await feed.wait(version, 0.2)
    look.messages = [{"message_id": 1}]
    feed.poke()
    assert await feed.wait(version, 5)
    feed.leave()


async def test_without_readers_nothing_is_looked_at_and_nobody_goes_on():
    looked = []
    look = Look()

    def noted(latest: int) -> dict[str, Any]:
        looked.append(latest)
        return look(latest)

    feed = Feed(noted, Transcript())
    feed.poke()
    assert looked == []
    feed.enter()
    version, [event] = feed.after(None)
    event_id = event.split(b"\n")[0].removeprefix(b"id: ").decode()
    assert feed.position(event_id) == version
    feed.leave()
    assert feed.position(event_id) is None


async def test_too_many_pages_are_refused(control, session, read):
    feed = Feed(Look(), Transcript())
    for _ in range(READERS_MAX):
        feed.enter()
    with pytest.raises(TooManyReaders):
        feed.enter()
    for _ in range(READERS_MAX):
        feed.leave()


async def test_a_page_that_reads_nothing_holds_up_nobody(control, read, telegram):
    port = int(control.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as deaf:
        deaf.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reader = await read()
        await reader.event("state")
        for number in range(300):
            telegram.say(GROUP, TELEGRAM_ALICE, f"{number} " + "x" * 3_000)
        assert (await reader.until(f"telegram/messages/{GROUP}/300"))["text"].startswith("299 ")
