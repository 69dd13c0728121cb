"""The control interface, over HTTP, on both platforms in this process."""

import asyncio
import io
import json
import threading
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sandbox import Fault, Faults, SeedError, Transcript, load_seed
from sandbox.control import Control
from sandbox.control.server import REQUEST_BYTES_MAX
from sandbox.discord_api import DiscordPlatform, Upload
from sandbox.state_file import StateFile
from tests.support.settling import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002
VOICE_CHANNEL, AFK_CHANNEL = "900000000000000011", "900000000000000012"
CHANNEL, DISCORD_ALICE = "900000000000000010", "800000000000000101"
LUCKY, OWN_ROLE = "900000000000000110", "900000000000000100"
DICE = {"chat_id": GROUP, "user_id": ALICE, "kind": "dice"}
GIVE_ROLE = "PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}"


@pytest_asyncio.fixture(loop_scope="module")
async def discord(seed, transcript, faults) -> AsyncIterator[DiscordPlatform]:
    platform = DiscordPlatform(seed, transcript, faults)
    await platform.start()
    yield platform
    await platform.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def control(telegram, discord, transcript, faults) -> AsyncIterator[Control]:
    found = Control(telegram, discord, transcript, faults)
    await found.start()
    yield found
    await found.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def ask(control):
    """`await ask("POST /members", ...)` returns (status, body)."""
    async with aiohttp.ClientSession() as session:

        async def send(route: str, body: Any = None) -> tuple[int, Any]:
            method, _, path = route.partition(" ")
            async with session.request(method, control.url + path, json=body) as response:
                assert response.content_type == "application/json"
                return response.status, await response.json()

        yield send


async def test_a_message_of_a_member_reaches_the_bot(ask, telegram, call):
    status, body = await ask(
        "POST /telegram/say", {"chat_id": str(GROUP), "user_id": ALICE, "text": "hello"}
    )
    assert (status, body) == (200, {"message_id": 1})
    (update,) = (await call("getUpdates"))["result"]
    assert update["message"]["text"] == "hello"


async def test_a_press_answers_the_query_id(ask, call):
    keyboard = '{"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}'
    await call("sendMessage", chat_id=GROUP, text="x", reply_markup=keyboard)
    press = {"chat_id": GROUP, "message_id": 1, "user_id": ALICE, "data": "go"}
    _, body = await ask("POST /telegram/click", press)
    (update,) = (await call("getUpdates"))["result"]
    assert update["callback_query"]["id"] == body["callback_query_id"]


async def test_discord_ids_are_strings_and_accepted_as_either(ask, discord):
    for user_id in (DISCORD_ALICE, int(DISCORD_ALICE)):
        order = {"channel_id": CHANNEL, "user_id": user_id, "text": "hello"}
        status, body = await ask("POST /discord/say", order)
        assert status == 200
        assert body["message_id"].isdecimal()


@pytest.mark.parametrize("platform", ["telegram", "discord"])
async def test_people_come_and_go(ask, platform):
    async def known() -> int:
        return len((await ask("GET /world"))[1][platform]["members"])

    before = await known()
    _, joined = await ask("POST /members", {"platform": platform, "action": "join", "name": "Egor"})
    assert isinstance(joined["user_id"], int if platform == "telegram" else str)
    assert await known() == before + 1
    leaving = {"platform": platform, "action": "leave", "user_id": joined["user_id"]}
    assert (await ask("POST /members", leaving))[0] == 200
    status, body = await ask("POST /members", leaving)
    assert status == 400
    assert body["error"]


async def test_the_owner_changes_members_by_hand(ask):
    async def alice() -> dict[str, Any]:
        _, world = await ask("GET /world")
        return next(m for m in world["telegram"]["members"] if m["user_id"] == ALICE)

    change = {"platform": "telegram", "user_id": ALICE}
    await ask("POST /members", {**change, "action": "tag", "tag": "Pilot"})
    assert (await alice())["tag"] == "Pilot"
    await ask("POST /members", {**change, "action": "promote"})
    assert (await alice())["status"] == "administrator"
    await ask("POST /members", {**change, "action": "demote"})
    assert (await alice())["status"] == "member"
    await ask("POST /members", {**change, "action": "mute"})
    assert (await alice())["status"] == "restricted"
    await ask("POST /members", {**change, "action": "unmute"})
    assert (await alice())["status"] == "member"


