"""The type of a JSON object."""

from typing import Any

__all__ = ["Json"]

Json = dict[str, Any]
