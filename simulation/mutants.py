"""Mutants: guards removed one at a time, to prove that a run without them breaks an invariant.

They exist for tests only. Each one replaces objects of the code under test, never its files.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from bots.features.recent_reactions import RecentReactions
from bots.features.voice.hours import VoiceHours
from bus import Publisher, Reader, ensure_group
from consumers.display.discord_roles.errors import mapped_errors
from consumers.display.discord_roles.roles import DiscordRoles
from consumers.runtime.stream_rebuild import Rebuild
from db import Recorded, producer
from db.shared_transactions import SharedTransactions
from db.surfaces import announcements, clock_steps, display_visits
from db.surfaces.display_visits import Visit

from .postgres import RealPostgres

_ONCE = "ON CONFLICT ON CONSTRAINT transaction_once DO NOTHING"
_NEVER_MS = 10**9


#: Rewrites a function of Postgres with another text in the place of one, which must be there.
_REWRITE = """
    DO $do$
    DECLARE
        said text := pg_get_functiondef('twinstream.{name}'::regproc);
    BEGIN
        IF position($old${old}$old$ IN said) = 0 THEN
            RAISE EXCEPTION 'twinstream.{name} does not say what the mutant replaces';
        END IF;
        EXECUTE replace(said, $old${old}$old$, $new${new}$new$);
    END $do$
