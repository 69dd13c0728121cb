"""The panel "Break it": everything that it breaks heals in view, with the time that it took."""

import re
from typing import Any

import msgspec
import pytest
from playwright.async_api import expect

from launch.chromium import MISSING, chromium
from launch.play.breaks.condition import Condition
from launch.play.breaks.panel import breakages
from tests.browser.barriers import look_for_barriers
from tests.browser.conftest import DESKTOP, PHONE
from tests.support.variants import variants

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    # `make browser-test` looks for it first; `make nightly` does without.
    pytest.mark.skipif(chromium() is None, reason=MISSING),
]

#: Milliseconds until something is healed: the consumers look at roles once a minute, and each pass
#: of reconcile starts a process.
HEALED_MS = 240_000
#: Milliseconds for anything else on a busy machine.
SOON_MS = 30_000
HEALED = {
    "en": re.compile(r"Healed after \d[\d,]*\.\d s\."),
    "ru": re.compile(r"Исправилось за \d[\d\s]*,\d с\."),
}
NOTHING_LOST = {"en": "Lost: 0.", "ru": "Потеряно: 0."}
BROKEN = {"en": "Broken for", "ru": "Сломано"}
NEEDS_A_HAND = {"en": "needs a hand", "ru": "нужна помощь"}
#: Those that a person mends, because nothing else does.
MENDED_BY_HAND = ("role-above-bot", "kick-telegram", "kick-discord")
#: Those that heal by themselves within half an hour, or at once when a person asks.
COMPARED = ("books-telegram", "books-discord", "rank-telegram", "rank-discord")
SIZES: dict[str, Any] = {"desktop": DESKTOP, "phone": PHONE}
CASES = variants(
    [
        (f"{one.name}-{language}-{size}", (one.name, language, size))
        for one in breakages()
        for language in ("en", "ru")
        for size in SIZES
    ],
    every_day=(
        "kill-consumers-en-desktop",
        "empty-redis-ru-phone",
        "lost-reply-discord-ru-desktop",
    ),
)


async def open_panel(open_page: Any, url: str, language: str, size: str) -> Any:
    """Open the page and its panel, as a person on this device does."""
    page = await open_page(url, locale=language, size=SIZES[size])
    name = {"en": "Break it", "ru": "Сломать"}[language]
    within = page.locator("#sides") if size == "phone" else page.locator("#tabs")
    await within.get_by_text(name).click()
    await page.locator("[data-name=kill-consumers] .strike").wait_for()
    return page


@pytest.mark.parametrize(("name", "language", "size"), CASES)
async def test_it_breaks_and_heals_in_view(open_page, running, name, language, size):
    page = await open_panel(open_page, running.url, language, size)
    breakage = page.locator(f"[data-name={name}]")
    button = breakage.locator(".strike")
    heard = page.locator("#breaks [role=status]")
    what = await button.inner_text()

    await button.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(breakage).to_have_class(re.compile("broken|healed"), timeout=HEALED_MS)
    await expect(heard).to_contain_text(what, timeout=SOON_MS)
    if name in (*MENDED_BY_HAND, *COMPARED):
        await expect(breakage.locator(".state")).to_contain_text(BROKEN[language], timeout=SOON_MS)
        await expect(button).to_have_attribute("aria-disabled", "true", timeout=SOON_MS)
        await expect(breakage.locator(".mend")).to_be_visible(timeout=HEALED_MS)
        if name in MENDED_BY_HAND:
            await expect(breakage.locator(".state")).to_contain_text(
                NEEDS_A_HAND[language], timeout=SOON_MS
            )
        await breakage.locator(".mend").click()

    await expect(breakage.locator("strong")).to_have_text(HEALED[language], timeout=HEALED_MS)
    await expect(breakage.locator(".figures")).to_contain_text(NOTHING_LOST[language])
    await expect(heard).to_contain_text(f"{what}: ", timeout=SOON_MS)
    await expect(button).to_have_attribute("aria-disabled", "false")
    await expect(button).to_be_focused()


@pytest.mark.parametrize(
    ("recorded", "told"), [(2, "The other commands (14) promised no XP"), (16, None), (20, None)]
)
async def test_commands_that_brought_no_xp_do_not_look_lost(open_page, played, recorded, told):
    condition = Condition(
        stage="healed", times=1, since=1.0, took_s=14.1, asked=16, recorded=recorded
    )
    for name in ("kill-consumers", "stop-postgres"):
        played.board.set(f"breaks/{name}", msgspec.to_builtins(condition))
    page = await open_panel(open_page, played.url, "en", "desktop")
    figures = page.locator("[data-name=stop-postgres] .figures")

    await expect(figures).to_contain_text("Commands sent: 16.")
    if told is None:
        await expect(figures).not_to_contain_text("promised no XP")
    else:
        await expect(figures).to_contain_text(told)


async def test_the_panel_fits_and_axe_finds_nothing_serious(open_page, running):
    for size, scheme in (("desktop", "light"), ("phone", "dark")):
        page = await open_panel(open_page, running.url, "en", size)
        await page.emulate_media(color_scheme=scheme)
        breakage = page.locator("[data-name=lost-reply-telegram]")
        await breakage.locator(".strike").click()
        await expect(breakage).to_have_class(re.compile("broken"), timeout=SOON_MS)
        await look_for_trouble(page)
        await expect(breakage).to_have_class(re.compile("healed"), timeout=HEALED_MS)
        await look_for_trouble(page)


async def look_for_trouble(page: Any) -> None:
    """Nothing is wider than its place, and axe finds nothing serious."""
    wide = "document.querySelector('.breaks').scrollWidth > window.innerWidth"
    assert not await page.evaluate(wide)
    await look_for_barriers(page, "#breaks")


@pytest.mark.nightly
async def test_two_things_at_once_heal_and_the_page_goes_on(open_page, running):
    page = await open_panel(open_page, running.url, "en", "desktop")
    names = ("stop-postgres", "kill-consumers", "kill-telegram-bot")
    for name in names:
        await page.locator(f"[data-name={name}] .strike").click()
    for name in names:
        breakage = page.locator(f"[data-name={name}]")
        await expect(breakage).to_have_class(re.compile("healed"), timeout=HEALED_MS)
        await expect(breakage.locator(".figures")).to_contain_text("Lost: 0.")
    assert running.process.poll() is None
    await expect(page.locator("#status")).to_be_hidden()
