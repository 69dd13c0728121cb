"""Modals: the fields that a bot shows to a person, validated as Discord validates them."""

from typing import Any

from sandbox.discord_api.errors import invalid_form
from sandbox.discord_api.payloads import Json

from .components import SELECTS, ComponentReader, Shape, select_shape
from .forms import Anything, Choice, Flag, Form, Kind, Many, Text, Whole, missing

__all__ = [
    "CHECKBOX",
    "CHECKBOXES",
    "FILE_UPLOAD",
    "LABEL",
    "RADIO",
    "ROW",
    "TEXT_INPUT",
    "read_modal",
]

ROW, TEXT_INPUT, TEXT, LABEL = 1, 4, 10, 18
FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 19, 21, 22, 23
FIELDS_MAX = 5

MODAL = Form(
    {"custom_id": Text(1, 100), "title": Text(1, 45), "components": Many(Anything(), 1, 40)},
    ("custom_id", "title", "components"),
    "a modal",
)
PICK = Form(
    {
        "label": Text(1, 100),
        "value": Text(1, 100),
        "description": Text(0, 100),
        "default": Flag(),
    },
    ("label", "value"),
    "an option of a modal",
)


def _shape(
    fields: dict[str, Kind], *required: str, children: frozenset[int] = frozenset()
) -> Shape:
    known: dict[str, Kind] = {"type": Anything(), "id": Whole(0, 2**31 - 1), **fields}
    return Shape(Form(known, required, "a component of a modal"), children=children)


CUSTOM_ID: dict[str, Kind] = {"custom_id": Text(1, 100), "required": Flag()}
COUNTED: dict[str, Kind] = {"min_values": Whole(0, 10), "max_values": Whole(1, 10)}
SHAPES = {
    ROW: _shape(
        {"components": Many(Anything(), 1, 1)}, "components", children=frozenset({TEXT_INPUT})
    ),
    TEXT_INPUT: _shape(
        CUSTOM_ID
        | {
            "style": Choice((1, 2)),
            "label": Text(1, 45),
            "value": Text(0, 4000),
            "placeholder": Text(0, 100),
            "min_length": Whole(0, 4000),
            "max_length": Whole(1, 4000),
        },
        "custom_id",
        "style",
    ),
    TEXT: _shape({"content": Text(1, 4000)}, "content"),
    LABEL: _shape(
        {"label": Text(1, 45), "description": Text(1, 100), "component": Anything()},
        "label",
        "component",
    ),
    FILE_UPLOAD: _shape(CUSTOM_ID | COUNTED, "custom_id"),
    RADIO: _shape(CUSTOM_ID | {"options": Many(PICK, 2, 10)}, "custom_id", "options"),
    CHECKBOXES: _shape(
        CUSTOM_ID | COUNTED | {"options": Many(PICK, 1, 10)}, "custom_id", "options"
    ),
    CHECKBOX: _shape({"custom_id": Text(1, 100), "default": Flag()}, "custom_id"),
    **{kind: select_shape(kind) for kind in SELECTS},
}
AT_TOP = frozenset({ROW, LABEL, TEXT})
IN_LABEL = SELECTS | {TEXT_INPUT, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX}


def read_modal(data: Any) -> Json:
    """Validate the data of a modal, and return it with the ids of its components.

    Raises ApiError 50035, which names the invalid field.
    """
    given = MODAL.read(data, "data")
    reader = _ModalReader(SHAPES)
    components = reader.read_all(given["components"], "data.components", AT_TOP)
    rows = [one for one in components if one["type"] == ROW]
    if len(rows) > FIELDS_MAX:
        message = f"Must be between 1 and {FIELDS_MAX} in length."
        raise invalid_form("data.components", "BASE_TYPE_BAD_LENGTH", message)
    return given | {"components": components}


class _ModalReader(ComponentReader):
    """Reads the components of a modal: labels hold one field each."""

    def read(self, component: Any, path: str, allowed: frozenset[int]) -> Json:
        labelled = component.get("required") if isinstance(component, dict) else None
        read = super().read(component, path, allowed)
        if read["type"] == LABEL:
            read["component"] = self.read(read["component"], f"{path}.component", IN_LABEL)
        if read["type"] in SELECTS and labelled is not None:
            read["required"] = labelled
        if read["type"] == TEXT_INPUT:
            _check_text_input(read, path)
        return read


def _check_text_input(field: Json, path: str) -> None:
    """Refuse a field without a label of its own in a row, and bounds that cross."""
    if not path.endswith(".component") and "label" not in field:
        raise missing(f"{path}.label")
    low, high = field.get("min_length"), field.get("max_length")
    if low is not None and high is not None and low > high:
        raise invalid_form(f"{path}.min_length", "NUMBER_TYPE_MAX", "Must be at most max_length.")
