"""The page as a whole: texts that mean harm, floods, lost connections, other pages, both languages
and sizes, and what axe finds."""

import asyncio
import json
import sys
import time
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import expect

from tests.browser.barriers import look_for_barriers
from tests.browser.conftest import PHONE
from tests.browser.frames import longest_frame_ms, watch_frames
from tests.support.discord_sandbox import ALICE as DISCORD_ALICE
from tests.support.discord_sandbox import BORIS as DISCORD_BORIS
from tests.support.discord_sandbox import GENERAL
from tests.support.unicode_categories import GENERAL_CATEGORIES

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

ASSETS = Path(__file__).parents[2] / "sandbox" / "page" / "assets"
SOURCE = "".join(one.read_text(encoding="utf-8") for one in ASSETS.rglob("*.js"))
GROUP, VERA, ALICE, BORIS = -1001000000001, 1000, 1001, 1002
MARKUP = (
    "<img src=x onerror=harm()>",
    "<script>harm()</script>",
    "</div></main><style>*{display:none}</style><iframe srcdoc='<script>parent.harm()</script>'>",
    "{{constructor.constructor('harm()')()}} ${harm()} javascript:harm()",
    '[x](javascript:harm()) <javascript:harm()> [y](https://a"onmouseover=harm())',
    "**__~~||***" * 40 + "`" * 30 + "> " * 50 + "[" * 60 + "<@" * 60,
    "@everyone <@&1> <#2> </x:3> <:e:4> <t:99999999999999999> <t:8640000000001:R>",
    "\u202etxet\u2066 \u200b\ufeff\u0000 عربي עברית",
    "\U0001f600" * 60 + "e" + "\u0301" * 200,
)


def hostile() -> list[str]:
    """Markup of every kind, and each category of Unicode."""
    of: dict[str, list[str]] = {name: [] for name in GENERAL_CATEGORIES if name != "Cs"}
    for code in range(sys.maxunicode + 1):
        kept = of.get(unicodedata.category(chr(code)))
        if kept is not None and len(kept) < 3:
            kept.append(chr(code))
    categories = "".join(one for kept in of.values() for one in kept)
    return [*MARKUP, f"[{categories}]"]


async def look_for_harm(page: Any) -> None:
    """Nothing that was written has become an element or ran."""
    assert await page.evaluate("window.harmed ?? null") is None
    inside = page.locator(":is(.telegram, .discord) :is(script, iframe, style, object, img[src=x])")
    assert await inside.count() == 0
    handlers = "all => all.some((one) => [...one.attributes].some((each) => /^on/.test(each.name)))"
    assert not await page.locator("#stage *").evaluate_all(handlers)
    links = await page.locator("#stage a").evaluate_all("all => all.map((one) => one.protocol)")
    assert set(links) <= {"http:", "https:", "mailto:", "tel:"}


async def test_names_and_messages_of_every_kind_do_nothing(open_page, world):
    page = await open_page()
    await page.evaluate("() => { window.harm = () => { window.harmed = true; }; }")
    await page.locator("[aria-controls=telegram-members]").click()
    await page.locator("[aria-controls=discord-members]").click()
    for text in hostile():
        world.telegram.say(GROUP, ALICE, text)
        world.telegram.people.rename(BORIS, text[:60], None, None)
        world.telegram.say(GROUP, BORIS, "x")
        world.telegram.join(None, text[:60])
        said = text.replace("\x00", "")
        world.discord.say(GENERAL, DISCORD_ALICE, said)
        world.discord.people.set_nick(DISCORD_BORIS, said[:30])
        world.discord.say(GENERAL, DISCORD_BORIS, "x")
        embed = {
            "title": said[:250],
            "description": said,
            "fields": [{"name": "f", "value": said[:900]}],
        }
        await world.rest("POST", f"/channels/{GENERAL}/messages", {"embeds": [embed]})
    await world.bot("sendMessage", chat_id=GROUP, text="the end")
    await page.locator(".telegram .message", has_text="the end").wait_for()
    await page.locator(".discord .embed").nth(len(hostile()) - 1).wait_for()
    await look_for_harm(page)
    # Telegram has no markup in what people write: each text is shown as it is.
    shown = await page.locator(".telegram .message.own .text").all_text_contents()
    assert shown == [
        one["text"] for one in world.telegram.messages(GROUP) if one["from"]["id"] == ALICE
    ]


