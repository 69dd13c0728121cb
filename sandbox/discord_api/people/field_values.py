"""Values that a person gives: the picks of a select, and the fields of a modal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.discord_api.bodies.components import (
    CHANNEL_SELECT,
    MENTIONABLE_SELECT,
    ROLE_SELECT,
    STRING_SELECT,
    USER_SELECT,
)
from sandbox.discord_api.bodies.modals import (
    CHECKBOX,
    CHECKBOXES,
    FILE_UPLOAD,
    LABEL,
    RADIO,
    ROW,
    TEXT_INPUT,
)
from sandbox.discord_api.bodies.uploads import Upload
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.world import Attachment, World
from sandbox.errors import SandboxError

from .resolved_objects import CHANNELS, ROLES, USERS, Resolved

__all__ = ["FilledModal", "picked"]

RESOLVED_AS = {
    USER_SELECT: (USERS,),
    ROLE_SELECT: (ROLES,),
    MENTIONABLE_SELECT: (USERS, ROLES),
    CHANNEL_SELECT: (CHANNELS,),
}
TEXT_LENGTH_MAX = 4000


def picked(
    select: Json, given: Sequence[Any] | None, resolved: Resolved, world: World
) -> list[str]:
    """Return the values of a select; ids are added to `resolved`.

    Raises SandboxError where Discord's own client offers no such choice.
    """
    name, kind = repr(select["custom_id"]), select["type"]
    values = [str(value) for value in given or ()]
    low, high = select.get("min_values", 1), select.get("max_values", 1)
    if not low <= len(values) <= high:
        raise SandboxError(f"{name} takes {low} to {high} values, not {len(values)}")
    if len(set(values)) < len(values):
        raise SandboxError(f"a value of {name} is picked twice")
    if kind == STRING_SELECT:
        offered = [option["value"] for option in select["options"]]
        for value in values:
            if value not in offered:
                raise SandboxError(f"{name} offers {offered}, not {value!r}")
        return values
    for value in values:
        if not value.isdecimal():
            raise SandboxError(f"{name} takes ids, not {value!r}")
        _check_channel(select, int(value), world)
        resolved.add(int(value), RESOLVED_AS[kind], name)
    return values


def _check_channel(select: Json, target: int, world: World) -> None:
    kinds, channel = select.get("channel_types"), world.channels.get(target)
    if kinds and channel is not None and channel.type not in kinds:
        raise SandboxError(f"{select['custom_id']!r} offers channels of the types {kinds} only")


class FilledModal:
    """A modal's components with the values of a person, as its interaction carries them."""

    def __init__(
        self,
        values: Mapping[str, Any],
        resolved: Resolved,
        world: World,
        store: Callable[[Upload], Attachment],
    ) -> None:
        self.resolved = resolved
        self._values = values
        self._world = world
        self._store = store
        self._known: set[str] = set()

    def fill(self, components: list[Json]) -> list[Json]:
        """Return all components. Raises SandboxError for a value without a field."""
        filled = [self._filled(one) for one in components]
        surplus = sorted(self._values.keys() - self._known)
        if surplus:
            raise SandboxError(f"the modal has no field {surplus[0]!r}")
        return filled

    def _filled(self, component: Json) -> Json:
        shown: Json = {"type": component["type"], "id": component["id"]}
        if component["type"] == ROW:
            return shown | {"components": [self._filled(one) for one in component["components"]]}
        if component["type"] == LABEL:
            return shown | {"component": self._filled(component["component"])}
        if "custom_id" not in component:
            return shown
        self._known.add(component["custom_id"])
        return shown | {"custom_id": component["custom_id"], **self._answer(component)}

    def _answer(self, field: Json) -> Json:
        kind, custom_id = field["type"], field["custom_id"]
        given = self._values.get(custom_id)
        if kind == TEXT_INPUT:
            return {"value": _text(field, given)}
        if kind == CHECKBOX:
            return {"value": bool(field.get("default", False) if given is None else given)}
        needed = field.get("required", True)
        if given in (None, []) and needed and field.get("min_values") != 0:
            raise SandboxError(f"the modal needs a value for {custom_id!r}")
        if kind == RADIO:
            return {"value": None if given is None else _offered(field, [given])[0]}
        if kind == CHECKBOXES:
            return {"values": _offered(field, given or [])}
        if kind == FILE_UPLOAD:
            return {"values": [self._file(one, custom_id) for one in given or ()]}
        optional = field | ({} if needed else {"min_values": 0})
        return {"values": picked(optional, given, self.resolved, self._world)}

    def _file(self, upload: object, custom_id: str) -> str:
        if not isinstance(upload, Upload):
            raise SandboxError(f"{custom_id!r} takes files, not {upload!r}")
        file = self._store(upload)
        self.resolved.add_file(file)
        return str(file.id)


def _text(field: Json, given: Any) -> str:
    custom_id = repr(field["custom_id"])
    text = field.get("value", "") if given is None else str(given)
    if not text and field.get("required", True):
        raise SandboxError(f"the modal needs a value for {custom_id}")
    low, high = field.get("min_length", 0), field.get("max_length", TEXT_LENGTH_MAX)
    if text and not low <= len(text) <= high:
        raise SandboxError(f"{custom_id} takes {low} to {high} characters, not {len(text)}")
    return text


def _offered(field: Json, given: Sequence[Any]) -> list[str]:
    offered = [option["value"] for option in field["options"]]
    for value in given:
        if value not in offered:
            raise SandboxError(f"{field['custom_id']!r} offers {offered}, not {value!r}")
    high = field.get("max_values", len(offered))
    if len(given) > high:
        raise SandboxError(f"{field['custom_id']!r} takes at most {high} values")
    return [str(value) for value in given]
