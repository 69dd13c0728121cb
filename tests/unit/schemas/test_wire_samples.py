"""The wire is a contract: samples of every version stay readable, and the schema accepts them.

Files in tests/wire are never edited, only added.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from bus import Keys
from schemas import (
    PAYLOAD_BYTES_MAX,
    SOURCES,
    VERSION,
    AchievementUnlocked,
    BalanceChanged,
    Event,
    XpChanged,
    decode,
    encode,
    json_schema,
)
from tests.support.event_strategies import events

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "tests" / "wire").glob("*.json"))
EVENING = datetime(2026, 11, 22, 18, 30, 15, 250_000, tzinfo=UTC)

EXPECTED: dict[str, Event] = {
    "xp_changed.v1": XpChanged(
        idempotency_key="tg_game_guess_12345_67890",
        source="telegram",
        user_id=12345,
        delta_xp=15,
        reason="game_guess",
        entity_id="67890",
        occurred_at=EVENING,
    ),
    "xp_changed.v1.foreign_key": XpChanged(
        idempotency_key="quizbot/round/8841?winner=1",
        source="telegram",
        user_id=12345,
        delta_xp=-3,
        reason="quiz",
        entity_id="round:8841",
        occurred_at=EVENING.replace(microsecond=0),
    ),
    "xp_changed.v1.display_name": XpChanged(
        idempotency_key="tg_dig_12345_1",
        source="telegram",
        user_id=12345,
        delta_xp=5,
        reason="dig",
        entity_id="1",
        occurred_at=EVENING,
        display_name='Аня "A" 🚀',
    ),
    "balance_changed.v1": BalanceChanged(
        idempotency_key="dc_shop.balance_80351110224678912_order-7",
        source="discord",
        user_id=80351110224678912,
        delta_balance=-250,
        reason="shop",
        entity_id="order-7",
        occurred_at=EVENING,
    ),
    "balance_changed.v1.id_as_string": BalanceChanged(
        idempotency_key="dc_daily.balance_9223372036854775807_2026-11-22",
        source="discord",
        user_id=2**63 - 1,
        delta_balance=10**12,
        reason="daily",
        entity_id="2026-11-22",
        occurred_at=datetime(2026, 11, 22, tzinfo=UTC),
    ),
    "achievement_unlocked.v1": AchievementUnlocked(
        idempotency_key="tg_achievement.first_win_12345",
        source="telegram",
        user_id=12345,
        achievement="first_win",
        reason="achievement",
        entity_id="first_win",
        occurred_at=EVENING,
    ),
    "achievement_unlocked.v1.unknown_fields": AchievementUnlocked(
        idempotency_key="dc_achievement.night_owl_424242",
        source="discord",
        user_id=424242,
        achievement="night_owl",
        reason="achievement",
        entity_id="night_owl",
        occurred_at=datetime(2026, 11, 22, 4, tzinfo=UTC) - timedelta(microseconds=1),
    ),
}

validator = jsonschema.Draft202012Validator(json_schema())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_still_means_what_it_meant(sample):
    assert decode(sample.read_bytes()) == EXPECTED[sample.stem]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_satisfies_the_published_schema(sample):
    validator.validate(json.loads(sample.read_bytes()))


def test_every_event_has_a_sample_of_every_version_as_we_write_it():
    names = {
        f"{event.__struct_config__.tag.replace('.', '_')}.v{version}"
        for event in get_args(Event)
        for version in range(1, VERSION + 1)
    }

    assert names <= {sample.stem for sample in SAMPLES} == EXPECTED.keys()
    for name in names:
        newest = name.endswith(f".v{VERSION}")
        written = (ROOT / "tests" / "wire" / f"{name}.json").read_bytes()
        assert not newest or encode(EXPECTED[name]) + b"\n" == written


@settings(deadline=None)
@given(events)
def test_every_event_satisfies_the_published_schema(event):
    validator.validate(json.loads(encode(event)))


def test_the_published_schema_is_itself_a_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    ("field", "value"),
    [("delta_xp", 0), ("user_id", 0), ("user_id", "0"), ("reason", "No"), ("source", "irc")],
)
def test_the_published_schema_refuses_what_we_refuse(field, value):
    sample = json.loads(encode(EXPECTED["xp_changed.v1"]))

    with pytest.raises(jsonschema.ValidationError):
        validator.validate(sample | {field: value})


def test_the_schema_in_docs_is_the_one_the_code_makes():
    """When this fails: python -m schemas > docs/events.schema.json"""
    made = subprocess.run(
        [sys.executable, "-m", "schemas"], cwd=ROOT, check=True, capture_output=True, timeout=30
    ).stdout

    assert (ROOT / "docs" / "events.schema.json").read_bytes() == made


def test_the_examples_in_the_docs_are_events():
    lines = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8").splitlines()
    examples = [line for line in lines if line.strip().startswith('{"type"')]
    commands = [line.split("* e ")[1] for line in lines if line.startswith("XADD")]

    assert len(examples) >= len(get_args(Event))
    assert commands
    for text in [*examples, *(command.strip().strip("'") for command in commands)]:
        decode(text.encode())


def test_the_asyncapi_document_names_our_streams_and_events():
    document = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"))
    schema = json_schema()
    keys = Keys()

    channels = {source: channel["address"] for source, channel in document["channels"].items()}
    assert channels == {source: keys.stream(source) for source in SOURCES}
    assert str(PAYLOAD_BYTES_MAX) in document["info"]["description"]
    messages = document["components"]["messages"]
    assert {message["name"]: message["payload"]["$ref"] for message in messages.values()} == {
        tag: f"events.schema.json{reference}"
        for tag, reference in schema["discriminator"]["mapping"].items()
    }
    for channel in document["channels"].values():
        assert channel["messages"] == {
            name: {"$ref": f"#/components/messages/{name}"} for name in messages
        }
