"""Redis URLs: which are accepted, how the others are refused, and that no secret is quoted."""

from typing import Any

import pytest
from redis.asyncio import UnixDomainSocketConnection

from bus import BadRedisUrl, address, connect, connect_reader
from bus.client import BLOCK_MS_MAX, COMMAND_TIMEOUT_S, READER_TIMEOUT_S
from bus.tls import TlsConnection

SECRET = "hunter2"


def settings_of(client) -> dict:
    return client.connection_pool.connection_kwargs


def test_every_setting_that_redis_py_would_choose_for_us_is_made_here():
    settings = settings_of(connect("redis://localhost:7000/3", name="relay"))

    assert (settings["host"], settings["port"], settings["db"]) == ("localhost", 7000, 3)
    assert settings["client_name"] == "relay"
    assert settings["protocol"] == 2
    assert settings["decode_responses"] is False
    assert settings["socket_timeout"] == COMMAND_TIMEOUT_S
    assert settings["retry"].get_retries() == 0


def test_a_reader_waits_for_an_answer_longer_than_the_longest_block():
    settings = settings_of(connect_reader("redis://localhost", name="reader"))

    assert settings["socket_timeout"] == READER_TIMEOUT_S > BLOCK_MS_MAX / 1_000


@pytest.mark.parametrize(
    ("url", "connection_class"),
    [
        ("rediss://cache.example/0?ssl_cert_reqs=none", TlsConnection),
        ("unix:///run/redis.sock?db=2", UnixDomainSocketConnection),
    ],
)
def test_tls_and_sockets_are_served(url, connection_class):
    client: Any = connect(url, name="any")
    assert client.connection_pool.connection_class is connection_class


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        (f"{SECRET}", "looks like redis://"),
        (f"localhost:6379/{SECRET}", "looks like redis://"),
        (f"http://:{SECRET}@localhost", "looks like redis://"),
        (f"redis://:{SECRET}@", "no host"),
        (f"redis://:{SECRET}@localhost:port", "unreadable"),
        (f"redis://:{SECRET}@localhost:99999", "unreadable"),
        (f"redis://:{SECRET}@[::1", "unreadable"),
        (f"redis://:{SECRET}#@localhost:6379", "unreadable"),
        (f"redis://user:1/{SECRET}@localhost:6379", "database by number"),
        (f"redis://:{SECRET}@localhost/zero", "database by number"),
        (f"redis://:{SECRET}@localhost#{SECRET}", "bare #"),
        (f"redis://localhost?password={SECRET}", "not served"),
        (f"redis://localhost?{SECRET}", "not served"),
        ("redis://localhost?decode_responses=yes", "not served"),
        ("rediss://localhost?socket_timeout=1", "not served"),
        (f"rediss://localhost?ssl_bogus={SECRET}", "ssl_ option"),
        (f"rediss://localhost?ssl_cert_reqs={SECRET}", "ssl_ option"),
        (f"unix://?password={SECRET}", "path of a socket"),
    ],
)
def test_a_bad_url_is_explained_in_a_sentence_that_keeps_the_password(url, hint):
    with pytest.raises(BadRedisUrl, match=hint) as caught:
        connect(url, name="any")

    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://user:{SECRET}@cache.example:7000/3", "redis://cache.example:7000/3"),
        ("redis://cache.example", "redis://cache.example:6379/0"),
        (f"rediss://:{SECRET}@[::1]/", "rediss://[::1]:6379/0"),
        (f"unix:///run/redis.sock?password={SECRET}", "unix:///run/redis.sock"),
    ],
)
def test_the_address_for_logs_holds_no_secret(url, shown):
    assert address(url) == shown
