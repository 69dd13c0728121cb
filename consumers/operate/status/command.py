"""`python -m consumers status`: prints the screen once, or again and again until Ctrl-C."""

import asyncio
from typing import Any, Final

import msgspec

from bus import Keys
from config import Settings
from config.outside_text.terminal import Terminal

from . import looking, screen
from .advice import advise

EXIT_CODE_WELL: Final = 0
EXIT_CODE_NOT_WELL: Final = 1
#: Seconds between two looks: as often as one can read the screen.
WATCH_S: Final = 2.0


async def run(
    settings: Settings,
    console: Terminal,
    *,
    watch: bool = False,
    as_json: bool = False,
    keys: Keys = Keys(),  # noqa: B008 - frozen
) -> int:
    """Show how things are. Returns the exit code: 0 if there is nothing to do."""
    while True:
        seen = await looking.look(settings, keys=keys)
        advices = advise(seen)
        if as_json:
            told = {"well": not advices, "to_do": advices, **msgspec.structs.asdict(seen)}
            console.print(msgspec.json.encode(_named(told)).decode(), soft_wrap=True)
        else:
            if watch and console.is_terminal:
                console.clear()
            for line in screen.lines(seen, advices, width=console.width):
                console.print(line, soft_wrap=True)
        if not watch:
            return EXIT_CODE_NOT_WELL if advices else EXIT_CODE_WELL
        await asyncio.sleep(WATCH_S)


def _named(value: Any) -> Any:
    """Write each row with the names of its fields. Pure."""
    if isinstance(value, msgspec.Struct):
        return _named(msgspec.structs.asdict(value))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _named(value._asdict())
    if isinstance(value, dict):
        return {name: _named(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_named(one) for one in value]
    return value
