"""Facts about Discord's API: the table in tests/sandbox/discord_contract.json, and how it is made.

Discord publishes a description of its API (OpenAPI, 1.2 MB) in its repository
discord/discord-api-spec on GitHub, as specs/openapi.json. TWINSTREAM_TEST_DISCORD_OPENAPI names a
copy of it; without the variable, one in shared/contracts beside the checkout is used. The table
keeps what our tests ask of it: every operation by name, and for each route of the sandbox its
query, its fields, and the types, required fields and limits of its body and answers.
`python -m tests.support.discord_contract` makes the table from the description; a test compares the
two where the description is present.
"""

import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from sandbox.discord_api.rest import ROUTES

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "discord-openapi.json"
DESCRIPTION = Path(os.environ.get("TWINSTREAM_TEST_DISCORD_OPENAPI", BESIDE))
TABLE = Path(__file__).resolve().parents[1] / "sandbox" / "discord_contract.json"
#: Objects of gateway events, which no route of ours answers with.
EVENT_OBJECTS = (
    "AuditLogEntryResponse",
    "BasicGuildMemberResponse",
    "ErrorResponse",
    "Error",
    "GuildChannelResponse",
    "GuildMemberResponse",
    "GuildResponse",
    "GuildRoleResponse",
    "MessageReactionEmojiResponse",
    "MessageResponse",
    "PrivateChannelResponse",
    "RatelimitedResponse",
    "ResolvedObjectsResponse",
    "ThreadMemberResponse",
    "ThreadResponse",
    "UserPIIResponse",
    "UserResponse",
    "VoiceStateResponse",
)
#: The parts of a schema about values; the rest is prose, and names for code generators.
FACTS = (
    *("type", "enum", "const", "required", "oneOf", "anyOf", "allOf", "items", "properties"),
    *("additionalProperties", "minLength", "maxLength", "minItems", "maxItems", "minimum"),
    *("maximum", "pattern", "uniqueItems", "maxProperties", "$ref"),
)
#: Values that Discord's documentation lists and the description leaves out.
ADDED: dict[str, list[int]] = {
    "MessageReferenceType": [1],  # FORWARD: the message is forwarded, no reply to it
}
UNIONS = ("anyOf", "oneOf", "allOf")
HERE, THERE = "#/$defs/", "#/components/schemas/"


@cache
def table() -> dict[str, Any]:
    """The kept table."""
    kept: dict[str, Any] = json.loads(TABLE.read_text())
    return kept


def complaints(schema: Any, value: Any) -> list[str]:
    """The faults of a value, by a schema of the table."""
    validator = Draft202012Validator({"allOf": [schema], "$defs": table()["$defs"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def named(schema: str) -> dict[str, str]:
    """The schema with this name."""
    return {"$ref": HERE + schema}


def route(name: str) -> dict[str, Any]:
    """The facts about a route ("GET /users/@me")."""
    found: dict[str, Any] = table()["routes"][name]
    return found


def derived(description: dict[str, Any]) -> dict[str, Any]:
    """Make the table from Discord's description."""
    schemas = description["components"]["schemas"]
    routes = {
        name: _facts_of_route(description, *name.split(" ", 1))
        for name in sorted({one.name for one in ROUTES})
    }
    used = [HERE + name for name in EVENT_OBJECTS]
    used += list(_references(routes))
    kept: dict[str, Any] = {}
    while used:
        name = used.pop().removeprefix(HERE)
        if name not in kept:
            kept[name] = _facts(schemas[name])
            kept[name].get("enum", []).extend(ADDED.get(name, ()))
            used += _references(kept[name])
    return {
        "operations": sorted(
            f"{method.upper()} {path}"
            for path, operations in description["paths"].items()
            for method in operations
            if method != "parameters"
        ),
        "routes": routes,
        "$defs": dict(sorted(kept.items())),
    }


def _facts_of_route(description: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    operation = description["paths"][path][method.lower()]
    parameters = [_parameter(description, one) for one in operation.get("parameters", ())]
    bodies = [one["schema"] for one in operation.get("requestBody", {}).get("content", {}).values()]
    schemas = description["components"]["schemas"]
    answers = {}
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json")
        answers[status] = None if content is None else _facts(content["schema"])
    return {
        "query": sorted(one["name"] for one in parameters if one["in"] == "query"),
        "fields": sorted(set(_fields(bodies, schemas))),
        "body": _facts(bodies[0]) if bodies else None,
        "answers": answers,
    }


def _parameter(description: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in one:
        return one
    found: dict[str, Any] = description["components"]["parameters"][one["$ref"].rsplit("/", 1)[1]]
    return found


def _fields(bodies: Iterable[Any], schemas: dict[str, Any]) -> Iterator[str]:
    for body in bodies:
        whole = schemas[body["$ref"].removeprefix(THERE)] if "$ref" in body else body
        yield from whole.get("properties", ())
        for union in UNIONS:
            yield from _fields(whole.get(union, ()), schemas)


def _facts(schema: Any) -> Any:
    """Return a schema without prose; a union of constants becomes an enumeration."""
    if not isinstance(schema, dict):
        return schema
    facts: dict[str, Any] = {}
    for key in FACTS:
        value = schema.get(key)
        if value is None:
            continue
        if key == "properties":
            facts[key] = {name: _facts(one) for name, one in sorted(value.items())}
        elif key in UNIONS:
            facts[key] = [_facts(one) for one in value]
        elif key == "$ref":
            facts[key] = value.replace(THERE, HERE)
        else:
            facts[key] = _facts(value)
    if "oneOf" in facts and all(one.keys() == {"const"} for one in facts["oneOf"]):
        facts["enum"] = [one["const"] for one in facts.pop("oneOf")]
    if "enum" in facts:
        facts.pop("allOf", None)
    return facts


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _written(made: dict[str, Any]) -> str:
    """Return the table as text: one line for each operation, route and object."""
    parts = [f'"operations": [\n{_lines(map(_compact, made["operations"]))}\n]']
    for name in ("routes", "$defs"):
        rows = (f"{_compact(key)}: {_compact(value)}" for key, value in made[name].items())
        parts.append(f'"{name}": {{\n{_lines(rows)}\n}}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _lines(rows: Iterable[str]) -> str:
    return ",\n".join(rows)


if __name__ == "__main__":
    TABLE.write_text(_written(derived(json.loads(DESCRIPTION.read_text()))))
