"""The errors of linking: what the functions of db/migrations/..._links.sql refuse, by its rule."""

import contextlib
from collections.abc import Iterator
from typing import Final

from ..errors import InsufficientFunds, RuleBroken, mapped_errors
from ..stop_signs import RULE as STOP_SIGN_RULE
from ..stop_signs import Paused

_BOOKS_RULE: Final = "books_agree_with_totals"
_COVERAGE_RULE: Final = "undo_is_covered"


class LinkRefused(RuleBroken):
    """A link, unlink, undo or move breaks a rule. `rule` names it; the text says what to do."""

    lacking: str = ""
    """With the rule `undo_is_covered`, what both accounts lack together, such as `5 xp`."""


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
        if error.rule == _BOOKS_RULE:
            raise BooksDiffer(error.rule, str(error)) from error
        refused = LinkRefused(error.rule, str(error))
        if error.rule == _COVERAGE_RULE:
            refused.lacking = getattr(error.__cause__, "detail", "")
        raise refused from error