async def test_the_group_becomes_a_supergroup_with_another_id(ask, call):
    status, body = await ask("POST /telegram/migrate", {})
    assert status == 200
    moved = body["chat_id"]
    assert moved != GROUP

    refused = await call("sendMessage", chat_id=GROUP, text="hello")
    assert refused["parameters"] == {"migrate_to_chat_id": moved}
    assert (await call("sendMessage", chat_id=moved, text="hello"))["ok"]
    updates = [update["message"] for update in (await call("getUpdates"))["result"]]
    assert (updates[0]["chat"]["id"], updates[0]["migrate_to_chat_id"]) == (GROUP, moved)
    assert (updates[1]["chat"]["id"], updates[1]["migrate_from_chat_id"]) == (moved, GROUP)
    _, world = await ask("GET /world")
    assert world["telegram"]["chat_id"] == moved


async def test_the_owner_gives_and_takes_roles_by_hand(ask):
    change = {"user_id": DISCORD_ALICE, "role_id": LUCKY}
    for action, held in (("give", True), ("take", False)):
        assert (await ask("POST /discord/roles", {**change, "action": action}))[0] == 200
        _, world = await ask("GET /world")
        members = world["discord"]["members"]
        alice = next(member for member in members if member["user"]["id"] == DISCORD_ALICE)
        assert (LUCKY in alice["roles"]) is held


async def test_a_bot_is_blocked_expelled_and_loses_its_permissions(ask, call):
    await ask("POST /telegram/say", {"chat_id": ALICE, "user_id": ALICE, "text": "/start"})
    await ask("POST /telegram/block", {"user_id": ALICE})
    assert "blocked" in (await call("sendMessage", chat_id=ALICE, text="x"))["description"]
    await ask("POST /telegram/bot", {"status": "kicked"})
    assert "kicked" in (await call("sendMessage", chat_id=GROUP, text="x"))["description"]
    order = {"role_id": OWN_ROLE, "permissions": ["SEND_MESSAGES"]}
    assert (await ask("POST /discord/permissions", order))[0] == 200


async def test_faults_are_ordered_listed_and_forgotten(ask, faults, call):
    order = {"platform": "telegram", "method": "getMe", "status": 429, "retry_after": 3}
    status, made = await ask("POST /faults", order)
    assert (status, made["name"], made["times"]) == (200, "getMe", 1)
    lost = {"platform": "discord", "route": GIVE_ROLE, "when": "dropped"}
    assert (await ask("POST /faults", lost))[0] == 200
    _, listed = await ask("GET /faults")
    assert [fault["name"] for fault in listed["faults"]] == ["getMe", GIVE_ROLE]
    assert (await call("getMe"))["parameters"] == {"retry_after": 3}
    await ask("DELETE /faults")
    assert faults.pending() == []


@pytest.mark.parametrize(
    ("order", "arrives"),
    [
        ({"update": {"telepathy": {"x": 1}}}, {"telepathy": {"x": 1}}),
        ({"update": {}}, {}),
        ({"update": 17}, 17),
        ({"update": {"update_id": 3}}, {"update_id": 3}),
        ({"text": '{"update_id": $update_id, "a": [[]]}'}, {"a": [[]]}),
    ],
)
async def test_an_update_of_any_shape_is_sent_until_it_is_confirmed(ask, call, order, arrives):
    status, body = await ask("POST /telegram/update", order)
    assert status == 200
    expected = arrives
    if isinstance(arrives, dict):
        expected = {"update_id": body["update_id"]} | arrives

    assert (await call("getUpdates"))["result"] == [expected]
    assert (await call("getUpdates"))["result"] == [expected]
    assert (await call("getUpdates", offset=body["update_id"] + 1))["result"] == []


async def test_text_that_is_no_json_goes_out_as_it_is(ask, telegram, seed):
    await ask("POST /telegram/update", {"text": "<html>"})
    url = f"{telegram.api_base}/bot{seed.telegram.token}/getUpdates"

    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert await response.text() == '{"ok": true, "result": [<html>]}'


