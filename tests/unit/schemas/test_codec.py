"""Decoding returns an event that fits the rules, or raises a SchemaError that says why not."""

from __future__ import annotations

import json
import string
import sys
from datetime import UTC
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import (
    PAYLOAD_BYTES_MAX,
    Event,
    MalformedEvent,
    SchemaError,
    UnknownEvent,
    UnsupportedVersion,
    claimed_key,
    decode,
    encode,
)
from tests.support.event_strategies import events

GOOD: dict[str, Any] = {
    "type": "xp.changed",
    "idempotency_key": "tg_game_guess_12345_67890",
    "source": "telegram",
    "user_id": 12345,
    "reason": "game_guess",
    "entity_id": "67890",
    "occurred_at": "2026-11-22T12:00:00Z",
    "delta_xp": 15,
}


def payload(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def payload_without(field: str) -> bytes:
    return json.dumps({name: value for name, value in GOOD.items() if name != field}).encode()


def read_or_refused(data: bytes) -> Event | None:
    """Decode; on a SchemaError, check that its message can be stored and shown. None then."""
    try:
        return decode(data)
    except SchemaError as error:
        message = str(error)
    assert message.isprintable()
    assert len(message) < 400
    return None


@settings(deadline=None)
@given(events)
def test_an_event_survives_the_wire(event):
    assert decode(encode(event)) == event
    assert encode(decode(encode(event))) == encode(event)
    assert decode(encode(event)).occurred_at.tzinfo is UTC
    assert len(encode(event)) < 1_000


@settings(deadline=None)
@given(events)
def test_an_id_may_be_a_string_of_digits(event):
    untyped = json.loads(encode(event))

    assert decode(json.dumps(untyped | {"user_id": str(event.user_id)}).encode()) == event


@settings(deadline=None)
@given(events, st.dictionaries(st.text().map("x_".__add__), st.integers() | st.text(), max_size=5))
def test_fields_we_do_not_know_are_ignored(event, more):
    assert decode(json.dumps(json.loads(encode(event)) | more).encode()) == event


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_schema_error(data):
    with pytest.raises(SchemaError):
        decode(data)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["xp.changed", "telegram", "2026-11-22T12:00:00Z", "12345", 1, 2, 0]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    events,
    st.dictionaries(st.sampled_from([*GOOD, "v", "achievement"]), json_values, max_size=3),
    st.sets(st.sampled_from(sorted(GOOD)), max_size=1),
)
def test_any_json_is_an_event_or_a_schema_error(event, changes, removed):
    fields = json.loads(encode(event)) | changes
    data = json.dumps({name: value for name, value in fields.items() if name not in removed})

    read = read_or_refused(data.encode())

    assert read is None or decode(encode(read)) == read


@settings(deadline=None)
@given(events, st.integers(0), st.binary(min_size=1, max_size=3))
def test_a_damaged_payload_is_an_event_or_a_schema_error(event, position, damage):
    whole = encode(event)
    at = position % len(whole)

    read = read_or_refused(whole[:at] + damage + whole[at + len(damage) :])

    assert read is None or decode(encode(read)) == read


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"xp.changed"',
        b"{",
        b"\xef\xbb\xbf{}",
        payload() + payload(),
        payload().replace(b"15", b"NaN"),
        payload().replace(b"{", b'{"more": NaN, ', 1),
        payload().replace(b"{", b'{"more": "\xff", ', 1),
        payload().replace(b"67890", b"\xff"),
        payload().replace(b"67890", rb"\ud800"),
        pytest.param(
            payload().replace(b"{", b'{"more": ' + b"[" * 8_000 + b"]" * 8_000 + b", ", 1),
            marks=pytest.mark.skipif(sys.version_info >= (3, 13), reason="it follows that deep"),
        ),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_json_object_is_malformed(data):
    with pytest.raises(MalformedEvent) as caught:
        decode(data)

    assert caught.value.field is None


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (payload(v=2), GOOD["idempotency_key"]),
        (payload(delta_xp="many"), GOOD["idempotency_key"]),
        (payload(idempotency_key="a\x00b"), None),
        (payload(idempotency_key=7), None),
        (payload(v=2, more="x" * PAYLOAD_BYTES_MAX), None),
        (payload_without("idempotency_key"), None),
        (b"{", None),
    ],
)
def test_the_key_that_an_unreadable_event_claims_is_known(data, key):
    assert read_or_refused(data) is None
    assert claimed_key(data) == key


