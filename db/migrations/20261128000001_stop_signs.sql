-- migrate:up
-- A release whose rules must not be applied any more is told so here, by an operator or by the
-- migration of a newer release. Its processes then begin no reconcile pass and link no accounts;
-- everything else goes on. Deleting the row lifts the sign.
-- Set it under LOCK TABLE stop_signs IN EXCLUSIVE MODE: that waits for the transactions of the old
-- rules under way, and later ones wait for it and then see the row (db/stop_signs.py).
-- release: its first two numbers, such as 0.1.
CREATE TABLE stop_signs (
    release text PRIMARY KEY,
    reason text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stop_sign_release_is_two_numbers CHECK (release ~ '^[0-9]+\.[0-9]+$'),
    CONSTRAINT stop_sign_says_why CHECK (reason <> '')
);

-- migrate:down
DROP TABLE stop_signs;
