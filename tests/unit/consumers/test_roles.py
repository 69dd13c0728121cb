"""Which roles run, and which settings they need."""

import pytest

from config import ConfigError
from consumers.runtime.roles import ROLES, chosen, needed_settings


def test_all_roles_run_if_none_is_named():
    assert chosen([]) == list(ROLES)


def test_a_role_named_twice_runs_once():
    assert chosen(["relay", "to-discord", "relay"]) == ["relay", "to-discord"]


def test_an_unknown_role_is_refused_with_the_names_of_all():
    with pytest.raises(ConfigError, match=r"no role to-mars; the roles are to-discord, .*relay"):
        chosen(["relay", "to-mars"])


def test_a_role_asks_for_no_more_than_it_needs():
    assert needed_settings(["relay"]) == ["redis_url", "database_url"]
    assert needed_settings(["relay", "discord-roles"]) == [
        "redis_url",
        "database_url",
        "discord_token",
    ]
