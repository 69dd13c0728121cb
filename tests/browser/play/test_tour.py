"""The tour, taken by a newcomer on the real stack: each step is done, left and taken up again."""

import itertools
from typing import Any

import pytest
from playwright.async_api import expect

from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from tests.browser.barriers import look_for_barriers
from tests.browser.conftest import DESKTOP, PATIENCE_MS, PHONE

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

#: Steps at which axe looks: with a bubble alone, with a fact, and with a hindrance.
LOOKED_AT = ("hello", "guess", "bus", "break")
#: The parts of the page that are the tour's.
OF_THE_TOUR = (".tour-bubble", "#tour-offer", "#tour", ".tour-said")
#: A step waits for processes that are busy with everything else on the machine.
STEP_MS = 4 * PATIENCE_MS
NAMES = itertools.count(1)
WORDS = {
    "en": {"take": "Take the tour", "go_on": "Go on with it", "leave": "Leave the tour"},
    "ru": {"take": "Начать экскурсию", "go_on": "Продолжить", "leave": "Прервать экскурсию"},
}


class Tourist:
    """A newcomer who takes the tour on a page."""

    def __init__(self, page: Any, member: SandboxMember, language: str) -> None:
        self.page = page
        self.name = member.name
        self.telegram_id, self.discord_id = member.telegram_id, member.discord_id
        self.words = WORDS[language]
        self.bubble = page.locator(".tour-bubble")
        self.telegram = page.locator(".telegram")
        self.discord = page.locator(".discord")

    async def take(self) -> None:
        await self.page.get_by_role("button", name=self.words["take"]).first.click()

    async def at(self, step: str) -> None:
        """Wait until this step is shown."""
        await expect(self.bubble).to_have_attribute("data-step", step, timeout=STEP_MS)
        await expect(self.bubble).to_be_visible()

    async def leave_and_come_back(self, *, by_key: bool) -> None:
        """Leave, and go on from the panel."""
        if by_key:
            await self.page.locator("body").press("Escape")
        else:
            await self.bubble.get_by_role("button", name=self.words["leave"]).click()
        await expect(self.bubble).to_be_hidden()
        await expect(self.page.locator(".tour-ring")).to_be_hidden()
        await (
            self.page.locator("#tab-tour, #sides button")
            .locator("visible=true")
            .filter(has_text="Tour" if self.words is WORDS["en"] else "Экскурсия")
            .click()
        )
        await self.page.get_by_role("button", name=self.words["go_on"]).click()
        await expect(self.bubble).to_be_focused()

    async def next(self) -> None:
        await self.bubble.locator(".tour-primary").click()

    async def become_on(self, side: Any, person: str | int) -> None:
        await side.locator(f'[data-person="{person}"]').click()

    async def write(self, text: str) -> None:
        await self.telegram.locator("textarea").fill(text)
        await self.telegram.locator("textarea").press("Enter")

    async def use(self, command: str) -> None:
        await self.discord.locator("textarea").fill(command)
        await self.discord.locator("textarea").press("Enter")
        await self.discord.locator(".command-bar [type=submit]").click()

    async def win(self) -> None:
        """Press the middle of the numbers that are left, until the tour goes on."""
        won = self.bubble.locator(".tour-done")
        keys = self.telegram.locator(".message").last.locator(".key")
        count = await keys.count()
        while count > 1:
            await keys.nth(count // 2).click()
            fewer = keys.nth(count - 1)
            await expect(fewer).to_have_count(0, timeout=STEP_MS)
            count = await keys.count()
        if count == 1:
            await keys.click()
        await expect(won).to_be_visible(timeout=STEP_MS)


@pytest.fixture
def arrive(open_page, running):
    """`await arrive()` opens the page for a newcomer."""

    async def come(*, language: str = "en", size: Any = None, **options: Any) -> Tourist:
        name = f"Nina{next(NAMES)}"
        async with SandboxClient(running.endpoints.control_url) as client:
            nina = await SandboxMember.arrive(client, running.endpoints, name)
        page = await open_page(
            running.url,
            size=size or DESKTOP,
            locale=language,
            waits=False,
            # Colours are judged as they are in the end.
            reduced_motion="reduce",
            **options,
        )
        await page.locator(".telegram .person").first.wait_for(state="attached")
        await page.locator(f'.discord [data-person="{nina.discord_id}"]').wait_for(state="attached")
        return Tourist(page, nina, language)

    return come


@pytest.mark.parametrize(
    ("language", "size"),
    [
        ("en", DESKTOP),
        pytest.param("ru", DESKTOP, marks=pytest.mark.nightly),
        pytest.param("en", PHONE, marks=pytest.mark.nightly),
        pytest.param("ru", PHONE, marks=pytest.mark.nightly),
    ],
    ids=["en-desktop", "ru-desktop", "en-phone", "ru-phone"],
)
async def test_a_newcomer_takes_the_whole_tour_and_leaves_at_each_step(arrive, language, size):
    nina = await arrive(language=language, size=size)
    page = nina.page
    by_key = itertools.cycle([True, False])

    async def step(name: str) -> None:
        await nina.at(name)
        if name in LOOKED_AT:
            await look_for_barriers(page, *OF_THE_TOUR)
        await nina.leave_and_come_back(by_key=next(by_key))
        await nina.at(name)

    await look_for_barriers(page, *OF_THE_TOUR)
    await nina.take()
    await step("hello")
    await nina.next()
    await step("become")
    await nina.become_on(nina.telegram, nina.telegram_id)
    await step("guess")
    await expect(nina.bubble).to_contain_text(nina.name)
    await nina.write("/guess")
    await step("win")
    await nina.win()
    await step("bus")
    await expect(nina.bubble.locator(".tour-fact")).to_be_visible(timeout=STEP_MS)
    await nina.next()
    await step("twin")
    await nina.become_on(nina.discord, nina.discord_id)
    await step("link")
    await nina.use("/link")
    await step("open")
    await nina.discord.locator('.messages a[href*="?start="]').last.click()
    await step("confirm")
    await nina.discord.locator(".message.secret .component-button").first.click()
    await step("shown")
    await expect(nina.bubble.locator(".tour-fact")).to_contain_text("Newcomer", timeout=STEP_MS)
    await nina.next()
    await step("promote")
    await nina.use("/daily")
    await step("both")
    await expect(nina.bubble.locator(".tour-fact")).to_contain_text("Regular")
    shown = page.locator("#telegram-members .member", has_text=nina.name).locator(".tag")
    await expect(shown).to_have_text("Regular")
    await nina.next()
    await step("break")
    await page.locator("[data-name=kill-consumers] .strike").click()
    healed = {"en": "Healed after", "ru": "Восстановилось за"}[language]
    fact = nina.bubble.locator(".tour-fact")
    await expect(fact).to_contain_text(healed, timeout=2 * STEP_MS)
    await nina.next()
    await step("end")
    await nina.next()
    await expect(nina.bubble).to_be_hidden()
    await page.reload()
    await page.locator(".telegram .person").first.wait_for(state="attached")
    await expect(nina.bubble).to_be_hidden()
    await expect(page.locator("#tour-offer")).to_be_hidden()


async def test_the_tour_is_offered_once_and_goes_on_after_a_reload(arrive):
    nina = await arrive()
    page, offer = nina.page, nina.page.locator("#tour-offer")
    await expect(offer).to_be_visible()
    # An offer takes neither the focus nor the room of the chats.
    assert await page.evaluate("document.activeElement === document.body")
    await offer.get_by_role("button", name="Not now").click()
    await expect(offer).to_be_hidden()
    await page.reload()
    await page.locator(".telegram .person").first.wait_for()
    await expect(offer).to_be_hidden()
    await page.locator("#tab-tour").click()
    await page.get_by_role("button", name="Play in Telegram").click()
    await nina.at("guess")
    await page.reload()
    await nina.at("guess")


async def test_the_bubble_leaves_the_keyboard_where_the_person_is(arrive):
    nina = await arrive()
    page = nina.page
    await nina.take()
    await expect(nina.bubble).to_be_focused()
    await nina.next()
    await nina.at("become")
    await page.keyboard.press("F6")
    await expect(nina.telegram.locator("[aria-checked=true]")).to_be_focused()
    await nina.become_on(nina.telegram, nina.telegram_id)
    await nina.at("guess")
    # The next step came by itself: it is read out, and the focus is where it was.
    await expect(nina.telegram.locator("[aria-checked=true]")).to_be_focused()
    await expect(page.locator(".tour-said")).to_contain_text("Play in Telegram")
    await page.keyboard.press("F6")
    await expect(nina.bubble).to_be_focused()
    await page.keyboard.press("F6")
    field = nina.telegram.locator("textarea")
    await expect(field).to_be_focused()
    # Escape means something else to one who writes, and in a menu.
    await field.fill("half a sentence")
    await page.keyboard.press("Escape")
    await expect(nina.bubble).to_be_visible()
    await nina.telegram.locator(".chat-head [aria-haspopup=menu]").click()
    await page.keyboard.press("Escape")
    await expect(nina.bubble).to_be_visible()
    await field.fill("")
    await page.keyboard.press("Escape")
    await expect(nina.bubble).to_be_hidden()


async def test_a_step_that_cannot_be_done_says_so_and_lets_one_go_on(arrive, running):
    nina = await arrive()
    await nina.page.locator("#tab-tour").click()
    await nina.page.get_by_role("button", name="One tap").click()
    await nina.at("open")
    hindrance = nina.bubble.locator(".tour-hindrance")
    await expect(hindrance).to_contain_text("/link once more")
    await nina.bubble.get_by_role("button", name="Skip").click()
    await nina.at("confirm")
    await nina.become_on(nina.telegram, nina.telegram_id)
    await nina.bubble.get_by_role("button", name="Leave the tour").click()
    leaving = {"platform": "telegram", "action": "leave", "user_id": nina.telegram_id}
    async with SandboxClient(running.endpoints.control_url) as client:
        await client.post("/members", **leaving)
    await nina.page.locator("#tab-tour").click()
    await nina.page.get_by_role("button", name="Play in Telegram").click()
    await expect(hindrance).to_contain_text(f"{nina.name} is not in the group")
