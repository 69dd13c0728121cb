"""Metrics for Prometheus: a process with a configured port answers GET /metrics on it."""

import contextlib
from collections.abc import Iterator

import prometheus_client

from .errors import ConfigError
from .settings import Settings


@contextlib.contextmanager
def metrics(settings: Settings, *, offset: int = 0) -> Iterator[None]:
    """Serve this process's metrics during the block; without a port, do nothing.

    The port is TWINSTREAM_METRICS_PORT plus `offset`, so that the processes of one machine can
    share their settings. A thread of its own answers, so a busy event loop delays no answer.

    Raises:
        ConfigError: the port cannot be used.
    """
    if settings.twinstream_metrics_port is None:
        yield
        return
    host, port = settings.twinstream_metrics_host, settings.twinstream_metrics_port + offset
    try:
        server, thread = prometheus_client.start_http_server(port, addr=host)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"metrics cannot be served on {host}:{port} ({error}): choose another"
            " TWINSTREAM_METRICS_PORT, or leave it out"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
