"""Message components: validation, and the form in which Discord returns them.

Buttons, selects and their rows, and the layouts of Components V2 (containers, sections, text).
"""

from dataclasses import dataclass, field
from typing import Any

from .errors import ApiError, invalid_form, not_imitated
from .payloads import Json

__all__ = ["find", "read_components"]

ROW, BUTTON, STRING_SELECT, SECTION, TEXT, THUMBNAIL = 1, 2, 3, 9, 10, 11
GALLERY, SEPARATOR, CONTAINER = 12, 14, 17
ENTITY_SELECTS = frozenset({5, 6, 7, 8})
SELECTS = ENTITY_SELECTS | {STRING_SELECT}
LINK_STYLE, PREMIUM_STYLE = 5, 6

ROWS_MAX = 5
BUTTONS_PER_ROW_MAX = 5
COMPONENTS_MAX = 40
TEXT_LENGTH_MAX = 4000
CUSTOM_ID_LENGTH_MAX = 100
LABEL_LENGTH_MAX = 80


@dataclass(frozen=True)
class Shape:
    """The fields of a component; Discord fills in a missing field from `defaults`."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    defaults: Json = field(default_factory=dict)
    children: frozenset[int] = frozenset()

    @property
    def fields(self) -> frozenset[str]:
        """Every field that is allowed."""
        return self.required | self.optional | self.defaults.keys() | {"type", "id"}


def _select(*required: str) -> Shape:
    return Shape(
        frozenset({"custom_id", *required}),
        frozenset({"placeholder", "disabled", "default_values", "channel_types"}),
        {"min_values": 1, "max_values": 1},
    )


IN_CONTAINER = frozenset({ROW, TEXT, SECTION, GALLERY, SEPARATOR})
AT_TOP_V2 = IN_CONTAINER | {CONTAINER}
SHAPES = {
    ROW: Shape(frozenset({"components"}), children=frozenset({BUTTON, *SELECTS})),
    BUTTON: Shape(
        frozenset({"style"}),
        frozenset({"custom_id", "label", "disabled", "emoji", "url", "sku_id"}),
    ),
    STRING_SELECT: _select("options"),
    **{kind: _select() for kind in ENTITY_SELECTS},
    SECTION: Shape(frozenset({"components", "accessory"}), children=frozenset({TEXT})),
    TEXT: Shape(frozenset({"content"})),
    THUMBNAIL: Shape(frozenset({"media"}), defaults={"description": None, "spoiler": False}),
    GALLERY: Shape(frozenset({"items"})),
    SEPARATOR: Shape(defaults={"divider": True, "spacing": 1}),
    CONTAINER: Shape(
        frozenset({"components"}),
        defaults={"accent_color": None, "spoiler": False},
        children=IN_CONTAINER,
    ),
}


def read_components(components: list[Json], *, layout: bool) -> list[Json]:
    """Validate a message's components, and return them as Discord stores them, ids included.

    `layout` says whether the message has the Components V2 flag; without it only rows are allowed.
    Raises ApiError 50035, which names the invalid field.
    """
    allowed = AT_TOP_V2 if layout else frozenset({ROW})
    if not layout and len(components) > ROWS_MAX:
        raise _wrong(
            "components", "BASE_TYPE_MAX_LENGTH", f"Must be {ROWS_MAX} or fewer in length."
        )
    reader = _Reader()
    read = [
        reader.read(component, f"components.{index}", allowed)
        for index, component in enumerate(components)
    ]
    if reader.count > COMPONENTS_MAX:
        raise _wrong(
            "components",
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
            f"A message holds at most {COMPONENTS_MAX} components",
        )
    if reader.text_length > TEXT_LENGTH_MAX:
        raise _wrong(
            "components",
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            f"The total size of displayable text exceeds {TEXT_LENGTH_MAX}",
        )
    return read


def find(components: list[Json], custom_id: str) -> Json | None:
    """Return the component with this custom id, at any depth."""
    for component in components:
        if component.get("custom_id") == custom_id:
            return component
        inner = [*component.get("components", []), *_accessory(component)]
        found = find(inner, custom_id)
        if found is not None:
            return found
    return None


def _accessory(component: Json) -> list[Json]:
    return [component["accessory"]] if "accessory" in component else []


class _Reader:
    """Validates the components of one message, and counts what the limits of a message apply to."""

    def __init__(self) -> None:
        self.count = 0
        self.text_length = 0
        self._custom_ids: set[str] = set()

    def read(self, component: Any, path: str, allowed: frozenset[int]) -> Json:
        kind = component.get("type") if isinstance(component, dict) else None
        if kind not in allowed:
            raise _wrong(
                f"{path}.type", "UNION_TYPE_CHOICES", f"Value {kind!r} is not allowed here"
            )
        shape = SHAPES[component["type"]]
        for name in component:
            if name not in shape.fields:
                raise not_imitated(f"the field {name!r} of a component of type {kind}")
        for name in shape.required:
            if component.get(name) is None:
                raise _wrong(f"{path}.{name}", "BASE_TYPE_REQUIRED", "This field is required")
        self.count += 1
        read: Json = shape.defaults | component | {"id": component.get("id") or self.count}
        self._check(read, path)
        if shape.children:
            read["components"] = [
                self.read(child, f"{path}.components.{index}", shape.children)
                for index, child in enumerate(component["components"])
            ]
        if kind == SECTION:
            accessories = frozenset({BUTTON, THUMBNAIL})
            read["accessory"] = self.read(component["accessory"], f"{path}.accessory", accessories)
        return read

    def _check(self, component: Json, path: str) -> None:
        kind = component["type"]
        if kind == ROW and not 1 <= len(component["components"]) <= BUTTONS_PER_ROW_MAX:
            raise _wrong(f"{path}.components", "BASE_TYPE_BAD_LENGTH", "Must be 1 to 5 in length.")
        if kind == TEXT:
            self.text_length += len(component["content"])
        if kind == BUTTON:
            _check_button(component, path)
        if "custom_id" in component:
            self._check_custom_id(component["custom_id"], path)

    def _check_custom_id(self, custom_id: str, path: str) -> None:
        if not 1 <= len(custom_id) <= CUSTOM_ID_LENGTH_MAX:
            raise _wrong(
                f"{path}.custom_id",
                "BASE_TYPE_BAD_LENGTH",
                f"Must be between 1 and {CUSTOM_ID_LENGTH_MAX} in length.",
            )
        if custom_id in self._custom_ids:
            raise _wrong(
                f"{path}.custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        self._custom_ids.add(custom_id)


def _check_button(button: Json, path: str) -> None:
    style = button["style"]
    identified_by = {LINK_STYLE: "url", PREMIUM_STYLE: "sku_id"}.get(style, "custom_id")
    if not button.get(identified_by):
        raise _wrong(f"{path}.{identified_by}", "BASE_TYPE_REQUIRED", "This field is required")
    if style != PREMIUM_STYLE and not (button.get("label") or button.get("emoji")):
        raise _wrong(
            f"{path}.label", "BUTTON_COMPONENT_INVALID", "A button needs a label or an emoji"
        )
    if len(button.get("label") or "") > LABEL_LENGTH_MAX:
        raise _wrong(
            f"{path}.label",
            "BASE_TYPE_MAX_LENGTH",
            f"Must be {LABEL_LENGTH_MAX} or fewer in length.",
        )


def _wrong(field: str, code: str, message: str) -> ApiError:
    return invalid_form(field, code, message)