async def test_members_edit_their_messages(ask, call):
    said = {"chat_id": GROUP, "user_id": ALICE, "text": "hello"}
    _, made = await ask("POST /telegram/say", said)
    edited = {**said, **made, "text": "/help me"}

    assert (await ask("POST /telegram/edit", edited))[0] == 200
    assert (await ask("POST /telegram/edit", {**edited, "user_id": BORIS}))[0] == 400

    [_, update] = (await call("getUpdates"))["result"]
    assert update["edited_message"]["text"] == "/help me"
    assert update["edited_message"]["entities"][0]["type"] == "bot_command"


async def test_an_answer_is_garbled_by_order(ask, call, telegram, seed):
    order = {"platform": "telegram", "method": "getMe", "when": "garbled"}
    await ask("POST /faults", {**order, "changes": {"result": {"id": None, "is_bot": "x"}}})
    changed = await call("getMe")
    await ask("POST /faults", {**order, "status": 502, "page": "<html>"})
    url = f"{telegram.api_base}/bot{seed.telegram.token}/getMe"

    async with aiohttp.ClientSession() as session, session.get(url) as response:
        page = await response.text()
        assert (response.status, response.content_type, page) == (502, "text/html", "<html>")
    assert "id" not in changed["result"]
    assert changed["result"]["is_bot"] == "x"
    assert (await call("getMe"))["result"]["is_bot"] is True


async def test_a_garbled_call_was_executed(ask, call, telegram):
    order = {"platform": "telegram", "method": "sendMessage", "when": "garbled"}
    await ask("POST /faults", {**order, "changes": {"result": 17}})

    assert await call("sendMessage", chat_id=GROUP, text="hello") == {"ok": True, "result": 17}

    assert [one["text"] for one in telegram.messages(GROUP)] == ["hello"]


async def test_a_member_closes_their_direct_messages_and_opens_them(ask, discord):
    people = discord.people
    for blocked in (True, False):
        order = {"user_id": DISCORD_ALICE, "blocked": blocked}
        assert (await ask("POST /discord/block", order))[0] == 200
        user = people._editor.world.users[int(DISCORD_ALICE)]
        assert user.accepts_direct_messages is not blocked


async def test_a_timeout_without_an_offset_ends_in_utc(ask, discord):
    order = {"user_id": DISCORD_ALICE, "action": "time_out", "until": "2030-01-01T00:00:00"}
    assert (await ask("POST /discord/moderate", order))[0] == 200
    said = {"channel_id": CHANNEL, "user_id": DISCORD_ALICE, "text": "hello?"}
    status, body = await ask("POST /discord/say", said)
    assert (status, "timed out until 2030-01-01T00:00:00+00:00" in body["error"]) == (400, True)


async def test_a_guild_without_its_afk_channel_has_none(ask):
    gone = {"action": "delete", "channel_id": AFK_CHANNEL}
    assert (await ask("POST /discord/channels", gone))[0] == 200
    voice = {"user_id": DISCORD_ALICE, "channel_id": VOICE_CHANNEL}
    assert (await ask("POST /discord/voice", {**voice, "action": "join"}))[0] == 200
    idle = {"user_id": DISCORD_ALICE, "action": "idle"}
    assert await ask("POST /discord/voice", idle) == (
        400,
        {"error": "the guild has no AFK channel"},
    )


async def test_the_transcript_is_read_from_a_number_on(ask, call):
    await call("getMe")
    await call("sendMessage", chat_id=GROUP, text="x")
    _, body = await ask("GET /transcript?platform=telegram&name=sendMessage&after=0")
    assert [(made["number"], made["status"]) for made in body["calls"]] == [(2, 200)]
    assert body["last"] == 2
    assert (await ask("GET /transcript?after=2"))[1]["calls"] == []


async def test_the_transcript_waits_for_the_call_that_is_wanted(ask, call):
    waiting = asyncio.create_task(ask("GET /transcript?name=sendMessage&wait=10"))
    await call("getMe")
    assert not waiting.done()
    await call("sendMessage", chat_id=GROUP, text="x")
    _, body = await waiting
    assert [made["name"] for made in body["calls"]] == ["sendMessage"]
    assert (await ask("GET /transcript?name=never&wait=0.01"))[1]["calls"] == []


