"""Ordered faults: the next calls of a method fail the way real platforms fail."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from .errors import SandboxError

__all__ = ["ANY", "Fault", "Faults", "When", "patched"]

When = Literal["before", "after", "dropped", "hangup", "lost", "garbled"]
ANY = "*"
#: The beginning of the names of the gateway's events and commands.
GATEWAY = "gateway "
#: The entry of the transcript in place of an answer that was lost.
LOST = "done, and the answer was lost by an ordered fault"


@dataclass(slots=True)
class Fault:
    """A fault of the next `times` calls named `name` ("*" for any) on `platform`.

    `when` is one of
      before:  answered with `status`, nothing executed.
      after:   executed, then answered with `status`: the caller does not learn that it worked.
      dropped: answered 2xx as if done, nothing executed (discord-api-docs#6289).
      hangup:  the connection closes without an answer, nothing executed.
      lost:    executed, then the connection closes without an answer. The gateway's events have
               none.
      garbled: executed, but the answer or gateway event has a shape that clients do not know:
               `changes` (a JSON merge patch, RFC 7386, where null removes a field) is applied to
               it, or `page` (text that need not be JSON) replaces it. `status` is the answer's own
               unless it is set.
    `retry_after` is in seconds. `description` and `code` replace the platform's usual wording and
    (Discord only) its JSON error code.
    """

    platform: str
    name: str
    status: int
    times: int = 1
    retry_after: float | None = None
    description: str | None = None
    code: int | None = None
    when: When = "before"
    changes: Any = None
    page: str | None = None

    def __post_init__(self) -> None:
        if self.when not in get_args(When):
            raise SandboxError(f"a fault's `when` is one of {get_args(When)}, not {self.when!r}")
        if self.times < 1:
            raise SandboxError("`times` of a fault must be 1 or more")
        if self.when in ("before", "after") and not 400 <= self.status <= 599:
            raise SandboxError(f"a fault's status is 400 to 599, not {self.status}")
        if self.when == "lost" and self.name.startswith(GATEWAY):
            raise SandboxError("an event of the gateway has no answer that could be lost")
        if (self.when == "garbled") != ((self.changes is None) != (self.page is None)):
            raise SandboxError("a garbled answer, and no other fault, has `changes` or a `page`")
        if self.when == "garbled" and self.status and not 200 <= self.status <= 599:
            raise SandboxError(f"a garbled answer's status is 200 to 599, not {self.status}")

    def strikes(self, name: str) -> bool:
        """Tell whether a call or an event of this name meets the fault."""
        is_meant = self.name in (ANY, name)
        return is_meant and not (self.when == "lost" and name.startswith(GATEWAY))


def patched(value: Any, changes: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386) to a JSON value, and return the outcome. Pure."""
    if not isinstance(changes, dict):
        return changes
    kept = dict(value) if isinstance(value, dict) else {}
    for name, change in changes.items():
        if change is None:
            kept.pop(name, None)
        else:
            kept[name] = patched(kept.get(name), change)
    return kept


class Faults:
    """The faults that have not happened yet, oldest first."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Queue a fault behind those already there."""
        self._pending.append(fault)

    def take(self, platform: str, name: str) -> Fault | None:
        """Return the fault of this call, if any, and use up one of its `times`."""
        for fault in self._pending:
            if fault.platform == platform and fault.strikes(name):
                fault.times -= 1
                if fault.times == 0:
                    self._pending.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        """Forget every fault that has not happened yet."""
        self._pending.clear()

    def pending(self) -> list[Fault]:
        """The faults that have not happened yet, oldest first."""
        return list(self._pending)
