"""The texts of /links, which administrators read."""

from datetime import UTC, datetime

import pytest

from bots.features.administration import texts as administration
from bots.features.administration.requests import ACCOUNTS, READING, Request
from bots.features.administration.room import ACTS_SHOWN_MAX
from db.links.states import LinkAct, LinkState
from tests.support.bot_texts import DISCORD, ENGLISH, TELEGRAM, in_every_language

MOMENT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
ACT = LinkAct(
    acted_at=MOMENT,
    operation="link",
    telegram_account_id=1001,
    discord_account_id=2002,
    from_platform=None,
    from_account_id=None,
    actor="administrator",
    actor_platform="telegram",
    actor_account_id=42,
    reason="asked",
    other_name="<Mallory>",
)
STATE = LinkState(
    7, True, 2002, "<Mallory>", MOMENT, "max", MOMENT, MOMENT, MOMENT, 1_020, 5, 15, 7
)


def test_an_account_is_shown_with_everything_that_is_known():
    shown = administration.standing(1001, STATE, [ACT], "telegram", ENGLISH, TELEGRAM)

    assert shown.splitlines() == [
        (
            "<code>1001</code> is linked with &lt;Mallory&gt; (<code>2002</code>) on Discord,"
            " since 2026-01-02 03:04 UTC."
        ),
        "The member has the greater amounts.",
        "Before the link: here 1,020 XP, 5 coins, on Discord 15 XP, 7 coins.",
        "The last link can be undone until 2026-01-02 03:04 UTC.",
        "Unlinked lately: from 2026-01-02 03:04 UTC on it can link another account.",
        "May not link, since 2026-01-02 03:04 UTC.",
        (
            "2026-01-02 03:04 UTC · <code>1001</code>: linked with &lt;Mallory&gt; on Discord"
            " (by an administrator: asked) · <code>42</code>"
        ),
    ]


@in_every_language
def test_an_account_that_was_never_linked_is_shown(texts):
    never = LinkState(None, False, *(None,) * 11)

    assert "1001" in administration.standing(1001, never, [], "telegram", texts, TELEGRAM)
    assert administration.acts([], "telegram", texts, TELEGRAM)


@in_every_language
@pytest.mark.parametrize("act", sorted(set(ACCOUNTS) - set(READING)))
def test_every_change_has_an_answer_and_a_line_of_the_usage(texts, act):
    assert administration.done(Request(act, (1,), "x"), texts)
    assert f"/links {act}" in administration.usage("telegram", None, texts, TELEGRAM)


@in_every_language
def test_the_longest_answers_fit_into_a_message_of_discord(texts):
    longest = ACT._replace(reason="r" * 300, other_name="n" * 255, discord_account_id=10**18)

    acts = [longest] * ACTS_SHOWN_MAX
    assert len(administration.standing(10**18, STATE, acts, "discord", texts, DISCORD)) <= 2_000
    assert len(administration.usage("discord", None, texts, DISCORD)) <= 2_000
