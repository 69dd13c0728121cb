"""The store for a bot whose members have a table in the same Postgres: names instead of code."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import asyncpg

from ..errors import StoreUnfit
from .port import Change, Holding

_WHOLE_NUMBERS: Final = ("smallint", "integer", "bigint")
#: A name as SQL takes it without quotes, or anything in double quotes.
_NAME: Final = r'(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+")'
_TABLE: Final = re.compile(rf"{_NAME}(?:\.{_NAME})?")
_COLUMN: Final = re.compile(_NAME)


class TableNames(NamedTuple):
    """The names of the table and its columns, as written in SQL.

    Upper case counts only in double quotes, as always in Postgres.
    """

    table: str
    id: str
    xp: str
    balance: str


class TableStore:
    """Adds to and reads two columns of a table. Names become SQL once, checked and quoted."""

    @property
    def name(self) -> str:
        """The table's name in twinstream.toml."""
        return self._names.table

    def __init__(self, names: TableNames) -> None:
        """Take names; `check` finds out whether there is such a table.

        Raises:
            StoreUnfit: one of them is not a name.
        """
        for name, form in ((names.table, _TABLE), *((one, _COLUMN) for one in names[1:])):
            if not form.fullmatch(name):
                raise StoreUnfit(
                    f"{name!r} is no name: write it as in SQL, with double quotes around a name"
                    " that has spaces or upper case"
                )
        self._names = names
        self._table = _quoted(names.table)
        table, key, xp, balance = map(_quoted, names)
        self._apply = f"""
            WITH input AS (
                SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
                    AS i (account_id, xp, balance)
            ), locked AS (
                -- In account order, so that two transactions never wait for each other.
                SELECT t.{key} AS account_id FROM {table} AS t
                WHERE t.{key} = ANY ($1::bigint[]) ORDER BY t.{key}
                FOR NO KEY UPDATE
            ), changed AS (
                UPDATE {table} AS t
                SET {xp} = coalesce(t.{xp}, 0) + i.xp,
                    {balance} = coalesce(t.{balance}, 0) + i.balance
                FROM locked AS h JOIN input AS i USING (account_id)
                WHERE t.{key} = h.account_id
                RETURNING i.account_id
            )
            SELECT account_id FROM input EXCEPT SELECT account_id FROM changed
        """  # noqa: S608 - the names were checked above
        self._snapshot = f"""
            SELECT {key}::bigint, {xp}, {balance} FROM {table}
            WHERE {key} > $1 AND ($3::bigint[] IS NULL OR {key} = ANY ($3))
            ORDER BY {key} LIMIT $2
        """  # noqa: S608 - as above

    async def apply(self, conn: asyncpg.Connection, changes: Sequence[Change]) -> Collection[int]:
        """Add to the rows that exist. The caller judges the errors that Postgres raises."""
        rows = await conn.fetch(self._apply, *map(list, zip(*changes, strict=True)))
        return frozenset(account_id for (account_id,) in rows)

    async def snapshot(
        self,
        conn: asyncpg.Connection,
        after: int,
        limit: int,
        among: Sequence[int] | None = None,
    ) -> Sequence[Holding]:
        """Read rows in account order; NULL counts as 0.

        The amounts are not cast. The column's type may have changed since `check`, and an amount
        that is no whole number any more must cost its own row only.
        """
        rows = await conn.fetch(self._snapshot, after, limit, None if among is None else [*among])
        return [Holding(key, xp or 0, balance or 0) for key, xp, balance in rows]

    async def check(self, conn: asyncpg.Connection) -> None:
        """Ask the catalogue whether this store can work.

        Raises:
            StoreUnfit: it cannot; the text gives every reason, each with what corrects it.
        """
        if await conn.fetchval("SELECT to_regclass($1)", self._table) is None:
            raise StoreUnfit(
                f"there is no table {self._names.table} in this database that DATABASE_URL's user"
                " may see; name its schema too, as in public.users"
            )
        problems = list(self._unfit_columns(await self._columns(conn)))
        if not problems:
            found = [await self._unfit_key(conn), await self._unfit_privilege(conn)]
            problems = [problem for problem in found if problem is not None]
        if problems:
            raise StoreUnfit("\n".join(problems))

    def _unfit_columns(self, columns: dict[str, str]) -> Iterator[str]:
        table = self._names.table
        for name in self._names[1:]:
            kind = columns.get(_folded(name))
            if kind is None:
                there = ", ".join(sorted(columns))
                yield f"{table} has no column {name}; it has {there}"
            elif kind not in _WHOLE_NUMBERS:
                yield (
                    f"{table}.{name} is {kind}, but it must hold whole numbers: bigint, or integer;"
                    " for anything else write a class"
                )

    async def _columns(self, conn: asyncpg.Connection) -> dict[str, str]:
        rows = await conn.fetch(
            """
            SELECT a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL)
            FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
            WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
            """,
            self._table,
        )
        return dict(rows)

    async def _unfit_key(self, conn: asyncpg.Connection) -> str | None:
        unique = await conn.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM pg_index AS x
                JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
                WHERE x.indrelid = to_regclass($1) AND x.indisunique AND x.indisvalid
                    AND x.indpred IS NULL AND x.indnkeyatts = 1 AND a.attname = $2
            )
            """,
            self._table,
            _folded(self._names.id),
        )
        table, key = await self._as_sql(conn), self._names.id
        return (
            None
            if unique
            else f"{table}.{key} is not unique, so a member could have two rows:"
            f" ALTER TABLE {table} ADD UNIQUE ({key})"
        )

    async def _unfit_privilege(self, conn: asyncpg.Connection) -> str | None:
        may = await conn.fetchval(
            "SELECT has_table_privilege($1, 'SELECT') AND has_table_privilege($1, 'UPDATE')",
            self._table,
        )
        user, table = await conn.fetchval("SELECT current_user"), await self._as_sql(conn)
        return (
            None
            if may
            else f"{user} may not read and change {table}:"
            f' GRANT SELECT, UPDATE ON {table} TO "{user}"'
        )

    async def _as_sql(self, conn: asyncpg.Connection) -> str:
        """Return the table's name as an operator has to type it in a statement."""
        name: str = await conn.fetchval("SELECT to_regclass($1)::text", self._table)
        return name


def _quoted(name: str) -> str:
    """Quote a name, so that a keyword of SQL such as `user` is a name. Pure."""
    return re.sub(_NAME, lambda part: '"' + _folded(part[0]).replace('"', '""') + '"', name)


def _folded(name: str) -> str:
    """Return a name as the catalogue has it: unquoted ASCII letters become lower case. Pure."""
    if name.startswith('"'):
        return name[1:-1].replace('""', '"')
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), name)
