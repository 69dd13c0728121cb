from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.features.leaderboard.requests import Request, read_value, read_words, value_of
from db.members.boards import BOARDS, After, Before, First, Key, Mine, Numbered

keys = st.builds(
    Key,
    st.integers(1, 2**63 - 1),
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - made aware
        lambda moment: moment.replace(tzinfo=UTC)
    ),
    st.integers(1, 2**63 - 1),
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Request("xp", First())),
        ("week", Request("week", First())),
        ("  За эту  НЕДЕЛЮ ", Request("week", First())),
        ("за всё время", Request("xp", First())),
        ("Месяц", Request("month", First())),
        ("coins", Request("balance", First())),
        ("week coins", Request("balance", First())),
        ("монеты за неделю", Request("balance", First())),
        ("streak me", Request("streak", Mine())),
        ("благодарности 3", Request("reputation", Numbered(3))),
        ("50000", Request("xp", Numbered(50_000))),
        ("0", Request("xp", Numbered(1))),
        ("99999999", Request("xp", Numbered(1_000_000))),
        ("999999999999", None),
        ("٣", None),
        ("bananas", None),
        ("week <b>", None),
    ],
)
def test_words_behind_the_command(words, expected):
    assert read_words(words) == expected


@given(st.sampled_from(BOARDS), keys)
def test_a_button_leads_where_it_was_made_for(board, key):
    assert read_value(value_of(board)) == Request(board, First())
    for position in (First(), Mine(), After(key), Before(key)):
        assert read_value(value_of(board, position)) == Request(board, position)


@given(st.text(max_size=60))
def test_any_value_leads_to_some_page(value):
    assert read_value(value).board in BOARDS


@pytest.mark.parametrize("value", ["", "q", "wz", "wa", "wa1.2", "wa1.2.é", "wazzzzzzzzzzzzz.1.1"])
def test_a_value_that_cannot_be_read_leads_to_the_first_page(value):
    assert read_value(value).position == First()


def test_a_moment_keeps_its_microsecond():
    moment = datetime(2026, 11, 30, 1, 2, 3, 999_999, tzinfo=UTC)
    request = read_value(value_of("xp", After(Key(1, moment, 1))))

    assert request.position == After(Key(1, moment, 1))
    assert isinstance(request.position, After)
    assert request.position.key.reached_at - moment == timedelta(0)
