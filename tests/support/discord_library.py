"""The routes that discord.py knows, read from its source."""

import ast
import inspect
import re
import warnings
from collections.abc import Iterator
from functools import cache

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from discord import http
    from discord.webhook import async_

PARAMETER = re.compile(r"\{[^}]*\}")


def shape(name: str) -> str:
    """A route's name without the names of its parameters, which differ between libraries."""
    return PARAMETER.sub("{}", name)


@cache
def library_routes() -> dict[str, str]:
    """Every route of discord.py by its shape, such as "GET /users/{}"."""
    return {shape(name): name for module in (http, async_) for name in _routes(module)}


def _routes(module: object) -> Iterator[str]:
    for node in ast.walk(ast.parse(inspect.getsource(module))):  # type: ignore[arg-type]
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Route":
            method, path = node.args[:2]
            if isinstance(method, ast.Constant):
                text = ast.unparse(path).removeprefix("f").strip("'\"")
                yield f"{method.value!s} {text}"