"""


@dataclass(frozen=True)
class Mutant:
    """A missing guard. A mutant with default values changes nothing."""

    name: str = "none"
    #: A second guard that could compensate for this one and is therefore removed too. A failing
    #: seed proves this guard only if it passes with `beside` alone; of `beside`, `patches` apply.
    beside: "Mutant | None" = None
    #: Incidents that do not occur in these runs.
    spared: tuple[str, ...] = ()
    #: Incidents that occur more often in these runs, because few seeds would need this guard.
    met: tuple[str, ...] = ()
    #: Deeds of members in these runs, which are often; empty for those that the seed draws.
    members: tuple[str, ...] = ()
    without_role: str | None = None
    claim_idle_ms: int | None = None
    edit: tuple[str, str] | None = None
    before: str | None = None
    after: str | None = None
    patches: tuple[tuple[Any, str, Callable[..., Any]], ...] = ()

    def roles(self, names: Sequence[str]) -> list[str]:
        """Return the roles to run."""
        return [name for name in names if name != self.without_role]

    def rewrite(self, statement: str) -> str:
        """Edit a statement on its way to Postgres."""
        return statement.replace(*self.edit) if self.edit else statement

    @contextmanager
    def applied(self, real: RealPostgres) -> Iterator[None]:
        """Remove the guard within the block."""
        with ExitStack() as stack:
            if self.beside:
                stack.enter_context(self.beside.applied(real))
            for owner, attribute, stand_in in self.patches:
                stack.enter_context(patch.object(owner, attribute, stand_in))
            if self.before:
                real.execute(self.before)
            try:
                yield
            finally:
                if self.after:
                    real.reset()
                    real.execute(self.after)


_read = Reader.read


async def _acknowledge_first(self: Reader) -> Any:
    entries = await _read(self)
    await self.acknowledge(entry.id for entry in entries)
    return entries


async def _only_make_the_group(self: Rebuild, source: Any) -> None:
    await ensure_group(self._redis, self._keys.subscription(source))


async def _find_nothing(self: Rebuild, source: Any) -> int:
    return 0


async def _bring_nothing_back(conn: Any) -> int:
    return 0


async def _doubt_nothing(pool: Any, visit: Visit) -> None:
    return None


async def _write_and_believe(self: DiscordRoles, visit: Visit) -> None:
    with mapped_errors():
        changes, _ = self._possible(await self._changes(visit))
        await self._write(visit, changes)


async def _add_and_create(self: Publisher, stream: str, payloads: Sequence[bytes]) -> list[Any]:
    return [await self._redis.xadd(stream, {"e": payload}) for payload in payloads]


async def _keep_all(conn: Any, recorded: Sequence[Recorded]) -> list[Recorded]:
    return [one for one in recorded if one.created]


async def _answer_until_one_is_cancelled(
    self: SharedTransactions, done: Sequence[tuple[Any, Recorded]]
) -> None:
    await self._publish([receipt for _, receipt in done if receipt.created])
    for call, receipt in done:
        if call.answer.done():
            return
        call.answer.set_result(receipt)


def _function(guard: str, name: str, old: str, new: str, **more: Any) -> Mutant:
    """Return a mutant of a function of Postgres that has `new` in the place of `old`."""
    there, back = more.pop("also", ("", ""))
    return Mutant(
        guard,
        before=_REWRITE.format(name=name, old=old, new=new) + there,
        after=_REWRITE.format(name=name, old=new, new=old) + back,
        **more,
    )


_take = VoiceHours.take


def _take_and_keep(self: VoiceHours, seen_until_s: float) -> list[int]:
    taken = _take(self, seen_until_s)
    for account in taken:
        self._times[account].counted_s += self._interval_s
    return taken


_judge = VoiceHours._judge


def _judge_the_mute_as_well(self: VoiceHours, at_s: float, channel_id: int) -> None:
    inside = self._channels[channel_id]
    said = {one: self._connected[one] for one in inside}
    self._connected |= {one: member._replace(can_speak=True) for one, member in said.items()}
    _judge(self, at_s, channel_id)
    self._connected |= said


def _is_always_new(self: RecentReactions, reaction: Any) -> bool:
    return True


async def _claim_nothing(conn: Any, platform: Any, news: Sequence[Any]) -> list[Any]:
    return list(news)


async def _keep_what_was_refused(conn: Any, platform: Any, news: Sequence[Any]) -> None:
    return None


# Without a rebuild, the search for silently lost events finds them a little later. With that search
# removed too, only a failover loses events that a rebuild does not bring back.
_WITHOUT_FAILOVERS = Mutant(
    "look for lost, where nothing fails over",
    spared=("redis fails over",),
    patches=((Rebuild, "look_for_lost", _find_nothing),),
)

# A bot remembers recent reactions, so Postgres meets one again only from the next process.
_WITHOUT_RECENT_REACTIONS = Mutant(
    "recent reactions", patches=((RecentReactions, "is_new", _is_always_new),)
)

MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant(
            "ledger key",
            edit=(_ONCE, ""),
            before="ALTER TABLE transactions DROP CONSTRAINT transaction_once",
            after="ALTER TABLE transactions ADD CONSTRAINT transaction_once"
            " UNIQUE (idempotency_key, platform)",
        ),
        Mutant("acknowledge after commit", patches=((Reader, "read", _acknowledge_first),)),
        Mutant("claim", claim_idle_ms=_NEVER_MS),
        Mutant("relay", without_role="relay"),
        Mutant(
            "rebuild",
            beside=_WITHOUT_FAILOVERS,
            spared=_WITHOUT_FAILOVERS.spared,
            patches=((Rebuild, "__call__", _only_make_the_group),),
        ),
        Mutant(
            "look for lost",
            met=("redis fails over",),
            patches=((Rebuild, "look_for_lost", _find_nothing),),
        ),
        Mutant(
            "times ahead of the clock",
            met=("the clock of postgres jumps",),
            patches=((clock_steps, "bring_back", _bring_nothing_back),),
        ),
        Mutant("NOMKSTREAM", patches=((Publisher, "_add", _add_and_create),)),
        Mutant("doubt", patches=((display_visits, "doubt", _doubt_nothing),)),
        Mutant(
            "unknown while visited",
            edit=("shown = CASE WHEN f.shown = f.wanted THEN f.shown END,", ""),
        ),
        Mutant(
            "note what was shown",
            edit=("CASE WHEN h.unchanged THEN h.number ELSE f.shown END", "f.wanted"),
        ),
        Mutant("read back", patches=((DiscordRoles, "show", _write_and_believe),)),
        Mutant("rolled-back savepoint", patches=((producer, "_kept", _keep_all),)),
        Mutant(
            "cancelled caller",
            patches=((SharedTransactions, "_publish_and_answer", _answer_until_one_is_cancelled),),
        ),
        _function(
            "earn once",
            "add_earnings",
            "WHEN moment <= known_at OR moment < known_at + make_interval(secs => cooldowns_s[n])",
            "WHEN false",
            members=("messages",),
        ),
        _function(
            "earning's cooldown",
            "add_earnings",
            "OR moment < known_at + make_interval(secs => cooldowns_s[n])",
            "OR /* no cooldown */ false",
            members=("messages",),
        ),
        _function(
            "earning's cooldown is the person's",
            "add_earnings",
            "reasons[n] OFFSET 0\n        ) AS w\n        WHERE a.member_id = owner;",
            "reasons[n] OFFSET 0\n        ) AS w\n        WHERE a.member_id = owner"
            " AND a.platform = here;",
            members=("messages",),
        ),
        _function(
            "earning's limit of a day",
            "add_earnings",
            "least(amounts[n], day_limits[n] - today)",
            "least(amounts[n], day_limits[n])",
            members=("messages",),
        ),
        _function(
            "window ends with its month",
            "add_earnings",
            "AND w.opened_at IS NOT NULL AND w.day < days[n]",
            "AND w.opened_at IS NULL AND w.day < days[n]",
            members=("messages",),
        ),
        _function(
            "asking closes windows seldom",
            "close_windows_of",
            "AND NOT bool_or(w.closed_at BETWEEN",
            "AND NOT bool_or(w.closed_at > now() AND w.closed_at BETWEEN",
            members=("messages",),
        ),
        Mutant("voice is taken once", patches=((VoiceHours, "take", _take_and_keep),)),
        Mutant("voice of the mute", patches=((VoiceHours, "_judge", _judge_the_mute_as_well),)),
        _function(
            "reaction once",
            "enter_reactions",
            "ON CONFLICT ON CONSTRAINT reaction_once DO NOTHING",
            "ON CONFLICT DO NOTHING",
            also=(
                ";ALTER TABLE twinstream.reactions DROP CONSTRAINT reaction_once",
                (
                    ";ALTER TABLE twinstream.reactions ADD CONSTRAINT reaction_once"
                    " PRIMARY KEY (platform, place_id, message_id, giver_account_id)"
                ),
            ),
            members=("reactions",),
            beside=_WITHOUT_RECENT_REACTIONS,
        ),
        _function(
            "reactions of a pair",
            "enter_reactions",
            "OR of_pair >= per_pair",
            "OR of_pair >= per_pair + 1",
            members=("reactions",),
        ),
        _function(
            "reactions of a day",
            "enter_reactions",
            "OR of_giver >= per_day",
            "OR of_giver >= per_day + 1",
            members=("reactions",),
        ),
        _function(
            "reaction to oneself",
            "enter_reactions",
            "OR written_by = one.giver",
            "OR written_by = -one.giver",
            also=(
                ";ALTER TABLE twinstream.reactions DROP CONSTRAINT reaction_is_for_another",
                (
                    ";ALTER TABLE twinstream.reactions ADD CONSTRAINT reaction_is_for_another"
                    " CHECK (giver_account_id <> receiver_account_id)"
                ),
            ),
            members=("reactions",),
        ),
        _function(
            "reward once",
            "give_reward",
            "IF known.id IS NOT NULL THEN",
            "IF known.id < 0 THEN",
            also=(
                ";ALTER TABLE twinstream.rewards DROP CONSTRAINT reward_once",
                (
                    ";ALTER TABLE twinstream.rewards ADD CONSTRAINT reward_once"
                    " UNIQUE (platform, entity_id)"
                ),
            ),
            members=("rewards",),
        ),
        _function(
            "reward's limit of XP",
            "give_reward",
            "lately.xp + abs(more_xp) > xp_max",
            "lately.xp > xp_max",
            members=("rewards",),
        ),
        _function(
            "reward to oneself",
            "give_reward",
            "IF of_account = administrator THEN",
            "IF of_account = -administrator THEN",
            members=("rewards",),
        ),
        _function(
            "invitation once",
            "note_invite",
            "ON CONFLICT ON CONSTRAINT invite_once DO NOTHING",
            "ON CONFLICT ON CONSTRAINT invite_once DO UPDATE"
            " SET status = 'waiting', inviter_id = excluded.inviter_id",
            members=("invitations",),
        ),
        _function(
            "invitation of somebody known",
            "note_invite",
            "WHEN invited = inviter OR EXISTS (",
            "WHEN invited = inviter OR false AND EXISTS (",
            members=("invitations",),
        ),
        _function(
            "invitation of somebody who left",
            "void_invite",
            "SET status = 'void', changed_at = now()",
            "SET changed_at = now()",
            members=("invitations",),
        ),
        _function(
            "invitations of a day",
            "turn_of",
            "OFFSET per_day - 1",
            "OFFSET 2 * per_day - 1",
            also=(
                ";" + _REWRITE.format(name="turn_of", old="LIMIT per_day", new="LIMIT 2 * per_day"),
                ";" + _REWRITE.format(name="turn_of", old="LIMIT 2 * per_day", new="LIMIT per_day"),
            ),
            members=("invitations",),
        ),
        _function(
            "forgiven days of a month",
            "claim_daily",
            "missed <= rule.forgiven_days - used",
            "missed <= rule.forgiven_days",
        ),
        _function(
            "day once per person",
            "claim_daily",
            "(d.is_own AND c.day_ends_at > now() OR c.claimed_at >= began_at)",
            "(c.account_id = of_account AND c.claimed_at >= began_at)",
        ),
        Mutant("claim of news", patches=((announcements, "claim", _claim_nothing),)),
        Mutant(
            "news that was refused",
            met=("a place is closed",),
            patches=((announcements, "give_back", _keep_what_was_refused),),
        ),
        _function(
            "board follows the ledger",
            "merge_earnings",
            "+ CASE d.week WHEN n.week THEN d.week_xp ELSE 0 END",
            "+ CASE d.week WHEN n.week THEN 0 ELSE 0 END",
        ),
        Mutant(
            "board follows thanks",
            before="ALTER TABLE twinstream.account_scores"
            " DISABLE TRIGGER member_scores_follow_changed",
            after="ALTER TABLE twinstream.account_scores"
            " ENABLE TRIGGER member_scores_follow_changed",
        ),
    )
}


def mutant_without(guard: str) -> Mutant | None:
    """Return the mutant that lacks this guard; None for "", which removes none."""
    return MUTANTS[guard] if guard else None
