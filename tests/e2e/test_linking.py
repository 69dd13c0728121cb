"""Linking in one tap, through both bots: opening links nothing, and the starter confirms."""

import asyncio
import re
from typing import Any

import msgspec
import pytest

import bots.features.linking.news
import bots.features.notices.notifier
from bots.features.linking.dialogue import Dialogue
from config.community import StoreSetting, StoreSettings
from db.links import offers
from db.links.states import LinkRules, set_rules
from sandbox import Call
from tests.support.patience import PATIENCE_S
from tests.support.recorded_events import achievement, record, settle, xp

ALICE, BORIS = 1001, 1002
DISCORD_ALICE, DISCORD_BORIS = 800000000000000101, 800000000000000102
GROUP = -1001000000001
CHANNEL = 900000000000000010
EDIT = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
WRONG = "I never gave out this code."


@pytest.fixture(autouse=True)
def prompt(monkeypatch):
    monkeypatch.setattr(bots.features.linking.news, "INTERVAL_S", 0.02)
    monkeypatch.setattr(bots.features.notices.notifier, "INTERVAL_S", 0.02)


@pytest.fixture
async def both(stage):
    """Run both bots, from the moment when the bot of Discord knows where links lead."""
    async with stage.telegram_bot(), stage.discord_bot():
        await named(stage)
        yield


