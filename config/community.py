"""The settings of twinstream.toml: the community's chat and server, its ranks and achievements.

Reading the file finds every mistake, and the error names the place of each.
"""

import difflib
import re
import unicodedata
import zoneinfo
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from .cards import CardSetting, card_problems
from .community_file import AnnouncementSetting, announcement_problems, read, tag_problem
from .community_file.telegram_tags import TAG_LENGTH_MAX
from .community_sections.boards import BoardSetting, board_problems
from .community_sections.daily import DailySetting, daily_problems
from .community_sections.earning import EarningSetting, earning_problems
from .community_sections.invites import InviteSetting
from .community_sections.rewards import RewardSetting
from .errors import ConfigError
from .levels import LevelCurve, LevelSetting, curve_of, level_problems
from .setting_error_texts import Place, Problem, explain, named

#: More ranks than any community needs.
RANKS_MAX = 100
#: The largest bonus; far below the amount that one event may carry.
BONUS_MAX = 10**9

#: The longest time until an answer is tidied up, in seconds: Telegram lets a bot delete no message
#: that is older than 48 hours, and 46 leave time for a bot that was stopped meanwhile.
TIDY_S_MAX = 46 * 3_600
#: The longest interval in milliseconds, some three years: a longer one is a slip of the keyboard.
MS_MAX = 10**11
#: The largest amount that Postgres holds (bigint).
AMOUNT_MAX = 2**63 - 1

Snowflake = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


#: A text that some people read in their own language; empty: they read the one for all.
Translation = Annotated[str, msgspec.Meta(max_length=64)]


