"""Mutants: guards removed one at a time, to prove that a run without them breaks an invariant.

They exist for tests only. Each one replaces objects of the code under test, never its files.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from bus import Publisher, Reader, ensure_group
from consumers.display.discord_roles.errors import mapped_errors
from consumers.display.discord_roles.roles import DiscordRoles
from consumers.runtime.stream_rebuild import Rebuild
from db import Recorded, producer
from db.shared_transactions import SharedTransactions
from db.surfaces import clock_steps, display_visits
from db.surfaces.display_visits import Visit

from .postgres import RealPostgres

_ONCE = "ON CONFLICT ON CONSTRAINT transaction_once DO NOTHING"
_NEVER_MS = 10**9


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
            yield
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


# Without a rebuild, the search for silently lost events finds them a little later. With that search
# removed too, only a failover loses events that a rebuild does not bring back.
_WITHOUT_FAILOVERS = Mutant(
    "look for lost, where nothing fails over",
    spared=("redis fails over",),
    patches=((Rebuild, "look_for_lost", _find_nothing),),
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
    )
}