async def named(stage) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await stage.pool.fetchval("SELECT count(*) FROM bot_names"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class OnDiscord:
    """A member on Discord, and the answer to their /link."""

    def __init__(self, stage, user_id: int = DISCORD_ALICE) -> None:
        self.stage, self.user_id = stage, user_id
        self.message_id = 0

    async def link(self, **options: object) -> dict[str, Any]:
        call = await self.stage.discord_answer(self.user_id, "link", **options)
        self.message_id = int(call.response["id"])
        return call.request["body"]

    async def press(self, custom_id: str) -> str:
        after = self.stage.transcript.last
        self.stage.discord.click(CHANNEL, self.message_id, self.user_id, custom_id)
        return (await self.stage.seen(EDIT, after=after)).request["body"]["content"]

    async def sees(self, text: str, *, after: int = 0) -> dict[str, Any]:
        call = await self.stage.transcript.wait_for(
            lambda call: call.name == EDIT and text in call.request["body"]["content"],
            timeout=PATIENCE_S,
            after=after,
        )
        return call.request["body"]


class OnTelegram:
    """A member in the private chat on Telegram."""

    def __init__(self, stage, user_id: int = ALICE) -> None:
        self.stage, self.user_id = stage, user_id

    async def say(self, text: str, *, answer: str = "") -> Call:
        """Write to the bot, and wait for a message that has this text."""
        after = self.stage.transcript.last
        self.stage.telegram.say(self.user_id, self.user_id, text)
        return await self.sees(answer, after=after)

    async def sees(self, text: str, *, after: int = 0) -> Call:
        return await self.stage.transcript.wait_for(
            lambda call: call.name in ("sendMessage", "editMessageText") and call.status == 200
            and call.request["chat_id"] == self.user_id and text in call.request["text"],
            timeout=PATIENCE_S,
            after=after,
        )  # fmt: skip

    async def press(self, message: Call, data: str) -> str:
        after = self.stage.transcript.last
        message_id = message.response["result"]["message_id"]
        self.stage.telegram.click(self.user_id, message_id, self.user_id, data)
        return (await self.stage.seen("editMessageText", after=after)).request["text"]


def buttons(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [button for row in body.get("components") or () for button in row["components"]]


def keys(message: Call) -> list[dict[str, Any]]:
    return [key for row in message.request["reply_markup"]["inline_keyboard"] for key in row]


def payload(body: dict[str, Any]) -> str:
    [url] = [button["url"] for button in buttons(body) if "url" in button]
    assert url.startswith("https://t.me/twinstream_sandbox_bot?start=link-")
    return f"/start {url.partition('?start=')[2]}"


def code_in(text: str) -> str:
    return re.findall(r"[`>]([A-Z2-9]{10})[`<]", text)[0]


async def earn(stage) -> None:
    mine, theirs = xp(20, user_id=ALICE), xp(15, user_id=DISCORD_ALICE, source="discord")
    await record(stage.pool, mine)
    await settle(stage.pool, mine)
    await record(stage.pool, theirs, source="discord")
    await settle(stage.pool, theirs, source="discord")


async def links(stage) -> int:
    return await stage.pool.fetchval("SELECT count(*) FROM links")


@pytest.mark.usefixtures("both")
async def test_from_discord_one_tap_opens_telegram_and_discord_confirms(stage):
    await earn(stage)
    here, there = OnDiscord(stage), OnTelegram(stage)
    invitation = await here.link()
    opened = await there.say(payload(invitation))
    question = await here.sees("has opened your link or code")
    assert await links(stage) == 0
    done = await here.press(buttons(question)[0]["custom_id"])
    told = await there.sees("are one member now", after=opened.number)

    assert "It works once, for 10 minutes." in invitation["content"]
    assert "link your account with <b>Alice</b> on Discord" in opened.request["text"]
    assert [key["text"] for key in keys(opened)] == ["Cancel"]
    assert question["content"].splitlines() == [
        "**Alice** on Telegram has opened your link or code. Confirm only if that is you.",
        "",
        "Telegram: 20 XP, 0 coins, Newcomer",
        "Discord: 15 XP, 0 coins, Newcomer",
        "Together: 35 XP, 0 coins, Regular",
        "",
        "Nothing has changed yet.",
    ]
    assert [button["label"] for button in buttons(question)] == ["Yes, that is me", "No"]
    assert done.startswith("Done: you and **Alice** on Telegram are one member now")
    assert told.name == "editMessageText"
    assert await stage.totals("telegram", ALICE) == (35, 0)


@pytest.mark.usefixtures("both")
async def test_a_question_says_what_the_link_brings_and_it_comes_so(stage):
    await earn(stage)
    await set_rules(stage.pool, LinkRules(reward_xp=10, reward_balance=3))
    lucky = achievement("lucky", user_id=ALICE)
    await record(stage.pool, lucky)
    here, there = OnDiscord(stage), OnTelegram(stage)
    await there.say(payload(await here.link()))
    question = await here.sees("has opened your link or code")
    await here.press(buttons(question)[0]["custom_id"])

    assert question["content"].splitlines()[4:7] == [
        "Together: 45 XP, 3 coins, Veteran",
        "For linking you get 10 XP, 3 coins: that is counted in.",
        "Achievements: you keep those of both sides, 1 together.",
    ]
    assert await stage.totals("discord", DISCORD_ALICE) == (45, 3)


@pytest.mark.usefixtures("both")
async def test_from_telegram_the_code_opens_on_discord_and_telegram_confirms(stage):
    here, there = OnTelegram(stage), OnDiscord(stage)
    invitation = await here.say("/link")
    code = code_in(invitation.request["text"])
    opened = await there.link(code=code)
    question = await here.sees("has opened your link or code")
    assert await links(stage) == 0
    done = await here.press(question, keys(question)[0]["callback_data"])
    told = await there.sees("are one member now")

    assert keys(invitation) == [{"text": "Copy the code", "copy_text": {"text": code}}]
    assert "link your account with **Alice** on Telegram" in opened["content"]
    assert done.startswith("Done: you and <b>Alice</b> on Discord")
    assert "Done: you and **Alice** on Telegram" in told["content"]
    assert await links(stage) == 1


@pytest.mark.usefixtures("both")
async def test_a_question_that_fails_once_comes_a_moment_later(stage, monkeypatch):
    faults = iter([RuntimeError("a fault of ours")])
    ask = Dialogue.question

    async def failing(self: Dialogue, *args: Any) -> Any:
        for fault in faults:
            raise fault
        return await ask(self, *args)

    monkeypatch.setattr(Dialogue, "question", failing)
    monkeypatch.setattr(bots.features.linking.news, "REPEAT_S", 0.02)
    here, there = OnTelegram(stage), OnDiscord(stage)
    await there.link(code=code_in((await here.say("/link")).request["text"]))

    assert (await here.sees("has opened your link or code")).name == "sendMessage"
    assert next(faults, None) is None


@pytest.mark.usefixtures("both")
async def test_the_starter_on_discord_declines_a_stranger(stage):
    here, thief, there = OnDiscord(stage), OnTelegram(stage, BORIS), OnTelegram(stage)
    start = payload(await here.link())
    await thief.say(start)
    taken = await there.say(start)
    question = await here.sees("**Boris** on Telegram has opened")
    declined = await here.press(buttons(question)[1]["custom_id"])
    told = await thief.sees("отказались")
    after = await there.say(start)

    assert "Another account opened this before you." in taken.request["text"]
    assert declined.startswith("Declined: nothing was changed")
    assert told.name == "editMessageText"
    assert "used already, is void, or is too old" in after.request["text"]
    assert await links(stage) == 0


@pytest.mark.usefixtures("both")
async def test_the_starter_on_telegram_declines_a_stranger(stage):
    here, thief, there = OnTelegram(stage), OnDiscord(stage, DISCORD_BORIS), OnDiscord(stage)
    code = code_in((await here.say("/link")).request["text"])
    await thief.link(code=code)
    taken = await there.link(code=code)
    question = await here.sees("<b>Boris</b> on Discord has opened")
    declined = await here.press(question, keys(question)[1]["callback_data"])
    told = await thief.sees("отказались")
    after = await there.link(code=code)

    assert "Another account opened this before you." in taken["content"]
    assert declined.startswith("Declined: nothing was changed")
    assert told["content"]
    assert "used already, is void, or is too old" in after["content"]
    assert await links(stage) == 0


@pytest.mark.usefixtures("both")
async def test_the_opener_cancels_and_the_starter_is_told(stage):
    here, there = OnDiscord(stage), OnTelegram(stage)
    opened = await there.say(payload(await here.link()))
    await here.sees("has opened your link or code")
    cancelled = await there.press(opened, keys(opened)[0]["callback_data"])
    told = await here.sees("declined, so nothing was changed")

    assert cancelled == "Cancelled: nothing was changed."
    assert not buttons(told)


@pytest.mark.usefixtures("both")
async def test_a_double_press_links_once(stage):
    here, there = OnTelegram(stage), OnDiscord(stage)
    await there.link(code=code_in((await here.say("/link")).request["text"]))
    question = await here.sees("has opened your link or code")
    message_id = question.response["result"]["message_id"]
    data = keys(question)[0]["callback_data"]
    for _ in range(2):
        stage.telegram.click(ALICE, message_id, ALICE, data)
    await here.sees("are one member now")
    help_ = await here.say("/help")

    assert help_.status == 200
    assert await links(stage) == 1
    assert len(stage.transcript.calls(name="answerCallbackQuery")) == 2


@pytest.mark.usefixtures("both")
async def test_both_sides_at_once_are_linked_and_the_other_question_ends_quietly(stage):
    telegram, discord = OnTelegram(stage), OnDiscord(stage)
    code, start = (
        code_in((await telegram.say("/link")).request["text"]),
        payload(await discord.link()),
    )
    starter = OnDiscord(stage)
    starter.message_id = discord.message_id
    await discord.link(code=code)
    await telegram.say(start)
    on_discord = await starter.sees("has opened your link or code")
    on_telegram = await telegram.sees("has opened your link or code")
    first = await telegram.press(on_telegram, keys(on_telegram)[0]["callback_data"])
    second = await starter.press(buttons(on_discord)[0]["custom_id"])

    assert first.startswith("Done: you and <b>Alice</b> on Discord")
    assert second.startswith("Done: you and **Alice** on Telegram")
    assert await links(stage) == 1


async def test_after_a_restart_the_next_link_asks_on_discord(stage):
    here, there = OnDiscord(stage), OnTelegram(stage)
    async with stage.telegram_bot():
        async with stage.discord_bot():
            await named(stage)
            start = payload(await here.link())
        await there.say(start)
        ended = stage.transcript.last
        async with stage.discord_bot():
            await stage.seen("gateway GUILD_CREATE", after=ended)
            question = await here.link()
            done = await here.press(buttons(question)[0]["custom_id"])

    assert "has opened your link or code" in question["content"]
    assert done.startswith("Done: you and **Alice** on Telegram")


async def test_after_a_restart_the_question_comes_on_telegram(stage):
    here, there = OnTelegram(stage), OnDiscord(stage)
    async with stage.discord_bot():
        async with stage.telegram_bot():
            code = code_in((await here.say("/link")).request["text"])
        await there.link(code=code)
        async with stage.telegram_bot():
            question = await here.sees("has opened your link or code")
        async with stage.telegram_bot():
            done = await here.press(question, keys(question)[0]["callback_data"])
            await there.sees("are one member now")

    assert done.startswith("Done: you and <b>Alice</b> on Discord")


async def test_a_confirmation_whose_answer_a_crash_swallowed_is_repeated(stage):
    """The bot died after the commit: the same button says what is so."""
    here, there = OnTelegram(stage), OnDiscord(stage)
    async with stage.discord_bot():
        async with stage.telegram_bot():
            await there.link(code=code_in((await here.say("/link")).request["text"]))
            question = await here.sees("has opened your link or code")
        async with stage.pool.acquire() as conn:
            offer_id = await conn.fetchval("SELECT id FROM link_offers")
            await offers.confirm(conn, "telegram", ALICE, offer_id)
        async with stage.telegram_bot():
            done = await here.press(question, keys(question)[0]["callback_data"])

    assert done.startswith("Done: you and <b>Alice</b> on Discord")
    assert await links(stage) == 1


@pytest.mark.usefixtures("both")
async def test_what_expired_links_nobody_and_counts_for_nothing(stage):
    here, there = OnDiscord(stage), OnTelegram(stage)
    start = payload(await here.link())
    await there.say(start)
    question = await here.sees("has opened your link or code")
    await stage.pool.execute("UPDATE link_offers SET expires_at = now()")
    late = await here.press(buttons(question)[0]["custom_id"])
    again = await there.say(start)

    assert late == "This question is too old, and nothing was changed. Send /link to start again."
    assert "is too old" in again.request["text"]
    assert await links(stage) == 0
    assert await stage.pool.fetchval("SELECT count(*) FROM link_attempts") == 0


@pytest.mark.usefixtures("both")
async def test_a_bare_code_in_private_is_understood_however_it_is_typed(stage):
    here, there = OnDiscord(stage), OnTelegram(stage)
    code = code_in((await here.link())["content"])
    typed = f"`/link {code[:5].lower()}-{code[5:]}`. ".replace("A", "А").replace("B", "В")
    opened = await there.say(typed)
    no_code = await there.say("/link something else")
    wrong = await there.say("ABCDE FGHJK")

    assert "link your account with <b>Alice</b> on Discord" in opened.request["text"]
    assert no_code.request["text"].startswith("This is not a code: a code has 10")
    assert wrong.request["text"].startswith(WRONG)
    assert await stage.pool.fetchval("SELECT sum(failures) FROM link_attempts") == 1


@pytest.mark.usefixtures("both")
async def test_a_limited_account_is_told_how_long_to_wait(stage):
    there = OnTelegram(stage)
    for number in range(5):
        assert (await there.say(f"/link ABCDEFGH{number + 2}K")).request["text"].startswith(WRONG)
    waits = await there.say("/link ABCDEFGHJK")

    assert waits.request["text"] == "Too many wrong codes. Please wait 15 minutes and try again."


@pytest.mark.usefixtures("both")
async def test_a_linked_member_is_told_with_whom(stage):
    here, there = OnDiscord(stage), OnTelegram(stage)
    await there.say(payload(await here.link()))
    await here.press(buttons(await here.sees("has opened"))[0]["custom_id"])

    told = await here.link()
    # The news of the link may come first.
    too = await there.say("/link", answer="Your account is linked")

    assert told["content"].startswith("Your account is linked with **Alice** on Telegram, since")
    assert too.request["text"].startswith("Your account is linked with <b>Alice</b> on Discord, ")


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("how", ["text", "address", "behind words"])
async def test_a_link_that_was_posted_in_the_group_is_void_at_once(stage, how):
    here, there = OnDiscord(stage), OnTelegram(stage)
    start = payload(await here.link())
    url = f"https://t.me/twinstream_sandbox_bot?start={start.split()[1]}"
    if how == "behind words":
        message = {
            "message_id": 900,
            "date": 1_790_000_000,
            "chat": {"id": GROUP, "type": "supergroup", "title": "Twin Harbour"},
            "from": {"id": BORIS, "is_bot": False, "first_name": "Boris"},
            "text": "here",
            "entities": [{"type": "text_link", "offset": 0, "length": 4, "url": url}],
        }
        stage.telegram.send_update({"message": message})
    else:
        stage.telegram.say(GROUP, BORIS, start if how == "text" else f"look: {url}")
    await stage.transcript.wait_for(
        lambda call: call.name == "sendMessage" and "made it void" in call.request["text"],
        timeout=PATIENCE_S,
    )

    assert "is void, or is too old" in (await there.say(start)).request["text"]


async def test_a_link_owes_the_own_table_of_a_bot_what_its_row_lacks(stage):
    await stage.pool.execute(
        "CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)"
    )
    await stage.pool.execute("INSERT INTO users VALUES ($1, 0, 0)", ALICE)
    stage.community = msgspec.structs.replace(
        stage.community, stores=StoreSettings(telegram=StoreSetting(table="users"))
    )
    won = xp(15, user_id=DISCORD_ALICE, source="discord")
    await record(stage.pool, won, source="discord")
    await settle(stage.pool, won, source="discord")
    here = OnDiscord(stage)
    async with stage.discord_bot():
        code = code_in((await here.link())["content"])
        async with stage.pool.acquire() as conn:
            await offers.open_offer(conn, "telegram", ALICE, code)
        question = await here.sees("has opened your link or code")
        await here.press(buttons(question)[0]["custom_id"])

    owed = await stage.pool.fetchrow("SELECT platform, xp, balance FROM store_debts")
    assert tuple(owed) == ("telegram", 15, 0)


async def test_without_a_telegram_bot_discord_gives_the_code_alone(stage):
    async with stage.discord_bot():
        invitation = await OnDiscord(stage).link()

    assert not buttons(invitation)
    assert code_in(invitation["content"])
    assert invitation["content"].startswith("Send our bot on Telegram this code")
