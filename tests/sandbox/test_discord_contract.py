"""The Discord side speaks the API that Discord publishes: routes, fields and answers."""

import json
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from sandbox import Fault
from sandbox.discord_api.intents import ALL_INTENTS
from sandbox.discord_api.rest import ROUTES
from tests.support.discord_sandbox import (
    ALICE,
    BOOSTER,
    BORIS,
    BOT,
    BOT_ROLE,
    GENERAL,
    GUILD,
    LUCKY,
    NEWCOMER,
    TOKEN,
    VERA,
    Bench,
)

pytest_plugins = ["tests.support.discord_sandbox"]

CONTRACT = (
    Path(__file__).resolve().parents[2] / ".." / "shared" / "contracts" / "discord-openapi.json"
)
pytestmark = pytest.mark.skipif(
    not CONTRACT.exists(), reason="Discord's OpenAPI file is not in ../shared/contracts"
)

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
# discord.py sends in the query what the description has in the body.
BAN_QUERY = {"delete_message_seconds", "delete_message_days"}

# The path of each route's call; "{...}" in values is filled from the prepared world.
CALLS: dict[str, dict[str, Any]] = {
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


@cache
def spec() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(CONTRACT.read_text())
    return loaded


def operation(name: str) -> dict[str, Any]:
    method, template = name.split(" ", 1)
    found: dict[str, Any] = spec()["paths"][template][method.lower()]
    return found


def complaints(schema: Any, value: Any) -> list[str]:
    validator = Draft202012Validator({"allOf": [schema], "components": spec()["components"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def named(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


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
        banned = self.bench.platform.join(name="Mallory")
        self.known["banned"] = str(banned)
        await self.call("PUT /guilds/{guild_id}/bans/{user_id}", path={"user_id": str(banned)})
        reply = CALLS["POST /channels/{channel_id}/messages"]["body"] | {"message_reference": None}
        _, message = await self.call("POST /channels/{channel_id}/messages", body=reply)
        _, everywhere = await self.call("PUT /applications/{application_id}/commands")
        _, here = await self.call("PUT /applications/{application_id}/guilds/{guild_id}/commands")
        self.known |= {
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


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_is_one_of_discords_with_fields_that_it_has(route):
    body = operation(route.name).get("requestBody", {"content": {}})["content"]
    schemas = [one["schema"] for one in body.values()]
    # discord.py sends both everywhere; the description knows them in some places only.
    assert route.fields <= _properties(schemas) | {"nsfw", "tts"}
    query = {_parameter(one)["name"] for one in operation(route.name).get("parameters", [])}
    assert route.query <= query | BAN_QUERY


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in one:
        return one
    found: dict[str, Any] = spec()["components"]["parameters"][one["$ref"].rsplit("/", 1)[1]]
    return found


def _properties(schemas: list[Any]) -> set[str]:
    found: set[str] = set()
    for schema in schemas:
        if "$ref" in schema:
            schema = spec()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        found |= schema.get("properties", {}).keys()
        for union in ("anyOf", "oneOf", "allOf"):
            found |= _properties(schema.get(union, []))
    return found


@pytest.mark.parametrize("name", [route.name for route in ROUTES])
async def test_an_answer_is_what_discord_describes(caller, name):
    status, answer = await caller.call(name)
    described = operation(name)["responses"]
    assert str(status) in described, (status, answer)
    content = described[str(status)].get("content")
    if content is None:
        assert answer is None
    else:
        assert complaints(content["application/json"]["schema"], answer) == []


async def test_every_event_carries_the_objects_that_rest_shows(caller):
    for route in ROUTES:
        await caller.call(route.name)
    newcomer = caller.bench.platform.join(name="Eve", pending=True)
    caller.bench.platform.pass_screening(newcomer)
    caller.bench.platform.leave(newcomer)
    caller.bench.platform.say(GENERAL, VERA, f"hello <@{BOT}>")
    parts = {
        "GUILD_CREATE": {
            "$": "GuildResponse",
            "roles": "GuildRoleResponse",
            "members": "GuildMemberResponse",
            "channels": "GuildChannelResponse",
        },
        "GUILD_MEMBER_ADD": {"$": "GuildMemberResponse"},
        "GUILD_MEMBER_UPDATE": {"$": "GuildMemberResponse"},
        "GUILD_MEMBER_REMOVE": {"user": "UserResponse"},
        "GUILD_ROLE_CREATE": {"role": "GuildRoleResponse"},
        "GUILD_ROLE_UPDATE": {"role": "GuildRoleResponse"},
        "GUILD_ROLE_DELETE": {},
        "GUILD_BAN_ADD": {"user": "UserResponse"},
        "GUILD_BAN_REMOVE": {"user": "UserResponse"},
        "GUILD_AUDIT_LOG_ENTRY_CREATE": {"$": "AuditLogEntryResponse"},
        "MESSAGE_CREATE": {"$": "MessageResponse"},
        "MESSAGE_UPDATE": {"$": "MessageResponse"},
        "MESSAGE_DELETE": {},
        "INTERACTION_CREATE": {"member": "GuildMemberResponse", "channel": "GuildChannelResponse"},
        "READY": {"user": "UserPIIResponse"},
    }
    seen = set()
    for call in caller.bench.transcript.calls(platform="discord"):
        event = call.name.removeprefix("gateway ")
        if call.status != 0 or event == "IDENTIFY":
            continue
        seen.add(event)
        for part, schema in parts[event].items():
            found = call.response if part == "$" else call.response[part]
            for one in found if isinstance(found, list) else [found]:
                assert complaints(named(schema), one) == [], event
    assert seen == parts.keys()


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
