"""A terminal, at which commands are typed and their questions are answered, as operators do."""

import asyncio
import contextlib
import fcntl
import os
import re
import struct
import subprocess
import termios
from collections.abc import AsyncIterator, Sequence
from typing import Final

from tests.engine.errors import EngineError

#: Lines and columns: a line of our programs fits in, so that it can be looked for.
SIZE: Final = (50, 240)
INTERRUPT: Final = "\x03"
#: Text that a terminal obeys and does not show: colours, and where the cursor goes.
_CONTROLS: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])|\r")
#: Lines that an error repeats.
LINES_SHOWN: Final = 25


class Terminal:
    """A command that runs at a terminal of its own."""

    def __init__(
        self,
        line: str,
        process: asyncio.subprocess.Process,
        ours: int,
        reader: asyncio.StreamReader,
    ) -> None:
        self._line = line
        self._process = process
        self._ours = ours
        self._reader = reader
        self._said = bytearray()

    @property
    def said(self) -> str:
        """The text that it shows, without colours."""
        return _CONTROLS.sub("", self._said.decode(errors="replace"))

    @property
    def returncode(self) -> int | None:
        """The code with which it ended; None while it runs."""
        return self._process.returncode

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._ours, text.encode())

    async def until(self, pattern: str, *, timeout_s: float, after: int = 0) -> int:
        """Wait until it shows this, after that many characters; return where it ends.

        Raises:
            EngineError: it ended before, or did not show it in time.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while (found := re.compile(pattern).search(self.said, after)) is None:
                    if not await self._read():
                        raise self._failed(f"ended before it said {pattern!r}")
        except TimeoutError:
            raise self._failed(f"did not say {pattern!r} within {timeout_s:.0f} s") from None
        return found.end()

    async def ended(self, *, timeout_s: float) -> int:
        """Wait until it ends by itself, and return its code.

        Raises:
            EngineError: it did not end in time.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while await self._read():
                    pass
                return await self._process.wait()
        except TimeoutError:
            raise self._failed(f"did not end within {timeout_s:.0f} s") from None

    async def _read(self) -> bytes:
        # A terminal that its last program has left answers with an error.
        with contextlib.suppress(OSError):
            part = await self._reader.read(1 << 16)
            self._said += part
            return part
        return b""

    def _failed(self, what: str) -> EngineError:
        shown = "\n".join(self.said.splitlines()[-LINES_SHOWN:])
        return EngineError(f"`{self._line}` {what}:\n{shown}")


@contextlib.asynccontextmanager
async def open_terminal(line: str, command: Sequence[str]) -> AsyncIterator[Terminal]:
    """Run a command at a terminal, and kill it if it runs when the block ends; `line` names it."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT
        )
    finally:
        os.close(theirs)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(ours), "rb", 0)
    )
    try:
        yield Terminal(line, process, ours, reader)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        transport.close()
        os.close(ours)
