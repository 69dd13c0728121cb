"""The audit of deeds finds a lost and a doubled point of each kind."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from bus import Source
from chaos import community as rules
from chaos.bot_messages import Said
from chaos.deed_audit import Absences, Account, Evidence, Record, offenders_in
from chaos.deeds import Deed

ALICE: Account = ("telegram", 1)
BORIS: Account = ("telegram", 2)
CLARA: Account = ("discord", 3)
TELEGRAM: Source = "telegram"
DISCORD: Source = "discord"
BEGAN = 1_000.0
LONG_S = 1_000.0


#: Alice, who is one person with Clara, and Boris did one thing of each kind; each counted.
DEEDS = [
    Deed("message", TELEGRAM, 2, BEGAN + 1, entity_id="10"),
    Deed("reaction", TELEGRAM, 1, BEGAN + 2, 2, "10"),
    Deed("thank", TELEGRAM, 1, BEGAN + 3, 2, "-100.11"),
    Deed("voice", DISCORD, 3, BEGAN + 4),
    Deed("voice", DISCORD, 4, BEGAN + 4),
    Deed("reward", TELEGRAM, 9, BEGAN + 5, 1, "deed 1"),
    Deed("invitation", TELEGRAM, 1, BEGAN + 6, 7),
    Deed("claim", TELEGRAM, 7, BEGAN + 7),
    Deed("board", TELEGRAM, 1, BEGAN + 8, entity_id="xp"),
    Deed("board", TELEGRAM, 1, BEGAN + 9, entity_id="xp"),
    Deed("board", TELEGRAM, 1, BEGAN + 10, entity_id="xp"),
]
RECORD = Record(
    member_of={ALICE: 101, CLARA: 101, BORIS: 102, (DISCORD, 4): 104, (TELEGRAM, 7): 107},
    name_of={ALICE: "Alice", CLARA: "Alice", BORIS: "Boris"},
    xp_of={101: rules.LEVEL_XP, 102: 14, 104: 60, 107: 20},
    earned={
        (TELEGRAM, 2, "messages"): rules.MESSAGE_XP,
        (TELEGRAM, 2, "reactions"): rules.REACTION_XP,
        (DISCORD, 3, "voice"): rules.VOICE_XP_PER_DAY,
        (DISCORD, 4, "voice"): rules.VOICE_XP_PER_DAY,
    },
    entries={
        (TELEGRAM, "thanks", "-100.11"): [(2, rules.THANK_XP)],
        (TELEGRAM, "reward", "90.1"): [(1, rules.REWARD_XP)],
        (TELEGRAM, "invite", "7"): [(1, rules.INVITE_XP)],
        (TELEGRAM, "daily_claim", "2026-11-30T00:00Z"): [(7, rules.DAILY_XP)],
    },
    reactions=[
        {
            "platform": TELEGRAM,
            "message_id": 10,
            "giver_account_id": 1,
            "receiver_account_id": 2,
        }
    ],
    thanks=[
        {
            "platform": TELEGRAM,
            "giver_account_id": 1,
            "receiver_account_id": 2,
            "entity_id": "-100.11",
            "xp": rules.THANK_XP,
        }
    ],
    reputation={BORIS: 1},
    rewards=[
        {
            "platform": TELEGRAM,
            "administrator_id": 9,
            "account_id": 1,
            "entity_id": "90.1",
            "xp": rules.REWARD_XP,
            "reason": "deed 1",
        }
    ],
    invites=[{"inviter_id": 1, "account_id": 7, "status": "paid"}],
    claims=[{"platform": TELEGRAM, "account_id": 7}],
    announced=[
        {
            "member_id": 101,
            "platform": TELEGRAM,
            "surface": "level",
            "announced": 1,
            "announce": False,
            "is_due": False,
        }
    ],
)
SAID = [
    Said(TELEGRAM, 1, "Thanks noted. Reputation of Boris: 1. +5 XP", BEGAN + 4),
    Said(TELEGRAM, 9, "Alice: +400,000 XP. Reason: deed 1", BEGAN + 6),
    Said(TELEGRAM, 7, "Your reward for today: +20 XP, +10 coins", BEGAN + 8),
    Said(TELEGRAM, 0, "⭐ Alice has reached level 1", BEGAN + 9),
    Said(TELEGRAM, 1, "The members with the most XP\n➤ 1. Alice — 9 XP\n2. B — 8 XP", BEGAN + 9),
]


def history() -> Evidence:
    return Evidence(RECORD, DEEDS, SAID, Absences({}, [BEGAN - 10]), BEGAN + LONG_S)


def with_record(evidence: Evidence, **changes: Any) -> Evidence:
    return evidence._replace(record=evidence.record._replace(**changes))


def earned(key: tuple[str, int, str], xp: int) -> Callable[[Evidence], Evidence]:
    return lambda one: with_record(one, earned={**one.record.earned, key: xp})


def entries(key: tuple[str, str, str], *found: tuple[int, int]) -> Callable[[Evidence], Evidence]:
    return lambda one: with_record(one, entries={**one.record.entries, key: list(found)})


def rows(
    name: str, change: Callable[[list[dict[str, Any]]], Iterable[object]]
) -> Callable[[Evidence], Evidence]:
    return lambda one: with_record(one, **{name: list(change(getattr(one.record, name)))})


def says(text: str, to: int = 0) -> Callable[[Evidence], Evidence]:
    return lambda one: one._replace(said=[*one.said, Said(TELEGRAM, to, text, BEGAN + 20)])


def without_deed(kind: str) -> Callable[[Evidence], Evidence]:
    return lambda one: one._replace(deeds=[deed for deed in one.deeds if deed.kind != kind])


def more(count: int, **changes: Any) -> Callable[[list[dict[str, Any]]], Iterable[object]]:
    """Add rows that are like the first one, with numbers of their own in these columns."""

    def add(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        added = [
            {name: change(number) for name, change in changes.items()} for number in range(count)
        ]
        return found + [{**found[0], **one} for one in added]

    return add


def nothing(found: object) -> Iterable[object]:
    return ()


def twice(found: list[dict[str, Any]]) -> Iterable[object]:
    return found * 2


THANKS, REWARD = (TELEGRAM, "thanks", "-100.11"), (TELEGRAM, "reward", "90.1")
INVITE, DAILY = (TELEGRAM, "invite", "7"), (TELEGRAM, "daily_claim", "2026-11-30T00:00Z")

HARMS: dict[str, Callable[[Evidence], Evidence]] = {
    "message lost": earned((TELEGRAM, 2, "messages"), 0),
    "message doubled": earned((TELEGRAM, 2, "messages"), 2 * rules.MESSAGE_XP),
    "message half": earned((TELEGRAM, 2, "messages"), rules.MESSAGE_XP - 1),
    "message that nobody wrote": without_deed("message"),
    "messages beyond the day": lambda one: earned(
        (TELEGRAM, 2, "messages"), rules.MESSAGE_XP_PER_DAY + rules.MESSAGE_XP
    )(
        one._replace(
            deeds=[
                *one.deeds,
                *(Deed("message", TELEGRAM, 2, BEGAN + 10 * number) for number in range(30)),
            ]
        )
    ),
    "reaction lost": rows("reactions", nothing),
    "reaction twice": rows("reactions", twice),
    "reaction not paid": earned((TELEGRAM, 2, "reactions"), 0),
    "reaction paid twice": earned((TELEGRAM, 2, "reactions"), 2 * rules.REACTION_XP),
    "reaction that nobody gave": without_deed("reaction"),
    "reactions of a pair": rows("reactions", more(3, message_id=lambda number: 20 + number)),
    "reactions of a day": rows(
        "reactions",
        more(rules.REACTIONS_PER_DAY, receiver_account_id=lambda number: 20 + number),
    ),
    "thank lost": rows("thanks", nothing),
    "thank twice": rows("thanks", twice),
    "thank of a pair": rows("thanks", more(1, entity_id=lambda number: "-100.12")),
    "thanks of a day": rows(
        "thanks",
        more(rules.THANKS_PER_DAY, receiver_account_id=lambda number: 20 + number),
    ),
    "thank not paid": entries(THANKS),
    "thank paid twice": entries(THANKS, (2, rules.THANK_XP), (2, rules.THANK_XP)),
    "thank that nobody gave": without_deed("thank"),
    "reputation lost": lambda one: with_record(one, reputation={}),
    "reputation doubled": lambda one: with_record(one, reputation={BORIS: 2}),
    "reputation told": says("Thanks noted. Reputation of Boris: 2."),
    "voice lost": earned((DISCORD, 3, "voice"), rules.VOICE_XP_PER_DAY - rules.VOICE_XP),
    "voice doubled": earned((DISCORD, 3, "voice"), rules.VOICE_XP_PER_DAY + rules.VOICE_XP),
    "voice that nobody spoke": without_deed("voice"),
    "reward lost": rows("rewards", nothing),
    "reward twice": rows("rewards", twice),
    "reward not paid": entries(REWARD),
    "reward paid twice": entries(REWARD, (1, rules.REWARD_XP), (1, rules.REWARD_XP)),
    "reward that nobody gave": without_deed("reward"),
    "rewards of a day": rows(
        "rewards", more(rules.REWARDS_PER_DAY, reason=lambda number: f"deed {2 + number}")
    ),
    "reward told": says("Alice: +400,000 XP. Reason: deed 2"),
    "invitation lost": lambda one: entries(INVITE)(rows("invites", nothing)(one)),
    "invitation twice": rows("invites", twice),
    "invitation not paid": entries(INVITE),
    "invitation paid twice": entries(INVITE, (1, rules.INVITE_XP), (1, rules.INVITE_XP)),
    "invitation due": lambda one: entries(INVITE)(
        rows("invites", lambda found: [{**found[0], "status": "waiting"}])(one)
    ),
    "invitations of a day": rows(
        "invites", more(rules.INVITES_PER_DAY, account_id=lambda number: 20 + number)
    ),
    "invitation that nobody made": without_deed("invitation"),
    "day lost": lambda one: entries(DAILY)(rows("claims", nothing)(one)),
    "day not paid": entries(DAILY),
    "day paid twice": entries(DAILY, (7, rules.DAILY_XP), (7, rules.DAILY_XP)),
    "day told": says("Your reward for today: +20 XP", to=2),
    "day that nobody claimed": without_deed("claim"),
    "level told twice": says("⭐ Alice has reached level 1"),
    "level that nobody reached": says("⭐ Alice has reached level 2"),
    "level never told": lambda one: one._replace(said=[*one.said[:3], *one.said[4:]]),
    "level still waits": rows("announced", lambda found: [{**found[0], "announce": True}]),
    "rank not shown": rows("announced", lambda found: [{**found[0], "is_due": True}]),
    "rank told twice": lambda one: says("🎉 Boris is Newcomer now")(
        says("🎉 Boris is Newcomer now")(one)
    ),
    "rank that nobody reached": says("🎉 Boris is Veteran now"),
    "apology": says("Something went wrong on my side. It is noted; please try again later."),
    "board in disorder": says("The members with the most XP\n1. A — 8 XP\n2. B — 9 XP", to=1),
    "board with gaps": says("The members with the most XP\n1. A — 9 XP\n3. B — 8 XP", to=1),
    "board with the asker twice": says(
        "The members with the most XP\n➤ 1. A — 9 XP\n➤ 2. A — 8 XP", to=1
    ),
    "board never shown": lambda one: one._replace(said=one.said[:-1]),
}


def test_a_history_without_a_fault_passes():
    assert not offenders_in(history())


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_harm_to_a_deed_is_found(harm):
    assert offenders_in(harm(history()))


@pytest.mark.parametrize(
    ("harm", "ends"),
    [
        ("message lost", {"telegram": [BEGAN + 3]}),
        ("reaction lost", {"telegram": [BEGAN + 3]}),
        ("level never told", {"telegram": [BEGAN + 3]}),
        ("voice lost", {"discord": [BEGAN + 3]}),
    ],
)
def test_a_deed_may_be_lost_with_the_process_that_had_it_in_memory(harm, ends):
    evidence = HARMS[harm](history())
    if harm == "reaction lost":
        evidence = earned((TELEGRAM, 2, "reactions"), 0)(evidence)

    excused = evidence._replace(absences=evidence.absences._replace(ends=ends))

    assert offenders_in(evidence)
    assert not offenders_in(excused)


def test_a_later_death_excuses_no_earlier_deed():
    evidence = HARMS["message lost"](history())

    late = evidence._replace(absences=Absences({"telegram": [BEGAN + 100]}, [BEGAN - 10]))

    assert offenders_in(late)


def test_an_invitation_that_the_bot_declares_lost_is_excused():
    evidence = HARMS["invitation lost"](history())
    absences = evidence.absences._replace(lost_invitations=frozenset({7}))

    assert not offenders_in(evidence._replace(absences=absences))