def test_no_nesting_is_too_deep_to_be_refused_or_passed_over():
    deep = b"[" * 8_000 + b"]" * 8_000

    # How deep msgspec follows an unknown field depends on the version of Python.
    read_or_refused(payload().replace(b"{", b'{"more": ' + deep + b", ", 1))
    with pytest.raises(MalformedEvent):
        decode(payload().replace(b"12345,", deep + b",", 1))


def test_a_payload_of_the_greatest_length_is_read_and_one_byte_more_is_not():
    data = payload()
    padded = data + b" " * (PAYLOAD_BYTES_MAX - len(data))

    assert decode(padded) == decode(data)
    with pytest.raises(MalformedEvent, match=f"{PAYLOAD_BYTES_MAX + 1} bytes"):
        decode(padded + b" ")


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_missing_field_is_named(field):
    with pytest.raises(MalformedEvent, match=f"^{field} is missing; expected ") as caught:
        decode(payload_without(field))

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("delta_xp", 0),
        ("delta_xp", "15"),
        ("delta_xp", 15.0),
        ("delta_xp", 10**12 + 1),
        pytest.param("delta_xp", 10**4000, id="delta_xp-of-4001-digits"),
        ("user_id", ""),
        ("user_id", "0"),
        ("user_id", "007"),
        ("user_id", "-5"),
        ("user_id", " 5"),
        ("user_id", "5\n"),
        ("user_id", "٥"),
        ("user_id", str(2**63)),
        ("user_id", 2**63),
        ("source", "Telegram"),
        ("occurred_at", "2026-11-22T12:00:00"),
        ("occurred_at", "yesterday"),
        ("occurred_at", 1_790_000_000),
        ("occurred_at", "0001-01-01T00:00:00+03:00"),
        ("type", None),
        ("type", 1),
        ("type", ["xp.changed"]),
        ("v", 0),
        ("v", "1"),
        ("v", True),
        ("v", 1.5),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(field, value):
    with pytest.raises(MalformedEvent, match=rf"^{field} ") as caught:
        decode(payload(**{field: value}))

    assert caught.value.field == field


@pytest.mark.parametrize("name", ["xp.reset", "XP.CHANGED", "", "xp.changed\n", "x" * 5_000])
def test_an_unknown_type_is_told_from_a_malformed_event(name):
    with pytest.raises(UnknownEvent, match=r"this release knows xp\.changed") as caught:
        decode(payload(type=name))

    assert caught.value.type == name
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("version", [2, 10**15])
def test_a_newer_version_asks_for_an_upgrade(version):
    """Other fields may look wrong as well: a newer version may have changed them."""
    with pytest.raises(UnsupportedVersion, match="upgrade it, then replay") as caught:
        decode(payload(v=version, delta_xp={"amount": 15}, type="xp.adjusted"))

    assert caught.value.v == version


def test_an_error_shows_a_bad_value_and_no_more_of_the_payload():
    with pytest.raises(MalformedEvent) as caught:
        decode(payload(reason="R" * 5_000, note="private"))

    assert "private" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_time_of_another_zone_is_read_as_utc():
    event = decode(payload(occurred_at="2026-11-22T15:00:00+03:00"))

    assert event == decode(payload())
    assert b'"2026-11-22T12:00:00Z"' in encode(event)


def test_an_accepted_payload_is_utf_8_throughout():
    """Storing it as text cannot fail, not even on a field that was ignored."""
    data = payload().replace(b"{", b'{"more": "\xc3\xa9", ', 1)

    assert decode(data) == decode(payload())
    with pytest.raises(MalformedEvent):
        decode(data.replace(b"\xc3\xa9", b"\xc3("))


def test_every_printable_character_of_a_given_key_survives():
    key = "".join(c for c in string.printable if c.isprintable() and c != " ")

    assert decode(payload(idempotency_key=key)).idempotency_key == key


def test_events_cannot_be_changed():
    event: Any = decode(payload())

    with pytest.raises(AttributeError, match="immutable"):
        event.delta_xp = 1
    assert isinstance(event, msgspec.Struct)
