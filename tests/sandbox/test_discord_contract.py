"""The Discord side speaks the API that Discord publishes: routes, fields and answers."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox import Fault
from sandbox.discord_api.gateway.intents import ALL_INTENTS
from sandbox.discord_api.rest import ROUTES
from tests.support.discord_contract import (
    DESCRIPTION,
    complaints,
    derived,
    named,
    table,
)
from tests.support.discord_contract import (
    route as described,
)
from tests.support.discord_sandbox import (
    ALICE,
    BOOSTER,
    BORIS,
    BOT,
    BOT_ROLE,
    FORUM,
    GENERAL,
    GUILD,
    HARBOUR,
    LUCKY,
    NEWCOMER,
    TOKEN,
    UNLIMITED,
    VERA,
    Bench,
    listening,
    new_bench,
)

pytest_plugins = ["tests.support.discord_sandbox"]

EMBED = {
    "title": "Rank",
    "description": "Regular",
    "color": 3066993,
    "fields": [{"name": "XP", "value": "15"}],
    "footer": {"text": "twinstream"},
    "author": {"name": "Alice"},
}
ROW = {
    "type": 1,
    "components": [
        {"type": 2, "style": 1, "label": "Play", "custom_id": "play"},
        {"type": 2, "style": 5, "label": "Site", "url": "https://example.org/"},
    ],
}
SELECT = {
    "type": 1,
    "components": [
        {"type": 3, "custom_id": "pick", "options": [{"label": "One", "value": "1"}]},
    ],
}
LAYOUT = [
    {
        "type": 17,
        "accent_color": 255,
        "components": [
            {"type": 10, "content": "# Top"},
            {"type": 14},
            {
                "type": 9,
                "components": [{"type": 10, "content": "Alice"}],
                "accessory": {"type": 2, "style": 1, "label": "More", "custom_id": "more"},
            },
            ROW,
        ],
    },
]
COMMAND = {
    "name": "rank",
    "description": "Shows a rank",
    "options": [
        {"type": 6, "name": "who", "description": "Whose", "required": True},
        {"type": 3, "name": "note", "description": "A text"},
        {"type": 4, "name": "top", "description": "How many", "min_value": 1},
    ],
}
MESSAGE = {"content": f"Hello <@{ALICE}> <@&{NEWCOMER}>", "embeds": [EMBED], "components": [ROW]}
REACTION = "DELETE /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}"
# discord.py sends in the query what the description has in the body.
BAN_QUERY = {"delete_message_seconds", "delete_message_days"}

# The path of each route's call; "{...}" in values is filled from the prepared world.
CALLS: dict[str, dict[str, Any]] = {
    "PUT /channels/{channel_id}/permissions/{overwrite_id}": {
        "path": {"overwrite_id": str(NEWCOMER)},
        "body": {"type": 0, "allow": "0", "deny": "2048"},
    },
    "DELETE /channels/{channel_id}/permissions/{overwrite_id}": {
        "path": {"overwrite_id": str(LUCKY)}
    },
    "PATCH /users/@me": {"body": {"username": "twin"}},
    "PATCH /guilds/{guild_id}": {"body": {"name": "Twin Bay", "afk_timeout": 900}},
    "POST /guilds/{guild_id}/bulk-ban": {"body": {"user_ids": ["{banned}", "1"]}},
    "POST /guilds/{guild_id}/channels": {"body": {"name": "lounge", "type": 2, "user_limit": 5}},
    "PATCH /guilds/{guild_id}/channels": {"body": [{"id": str(GENERAL), "position": 4}]},
    "PATCH /channels/{channel_id}": {"body": {"topic": "Ships", "rate_limit_per_user": 5}},
    "DELETE /channels/{channel_id}": {"path": {"channel_id": "{thread_id}"}},
    "POST /channels/{channel_id}/threads": {
        "path": {"channel_id": str(FORUM)},
        "body": {"name": "How?", "message": {"content": "Like this?"}},
    },
    "POST /channels/{channel_id}/messages/{message_id}/threads": {"body": {"name": "More"}},
    "POST /channels/{channel_id}/messages/bulk-delete": {
        "body": {"messages": ["{message_id}", "{other_id}"]}
    },
    "GET /channels/{channel_id}/messages/pins": {"query": {"limit": "5"}},
    "GET /channels/{channel_id}/thread-members": {
        "path": {"channel_id": "{thread_id}"},
        "query": {"with_member": "true"},
    },
    **{
        f"{method} /channels/{{channel_id}}/thread-members/{who}": {
            "path": {"channel_id": "{thread_id}"}
        }
        for method, who in [
            *(("PUT", "@me"), ("DELETE", "@me"), ("PUT", "{user_id}")),
            *(("DELETE", "{user_id}"), ("GET", "{user_id}")),
        ]
    },
    "POST /users/@me/channels": {"body": {"recipient_id": str(ALICE)}},
    "GET /guilds/{guild_id}": {"query": {"with_counts": "true"}},
    "GET /guilds/{guild_id}/audit-logs": {"query": {"limit": "100"}},
    "GET /guilds/{guild_id}/bans/{user_id}": {"path": {"user_id": "{banned}"}},
    "DELETE /guilds/{guild_id}/bans/{user_id}": {"path": {"user_id": "{banned}"}},
    "PUT /guilds/{guild_id}/bans/{user_id}": {"body": {"delete_message_seconds": 0}},
    "GET /guilds/{guild_id}/members": {"query": {"limit": "1000"}},
    "GET /guilds/{guild_id}/members/search": {"query": {"query": "ali", "limit": "5"}},
    "PATCH /guilds/{guild_id}/members/{user_id}": {"body": {"roles": [str(LUCKY)], "nick": "Al"}},
    "PATCH /guilds/{guild_id}/members/@me": {"body": {"nick": "Twin"}},
    "POST /guilds/{guild_id}/roles": {"body": {"name": "Hero", "color": 5, "permissions": "0"}},
    "PATCH /guilds/{guild_id}/roles": {"body": [{"id": str(NEWCOMER), "position": 3}]},
    "PATCH /guilds/{guild_id}/roles/{role_id}": {"body": {"name": "Novice"}},
    "POST /channels/{channel_id}/messages": {
        "body": {
            **MESSAGE,
            "nonce": "7",
            "enforce_nonce": True,
            "message_reference": {"message_id": "{message_id}"},
        },
    },
    "PATCH /channels/{channel_id}/messages/{message_id}": {
        "body": {"content": None, "embeds": [], "components": LAYOUT, "flags": 1 << 15},
    },
    "PUT /applications/{application_id}/commands": {"body": [COMMAND]},
    "PUT /applications/{application_id}/guilds/{guild_id}/commands": {"body": [COMMAND]},
    "POST /applications/{application_id}/commands": {"body": COMMAND},
    "POST /applications/{application_id}/guilds/{guild_id}/commands": {"body": COMMAND},
    "PATCH /applications/{application_id}/commands/{command_id}": {"body": {"name": "level"}},
    "PATCH /applications/{application_id}/guilds/{guild_id}/commands/{command_id}": {
        "path": {"command_id": "{guild_command_id}"},
        "body": {"name": "level"},
    },
    "GET /applications/{application_id}/guilds/{guild_id}/commands/{command_id}": {
        "path": {"command_id": "{guild_command_id}"},
    },
    "DELETE /applications/{application_id}/guilds/{guild_id}/commands/{command_id}": {
        "path": {"command_id": "{guild_command_id}"},
    },
    "POST /interactions/{interaction_id}/{interaction_token}/callback": {
        "query": {"with_response": "1"},
        "body": {"type": 4, "data": MESSAGE},
    },
    "POST /webhooks/{webhook_id}/{webhook_token}": {
        "query": {"wait": "1", "with_components": "0"},
        "body": {**MESSAGE, "flags": 64},
    },
    "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}": {
        "path": {"message_id": "@original"},
        "body": {"content": "Done"},
    },
    "GET /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}": {
        "path": {"message_id": "@original"},
    },
    "DELETE /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}": {
        "path": {"message_id": "@original"},
    },
}


class Caller:
    """Calls routes by their template, in a world where each of them succeeds."""

    def __init__(self, bench: Bench, http: aiohttp.ClientSession) -> None:
        self.bench = bench
        self.http = http
        self.known = {
            "guild_id": str(GUILD),
            "user_id": str(ALICE),
            "role_id": str(NEWCOMER),
            "channel_id": str(GENERAL),
            "application_id": str(BOT),
            "emoji_name": "\N{THUMBS UP SIGN}",
            "webhook_id": str(BOT),
        }

    async def call(self, name: str, **given: Any) -> tuple[int, Any]:
        method, template = name.split(" ", 1)
        told = {**CALLS.get(name, {}), **given}
        path = {**self.known, **{key: self.filled(v) for key, v in told.get("path", {}).items()}}
        async with self.http.request(
            method,
            self.bench.platform.api_base + template.format(**path),
            params=told.get("query"),
            json=self.filled(told["body"]) if "body" in told else None,
            headers={"Authorization": f"Bot {TOKEN}"},
        ) as response:
            raw = await response.read()
            return response.status, json.loads(raw) if raw else None

    def filled(self, value: Any) -> Any:
        text = json.dumps(value)
        for name, known in self.known.items():
            text = text.replace("{" + name + "}", known)
        return json.loads(text)

    async def prepare(self) -> None:
        administration = self.bench.platform.administration
        administration.set_permissions(BOT_ROLE, "ADMINISTRATOR")
        administration.give_role(BORIS, BOOSTER)
        administration.set_overwrite(GENERAL, LUCKY, deny=["ADD_REACTIONS"])
        banned = self.bench.platform.join(name="Mallory")
        self.known["banned"] = str(banned)
        await self.call("PUT /guilds/{guild_id}/bans/{user_id}", path={"user_id": str(banned)})
        reply = CALLS["POST /channels/{channel_id}/messages"]["body"] | {"message_reference": None}
        _, message = await self.call("POST /channels/{channel_id}/messages", body=reply)
        _, everywhere = await self.call("PUT /applications/{application_id}/commands")
        _, here = await self.call("PUT /applications/{application_id}/guilds/{guild_id}/commands")
        _, other = await self.call("POST /channels/{channel_id}/messages", body={"content": "-"})
        about = {"name": "Ships", "message": {"content": "Which?"}}
        _, thread = await self.call("POST /channels/{channel_id}/threads", body=about)
        self.bench.platform.people.react(GENERAL, int(message["id"]), ALICE, "\N{THUMBS UP SIGN}")
        self.bench.platform.people.join_thread(int(thread["id"]), ALICE)
        self.bench.platform.people.connect(ALICE, HARBOUR, self_mute=True)
        self.bench.platform.people.connect(BOT, HARBOUR)
        self.known |= {
            "other_id": other["id"],
            "thread_id": thread["id"],
            "message_id": message["id"],
            "command_id": everywhere[0]["id"],
            "guild_command_id": here[0]["id"],
        }
        await self.interact()
        await self.call("POST /interactions/{interaction_id}/{interaction_token}/callback")
        self.known["webhook_token"] = self.known["interaction_token"]
        await self.interact()

    async def interact(self) -> None:
        after = self.bench.transcript.last
        made = self.bench.platform.slash(GENERAL, VERA, "rank", {"who": str(ALICE), "top": 3})
        seen = await self.bench.seen("gateway INTERACTION_CREATE", after=after)
        assert seen.response["id"] == str(made)
        self.known["interaction_id"] = seen.response["id"]
        self.known["interaction_token"] = seen.response["token"]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A platform without limits: each call is to succeed."""
    async with listening(new_bench(limits=UNLIMITED)) as one:
        yield one


