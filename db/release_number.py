"""The release number of this code. A test keeps it equal to the one in pyproject.toml."""

from typing import Final

RELEASE: Final = "0.1.0"
