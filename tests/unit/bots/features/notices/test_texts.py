"""The texts of notices."""

from datetime import UTC, datetime

import pytest

from bots.features.notices.texts import notice_buttons, notice_text
from bots.texts.buttons import PressButton
from bots.texts.link_acts import REASON_CHARS_MAX
from db.members import notices
from db.members.notices import Notice
from tests.support.bot_texts import ENGLISH, TELEGRAM, in_every_language

KINDS = (
    notices.LINKED,
    notices.UNLINKED,
    notices.LINK_UNDONE,
    notices.MOVED_HERE,
    notices.MOVED_AWAY,
    notices.PARTNER_MOVED,
)


def notice(kind: str, **details: object) -> Notice:
    about = {"platform": "discord", "account_id": 2002, "by": "member", "link_id": 7, **details}
    return Notice(1001, kind, "3", datetime(2026, 1, 2, tzinfo=UTC), 1, about, "<Mallory>")


@in_every_language
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["member", "administrator", "operator"])
def test_every_notice_names_the_other_account_and_the_reason(texts, kind, by):
    told = notice_text(notice(kind, by=by, reason="lost <phone>"), 7, texts, TELEGRAM)

    assert told is not None
    assert "<b>&lt;Mallory&gt;</b>" in told
    assert "lost &lt;phone&gt;" in told.replace("\u2060", "")
    assert len(told.splitlines()) == 3


@in_every_language
def test_a_notice_of_a_link_names_the_days_for_an_undo(texts):
    told = notice_text(notice(notices.LINKED), 21, texts, TELEGRAM)

    assert told is not None
    assert {"en": "within 21 days", "ru": "в течение 21 дня"}[texts.language] in told


def test_a_long_reason_is_cut_between_its_characters():
    told = notice_text(
        notice(notices.UNLINKED, by="operator", reason="<" * 300), 7, ENGLISH, TELEGRAM
    )

    assert told is not None
    assert told.count("&lt;") == REASON_CHARS_MAX - 1 + len(["<Mallory"])
    assert told.count("&") == told.count("&lt;") + told.count("&gt;")


def test_a_notice_of_a_later_release_has_no_text():
    assert notice_text(notice("surprise"), 7, ENGLISH, TELEGRAM) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_and_an_unlink_can_be_undone_by_a_button(kind):
    pressed = [
        (one.action, one.value)
        for row in notice_buttons(notice(kind), ENGLISH)
        for one in row
        if isinstance(one, PressButton)
    ]

    can_be_undone = kind in (notices.LINKED, notices.UNLINKED)
    assert pressed == ([("undo_link", "7")] if can_be_undone else [])


def test_the_owner_of_a_void_code_is_told_as_before():
    told = notice_text(notice(notices.CODE_VOID), 7, ENGLISH, TELEGRAM)

    assert told is not None
    assert "I have made it void" in told
