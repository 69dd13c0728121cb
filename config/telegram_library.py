"""Importing aiogram without building its models, which takes 4 s and 100 MB in each process.

aiogram declares some 700 pydantic models that refer to one another, and at its import builds a
validator for each, with everything below it. A process of ours uses a dozen. So the import is told
to build none: a model is built when it is first used. For that each module has to know the names
that its annotations mention, which aiogram itself gives only to the builds at the import.

Three parts of pydantic and aiogram are relied on: that a model whose configuration says
`defer_build` is built at its first use, that aiogram builds its types by calling `model_rebuild`
with a namespace, and that pydantic looks names up in the module of a model. If one of them ever
changes, `load` notices, and builds everything as the ordinary import does.

aiogram could do the same for all its users: by `defer_build` in the configuration of its methods,
and by the names of its annotations in each module in place of the loop at the end of
`aiogram/types/__init__.py`.
"""

import ast
import contextlib
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import structlog

log = structlog.get_logger("twinstream.telegram")

_LIBRARY = "aiogram"
#: The modules whose classes are models with annotations that name one another.
_MODELS = (f"{_LIBRARY}.types.", f"{_LIBRARY}.methods.")

#: An answer by which `_prove` sees that names are found: its types name each other.
_ANSWER = {
    "ok": True,
    "result": {"status": "left", "user": {"id": 1, "is_bot": False, "first_name": "A"}},
}


class Unexpected(Exception):
    """aiogram or pydantic does not work as this module needs it."""


def load() -> bool:
    """Import aiogram, and return whether its models are built at their first use.

    Call it before anything else imports aiogram. After an ordinary import it does nothing. If the
    quick way does not work, everything is built, as the ordinary import does.
    """
    if _LIBRARY in sys.modules:
        return False
    namespaces: list[Mapping[str, Any]] = []
    try:
        with _builds_deferred(namespaces):
            importlib.import_module(_LIBRARY)
        _complete(namespaces)
        _prove()
    except Exception as error:  # noqa: BLE001 - whatever it is, the ordinary import works
        log.warning("models.built", why=f"{type(error).__name__}: {error}")
        _import_anew()
        return False
    return True


@contextlib.contextmanager
def _builds_deferred(namespaces: list[Mapping[str, Any]]) -> Iterator[None]:
    """Build no model that is declared in the block; note the names that aiogram would build with.

    Other threads may declare models meanwhile: these are built at their first use, too.
    """
    from pydantic import BaseModel

    build = BaseModel.__dict__["model_rebuild"]

    def skip(cls: type[BaseModel], /, **options: Any) -> bool | None:
        names = options.get("_types_namespace")
        if cls.__module__.startswith(_MODELS) and names is not None:
            namespaces.append(names)
            return None
        built: bool | None = build.__get__(None, cls)(**options)
        return built

    BaseModel.model_rebuild = classmethod(skip)  # type: ignore[method-assign, assignment]
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        BaseModel.model_rebuild = build  # type: ignore[method-assign]
        del BaseModel.model_config["defer_build"]


def _complete(namespaces: list[Mapping[str, Any]]) -> None:
    """Give each module the names that the annotations of its models mention.

    Raises:
        Unexpected: aiogram named no types, or not all of them.
    """
    if not namespaces:
        raise Unexpected("aiogram builds its types in another way")
    known = namespaces[0]
    for module in list(sys.modules.values()):
        if module.__name__.startswith(_MODELS):
            _complete_module(module, known)


def _complete_module(module: ModuleType, known: Mapping[str, Any]) -> None:
    names = vars(module)
    builtins = vars(sys.modules["builtins"])
    for name in _annotated(module) - names.keys() - builtins.keys():
        if name not in known:
            raise Unexpected(f"nothing is called {name}, which {module.__name__} names")
        names[name] = known[name]


def _annotated(module: ModuleType) -> set[str]:
    """Return the names in the annotations of the classes that a module declares.

    Inherited ones count: pydantic looks their names up in the module of the class that inherits.
    """
    texts = {
        text
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
        for base in kind.__mro__
        if base.__module__.startswith(_MODELS)
        for text in inspect.get_annotations(base).values()
        if isinstance(text, str)
    }
    return {
        node.id
        for text in texts
        for node in ast.walk(ast.parse(text, mode="eval"))
        if isinstance(node, ast.Name)
    }


def _prove() -> None:
    """Decode one answer.

    Raises:
        Unexpected, or what pydantic raises: the types were not found.
    """
    from aiogram.methods import GetChatMember, Response
    from aiogram.types import ChatMemberLeft

    response: Any = Response  # its parameter is known at run time only
    found = response[GetChatMember.__returning__].model_validate(_ANSWER).result
    if not isinstance(found, ChatMemberLeft) or found.user.first_name != "A":
        raise Unexpected("an answer is not decoded to what it is")


def _import_anew() -> None:
    """Import aiogram as if nothing had been tried."""
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{_LIBRARY}.")]:
        del sys.modules[name]
    importlib.import_module(_LIBRARY)
