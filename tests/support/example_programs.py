"""The example programs of aiogram and discord.py, each run as it is in a process of its own."""

import asyncio
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from sandbox import Transcript
from tests.support.patience import PATIENCE_S

START = Path(__file__).with_name("example_start.py")
#: Names the folder `examples` of a checkout of discord.py, whose release leaves it out.
DISCORD_EXAMPLES = "TWINSTREAM_DISCORD_EXAMPLES"
#: Seconds until a program speaks: aiogram's whole import takes ten on one busy core.
START_WITHIN_S = 4 * PATIENCE_S


def aiogram_examples(into: Path) -> Path:
    """The folder of examples in the source of the installed release, which pip fetches.

    Where pip cannot reach it, skip the test.
    """
    release = f"aiogram=={version('aiogram')}"
    try:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--no-binary",
                "aiogram",
                "--no-deps",
                release,
            ],
            cwd=into,
            capture_output=True,
            check=True,
            timeout=PATIENCE_S * 2,
        )
    except subprocess.SubprocessError as error:
        pytest.skip(f"pip cannot fetch the source of {release}: {error}")
    [archive] = into.glob("aiogram-*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(into, filter="data")
    return into / archive.name.removesuffix(".tar.gz") / "examples"


def discord_examples() -> Path:
    """The folder of examples that DISCORD_EXAMPLES names; without one, skip the test."""
    named = os.environ.get(DISCORD_EXAMPLES)
    if named is None:
        pytest.skip(f"{DISCORD_EXAMPLES} names no folder; the release of discord.py has none")
    return Path(named)


def filled_in(program: Path, into: Path, values: Mapping[str, str]) -> Path:
    """A copy of a program with ids in place of those which its author left to the reader."""
    text = program.read_text()
    for blank, value in values.items():
        assert blank in text, f"{program.name} has no {blank!r}"
        text = text.replace(blank, value)
    copy = into / program.name
    copy.write_text(text)
    return copy


async def first_call(
    process: asyncio.subprocess.Process, transcript: Transcript, name: str
) -> None:
    """Return once the program has made this call, or the sandbox has sent it this event."""
    heard = asyncio.create_task(
        transcript.wait_for(lambda call: call.name == name, timeout=START_WITHIN_S)
    )
    ended = asyncio.create_task(process.wait())
    await asyncio.wait({heard, ended}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if not heard.done():
        heard.cancel()
        pytest.fail(f"the program ended by itself with {process.returncode}")
    await heard


@asynccontextmanager
async def running(
    library: str, addresses: list[str], program: Path, *arguments: str, output: Path, token: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program in a process; what it printed stands in `output`. It must not end by itself."""
    command = [sys.executable, str(START), library, *addresses, str(program), *arguments]
    environment = os.environ | {"BOT_TOKEN": token, "PYTHONUNBUFFERED": "1"}
    with output.open("wb") as printed:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=printed, stderr=subprocess.STDOUT
        )
    try:
        yield process
    except BaseException as error:
        error.add_note(await asyncio.to_thread(output.read_text))
        raise
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
