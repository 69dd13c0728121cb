"""The ways in which people type a code: in any case, with other alphabets' letters, with noise."""

from typing import Final

#: Other alphabets' letters for Latin ones, in either case.
LOOK_ALIKES: Final = {
    "A": "АаΑα", "B": "ВвΒβ", "C": "Сс", "E": "ЕеΕε", "H": "НнΗη", "J": "Јј", "K": "КкΚκ",
    "M": "МмΜμ", "N": "Νν", "P": "РрΡρ", "S": "Ѕѕ", "T": "ТтΤτ", "X": "ХхΧχ", "Y": "УуΥυҮү",
    "Z": "Ζζ", "3": "Зз",
}  # fmt: skip
#: Marks that do not count, among them some that cannot be seen.
NOISE: Final = " \t\n.,;:!?-–—_*`'\"()[]/\\|•·\u00a0\u00ad\u200b\u200c\u2060\ufeff"


def forms_of(mark: str) -> list[str]:
    """Return the ways to type one letter or digit of a code."""
    return [mark, mark.lower(), *LOOK_ALIKES.get(mark, "")]
