"""Codes and links as people type, paste and post them."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.links.codes import ALPHABET, CANDIDATES_MAX, proofs_in, typed_code, typed_token
from tests.support.typed_codes import NOISE, forms_of

CODE = "AB2DEFGH3K"
TOKEN = "abc_DEF-0123456789ABCD"
DIGITS, LETTERS = st.sampled_from(ALPHABET[-8:]), st.sampled_from(ALPHABET[:-8])
PAGES = Path(__file__).parents[3] / "docs"
COMMANDS = st.sampled_from(
    ["", "/link", "/LINK ", "`/link ", "/link@twin_bot ", "link: ", "/привязать ", "/Связать "]
)


@st.composite
def codes_given_out(draw: st.DrawFn) -> str:
    """A code as `make_code` makes them: with digits in two places at least."""
    code = draw(st.lists(st.sampled_from(ALPHABET), min_size=10, max_size=10))
    places = st.lists(st.integers(0, 9), min_size=3, max_size=3, unique=True)
    digit, letter, other = sorted(draw(places))
    code[digit], code[other] = draw(DIGITS), draw(DIGITS)
    code[letter] = draw(LETTERS)
    return "".join(code)


CODES = codes_given_out()


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
        CODE.title(),
        f"{CODE}{CODE[::-1]}",
        "AB-2D.EF GH`3K",
        "it is AB2DE FGH3K, I think",
        "А\u200bВ2" + "DEFGHЗK",
    ],
)
def test_a_code_is_found_wherever_people_can_read_it(text):
    assert CODE in proofs_in(text)


@pytest.mark.parametrize(
    "text",
    ["", "hello everybody", "ABCDEFGHJ", "0123456789", "I would like a pizza", "Мама мыла раму"],
)
def test_ordinary_words_are_no_codes(text):
    assert proofs_in(text) == []
    assert typed_code(text) is None


@pytest.mark.parametrize("page", ["earning.md", "reliability.md", "ru/earning.md"])
def test_long_texts_of_people_have_no_codes(page):
    """Each text that may have one costs a question to Postgres. The table of dates has digits."""
    text = (PAGES / page).read_text(encoding="utf-8")
    paragraphs = [one for one in text.split("\n\n") if not one.startswith("|")]

    may_have_one = [one for one in paragraphs if proofs_in(one)]

    assert len(paragraphs) > 30
    assert len(may_have_one) <= len(paragraphs) / 20, may_have_one


def test_a_message_full_of_pieces_costs_no_more_than_a_few():
    texts = ["".join(Random(1).choices(ALPHABET, k=4_000)), CODE]

    found = proofs_in(*texts)

    assert len(found) == CANDIDATES_MAX
    assert CODE in found  # whole words come first


@given(st.text(max_size=40), CODES, st.text(max_size=40))
def test_every_code_is_found_as_opening_would_read_it(before, code, behind):
    assert code in proofs_in(f"{before}{code.lower()}{behind}")
