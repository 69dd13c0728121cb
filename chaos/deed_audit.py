"""The audit of deeds: compares what the platforms accepted with the record and the bots' answers.

A point is doubled where the record has more than the deeds allow: more than the limit of a day and
person, a second one for a pair and day or for ever, an entry of the ledger without its cause. A
point is lost where a deed, or an answer that a person has read, is not in the record. A deed whose
bot was killed within EXCUSED_S seconds after it may be lost, because it may have been in memory
only. So may an invitation that the bot's log declares lost.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import asyncpg

from bus import Source

from . import community as rules
from .bot_messages import Said
from .deeds import Deed
from .offender import Offender

Account = tuple[Source, int]

#: Seconds for which a deed may be in the memory of its bot: a fault at Postgres, and the pause of
#: the bot before it tries again.
EXCUSED_S: Final = 30.0
#: Seconds by which the times of a platform are rounded: Telegram's are whole seconds.
ROUNDED_S: Final = 1.0
#: Seconds of voice that a bot may add while it is held up, and so hears of a change later.
LATE_S: Final = 6.0
#: Seconds of unexcused talking, as a multiple of the seconds that reach the limit of the day, after
#: which the limit must have been reached.
PATIENCE: Final = 4.0
#: News that one message names; a crash on its way costs no more.
NEWS_OF_A_MESSAGE: Final = 10

APOLOGY: Final = "Something went wrong on my side"
#: The documented answers of a bot that cannot answer a board at the moment.
EXCUSES: Final = (
    "I cannot reach my records right now",
    "Nothing was changed: another change of this account is under way",
    "You write faster than I can answer",
)
BOARD_TITLES: Final = (
    *("The members with the most XP", "The most XP this month", "The most XP this week"),
    *("The members with the most coins", "The most days in a row"),
    *("The members who were thanked most", "Nobody has any XP yet"),
)
_LINE: Final = re.compile(r"^(?:➤ )?≈?([\d,]+)\. (.+) — ([\d,]+)")
_REPUTATION: Final = re.compile(r"Reputation of (.+?): ([\d,]+)\.")
_REWARDED: Final = re.compile(r"\+[\d,]+ XP\. Reason: (deed \d+)")
_CLAIMED: Final = "Your reward for today:"
_LEVEL: Final = re.compile(r"⭐ (.+) has reached level ([\d,]+)")
_RANK: Final = re.compile(r"🎉 (.+) is (.+) now")
_MORE: Final = re.compile(r"^\.\.\. and ([\d,]+) more", re.MULTILINE)
_RANK_NUMBERS: Final = {name: number for number, name in enumerate(rules.RANKS, 1)}


class Absences(NamedTuple):
    """When a deed may have been lost with a process."""

    #: The moments at which a bot was killed or asked to end, by its platform.
    ends: Mapping[Source, Sequence[float]]
    #: The moments at which the Discord bot was shown the server. Telegram keeps its updates.
    discord_starts: Sequence[float]
    #: Accounts whose invitation the Telegram bot's log declares lost.
    lost_invitations: frozenset[int] = frozenset()

    def excuses(self, deed: Deed) -> bool:
        """Tell whether a deed may be lost. Pure."""
        for end in self.ends.get(deed.platform, ()):
            back = end
            if deed.platform == "discord":
                back = min((one for one in self.discord_starts if one > end), default=float("inf"))
            if end - EXCUSED_S <= deed.at <= back + ROUNDED_S:
                return True
        first = min(self.discord_starts, default=float("inf"))
        return deed.platform == "discord" and deed.at < first + ROUNDED_S


class Record(NamedTuple):
    """The people's points and deeds as Postgres has them."""

    member_of: Mapping[Account, int]
    name_of: Mapping[Account, str]
    xp_of: Mapping[int, int]
    #: XP in open windows and in the ledger of its own platform, by account and reason.
    earned: Mapping[tuple[Source, int, str], int]
    #: Entries of the ledger, by platform, reason and entity: account and XP of each.
    entries: Mapping[tuple[Source, str, str], Sequence[tuple[int, int]]]
    reactions: Sequence[Mapping[str, Any]]
    thanks: Sequence[Mapping[str, Any]]
    reputation: Mapping[Account, int]
    rewards: Sequence[Mapping[str, Any]]
    invites: Sequence[Mapping[str, Any]]
    claims: Sequence[Mapping[str, Any]]
    #: Levels and ranks that were announced, or wait to be: member, platform, surface, number.
    announced: Sequence[Mapping[str, Any]]

    def person(self, account: Account) -> object:
        """Return the person behind an account: the member, or the account itself if unknown."""
        return self.member_of.get(account, account)


