"""Our own processes as compose.yaml runs them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

COMPOSE: Final = Path(__file__).resolve().parents[1] / "compose.yaml"


class ComposeProcess(NamedTuple):
    """A service that runs one Python module of ours until it is stopped."""

    service: str
    module: str
    arguments: tuple[str, ...]
    #: The environment variables that it is given.
    variables: frozenset[str]


def read(file: Path = COMPOSE) -> list[ComposeProcess]:
    """Return our processes in the order of the file."""
    return processes_in(yaml.safe_load(file.read_text(encoding="utf-8"))["services"])


def processes_in(services: Mapping[str, Any]) -> list[ComposeProcess]:
    """Return our processes among these services. Pure.

    The servers run programs of others, and `migrate` runs a shell and ends.
    """
    found = []
    for name, service in services.items():
        match service.get("command"):
            case ["python", "-m", module, *arguments]:
                variables = frozenset(service["environment"])
                found.append(ComposeProcess(name, module, tuple(arguments), variables))
    return found
