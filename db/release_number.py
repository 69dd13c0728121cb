"""The release number of this code. A test keeps it equal to the one in pyproject.toml."""

from typing import Final

RELEASE: Final = "0.2.0.dev0"
#: Its first two numbers. Releases that differ in the rest only share stop signs and a schema.
SERIES: Final = ".".join(RELEASE.split(".")[:2])