class Evidence(NamedTuple):
    """Both sides of the comparison."""

    record: Record
    deeds: Sequence[Deed]
    said: Sequence[Said]
    absences: Absences
    #: When the people's bots had ended.
    ended_at: float

    def of_kind(self, *kinds: str) -> list[Deed]:
        """Return the deeds of these kinds."""
        return [deed for deed in self.deeds if deed.kind in kinds]

    def certain(self, *kinds: str) -> list[Deed]:
        """Return those that must have reached the record."""
        return [one for one in self.of_kind(*kinds) if not self.absences.excuses(one)]


async def read_record(conn: asyncpg.Connection, people: Iterable[Account]) -> Record:
    """Read what Postgres has of these accounts."""
    known = sorted(set(people))
    platforms, ids = [one[0] for one in known], [one[1] for one in known]

    async def rows(query: str) -> list[asyncpg.Record]:
        mine = "(SELECT * FROM unnest($1::text[], $2::bigint[]))"
        found: list[asyncpg.Record] = await conn.fetch(
            query.replace("$people", mine), platforms, ids
        )
        return found

    accounts = await rows(
        """
        SELECT a.platform, a.account_id, a.member_id, a.display_name, m.xp
        FROM accounts AS a JOIN members AS m ON m.id = a.member_id
        WHERE (a.platform, a.account_id) IN $people
        """
    )
    earned: defaultdict[tuple[Source, int, str], int] = defaultdict(int)
    for row in await rows(
        "SELECT platform, account_id, reason, xp FROM earning_windows"
        " WHERE (platform, account_id) IN $people"
    ):
        earned[row["platform"], row["account_id"], row["reason"]] += row["xp"]
    entries: defaultdict[tuple[Source, str, str], list[tuple[int, int]]] = defaultdict(list)
    for row in await rows(
        "SELECT platform, account_id, reason, entity_id, delta_xp, type FROM transactions"
        " WHERE platform = source AND (platform, account_id) IN $people"
    ):
        earned[row["platform"], row["account_id"], row["reason"]] += row["delta_xp"]
        if row["type"] == "xp.changed":
            key = (row["platform"], row["reason"], row["entity_id"])
            entries[key].append((row["account_id"], row["delta_xp"]))
    return Record(
        {(row["platform"], row["account_id"]): row["member_id"] for row in accounts},
        {(row["platform"], row["account_id"]): row["display_name"] or "" for row in accounts},
        {row["member_id"]: row["xp"] for row in accounts},
        earned,
        entries,
        await rows("SELECT * FROM reactions WHERE (platform, giver_account_id) IN $people"),
        await rows("SELECT * FROM thanks WHERE (platform, giver_account_id) IN $people"),
        {
            (row["platform"], row["account_id"]): row["reputation"]
            for row in await rows(
                "SELECT * FROM account_scores WHERE (platform, account_id) IN $people"
            )
        },
        await rows("SELECT * FROM rewards WHERE (platform, account_id) IN $people"),
        await rows("SELECT * FROM invites WHERE (platform, inviter_id) IN $people"),
        await rows("SELECT * FROM daily_claims WHERE (platform, account_id) IN $people"),
        await rows(
            """
            SELECT DISTINCT s.member_id, s.platform, s.surface, s.announced, s.announce,
                s.surface = 'rank' AND s.parked IS NULL AND s.shown IS DISTINCT FROM s.wanted
                    AS is_due
            FROM surfaces AS s JOIN accounts AS a USING (member_id, platform)
            WHERE s.surface IN ('level', 'rank') AND (a.platform, a.account_id) IN $people
            """
        ),
    )


