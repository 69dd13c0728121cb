"""Message components: validation, and the form in which Discord returns them.

Buttons, selects and their rows, and the layouts of Components V2 (containers, sections, text,
media, files).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord_api.channel_types import EVERY_CHANNEL
from sandbox.discord_api.emoji import is_emoji
from sandbox.discord_api.errors import ApiError, invalid_form
from sandbox.discord_api.payloads import Json

from .forms import (
    WEB,
    Anything,
    Choice,
    Flag,
    Form,
    Kind,
    Many,
    Snowflake,
    Text,
    Url,
    Whole,
    missing,
)

__all__ = [
    "CHANNEL_SELECT",
    "DEFAULT_TYPES",
    "MENTIONABLE_SELECT",
    "OPTION",
    "ROLE_SELECT",
    "SELECTS",
    "STRING_SELECT",
    "USER_SELECT",
    "ComponentReader",
    "Shape",
    "check_select",
    "find",
    "media_of",
    "read_components",
    "select_shape",
]

ROW, BUTTON, STRING_SELECT, SECTION, TEXT, THUMBNAIL = 1, 2, 3, 9, 10, 11
GALLERY, FILE, SEPARATOR, CONTAINER = 12, 13, 14, 17
USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 5, 6, 7, 8
#: The kinds of objects that the default values of a select may name.
DEFAULT_TYPES = {
    USER_SELECT: {"user"},
    ROLE_SELECT: {"role"},
    MENTIONABLE_SELECT: {"user", "role"},
    CHANNEL_SELECT: {"channel"},
}
SELECTS = frozenset({STRING_SELECT, *DEFAULT_TYPES})
LINK_STYLE, PREMIUM_STYLE = 5, 6

ROWS_MAX = 5
BUTTONS_PER_ROW_MAX = 5
COMPONENTS_MAX = 40
TEXT_LENGTH_MAX = 4000
SELECT_VALUES_MAX = 25


class Emoji:
    """An emoji: one of Unicode, or one with an id."""

    form = Form({"id": Snowflake(), "name": Text(1, 32), "animated": Flag()}, {"name"}, "an emoji")

    def read(self, value: Any, path: str) -> Json:
        one = self.form.read(value, path)
        if "id" not in one and not is_emoji(one["name"]):
            raise invalid_form(f"{path}.name", "COMPONENT_INVALID_EMOJI", "Invalid emoji")
        return one


EMOJI = Emoji()
MEDIA = Form({"url": Url(schemes=(*WEB, "attachment"))}, {"url"}, "the media of a component")
UPLOADED = Form({"url": Url(schemes=("attachment", *WEB))}, {"url"}, "the file of a component")
CUSTOM_ID = Text(1, 100)
OPTION = Form(
    {
        "label": Text(1, 100),
        "value": Text(1, 100),
        "description": Text(0, 100),
        "default": Flag(),
        "emoji": EMOJI,
    },
    ("label", "value"),
    "an option of a select",
)


@dataclass(frozen=True)
class Shape:
    """The fields of a component, and the components inside; `defaults` fill in missing fields."""

    form: Form
    defaults: Json = field(default_factory=dict)
    children: frozenset[int] = frozenset()


def _shape(
    fields: Mapping[str, Kind],
    *required: str,
    defaults: Json | None = None,
    children: frozenset[int] = frozenset(),
) -> Shape:
    """Return a shape with the fields that every component has."""
    known: dict[str, Kind] = {"type": Anything(), "id": Whole(0, 2**31 - 1), **fields}
    return Shape(Form(known, required, "a component"), defaults or {}, children)


def select_shape(kind: int) -> Shape:
    """Return the shape of a select of this type."""
    fields: dict[str, Kind] = {
        "custom_id": CUSTOM_ID,
        "placeholder": Text(0, 150),
        "min_values": Whole(0, SELECT_VALUES_MAX),
        "max_values": Whole(1, SELECT_VALUES_MAX),
        "disabled": Flag(),
        "required": Flag(),
    }
    needed = ["custom_id"]
    if kind == STRING_SELECT:
        fields["options"] = Many(OPTION, 1, SELECT_VALUES_MAX)
        needed.append("options")
    else:
        named = Form(
            {"id": Snowflake(), "type": Choice(DEFAULT_TYPES[kind])},
            ("id", "type"),
            "a default value of a select",
        )
        fields["default_values"] = Many(named, 0, SELECT_VALUES_MAX)
    if kind == CHANNEL_SELECT:
        fields["channel_types"] = Many(Choice(EVERY_CHANNEL))
    return _shape(fields, *needed, defaults={"min_values": 1, "max_values": 1})


GALLERY_ITEM = Form(
    {"media": MEDIA, "description": Text(1, 1024), "spoiler": Flag()},
    {"media"},
    "an item of a gallery",
)
IN_CONTAINER = frozenset({ROW, TEXT, SECTION, GALLERY, SEPARATOR, FILE})
AT_TOP_V2 = IN_CONTAINER | {CONTAINER}
INNER = Many(Anything(), 1)
SHAPES = {
    ROW: _shape({"components": INNER}, "components", children=frozenset({BUTTON, *SELECTS})),
    BUTTON: _shape(
        {
            "style": Choice(range(1, 7)),
            "custom_id": CUSTOM_ID,
            "label": Text(0, 80),
            "disabled": Flag(),
            "emoji": EMOJI,
            "url": Url(512, (*WEB, "discord")),
            "sku_id": Snowflake(),
        },
        "style",
    ),
    **{kind: select_shape(kind) for kind in SELECTS},
    SECTION: _shape(
        {"components": Many(Anything(), 1, 3), "accessory": Anything()},
        "components",
        "accessory",
        children=frozenset({TEXT}),
    ),
    TEXT: _shape({"content": Text(1, 4000)}, "content"),
    THUMBNAIL: _shape(
        {"media": MEDIA, "description": Text(1, 1024), "spoiler": Flag()},
        "media",
        defaults={"description": None, "spoiler": False},
    ),
    GALLERY: _shape({"items": Many(GALLERY_ITEM, 1, 10)}, "items"),
    FILE: _shape({"file": UPLOADED, "spoiler": Flag()}, "file", defaults={"spoiler": False}),
    SEPARATOR: _shape(
        {"divider": Flag(), "spacing": Choice((1, 2))}, defaults={"divider": True, "spacing": 1}
    ),
    CONTAINER: _shape(
        {"components": INNER, "accent_color": Whole(0, 0xFFFFFF), "spoiler": Flag()},
        "components",
        defaults={"accent_color": None, "spoiler": False},
        children=IN_CONTAINER,
    ),
}


def read_components(components: Any, *, layout: bool) -> list[Json]:
    """Validate a message's components, and return them as Discord stores them, ids included.

    `layout` says whether the message has the Components V2 flag; without it only rows are allowed.
    Raises ApiError 50035, which names the invalid field.
    """
    listed = Many(Anything(), 0, COMPONENTS_MAX if layout else ROWS_MAX).read(
        components, "components"
    )
    reader = ComponentReader(SHAPES)
    read = reader.read_all(listed, "components", AT_TOP_V2 if layout else frozenset({ROW}))
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
    return next((one for one in _every(components) if one.get("custom_id") == custom_id), None)


def media_of(components: list[Json]) -> Iterator[Json]:
    """Yield the media objects of components, at any depth, each with its `url`."""
    for component in _every(components):
        for holder in (component, *component.get("items", ())):
            for name in ("media", "file"):
                if name in holder:
                    yield holder[name]


def _every(components: list[Json]) -> Iterator[Json]:
    for component in components:
        yield component
        yield from _every(component.get("components", []))
        yield from _every(
            [component[name] for name in ("accessory", "component") if name in component]
        )


class ComponentReader:
    """Validates the components of one message or modal, and counts what the limits apply to."""

    def __init__(self, shapes: Mapping[int, Shape]) -> None:
        self.count = 0
        self.text_length = 0
        self._shapes = shapes
        self._custom_ids: set[str] = set()
        self._ids: set[int] = set()

    def read_all(self, components: list[Any], path: str, allowed: frozenset[int]) -> list[Json]:
        """Read components that are of the `allowed` types."""
        return [self.read(one, f"{path}.{index}", allowed) for index, one in enumerate(components)]

    def read(self, component: Any, path: str, allowed: frozenset[int]) -> Json:
        """Read one component with those inside it."""
        kind = component.get("type") if isinstance(component, dict) else None
        if type(kind) is not int or kind not in allowed:
            raise _wrong(
                f"{path}.type", "UNION_TYPE_CHOICES", f"Value {kind!r} is not allowed here"
            )
        shape = self._shapes[component["type"]]
        given = shape.form.read(component, path)
        self.count += 1
        read: Json = shape.defaults | given | {"id": self._id(given.get("id"), path)}
        self._check(read, path)
        if shape.children:
            read["components"] = self.read_all(
                read["components"], f"{path}.components", shape.children
            )
        if kind == SECTION:
            accessories = frozenset({BUTTON, THUMBNAIL})
            read["accessory"] = self.read(read["accessory"], f"{path}.accessory", accessories)
        return read

    def _id(self, given: int | None, path: str) -> int:
        if given and given in self._ids:
            raise _wrong(f"{path}.id", "COMPONENT_DUPLICATE_ID", "Component id is used twice")
        one = given or next(n for n in range(self.count, 2**31) if n not in self._ids)
        self._ids.add(one)
        return one

    def _check(self, component: Json, path: str) -> None:
        kind = component["type"]
        if kind == ROW:
            _check_row(component["components"], path)
        if kind == TEXT:
            self.text_length += len(component["content"])
        if kind == BUTTON:
            _check_button(component, path)
        if kind in SELECTS:
            check_select(component, path)
        if kind == GALLERY:
            empty = {"description": None, "spoiler": False}
            component["items"] = [empty | item for item in component["items"]]
        if "custom_id" in component:
            self._check_custom_id(component["custom_id"], path)

    def _check_custom_id(self, custom_id: str, path: str) -> None:
        if custom_id in self._custom_ids:
            raise _wrong(
                f"{path}.custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        self._custom_ids.add(custom_id)


def _check_row(components: list[Any], path: str) -> None:
    """Refuse a row with more than five buttons, or with a select beside anything else."""
    kinds = [one.get("type") for one in components if isinstance(one, dict)]
    if len(components) > BUTTONS_PER_ROW_MAX:
        raise _wrong(f"{path}.components", "BASE_TYPE_BAD_LENGTH", "Must be 1 to 5 in length.")
    if len(components) > 1 and any(type(kind) is int and kind in SELECTS for kind in kinds):
        raise _wrong(
            f"{path}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A select fills its row"
        )


def check_select(select: Json, path: str) -> None:
    """Refuse bounds that cross, options of one value, and more defaults than may be picked."""
    low, high = select["min_values"], select["max_values"]
    if low > high:
        raise _wrong(f"{path}.min_values", "NUMBER_TYPE_MAX", "Must be at most max_values.")
    options = select.get("options")
    if options is not None:
        values = [option["value"] for option in options]
        if len(set(values)) < len(values):
            raise _wrong(
                f"{path}.options",
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )
        if high > len(options):
            message = f"Must be between {high} and {SELECT_VALUES_MAX} in length."
            raise _wrong(f"{path}.options", "BASE_TYPE_BAD_LENGTH", message)
    preset = [one for one in options or () if one.get("default")] or select.get("default_values")
    if preset and not low <= len(preset) <= high:
        raise _wrong(
            path, "SELECT_COMPONENT_INVALID_DEFAULT_VALUES", "Too many or too few default values"
        )
    select.pop("required", None)


def _check_button(button: Json, path: str) -> None:
    style = button["style"]
    identified_by = {LINK_STYLE: "url", PREMIUM_STYLE: "sku_id"}.get(style, "custom_id")
    if not button.get(identified_by):
        raise missing(f"{path}.{identified_by}")
    for other in {"url", "sku_id", "custom_id"} - {identified_by}:
        if button.get(other):
            raise _wrong(
                f"{path}.{other}",
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                f"A button of style {style} has no {other}",
            )
    labelled = bool(button.get("label") or button.get("emoji"))
    if labelled == (style == PREMIUM_STYLE):
        raise _wrong(
            f"{path}.label", "BUTTON_COMPONENT_INVALID", "A button needs a label or an emoji"
        )


def _wrong(field: str, code: str, message: str) -> ApiError:
    return invalid_form(field, code, message)
