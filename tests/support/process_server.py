"""Starts processes of ours by a fork: an interpreter that has imported their libraries.

`python -m consumers` takes half a second of the processor to import its libraries, and a run of
the tests starts it and its commands some hundred times. A copy of this interpreter begins where
such a process is once they are imported: the module runs as `__main__`, with arguments, an
environment, a folder and standard files of its own.

A request comes on the socket that is the standard input: a message, and four file descriptors. They
become the standard input, output and error of the process; the fourth one is a pipe. The server
writes two lines to it: the id of the process, and its return code once it has ended. The server
ends with the socket.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

#: Bytes of a request: an environment takes ten thousand.
REQUEST_BYTES_MAX: Final = 1 << 17
DESCRIPTORS: Final = 4

_CONSUMERS: Final = (
    *("consumers.__main__", "consumers.cli", "consumers.settling.role"),
    *("consumers.relay.role", "consumers.cleanup.role", "consumers.reconcile"),
)
#: The modules that the server imports before a fork where this word is the module of the process,
#: its file, or an argument. The process imports all others.
LIBRARIES: Final = {
    "consumers": _CONSUMERS,
    "tests.support.lethal_consumers": _CONSUMERS,
    "discord-roles": ("consumers.display.discord_roles.roles",),
    "telegram-tags": ("consumers.display.telegram_tags.tags",),
    "bots.discord_bot": ("bots.discord_bot.app",),
    "bots.telegram_bot": ("bots.telegram_bot.app",),
    "launch": ("launch.__main__",),
    "sandbox": ("sandbox.__main__",),
    "bot.py": ("aiogram", "asyncpg"),
    "game.py": ("psycopg",),
    "shop.py": ("psycopg", "django.db.backends.postgresql.base"),
}
#: These import aiogram, which `telegram_library` has to import first.
WITH_AIOGRAM: Final = ("telegram-tags", "bots.telegram_bot", "bot.py")


class Request(NamedTuple):
    """A process that is to be started; the program is a module, or the path of a file."""

    program: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str


class _Child(NamedTuple):
    """A process that runs, and the pipe that its return code is written to."""

    pid: int
    report: int


def serve(requests: socket.socket) -> Request | None:
    """Start processes until the socket ends. In each new process it returns the request."""
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.data is not None:
                    selector.unregister(key.fd)
                    _report_end(key.data, key.fd)
                    continue
                message, descriptors, _, _ = socket.recv_fds(
                    requests, REQUEST_BYTES_MAX, DESCRIPTORS
                )
                if not message:
                    requests.close()
                    return None
                request = Request(**json.loads(message))
                if _forks(request, descriptors, selector):
                    requests.close()
                    return request


def _forks(request: Request, descriptors: list[int], selector: selectors.BaseSelector) -> bool:
    """Start a process; returns whether this is the new one."""
    _import_libraries(request)
    *standard, report = descriptors
    gc.freeze()  # a collection in the new process would copy the memory of everything imported
    if pid := os.fork():
        for descriptor in standard:
            os.close(descriptor)
        os.write(report, b"%d\n" % pid)
        selector.register(os.pidfd_open(pid), selectors.EVENT_READ, _Child(pid, report))
        return False
    for key in list(selector.get_map().values()):
        if key.data is not None:
            os.close(key.fd)
            os.close(key.data.report)
    os.close(report)
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    return True


def _import_libraries(request: Request) -> None:
    named = (Path(request.program).name, *request.arguments)
    words = [word for word in named if word in LIBRARIES]
    if any(word in WITH_AIOGRAM for word in words):
        importlib.import_module("config.telegram_library").load()
    for word in words:
        for library in LIBRARIES[word]:
            importlib.import_module(library)


def _report_end(child: _Child, pidfd: int) -> None:
    _, status = os.waitpid(child.pid, 0)
    os.close(pidfd)
    with contextlib.suppress(BrokenPipeError):  # the test is over
        os.write(child.report, b"%d\n" % os.waitstatus_to_exitcode(status))
    os.close(child.report)


def become(request: Request) -> None:
    """Run the program of the request as `python -m` or `python` does."""
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    os.chdir(request.folder)
    sys.argv = [request.program, *request.arguments]
    if request.program.endswith(".py"):
        sys.path[0] = str(Path(request.program).parent)
        sys.path[1:1] = filter(None, request.environment.get("PYTHONPATH", "").split(os.pathsep))
        runpy.run_path(request.program, run_name="__main__")
        return
    sys.modules.pop(f"{request.program}.__main__", None)  # it is run, under the name `__main__`
    runpy.run_module(request.program, run_name="__main__", alter_sys=True)


def _begin() -> Any:
    # Descriptor 0 becomes the standard input of processes: the socket moves out of the way.
    requests = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device, not a file
        os.dup2(nothing.fileno(), 0)
    return serve(requests)


if __name__ == "__main__" and (request := _begin()) is not None:
    become(request)
