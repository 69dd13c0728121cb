import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.features.command import Answer, Press, Pressed
from bots.features.room import Room, presses_of
from bots.texts.buttons import (
    DATA_BYTES_MAX,
    CopyButton,
    LinkButton,
    PressButton,
    PressedData,
    data_in,
    data_of,
    read_data,
)

#: Bytes of Telegram's callback_data.
CALLBACK_DATA_BYTES_MAX = 64
ACCOUNTS = st.integers(min_value=0, max_value=2**63 - 1)


@given(value=st.text(max_size=DATA_BYTES_MAX), account_id=ACCOUNTS)
def test_what_a_button_carries_comes_back_and_fits_into_callback_data(value, account_id):
    while len(value.encode()) > DATA_BYTES_MAX - len("undo"):
        value = value[:-1]

    data = data_of(PressButton("Undo", "undo", value), account_id)

    assert len(data.encode()) <= CALLBACK_DATA_BYTES_MAX
    assert read_data(data) == PressedData("undo", account_id, value)


@given(st.text(max_size=70))
def test_any_data_is_read_or_refused(data):
    found = read_data(data)

    assert found is None or (found.action and found.account_id >= 0)


@pytest.mark.parametrize(
    "data", [None, "", "undo", "undo:", "undo:12", ":12:x", "undo:-1:x", "undo:1_0:x"]
)
def test_data_of_another_release_is_no_button_of_ours(data):
    assert read_data(data) is None


@pytest.mark.parametrize(
    ("action", "value"),
    [("undo", "é" * 23), ("", "x"), ("un:do", "x"), ("a" * 50, "")],
    ids=["bytes count", "no action", "a separator", "a long action"],
)
def test_a_button_that_no_platform_takes_is_refused_where_it_is_made(action, value):
    with pytest.raises(ValueError, match="action"):
        PressButton("Undo", action, value)


@pytest.mark.parametrize("label", ["", "x" * 81])
def test_a_label_has_its_limits(label):
    for make in (
        lambda: PressButton(label, "go"),
        lambda: LinkButton(label, "https://t.me/x"),
        lambda: CopyButton(label, "ABC"),
    ):
        with pytest.raises(ValueError, match="label"):
            make()


@pytest.mark.parametrize("text", ["", "x" * 257])
def test_a_copied_text_has_its_limits(text):
    with pytest.raises(ValueError, match="copy button"):
        CopyButton("Copy", text)


def test_only_buttons_that_act_carry_data():
    rows = (
        (LinkButton("Open", "https://t.me/x"), PressButton("Undo", "undo", "7")),
        (CopyButton("Copy", "A"),),
    )

    assert list(data_in(rows, 36)) == ["undo:10:7"]


def test_two_rooms_with_one_action_are_refused():
    async def nothing(pressed: Pressed) -> Answer:
        return Answer("")

    rooms = [Room(presses=(Press(action="undo", handler=nothing),)) for _ in range(2)]

    with pytest.raises(ValueError, match="'undo'"):
        presses_of(rooms)