def people_of(deeds: Iterable[Deed]) -> set[Account]:
    """Return the accounts of everybody who did something, or to whom it was done. Pure."""
    found = set()
    for deed in deeds:
        found.add((deed.platform, deed.account_id))
        if deed.other_id:
            found.add((deed.platform, deed.other_id))
    return found


def offenders_in(evidence: Evidence) -> list[Offender]:
    """Return every violation. Pure."""
    return [offender for check in CHECKS for offender in check(evidence)]


def messages(evidence: Evidence) -> Iterator[Offender]:
    """No person has more than the deeds and the limit of a day allow, and nobody has less."""
    record, reason = evidence.record, "messages"
    has = _by_person(record, reason)
    # A repetition counts if none of the author's last messages is like it, and so do thanks.
    wrote = _times(record, evidence.of_kind("message", "repetition", "thank"))
    certain = _times(record, evidence.certain("message"))
    alone = _people_with_one_account(record)
    limit = rules.MESSAGE_XP_PER_DAY // rules.MESSAGE_XP
    for person in has.keys() | wrote.keys():
        most = min(limit, _spaced(wrote[person], rules.MESSAGE_COOLDOWN_S - ROUNDED_S))
        least = min(limit, _spaced(certain[person], rules.MESSAGE_COOLDOWN_S + ROUNDED_S))
        # Of two platforms the older message may arrive later, and does not count then.
        least = least if person in alone else min(1, least)
        yield from _between(person, reason, has[person], least, most, rules.MESSAGE_XP)


def reactions(evidence: Evidence) -> Iterator[Offender]:
    """Each reaction that counts is one of the deeds, once, within both limits, and is paid."""
    record = evidence.record
    done = _reactions_done(evidence.of_kind("reaction"))
    certain = _reactions_done(evidence.certain("reaction"))
    counted: Counter[tuple[Source, int, int]] = Counter()
    of_pair: Counter[tuple[object, object]] = Counter()
    received: Counter[object] = Counter()
    for row in record.reactions:
        key = (row["platform"], row["message_id"], row["giver_account_id"])
        counted[key] += 1
        if done.get(key) != row["receiver_account_id"]:
            yield Offender(f"reaction {key}", "nobody reacted so")
        receiver = record.person((row["platform"], row["receiver_account_id"]))
        of_pair[record.person((row["platform"], row["giver_account_id"])), receiver] += 1
        received[receiver] += 1
    yield from _once("reaction", counted)
    yield from _at_most("reactions of a pair", of_pair, rules.REACTIONS_PER_PAIR)
    of_giver = _by_first(of_pair)
    yield from _at_most("reactions of a person", of_giver, rules.REACTIONS_PER_DAY)
    expected: Counter[tuple[object, object]] = Counter()
    for (platform, _, giver), receiver in certain.items():
        expected[record.person((platform, giver)), record.person((platform, receiver))] += 1
    for (giver_person, receiver_person), count in expected.items():
        wanted = min(count, rules.REACTIONS_PER_PAIR)
        is_full = of_giver[giver_person] >= rules.REACTIONS_PER_DAY
        if of_pair[giver_person, receiver_person] < wanted and not is_full:
            yield Offender(
                f"reactions of person {giver_person} to {receiver_person}",
                f"{count} were certain, {of_pair[giver_person, receiver_person]} counted",
            )
    paid = _by_person(record, "reactions")
    for person in paid.keys() | received.keys():
        owed = min(rules.REACTION_XP * received[person], rules.REACTION_XP_PER_DAY)
        if paid[person] != owed:
            yield Offender(f"person {person}", f"{paid[person]} XP by reactions, and not {owed}")


