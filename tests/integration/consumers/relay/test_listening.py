"""DATABASE_LISTEN_URL is read as carefully as DATABASE_URL: it has a password as well."""

from dataclasses import replace

import msgspec
import pytest
from structlog.testing import capture_logs

from config import ConfigError
from consumers.relay.role import open_role
from db.sessions.notifications import listening
from tests.support.settling import until


async def test_a_mistyped_address_to_listen_at_is_refused_without_its_password(resources):
    mistyped = "postgresql://me:correct/horse@127.0.0.1/name"
    settings = msgspec.structs.replace(resources.settings, database_listen_url=mistyped)

    with pytest.raises(ConfigError, match="DATABASE_LISTEN_URL cannot be read") as refused:
        async with open_role(replace(resources, settings=settings)):
            pass

    assert "horse" not in str(refused.value)


async def test_an_unfit_option_of_the_address_is_told_once_without_the_address():
    url = "postgresql://me:correct-horse@127.0.0.1:1/name?sslmode=sometimes"
    with capture_logs() as logs:
        async with listening(url, setting="DATABASE_LISTEN_URL"):

            async def is_told() -> bool:
                return bool(logs)

            await until(is_told, what="the line about the option")

    [line] = logs
    assert line["event"] == "notifications.delayed"
    assert line["why"].startswith("DATABASE_LISTEN_URL cannot be read: an option after its ?")
    assert "correct-horse" not in str(line)