@pytest.fixture
async def caller(bench: Bench) -> AsyncIterator[Caller]:
    """A raw client whose gateway session gets every event."""
    url = bench.platform.gateway_url
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        identify = {"token": TOKEN, "intents": int(ALL_INTENTS), "properties": {}}
        await socket.send_json({"op": 2, "d": identify})
        await bench.seen("gateway GUILD_CREATE")
        one = Caller(bench, http)
        await one.prepare()
        yield one


@pytest.mark.skipif(
    not DESCRIPTION.exists(), reason="TWINSTREAM_TEST_DISCORD_OPENAPI names no file"
)
def test_the_table_says_what_discords_description_says():
    assert derived(json.loads(DESCRIPTION.read_text())) == table()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_is_one_of_discords_with_fields_that_it_has(route):
    assert route.name in table()["operations"]
    facts = described(route.name)
    # discord.py sends these everywhere; the description knows them in some places only.
    assert route.fields <= {*facts["fields"], "nsfw", "tts", "id"}
    assert route.query <= {*facts["query"], *BAN_QUERY, "use_nested_fields"}


@pytest.mark.parametrize("name", [route.name for route in ROUTES])
async def test_an_answer_is_what_discord_describes(caller, name):
    status, answer = await caller.call(name)
    answers = described(name)["answers"]
    assert str(status) in answers, (status, answer)
    schema = answers[str(status)]
    if schema is None:
        assert answer is None
    else:
        assert complaints(schema, answer) == []


