"""The parts of a text that have the shape of a code for linking."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.links.codes import CANDIDATES_MAX, _typed, codes_in

CODE = "ABCDEFGHJK"
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        f"/link {CODE}",
        f"/link@some_bot   {CODE.lower()}\n",
        f"look: {CODE}.",
        f"`{CODE}`",
        f"мой код {CODE}, никому",
        f"код{CODE}",
        f"code={CODE}&x",
        f"my{CODE}xyz",
        f"https://t.me/bot?start={CODE}",
        "abcdefghjk".title(),
        f"{CODE}{CODE[::-1]}",
    ],
)
def test_a_code_is_found_wherever_people_can_read_it(text):
    assert CODE in codes_in(text)


@pytest.mark.parametrize(
    "text",
    ["", "hello everybody", "ABCDEFGHJ", "ABCDE FGHJK", "0123456789", "I would like a pizza"],
)
def test_ordinary_words_are_no_codes(text):
    assert codes_in(text) == []


def test_a_message_full_of_pieces_costs_no_more_than_a_few():
    texts = ["".join(Random(1).choices(ALPHABET, k=4_000)), CODE]

    found = codes_in(*texts)

    assert len(found) == CANDIDATES_MAX
    assert CODE in found  # whole words come first


@given(st.text(max_size=40), st.text(ALPHABET, min_size=10, max_size=10), st.text(max_size=40))
def test_every_code_is_found_as_redeeming_would_read_it(before, code, behind):
    text = f"{before}{code.lower()}{behind}"

    assert _typed(code) in {_typed(one) for one in codes_in(text)}
