"""Payloads that a platform's library cannot read cost nothing but themselves."""

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from bots.features.help import texts as help_texts
from sandbox import Fault
from tests.support.variants import variants

GROUP = -1001000000001
CHANNEL = 900000000000000010
ALICE, BORIS = 1001, 1002
DISCORD_ALICE = 800000000000000101
DISCORD_BORIS = 800000000000000102
SECRET = "a member's own words"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
FOLLOW_UP = "POST /webhooks/{webhook_id}/{webhook_token}"


def message(**more: object) -> dict[str, object]:
    known = {
        "message_id": 900,
        "date": 1_790_000_000,
        "chat": {"id": GROUP, "type": "supergroup", "title": "Twin Harbour"},
        "from": {"id": ALICE, "is_bot": False, "first_name": "Alice"},
        "text": SECRET,
    }
    return known | more


UNREADABLE = {
    "an unknown member of a union": (
        "message",
        {"message": message(forward_origin={"type": "another_planet", "date": 1})},
    ),
    "a wrong type": ("message", {"message": message(text={"rich": SECRET})}),
    "a missing field": ("message", {"message": {"text": SECRET}}),
    "an unknown kind": ("telepathy", {"telepathy": message()}),
    "a member status of tomorrow": (
        "chat_member",
        {
            "chat_member": {
                "chat": message()["chat"],
                "from": message()["from"],
                "date": 1,
                "old_chat_member": {"status": "left", "user": message()["from"]},
                "new_chat_member": {"status": "hologram", "user": message()["from"]},
            }
        },
    ),
    "nothing but an id": (None, {}),
}


def skipped(source: str) -> float:
    name = "twinstream_updates_skipped_total"
    return REGISTRY.get_sample_value(name, {"source": source}) or 0.0


def logged(printed: str, event: str) -> list[str]:
    return [line for line in printed.splitlines() if event in line]


@pytest.mark.parametrize(
    ("kind", "update"),
    variants(
        UNREADABLE.items(),
        every_day=("a missing field", "nothing but an id"),
    ),
)
async def test_an_update_that_cannot_be_decoded_costs_itself_only(stage, capsys, kind, update):
    """The other updates of the batch are answered, and Telegram does not send this one again."""
    before = skipped("telegram")
    stage.telegram.say(GROUP, ALICE, "/help")
    update_id = stage.telegram.send_update(update)
    stage.telegram.say(GROUP, BORIS, "/help")
    async with stage.telegram_bot():
        first = await stage.seen("sendMessage")
        second = await stage.seen("sendMessage", after=first.number)
    assert "What I can do" in first.request["text"]
    assert "Что я умею" in second.request["text"]

    printed = capsys.readouterr().out
    [line] = logged(printed, "update.skipped")
    assert str(update_id) in line
    assert kind is None or kind in line
    assert SECRET not in printed
    assert skipped("telegram") == before + 1
    assert stage.telegram.world()["pending_updates"] == 0

    after = stage.transcript.last
    async with stage.telegram_bot():
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help")
    again = [call.request for call in stage.transcript.calls(name="update", after=after)]
    assert update_id not in again
    assert "update.skipped" not in capsys.readouterr().out


NO_UPDATES = {
    "number": "17",
    "text": '"an update"',
    "list": "[]",
    "null": "null",
    "no id": '{"update_id": "soon", "message": {}}',
    "deep": '{"update_id": $update_id, "message": ' + "[" * 200_000 + "]" * 200_000 + "}",
    "deep message": '{"update_id": $update_id, "message": '
    + '{"reply_to_message": ' * 5_000
    + "1"
    + "}" * 5_001,
}


@pytest.mark.parametrize(
    "text",
    variants(
        ((name, (text,)) for name, text in NO_UPDATES.items()),
        every_day=("no id", "deep message"),
    ),
)
async def test_an_update_of_no_known_shape_costs_itself_only(stage, capsys, text):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        stage.telegram.send_text(text)
        assert "Что я умею" in await stage.tell_telegram(BORIS, "/help")

    assert len(logged(capsys.readouterr().out, "update.skipped")) == 1
    assert stage.telegram.world()["pending_updates"] == 0


async def test_an_update_that_cannot_be_decoded_is_the_first_after_a_start(stage):
    stage.telegram.send_text("17")
    stage.telegram.send_text("18")
    stage.telegram.say(GROUP, BORIS, "/help")
    async with stage.telegram_bot():
        assert "Что я умею" in (await stage.seen("sendMessage")).request["text"]


OLD_SERVER = {"result": {"can_send_welcome_messages": None}}


ANSWERS_AT_THE_START = {
    "the bot as an old server tells it": ("getChatMember", OLD_SERVER),
    "a new status of the bot": ("getChatMember", {"result": {"status": "hologram"}}),
    "no status of the bot": ("getChatMember", {"result": 17}),
    "the group without a field": ("getChat", {"result": {"accent_color_id": None}}),
    "no group": ("getChat", {"result": 17}),
    "itself without a field": ("getMe", {"result": {"is_bot": None}}),
    "itself under another id": ("getMe", {"result": {"id": "one"}}),
    "its commands": ("setMyCommands", {"result": {"done": 1}}),
}


