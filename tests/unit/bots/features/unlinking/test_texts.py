"""The texts of /unlink and /undo, and the refusals of links."""

from datetime import UTC, datetime

import pytest

from bots.features.unlinking import texts as unlinking
from bots.texts.amounts import coins_text, xp_text
from bots.texts.link_acts import refusal
from db.links.refusals import BooksDiffer, LinkRefused
from db.links.states import LinkState
from db.stop_signs import Paused
from tests.support.bot_texts import DISCORD, ENGLISH, TELEGRAM, in_every_language

MOMENT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
LINKED = LinkState(
    link_id=7,
    is_linked=True,
    other_account_id=2002,
    other_name="<Mallory>",
    linked_at=MOMENT,
    policy="sum",
    undo_until=MOMENT,
    forbidden_at=None,
    free_at=None,
    xp_before=20,
    balance_before=5,
    other_xp_before=15,
    other_balance_before=7,
)
APART = LINKED._replace(is_linked=False, free_at=MOMENT)


@in_every_language
def test_a_linked_member_is_told_with_whom_and_how_to_end_it(texts):
    answer = unlinking.standing(LINKED, "telegram", texts, TELEGRAM)

    assert "<b>&lt;Mallory&gt;</b>" in answer
    assert "Discord" in answer
    assert "2026-01-02 03:04" in answer
    assert "/unlink" in answer
    assert "/undo" in answer


@in_every_language
def test_where_it_is_too_late_nothing_speaks_of_undoing(texts):
    late = LINKED._replace(undo_until=None)

    assert "/undo" not in unlinking.standing(late, "telegram", texts, TELEGRAM)
    assert "/unlink" in unlinking.nothing_to_undo(late, "telegram", texts, TELEGRAM)


def test_an_unlink_is_explained_before_it_is_done():
    asked = unlinking.before_unlink(LINKED, "discord", 1.5, ENGLISH, DISCORD)

    for part in ("XP and balance", "tag in Telegram", "achievements", "For 1.5 h", "undo the link"):
        assert part in asked
    assert "you cannot link" not in unlinking.before_unlink(LINKED, "discord", 0, ENGLISH, DISCORD)


@in_every_language
def test_a_freed_account_is_told_until_when_it_waits(texts):
    assert "2026-01-02 03:04" in unlinking.not_linked(APART, "telegram", texts, TELEGRAM)


def test_an_account_without_a_name_is_shown_by_its_number():
    answer = unlinking.standing(LINKED._replace(other_name=None), "telegram", ENGLISH, TELEGRAM)

    assert "<code>2002</code>" in answer


@in_every_language
@pytest.mark.parametrize(
    "error",
    [
        Paused("so"),
        BooksDiffer("books_agree_with_totals", "so"),
        *(
            LinkRefused(rule, "so")
            for rule in (
                "account_is_not_linked",
                "account_is_linked",
                "account_may_link",
                "account_is_linked_since",
                "link_is_known",
                "link_is_not_undone",
                "undo_is_in_time",
                "links_per_account_limited",
                "own_ends_limited",
                "support_uses_limited",
                "move_is_between_two_accounts",
                "a rule of a later release",
            )
        ),
    ],
    ids=lambda error: getattr(error, "rule", "paused"),
)
def test_every_refusal_says_that_nothing_was_changed(texts, error):
    nothing = {"en": "Nothing was changed", "ru": "Ничего не изменено"}

    assert refusal(error, texts).startswith(nothing[texts.language])


@in_every_language
@pytest.mark.parametrize(("lacking", "amount"), [("5 xp", xp_text), ("2 balance", coins_text)])
def test_an_undo_that_is_not_covered_names_the_amount(texts, lacking, amount):
    error = LinkRefused("undo_is_covered", "so")
    error.lacking = lacking

    assert amount(int(lacking[0]), texts) in refusal(error, texts)
