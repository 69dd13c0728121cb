"""The pictures of chats: any text is safe in them, lines fit, and each button has its place."""

import re
from xml.etree import ElementTree

import pytest

from launch.chat_pictures import (
    WIDTH,
    Button,
    Message,
    Run,
    draw_discord,
    draw_telegram,
    width_of,
    wrapped,
)
from launch.pictures import discord_runs, masked, telegram_runs

NASTY = '</text><script>alert("&")</script>'
SVG = "{http://www.w3.org/2000/svg}"
BOTH = pytest.mark.parametrize("draw", [draw_telegram, draw_discord])


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@BOTH
def test_any_text_is_text_in_a_picture(draw):
    message = Message(NASTY, (Run(NASTY, "b"),), ((Button(NASTY),),), above=NASTY, below=NASTY)
    svg = draw(NASTY, [message])

    assert "<script" not in svg
    assert texts(svg).count(NASTY) >= 3


@BOTH
def test_a_character_that_xml_forbids_is_replaced(draw):
    assert "a\ufffdb" in texts(draw("chat", [Message("bot", (Run("a\x00b"),))]))


@BOTH
def test_nothing_is_drawn_beyond_the_edges(draw):
    rows = (tuple(Button("Confirm it " * 2) for _ in range(3)),)
    svg = draw("chat", [Message("bot", (Run("Ж" * 300 + " and " * 99),), rows)])

    for box in ElementTree.fromstring(svg).iter(f"{SVG}rect"):
        left, width = float(box.attrib["x"]), float(box.attrib["width"])
        assert left >= 0
        assert left + width <= WIDTH
    assert all(width_of(text) <= WIDTH for text in texts(svg))


@BOTH
def test_each_button_stands_below_its_message(draw):
    rows = ((Button("Yes"), Button("No")), (Button("Later"),))
    svg = draw("chat", [Message("bot", (Run("Sure?"),), rows), Message("bot", (Run("Done"),))])
    order = [text for text in texts(svg) if text in ("Sure?", "Yes", "No", "Later", "Done")]
    heights = {"".join(one.itertext()): float(one.attrib["y"])
               for one in ElementTree.fromstring(svg).iter(f"{SVG}text")}  # fmt: skip

    assert order == ["Sure?", "Yes", "No", "Later", "Done"]
    assert heights["Sure?"] < heights["Yes"] == heights["No"] < heights["Later"] < heights["Done"]


def test_the_labels_of_a_row_of_buttons_have_room_in_telegram():
    labels = ("XP", "XP this month", "XP this week")
    row = tuple(Button(label) for label in labels)
    svg = draw_telegram("chat", [Message("bot", (Run("Sure?"),), (row,))])
    boxes = list(ElementTree.fromstring(svg).iter(f"{SVG}rect"))[-len(labels) :]

    for label, box in zip(labels, boxes, strict=True):
        assert width_of(label) < float(box.attrib["width"])


def test_a_link_button_of_discord_says_that_it_leads_away():
    rows = ((Button("Open", 5, is_link=True),),)

    assert "Open ↗" in texts(draw_discord("chat", [Message("bot", (Run("Press"),), rows)]))


def test_lines_break_between_words_and_keep_styles():
    lines = wrapped(
        (Run("one two "), Run("three", "b"), Run(" four\n\nfive")), width_of("one two th")
    )
    shown = ["".join(run.text for run in line).strip() for line in lines]

    assert shown == ["one two", "three", "four", "", "five"]
    assert [run for line in lines for run in line if run.style] == [Run("three", "b")]


def test_no_line_begins_with_the_space_at_which_it_was_broken():
    assert wrapped((Run("two one"),), width_of("two")) == [[Run("two")], [Run("one")]]


def test_a_word_wider_than_a_line_is_broken():
    lines = wrapped((Run("x" * 50),), 100)

    assert len(lines) > 1
    assert "".join(run.text for line in lines for run in line) == "x" * 50
    assert all(sum(width_of(run.text) for run in line) <= 100 for line in lines)


def test_the_marks_of_each_platform_become_styles():
    entities = [
        {"type": "bold", "offset": 3, "length": 5},
        {"type": "bot_command", "offset": 9, "length": 5},
    ]

    assert list(telegram_runs("🦊 Alice /undo", entities)) == [
        Run("🦊 "), Run("Alice", "b"), Run(" /undo"),
    ]  # fmt: skip
    assert [run for run in discord_runs(r"**Ann** `code` \*not\*") if run.text] == [
        Run("Ann", "b"), Run(" "), Run("code", "c"), Run(" "), Run("*"), Run("not"), Run("*"),
    ]  # fmt: skip


def test_codes_payloads_and_times_are_masked():
    assert masked("/start link-4f9a") == "/start"
    assert masked("this code: K7WQX2MNPR") == masked("this code: ZZ9ZZ8ZZ7Z")
    since = masked("since 2026-11-30 01:38 UTC. Until 2026-12-07 01:38 UTC")
    assert since == "since 2000-01-01 12:00 UTC. Until 2000-01-08 12:00 UTC"
    assert not re.search("2026", masked("с 2026-11-30 01:38 UTC. До 2026-12-07 01:38 UTC"))