class Rank(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rank: held from `xp` XP on, shown as a Discord role and a Telegram member tag.

    Everybody sees the same role and tag, so these have one name for all languages.
    """

    name: Text
    name_ru: Translation = ""
    xp: Annotated[int, msgspec.Meta(ge=0, le=10**15)]
    discord_role: Snowflake | None = None
    telegram_tag: Annotated[str, msgspec.Meta(max_length=TAG_LENGTH_MAX)] = ""

    def named(self, language: str) -> str:
        """Return the name as people of this language read it."""
        return (self.name_ru if language == "ru" else "") or self.name


class AchievementSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One achievement: the name that events use, the title people read, the role that shows it.

    Each member gets the bonus once, for unlocking it.
    """

    name: Text
    title: Text
    title_ru: Translation = ""
    discord_role: Snowflake | None = None
    bonus_xp: Annotated[int, msgspec.Meta(ge=0, le=BONUS_MAX)] = 0
    bonus_balance: Annotated[int, msgspec.Meta(ge=0, le=BONUS_MAX)] = 0

    def titled(self, language: str) -> str:
        """Return the title as people of this language read it."""
        return (self.title_ru if language == "ru" else "") or self.title


class ReasonTexts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words for a reason in two languages."""

    en: Text
    ru: Text


class TelegramSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Telegram group."""

    chat_id: int


class DiscordSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Discord server."""

    guild_id: Snowflake
    watch_members: bool = False
    """Whether the bot asks for the privileged intent that reports at once who joins."""
    read_messages: bool = False
    """Whether the bot asks for the privileged intent by which it reads what members write."""
    rank_roles: Literal["replace", "stack"] = "replace"
    """Whether a member holds the role of their rank only, or those of the lower ranks as well."""
    leave_alone_roles: tuple[Snowflake, ...] = ()
    """Roles of other bots. The roles of members who hold one of them stay as they are."""


class GameSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The guessing game. The pause keeps people from winning all day."""

    pause_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 60
    private_on_discord: bool = True
    """Whether a game on Discord is for its player's eyes; everybody is told of wins."""


class AnswerSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long answers in the Telegram group stay that are nobody's news."""

    tidy_after_s: Annotated[int, msgspec.Meta(ge=0, le=TIDY_S_MAX)] = 600
    """Zero: they stay. Answers that tell of a win or a change stay, and so do announcements."""
    tidy_commands: bool = True
    """Whether the commands go with their answers, where the bot may delete messages."""


class LinkingSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How two accounts become one member's, and what members get for it."""

    policy: Literal["sum", "max", "telegram", "discord"] = "sum"
    """The amounts of a linked member: those of both accounts, the greater ones, or those of one."""
    reward_xp: Annotated[int, msgspec.Meta(ge=0, le=BONUS_MAX)] = 0
    reward_balance: Annotated[int, msgspec.Meta(ge=0, le=BONUS_MAX)] = 0
    linked_role_id: Snowflake | None = None
    """The Discord role of linked members."""
    cooldown_hours: Annotated[float, msgspec.Meta(ge=0, le=24 * 365)] = 24
    """How long an account that was unlinked cannot be linked with another one."""
    undo_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7
    """How long after a link either member can undo it."""


class ConsumerSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the consumers work. The defaults suit a community of 100,000."""

    batch_entries_max: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 500
    # While one batch is in Postgres, another lane reads and decodes the next. More than a few lanes
    # only wait for each other's row locks.
    lanes: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2
    block_ms: Annotated[int, msgspec.Meta(ge=10, le=5_000)] = 2_000
    claim_idle_ms: Annotated[int, msgspec.Meta(ge=1_000, le=MS_MAX)] = 30_000
    relay_interval_ms: Annotated[int, msgspec.Meta(ge=10, le=MS_MAX)] = 1_000
    relay_after_ms: Annotated[int, msgspec.Meta(ge=0, le=MS_MAX)] = 3_000
    look_for_lost_ms: Annotated[int, msgspec.Meta(ge=10, le=MS_MAX)] = 5_000
    cleanup_interval_ms: Annotated[int, msgspec.Meta(ge=10, le=MS_MAX)] = 60_000
    keep_finished_ms: Annotated[int, msgspec.Meta(ge=0, le=MS_MAX)] = 600_000
    surfaces_interval_ms: Annotated[int, msgspec.Meta(ge=10, le=MS_MAX)] = 250
    surfaces_members_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 20
    # Discord shows a limit of 10 role writes in 10 seconds, and makes the tenth wait.
    discord_writes_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 9
    discord_window_ms: Annotated[int, msgspec.Meta(ge=1, le=MS_MAX)] = 10_000
    # Telegram allows about 30 calls a second in all; the bot's answers need some of them.
    telegram_writes_max: Annotated[int, msgspec.Meta(ge=1, le=30)] = 20
    telegram_window_ms: Annotated[int, msgspec.Meta(ge=1, le=MS_MAX)] = 1_000


class CleanupSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long Postgres keeps finished rows. The ledger is kept for ever."""

    interval_hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 365)] = 24
    retention_days: Annotated[float, msgspec.Meta(gt=0, le=36_500)] = 30
    step_rows: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1_000
    step_pause_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 100


class ReconcileSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often both sides are compared, and how much may be repaired without an operator."""

    interval_ms: Annotated[int, msgspec.Meta(ge=100, le=MS_MAX)] = 900_000
    whole_within_ms: Annotated[int, msgspec.Meta(ge=100, le=MS_MAX)] = 86_400_000
    page_members: Annotated[int, msgspec.Meta(ge=1, le=2_000)] = 500
    page_age_ms_max: Annotated[int, msgspec.Meta(ge=1_000, le=MS_MAX)] = 600_000
    lease_ms: Annotated[int, msgspec.Meta(ge=100, le=MS_MAX)] = 120_000
    # More than this at once is rarely drift: a backup was restored, or members were imported.
    members_share_max: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.02
    members_always: Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)] = 10
    xp_max: Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)] = 100_000
    balance_max: Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)] = 100_000
    # Reads of roles and tags within the windows of [consumers]; the limits of writes are higher.
    discord_looks_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 5
    telegram_looks_max: Annotated[int, msgspec.Meta(ge=1, le=30)] = 5
    alarm_interval_ms: Annotated[int, msgspec.Meta(ge=10, le=MS_MAX)] = 60_000


class StoreSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a bot keeps its members: a table with three columns, or a class of its own."""

    table: str = ""
    id: str = "id"
    xp: str = "xp"
    balance: str = "balance"
    class_: str = msgspec.field(default="", name="class")
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    """The keyword arguments that the class is created with."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bots' own tables. A platform that is not named keeps its books in `sync_state`."""

    telegram: StoreSetting | None = None
    discord: StoreSetting | None = None

    def by_platform(self) -> dict[Literal["telegram", "discord"], StoreSetting | None]:
        """Return each platform's setting."""
        return {"telegram": self.telegram, "discord": self.discord}

    def connected(self) -> list[Literal["telegram", "discord"]]:
        """Return the platforms whose bot has a table of its own."""
        return [platform for platform, setting in self.by_platform().items() if setting is not None]


