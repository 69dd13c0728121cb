"""A clock of our own in place of the one of Postgres, for everything in schema `twinstream`."""


def replacement(schema: str) -> str:
    """Return the statements that put the function `now()` of a schema in place of the real clock.

    Connections need the schema before pg_catalog in their search path. A default and a view keep
    the function that they were made with, and a function may have a search path of its own, so
    these are made again.
    """
    return f"""
    CREATE OR REPLACE FUNCTION {schema}.statement_timestamp() RETURNS timestamptz
        LANGUAGE sql STABLE AS $$ SELECT {schema}.now() $$;
    CREATE OR REPLACE FUNCTION {schema}.clock_timestamp() RETURNS timestamptz
        LANGUAGE sql STABLE AS $$ SELECT {schema}.now() $$;
    DO $do$
    DECLARE
        clock CONSTANT text := '(?:pg_catalog[.])?\\m(now|(?:statement|clock)_timestamp)[(][)]';
        ours CONSTANT text := '{schema}.\\1()';
        one record;
    BEGIN
        FOR one IN
            SELECT c.oid::regclass AS relation, a.attname AS name,
                pg_get_expr(d.adbin, d.adrelid) AS said
            FROM pg_attrdef AS d
            JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
            JOIN pg_class AS c ON c.oid = d.adrelid
            WHERE c.relnamespace = 'twinstream'::regnamespace
                AND pg_get_expr(d.adbin, d.adrelid) ~ clock
        LOOP
            EXECUTE format(
                'ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s',
                one.relation, one.name, regexp_replace(one.said, clock, ours, 'g')
            );
        END LOOP;
        FOR one IN
            SELECT c.relname AS name, pg_get_viewdef(c.oid) AS said FROM pg_class AS c
            WHERE c.relnamespace = 'twinstream'::regnamespace AND c.relkind = 'v'
                AND pg_get_viewdef(c.oid) ~ clock
        LOOP
            EXECUTE format(
                'CREATE OR REPLACE VIEW twinstream.%I AS %s',
                one.name, regexp_replace(one.said, clock, ours, 'g')
            );
        END LOOP;
        FOR one IN
            SELECT p.oid::regprocedure AS name FROM pg_proc AS p
            WHERE p.pronamespace = 'twinstream'::regnamespace
                AND p.proconfig::text LIKE '%search_path=%'
        LOOP
            EXECUTE format(
                'ALTER FUNCTION %s SET search_path = {schema}, pg_catalog, pg_temp', one.name
            );
        END LOOP;
    END $do$;
    """  # noqa: S608 - a schema that the caller names