# The objects of each event; "$" is the payload itself.
EVENTS: dict[str, dict[str, str]] = {
    "GUILD_CREATE": {
        "$": "GuildResponse",
        "roles": "GuildRoleResponse",
        "members": "GuildMemberResponse",
        "channels": "GuildChannelResponse",
        "threads": "ThreadResponse",
    },
    "GUILD_DELETE": {},
    "GUILD_UPDATE": {"$": "GuildResponse"},
    "GUILD_MEMBER_ADD": {"$": "GuildMemberResponse"},
    "GUILD_MEMBER_UPDATE": {"$": "GuildMemberResponse"},
    "GUILD_MEMBER_REMOVE": {"user": "UserResponse"},
    "GUILD_ROLE_CREATE": {"role": "GuildRoleResponse"},
    "GUILD_ROLE_UPDATE": {"role": "GuildRoleResponse"},
    "GUILD_ROLE_DELETE": {},
    "GUILD_BAN_ADD": {"user": "UserResponse"},
    "GUILD_BAN_REMOVE": {"user": "UserResponse"},
    "GUILD_AUDIT_LOG_ENTRY_CREATE": {"$": "AuditLogEntryResponse"},
    "CHANNEL_CREATE": {"$": "GuildChannelResponse"},
    "CHANNEL_UPDATE": {"$": "GuildChannelResponse"},
    "CHANNEL_DELETE": {"$": "GuildChannelResponse"},
    "CHANNEL_PINS_UPDATE": {},
    "THREAD_CREATE": {"$": "ThreadResponse"},
    "THREAD_UPDATE": {"$": "ThreadResponse"},
    "THREAD_DELETE": {},
    "THREAD_MEMBERS_UPDATE": {},
    "MESSAGE_CREATE": {"$": "MessageResponse"},
    "MESSAGE_UPDATE": {"$": "MessageResponse"},
    "MESSAGE_DELETE": {},
    "MESSAGE_DELETE_BULK": {},
    "MESSAGE_REACTION_ADD": {
        "member": "GuildMemberResponse",
        "emoji": "MessageReactionEmojiResponse",
    },
    "MESSAGE_REACTION_REMOVE": {"emoji": "MessageReactionEmojiResponse"},
    "MESSAGE_REACTION_REMOVE_ALL": {},
    "MESSAGE_REACTION_REMOVE_EMOJI": {"emoji": "MessageReactionEmojiResponse"},
    "TYPING_START": {"member": "GuildMemberResponse"},
    "PRESENCE_UPDATE": {},
    "VOICE_STATE_UPDATE": {"$": "VoiceStateResponse"},
    "INTERACTION_CREATE": {"member": "GuildMemberResponse", "channel": "GuildChannelResponse"},
    "READY": {"user": "UserPIIResponse"},
    "USER_UPDATE": {"$": "UserPIIResponse"},
}


