"""The functions and views of bots and readers are an interface, which is only added to."""

import copy
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest

from launch import database_interface
from tests.support.processes import CHECKOUT

KEPT = tomllib.loads((CHECKOUT / database_interface.FILE).read_text(encoding="utf-8"))
REMEDY = (
    "A program that was written for it would fail. Leave it as it is, and make a function or view"
    " with a new name (record_xp_v2). If no release has it yet, run `make interface`."
)


def changes(kept: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say what is no longer as it was kept. An addition that no caller notices is no change."""
    found = [
        f"{kind[:-1]} {name} is gone" for kind in kept for name in kept[kind].keys() - now[kind]
    ]
    for name in kept["functions"].keys() & now["functions"].keys():
        before, after = kept["functions"][name], now["functions"][name]
        count = len(before["parameters"])
        same, new = after["parameters"][:count], after["parameters"][count:]
        if same != before["parameters"]:
            found.append(f"function {name} has other parameters")
        if not all(" DEFAULT " in one for one in new):
            found.append(f"function {name} has a new parameter without a default")
        if after["returns"] != before["returns"]:
            found.append(f"function {name} returns something else")
    for name in kept["views"].keys() & now["views"].keys():
        before = kept["views"][name]
        if now["views"][name][: len(before)] != before:
            found.append(f"view {name} has other columns")
    return sorted(found)


async def test_what_bots_may_call_and_read_is_only_added_to(database_url: str, logins):
    now = await database_interface.read(database_url)

    assert changes(KEPT, now) == [], REMEDY
    assert now == KEPT, "The file lacks what was added: run `make interface`."


async def test_the_page_for_bots_names_each_function_and_view_once(pool: asyncpg.Pool, logins):
    page = (CHECKOUT / "docs/integrate.md").read_text(encoding="utf-8")
    tables = [
        page.partition(title)[2].partition("\n### ")[0]
        for title in ("| function | records |", "| function or view | purpose |")
    ]
    # The first table ends where the one of the parameters begins.
    cells = re.findall(
        r"^\| (`[^|]+) \|", tables[0].partition("| parameter |")[0] + tables[1], re.M
    )
    told = [name for cell in cells for name in re.findall(r"`(\w+)(?:\(.*?\))?`", cell)]

    granted = await pool.fetch(
        """
        SELECT proname FROM pg_proc WHERE pronamespace = 'twinstream'::regnamespace
            AND has_function_privilege($1::name, oid, 'EXECUTE')
        UNION ALL
        SELECT relname FROM pg_class WHERE relnamespace = 'twinstream'::regnamespace
            AND relkind = 'v' AND has_table_privilege($1::name, oid, 'SELECT')
        """,
        logins["telegram_bot"],
    )
    assert sorted(told) == sorted(name for (name,) in granted)


def renamed(now: Any) -> None:
    now["functions"]["history"]["parameters"][0] = "platform text"


def required(now: Any) -> None:
    now["functions"]["history"]["parameters"].append("since date")


def returned(now: Any) -> None:
    now["functions"]["history"]["returns"] = "SETOF text"


def gone(now: Any) -> None:
    del now["functions"]["history"]


def narrowed(now: Any) -> None:
    del now["views"]["account_profiles"][0]


def added(now: Any) -> None:
    now["functions"]["history"]["parameters"].append("since date DEFAULT NULL::date")
    now["functions"]["history_v2"] = {"parameters": [], "returns": "text"}
    now["views"]["account_profiles"].append("since date")
    now["views"]["account_profiles_v2"] = ["since date"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (renamed, ["function history has other parameters"]),
        (required, ["function history has a new parameter without a default"]),
        (returned, ["function history returns something else"]),
        (gone, ["function history is gone"]),
        (narrowed, ["view account_profiles has other columns"]),
        (added, []),
    ],
)
def test_a_change_that_a_caller_notices_is_named(change, found: list[str]):
    now = copy.deepcopy(KEPT)
    change(now)

    assert changes(KEPT, now) == found
