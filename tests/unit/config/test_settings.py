"""The environment: its settings, and how its mistakes are reported."""

import re
from pathlib import Path

import pytest

from config import ConfigError, Settings

COMPOSE_ONLY = {
    "POSTGRES_PASSWORD",
    "POSTGRES_TELEGRAM_PASSWORD",
    "POSTGRES_DISCORD_PASSWORD",
    "POSTGRES_CONSUMERS_PASSWORD",
    "POSTGRES_TO_DISCORD_PASSWORD",
    "POSTGRES_TO_TELEGRAM_PASSWORD",
    "REDIS_TELEGRAM_PASSWORD",
    "REDIS_DISCORD_PASSWORD",
    "REDIS_CONSUMERS_PASSWORD",
    "REDIS_OPERATOR_PASSWORD",
    "REDIS_TO_DISCORD_PASSWORD",
    "REDIS_TO_TELEGRAM_PASSWORD",
    "POSTGRES_PORT",
    "REDIS_PORT",
}


def test_an_empty_environment_means_the_real_platforms() -> None:
    settings = Settings.from_env({})

    assert settings.telegram_api_base == "https://api.telegram.org"
    assert settings.discord_api_base == "https://discord.com/api/v10"
    assert settings.discord_gateway_url == "wss://gateway.discord.gg/"
    assert settings.redis_url is None


def test_an_empty_variable_counts_as_unset() -> None:
    settings = Settings.from_env({"TELEGRAM_API_BASE": "", "REDIS_URL": "  "})

    assert settings.telegram_api_base == "https://api.telegram.org"
    assert settings.redis_url is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TELEGRAM_TOKN", "TELEGRAM_TOKEN"),
        ("DISCORD_TOKENS", "DISCORD_TOKEN"),
        ("REDIS_URI", "REDIS_URL"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("ELEGRAM_TOKEN", "TELEGRAM_TOKEN"),
        ("TWINSTREAM_CONFG", "TWINSTREAM_CONFIG"),
    ],
)
def test_a_misspelt_variable_stops_the_start(name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is not one of ours; did you mean {meant}"):
        Settings.from_env({name: "x"})


def test_an_unknown_variable_of_our_own_prefix_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="TWINSTREAM_COLOUR is not one of ours"):
        Settings.from_env({"TWINSTREAM_COLOUR": "red"})


def test_variables_of_other_programs_are_left_alone() -> None:
    Settings.from_env(
        {"REDIS_HOST": "x", "DISCORD_WEBHOOK": "x", "TELEGRAM_CHAT": "x", "HOME": "/"}
    )


def test_a_near_miss_beside_the_right_variable_belongs_to_another_program() -> None:
    Settings.from_env({"REDIS_URL": "redis://x", "REDIS_URLS": "a,b"})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TWINSTREAM_CONSUMER_SLOT", "two", "TWINSTREAM_CONSUMER_SLOT must be a whole number"),
        (
            "TWINSTREAM_CONSUMER_SLOT",
            "0",
            "TWINSTREAM_CONSUMER_SLOT must be a whole number, at least 1",
        ),
        ("TWINSTREAM_LOG_LEVEL", "loud", "TWINSTREAM_LOG_LEVEL is 'loud', but it must be one of"),
        ("TWINSTREAM_LOG_FORMAT", "xml", "TWINSTREAM_LOG_FORMAT is 'xml', but it must be one of"),
    ],
)
def test_an_unfit_value_is_reported_with_its_variable(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        Settings.from_env({name: value})


def test_secrets_do_not_show() -> None:
    settings = Settings.from_env(
        {
            "TELEGRAM_TOKEN": "42:SECRET",
            "DISCORD_TOKEN": "SECRET",
            "REDIS_URL": "redis://:SECRET@host",
            "DATABASE_URL": "postgresql://u:SECRET@host/db",
        }
    )

    assert "SECRET" not in repr(settings)
    assert "SECRET" not in str(settings)


def test_all_missing_settings_are_reported_at_once_with_their_origins() -> None:
    with pytest.raises(ConfigError) as refusal:
        Settings.from_env({}).require("telegram_token", "discord_token")

    assert "TELEGRAM_TOKEN is not set" in str(refusal.value)
    assert "@BotFather" in str(refusal.value)
    assert "DISCORD_TOKEN is not set" in str(refusal.value)


def test_the_example_lists_every_variable_with_its_default(checkout: Path) -> None:
    example = (checkout / ".env.example").read_text()
    listed = dict(re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", example, flags=re.MULTILINE))

    files = set(Settings.file_variables())
    assert files <= set(listed)
    assert set(listed) - COMPOSE_ONLY - files == set(Settings.variables())
    defaults = Settings()
    for name in Settings.variables():
        default = getattr(defaults, name.lower())
        assert listed[name] == ("" if default is None else str(default)), name
