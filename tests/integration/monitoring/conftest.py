"""Deployments that a real Prometheus judges by the rules of deploy/."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from launch.servers import Server, start_redis
from tests.support.monitored_deployment import Deploy, MonitoredDeployment, monitored_deployment
from tests.support.prometheus import prometheus_binary


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    with start_redis(tmp_path / "redis", persistent=False) as server:
        yield server


@pytest.fixture
def deploy(
    request: pytest.FixtureRequest, own_redis: Server, database_url: str, tmp_path: Path
) -> Deploy:
    binary = prometheus_binary()
    if binary is None:
        pytest.skip("there is no prometheus on this machine (Debian: apt install prometheus)")
    marker = request.node.get_closest_marker("alerts")
    promised = set(marker.args) if marker else set()

    @asynccontextmanager
    async def deployed(**chosen: Any) -> AsyncIterator[MonitoredDeployment]:
        servers = {"redis_url": own_redis.url, "database_url": database_url}
        async with monitored_deployment(binary, tmp_path, **{**servers, **chosen}) as scene:
            yield scene
            assert promised <= scene.prometheus.fired, "marked with an alert that did not fire"
            assert promised <= scene.prometheus.ended, "marked with an alert that did not end"

    return deployed


@pytest.fixture
async def scene(deploy: Deploy) -> AsyncIterator[MonitoredDeployment]:
    async with deploy() as scene:
        yield scene
