"""simcord, which also imitates Discord, is asked the same: every difference is known and judged."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.discord_probes import PROBES_COUNT, Place, outcomes
from tests.support.discord_sandbox import (
    ALICE,
    BOOSTER,
    BOT_ROLE,
    GENERAL,
    GUILD,
    MODERATOR,
    NEWCOMER,
    UNLIMITED,
    VERA,
    Bench,
    connected,
    listening,
    new_bench,
)
from tests.support.patience import PATIENCE_S
from tests.support.simcord_program import RIGHTS

pytest_plugins = ["tests.support.discord_sandbox"]

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = CHECKOUT / "tests/support/simcord_program.py"
SIMCORD = "simcord==3.2.1"
GRANTED = "ok"

# Rows of the table in docs/sandbox-discord.md: what was asked for, as the page puts it; what the
# sandbox and what simcord answered; the requests that the row is about.
DIFFERENCES: list[tuple[str, str, str, tuple[str, ...]]] = [
    (
        "a message without anything, or of blanks",
        "400 50006",
        "400 50035",
        ("a message without anything", "a message of blanks"),
    ),
    ("an edit that leaves a message empty", "400 50006", GRANTED, ("an edit to nothing",)),
    (
        (
            "an embed without content, a field without value, a nonce of 26, a reply to a message"
            " that is not there"
        ),
        "400 50035",
        GRANTED,
        (
            "an embed without content",
            "a field without value",
            "a nonce of 26",
            "a reply to nothing",
        ),
    ),
    (
        (
            "pages of 0 or 101 messages, 8 days of messages deleted with a ban,"
            " slow mode of 21,601 s, a reason of 513 characters, a nickname of 33, a timeout of"
            " 29 days"
        ),
        "400 50035",
        GRANTED,
        (
            "a page of 101 messages",
            "a page of 0 messages",
            "messages of 8 days deleted with a ban",
            "slow mode of 21,601 s",
            "a reason of 513",
            "a nickname of 33",
            "a timeout of 29 days",
        ),
    ),
    (
        "a role's name of 101 characters, a channel without a name, a thread's name of 101",
        "400 50035",
        GRANTED,
        ("a role's name of 101", "a channel without name", "a thread's name of 101"),
    ),
    ("a second thread on one message", "400 160004", GRANTED, ("a second thread",)),
    ("a reaction that is no emoji", "404 10014", GRANTED, ("a reaction that is no emoji",)),
    (
        (
            "commands with the same name, an upper-case name, 33 characters, no description,"
            " 26 options, a required option last"
        ),
        "400 50035",
        GRANTED,
        (
            "two commands of one name",
            "a command in upper case",
            "a command's name of 33",
            "a command without description",
            "26 options",
            "a required option last",
        ),
    ),
    (
        "the commands of another application",
        "403 20012",
        GRANTED,
        ("the commands of another application",),
    ),
    ("a managed role given to a member", "403 50013", GRANTED, ("a managed role given",)),
    ("@everyone given to a member", "404 10011", GRANTED, ("@everyone given",)),
    (
        "@everyone or a managed role deleted",
        "400 50028",
        "403 50013",
        ("@everyone deleted", "a managed role deleted"),
    ),
    (
        "a member, a role for or a kick of a user that does not exist",
        "404 10013",
        "404 10007",
        ("a member who is no user", "a role for no user", "a kick of no user"),
    ),
    ("a direct channel with itself", "400 50007", GRANTED, ("a direct channel with itself",)),
    ("a message with the ephemeral flag alone", "400 50035", GRANTED, ("the ephemeral flag",)),
]
OURS = {name: ours for _, ours, _, names in DIFFERENCES for name in names}
THEIRS = {name: theirs for _, _, theirs, names in DIFFERENCES for name in names}


async def asked(bench: Bench) -> dict[str, str]:
    """The outcomes of all requests to the sandbox."""
    owner = bench.platform.administration
    owner.set_permissions(BOT_ROLE, *(right.upper() for right in RIGHTS))
    async with connected(bench) as bot:
        said = bench.platform.say(GENERAL, ALICE, "hello")
        place = Place(GUILD, GENERAL, ALICE, VERA, NEWCOMER, MODERATOR, BOOSTER, said)
        return await outcomes(bot, place)


async def test_the_sandbox_answers_as_the_table_says():
    async with listening(new_bench(limits=UNLIMITED)) as bench:
        found = await asked(bench)
    assert {name: found[name] for name in OURS} == OURS


def test_the_page_has_the_table():
    page = (CHECKOUT / "docs/sandbox-discord.md").read_text()
    section = page.partition("## A third opinion")[2].partition("\n## ")[0]
    rows = [row.split(" | ")[:3] for row in re.findall(r"^\| ([^-].*) \|$", section, re.MULTILINE)]

    def said(outcome: str) -> str:
        return "granted" if outcome == GRANTED else outcome.split()[1]

    expected = [[words, said(ours), said(theirs)] for words, ours, theirs, _ in DIFFERENCES]
    assert rows[1:] == expected
    assert f"the same {PROBES_COUNT} things" in section
    assert f"{PROBES_COUNT - len(OURS)} outcomes were the same" in section
    assert f"release {SIMCORD.partition('==')[2]}" in section


@pytest.fixture(scope="module")
def simcord(tmp_path_factory) -> Path:
    """A folder with simcord, which pip fetches; where it cannot, the test is skipped.

    It is not among the development packages, because it is a plugin of pytest, too.
    """
    into = tmp_path_factory.mktemp("simcord")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(into), SIMCORD]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S * 2)
    except subprocess.SubprocessError as error:
        pytest.skip(f"pip cannot fetch {SIMCORD}: {error}")
    return into


@pytest.mark.nightly
async def test_no_difference_from_simcord_is_new(simcord):
    async with listening(new_bench(limits=UNLIMITED)) as bench:
        ours = await asked(bench)
    path = os.pathsep.join((str(CHECKOUT), str(simcord)))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        env=os.environ | {"PYTHONPATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    theirs = json.loads(out)
    assert ours.keys() == theirs.keys()
    differing = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    assert differing == {name: (OURS[name], THEIRS[name]) for name in OURS}
