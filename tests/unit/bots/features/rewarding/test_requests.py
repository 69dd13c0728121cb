"""Reading the words of an administrator after /reward."""

import pytest

from bots.features.rewarding.requests import Request, of_values, read


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        ("50 xp for the quiz", Request(50, 0, None, "for the quiz")),
        ("50 for the quiz", Request(50, 0, None, "for the quiz")),
        ("+50xp 10 coins quiz", Request(50, 10, None, "quiz")),
        ("10 монет 50 опыта за викторину", Request(50, 10, None, "за викторину")),
        ("-5 coins spam", Request(0, -5, None, "spam")),
        ("\u22125 монет за спам", Request(0, -5, None, "за спам")),
        ("achievement organiser for it", Request(0, 0, "organiser", "for it")),
        ("20 xp achievement organiser it", Request(20, 0, "organiser", "it")),
        ("20 xp 30 xp", Request(20, 0, None, "30 xp")),
        ("5th place", Request(0, 0, None, "5th place")),
        ("50 xp", Request(50, 0, None, "")),
        ("", Request()),
        ("for nothing", Request(0, 0, None, "for nothing")),
        ("99999999999 xp too long", Request(0, 0, None, "99999999999 xp too long")),
    ],
)
def test_amounts_come_first_and_the_rest_is_the_reason(words, request_):
    assert read(words) == request_


def test_a_request_needs_something_to_give_a_reason_and_an_amount_that_can_be_given():
    assert read("50 xp quiz").is_complete
    assert read("achievement organiser it").is_complete
    assert not read("50 xp").is_complete
    assert not read("for nothing").is_complete
    assert not read("0 xp nothing").is_complete
    assert not read("9999999999 xp much").is_complete


def test_the_fields_of_a_form_are_read_as_they_are():
    assert of_values({"xp": 5, "reason": " quiz "}) == Request(5, 0, None, "quiz")
    assert of_values({"coins": -2, "achievement": " organiser "}) == Request(0, -2, "organiser", "")
    assert of_values({}) == Request()
