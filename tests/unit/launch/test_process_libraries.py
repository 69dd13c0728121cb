"""A process imports what it works with, and no more: each library is memory at rest, and time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from benchmarks.compose_processes import ComposeProcess, read
from consumers.runtime.roles import ROLES

ROOT = Path(__file__).parents[3]

COMMAND_LINE: Final = {"typer", "rich", "pygments", "consumers.cli", "consumers.operate"}
PICTURES: Final = {"PIL", "uharfbuzz"}
TELEGRAM: Final = {"aiogram", "pydantic"}
DISCORD: Final = {"discord"}
#: The packages that a process is not to import until a member or an operator needs them.
UNUSED: Final = {
    "telegram-bot": COMMAND_LINE | PICTURES | DISCORD,
    "discord-bot": COMMAND_LINE | PICTURES | TELEGRAM,
    "to-discord": COMMAND_LINE | PICTURES | TELEGRAM | {"babel", "bots"},
    "to-telegram": COMMAND_LINE | PICTURES | DISCORD | {"babel", "bots"},
    "consumers": COMMAND_LINE | PICTURES | {"babel", "bots"},
}
#: Modules that the role `reconcile` imports when it is opened.
OF_RECONCILE: Final = (
    "consumers.display.telegram_tags.tags",
    "consumers.reconcile.subjects.telegram_tags",
    "consumers.reconcile.subjects.discord_roles",
    "consumers.reconcile.subjects.role_counts",
)
PRINT: Final = "import json, sys; print(json.dumps(list(sys.modules)))"


def imports(process: ComposeProcess) -> str:
    """Return a program that imports all that the process has imported when it is up."""
    if process.module != "consumers":
        return f"import {process.module}.__main__ as bot; bot._load()"
    modules = [ROLES[name].module for name in process.arguments]
    if "reconcile" in process.arguments:
        modules += OF_RECONCILE
    return f"import consumers.__main__, {', '.join(modules)}"


@pytest.mark.parametrize("process", read(), ids=lambda one: one.service)
def test_a_process_imports_nothing_that_it_does_not_work_with(process: ComposeProcess):
    done = subprocess.run(
        [sys.executable, "-c", f"{imports(process)}\n{PRINT}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported = set(json.loads(done.stdout))

    assert imported & UNUSED[process.service] == set()
