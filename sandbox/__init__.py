"""A local Telegram Bot API and a local Discord API on real sockets, for the demo and the tests.

Unmodified aiogram and discord.py run on them. A method, route or field that the sandbox does not
imitate is refused with an error, and never answered with a silent success.
"""

from .errors import SandboxError, SeedError
from .faults import Fault, Faults
from .rate_window import Rate, Window
from .seed_data import Seed, load_seed
from .transcript import Call, Transcript

__all__ = [
    "Call",
    "Fault",
    "Faults",
    "Rate",
    "SandboxError",
    "Seed",
    "SeedError",
    "Transcript",
    "Window",
    "load_seed",
]
