"""Amounts in words. Pure functions."""

from .languages import Texts


def xp_text(amount: int, texts: Texts) -> str:
    """Return an amount of XP in words."""
    # In English XP has one form; in other languages it may have several.
    return texts.ngettext("{count} XP", "{count} XP", amount)


def coins_text(amount: int, texts: Texts) -> str:
    """Return an amount of coins in words."""
    return texts.ngettext("{count} coin", "{count} coins", amount)
