"""Which replies thank."""

import time

import pytest

from bots.features.thanks.words import ThankWords
from config.community_sections.thanks import WORDS

WORDS_OF_ALL = ThankWords(WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "thanks",
        "Thanks!",
        "THANK YOU!!!",
        "ok, thank you so much",
        "ｔｈａｎｋｓ",
        "thanks, but why does it work?",
        "спасибо",
        "Спасибо)))",
        "СПАСИБО большое!",
        "ну спасибо, помогло",
        "дякую",
        "+",
        " + ",
        "+!",
        "++",
        "+1",
        "+rep",
        "+REP @ann",
        "спасибо+",
        "th\u200banks",
        "\u202ethanks\u202c",
        "谢谢你",
        "ありがとうございます",
        "شكرا جزيلا",
        "תודה!",
        "teşekkürler",
        "> quoted text\nthanks",
    ],
)
def test_a_reply_thanks_whatever_its_case_width_and_punctuation(text):
    assert WORDS_OF_ALL.are_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no thanks",
        "No, thanks!",
        "не спасибо",
        "thankless",
        "thanksgiving",
        "неблагодарю",
        "a + b",
        "2 +1 = 3",
        "C++",
        "party",
        "reputation",
        "> thanks\nwhat for?",
        "x" * 4_096,
        "word " * 800 + "thanks",
    ],
)
def test_other_replies_do_not(text):
    assert not WORDS_OF_ALL.are_in(text)


def test_ё_is_е_and_own_words_replace_the_list():
    own = ThankWords(["чётко", "🙏"])

    assert own
    assert own.are_in("четко!")
    assert own.are_in("🙏🏽") is False
    assert own.are_in("🙏 !")
    assert not own.are_in("thanks")
    assert not ThankWords(())


def test_the_longest_message_costs_less_than_two_milliseconds():
    text = ("спасибонет " * 400)[:4_096]
    began = time.process_time()
    for _ in range(100):
        WORDS_OF_ALL.are_in(text)

    assert (time.process_time() - began) / 100 < 0.002
