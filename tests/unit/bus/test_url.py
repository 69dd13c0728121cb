"""The Redis URLs of Sentinel and Cluster: their meaning, and how wrong ones are refused."""

from typing import Any

import pytest
from redis.asyncio import SSLConnection
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.sentinel import SentinelManagedSSLConnection

from bus import BadRedisUrl, address, connect, connect_reader
from bus.client import COMMAND_TIMEOUT_S, CONNECTIONS_MAX, READER_TIMEOUT_S
from bus.sentinel import SENTINEL_TIMEOUT_S

SECRET = "hunter2"
SENTINEL = f"redis+sentinel://ann:{SECRET}@one:26380,two,[::1]:26382/my.master/3"
CLUSTER = f"redis+cluster://ann:{SECRET}@one:7000,[::1]"


def opened(url: str, *, reading: bool = False) -> Any:
    """A client as it is at run time: redis-py's types leave out what Sentinel and Cluster add."""
    return (connect_reader if reading else connect)(url, name="relay")


def test_sentinel_is_asked_for_the_primary_of_the_service():
    pool = opened(SENTINEL).connection_pool

    assert pool.service_name == "my.master"
    assert pool.is_master
    asked = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(one["host"], one["port"]) for one in asked] == [
        ("one", 26380),
        ("two", 26379),
        ("::1", 26382),
    ]


def test_the_primary_behind_sentinel_is_spoken_to_like_any_other_server():
    pool = opened(SENTINEL).connection_pool
    settings = pool.connection_kwargs

    assert (settings["username"], settings["password"], settings["db"]) == ("ann", SECRET, 3)
    assert (settings["client_name"], settings["protocol"]) == ("relay", 2)
    assert settings["socket_timeout"] == COMMAND_TIMEOUT_S
    assert settings["retry"].get_retries() == 0
    assert pool.max_connections == CONNECTIONS_MAX
    reading = opened(SENTINEL, reading=True).connection_pool
    assert reading.connection_kwargs["socket_timeout"] == READER_TIMEOUT_S


def test_sentinels_have_a_login_of_their_own_and_little_time():
    url = f"{SENTINEL}?sentinel_username=watcher&sentinel_password=two%2Fparts"
    for sentinel in opened(url).connection_pool.sentinel_manager.sentinels:
        settings = sentinel.connection_pool.connection_kwargs
        assert (settings["username"], settings["password"]) == ("watcher", "two/parts")
        assert settings["socket_timeout"] == SENTINEL_TIMEOUT_S
        assert settings["retry"].get_retries() == 0

    for sentinel in opened(SENTINEL).connection_pool.sentinel_manager.sentinels:
        assert sentinel.connection_pool.connection_kwargs.get("password") is None


def test_a_cluster_is_found_through_any_of_its_nodes():
    redis = connect(CLUSTER, name="relay")

    assert isinstance(redis, RedisCluster)
    assert set(redis.nodes_manager.startup_nodes) == {"one:7000", "::1:6379"}
    settings = redis.connection_kwargs
    assert (settings["username"], settings["password"]) == ("ann", SECRET)
    assert (settings["client_name"], settings["protocol"]) == ("relay", 2)
    assert settings["socket_timeout"] == COMMAND_TIMEOUT_S
    assert redis.retry.get_retries() == 0
    reading = opened(CLUSTER, reading=True)
    assert reading.connection_kwargs["socket_timeout"] == READER_TIMEOUT_S


def test_tls_reaches_sentinels_and_servers_alike():
    options = "ssl_cert_reqs=none&ssl_check_hostname=no"
    pool = opened(f"rediss+sentinel://one/twin?{options}").connection_pool
    (sentinel,) = pool.sentinel_manager.sentinels

    assert pool.connection_class is SentinelManagedSSLConnection
    assert sentinel.connection_pool.connection_class is SSLConnection
    for settings in (pool.connection_kwargs, sentinel.connection_pool.connection_kwargs):
        assert settings["ssl_cert_reqs"] == "none"
        assert settings["ssl_check_hostname"] is False

    cluster = opened(f"rediss+cluster://one?{options}")
    assert cluster.connection_kwargs["connection_class"] is SSLConnection
    assert cluster.connection_kwargs["ssl_cert_reqs"] == "none"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        (f"redis://one,two/{SECRET}", "several hosts"),
        ("redis+sentinel://one", "names the service"),
        (f"redis+sentinel://:{SECRET}@one/0/twin", "database by number"),
        (f"redis+sentinel://ann:1/{SECRET}@one/twin", "names the service"),
        (f"redis+sentinel://:{SECRET}@one,/twin", "no host"),
        (f"redis+sentinel://:{SECRET}@one:x,two/twin", "unreadable"),
        (f"redis+sentinel://one/twin?password={SECRET}", "not served"),
        (f"redis+sentinel://one/twin?ssl_keyfile={SECRET}", "not served"),
        (f"redis+cluster://:{SECRET}@one/1", "no databases"),
        (f"redis+cluster://ann:1/{SECRET}@one", "no databases"),
        (f"redis+cluster://one?sentinel_password={SECRET}", "not served"),
        (f"redis+cluster://:{SECRET}@", "no host"),
        (f"rediss+cluster://one?ssl_bogus={SECRET}", "ssl_ option"),
        (f"rediss+sentinel://one/twin?ssl_cert_reqs={SECRET}", "ssl_ option"),
        (f"redis+socket:///{SECRET}", "looks like redis://"),
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
        (SENTINEL, "redis+sentinel://one:26380,two:26379,[::1]:26382/my.master/3"),
        (f"rediss+sentinel://one/twin?sentinel_password={SECRET}", "rediss+sentinel://one:26379/twin/0"),
        (CLUSTER, "redis+cluster://one:7000,[::1]:6379"),
    ],
)  # fmt: skip
def test_the_address_for_logs_holds_no_secret(url, shown):
    assert address(url) == shown