async def test_a_reset_goes_back_to_the_seed(ask, telegram, faults):
    telegram.people.tag(ALICE, "Pilot")
    faults.add(Fault("telegram", "*", 500))
    assert (await ask("POST /reset", {}))[0] == 200
    _, world = await ask("GET /world")
    assert {member["tag"] for member in world["telegram"]["members"]} == {""}
    assert faults.pending() == []
    assert (await ask("GET /health"))[1]["ok"] is True


@pytest.mark.parametrize(
    ("route", "body", "status", "sentence"),
    [
        ("POST /telegram/say", {"chat_id": GROUP, "user_id": 1, "text": "x"}, 400, "no person"),
        ("POST /telegram/say", {"chat_id": GROUP, "user_id": ALICE}, 400, "field `text`"),
        ("POST /telegram/say", {"chat": GROUP}, 400, "unknown field `chat`"),
        (
            "POST /telegram/say",
            {"chat_id": GROUP, "user_id": "al", "text": "x"},
            400,
            "'al' is not an id",
        ),
        ("POST /telegram/bot", {"status": "kicked", "rights": 1}, 400, "rights"),
        ("POST /telegram/bot", {"status": "administrator", "rights": ["can_fly"]}, 400, "can_fly"),
        (
            "POST /discord/slash",
            {"channel_id": CHANNEL, "user_id": DISCORD_ALICE, "command": "nothing"},
            400,
            "nothing",
        ),
        (
            "POST /discord/slash",
            {"channel_id": CHANNEL, "user_id": DISCORD_ALICE, "command": "/"},
            400,
            "a command has a name",
        ),
        (
            "POST /discord/say",
            {
                "channel_id": CHANNEL,
                "user_id": DISCORD_ALICE,
                "text": "",
                "files": [{"filename": "a", "text": "a", "content_type": "text/plain\r\nX: y"}],
            },
            400,
            "matching regex",
        ),
        ("POST /telegram/send", {**DICE, "fields": {"value": "6"}}, 400, "no die 🎲"),
        ("POST /telegram/send", {**DICE, "fields": {"emoji": []}}, 400, "no die []"),
        ("POST /members", {"platform": "telegram", "action": "leave"}, 400, "needs user_id"),
        (
            "POST /members",
            {"platform": "discord", "action": "tag", "user_id": DISCORD_ALICE},
            400,
            "Discord has no action tag",
        ),
        ("POST /faults", {"platform": "telegram", "status": 500}, 400, "`method` or `route`"),
        (
            "POST /faults",
            {"platform": "telegram", "method": "sendMesage", "status": 500},
            400,
            "'sendMesage'",
        ),
        (
            "POST /faults",
            {"platform": "discord", "route": "PUT /guild", "status": 500},
            400,
            "'PUT /guild'",
        ),
        ("POST /faults", {"platform": "telegram", "method": "*"}, 400, "needs a `status`"),
        (
            "POST /faults",
            {"platform": "telegram", "method": "getMe", "when": "garbled"},
            400,
            "`changes` or a `page`",
        ),
        (
            "POST /faults",
            {"platform": "telegram", "method": "getMe", "status": 500, "page": "x"},
            400,
            "`changes` or a `page`",
        ),
        ("POST /telegram/update", {}, 400, "`update` (JSON) or as `text`"),
        ("GET /transcript?since=1", None, 400, "no filter since"),
        ("GET /transcript?after=x", None, 400, "a call's number"),
        ("GET /transcript?platform=irc", None, 400, "no platform 'irc'"),
        ("GET /nothing", None, 404, "GET /nothing is not part of"),
        ("PUT /faults", {}, 405, "PUT /faults is not part of"),
    ],
)
async def test_a_wrong_order_is_answered_with_a_sentence(ask, route, body, status, sentence):
    answered, reply = await ask(route, body)
    assert answered == status
    assert reply.keys() == {"error"}
    assert sentence in reply["error"]


async def test_an_order_that_is_too_large_is_told_the_size(control):
    order = io.BytesIO(b'{"text": "' + b"x" * REQUEST_BYTES_MAX + b'"}')
    url = f"{control.url}/telegram/update"
    async with aiohttp.ClientSession() as session, session.post(url, data=order) as response:
        assert response.status == 413
        assert f"size {REQUEST_BYTES_MAX} exceeded" in (await response.json())["error"]


