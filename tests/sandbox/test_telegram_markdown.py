"""MarkdownV2 and the older Markdown: text and entities, and the errors with their place."""

import pytest

from sandbox.telegram_api.texts.markdown import from_markdown, from_markdown_v2

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP = -1001000000001


def plainly(found):
    return [(entity["type"], entity["offset"], entity["length"]) for entity in found]


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("a *b* _c_ __d__ ~e~ ||f||", "a b c d e f", "bold italic underline strikethrough spoiler"),
        ("*b _i_*", "b i", "bold italic"),
        ("`a*b` ```py\nx_y```", "a*b x_y", "code pre"),
        ("[a](https://example.org/a\\))", "a", "text_link"),
        ("![👍](tg://emoji?id=5368324170671202286)", "👍", "custom_emoji"),
        (">one\n>two\nthree", "one\ntwo\nthree", "blockquote"),
        (r"1\. \*x\* \\", r"1. *x* " + "\\", ""),
    ],
)
async def test_markdown_v2_becomes_text_and_entities(source, text, entities):
    plain, found = from_markdown_v2(source)
    assert plain == text
    assert sorted(entity["type"] for entity in found) == sorted(entities.split())


async def test_offsets_are_in_utf_16():
    assert plainly(from_markdown_v2("😀 *я*")[1]) == [("bold", 3, 1)]
    assert from_markdown_v2("```py\nx```")[1][0]["language"] == "py"
    assert from_markdown_v2("[a](b\\)c)")[1][0]["url"] == "b)c"


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("1.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("я *b", "Can't find end of Bold entity at byte offset 3"),
        ("a `b", "Can't find end of Code entity at byte offset 2"),
        ("[a](b", "Can't find end of a URL at byte offset 3"),
        ("*a _b*", "Can't find end of Bold entity"),
    ],
)
async def test_bad_markdown_v2_is_refused_with_its_place(call, source, detail):
    body = await call("sendMessage", chat_id=GROUP, text=source, parse_mode="MarkdownV2")
    assert body["description"].startswith(f"Bad Request: can't parse entities: {detail}")


async def test_the_older_markdown_has_no_nesting():
    plain, found = from_markdown("*b* _i_ `c` [l](example.org) ```x\ny``` \\*")
    assert plain == "b i c l y *"
    assert [entity["type"] for entity in found] == ["bold", "italic", "code", "text_link", "pre"]


async def test_bad_older_markdown_is_refused_with_its_place(call):
    body = await call("sendMessage", chat_id=GROUP, text="a_b", parse_mode="Markdown")
    assert body["description"] == (
        "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset 1"
    )