class Community(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that twinstream.toml says."""

    telegram: TelegramSetting
    discord: DiscordSetting
    ranks: tuple[Rank, ...]
    achievements: tuple[AchievementSetting, ...] = ()
    consumers: ConsumerSetting = ConsumerSetting()
    announcements: AnnouncementSetting = AnnouncementSetting()
    game: GameSetting = GameSetting()
    answers: AnswerSetting = AnswerSetting()
    daily: DailySetting = DailySetting()
    rewards: RewardSetting = RewardSetting()
    invites: InviteSetting = InviteSetting()
    cleanup: CleanupSetting = CleanupSetting()
    reconcile: ReconcileSetting = ReconcileSetting()
    stores: StoreSettings = StoreSettings()
    linking: LinkingSetting = LinkingSetting()
    levels: LevelSetting = LevelSetting()
    earning: EarningSetting = EarningSetting()
    boards: BoardSetting = BoardSetting()
    cards: CardSetting = CardSetting()
    reasons: dict[str, Text | ReasonTexts] = {}
    """The words in which /why says the reasons of events."""
    keep_manual_changes: bool = False
    """Whether a role or tag that was changed by hand stays until the member's rank changes."""
    timezone: Text = "UTC"
    """The zone in which the community's days, weeks and quiet hours begin, as IANA names it."""

    @classmethod
    def from_toml(cls, path: Path) -> "Community":
        """Read and check the file.

        Raises:
            ConfigError: the file is missing, is not TOML, or breaks a rule; says where.
        """
        document = read(path)
        try:
            community = msgspec.convert(document.values, cls)
        except msgspec.ValidationError as error:
            problem = explain(error, cls, document.values)
            raise ConfigError(document.told(*problem)) from None
        problems = [
            *_telegram_problems(community.telegram),
            *_rank_problems(community.ranks),
            *_achievement_problems(community),
            *_text_problems(document.values),
            *_reason_problems(community.reasons),
            *_store_problems(community.stores),
            *announcement_problems(community.announcements),
            *_timezone_problems(community.timezone),
            *level_problems(community.levels),
            *earning_problems(community.earning),
            *board_problems(community.boards),
            *card_problems(community.cards),
            *daily_problems(community.daily, {one.name for one in community.achievements}),
        ]
        if problems:
            raise ConfigError("\n".join(document.told(*problem) for problem in problems))
        return community

    @property
    def level_curve(self) -> LevelCurve:
        """How much XP each level needs."""
        return curve_of(self.levels)

    def rank(self, number: int) -> Rank | None:
        """Return the rank with this number; None for 0 and for numbers without a rank."""
        return self.ranks[number - 1] if 0 < number <= len(self.ranks) else None

    def achievement(self, name: str) -> AchievementSetting | None:
        """Return the achievement of this name, or None if it is not configured."""
        return next((one for one in self.achievements if one.name == name), None)

    def rank_called(self, name: str) -> Rank | None:
        """Return the rank of this name, or None if it is not configured (any more)."""
        return next((one for one in self.ranks if one.name == name), None)

    def reason(self, reason: str, language: str) -> str | None:
        """Return the words for a reason of events in this language; None if there are none."""
        words = self.reasons.get(reason)
        if isinstance(words, ReasonTexts):
            return words.ru if language == "ru" else words.en
        return words

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The zone that `timezone` names."""
        return zoneinfo.ZoneInfo(self.timezone)

    @property
    def discord_roles(self) -> frozenset[int]:
        """Every role that the file names; twinstream touches no other."""
        return _roles_of([*self.ranks, *self.achievements]) | self._linked_role

    def leaves_alone(self, held: Collection[int]) -> bool:
        """Tell whether the roles of a Discord member who holds these roles stay as they are."""
        return not set(self.discord.leave_alone_roles).isdisjoint(held)

    @property
    def _linked_role(self) -> frozenset[int]:
        role = self.linking.linked_role_id
        return frozenset() if role is None else frozenset({role})

    def roles_for(
        self, rank: int, achievements: Iterable[str], *, is_linked: bool = False
    ) -> frozenset[int]:
        """Return the roles of a member with this rank and these achievements.

        A rank or an achievement that is not configured, or has no role, adds none.
        """
        stacked = self.discord.rank_roles == "stack"
        lowest = 1 if stacked else rank
        ranks = map(self.rank, range(lowest, rank + 1))
        roles = _roles_of([*ranks, *map(self.achievement, achievements)])
        return roles | self._linked_role if is_linked else roles


def _roles_of(settings: Iterable[Rank | AchievementSetting | None]) -> frozenset[int]:
    return frozenset(
        one.discord_role for one in settings if one is not None and one.discord_role is not None
    )


#: The most negative id that Postgres holds (bigint); Telegram's have 13 digits.
CHAT_ID_MIN = -(2**63)
#: Categories of characters that no name may have: controls, and what ends a line.
_CONTROLS = ("Cc", "Zl", "Zp")
_WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")


def _telegram_problems(telegram: TelegramSetting) -> Iterator[Problem]:
    if not CHAT_ID_MIN <= telegram.chat_id < 0:
        yield Problem(
            ("telegram", "chat_id"),
            f"telegram.chat_id must be the id of a group, which is negative, not"
            f" {telegram.chat_id}: write its minus sign too, as in -1001234567890",
        )


def _rank_problems(ranks: tuple[Rank, ...]) -> Iterator[Problem]:
    if not ranks:
        yield Problem(("ranks",), "ranks: at least one [[ranks]] is needed")
    if len(ranks) > RANKS_MAX:
        yield Problem(
            ("ranks", RANKS_MAX),
            f"ranks: at most {RANKS_MAX} are possible, found {len(ranks)}",
        )
    for index, (lower, higher) in enumerate(pairwise(ranks), 1):
        if higher.xp <= lower.xp:
            yield Problem(
                ("ranks", index, "xp"),
                f"rank {higher.name!r}: xp is {higher.xp}, which is not more than the {lower.xp}"
                f" of {lower.name!r} before it; list the ranks from lowest to highest",
            )
    yield from _repeated("rank name", "ranks", "name", [rank.name for rank in ranks])
    for index, rank in enumerate(ranks):
        if why := tag_problem(rank.telegram_tag):
            yield Problem(
                ("ranks", index, "telegram_tag"),
                f"rank {rank.name!r}: telegram_tag {rank.telegram_tag!r} {why}",
            )


def _achievement_problems(community: Community) -> Iterator[Problem]:
    names = [one.name for one in community.achievements]
    yield from _repeated("achievement", "achievements", "name", names)
    for index, name in enumerate(names):
        if not _WORD.fullmatch(name):
            yield Problem(
                ("achievements", index, "name"),
                f"achievement {name!r}: the name must be lower-case words joined by '_', such as"
                " first_win",
            )
    yield from _repeated_roles(community)
    for index, role in enumerate(community.discord.leave_alone_roles):
        if role in community.discord_roles:
            yield Problem(
                ("discord", "leave_alone_roles", index),
                f"discord.leave_alone_roles: {role} is the discord_role of a rank or an"
                " achievement, or linking.linked_role_id: name the roles of other bots only",
            )


def _repeated_roles(community: Community) -> Iterator[Problem]:
    """Name each repeated role: taking one of the two away would take the other as well."""
    kinds: dict[str, tuple[Rank | AchievementSetting, ...]] = {
        "ranks": community.ranks,
        "achievements": community.achievements,
    }
    seen: set[int] = set()
    for kind, settings in kinds.items():
        for index, one in enumerate(settings):
            if one.discord_role in seen:
                yield Problem(
                    (kind, index, "discord_role"),
                    f"{kind.removesuffix('s')} {one.name!r}: the discord_role {one.discord_role} is"
                    " used more than once; give each a role of its own",
                )
            seen |= {one.discord_role} if one.discord_role is not None else set()
    if community.linking.linked_role_id in seen:
        yield Problem(
            ("linking", "linked_role_id"),
            f"linking.linked_role_id: {community.linking.linked_role_id} is the discord_role of a"
            " rank or an achievement; give linked members a role of their own",
        )


def _text_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Name each text that people read and that has nothing to see, or what Postgres refuses."""
    texts: dict[Place, str] = {}
    for kind, keys in {
        "ranks": ("name", "name_ru"),
        "achievements": ("name", "title", "title_ru"),
    }.items():
        for index, one in enumerate(values.get(kind, ())):
            texts |= {(kind, index, key): one[key] for key in keys if key in one}
    for reason, words in values.get("reasons", {}).items():
        if isinstance(words, str):
            texts["reasons", reason] = words
        else:
            texts |= {("reasons", reason, language): text for language, text in words.items()}
    for place, text in texts.items():
        unfit = [mark for mark in text if unicodedata.category(mark) in _CONTROLS]
        if unfit:
            yield Problem(place, f"{named(place, values)} has {unfit[0]!a}: leave it out")
        elif not text.strip():
            yield Problem(place, f"{named(place, values)} must not be blank")


def _reason_problems(reasons: Mapping[str, object]) -> Iterator[Problem]:
    for reason in reasons:
        if not _WORD.fullmatch(reason):
            yield Problem(
                ("reasons", reason),
                f"reasons: {reason!r} is no reason of an event: those are lower-case words joined"
                " by '_', such as game_guess",
            )


def _store_problems(stores: StoreSettings) -> Iterator[Problem]:
    for name, store in stores.by_platform().items():
        if store is not None and bool(store.table) == bool(store.class_):
            yield Problem(
                ("stores", name),
                f"stores.{name}: name a table or a class, one of them; the other keys say what they"
                " need",
            )


def _timezone_problems(timezone: str) -> Iterator[Problem]:
    known = zoneinfo.available_timezones()
    if timezone in known:
        return
    # People know the part after the last slash, and write it in any case.
    by_city = {name.lower().rpartition("/")[2]: name for name in sorted(known)}
    city = timezone.lower().replace(" ", "_").rpartition("/")[2]
    near = difflib.get_close_matches(city, by_city, n=1, cutoff=0.7)
    hint = f" (did you mean {by_city[near[0]]!r}?)" if near else ""
    yield Problem(
        ("timezone",),
        f"timezone: {timezone!r} is no time zone{hint}; use a name such as 'Europe/Moscow' or"
        " 'UTC' from the IANA list",
    )


def _repeated(what: str, kind: str, key: str, names: list[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem((kind, index, key), f"the {what} {name} is used more than once")
