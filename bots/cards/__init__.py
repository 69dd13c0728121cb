"""Rank cards: pictures of a member's level, rank and figures, in any script.

From outside, make a `CardPainter` and give it a `Card`. Drawing needs no library or font of the
machine: HarfBuzz shapes and draws texts (as uharfbuzz), Pillow puts the picture together, and the
fonts lie in `font_files/`.
"""

from .card import Card as Card
from .card import Stat as Stat
from .painter import CardPainter as CardPainter