def thanks(evidence: Evidence) -> Iterator[Offender]:
    """Each thank is a deed, once per pair and day, is paid once, and an answered one is there."""
    record = evidence.record
    done = {
        (deed.platform, deed.entity_id, deed.account_id, deed.other_id)
        for deed in evidence.of_kind("thank")
    }
    of_pair: Counter[tuple[object, object]] = Counter()
    points: Counter[Account] = Counter()
    xp: Counter[object] = Counter()
    paid: dict[tuple[Source, str], list[tuple[int, int]]] = {}
    for row in record.thanks:
        platform, receiver = row["platform"], row["receiver_account_id"]
        if (platform, row["entity_id"], row["giver_account_id"], receiver) not in done:
            yield Offender(f"thank {row['entity_id']}", "nobody thanked so")
        giver = record.person((platform, row["giver_account_id"]))
        of_pair[giver, record.person((platform, receiver))] += 1
        points[platform, receiver] += 1
        xp[record.person((platform, receiver))] += row["xp"]
        if row["xp"]:
            paid.setdefault((platform, row["entity_id"]), []).append((receiver, row["xp"]))
    yield from _at_most("thanks of a pair", of_pair, 1)
    yield from _at_most("thanks of a person", _by_first(of_pair), rules.THANKS_PER_DAY)
    yield from _at_most("XP by thanks of a person", xp, rules.THANK_XP_PER_DAY)
    for account in points.keys() | record.reputation.keys():
        if points[account] != record.reputation.get(account, 0):
            yield Offender(
                f"reputation of {account}",
                f"{record.reputation.get(account, 0)}, and not {points[account]}",
            )
    yield from _paid_once(record, "thanks", paid)
    named: Counter[tuple[Source, str]] = Counter()
    for account in points:
        name = (account[0], record.name_of.get(account, ""))
        person = record.person(account)
        named[name] = max(
            named[name],
            sum(count for one, count in points.items() if record.person(one) == person),
        )
    for said in evidence.said:
        for receiver_name, told in _REPUTATION.findall(said.text):
            if _number(told) > named[said.platform, receiver_name]:
                yield Offender(
                    f"reputation of {receiver_name} on {said.platform}",
                    f"a bot said {told}, and the record has {named[said.platform, receiver_name]}",
                )


