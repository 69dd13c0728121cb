"""The Chromium of this machine: `python -m launch.chromium` says where it is, if it is."""

import os
import shutil
import sys

from config.outside_text.terminal import Terminal

__all__ = ["ARGUMENTS", "chromium"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
#: As root Chromium needs the first; the others keep it from asking hosts on the network.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = (
    "this needs Chromium: `apt-get install chromium` on Debian, or name a program in "
    "TWINSTREAM_TEST_CHROMIUM"
)


def chromium() -> str | None:
    """Return the path of the program, or None."""
    named = os.environ.get("TWINSTREAM_TEST_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


if __name__ == "__main__":
    found = chromium()
    if found is None:
        sys.exit(MISSING)
    Terminal().print(f"Chromium: {found}", soft_wrap=True)
