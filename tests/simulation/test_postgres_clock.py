"""No object of ours reads the real clock once the simulation's is in its place."""

import re
from collections.abc import Iterator

import pytest

from simulation.postgres import RealPostgres

#: Names of the real clock. Unqualified, the three functions that the simulation has are its own.
REAL_CLOCK = re.compile(
    r"pg_catalog[.](?:now|statement_timestamp|clock_timestamp)\b"
    r"|\b(?:transaction_timestamp|timeofday|age|uuidv7)\s*[(]"
    r"|\b(?:current_(?:date|time|timestamp)|localtime(?:stamp)?)\b"
    r"|'(?:now|today|tomorrow|yesterday)'::",
    re.IGNORECASE,
)
#: Everything whose text Postgres keeps and evaluates: name and text.
TEXTS = """
    SELECT format('default of %s.%s', d.adrelid::regclass, a.attname),
        pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attrdef AS d
    JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    JOIN pg_class AS c ON c.oid = d.adrelid
    WHERE c.relnamespace = 'twinstream'::regnamespace
    UNION ALL
    SELECT format('parameters of %s', p.oid::regprocedure), pg_get_function_arguments(p.oid)
    FROM pg_proc AS p WHERE p.pronamespace = 'twinstream'::regnamespace
    UNION ALL
    SELECT format('body of %s', p.oid::regprocedure), p.prosrc
    FROM pg_proc AS p WHERE p.pronamespace = 'twinstream'::regnamespace
    UNION ALL
    SELECT format('view %s', c.oid::regclass), pg_get_viewdef(c.oid)
    FROM pg_class AS c WHERE c.relnamespace = 'twinstream'::regnamespace AND c.relkind IN ('v', 'm')
    UNION ALL
    SELECT format('constraint %s', n.conname), pg_get_constraintdef(n.oid)
    FROM pg_constraint AS n WHERE n.connamespace = 'twinstream'::regnamespace
    UNION ALL
    SELECT format('trigger %s', t.tgname), pg_get_triggerdef(t.oid)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'twinstream'::regnamespace
"""
#: A search path of a function's own goes before that of the simulation's connections.
PATHS_WITHOUT_THE_CLOCK = """
    SELECT p.oid::regprocedure::text FROM pg_proc AS p CROSS JOIN unnest(p.proconfig) AS c (setting)
    WHERE p.pronamespace = 'twinstream'::regnamespace
        AND c.setting LIKE 'search_path=%' AND c.setting NOT LIKE 'search_path=simulation, %'
"""


def readers(real: RealPostgres) -> set[str]:
    """Return the objects of ours that read the real clock."""
    texts = real.fetch(TEXTS)
    assert len(texts) > 500
    return {name for name, text in texts if REAL_CLOCK.search(text)}


def test_no_object_reads_the_real_clock(real_postgres: RealPostgres):
    assert readers(real_postgres) == set()
    assert real_postgres.fetch(PATHS_WITHOUT_THE_CLOCK) == []


#: Objects that read the real clock, by the name under which they are found.
INTRUDERS = {
    "body of late()": "FUNCTION late() RETURNS date LANGUAGE sql AS 'SELECT current_date'",
    "parameters of late(timestamp with time zone)": (
        "FUNCTION late(at timestamptz DEFAULT pg_catalog.now()) RETURNS void LANGUAGE sql AS ''"
    ),
    "view late": "VIEW late AS SELECT pg_catalog.now() AS at",
    "default of late.at": "TABLE late (at timestamptz DEFAULT pg_catalog.now())",
}


@pytest.fixture
def intruder(real_postgres: RealPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    kind, name, *_ = INTRUDERS[request.param].split()
    created = INTRUDERS[request.param].replace(" late", " twinstream.late", 1)
    real_postgres.execute(f"CREATE {created}")
    yield request.param
    real_postgres.execute(f"DROP {kind} twinstream.{name.partition('(')[0]}")


@pytest.mark.parametrize("intruder", INTRUDERS, indirect=True)
def test_an_object_that_reads_it_is_found(real_postgres: RealPostgres, intruder: str):
    assert readers(real_postgres) == {intruder}
