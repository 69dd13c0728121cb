"""The interface of the database: what the roles of bots and readers may call and read.

Programs that are not upgraded together with the database use it: other people's bots, and our own
bots of the release before. db/interface.toml keeps it, and a test compares it with the database.
"""

import json
from pathlib import Path
from typing import Any, Final

import asyncpg

FILE: Final = Path("db/interface.toml")
_HEADER: Final = (
    "# The functions and views of schema twinstream for bots and readers. They are only added to\n"
    "# (docs/decisions/0014-one-function-records.md); `make interface` writes it.\n"
)

#: Whether a role of bots or readers has a right.
_FOR_CALLERS: Final = """
    EXISTS (
        SELECT FROM twinstream.roles AS r
        WHERE r.duty IN ('telegram_bot', 'discord_bot', 'web', 'reader') AND {}
    )
"""
_FUNCTIONS: Final = f"""
    SELECT p.proname, array(
        SELECT concat_ws(
            ' ', p.proargnames[n], format_type(p.proargtypes[n - 1], NULL),
            'DEFAULT ' || pg_get_function_arg_default(p.oid, n)
        )
        FROM generate_series(1, p.pronargs) AS n ORDER BY n
    ), CASE WHEN p.proretset OR NOT 'o' = ANY (coalesce(p.proargmodes, '{{}}'))
        THEN pg_get_function_result(p.oid)
        ELSE 'RECORD(' || (
            SELECT string_agg(concat_ws(' ', u.name, format_type(u.type, NULL)), ', ' ORDER BY u.n)
            FROM unnest(p.proargnames, p.proargmodes, p.proallargtypes) WITH ORDINALITY
                AS u (name, mode, type, n)
            WHERE u.mode = 'o'
        ) || ')' END
    FROM pg_proc AS p
    WHERE p.pronamespace = 'twinstream'::regnamespace
        AND {_FOR_CALLERS.format("has_function_privilege(r.role::name, p.oid, 'EXECUTE')")}
    ORDER BY p.proname
"""  # noqa: S608 - this module's own constant
_VIEWS: Final = f"""
    SELECT c.relname, array(
        SELECT concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod))
        FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum
    )
    FROM pg_class AS c
    WHERE c.relnamespace = 'twinstream'::regnamespace AND c.relkind = 'v'
        AND {_FOR_CALLERS.format("has_table_privilege(r.role::name, c.oid, 'SELECT')")}
    ORDER BY c.relname
"""  # noqa: S608 - this module's own constant


async def read(database_url: str) -> dict[str, Any]:
    """Return the functions and views of a database that has its roles, by name."""
    # Without a search path, the types of ours are named with their schema.
    conn = await asyncpg.connect(database_url, server_settings={"search_path": ""})
    try:
        functions = await conn.fetch(_FUNCTIONS)
        views = await conn.fetch(_VIEWS)
    finally:
        await conn.close()
    names = [name for name, *_ in functions]
    assert len(set(names)) == len(names), "a function has two forms: give one of them another name"
    return {
        "functions": {
            name: {"parameters": parameters, "returns": result}
            for name, parameters, result in functions
        },
        "views": dict(map(tuple, views)),
    }


def write_out(interface: dict[str, Any]) -> str:
    """Return an interface as its file keeps it. Pure."""
    lines = [_HEADER]
    for name, function in interface["functions"].items():
        lines += [f"[functions.{name}]", *map(_entry, function.items()), ""]
    lines += ["[views]", *map(_entry, interface["views"].items())]
    return "\n".join(lines) + "\n"


def _entry(named: tuple[str, str | list[str]]) -> str:
    name, value = named
    if isinstance(value, str) or len(value) < 2:
        return f"{name} = {json.dumps(value)}"
    return f"{name} = [\n" + "".join(f"    {json.dumps(one)},\n" for one in value) + "]"