async def test_entities_that_lie_about_their_places_do_nothing(open_page, world):
    world.telegram.say(GROUP, ALICE, "abc 😀 def")
    [message] = world.telegram._world.state.messages[GROUP].values()
    kinds = ("bold", "italic", "spoiler", "pre", "text_link", "blockquote", "unknown", "url")
    message["entities"] = [
        {"type": kind, "offset": offset, "length": length, "url": "javascript:harm()"}
        for kind in kinds
        for offset, length in ((0, 5), (3, 4), (-1, 3), (2, 10**9), (4, 1), (10**9, 1), (0, 0))
    ]
    page = await open_page()
    text = page.locator(".telegram .message .text")
    await expect(text).to_have_text("abc 😀 def")
    await look_for_harm(page)


async def test_a_thousand_messages_a_second_do_not_freeze_the_page(open_page, world):
    page = await open_page()
    await watch_frames(page)
    began = time.monotonic()
    for number in range(20):
        for one in range(100):
            world.telegram.say(GROUP, ALICE, f"message {number * 100 + one}")
        # As a chat at a thousand messages a second: 100 in each tenth.
        await asyncio.sleep(max(0.0, began + number / 10 - time.monotonic()))
    await expect(page.locator(".telegram .message").last).to_contain_text("message 1999")
    assert await page.locator(".telegram .message").count() == 200
    # It can be used at once.
    await page.locator(".telegram textarea").fill("still here")
    await page.locator(".telegram textarea").press("Enter")
    await expect(page.locator(".telegram .message").last).to_contain_text("still here")
    longest = await longest_frame_ms(page)
    assert longest < 3_000, f"a frame took {longest} ms"


async def test_one_who_reads_further_up_stays_there(open_page, world):
    for number in range(120):
        world.telegram.say(GROUP, ALICE, f"message {number}")
    page = await open_page()
    await expect(page.locator(".telegram .message").last).to_be_in_viewport()
    log = page.locator(".telegram .messages")
    await log.evaluate("one => { one.scrollTop = 0; }")
    await page.wait_for_function(
        "() => document.querySelector('.telegram .messages').scrollTop === 0"
    )
    world.telegram.say(GROUP, ALICE, "news")
    await page.get_by_role("button", name="New messages").click()
    await expect(page.locator(".telegram .message", has_text="news")).to_be_in_viewport()


async def test_a_page_goes_on_after_the_sandbox_was_away(open_page, world):
    page = await open_page()
    port = int(world.control.url.rpartition(":")[2])
    await world.control.stop()
    await expect(page.locator("#status")).to_contain_text("does not answer")
    await page.locator(".telegram textarea").fill("kept")
    await page.locator(".telegram textarea").press("Enter")
    await expect(page.locator(".telegram .toast.error")).to_contain_text("cannot be reached")
    await expect(page.locator(".telegram textarea")).to_have_value("kept")
    world.telegram.say(GROUP, ALICE, "said meanwhile")
    await world.control.start(port=port)
    await expect(page.locator("#status")).to_be_hidden(timeout=10_000)
    await expect(page.locator(".telegram .message")).to_contain_text("said meanwhile")


async def test_a_sandbox_that_was_reset_is_shown_as_it_is(open_page, world):
    page = await open_page()
    world.telegram.say(GROUP, ALICE, "before")
    await page.locator(".telegram .message").wait_for()
    async with world.session.post(f"{world.control.url}/reset", json={}):
        pass
    await expect(page.locator(".telegram .message")).to_have_count(0)


# The token, and other pages


async def test_without_the_token_the_page_says_where_it_is(open_page, world):
    page = await open_page(f"{world.control.url}/", waits=False)
    await expect(page.locator("#status")).to_contain_text("#token=")
    page = await open_page(f"{world.control.url}/play/#token=old", waits=False)
    await expect(page.locator("#status")).to_contain_text("earlier start")


async def test_the_token_leaves_the_address_and_choices_stay_in_it(open_page, world):
    page = await open_page()
    await page.locator(f'.telegram [data-person="{BORIS}"]').click()
    await page.locator('.telegram [data-place="bot:42"]').click()
    await page.get_by_role("button", name="Русский").click()
    assert "token" not in page.url
    await page.reload()
    chosen = page.locator(f'.telegram [data-person="{BORIS}"]')
    await expect(chosen).to_have_attribute("aria-checked", "true")
    await expect(page.locator(".telegram .chat-title")).to_contain_text("бот")
    await expect(page.locator("html")).to_have_attribute("lang", "ru")
    assert f"tg={BORIS}" in page.url


