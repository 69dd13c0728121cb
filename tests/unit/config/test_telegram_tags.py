"""Tags: twinstream.toml accepts one only if Telegram stores exactly that."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.community_file.telegram_tags import tag_problem
from sandbox.telegram_api.errors import ApiError
from sandbox.telegram_api.world.rights import stored_rank

#: Half of the marks that make a tag unfit are rare among all characters.
TRICKY = st.sampled_from(
    " \t\n\r\xa0\u200b\u200c\u200d\u2028\u202e\u2800\ufe0f\u20e3\u0333★⭐🎉1A🏿\u3164"
)


@given(st.text(TRICKY | st.characters(), max_size=16))
@example("Newcomer ")
@example("1\ufe0f\u20e3")
@example("★ Legend ★")
def test_an_accepted_tag_is_stored_as_it_is_written(tag: str) -> None:
    try:
        stored = stored_rank(tag)
    except ApiError:
        stored = None

    assert tag_problem(tag) is not None or stored == tag


@pytest.mark.parametrize(
    "tag", ["", "Newcomer", "★ Legend ★", "Новичок", "♪♫", "№ 1", "می\u200cخواهم"]
)
def test_a_tag_that_telegram_shows_as_it_is_has_no_problem(tag: str) -> None:
    assert tag_problem(tag) is None
    assert stored_rank(tag) == tag


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("Newcomer ", "is stored by Telegram as 'Newcomer': write it like that"),
        ("Old  hand", "is stored by Telegram as 'Old hand'"),
        ("Old\u3000hand", "is stored by Telegram as 'Old hand'"),
        ("New\u202ecomer", "is stored by Telegram as 'Newcomer'"),
        ("   ", "has nothing that can be seen"),
        ("\u200b\u200b", "has nothing that can be seen"),
        ("1\ufe0f\u20e3", "Telegram allows no emoji in tags"),
        ("Gold 🥇", "has '🥇': Telegram allows no emoji in tags"),
        ("Top\u2066", "has '\\u2066', which nobody can see"),
    ],
)
def test_a_tag_that_telegram_would_change_or_refuse_says_what_to_write(
    tag: str, problem: str
) -> None:
    assert problem in (tag_problem(tag) or "")


@pytest.mark.parametrize(
    ("tag", "stored"),
    [
        (" Newcomer ", "Newcomer"),
        ("Old \u2003\u3000hand", "Old hand"),
        ("New\u202ecomer", "Newcomer"),
        ("   ", ""),
        ("\u200b\u200e", ""),
    ],
)
def test_the_sandbox_stores_a_tag_as_telegram_does(tag: str, stored: str) -> None:
    assert stored_rank(tag) == stored