@pytest.mark.parametrize(
    ("method", "changes"),
    variants(
        ANSWERS_AT_THE_START.items(),
        every_day=("no group", "itself under another id"),
    ),
)
async def test_a_bot_starts_although_an_answer_cannot_be_read(stage, capsys, method, changes):
    stage.faults.add(Fault("telegram", method, 0, times=50, when="garbled", changes=changes))

    async with stage.telegram_bot():
        assert "What I can do" in await stage.tell_telegram(ALICE, "/help")

    assert "bot.started" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [
        {"result": {"forward_origin": {"type": "another_planet"}}},
        pytest.param({"result": 17}, marks=pytest.mark.nightly),
        {"result": None},
    ],
)
async def test_an_answer_that_was_sent_is_not_sent_again(stage, capsys, changes):
    async with stage.telegram_bot():
        fault = Fault("telegram", "sendMessage", 0, when="garbled", changes=changes)
        stage.faults.add(fault)
        await stage.tell_telegram(ALICE, "/help")
        await stage.tell_telegram(BORIS, "/help")

    assert len(stage.transcript.calls(name="sendMessage")) == 2
    assert "answer.failed" not in capsys.readouterr().out


async def test_a_member_whose_membership_can_be_read_in_part_plays(stage):
    async with stage.telegram_bot():
        fault = Fault(
            "telegram", "getChatMember", 0, when="garbled", changes={"result": {"tag": 7}}
        )
        stage.faults.add(fault)

        assert "from 1 to 10" in await stage.tell_telegram(ALICE, "/guess", chat_id=ALICE)


async def test_an_error_page_is_no_answer_and_stays_out_of_the_log(stage, capsys):
    page = "<html>" + SECRET + "</html>"
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        stage.faults.add(Fault("telegram", "getUpdates", 502, when="garbled", page=page))
        stage.faults.add(Fault("telegram", "sendMessage", 502, when="garbled", page=page))
        stage.telegram.say(GROUP, ALICE, "/help")
        stage.telegram.say(GROUP, BORIS, "/help")
        await stage.transcript.wait_for(
            lambda call: call.name == "sendMessage" and "Что я умею" in str(call.request),
            timeout=10,
        )
        assert "Nothing earned yet" in await stage.tell_telegram(ALICE, "/profile")

    printed = capsys.readouterr().out
    assert SECRET not in printed
    assert len(logged(printed, "polling.interrupted")) == 1


def without(name: str, **more: object) -> dict[str, object]:
    return {key: value for key, value in message(**more).items() if key != name}


NEWCOMER = {"id": 1, "is_bot": False, "first_name": "x"}
HANDLED = {
    "no sender": {"message": without("from", text="/help")},
    "a channel post": {"channel_post": message(chat={"id": -5, "type": "channel", "title": "x"})},
    "a service message": {"message": without("text", left_chat_member=NEWCOMER)},
    "a kind never asked for": {
        "poll_answer": {"poll_id": "1", "option_ids": [], "option_persistent_ids": []}
    },
}


@pytest.mark.parametrize("update", HANDLED.values(), ids=HANDLED.keys())
async def test_an_odd_update_costs_nothing(stage, update, capsys):
    async with stage.telegram_bot():
        stage.telegram.send_update(update)
        assert "Что я умею" in await stage.tell_telegram(BORIS, "/help")

    assert "update.failed" not in capsys.readouterr().out


async def test_an_error_in_a_handler_costs_that_update_only(stage, monkeypatch):
    def broken(*_: object) -> str:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(help_texts, "menu", broken)
    with capture_logs() as lines:
        async with stage.telegram_bot():
            sorry = await stage.tell_telegram(ALICE, "/help")
            assert "Nothing earned yet" in await stage.tell_telegram(ALICE, "/profile")

    assert "Something went wrong" in sorry
    assert [line["event"] for line in lines].count("update.failed") == 1


# Discord


EVENTS = {
    "a member without user": ("GUILD_MEMBER_ADD", {"guild_id": "900000000000000001"}),
    "a member update of another shape": ("GUILD_MEMBER_UPDATE", {"guild_id": "x", "user": 7}),
    "a role without fields": ("GUILD_ROLE_CREATE", {"guild_id": "900000000000000001", "role": {}}),
    "no object": ("GUILD_ROLE_UPDATE", 17),
    "a server that is nothing": ("GUILD_CREATE", {}),
    "an interaction that is nothing": ("INTERACTION_CREATE", {"id": "1"}),
    "a click without custom_id": (
        "INTERACTION_CREATE",
        {"id": "1", "application_id": "2", "type": 3, "token": "t", "version": 1, "data": {}},
    ),
}