def voice(evidence: Evidence) -> Iterator[Offender]:
    """Nobody has more than the time in the channel allows, and who was there long has the most."""
    record, reason = evidence.record, "voice"
    limit = rules.VOICE_XP_PER_DAY // rules.VOICE_XP
    has = _by_person(record, reason)
    spans = _talking(evidence.of_kind("voice", "quiet"), evidence.ended_at)
    for person in has.keys() | {record.person(account) for account in spans}:
        accounts = [account for account in spans if record.person(account) == person]
        seconds = sum(end - begin + LATE_S for one in accounts for begin, end in spans[one])
        most = min(limit, int(seconds // rules.VOICE_INTERVAL_S))
        together = sum(_company_s(account, spans, evidence.absences) for account in accounts)
        is_due = together >= PATIENCE * limit * rules.VOICE_INTERVAL_S
        yield from _between(
            person, reason, has[person], limit if is_due else 0, most, rules.VOICE_XP
        )


def rewards(evidence: Evidence) -> Iterator[Offender]:
    """Each reward is one deed, is paid once, and keeps to the limit; an answered one is there."""
    record = evidence.record
    done = {
        (deed.platform, deed.account_id, deed.other_id, deed.entity_id)
        for deed in evidence.of_kind("reward")
    }
    reasons: Counter[tuple[Source, str]] = Counter()
    given: Counter[Account] = Counter()
    paid: dict[tuple[Source, str], list[tuple[int, int]]] = {}
    for row in record.rewards:
        platform, administrator = row["platform"], row["administrator_id"]
        if (platform, administrator, row["account_id"], row["reason"]) not in done:
            yield Offender(f"reward {row['reason']}", "nobody gave it so")
        reasons[platform, row["reason"]] += 1
        given[platform, administrator] += 1
        paid.setdefault((platform, row["entity_id"]), []).append((row["account_id"], row["xp"]))
    yield from _once("reward", reasons)
    yield from _at_most("rewards of an administrator", given, rules.REWARDS_PER_DAY)
    yield from _paid_once(record, "reward", paid)
    for said in evidence.said:
        for reason in _REWARDED.findall(said.text):
            if not reasons[said.platform, reason]:
                yield Offender(f"reward {reason}", "a bot said that it was given")


def invitations(evidence: Evidence) -> Iterator[Offender]:
    """Each account is noted once for ever, paid once, within the limit; none waits that is due."""
    record = evidence.record
    done = {(deed.account_id, deed.other_id) for deed in evidence.of_kind("invitation")}
    noted: Counter[int] = Counter()
    of_inviter: Counter[int] = Counter()
    paid: dict[tuple[Source, str], list[tuple[int, int]]] = {}
    waiting = []
    for row in record.invites:
        inviter, account = row["inviter_id"], row["account_id"]
        noted[account] += 1
        if (inviter, account) not in done:
            yield Offender(f"invitation of {account}", f"{inviter} did not invite it")
        if row["status"] == "paid":
            of_inviter[inviter] += 1
            paid["telegram", str(account)] = [(inviter, rules.INVITE_XP)]
        elif row["status"] == "waiting":
            waiting.append((inviter, account))
    yield from _once("invitation", noted)
    yield from _at_most("invitations of an inviter", of_inviter, rules.INVITES_PER_DAY)
    yield from _paid_once(record, "invite", paid)
    in_ledger: Counter[int] = Counter()
    for (platform, _, _), found in record.entries.items():
        for account, xp in found:
            in_ledger[account] += xp if platform == "telegram" else 0
    for inviter, account in waiting:
        is_due = in_ledger[account] >= rules.INVITE_LEAST_XP
        if is_due and of_inviter[inviter] < rules.INVITES_PER_DAY:
            yield Offender(f"invitation of {account}", f"is due to {inviter}, and not paid")
    for deed in evidence.certain("invitation"):
        account = deed.other_id
        if not noted[account] and account not in evidence.absences.lost_invitations:
            yield Offender(f"invitation of {account}", "is not noted")


def claims(evidence: Evidence) -> Iterator[Offender]:
    """A person has one day's reward, in the ledger once, and an answered claim is there."""
    record = evidence.record
    done = {(deed.platform, deed.account_id) for deed in evidence.of_kind("claim")}
    entries: Counter[Account] = Counter()
    of_person: Counter[object] = Counter()
    for (platform, reason, entity), found in record.entries.items():
        for account, xp in found if reason == "daily_claim" else ():
            entries[platform, account] += 1
            of_person[record.person((platform, account))] += 1
            if (platform, account) not in done or xp != rules.DAILY_XP:
                yield Offender(f"daily of {account} for {entity}", f"{xp} XP that nobody claimed")
    yield from _at_most("daily rewards of a person", of_person, 1)
    rows = {(row["platform"], row["account_id"]) for row in record.claims}
    for unmatched in rows ^ entries.keys():
        yield Offender(f"daily of {unmatched}", "the claim and the ledger do not agree")
    for said in evidence.said:
        if said.text.startswith(_CLAIMED) and not entries[said.platform, said.to]:
            yield Offender(f"daily of {said.to} on {said.platform}", "a bot said that it was paid")


def announcements(evidence: Evidence) -> Iterator[Offender]:
    """Each level and rank is announced once on a platform, and only what was reached."""
    record = evidence.record
    told: Counter[tuple[Source, str, str, int]] = Counter()
    unnamed = 0
    for said in evidence.said:
        for name, level in _LEVEL.findall(said.text):
            told[said.platform, name, "level", _number(level)] += 1
        for name, rank in _RANK.findall(said.text):
            told[said.platform, name, "rank", _RANK_NUMBERS[rank]] += 1
        unnamed += sum(map(_number, _MORE.findall(said.text)))
    names = {
        (account[0], name): record.member_of[account] for account, name in record.name_of.items()
    }
    # The load's accounts have no names.
    told = Counter({key: count for key, count in told.items() if key[:2] in names})
    yield from _once("announcement", told)
    for platform, name, surface, number in told:
        xp = record.xp_of[names[platform, name]]
        least = _xp_of_rank(number) if surface == "rank" else number * rules.LEVEL_XP
        if xp < least:
            yield Offender(f"{surface} {number} of {name} on {platform}", f"told with {xp} XP")
    missing: defaultdict[Source, list[str]] = defaultdict(list)
    for row in record.announced:
        if row["announce"] or row["is_due"]:
            what = "announced" if row["announce"] else "shown"
            yield Offender(f"{row['surface']} of member {row['member_id']}", f"is not {what} yet")
        elif row["announced"]:
            of_member = {
                name for (platform, name), member in names.items() if member == row["member_id"]
            }
            found = any(
                told[row["platform"], name, row["surface"], row["announced"]] for name in of_member
            )
            if not found:
                missing[row["platform"]].append(f"{row['surface']} of member {row['member_id']}")
    for platform, untold in missing.items():
        ends = len(evidence.absences.ends.get(platform, ()))
        if len(untold) > unnamed + NEWS_OF_A_MESSAGE * ends:
            yield Offender(f"announcements on {platform}", f"never made: {', '.join(untold)}")


def answers(evidence: Evidence) -> Iterator[Offender]:
    """No bot apologised, every board is one, and nobody waits for ever for a board."""
    asked = Counter((deed.platform, deed.account_id) for deed in evidence.certain("board"))
    answered: Counter[Account] = Counter()
    for said in evidence.said:
        if APOLOGY in said.text:
            yield Offender(f"answer to {said.to} on {said.platform}", said.text)
        if said.text.startswith(BOARD_TITLES):
            answered[said.platform, said.to] += 1
            if why := _fault_of_board(said.text):
                yield Offender(f"board for {said.to} on {said.platform}", f"{why}: {said.text!r}")
        elif said.text.startswith(EXCUSES):
            answered[said.platform, said.to] += 1
    for account, count in asked.items():
        # Only some were certain, and several may share a message or be refused as too many.
        if count >= 3 and not answered[account]:
            yield Offender(f"boards for {account}", f"none of {count} was answered")


CHECKS: Final[Sequence[Callable[[Evidence], Iterator[Offender]]]] = (
    *(messages, reactions, thanks, voice, rewards, invitations, claims, announcements, answers),
)


def _xp_of_rank(number: int) -> int:
    return list(rules.RANKS.values())[number - 1]


def _fault_of_board(text: str) -> str:
    """Say why a board cannot be right; empty if it can be. Pure."""
    lines = [match for line in text.splitlines() if (match := _LINE.match(line))]
    places = [_number(match[1]) for match in lines]
    scores = [_number(match[3]) for match in lines]
    if places and places != list(range(places[0], places[0] + len(places))):
        return "its places do not follow each other"
    if scores != sorted(scores, reverse=True):
        return "its scores are not in order"
    if sum(line.startswith("➤") for line in text.splitlines()) > 1:
        return "it has the asker twice"
    return ""


def _reactions_done(deeds: Iterable[Deed]) -> dict[tuple[Source, int, int], int]:
    return {(deed.platform, int(deed.entity_id), deed.account_id): deed.other_id for deed in deeds}


def _by_person(record: Record, reason: str) -> Counter[object]:
    found: Counter[object] = Counter()
    for (platform, account_id, of_reason), xp in record.earned.items():
        if of_reason == reason:
            found[record.person((platform, account_id))] += xp
    return found


def _times(record: Record, deeds: Iterable[Deed]) -> defaultdict[object, list[float]]:
    found: defaultdict[object, list[float]] = defaultdict(list)
    for deed in deeds:
        found[record.person((deed.platform, deed.account_id))].append(deed.at)
    return found


def _people_with_one_account(record: Record) -> set[object]:
    counts = Counter(record.member_of.values())
    return {member for member, count in counts.items() if count == 1}


def _spaced(times: Sequence[float], gap_s: float) -> int:
    """Return how many of these times can be chosen that lie so far apart."""
    count, last = 0, float("-inf")
    for at in sorted(times):
        if at - last >= gap_s:
            count, last = count + 1, at
    return count


def _between(
    person: object, reason: str, xp: int, least: int, most: int, xp_each: int
) -> Iterator[Offender]:
    if xp % xp_each or not least <= xp // xp_each <= most:
        yield Offender(
            f"person {person}",
            f"{xp} XP by {reason}; the deeds make {least * xp_each} to {most * xp_each}",
        )


def _once(what: str, counts: Mapping[Any, int]) -> Iterator[Offender]:
    yield from _at_most(what, counts, 1)


def _at_most(what: str, counts: Mapping[Any, int], most: int) -> Iterator[Offender]:
    for key, count in counts.items():
        if count > most:
            yield Offender(f"{what}: {key}", f"{count}, and at most {most} may count")


def _by_first(counts: Mapping[tuple[object, object], int]) -> Counter[object]:
    found: Counter[object] = Counter()
    for (first, _), count in counts.items():
        found[first] += count
    return found


def _paid_once(
    record: Record, reason: str, owed: Mapping[tuple[Source, str], Sequence[tuple[int, int]]]
) -> Iterator[Offender]:
    """Compare what should be in the ledger for a reason with what is there."""
    found = {
        (platform, entity): entries
        for (platform, of_reason, entity), entries in record.entries.items()
        if of_reason == reason
    }
    for key in found.keys() | owed.keys():
        if sorted(found.get(key, ())) != sorted(owed.get(key, ())):
            yield Offender(
                f"{reason} {key}",
                f"the ledger has {found.get(key, [])}, and should have {owed.get(key, [])}",
            )


def _talking(deeds: Sequence[Deed], end: float) -> dict[Account, list[tuple[float, float]]]:
    """Return when each account could speak in the channel."""
    spans: defaultdict[Account, list[tuple[float, float]]] = defaultdict(list)
    since: dict[Account, float] = {}
    for deed in deeds:
        account = (deed.platform, deed.account_id)
        if deed.kind == "voice":
            since.setdefault(account, deed.at)
        elif account in since:
            spans[account].append((since.pop(account), deed.at))
    for account, begin in since.items():
        spans[account].append((begin, end))
    return dict(spans)


def _company_s(
    account: Account, spans: Mapping[Account, Sequence[tuple[float, float]]], absences: Absences
) -> float:
    """Return for how many seconds an account spoke beside another one that did, unexcused."""
    others = [span for other, theirs in spans.items() if other != account for span in theirs]
    total = 0.0
    for begin, end in spans.get(account, ()):
        second = begin
        while second < end:
            probe = Deed("voice", "discord", account[1], second)
            is_company = any(first <= second < last for first, last in others)
            total += is_company and not absences.excuses(probe)
            second += 1.0
    return total


def _number(text: str) -> int:
    return int(text.replace(",", ""))