async def test_every_event_carries_the_objects_that_rest_shows(caller):
    platform = caller.bench.platform
    for emoji in ("\N{FIRE}", "\N{BROKEN HEART}"):
        written = platform.say(GENERAL, VERA, f"hello <@{BOT}>")
        platform.people.react(GENERAL, written, ALICE, emoji)
        caller.known |= {"message_id": str(written), "emoji_name": emoji}
        await caller.call(REACTION)
    await caller.call("PUT /channels/{channel_id}/messages/pins/{message_id}")
    for added in (True, False, True):
        platform.people.react(GENERAL, written, ALICE, emoji, added=added)
    await caller.call("DELETE /channels/{channel_id}/messages/{message_id}/reactions")
    newcomer = platform.join(name="Eve", pending=True)
    platform.pass_screening(newcomer)
    platform.leave(newcomer)
    platform.people.set_presence(ALICE, "online", "Chess")
    thread = platform.people.start_thread(GENERAL, ALICE, "Talk")
    platform.administration.archive_thread(thread)
    platform.administration.delete_channel(platform.administration.create_channel("brief"))
    platform.people.disconnect(ALICE)
    platform.administration.set_available(available=False)
    platform.administration.set_available(available=True)
    leaves = "DELETE /users/@me/guilds/{guild_id}"
    for route in sorted(
        ROUTES, key=lambda one: (one.name == leaves, one.method == "DELETE", "role" not in one.name)
    ):
        await caller.call(route.name)
    seen = set()
    for call in caller.bench.transcript.calls(platform="discord"):
        event = call.name.removeprefix("gateway ")
        if call.status != 0 or event == "IDENTIFY":
            continue
        seen.add(event)
        for part, schema in EVENTS[event].items():
            found = call.response if part == "$" else call.response[part]
            for one in found if isinstance(found, list) else [found]:
                assert complaints(named(schema), one) == [], event
    assert seen == EVENTS.keys()


