"""The audits of what members do find a point that counts twice, and one that is lost."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from bots.features.voice_members import Connected
from bus import SOURCES
from db.earning import Earned, Earning
from simulation.bot_calls import NEWCOMERS
from simulation.chats import BEGAN_AT, Chat
from simulation.clock import EPOCH_MS, VirtualLoop
from simulation.earning_model import MESSAGES, VOICE, EarningModel
from simulation.expectations import Expectations
from simulation.invitation_deeds import SETTING as INVITES
from simulation.invitation_deeds import invitation_breaches
from simulation.platforms import DiscordServer
from simulation.postgres import RealPostgres
from simulation.reaction_deeds import Calm, reaction_breaches
from simulation.reward_deeds import reward_breaches
from simulation.simulated_process import Machine
from simulation.trace import Trace
from simulation.voice_channels import SETTING as VOICE_SETTING
from simulation.voice_channels import VoiceChannels

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
#: An entry at its origin: platform, account, reason, entity, XP.
ENTRY = """
    INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp,
        reason, entity_id, occurred_at)
    VALUES ('{0} {1} {2} {3}', '{0}', '{0}', 'xp.changed', {1}, {4}, '{2}', '{3}', now())
"""


def carry_out(real: RealPostgres, *statements: str) -> None:
    """Write to an empty database what no function of ours would write."""
    real.reset()
    script = "; ".join(statements) or "NULL"
    real.execute(f"DO $do$ BEGIN SET LOCAL session_replication_role = replica; {script}; END $do$")


def message(at_s: float = 0.0, *, xp: int = 5, limit: int = 30) -> Earning:
    return Earning(1, MESSAGES, xp, NOON + timedelta(seconds=at_s), 1.0, limit)


def answer(model: EarningModel, one: Earning, xp: int) -> None:
    model.asked("telegram", one)
    model.answered("telegram", one, Earned(xp, one.happened_at, xp))


def window(xp: int) -> str:
    return (
        "INSERT INTO earning_windows"
        " (platform, account_id, reason, xp, opened_at, last_at, day, day_xp) VALUES"
        f" ('telegram', 1, 'messages', {xp}, now(), '{NOON}', '{NOON:%F}', {xp})"
    )


@pytest.mark.parametrize(("held", "finding"), [(8, ""), (7, "8 to 8 XP"), (9, "8 to 8 XP")])
def test_an_amount_in_windows_is_what_was_answered(real_postgres, held: int, finding: str):
    carry_out(real_postgres, window(held))
    model = EarningModel()
    answer(model, message(), 5)
    answer(model, message(2), 3)

    assert finding in "\n".join(model.breaches(real_postgres))
    assert bool(finding) == bool(list(model.breaches(real_postgres)))


def test_a_window_that_outlived_its_month_is_found(real_postgres):
    carry_out(real_postgres, window(8))
    model = EarningModel()
    answer(model, message(), 5)
    answer(model, message(-24 * 3_600), 3)

    assert "on 2019-12-31" in "\n".join(model.breaches(real_postgres))


def test_an_amount_without_an_answer_may_be_there_once(real_postgres):
    model = EarningModel()
    for _ in range(3):
        model.asked("telegram", message())

    for held, is_sound in ((5, True), (10, False)):
        carry_out(real_postgres, window(held))
        assert (list(model.breaches(real_postgres)) == []) is is_sound


@pytest.mark.parametrize(
    ("second", "finding"),
    [(message(), "counted twice"), (message(0.5), "and again at"), (message(5, limit=8), "8 at")],
)
def test_a_repetition_a_cooldown_and_a_limit_that_are_missed_are_found(
    real_postgres, second: Earning, finding: str
):
    carry_out(real_postgres, window(10))
    model = EarningModel()
    answer(model, message(), 5)
    answer(model, second, 5)

    assert any(finding in breach for breach in model.breaches(real_postgres))


def test_voice_that_nobody_heard_is_found():
    """Two people are heard for ten seconds; the mute and the lonely one are not."""
    loop = VirtualLoop()
    machine = Machine(loop, random.Random(1), Trace())
    voice = VoiceChannels(machine, object.__new__(DiscordServer))

    async def talk() -> None:
        for member in (
            *(Connected(account, 70) for account in (101, 102)),
            Connected(103, 70, can_speak=False),
            Connected(104, 71),
        ):
            voice._set(member.account_id, member)
        await asyncio.sleep(10)
        voice._set(101, None)
        await asyncio.sleep(60)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(talk())

    def found(*intervals: tuple[int, int]) -> list[str]:
        model = EarningModel()
        for account, count in intervals:
            for number in range(count):
                at = NOON + timedelta(seconds=number)
                model.asked("discord", Earning(account, VOICE, 3, at, 1.8, 30))
        return list(voice.breaches(model))

    whole = int(10 / VOICE_SETTING.interval_s)
    assert found((101, whole), (102, whole)) == []
    assert len(found((101, whole + 1), (102, whole))) == 1
    assert len(found((101, whole), (102, whole - 3))) == 1
    assert len(found((101, whole), (102, whole), (103, 1), (104, 1))) == 2


def reaction(message: int, giver: int, author: int) -> str:
    return f"INSERT INTO reactions VALUES ('telegram', -1, {message}, {giver}, {author}, now())"


@pytest.mark.parametrize(
    ("rows", "xp", "finding"),
    [
        ([reaction(1, 2, 1)], 2, ""),
        ([reaction(1, 2, 1)], 4, "has 4 XP"),
        ([reaction(1, 2, 1)], 0, "has 0 XP"),
        ([], 0, "lost"),
        ([reaction(1, 3, 1)], 2, "did not react"),
        ([reaction(1, 2, 3)], 0, "did not react"),
        ([reaction(1, 2, 1), reaction(2, 2, 1)], 4, "counts"),
    ],
)
def test_harm_to_reactions_is_found(real_postgres, rows: list[str], xp: int, finding: str):
    chats = {source: Chat(source) for source in SOURCES}
    chats["telegram"].post(1, BEGAN_AT)
    chats["telegram"].post(1, BEGAN_AT - timedelta(days=30))
    chats["telegram"].reactions |= {(1, 2), (2, 2)}
    paid = [ENTRY.format("telegram", 1, "reactions", "1", xp)] if xp else []
    carry_out(real_postgres, *rows, *paid)

    found = list(reaction_breaches(real_postgres, chats, Calm(telegram=True, discord=True)))
    assert finding in "\n".join(found)
    assert bool(found) == bool(finding)


def reward(number: int, administrator: int, account: int, xp: int) -> str:
    return (
        "INSERT INTO rewards (platform, administrator_id, account_id, entity_id, xp, balance,"
        f" reason) VALUES ('telegram', {administrator}, {account}, 'r{number}', {xp}, 0, '')"
    )


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([reward(1, 2, 1, 5), ENTRY.format("telegram", 1, "reward", "r1", 5)], ""),
        ([reward(1, 2, 1, 5)], "its entries are"),
        ([ENTRY.format("telegram", 1, "reward", "r1", 5)], "its entries are"),
        ([reward(1, 1, 1, 5), ENTRY.format("telegram", 1, "reward", "r1", 5)], "themselves"),
        ([reward(1, 2, 1, 71), ENTRY.format("telegram", 1, "reward", "r1", 71)], "limits"),
    ],
)
def test_harm_to_rewards_is_found(real_postgres, rows: list[str], finding: str):
    carry_out(real_postgres, *rows)

    found = list(reward_breaches(real_postgres))
    assert finding in "\n".join(found)
    assert bool(found) == bool(finding)


COMER = NEWCOMERS[0]


def invite(status: str, inviter: int = 1) -> str:
    began = f"to_timestamp({EPOCH_MS // 1_000})"
    return (
        f"INSERT INTO invites VALUES ('telegram', {COMER}, {inviter}, {began}, '{status}', {began})"
    )


PAID = ENTRY.format("telegram", 1, "invite", COMER, INVITES.xp)
PART = ENTRY.format("telegram", COMER, "game", "1", INVITES.least_xp)


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([invite("paid"), PAID, PART], ""),
        ([invite("paid"), PART], "are paid"),
        ([invite("void"), PAID, PART], "are paid"),
        ([invite("paid"), PAID], "earned 0 XP"),
        ([invite("paid"), PAID, PART, PAID.replace("'telegram 1", "'again 1")], "are paid"),
        ([invite("void", inviter=2)], "never invited"),
        ([invite("waiting"), PART], "not paid"),
    ],
)
def test_harm_to_invitations_is_found(real_postgres, rows: list[str], finding: str):
    carry_out(real_postgres, *rows)
    expected = Expectations()
    expected.invitations.inviters[COMER].add(1)

    found = list(invitation_breaches(real_postgres, expected, EPOCH_MS + 60_000))
    assert finding in "\n".join(found)
    assert bool(found) == bool(finding)