@pytest_asyncio.fixture(loop_scope="session")
async def other_site() -> AsyncIterator[str]:
    """A page of another origin of the same machine."""

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text="<title>other</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://localhost:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_another_page_of_the_browser_can_neither_do_nor_see_anything(
    open_page, world, other_site
):
    page = await open_page(other_site, waits=False, hears=False)
    url = world.control.url
    body = json.dumps({"chat_id": GROUP, "user_id": ALICE, "text": "forged"})
    script = """async ([url, body]) => {
      const tried = [];
      const attempt = async (what) => {
        try { tried.push((await what()).type); } catch { tried.push("refused"); }
      };
      await attempt(() => fetch(url + "/telegram/say", {method: "POST", body, mode: "no-cors"}));
      await attempt(() => fetch(url + "/telegram/say", {method: "POST", body}));
      await attempt(() => fetch(url + "/chats"));
      await attempt(() => fetch(url + "/stream"));
      const frame = document.createElement("iframe");
      frame.src = url + "/play/";
      document.body.append(frame);
      await new Promise((done) => (frame.onload = done));
      let inside = "hidden";
      try { inside = frame.contentWindow.document.title; } catch {}
      return [tried, inside];
    }"""
    tried, inside = await page.evaluate(script, [url, body])
    assert tried == ["opaque", "refused", "refused", "refused"]
    assert inside == "hidden"
    assert world.telegram.messages(GROUP) == []


async def test_the_chats_can_be_mounted_by_another_page_through_its_proxy(open_page, world):
    """As a page that shows more beside them does: its server passes requests on with the token."""

    async def passed_on(request: web.Request) -> web.StreamResponse:
        headers = {"X-Sandbox-Token": world.control.page_token}
        for name in ("Content-Type", "Last-Event-ID"):
            if name in request.headers:
                headers[name] = request.headers[name]
        url = world.control.url + request.rel_url.path_qs.removeprefix("/sandbox")
        body = await request.read()
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, data=body, headers=headers) as given,
        ):
            answer = web.StreamResponse(status=given.status)
            answer.content_type = given.content_type
            await answer.prepare(request)
            async for chunk in given.content.iter_any():
                await answer.write(chunk)
            return answer

    async def page_of_ours(_: web.Request) -> web.Response:
        script = """
          import { createApi } from "/sandbox/play/shared/api.js";
          import { mountTelegram } from "/sandbox/play/telegram/pane.js";
          const api = createApi({ base: "/sandbox", memory: new Map() });
          mountTelegram(document.body, api);
          api.start();
        """
        text = f"<!doctype html><body></body><script type=module>{script}</script>"
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page_of_ours)
    app.router.add_route("*", "/sandbox/{path:.*}", passed_on)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        page = await open_page(url, waits=False)
        await page.locator("textarea").fill("through the proxy")
        await page.locator("textarea").press("Enter")
        await expect(page.locator(".message.own")).to_contain_text("through the proxy")
        await page.close()
    finally:
        await runner.cleanup()


# Everybody can use it


async def fill_both(world: Any) -> None:
    """One of everything that has colours of its own."""
    await world.bot("setChatMemberTag", chat_id=GROUP, user_id=ALICE, tag="Veteran")
    buttons = [[{"text": "Go", "callback_data": "go"}, {"text": "Web", "url": "https://a.example"}]]
    text = "<b>b</b> <code>c</code> <tg-spoiler>s</tg-spoiler> <a href='https://a.example'>l</a>"
    await world.bot(
        "sendMessage",
        chat_id=GROUP,
        text=text,
        parse_mode="HTML",
        reply_markup={"inline_keyboard": buttons},
    )
    world.telegram.say(GROUP, ALICE, "hello")
    world.telegram.say(GROUP, BORIS, "/hello")
    world.telegram.react(GROUP, 1, ALICE, "🔥")
    world.telegram.join(None, "Eve")
    world.discord.administration.give_role(DISCORD_BORIS, 900000000000000101)
    world.discord.say(
        GENERAL, DISCORD_BORIS, "hello ||s|| `c` <@800000000000000101> https://a.example"
    )
    row = [
        {"type": 2, "style": style, "label": "B", "custom_id": f"{style}"} for style in range(1, 5)
    ]
    select = {"type": 3, "custom_id": "s", "options": [{"label": "x", "value": "x"}]}
    embed = {"title": "t", "description": "d", "footer": {"text": "f"}, "color": 255}
    components = [{"type": 1, "components": row}, {"type": 1, "components": [select]}]
    body = {"content": "c", "embeds": [embed], "components": components}
    await world.rest("POST", f"/channels/{GENERAL}/messages", body)
    world.discord.people.connect(DISCORD_ALICE, 900000000000000011, self_mute=True)


