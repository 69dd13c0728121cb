-- migrate:up
-- Says why `require_keys` refuses an event from a stream, and nothing if it does not. A batch of which one
-- event was refused is judged event by event in a single statement; `require_keys` itself ends at the first.
CREATE FUNCTION twinstream.key_fault(e twinstream.event, OUT rule text, OUT why text) RETURNS SETOF record
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM twinstream.require_keys(ARRAY[e], false);
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME, why = MESSAGE_TEXT;
    RETURN NEXT;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.key_fault(twinstream.event);
