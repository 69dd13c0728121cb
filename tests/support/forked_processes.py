"""Processes of ours that are forked from an interpreter which has imported their libraries.

They are processes in every respect that a test can see, except that none imports its libraries:
tests of that start `sys.executable`.
"""

import asyncio
import atexit
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from tests.support.process_server import Request

CHECKOUT: Final = Path(__file__).resolve().parents[2]
#: Seconds within which the server ends once it is told to, and a pipe once its process has ended.
END_S: Final = 10
#: Whether processes can be forked here. `coverage` measures a process from its start.
IS_POSSIBLE: Final = hasattr(os, "pidfd_open") and "COVERAGE_PROCESS_CONFIG" not in os.environ


class ForkedProcess:
    """The part of `asyncio.subprocess.Process` that tests use."""

    def __init__(self, pid: int, news: IO[bytes], pipes: Mapping[int, "_Pipe"]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = pipes[1].reader if 1 in pipes else None
        self.stderr = pipes[2].reader if 2 in pipes else None
        self._waiting = asyncio.create_task(
            self._wait(news, [one.closed for one in pipes.values()])
        )

    async def _wait(self, news: IO[bytes], closed: list[asyncio.Future[None]]) -> int:
        loop = asyncio.get_running_loop()
        is_there = asyncio.Event()
        with news:  # also where a test ends before its process
            loop.add_reader(news, is_there.set)
            try:
                await is_there.wait()
            finally:
                loop.remove_reader(news)
            self.returncode = int(news.readline())
        if closed:
            await asyncio.wait(closed, timeout=END_S)
        return self.returncode

    async def wait(self) -> int:
        """Return the exit code once the process has ended."""
        return await asyncio.shield(self._waiting)

    def send_signal(self, number: int) -> None:
        """Send a signal; as in asyncio, a process that is known to have ended is an error."""
        if self.returncode is not None:
            raise ProcessLookupError
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to end (SIGTERM)."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process (SIGKILL)."""
        self.send_signal(signal.SIGKILL)


class _Pipe(asyncio.StreamReaderProtocol):
    """The end of a pipe that is read: it closes once the pipe ends."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self.reader = reader
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def eof_received(self) -> bool:
        super().eof_received()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if not self.closed.done():
            self.closed.set_result(None)


async def start_forked(
    program: str,
    *arguments: str,
    environ: Mapping[str, str],
    folder: Path = CHECKOUT,
    stdout: int | None = None,
    stderr: int | None = None,
) -> ForkedProcess:
    """Start a module, or a file by its path; a stream is inherited, PIPE or DEVNULL."""
    request = Request(program, list(arguments), dict(environ), str(folder))
    news, reading = _sent(request, {1: stdout, 2: stderr})
    pid = await asyncio.to_thread(news.readline)
    return ForkedProcess(int(pid), news, {n: await _read(pipe) for n, pipe in reading.items()})


def run_forked(
    program: str, *arguments: str, environ: Mapping[str, str], folder: Path = CHECKOUT
) -> subprocess.CompletedProcess[str]:
    """Run a module, or a file by its path, to its end; return what it wrote."""
    request = Request(program, list(arguments), dict(environ), str(folder))
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        with contextlib.ExitStack() as given:
            news, report = _pipe(given)
            _send(request, output.fileno(), errors.fileno(), report)
        with news:
            _, code = news
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(
            [program, *arguments], int(code), output.read(), errors.read()
        )


def _sent(
    request: Request, streams: Mapping[int, int | None]
) -> tuple[IO[bytes], dict[int, IO[bytes]]]:
    """Send a request; return the pipe of its answers, and those of the streams of the process."""
    reading: dict[int, IO[bytes]] = {}
    writing: dict[int, int] = {}
    with contextlib.ExitStack() as given:
        for number, wanted in streams.items():
            if wanted == subprocess.PIPE:
                reading[number], writing[number] = _pipe(given)
            elif wanted == subprocess.DEVNULL:
                writing[number] = given.enter_context(Path(os.devnull).open("wb")).fileno()
            else:
                writing[number] = number
        news, report = _pipe(given)
        _send(request, writing[1], writing[2], report)
    return news, reading


def _pipe(given: contextlib.ExitStack) -> tuple[IO[bytes], int]:
    """Return both ends of a pipe; the end for writing is closed here once it is given away."""
    reading, writing = os.pipe()
    given.callback(os.close, writing)
    # Unbuffered: what is not read yet is seen by the event loop.
    return os.fdopen(reading, "rb", buffering=0), writing


async def _read(pipe: IO[bytes]) -> _Pipe:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.connect_read_pipe(lambda: _Pipe(asyncio.StreamReader()), pipe)
    return protocol


def _send(request: Request, output: int, errors: int, report: int) -> None:
    message = json.dumps(request._asdict()).encode()
    with Path(os.devnull).open("rb") as nothing:
        socket.send_fds(_server(), [message], [nothing.fileno(), output, errors, report])


@functools.cache
def _server() -> socket.socket:
    """Start the server on first use; it ends with this process."""
    requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.process_server"],
            cwd=CHECKOUT,
            stdin=theirs.fileno(),
        )
    atexit.register(_end, requests, server)
    return requests


def _end(requests: socket.socket, server: "subprocess.Popen[bytes]") -> None:
    requests.close()
    server.wait(END_S)
