"""Announcements: a model of the places where bots tell news, and its audit.

Each piece of news is told once at most. Where nothing could cost it, it is told once, after quiet
hours, and after a place that took nothing takes messages again.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from bots.features.announcements.texts import NAMES_MAX
from bots.runtime.delivery import PerhapsSent, PublicPlace, Unsent, Unwanted
from bots.texts.buttons import Rows
from bus import SOURCES, Source
from config import Community
from config.community_file.announcing import AnnouncementSetting, KindSetting

from .platforms import Platform
from .postgres import RealPostgres
from .simulated_process import Machine, current

#: The words for each kind: whatever a platform does to a name or a title, these can be read back.
_WORDS: Final = "{{name}} + {kind} + {{{kind}}} +"
_LINE: Final = re.compile(r"m(?P<account>\d+)\W* \W*\+ (?P<kind>\w+) \W*\+ (?P<what>.*) \+$")
#: The last line of a message that has more news than lines for names.
_MORE: Final = re.compile(r"\.\.\. and (\d+) more")
#: The time of a quiet minute, in which every run begins.
QUIET: Final = "12:00-12:01"
QUIET_S: Final = 60.0
#: Seconds after which a refused message is tried again, at least.
AGAIN_S: Final = 2.0
#: Accounts that take no private messages.
CLOSED: Final = (2, 102)
TOPIC: Final = 42
CHANNEL: Final = 55


class News(NamedTuple):
    """A piece of news of an account: it has a rank, a level, or an achievement now."""

    source: Source
    account: int
    surface: str
    number: int


def setting(draw: int) -> AnnouncementSetting:
    """Return one of a few settings: where each kind goes, and whether a minute is quiet. Pure."""
    rank, achievement, level = (
        (KindSetting(text=_WORDS.format(kind=kind)) for kind in ("rank", "achievement", "level"))
        if draw % 2
        else (
            KindSetting(telegram=TOPIC, discord=CHANNEL, text=_WORDS.format(kind="rank")),
            KindSetting(
                telegram="private", discord="private", text=_WORDS.format(kind="achievement")
            ),
            KindSetting(telegram="here", discord="here", text=_WORDS.format(kind="level")),
        )
    )
    return AnnouncementSetting(
        telegram=True,
        discord_channel_id=CHANNEL + 1,
        quiet_hours=QUIET if draw == 0 else "",
        rank=rank,
        achievement=achievement,
        level=level,
    )


class ToldNews:
    """The messages at the places of one platform. It is the delivery that its bot sends through."""

    def __init__(self, machine: Machine, platform: Platform, community: Community) -> None:
        self.told: Counter[News] = Counter()
        #: News that the bot may have told: the platform did not say whether it took the message.
        self.unconfirmed: Counter[News] = Counter()
        #: Pieces of news that a message counted, because it had named as many as it may.
        self.unnamed = 0
        self.breaches: list[str] = []
        #: Places that take nothing now.
        self.closed: set[PublicPlace] = set()
        self._machine = machine
        self._platform = platform
        self._community = community
        self._is_quiet = bool(community.announcements.quiet_hours)

    @property
    def places(self) -> list[PublicPlace]:
        """Return the places that the settings name."""
        if self._platform.name == "telegram":
            return [PublicPlace(), PublicPlace(topic_id=TOPIC)]
        return [PublicPlace(CHANNEL), PublicPlace(CHANNEL + 1)]

    async def announce(self, place: PublicPlace, text: str, *, reply_to: int | None = None) -> None:
        """Take a message for a place."""
        await self._take(text, refused="the place is closed" if place in self.closed else None)

    async def tell(self, account_id: int, text: str, buttons: Rows = ()) -> None:
        """Take a message for one account."""
        await current().turn()
        if account_id in CLOSED:
            raise Unwanted("the account takes no private messages")
        await self._take(text)

    async def community_name(self) -> str:
        """Return the name of the group or the server."""
        return "Birds"

    async def bot_name(self) -> str | None:
        """Return none: no news has a link to the bot."""
        return None

    async def _take(self, text: str, *, refused: str | None = None) -> None:
        await current().turn()
        machine, platform = self._machine, self._platform
        trouble = ""
        if not platform.reachable or machine.dice.random() < platform.trouble_share:
            trouble = machine.dice.choice(["refuses", "answer lost", "never arrives"])
        if refused:
            trouble = "refuses"
        machine.note(current().name, f"{platform.name} is told {len(text)}: {trouble or 'well'}")
        if trouble == "refuses":
            raise Unsent("refused", retry_s=AGAIN_S, cause=refused)
        for news in self._read(text):
            (self.unconfirmed if trouble else self.told)[news] += 1
            if trouble == "answer lost":
                self.told[news] += 1
        if self._is_quiet and machine.loop.time() < QUIET_S:
            self.breaches.append(f"{platform.name} was told in quiet hours: {text!r}")
        if trouble:
            raise PerhapsSent(trouble)
        await current().turn()

    def _read(self, text: str) -> Iterator[News]:
        bare = re.sub(r"</?b>|\*\*|\\|[\u2060\u2066-\u2069]", "", text)
        for before, line in enumerate(bare.splitlines()):
            if before == NAMES_MAX and (more := _MORE.fullmatch(line)):
                self.unnamed += int(more[1])
                continue
            found = _LINE.search(line)
            if found is None:
                self.breaches.append(f"{self._platform.name} was told {text!r}")
                continue
            account, kind, what = int(found["account"]), found["kind"], found["what"]
            surface, number = kind, 1
            if kind == "rank":
                number = 1 + [rank.name for rank in self._community.ranks].index(what)
            elif kind == "achievement":
                surface = f"achievement:{what}"
            else:
                number = int(what)
            yield News(self._platform.name, account, surface, number)


def still_to_tell(real: RealPostgres, community: Community) -> dict[str, int]:
    """Count news that is to be told now, and levels that nobody has noted yet."""
    rows = real.fetch(
        """
        SELECT f.platform, f.surface, f.announced, m.xp
        FROM surfaces AS f JOIN accounts AS a ON a.member_id = f.member_id
            AND a.platform = f.platform
        JOIN members AS m ON m.id = f.member_id
        WHERE f.announce AND f.wanted >= f.announced AND a.account_id > 0
            AND f.surface <> 'linked'  -- the role of linked members is no news
        """
    )
    waiting = Counter(
        f"news for {row['platform']}"
        for row in rows
        if row["surface"] != "level" or _level(community, row["xp"]) >= row["announced"]
    )
    [(levels,)] = real.fetch("SELECT count(*) FROM members WHERE xp >= level_due_xp")
    return dict(waiting) | ({"levels": levels} if levels else {})


def news_breaches(
    real: RealPostgres,
    community: Community,
    told: Mapping[Source, ToldNews],
    calm: Mapping[Source, bool],
) -> Iterator[str]:
    """Yield news that was told twice, that never was true, or that is lost.

    `calm` says for which platform nothing happened that may cost news.
    """
    links: Counter[tuple[Source, int]] = Counter()
    for row in real.fetch("SELECT telegram_account_id, discord_account_id FROM links"):
        links["telegram", row[0]] += 1
        links["discord", row[1]] += 1
    best, achievements = _best(real)
    for source in SOURCES:
        place = told[source]
        yield from place.breaches
        for news, times in place.told.items():
            ends = links[source, news.account]
            if times > 1 + ends:
                yield f"{news} was told {times} times"
            if ends:
                continue  # the other account's XP made it true, or not
            if news.surface.startswith("achievement:"):
                is_true = (source, news.account, news.surface) in achievements
            else:
                needed = _needed(community, news)
                is_true = best[source, news.account] >= needed
            if not is_true:
                yield f"{news} was told, and never was true"
        if calm[source]:
            lost = list(_lost(real, place, source, links))
            # Which ones a message counted without a name, nobody can tell.
            if len(lost) > place.unnamed:
                yield from lost


def _lost(
    real: RealPostgres, place: ToldNews, source: Source, links: Counter[tuple[Source, int]]
) -> Iterator[str]:
    """Yield what an account has now, was not given by a link, and was told in no line."""
    for row in real.fetch(
        """
        SELECT a.account_id, f.surface, f.announced FROM surfaces AS f
        JOIN accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
        WHERE f.platform = $1 AND f.wanted = f.announced AND f.announced > 0 AND NOT f.announce
        """,
        source,
    ):
        news = News(source, row["account_id"], row["surface"], row["announced"])
        if links[source, news.account] or news.surface == "linked":
            continue
        if not place.told[news] and not place.unconfirmed[news]:
            yield f"{news} is lost"


def _best(
    real: RealPostgres,
) -> tuple[Counter[tuple[Source, int]], set[tuple[Source, int, str]]]:
    """Return the most XP that each account can have had, and the achievements it has."""
    best: Counter[tuple[Source, int]] = Counter()
    achievements = set()
    now: dict[tuple[Source, int], int] = defaultdict(int)
    for row in real.fetch("SELECT * FROM transactions WHERE platform = source ORDER BY id"):
        account = row["source"], row["account_id"]
        # Its entries may come in another order on the other platform, so losses do not count.
        now[account] += max(0, row["delta_xp"])
        best[account] = now[account]
        if row["achievement"]:
            achievements.add((*account, f"achievement:{row['achievement']}"))
    return best, achievements


def _level(community: Community, xp: int) -> int:
    return sum(xp >= needed for needed in community.levels.table)


def _needed(community: Community, news: News) -> int:
    if news.surface == "level":
        return community.levels.table[news.number - 1]
    return community.ranks[news.number - 1].xp