@pytest.mark.parametrize(
    ("scheme", "size", "language"), [("light", None, "en"), ("dark", PHONE, "ru")]
)
async def test_axe_finds_nothing_serious(open_page, world, scheme, size, language):
    await fill_both(world)
    page = await open_page(color_scheme=scheme, size=size, locale=language)

    if size is None:
        await page.locator("[aria-controls=telegram-members]").click()
        await page.locator("[aria-controls=discord-members]").click()
        await look_for_barriers(page)
        await page.locator(".telegram .more").first.click(force=True)
        await look_for_barriers(page)
        return
    await page.locator(".telegram .chat-entry").first.click()
    await look_for_barriers(page)
    await page.get_by_role("button", name="Discord", exact=True).click()
    await look_for_barriers(page)
    await page.locator(".discord .channel").first.click()
    await page.locator("[aria-controls=discord-members]").click()
    await look_for_barriers(page)


async def test_on_a_phone_one_side_and_one_column_is_shown(open_page, world):
    page = await open_page(size=PHONE)
    await expect(page.locator(".discord .sidebar")).to_be_hidden()
    await page.locator(".telegram .chat-entry").first.click()
    await expect(page.locator(".telegram .chats")).to_be_hidden()
    await page.locator(".telegram textarea").fill("from a phone")
    await page.locator(".telegram .send").click()
    await expect(page.locator(".telegram .message")).to_contain_text("from a phone")
    await page.get_by_role("button", name="Back to the list").click()
    await expect(page.locator(".telegram .chats")).to_be_visible()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]


async def test_a_link_to_a_bot_is_opened_here(open_page, world):
    link = "https://t.me/twinstream_sandbox_bot?start=ref_7"
    world.discord.say(GENERAL, DISCORD_ALICE, link)
    page = await open_page()
    await page.get_by_role("link", name=link).click()
    await expect(page.locator(".telegram .message.own")).to_contain_text("/start")
    assert [one["text"] for one in world.telegram.messages(ALICE)] == ["/start ref_7"]


async def test_everything_is_reached_by_keyboard(open_page, world):
    page = await open_page()
    world.telegram.say(GROUP, ALICE, "hello")
    await page.locator(".telegram .message").wait_for()
    await page.locator('.telegram [role=radio][tabindex="0"]').focus()
    await page.keyboard.press("ArrowRight")
    chosen = page.locator(".telegram [role=radio][aria-checked=true]")
    await expect(chosen).to_have_text("BBoris")
    await expect(chosen).to_be_focused()
    reached = set()
    for _ in range(60):
        await page.keyboard.press("Tab")
        reached.add(
            await page.evaluate(
                "document.activeElement.dataset.focus ?? document.activeElement.className"
            )
        )
    assert {"menu-1", "composer", f"chat-{GROUP}", f"channel-{GENERAL}"} <= reached
    await page.locator("[data-focus=menu-1]").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("End")
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-focus=menu-1]")).to_be_focused()


async def test_both_languages_have_all_texts(open_page, world):
    page = await open_page()
    keys = await page.evaluate(
        """async () => {
          const { TEXTS } = await import("/play/shared/texts.js");
          const marks = (text) => (text.match(/[{]\\w+[}]/g) ?? []).sort().join();
          return Object.fromEntries(Object.entries(TEXTS).map(([language, texts]) =>
            [language, Object.entries(texts).map(([name, text]) => [name, marks(text)]).sort()]));
        }"""
    )
    assert keys["en"] == keys["ru"]
    dynamic = ("kind_", "status_")
    unused = [
        name
        for name, _ in keys["en"]
        if not name.startswith(dynamic) and SOURCE.count(f'"{name}"') < 1
    ]
    assert unused == []
