-- migrate:up
-- Messages in the Telegram group that are deleted after a time: answers of the bot that are nobody's news, and the
-- commands that they answer. A row goes with its message.
CREATE TABLE twinstream.transient_messages (
    chat_id bigint NOT NULL,
    message_id bigint NOT NULL,
    is_command boolean NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    delete_at timestamptz NOT NULL,
    CONSTRAINT transient_message_once PRIMARY KEY (chat_id, message_id),
    CONSTRAINT transient_message_is_in_group CHECK (chat_id < 0)
);
COMMENT ON COLUMN twinstream.transient_messages.chat_id IS 'the Telegram group; accounts have positive ids';
CREATE INDEX transient_messages_due ON twinstream.transient_messages (delete_at);

-- Notes messages that are deleted `after_s` seconds from now, later if they were noted before, and keeps others.
CREATE FUNCTION twinstream.note_transient(
    of_platform text, chat bigint, answers bigint[], commands bigint[], kept bigint[], after_s double precision
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.transient_messages AS t (chat_id, message_id, is_command, delete_at)
    SELECT chat, n.message_id, n.is_command, now() + make_interval(secs => after_s)
    FROM (
        SELECT unnest(answers) AS message_id, false AS is_command
        UNION
        SELECT unnest(commands), true
    ) AS n
    ORDER BY n.message_id
    ON CONFLICT ON CONSTRAINT transient_message_once DO UPDATE SET delete_at = excluded.delete_at;
    DELETE FROM twinstream.transient_messages AS t WHERE t.chat_id = chat AND t.message_id = ANY (kept);
END $$;

-- Takes up to `at_most` messages that are due. Those that are older than `age_s_max` go untold: Telegram does not
-- delete them any more.
CREATE FUNCTION twinstream.take_transient(
    of_platform text, at_most integer, age_s_max double precision
) RETURNS TABLE (chat_id bigint, message_id bigint, is_command boolean, noted_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH taken AS (
        DELETE FROM twinstream.transient_messages AS t USING (
            SELECT d.chat_id, d.message_id FROM twinstream.transient_messages AS d
            WHERE d.delete_at <= now() ORDER BY d.delete_at LIMIT at_most FOR UPDATE SKIP LOCKED
        ) AS due
        WHERE t.chat_id = due.chat_id AND t.message_id = due.message_id
        RETURNING t.chat_id, t.message_id, t.is_command, t.noted_at
    )
    SELECT t.chat_id, t.message_id, t.is_command, t.noted_at FROM taken AS t
    WHERE t.noted_at > now() - make_interval(secs => age_s_max);
END $$;

-- Puts messages back that were taken and not deleted, each with the time at which it was noted first: a message that
-- is put off again and again gets too old like any other.
CREATE FUNCTION twinstream.put_off_transient(
    of_platform text, chat bigint, messages bigint[], commands boolean[], noted timestamptz[],
    after_s double precision
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.transient_messages AS t (chat_id, message_id, is_command, noted_at, delete_at)
    SELECT chat, n.message_id, n.is_command, n.noted_at, now() + make_interval(secs => after_s)
    FROM unnest(messages, commands, noted) AS n (message_id, is_command, noted_at)
    ORDER BY n.message_id
    -- One that was noted anew meanwhile goes when that note says.
    ON CONFLICT ON CONSTRAINT transient_message_once DO UPDATE SET noted_at = least(t.noted_at, excluded.noted_at);
END $$;

REVOKE EXECUTE ON FUNCTION
    twinstream.note_transient(text, bigint, bigint[], bigint[], bigint[], double precision),
    twinstream.take_transient(text, integer, double precision),
    twinstream.put_off_transient(text, bigint, bigint[], boolean[], timestamptz[], double precision)
FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.put_off_transient(text, bigint, bigint[], boolean[], timestamptz[], double precision);
DROP FUNCTION twinstream.take_transient(text, integer, double precision);
DROP FUNCTION twinstream.note_transient(text, bigint, bigint[], bigint[], bigint[], double precision);
DROP TABLE twinstream.transient_messages;
