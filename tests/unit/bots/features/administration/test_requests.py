"""Requests that administrators write after /links."""

import pytest

from bots.features.administration.requests import ACCOUNT_ID_MAX, Request, read
from bots.features.command import Target

BEN = Target(1002, "Ben")


@pytest.mark.parametrize(
    ("words", "replied_to", "expected"),
    [
        ("see 1001", None, Request("see", (1001,), "")),
        ("SEE #1001", None, Request("see", (1001,), "")),
        ("see <@800000000000000101>", None, Request("see", (800000000000000101,), "")),
        ("see", BEN, Request("see", (1002,), "")),
        ("see 1001", BEN, Request("see", (1001,), "")),
        ("unlink 1001 sold the account", None, Request("unlink", (1001,), "sold the account")),
        ("unlink sold it", BEN, Request("unlink", (1002,), "sold it")),
        ("link 1001 2002 asked", None, Request("link", (1001, 2002), "asked")),
        ("link 2002 asked", BEN, Request("link", (1002, 2002), "asked")),
        ("move 1001 1003 7 years old", None, Request("move", (1001, 1003), "7 years old")),
        ("acts", BEN, Request("acts", (), "")),
        ("forbid 3 strikes", BEN, Request("forbid", (1002,), "3 strikes")),
        ("link 2002 3 strikes", BEN, Request("link", (1002, 2002), "3 strikes")),
        ("forbid 3 strikes", None, Request("forbid", (3,), "strikes")),
        ("forbid 1002 spam", BEN, Request("forbid", (1002,), "spam")),
        ("forbid 1001 spam", BEN, Request("forbid", (1001,), "spam", is_ambiguous=True)),
        ("one-sided 2", BEN, Request("one-sided", (), "2")),
        ("forbid 0 no number", None, Request("forbid", (), "0 no number")),
        (f"forbid {ACCOUNT_ID_MAX + 1} x", None, Request("forbid", (), f"{ACCOUNT_ID_MAX + 1} x")),
    ],
)
def test_an_act_its_accounts_and_the_reason_are_read(words, replied_to, expected):
    assert read(words, replied_to) == expected


@pytest.mark.parametrize("words", ["", "   ", "delete 1001", "1001", "\u0661"])
def test_words_without_an_act_are_no_request(words):
    assert read(words, BEN) is None


@pytest.mark.parametrize(
    ("request_", "is_complete"),
    [
        (Request("see", (1,), ""), True),
        (Request("acts", (), ""), True),
        (Request("see", (), ""), False),
        (Request("unlink", (1,), ""), False),
        (Request("unlink", (1,), "why"), True),
        (Request("link", (1,), "why"), False),
        (Request("move", (1, 2), "why"), True),
        (Request("forbid", (1,), "why", is_ambiguous=True), False),
    ],
)
def test_a_change_needs_its_accounts_and_a_reason(request_, is_complete):
    assert request_.is_complete is is_complete
