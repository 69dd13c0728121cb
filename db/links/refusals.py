"""The errors of linking: what the functions of db/migrations/..._links.sql refuse, by its rule."""

import contextlib
from collections.abc import Iterator
from typing import Final

from ..errors import InsufficientFunds, RuleBroken, mapped_errors
from ..stop_signs import RULE as STOP_SIGN_RULE
from ..stop_signs import Paused

_BOOKS_RULE: Final = "books_agree_with_totals"


class LinkRefused(RuleBroken):
    """A link, unlink, undo or move breaks a rule. `rule` names it; the text says what to do."""


class BooksDiffer(RuleBroken):
    """The books of a member do not add up at this moment. Reconcile corrects them; try later."""


@contextlib.contextmanager
def mapped_refusals() -> Iterator[None]:
    """Translate what asyncpg raises inside the block; see `mapped_errors`."""
    try:
        with mapped_errors():
            yield
    except InsufficientFunds:
        raise
    except RuleBroken as error:
        if error.rule == STOP_SIGN_RULE:
            raise Paused(getattr(error.__cause__, "detail", "")) from error
        kind = BooksDiffer if error.rule == _BOOKS_RULE else LinkRefused
        raise kind(error.rule, str(error)) from error
