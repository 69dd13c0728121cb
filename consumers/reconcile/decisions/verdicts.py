"""The verdict on a finding: it is watched, held for an operator, left as it is, or repaired."""

from collections.abc import Collection
from typing import Final, Literal, NamedTuple

from consumers.runtime.operator_commands import command
from db.reconcile.agreeing_rows import AgreedField
from db.reconcile.compared_fields import AMOUNTS, FieldKind
from db.reconcile.drift import Decision, Difference, HeldFor
from db.reconcile.passes import Run
from schemas.fields import DELTA_MAX

from .differences import sentence

#: The command after which what was held is imported or corrected.
ACCEPT: Final = command("reconcile", "--now", "--accept")

NO_WHOLE_NUMBER: Final = (
    "That is no whole number, so nothing can be added to it or compared with it. Nothing was"
    " changed: correct the row by hand."
)


class Verdict(NamedTuple):
    """The verdict on a finding: a decision with its reason, or that it is to be repaired."""

    decision: Literal["watched", "held", "left", "repair"]
    why: str = ""


class Stop(NamedTuple):
    """Why a pass is stopped, and what is decided about its undecided findings."""

    why: str
    decision: Decision = "stopped"


def held_for(one: Difference, agreed: Collection[AgreedField]) -> HeldFor | None:
    """Say why a difference is held by itself, without stopping the pass; None if it is drift.

    `agreed` are the fields in which a row of the platform's own table agreed with the ledger
    before.
    """
    if one.field.kind not in AMOUNTS:
        return None
    if one.subject == "store" and AgreedField(one.subject_id, one.field.kind) not in agreed:
        return "history"
    if one.amount is None or abs(one.amount) > DELTA_MAX:
        return "number"
    return None


def verdict(one: Difference, *, before: str | None, run: Run) -> Verdict:
    """Decide about one finding: a difference is repaired when a second pass sees it.

    A finding that was held before stays held until an operator accepts it. After too much differed
    at once, that holds however few of the findings later passes see at a time.
    """
    if run.dry_run:
        return Verdict("left", f"{sentence(one)} Only looked at: it was a dry run.")
    if one.held_for is not None and (before is None or not run.accepted):
        return Verdict("held", held_sentence(one))
    if before is None:
        return Verdict("watched", f"{sentence(one)} Seen for the first time.")
    if before == "held" and not run.accepted:
        return Verdict("held", f"{sentence(one)} It waits for an operator: {ACCEPT}.")
    return Verdict("repair")


def held_sentence(one: Difference) -> str:
    """Explain to an operator why a finding is held by itself, and how to end that."""
    if one.amount is None:
        return f"{sentence(one)} {NO_WHOLE_NUMBER}"
    if one.held_for == "number":
        return (
            f"{sentence(one)} That is more than one event may carry ({DELTA_MAX}), so it is held by"
            " itself. Nothing was changed. Correct it by hand, or accept it: "
            f"{ACCEPT}."
        )
    what = "XP" if one.field.kind is FieldKind.XP else one.field.text
    row = f"{one.platform.capitalize()}'s store: the row of account {one.account_id}"
    numbers = f"(it says {one.seen}, the ledger {one.expected})"
    if one.amount > 0:
        begin = f"{row} had {one.amount} {what} that no entry of the ledger accounts for"
        accepting = "Accepting imports it as an event: the row stays, and both platforms have it"
    else:
        begin = f"{row} has {-one.amount} {what} less than the ledger accounts for"
        accepting = "Accepting adds it to the row, unless the row is below zero"
    others = (
        f" ({command('import-history', one.platform)} imports all such rows)"
        if one.amount > 0
        else ""
    )
    return (
        f"{begin} {numbers}. The row was not seen to agree with the ledger yet, so twinstream takes"
        f" the difference for older than itself. Nothing was changed. {accepting}:"
        f" {ACCEPT}{others}. Or correct the row by hand."
    )
