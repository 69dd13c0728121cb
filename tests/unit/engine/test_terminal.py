"""The terminal at which the engine test types the commands of the pages."""

import signal
import sys

import pytest

from tests.engine.errors import EngineError
from tests.engine.terminal import open_terminal
from tests.support.patience import PATIENCE_S

#: Asks as programs ask for a password: what was typed before the question does not count.
ASKS = """
import sys, termios
print("\\x1b[31mred\\x1b[0m")
termios.tcflush(0, termios.TCIFLUSH)
print(f"It has {len(input('New password: '))} letters."); sys.exit(3)
"""


async def test_a_question_is_answered_and_the_code_returned():
    async with open_terminal("ask", [sys.executable, "-c", ASKS]) as terminal:
        await terminal.until("New password: ", timeout_s=PATIENCE_S)
        terminal.type("secret\n")
        code = await terminal.ended(timeout_s=PATIENCE_S)

    assert code == 3
    assert terminal.said.startswith("red\n")
    assert "It has 6 letters.\n" in terminal.said


async def test_a_command_that_does_not_ask_is_told_with_what_it_said():
    async with open_terminal("echo", ["echo", "nothing to ask"]) as terminal:
        with pytest.raises(EngineError, match=r"(?s)`echo` ended before .*nothing to ask"):
            await terminal.until("password", timeout_s=PATIENCE_S)


async def test_a_command_that_goes_on_ends_with_the_block():
    async with open_terminal("cat", ["sh", "-c", "echo $$; exec cat"]) as terminal:
        await terminal.until(r"\d+\n", timeout_s=PATIENCE_S)
        with pytest.raises(EngineError, match="`cat` did not end within 0 s"):
            await terminal.ended(timeout_s=0.05)

    assert terminal.returncode == -signal.SIGKILL
