"""Codes and links as people type, paste and post them."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.links.codes import ALPHABET, CANDIDATES_MAX, proofs_in, typed_code, typed_token
from tests.support.typed_codes import NOISE, forms_of

CODE = "ABCDEFGHJK"
TOKEN = "abc_DEF-0123456789ABCD"
CODES = st.text(ALPHABET, min_size=10, max_size=10)
COMMANDS = st.sampled_from(
    ["", "/link", "/LINK ", "`/link ", "/link@twin_bot ", "link: ", "/привязать ", "/Связать "]
)


@st.composite
def typings(draw: st.DrawFn) -> tuple[str, str]:
    """A code, and one of the ways in which people type it."""
    code = draw(CODES)
    marks = [draw(st.sampled_from(forms_of(mark))) for mark in code]
    between = [draw(st.text(NOISE, max_size=4)) for _ in range(len(code) + 1)]
    typed = "".join(noise + mark for noise, mark in zip(between, [*marks, ""], strict=True))
    command = draw(COMMANDS)
    return code, f"{command} {typed}" if command else typed


@given(typings())
def test_a_code_is_understood_however_it_is_typed(typing):
    code, typed = typing

    assert typed_code(typed) == code


@given(typings())
def test_what_is_understood_as_a_code_is_void_when_it_is_posted(typing):
    code, typed = typing

    assert code in proofs_in(typed)


@given(st.text(max_size=60))
def test_whatever_is_understood_as_a_code_is_one(text):
    code = typed_code(text)

    assert code is None or (len(code) == 10 and set(code) <= set(ALPHABET))


@given(CODES, st.sampled_from("ЖдßéЫ中1OI0"), st.integers(0, 10))
def test_a_letter_that_is_none_of_the_codes_counts(code, mark, place):
    assert typed_code(code[:place] + mark + code[place:]) is None


@pytest.mark.parametrize(
    "text",
    [
        f"link-{TOKEN}",
        f"/start link-{TOKEN}",
        f"https://t.me/twin_bot?start=link-{TOKEN}",
        f"look: https://t.me/twin_bot?start=link-{TOKEN} .",
    ],
)
def test_a_link_is_understood_and_void_when_it_is_posted(text):
    assert typed_token(text) == TOKEN
    assert TOKEN in proofs_in(text)


@pytest.mark.parametrize("text", ["", "link-short", f"link-{TOKEN}x", f"link-{TOKEN}-", TOKEN])
def test_other_texts_are_no_links(text):
    assert typed_token(text) is None


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
        "AB-CD.EF GH`JK",
        "it is ABCDE FGHJK, I think",
        "А\u200bВС" + "DEFGHJK",
    ],
)
def test_a_code_is_found_wherever_people_can_read_it(text):
    assert {CODE, "ABCDEFGHJK"} & set(proofs_in(text))


@pytest.mark.parametrize(
    "text",
    ["", "hello everybody", "ABCDEFGHJ", "0123456789", "I would like a pizza", "Мама мыла раму"],
)
def test_ordinary_words_are_no_codes(text):
    assert proofs_in(text) == []
    assert typed_code(text) is None


def test_a_message_full_of_pieces_costs_no_more_than_a_few():
    texts = ["".join(Random(1).choices(ALPHABET, k=4_000)), CODE]

    found = proofs_in(*texts)

    assert len(found) == CANDIDATES_MAX
    assert CODE in found  # whole words come first


@given(st.text(max_size=40), CODES, st.text(max_size=40))
def test_every_code_is_found_as_opening_would_read_it(before, code, behind):
    assert code in proofs_in(f"{before}{code.lower()}{behind}")
