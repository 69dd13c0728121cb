"""The check of the written language finds what it is for, and nothing else."""

import pytest

from tests.language_checks import (
    merge_marks,
    prose_of_python,
    prose_of_sql,
    riddles,
    stray_events,
    stray_merge_marks,
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Who asks is told.",
        "A step ends. Whoever comes next begins it again.",
        "Counted: What nobody claims is claimed.",
    ],
)
def test_a_sentence_that_hides_its_actor_is_found(sentence: str):
    assert riddles(sentence)


@pytest.mark.parametrize(
    "sentence",
    ["The worker that asks is answered.", "What happened to one member?", "Whole numbers."],
)
def test_a_sentence_that_names_its_actor_passes(sentence: str):
    assert riddles(sentence) == []


def test_docstrings_and_blocks_of_comments_are_read_with_their_lines():
    text = '"""Head."""\n# One\n# block.\nx = 1  # beside\n'

    assert list(prose_of_python(text)) == [(1, "Head."), (2, "One block. beside")]
    assert list(prose_of_sql("SELECT 1;\n-- Why\n-- so.\n")) == [(2, "Why so.")]


def test_every_log_event_is_listed_and_every_listed_event_is_logged():
    assert list(stray_events()) == []


def test_no_text_has_the_marks_of_an_unfinished_merge():
    ours, between, theirs = "<" * 7 + " ours", "=" * 7, ">" * 7 + " theirs"

    assert merge_marks(f"a\n{ours}\nb\n{between}\nc\n{theirs}\n") == [2, 6]
    assert merge_marks(f"a heading\n{between}\n") == []
    assert list(stray_merge_marks()) == []
