-- migrate:up transaction:false
-- The accounts of the events that release 0.1 recorded before it had add_owner. Each step commits, so it
-- holds its rows for a moment only; they are locked in id order, as every transaction does. If it is cut
-- off, run `make migrate` again. One statement only: that is what may commit in its midst.
DO $$
DECLARE
    step CONSTANT bigint := 5000; -- rows: a tenth of a second
    newest CONSTANT bigint := (SELECT coalesce(max(id), 0) FROM sync_events);
    done_to bigint := (SELECT coalesce(min(id), 1) - 1 FROM sync_events);
BEGIN
    WHILE done_to < newest LOOP
        UPDATE sync_events AS e SET account_id = f.account_id
        FROM (
            SELECT o.id, a.account_id
            FROM sync_events AS o
            JOIN accounts AS a ON a.member_id = o.member_id AND a.platform = o.source
            WHERE o.id > done_to AND o.id <= done_to + step AND o.account_id IS NULL
            ORDER BY o.id
            FOR NO KEY UPDATE OF o
        ) AS f
        WHERE e.id = f.id;
        COMMIT;
        done_to := done_to + step;
    END LOOP;
END $$;

-- migrate:down
SELECT 'the column goes with the migration that made it';
