"""The group becomes a supergroup and has another id: the bot goes on there, and says so once."""

import pytest

from sandbox import Fault

GROUP = -1001000000001
ALICE = 1001


def told(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if "chat.migrated" in line]


async def test_the_bot_goes_on_in_the_new_group_and_says_once_what_to_correct(stage, capsys):
    async with stage.telegram_bot():
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help")
        moved = stage.telegram.people.migrate()
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help", chat_id=moved)

    [line] = told(capsys.readouterr().out)
    assert f"set chat_id = {moved} in [telegram] of twinstream.toml" in line
    assert stage.telegram.world()["pending_updates"] == 0


async def test_a_bot_that_starts_with_the_old_id_serves_the_new_group(stage, capsys):
    moved = stage.telegram.people.migrate()

    async with stage.telegram_bot():
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help", chat_id=moved)

    assert len(told(capsys.readouterr().out)) == 1


@pytest.mark.parametrize(
    "lost",
    ["migrate_to_chat_id", pytest.param("migrate_from_chat_id", marks=pytest.mark.nightly)],
)
async def test_one_of_the_two_service_messages_is_enough(stage, capsys, lost):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        stage.faults.add(Fault("telegram", "getUpdates", 502))
        moved = stage.telegram.people.migrate()
        [bot] = stage.telegram._world.state.bots.values()
        bot.pending[:] = [one for one in bot.pending if lost not in one.get("message", {})]
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help", chat_id=moved)

    assert len(told(capsys.readouterr().out)) == 1


async def test_members_play_in_private_after_the_move(stage):
    async with stage.telegram_bot():
        moved = stage.telegram.people.migrate()
        await stage.tell_telegram(ALICE, "/help", chat_id=moved)

        assert "from 1 to 10" in await stage.tell_telegram(ALICE, "/guess", chat_id=ALICE)