async def test_every_id_that_is_sent_is_a_string(caller):
    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                numeric = isinstance(inner, int) and not isinstance(inner, bool)
                assert not (numeric and inner > 1 << 53), f"{path}.{key}"
                walk(inner, f"{path}.{key}")
        if isinstance(value, list):
            for inner in value:
                assert not (isinstance(inner, int) and inner > 1 << 53), path
                walk(inner, path)

    for call in caller.bench.transcript.calls(platform="discord"):
        walk(call.response, call.name)
    walk(caller.bench.platform.world(), "world")


async def test_refusals_have_the_shape_that_discord_describes(caller):
    _, missing = await caller.call(
        "GET /guilds/{guild_id}/members/{user_id}", path={"user_id": "1"}
    )
    assert complaints(named("ErrorResponse"), missing) == []
    _, wrong = await caller.call(
        "POST /channels/{channel_id}/messages", body={"content": "x" * 2001}
    )
    # Described as numbers, field errors carry names in all of Discord's documents and answers.
    assert complaints(named("Error"), wrong) == []
    assert wrong["errors"]["content"]["_errors"][0]["code"] == "BASE_TYPE_MAX_LENGTH"
    caller.bench.faults.add(Fault("discord", "GET /users/@me", 429, retry_after=0.2))
    _, limited = await caller.call("GET /users/@me")
    assert complaints(named("RatelimitedResponse"), limited) == []


ODD: tuple[Any, ...] = (None, True, -1, "", "x" * 4097, 2**40, ["x"], {"type": "x"})


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value but ids, which Discord takes as numbers as well as as texts."""
    found = [here] if here and not str(value).isdecimal() else []
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += places(value[key], (*here, key))
    return found


def changed(value: Any, place: tuple[Any, ...], odd: Any) -> Any:
    """The value with another one at this place."""
    if not place:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = changed(value[place[0]], place[1:], odd)
    return copy


DAILY = "PATCH /guilds/{guild_id}/members/{user_id}"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == DAILY else pytest.mark.nightly)
        for name, call in CALLS.items()
        if "body" in call
    ],
)
async def test_an_odd_body_is_refused_unless_discord_describes_it(caller, name):
    right = caller.filled(CALLS[name]["body"])
    schema = described(name)["body"] or {}
    known = complaints(schema, right)
    wrongly_accepted = []
    for place in places(right):
        for odd in ODD:
            body = changed(right, place, odd)
            status, answer = await caller.call(name, body=body)
            assert status < 500, (body, answer)
            faults = [one for one in complaints(schema, body) if one not in known]
            if status < 300 and faults:
                wrongly_accepted.append(f"{place} {odd}: {faults}")
    assert wrongly_accepted == []
