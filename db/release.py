"""The release that this code is. pyproject.toml says the same."""

from typing import Final

RELEASE: Final = "0.1.0"
