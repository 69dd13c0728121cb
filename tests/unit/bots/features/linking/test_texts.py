import re

import pytest

from bots.features.linking import texts as linking
from db.links.offers import Confirmation, Has, Offer, Opening
from tests.support.bot_texts import COMMUNITY, ENGLISH, RUSSIAN, TELEGRAM, in_every_language

OFFER = Offer(
    7,
    "opened",
    True,
    "<Mallory>",
    Has(20, 7, "New & comer"),
    Has(15, 0, None),
    Has(35, 7, "Regular"),
    reward_xp=0,
    reward_balance=0,
    achievements=0,
)


@in_every_language
@pytest.mark.parametrize("outcome", Opening)
def test_every_outcome_of_opening_has_an_answer(outcome, texts):
    assert linking.not_opened(outcome, 61, "Discord", texts)


@in_every_language
@pytest.mark.parametrize("outcome", Confirmation)
def test_every_outcome_of_confirming_has_an_answer(outcome, texts):
    assert linking.not_linked(outcome, texts)


@in_every_language
def test_a_question_names_the_other_account_and_what_each_side_has(texts):
    question = linking.confirmation(OFFER, "telegram", texts, TELEGRAM, COMMUNITY)

    assert "<b>&lt;Mallory&gt;</b>" in question
    assert "Discord: 15" in question
    assert "Telegram: 20" in question
    assert "New &amp; comer" in question
    assert "35" in question


def test_a_question_says_what_becomes_of_the_reward_and_of_achievements():
    plain = linking.confirmation(OFFER, "telegram", ENGLISH, TELEGRAM, COMMUNITY)
    more = OFFER._replace(reward_xp=10, reward_balance=1, achievements=3)
    full = linking.confirmation(more, "telegram", ENGLISH, TELEGRAM, COMMUNITY)
    only_coins = OFFER._replace(reward_balance=2)

    assert "For linking" not in plain
    assert "chievements" not in plain
    assert "For linking you get 10 XP, 1 coin: that is counted in." in full
    assert "Achievements: you keep those of both sides, 3 together." in full
    told = linking.confirmation(only_coins, "telegram", ENGLISH, TELEGRAM, COMMUNITY)
    assert "For linking you get 2 coins" in told


def test_a_question_names_ranks_in_the_members_language():
    newcomer = OFFER._replace(joint=Has(12, 0, "Newcomer"))

    question = linking.confirmation(newcomer, "telegram", RUSSIAN, TELEGRAM, COMMUNITY)

    assert "Новичок" in question
    assert "Newcomer" not in question


@in_every_language
def test_a_member_who_opens_and_one_who_is_linked_learn_the_name_of_the_other_account(texts):
    for answer in (
        linking.opened(OFFER, "Discord", texts, TELEGRAM),
        linking.linked("<Mallory>", "Discord", texts, TELEGRAM),
    ):
        assert "<b>&lt;Mallory&gt;</b>" in answer
        assert "Discord" in answer


@in_every_language
def test_a_wait_is_told_in_whole_minutes(texts):
    assert "2" in linking.not_opened(Opening.LOCKED_OUT, 61, "Discord", texts)


@in_every_language
def test_an_invitation_says_where_a_posted_code_is_void_and_where_not(texts):
    for invitation in (
        linking.invitation_on_discord("ABCDEFGHJK", True, texts, TELEGRAM),
        linking.invitation_on_discord("ABCDEFGHJK", False, texts, TELEGRAM),
        linking.invitation_on_telegram("ABCDEFGHJK", texts, TELEGRAM),
    ):
        assert "ABCDEFGHJK" in invitation
        assert invitation.count("Telegram") >= 1
        assert "/link" in invitation
        assert not re.search("cannot read|не читаю", invitation), "with read_messages it reads"
