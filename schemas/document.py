"""The published JSON Schema of the wire format, made from the types that read it."""

from __future__ import annotations

from typing import Any

import msgspec

from .events import Event


def json_schema() -> dict[str, Any]:
    """Describe an event in JSON Schema (2020-12), for senders in any language.

    Everything that `decode` accepts satisfies it. It cannot say two things: that a user id written
    as a string is at most 2**63-1, and that a payload has a greatest length.
    """
    (union,), definitions = msgspec.json.schema_components([Event])
    for definition in definitions.values():
        for name, field in definition["properties"].items():
            if "pattern" in field:
                # \Z is Python's; the pattern language of JSON Schema has only $, and there it
                # means the very end.
                field["pattern"] = field["pattern"].replace(r"\Z", "$")
            if name == "user_id":
                field["type"] = ["integer", "string"]
                field["pattern"] = "^[1-9][0-9]{0,18}$"
                field["description"] += "; a string of digits from languages without such integers"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "twinstream event",
        "description": "What an entry of a stream carries in `e`. Unknown fields are ignored.",
        **union,
        "$defs": definitions,
    }
