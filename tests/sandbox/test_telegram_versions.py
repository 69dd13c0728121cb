"""A platform of another version than the library: fields, values and methods that differ."""

import json

import pytest
from aiogram.exceptions import ClientDecodeError, TelegramNotFound

from sandbox import Faults, SandboxError, SeedError, Transcript
from sandbox.telegram_api import OtherVersion, TelegramPlatform

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, ALICE = -1001000000001, 1001


async def test_a_server_older_than_the_library_lacks_fields_and_methods(telegram, bot):
    without = frozenset({"can_send_welcome_messages"})
    missing = frozenset({"setChatMemberTag"})
    telegram.version = OtherVersion(without=without, missing_methods=missing)
    with pytest.raises(ClientDecodeError):
        await bot.get_chat_member(GROUP, bot.id)
    with pytest.raises(TelegramNotFound, match="method not found"):
        await bot.set_chat_member_tag(GROUP, ALICE, "x")
    assert (await bot.get_chat_member(GROUP, ALICE)).status == "member"


async def test_a_server_newer_than_the_library_has_more_fields(telegram, bot):
    telegram.version = OtherVersion(extra={"message": {"telepathy": {"thought": 1}}})
    telegram.say(GROUP, ALICE, "hello")
    [update] = await bot.get_updates()
    assert update.message.model_extra == {"telepathy": {"thought": 1}}
    assert (await bot.send_message(GROUP, "x")).model_extra == {"telepathy": {"thought": 1}}


async def test_a_value_that_the_library_does_not_know(telegram, bot):
    telegram.version = OtherVersion(extra={"chat_member": {"status": "visitor"}})
    with pytest.raises(ClientDecodeError):
        await bot.get_chat_member(GROUP, ALICE)
    telegram.reset()
    assert (await bot.get_chat_member(GROUP, ALICE)).status == "member"


async def test_extra_fields_are_for_known_objects():
    with pytest.raises(SandboxError, match="not 'thought'"):
        OtherVersion(extra={"thought": {}})


async def test_a_state_that_the_version_before_saved_goes_on(telegram, seed):
    telegram.say(ALICE, ALICE, "/start")
    telegram.say(GROUP, ALICE, "hello")
    saved = json.loads(json.dumps(telegram.dump()))
    [bot] = saved.pop("bots").values()
    old = saved | {name: bot[name] for name in ("pending", "raw", "allowed_updates", "commands")}
    old["messages"] |= bot["messages"]
    old["message_ids"] |= bot["message_ids"]
    old["users"][str(ALICE)]["opened"] = True

    again = TelegramPlatform(seed, Transcript(), Faults())
    again.load(old)

    assert [one["text"] for one in again.messages(ALICE)] == ["/start"]
    assert [one["text"] for one in again.messages(GROUP)] == ["hello"]
    assert again.world()["private_chats"] == [ALICE]
    assert again.world()["pending_updates"] == 2
    with pytest.raises(SeedError, match="another group or bot"):
        again.load(old | {"groups": {}})
