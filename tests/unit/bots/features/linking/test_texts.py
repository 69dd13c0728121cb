import pytest

from bots.features.linking import texts as linking
from db.links.codes import LinkOutcome
from tests.support.bot_texts import TELEGRAM, in_every_language


@in_every_language
@pytest.mark.parametrize("outcome", LinkOutcome)
def test_every_outcome_of_linking_has_an_answer(outcome, texts):
    assert linking.linked(outcome, "Discord", None, texts, TELEGRAM)


@in_every_language
def test_a_linked_member_learns_the_name_of_the_other_account(texts):
    answer = linking.linked(LinkOutcome.LINKED, "Discord", "<Mallory>", texts, TELEGRAM)

    assert "<b>&lt;Mallory&gt;</b>" in answer
    assert "Discord" in answer