async def test_an_error_of_the_sandbox_itself_is_answered_in_json(ask, telegram, monkeypatch):
    def stumble() -> None:
        raise KeyError("gone")

    monkeypatch.setattr(telegram, "world", stumble)
    status, reply = await ask("GET /world")
    assert (status, reply) == (500, {"error": "the sandbox stumbled at KeyError('gone')"})


async def test_state_goes_through_a_file(tmp_path, seed, transcript, telegram, discord):
    from sandbox.telegram_api import TelegramPlatform

    path = tmp_path / "state.json"
    telegram.people.tag(ALICE, "Pilot")
    StateFile(path, {"telegram": telegram, "discord": discord}).save()
    again = TelegramPlatform(seed, transcript, Faults())
    fresh = DiscordPlatform(seed, transcript, Faults())
    StateFile(path, {"telegram": again, "discord": fresh}).load()
    assert again.dump() == telegram.dump()
    assert fresh.dump() == discord.dump()
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


async def test_a_file_is_written_only_when_something_changed(tmp_path, telegram, discord):
    path = tmp_path / "state.json"
    file = StateFile(path, {"telegram": telegram, "discord": discord})
    file.save()
    path.unlink()
    file.save()
    assert not path.exists()
    telegram.people.tag(ALICE, "Pilot")
    file.save()
    assert path.exists()


async def test_files_of_a_state_that_has_not_changed_are_not_encoded_again(
    tmp_path, telegram, discord
):
    path, size = tmp_path / "state.json", 4 * 1024 * 1024
    telegram.people.send(GROUP, ALICE, "document", data=bytes(size), file_name="a.bin")
    discord.people.say(int(CHANNEL), int(DISCORD_ALICE), "", files=[Upload("a.bin", bytes(size))])
    file = StateFile(path, {"telegram": telegram, "discord": discord})
    file.save()
    path.unlink()
    tracemalloc.start()
    try:
        file.save()
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()
    assert not path.exists()
    telegram.people.send(GROUP, ALICE, "document", data=b"more", file_name="b.bin")
    file.save()
    assert path.stat().st_size > 2 * size


async def test_a_thread_encodes_the_files_of_a_running_sandbox(
    tmp_path, telegram, discord, monkeypatch
):
    """Encoding 128 MB takes half a second, in which the loop would answer nothing."""
    path, threads = tmp_path / "state.json", []
    filled = DiscordPlatform.fill

    def fill(state: Any, contents: Any) -> None:
        threads.append(threading.get_ident())
        filled(state, contents)

    monkeypatch.setattr("sandbox.state_file.SAVE_SECONDS", 0.0)
    monkeypatch.setattr(DiscordPlatform, "fill", staticmethod(fill))
    discord.people.say(int(CHANNEL), int(DISCORD_ALICE), "", files=[Upload("a.bin", b"abc")])
    saving = asyncio.create_task(
        StateFile(path, {"telegram": telegram, "discord": discord}).save_regularly()
    )

    async def saved() -> bool:
        return path.exists()

    await until(saved, what="the file is written")
    saving.cancel()
    await asyncio.wait({saving})
    assert threads
    assert threading.get_ident() not in threads
    fresh = DiscordPlatform(load_seed(), Transcript(), Faults())
    StateFile(path, {"telegram": telegram, "discord": fresh}).load()
    assert fresh.dump() == discord.dump()


async def test_a_discord_that_the_version_before_saved_goes_on(discord):
    discord.people.open_direct(int(DISCORD_ALICE))
    now = json.loads(json.dumps(discord.dump()))
    before = json.loads(json.dumps(now))
    [application] = before.pop("applications").values()
    before |= {"commands": application["commands"], "installed": True}
    before["last_id"] = before["last_id"]["value"]
    for one in (*before["guild"]["roles"].values(), *before["channels"].values()):
        del one["bot_id"]
    discord.load(before)
    assert discord.dump() == now
    discord.load(before | {"installed": False})
    assert discord.world()["guild"]["bot_inside"] is False


@pytest.mark.parametrize("content", ["{", "{}", '{"telegram": {}, "discord": {}}'])
async def test_a_file_that_is_no_state_is_refused(tmp_path, telegram, discord, content):
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(SeedError):
        StateFile(path, {"telegram": telegram, "discord": discord}).load()
