"""Metrics for Prometheus: a process with a configured port answers GET /metrics on it."""

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import prometheus_client

from .errors import ConfigError
from .settings import Settings

#: Seconds for one request, from its connection to its answer. Prometheus waits 10 s by default, and
#: an answer takes milliseconds.
REQUEST_S_MAX: Final = 10.0
#: Connections at a time. Each costs a thread and a descriptor of the process that does the work,
#: and one Prometheus keeps one or two open.
CONNECTIONS_MAX: Final = 16


@contextlib.contextmanager
def metrics(settings: Settings, *, offset: int = 0) -> Iterator[None]:
    """Serve this process's metrics during the block; without a port, do nothing.

    The port is TWINSTREAM_METRICS_PORT plus `offset`, so that the processes of one machine can
    share their settings. A thread of its own answers, so a busy event loop delays no answer. A
    connection that sends no whole request within REQUEST_S_MAX is closed, and so is each one beyond
    CONNECTIONS_MAX.

    Raises:
        ConfigError: the port cannot be used.
    """
    if settings.twinstream_metrics_port is None:
        yield
        return
    host, port = settings.twinstream_metrics_host, settings.twinstream_metrics_port + offset
    try:
        server = _listen(host, port)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"metrics cannot be served on {host}:{port} ({error}): choose another"
            " TWINSTREAM_METRICS_PORT, or leave it out"
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listen(host: str, port: int) -> "_Server":
    family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    server = type("_FamilyServer", (_Server,), {"address_family": family})
    return make_server(
        host, port, prometheus_client.make_wsgi_app(), server_class=server, handler_class=_Handler
    )


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each connection in a thread of its own, and refuses more than CONNECTIONS_MAX."""

    daemon_threads = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(*arguments, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin an answer, or close the connection at once if too many are open."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer within REQUEST_S_MAX, however slowly the other side sends."""
        cut = threading.Timer(REQUEST_S_MAX, _cut, (request,))
        cut.daemon = True
        cut.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            cut.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that the other side broke, or that was cut."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        """Log no request."""


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)