@pytest.mark.parametrize(
    ("event", "data"),
    variants(
        EVENTS.items(),
        every_day=("no object", "an interaction that is nothing"),
    ),
)
async def test_a_gateway_event_that_cannot_be_parsed_costs_itself_only(stage, capsys, event, data):
    before = skipped("discord")
    async with stage.discord_bot():
        await stage.tell_discord(DISCORD_ALICE, "top")
        stage.discord.gateway.dispatch(event, data)
        assert await stage.tell_discord(DISCORD_ALICE, "top")

    assert len(stage.transcript.calls(name="gateway connect")) == 1
    [line] = logged(capsys.readouterr().out, "gateway_event.skipped")
    assert event in line
    assert skipped("discord") == before + 1


async def test_an_event_of_no_known_name_is_nothing(stage):
    async with stage.discord_bot():
        stage.discord.gateway.dispatch("TELEPATHY", 17)
        assert await stage.tell_discord(DISCORD_ALICE, "top")

    assert len(stage.transcript.calls(name="gateway connect")) == 1


INTERACTIONS = {
    "another type": {"type": 99},
    "data of another type": {"data": {"type": 99}},
    "an unknown command": {"data": {"name": "no such command"}},
    "an option of another type": {
        "data": {"options": [{"name": "number", "type": 99, "value": 3}]}
    },
    "an option without a name": {"data": {"options": [{"type": 4}]}},
    "options that are none": {"data": {"options": 17}},
    "no data": {"data": None},
    "a member without roles": {"member": {"roles": None}},
    "no member": {"member": None},
    "a language that is none": {"locale": 17},
    "no language": {"locale": None},
}


@pytest.mark.parametrize(
    "changes",
    variants(
        ((name, (changes,)) for name, changes in INTERACTIONS.items()),
        every_day=("another type", "no member"),
    ),
)
async def test_an_interaction_of_another_shape_costs_itself_only(stage, changes):
    fault = Fault("discord", "gateway INTERACTION_CREATE", 0, when="garbled", changes=changes)
    with capture_logs():  # else formatting the tracebacks takes seconds
        async with stage.discord_bot():
            stage.faults.add(fault)
            stage.discord.slash(CHANNEL, DISCORD_ALICE, "guess", {"number": 3})
            assert await stage.tell_discord(DISCORD_BORIS, "top")

    assert len(stage.transcript.calls(name="gateway connect")) == 1


async def test_a_frame_that_is_not_json_costs_the_connection_not_the_process(stage, capsys):
    async with stage.discord_bot():
        stage.faults.add(Fault("discord", "gateway GUILD_MEMBER_ADD", 0, when="garbled", page="<"))
        connected = stage.transcript.last
        stage.discord.gateway.dispatch("GUILD_MEMBER_ADD", {})
        await stage.seen("gateway GUILD_CREATE", after=connected)
        assert await stage.tell_discord(DISCORD_ALICE, "top")


@pytest.mark.parametrize(
    "changes",
    [
        {"channel_id": None},
        pytest.param({"author": 17}, marks=pytest.mark.nightly),
        pytest.param({"id": "x"}, marks=pytest.mark.nightly),
    ],
    ids=str,
)
async def test_an_answer_on_discord_that_was_sent_is_not_sent_again(stage, changes):
    async with stage.discord_bot():
        fault = Fault("discord", FOLLOW_UP, 0, when="garbled", changes=changes)
        stage.faults.add(fault)
        await stage.tell_discord(DISCORD_ALICE, "top")
        await stage.tell_discord(DISCORD_BORIS, "top")

    assert len(stage.transcript.calls(name=FOLLOW_UP)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"interaction": None}, marks=pytest.mark.nightly),
        {"resource": 17},
        pytest.param({"interaction": {"id": "x"}}, marks=pytest.mark.nightly),
    ],
    ids=str,
)
async def test_an_acknowledgement_that_cannot_be_read_is_followed_by_the_answer(stage, changes):
    async with stage.discord_bot():
        stage.faults.add(Fault("discord", CALLBACK, 0, when="garbled", changes=changes))

        assert "XP" in await stage.tell_discord(DISCORD_ALICE, "profile")


@pytest.mark.parametrize(
    "route",
    ["GET /users/@me", pytest.param("GET /oauth2/applications/@me", marks=pytest.mark.nightly)],
)
async def test_an_error_page_at_the_start_is_retried(stage, route):
    stage.faults.add(Fault("discord", route, 200, times=2, when="garbled", page="<html>"))

    async with stage.discord_bot():
        assert await stage.tell_discord(DISCORD_ALICE, "top")


async def test_the_bot_serves_although_publishing_its_commands_meets_an_error_page(stage, capsys):
    publish = "PUT /applications/{application_id}/guilds/{guild_id}/commands"
    stage.faults.add(Fault("discord", publish, 200, when="garbled", page="<html>"))

    async with stage.discord_bot():
        assert await stage.tell_discord(DISCORD_ALICE, "top")

    assert "commands.not_published" in capsys.readouterr().out
