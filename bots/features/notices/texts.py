"""The texts of notices, by their kind. Pure functions."""

from bots.features.linking.texts import code_was_voided
from bots.texts.languages import Texts
from db.members.notices import CODE_VOID


def notice_text(kind: str, texts: Texts) -> str | None:
    """Return what a notice says; None for a kind that this release does not know."""
    return code_was_voided(texts) if kind == CODE_VOID else None
