"""Bodies of requests: the sandbox accepts what Discord accepts, and refuses the rest."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.discord_api.bodies.commands import read_command
from sandbox.discord_api.bodies.components import read_components
from sandbox.discord_api.bodies.embeds import read_embeds
from sandbox.discord_api.bodies.messages import read_draft
from sandbox.discord_api.bodies.modals import read_modal
from sandbox.discord_api.errors import ApiError
from tests.support.discord_contract import complaints, named

NAMED = {"custom_id": "x", "label": "Go"}
OPTION = {"type": 3, "name": "text", "description": "A text"}
PICK = {"label": "One", "value": "1"}
MODAL = {
    "custom_id": "m",
    "title": "M",
    "components": [
        {"type": 18, "label": "L", "component": {"type": 4, "custom_id": "t", "style": 1}}
    ],
}


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"components": [{"type": 1, "components": list(components)}]}


def button(**about: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, **NAMED, **about}


def select(**about: Any) -> dict[str, Any]:
    return {"type": 3, "custom_id": "x", "options": [PICK], **about}


def code_of(body: dict[str, Any]) -> tuple[int, int]:
    """The status and code with which a message is refused."""
    with pytest.raises(ApiError) as refused:
        read_draft(body, {})
    return refused.value.status, refused.value.code


@pytest.mark.parametrize("content", ["", "   ", "\n\t", None])
def test_a_blank_message_is_empty(content):
    assert code_of({"content": content}) == (400, 50006)


@pytest.mark.parametrize(
    "body",
    [
        {"embeds": [{}]},
        {"embeds": [{"color": 5}]},
        {"embeds": [{"title": "t", "url": "foo"}]},
        {"embeds": [{"image": {"url": "foo"}}]},
        {"embeds": [{"image": {"url": "ftp://example.org/x.png"}}]},
        {"embeds": [{"image": {"url": "https://"}}]},
        {"embeds": [{"title": "t", "color": 0x1000000}]},
        {"embeds": [{"title": 5}]},
        {"embeds": [{"title": "t", "timestamp": "yesterday"}]},
        {"embeds": [{"fields": [{"name": "", "value": "v"}]}]},
        {"embeds": [{"title": "t"}] * 11},
        {"content": "x" * 2001},
        {"content": 5},
        {"content": "x", "flags": "many"},
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        {"content": "x", "allowed_mentions": {"parse": ["friends"]}},
        row(button(style=9)),
        row(button(style=0)),
        row(button(url="https://example.org/")),
        row(button(label="x" * 81)),
        row(button(custom_id="x" * 101)),
        row(button(emoji={"name": "not an emoji"})),
        row({"type": 2, "style": 5, "label": "Site", "url": "foo"}),
        row({"type": 2, "style": 5, "label": "Site", "url": "https://e.org/" + "x" * 512}),
        row(select(options=[])),
        row(select(options=[PICK] * 2)),
        row(select(options=[{"label": "x" * 101, "value": "1"}])),
        row(select(options=[{"label": str(n), "value": str(n)} for n in range(26)])),
        row(select(max_values=2)),
        row(select(min_values=2, max_values=1)),
        row(select(placeholder="x" * 151)),
        row(select(), button(custom_id="y")),
        row({"type": 5, "custom_id": "x", "default_values": [{"id": "1", "type": "role"}]}),
        row({"type": 8, "custom_id": "x", "channel_types": [99]}),
        row({"type": 4, "custom_id": "x", "style": 1, "label": "Text"}),
        {"components": [{"type": 1, "components": []}]},
    ],
    ids=str,
)
def test_a_body_that_discord_refuses_is_refused_with_the_name_of_its_field(body):
    assert code_of(body) == (400, 50035)


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({"options": [OPTION | {"type": 99}]}, "options.0.type"),
        ({"options": [OPTION | {"name": "Text"}]}, "options.0.name"),
        ({"options": [OPTION, OPTION]}, "options.1.name"),
        ({"options": [OPTION | {"type": 1}, OPTION | {"name": "b"}]}, "options"),
        ({"options": [OPTION | {"type": 2}]}, "options.0.options"),
        ({"options": [OPTION | {"choices": [{"name": "x" * 101, "value": "1"}]}]}, "options"),
        ({"options": [OPTION | {"choices": [{"name": "x", "value": 5}]}]}, "options"),
        ({"options": [OPTION | {"min_length": 5, "max_length": 4}]}, "options"),
        ({"options": [OPTION] * 26}, "options"),
        ({"name_localizations": {"ru": "x" * 33}}, "name_localizations.ru"),
        ({"description_localizations": {"ru": "x" * 101}}, "description_localizations.ru"),
        ({"name_localizations": {"klingon": "x"}}, "name_localizations"),
        ({"description": ""}, "description"),
        ({"type": 9}, "type"),
        ({"type": 2}, "description"),
        ({"contexts": [7]}, "contexts.0"),
    ],
    ids=str,
)
def test_a_command_that_discord_refuses_is_refused_with_the_name_of_its_field(command, field):
    with pytest.raises(ApiError) as refused:
        read_command({"name": "rank", "description": "Shows", **command}, "")
    tree: Any = refused.value.errors
    for part in field.split("."):
        tree = tree[part]


@pytest.mark.parametrize(
    "change",
    [
        {"title": "x" * 46},
        {"title": None},
        {"components": []},
        {"components": [{"type": 18, "label": "L", "component": {"type": 2}}]},
        {"components": [{"type": 18, "label": "x" * 46, "component": MODAL["components"][0]}]},
        {"components": [{"type": 1, "components": [{"type": 4, "custom_id": "t", "style": 1}]}]},
        {"components": [{"type": 1, "components": [button()]}]},
    ],
    ids=str,
)
def test_a_modal_that_discord_refuses_is_refused(change):
    assert read_modal(MODAL)["custom_id"] == "m"
    with pytest.raises(ApiError):
        read_modal(MODAL | change)


# A value of any kind in the place of a right one: the wrong type, length or range.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5_000),
    st.sampled_from(["", "x", "x" * 101, "x" * 4097, "foo", "https://example.org/", 2**40]),
    st.lists(st.just("x"), max_size=3),
    st.dictionaries(st.sampled_from(["id", "name", "url", "type"]), st.just("1"), max_size=2),
)
EMBED = {
    "title": "Rank",
    "description": "Regular",
    "url": "https://example.org/",
    "color": 5,
    "timestamp": "2026-11-29T12:00:00+00:00",
    "fields": [{"name": "XP", "value": "15", "inline": True}],
    "footer": {"text": "twinstream", "icon_url": "https://example.org/i.png"},
    "image": {"url": "https://example.org/i.png"},
    "author": {"name": "Alice", "url": "https://example.org/"},
}
COMPONENTS = [
    {"type": 1, "components": [button(), button(custom_id="y", style=2, disabled=True)]},
    {"type": 1, "components": [select(custom_id="z", placeholder="Pick", min_values=0)]},
    {"type": 1, "components": [{"type": 8, "custom_id": "c", "channel_types": [0, 2]}]},
]
LAYOUT = [
    {
        "type": 17,
        "accent_color": 5,
        "components": [
            {"type": 10, "content": "text"},
            {"type": 14, "divider": True, "spacing": 2},
            {"type": 12, "items": [{"media": {"url": "https://example.org/i.png"}}]},
            {
                "type": 9,
                "components": [{"type": 10, "content": "text"}],
                "accessory": {"type": 11, "media": {"url": "https://example.org/i.png"}},
            },
        ],
    }
]
COMMAND = {
    "name": "rank",
    "description": "Shows a rank",
    "name_localizations": {"ru": "x"},
    "contexts": [0],
    "default_member_permissions": 8,
    "options": [
        OPTION | {"min_length": 1, "max_length": 5, "required": True},
        OPTION | {"name": "n", "type": 4, "choices": [{"name": "One", "value": 1}]},
        OPTION | {"name": "c", "type": 7, "channel_types": [2]},
    ],
}


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [here] if here else []
    if isinstance(value, dict | list):
        for key, one in inner:
            found += paths(one, (*here, key)) if isinstance(one, dict | list) else [(*here, key)]
    return found


def changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The value with another one at this place."""
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], odd)
    return copy


def accepts(read: Any, *given: Any, **options: Any) -> bool:
    try:
        read(*given, **options)
    except ApiError:
        return False
    return True


@pytest.mark.parametrize(
    ("right", "read", "schema", "hold"),
    [
        ([EMBED], read_embeds, "MessageCreateRequest", "embeds"),
        (COMPONENTS, lambda one: read_components(one, layout=False), "MessageCreateRequest", None),
        (LAYOUT, lambda one: read_components(one, layout=True), "MessageCreateRequest", None),
        (COMMAND, lambda one: read_command(one, ""), "ApplicationCommandCreateRequest", ""),
        (MODAL, read_modal, "ModalInteractionCallbackRequestData", ""),
    ],
    ids=["embeds", "components", "layout", "command", "modal"],
)
@given(data=st.data())
def test_what_the_sandbox_accepts_discord_accepts(right, read, schema, hold, data):
    assert accepts(read, right)
    odd = changed(right, data.draw(st.sampled_from(paths(right))), data.draw(ODD))
    if accepts(read, odd):
        whole = odd if hold == "" else {hold or "components": odd}
        assert complaints(named(schema), whole) == []
