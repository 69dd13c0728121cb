"""Reading what an administrator wrote after /links. Pure functions."""

import re
from typing import Final, NamedTuple

from bots.features.command import Target

#: The acts, and how many accounts each names.
ACCOUNTS: Final = {
    "see": 1,
    "link": 2,
    "unlink": 1,
    "undo": 1,
    "move": 2,
    "forbid": 1,
    "allow": 1,
    "acts": 0,
    "one-sided": 0,
}
#: The acts that change nothing, and so need no reason.
READING: Final = ("see", "acts", "one-sided")
#: The largest id that Postgres holds (bigint).
ACCOUNT_ID_MAX: Final = 2**63 - 1

#: Digits of the shortest number that is an account's beyond doubt. In a reply, where the account
#: may be left out, a shorter one begins the reason: "3 strikes".
DIGITS_MIN: Final = 4

#: An account: its number, or a mention as Discord's clients write it.
_ACCOUNT: Final = re.compile(r"(?:<@!?([0-9]{1,19})>|#?([0-9]{1,19}))", re.ASCII)


class Request(NamedTuple):
    """The request of an administrator. Accounts and reason are empty as far as they are missing."""

    act: str
    accounts: tuple[int, ...]
    reason: str
    is_ambiguous: bool = False
    """Whether a change replies to one member, and names another one in their place."""

    @property
    def page(self) -> int:
        """The page of a list that it asks for, counted from one."""
        word = self.reason.partition(" ")[0]
        return max(int(word), 1) if word.isdecimal() and len(word) < DIGITS_MIN else 1

    @property
    def is_complete(self) -> bool:
        """Tell whether it names all accounts, and a reason where something is changed."""
        has_accounts = len(self.accounts) == ACCOUNTS[self.act] and not self.is_ambiguous
        return has_accounts and (self.act in READING or bool(self.reason))


def read(words: str, replied_to: Target | None) -> Request | None:
    """Read a request: an act, accounts, and a reason. None if no act is named.

    The author of the message that was replied to is the first account, if one is missing. If none
    is, a change is ambiguous, unless it names that author.
    """
    act, *rest = words.split() or [""]
    act = act.lower()
    if act not in ACCOUNTS:
        return None
    accounts: list[int] = []
    while rest and len(accounts) < ACCOUNTS[act]:
        number = _account(rest[0])
        is_last = len(accounts) == ACCOUNTS[act] - 1
        if number is None or (replied_to is not None and is_last and _may_be_a_count(rest[0])):
            break
        accounts.append(number)
        del rest[0]
    is_ambiguous = False
    if replied_to is not None and ACCOUNTS[act] > 0:
        if len(accounts) == ACCOUNTS[act] - 1:
            accounts.insert(0, replied_to.account_id)
        elif act not in READING:
            is_ambiguous = accounts[:1] != [replied_to.account_id]
    return Request(act, tuple(accounts), " ".join(rest), is_ambiguous)


def _account(word: str) -> int | None:
    found = _ACCOUNT.fullmatch(word)
    number = int(found[1] or found[2]) if found else 0
    return number if 0 < number <= ACCOUNT_ID_MAX else None


def _may_be_a_count(word: str) -> bool:
    return word.isdecimal() and len(word) < DIGITS_MIN
