"""Reactions as deeds: members react, take it back and react again; and their audit."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from bots.features.posted_messages import MessagePlace, Posted
from bots.features.reactions.reaction_queue import ReactionQueue
from bus import Source
from config.community_sections.reactions import ReactionSetting
from db.earning.reactions import Reaction

from .bot_calls import accounts_of
from .chats import BEGAN_AT, PLACES, Chat
from .earning_model import REACTIONS, Account, earned_by_account
from .postgres import RealPostgres

XP: Final = 2
AGE: Final = timedelta(days=7)
#: Fewer a day than one member can give to both others, so that each limit is reached by itself.
SETTING: Final = ReactionSetting(
    xp=XP, xp_per_day_max=14, per_pair_max=2, per_day_max=3, age_days=AGE.days, messages_kept=100
)
#: Messages that no bot heard of have such numbers.
UNHEARD: Final = range(-3, 0)


class Calm(NamedTuple):
    """Whether nothing of a run may cost a reaction, on each platform."""

    telegram: bool
    discord: bool


class ReactionDeeds:
    """The reactions of the members of one platform, and the messages that they react to."""

    def __init__(self, chat: Chat, queue: ReactionQueue, dice: random.Random) -> None:
        self._chat = chat
        self._queue = queue
        self._dice = dice

    def act(self) -> None:
        """Let members write and react. Nothing of it waits."""
        dice = self._dice
        for _ in range(dice.randint(0 if self._chat.messages else 1, 2)):
            self._post()
        for _ in range(dice.randint(1, 5)):
            self._react()

    def _post(self) -> None:
        now = BEGAN_AT + timedelta(seconds=asyncio.get_running_loop().time())
        age = 2 * AGE if self._dice.random() < 0.1 else timedelta()
        message = self._chat.post(self._dice.choice(accounts_of(self._chat.source)), now - age)
        if self._chat.source == "telegram":
            place = MessagePlace(PLACES["telegram"])
            self._queue.note(
                Posted(message.author, "Ann", message.number, place, message.sent_at, None)
            )

    def _react(self) -> None:
        dice, chat = self._dice, self._chat
        giver = dice.choice(accounts_of(chat.source))
        message = dice.choice(chat.messages[-6:])
        number = message.number
        if chat.source == "telegram":
            if dice.random() < 0.1:
                number = dice.choice(UNHEARD)
            author, sent_at = None, None
        else:
            author, sent_at = message.author, message.sent_at
        now = BEGAN_AT + timedelta(seconds=asyncio.get_running_loop().time())
        chat.reactions.add((number, giver))
        self._queue.react(Reaction(PLACES[chat.source], number, giver, now, author, sent_at))


def reaction_breaches(
    real: RealPostgres, chats: Mapping[Source, Chat], calm: Calm
) -> Iterator[str]:
    """Each reaction counts once, for the author of its message, within the limits of a person."""
    rows = real.fetch("SELECT * FROM reactions")
    entered = Counter((row["platform"], row["message_id"], row["giver_account_id"]) for row in rows)
    given: Counter[tuple[Source, int]] = Counter()
    pairs: Counter[tuple[Source, int, int]] = Counter()
    received: Counter[Account] = Counter()
    for row in rows:
        source, number = row["platform"], row["message_id"]
        giver, author = row["giver_account_id"], row["receiver_account_id"]
        given[source, giver] += 1
        pairs[source, giver, author] += 1
        received[Account(source, author, REACTIONS)] += 1
        chat = chats[source]
        if (number, giver) not in chat.reactions or chat.author_of(number) != author:
            yield f"{source}: {giver} did not react to message {number} of {author}"
        elif not _counts(chat, number, giver):
            yield f"{source}: a reaction of {giver} to message {number} of {author} counts"
    for key, times in entered.items():
        if times > 1:
            yield f"the reaction {key} counts {times} times"
    for who, count in given.items():
        if count > SETTING.per_day_max:
            yield f"{who} gave {count} reactions that count"
    for pair, count in pairs.items():
        if count > SETTING.per_pair_max:
            yield f"{pair} has {count} reactions that count"
    yield from _amounts(real, received)
    for source, chat in chats.items():
        if getattr(calm, source):
            yield from _lost(real, chat, entered)


def _counts(chat: Chat, number: int, giver: int) -> bool:
    """Tell whether a reaction counts as far as its message is concerned."""
    message = next((one for one in chat.messages if one.number == number), None)
    return message is not None and message.author != giver and message.sent_at > BEGAN_AT - AGE


def _amounts(real: RealPostgres, received: Counter[Account]) -> Iterator[str]:
    """The author gets so much for each; the limit of a day is that of all accounts once linked."""
    found = {
        account: xp for account, xp in earned_by_account(real).items() if account[2] == REACTIONS
    }
    linked = _ever_linked(real)
    together = XP * received.total()
    for account in found.keys() | received.keys():
        has, worth = found.get(account, 0), XP * received[account]
        is_alone = (account.source, account.account) not in linked
        is_below = worth if is_alone else together
        exact = min(worth, SETTING.xp_per_day_max)
        if has > exact or (has != exact and (is_alone or is_below <= SETTING.xp_per_day_max)):
            yield f"{account} received {received[account]} reactions, and has {has} XP for them"


def _lost(
    real: RealPostgres, chat: Chat, entered: Counter[tuple[Source, int, int]]
) -> Iterator[str]:
    """Where nothing went wrong, every reaction within the limits is entered."""
    linked = _ever_linked(real)
    wanted = {
        (number, giver): chat.author_of(number)
        for number, giver in chat.reactions
        if _counts(chat, number, giver)
    }
    of_giver = Counter(giver for _, giver in wanted)
    of_pair = Counter((giver, author) for (_, giver), author in wanted.items())
    for (number, giver), author in wanted.items():
        if (
            (chat.source, giver) not in linked
            and (chat.source, author) not in linked
            and of_giver[giver] <= SETTING.per_day_max
            and of_pair[giver, author] <= SETTING.per_pair_max
            and not entered[chat.source, number, giver]
        ):
            yield f"{chat.source}: the reaction of {giver} to message {number} is lost"


def _ever_linked(real: RealPostgres) -> set[tuple[Source, int]]:
    return {
        one
        for row in real.fetch("SELECT telegram_account_id, discord_account_id FROM links")
        for one in (("telegram", row[0]), ("discord", row[1]))
    }
