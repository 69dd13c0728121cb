-- migrate:up
-- Offers: linking in one tap. A member starts an offer from one account; an account on the other platform
-- opens it by its link or its code, which changes nothing yet; and the account that started it confirms
-- last, when it sees which account opened it. So a link or a code that others see links nobody: its starter
-- sees a stranger, and declines.
--
-- An offer has a code of ten characters, for people to type, and a token of 128 bits, for a deep link. Only
-- hashes of both are kept. `issue_code` and its codes remain for unlink, undo and move; nothing links at once.

-- The first account that opens an offer holds it: no other can, and declining frees nothing. Rows of offers
-- that ended stay for a while, because a code that was once given out does not count as a guess.
CREATE TABLE twinstream.link_offers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The account that started the offer, and confirms it.
    platform text NOT NULL,
    account_id bigint NOT NULL,
    code_hash bytea NOT NULL,
    token_hash bytea NOT NULL,
    -- waiting: nobody opened it. opened: the starter is asked. linked, declined: the answer. void: others
    -- could read it. ended: a new offer or another link took its place. An offer that is waiting or opened
    -- after `expires_at` has expired.
    status text NOT NULL DEFAULT 'waiting',
    -- The account on the other platform that opened it.
    opener_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    -- The platform whose bot has to tell its side of the status; null once it did.
    news_for text,
    CONSTRAINT link_offer_code_once UNIQUE (code_hash),
    CONSTRAINT link_offer_token_once UNIQUE (token_hash),
    CONSTRAINT link_offer_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT link_offer_news_platform_known CHECK (news_for IN ('telegram', 'discord')),
    CONSTRAINT link_offer_status_known
        CHECK (status IN ('waiting', 'opened', 'linked', 'declined', 'void', 'ended')),
    CONSTRAINT link_offer_opener_as_status CHECK (
        CASE status WHEN 'waiting' THEN opener_id IS NULL WHEN 'void' THEN opener_id IS NULL
            WHEN 'opened' THEN opener_id IS NOT NULL WHEN 'linked' THEN opener_id IS NOT NULL
            WHEN 'declined' THEN opener_id IS NOT NULL ELSE true END
    )
);
CREATE UNIQUE INDEX link_offer_one_under_way ON twinstream.link_offers (platform, account_id)
    WHERE status IN ('waiting', 'opened');
CREATE INDEX link_offers_by_starter ON twinstream.link_offers (platform, account_id, id);
CREATE INDEX link_offers_by_opener ON twinstream.link_offers (opener_id) WHERE opener_id IS NOT NULL;
CREATE INDEX link_offers_with_news ON twinstream.link_offers (news_for) WHERE news_for IS NOT NULL;
CREATE INDEX link_offers_by_time ON twinstream.link_offers (created_at);

-- An account that is forgotten has another number, or no row any more: its offers go with it.
CREATE FUNCTION twinstream.forget_offers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM twinstream.link_offers AS o
    WHERE (o.platform = OLD.platform AND o.account_id = OLD.account_id)
        OR (o.platform <> OLD.platform AND o.opener_id = OLD.account_id);
    RETURN NULL;
END $$;
CREATE TRIGGER offers_go_with_their_account AFTER DELETE OR UPDATE OF account_id ON twinstream.accounts
    FOR EACH ROW EXECUTE FUNCTION twinstream.forget_offers();

-- The user names of the bots, as each reports its own: the bot of Discord makes links to Telegram's.
CREATE TABLE twinstream.bot_names (
    platform text NOT NULL,
    name text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT bot_name_once PRIMARY KEY (platform),
    CONSTRAINT bot_name_platform_known CHECK (platform IN ('telegram', 'discord'))
);

-- Notes the user name of a platform's bot.
CREATE FUNCTION twinstream.note_bot_name(of_platform text, known_as text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.bot_names AS b (platform, name) VALUES (of_platform, left(known_as, 255))
    ON CONFLICT ON CONSTRAINT bot_name_once DO UPDATE SET name = excluded.name, noted_at = now();
END $$;

-- Returns the user name of the bot on the other platform, or null if it never ran.
CREATE FUNCTION twinstream.bot_name_elsewhere(of_platform text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN (SELECT b.name FROM twinstream.bot_names AS b WHERE b.platform <> of_platform);
END $$;

-- How people type codes.

-- Returns a code as it was given out, however people typed it: a leading /link goes, and so do its Russian names;
-- letters that look like Latin ones become them, as do full-width letters and digits. Of the rest, A to Z and
-- digits count. db/links/codes.py has the same letters.
CREATE FUNCTION twinstream.normal_code(typed text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(upper(translate(
        regexp_replace(typed COLLATE "C",
            '^([^A-Za-z0-9]*link(@[A-Za-z0-9_]*)?|/([Пп]ри|[Сс])вязать(@[A-Za-z0-9_]*)?)', '', 'i'
        ),
        'АВЕКМНОРСТУХЗЅЈІҮавекмнорстухзѕјіүΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεζηικμνορτυχ'
            'ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ０１２３４５６７８９',
        'ABEKMHOPCTYX3SJIYABEKMHOPCTYX3SJIYABEZHIKMNOPTYXABEZHIKMNOPTYX'
            'ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
    ) COLLATE "C"), '[^A-Z0-9]', '', 'g')
$$;

CREATE OR REPLACE FUNCTION twinstream.hash_of_code(code text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(twinstream.normal_code(code), 'UTF8'))
$$;

-- Returns the hash of a token of a deep link, which nobody types.
CREATE FUNCTION twinstream.hash_of_token(token text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to('link-' || token, 'UTF8'))
$$;

-- Returns a new token: 128 random bits, in the 22 characters that a link may hold. A uuid has 122.
CREATE FUNCTION twinstream.make_token() RETURNS text LANGUAGE sql AS $$
    SELECT rtrim(translate(encode(substr(
        sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 1, 16
    ), 'base64'), '+/', '-_'), '=')
$$;

-- Waiting after wrong codes.

-- Returns the seconds that an account has to wait after too many wrong codes; 0 if it need not.
CREATE FUNCTION twinstream.seconds_locked_out(of_platform text, of_account bigint) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(ceil(extract(epoch FROM t.window_ends_at - now())))::integer, 0)
    FROM twinstream.link_attempts AS t
    WHERE t.platform = of_platform AND t.account_id = of_account AND t.window_ends_at > now()
        AND t.failures >= (twinstream.link_limits()).failures_max
$$;

-- Makes a code for this account, valid for ten minutes and one purpose: unlink, undo or move. An earlier
-- code ends. Errors by constraint: stop_sign_is_not_set (the code could not be used),
-- link_code_purpose_known.
DROP FUNCTION twinstream.issue_code(text, bigint, text);
CREATE FUNCTION twinstream.issue_code(platform text, account_id bigint, purpose text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    code CONSTANT text := twinstream.make_code();
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.obey_stop_sign();
    IF purpose = 'link' THEN
        PERFORM twinstream.refuse_link('link_code_purpose_known', 'start_offer begins a link');
    END IF;
    PERFORM twinstream.create_members(platform, ARRAY[account_id]);
    INSERT INTO twinstream.link_codes (code_hash, platform, account_id, purpose, expires_at)
    VALUES (
        twinstream.hash_of_code(code), platform, account_id, purpose,
        now() + make_interval(secs => (twinstream.link_limits()).code_lifetime_s)
    )
    ON CONFLICT ON CONSTRAINT link_code_one_per_account DO UPDATE SET
        code_hash = excluded.code_hash, purpose = excluded.purpose, created_at = now(),
        expires_at = excluded.expires_at;
    RETURN code;
END $$;

DROP FUNCTION twinstream.redeem_code(text, bigint, text, text[]);

-- Voids the live codes among these, and the offers that nobody opened yet with one of these codes or
-- tokens: others could read them on `platform`. Leaves a notice for each owner. Returns the platforms where
-- they were given out; one that was never given out, was used or has expired adds none. A use at the same
-- time either comes first, and nothing is voided, or finds nothing.
CREATE OR REPLACE FUNCTION twinstream.void_codes(platform text, codes text[]) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    code_hashes bytea[];
    token_hashes bytea[];
BEGIN
    PERFORM twinstream.require_caller(platform);
    SELECT array_agg(twinstream.hash_of_code(u.code)), array_agg(twinstream.hash_of_token(u.code))
    INTO code_hashes, token_hashes FROM unnest(codes) AS u (code);
    -- In the order in which everybody locks offers.
    PERFORM FROM twinstream.link_offers AS o
    WHERE o.code_hash = ANY (code_hashes) OR o.token_hash = ANY (token_hashes)
    ORDER BY o.id FOR UPDATE;
    RETURN QUERY
    WITH void AS (
        DELETE FROM twinstream.link_codes AS c
        WHERE c.code_hash = ANY (code_hashes) AND c.expires_at > now()
        RETURNING c.platform, c.account_id
    ), void_offers AS (
        UPDATE twinstream.link_offers AS o SET status = 'void', changed_at = now()
        WHERE (o.code_hash = ANY (code_hashes) OR o.token_hash = ANY (token_hashes))
            AND o.status = 'waiting' AND o.expires_at > now()
        RETURNING o.platform, o.account_id
    ), owners AS (
        SELECT v.platform, v.account_id FROM void AS v
        UNION
        SELECT v.platform, v.account_id FROM void_offers AS v
    ), noted AS (
        -- One notice of a kind is enough; a later reason makes it new.
        INSERT INTO twinstream.notices (platform, account_id, kind)
        SELECT v.platform, v.account_id, 'code_void' FROM owners AS v
        ON CONFLICT ON CONSTRAINT notice_once DO UPDATE SET
            created_at = clock_timestamp(), attempts = 0, taken_until = NULL
    )
    SELECT v.platform FROM owners AS v;
END $$;

-- Offers.

-- The offers of an account that are remembered: more than a member starts within minutes, and few enough
-- that nobody fills the table.
CREATE FUNCTION twinstream.offers_kept() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 20 $$;

-- Lets one transaction at a time begin, open or end offers of an account; of two accounts, Telegram's first.
CREATE FUNCTION twinstream.lock_offers(telegram_id bigint, discord_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF telegram_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.offer.telegram', telegram_id));
    END IF;
    IF discord_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.offer.discord', discord_id));
    END IF;
END $$;

-- Locks an offer and everything that may happen to its two accounts' offers. `opener` is the account that
-- wants to open it; if it is not given, the one that did. Returns the offer as it is now.
CREATE FUNCTION twinstream.lock_offer(offer_id bigint, opener bigint DEFAULT NULL)
RETURNS twinstream.link_offers LANGUAGE plpgsql AS $$
DECLARE
    found twinstream.link_offers;
BEGIN
    SELECT o.* INTO found FROM twinstream.link_offers AS o WHERE o.id = offer_id;
    opener := coalesce(opener, found.opener_id);
    PERFORM twinstream.lock_offers(
        CASE found.platform WHEN 'telegram' THEN found.account_id ELSE opener END,
        CASE found.platform WHEN 'telegram' THEN opener ELSE found.account_id END
    );
    PERFORM FROM twinstream.link_offers AS o
    WHERE o.id = offer_id OR o.status IN ('waiting', 'opened') AND (
        (o.platform = found.platform AND o.account_id = found.account_id)
        OR (o.platform <> found.platform AND o.account_id = opener)
        OR (o.platform = found.platform AND o.opener_id = opener)
        OR (o.platform <> found.platform AND o.opener_id = found.account_id)
    )
    ORDER BY o.id FOR UPDATE;
    SELECT o.* INTO found FROM twinstream.link_offers AS o WHERE o.id = offer_id;
    RETURN found;
END $$;

-- Tells whether an offer can still be opened or confirmed.
CREATE FUNCTION twinstream.is_under_way(offer twinstream.link_offers) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT offer.status IN ('waiting', 'opened') AND offer.expires_at > now()
$$;

-- Starts an offer of an account, for ten minutes, and remembers its name if one is given; one that nobody opened ends. If the account's offer was
-- opened, that one is returned, without its code: the account has to confirm or decline it first. Errors by
-- constraint: stop_sign_is_not_set, account_is_linked.
CREATE FUNCTION twinstream.start_offer(
    of_platform text, of_account bigint, known_as text DEFAULT NULL,
    OUT offer_id bigint, OUT code text, OUT token text
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM twinstream.obey_stop_sign();
    -- Before its member is created: that locks a row, too, and others take these two in this order.
    PERFORM twinstream.lock_offers(
        CASE of_platform WHEN 'telegram' THEN of_account END,
        CASE of_platform WHEN 'discord' THEN of_account END
    );
    PERFORM twinstream.create_members(of_platform, ARRAY[of_account]);
    PERFORM twinstream.remember_name(of_platform, of_account, known_as) WHERE known_as IS NOT NULL;
    PERFORM twinstream.require_unlinked(of_platform, of_account);
    SELECT o.id INTO offer_id FROM twinstream.link_offers AS o
    WHERE o.platform = of_platform AND o.account_id = of_account AND o.status = 'opened'
        AND o.expires_at > now();
    IF offer_id IS NOT NULL THEN
        RETURN;
    END IF;
    UPDATE twinstream.link_offers AS o SET status = 'ended', changed_at = now(), news_for = NULL
    WHERE o.platform = of_platform AND o.account_id = of_account AND o.status IN ('waiting', 'opened');
    DELETE FROM twinstream.link_offers AS o WHERE o.id IN (
        SELECT p.id FROM twinstream.link_offers AS p
        WHERE p.platform = of_platform AND p.account_id = of_account
        ORDER BY p.id DESC OFFSET twinstream.offers_kept() - 1
    );
    code := twinstream.make_code();
    token := twinstream.make_token();
    INSERT INTO twinstream.link_offers AS o (platform, account_id, code_hash, token_hash, expires_at)
    VALUES (
        of_platform, of_account, twinstream.hash_of_code(code), twinstream.hash_of_token(token),
        now() + make_interval(secs => (twinstream.link_limits()).code_lifetime_s)
    ) RETURNING o.id INTO offer_id;
END $$;

-- Opens the offer with this code or token for an account on the other platform. Its starter is asked next,
-- and has the lifetime of a code to answer. Returns as `outcome`:
-- `opened`, also if this account opened it before;
-- `paused`: the stop sign is set;
-- `locked_out`: too many wrong codes from this account; it has to wait `wait_s` seconds;
-- `wrong_code`: it was never given out. Nothing else counts as a failure;
-- `own_code`, `same_platform`: it was given out to this account, or to another one on this platform;
-- `taken`: another account opened it first; `ended`: it was used, voided, declined, or is too old;
-- `already_linked`: one of the two accounts is linked.
CREATE FUNCTION twinstream.open_offer(
    of_platform text, of_account bigint, proof text, known_as text DEFAULT NULL,
    OUT outcome text, OUT offer_id bigint, OUT wait_s integer
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    offer twinstream.link_offers;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF twinstream.read_stop_sign() IS NOT NULL THEN
        outcome := 'paused';
        RETURN;
    END IF;
    -- One try of an account at a time: tries side by side would all find the same count.
    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.link' || of_platform, of_account));
    wait_s := twinstream.seconds_locked_out(of_platform, of_account);
    IF wait_s > 0 THEN
        outcome := 'locked_out';
        RETURN;
    END IF;
    SELECT o.* INTO offer FROM twinstream.link_offers AS o
    WHERE o.code_hash = twinstream.hash_of_code(proof) OR o.token_hash = twinstream.hash_of_token(proof);
    IF NOT FOUND THEN
        outcome := 'ended';
        IF NOT EXISTS (
            SELECT FROM twinstream.link_codes AS c WHERE c.code_hash = twinstream.hash_of_code(proof)
        ) THEN
            PERFORM twinstream.count_failure(of_platform, of_account);
            outcome := 'wrong_code';
        END IF;
        RETURN;
    END IF;
    IF offer.platform = of_platform THEN
        outcome := CASE WHEN offer.account_id = of_account THEN 'own_code' ELSE 'same_platform' END;
        RETURN;
    END IF;
    offer := twinstream.lock_offer(offer.id, of_account);
    offer_id := offer.id;
    outcome := CASE
        WHEN offer.id IS NULL OR NOT twinstream.is_under_way(offer) THEN 'ended'
        WHEN offer.opener_id <> of_account THEN 'taken'
        WHEN twinstream.partner_of(of_platform, of_account) IS NOT NULL
            OR twinstream.partner_of(offer.platform, offer.account_id) IS NOT NULL THEN 'already_linked'
        ELSE 'opened'
    END;
    IF outcome = 'opened' AND offer.status = 'waiting' THEN
        PERFORM twinstream.create_members(of_platform, ARRAY[of_account]);
        -- The starter is asked by this name.
        PERFORM twinstream.remember_name(of_platform, of_account, known_as) WHERE known_as IS NOT NULL;
        UPDATE twinstream.link_offers AS o SET status = 'opened', opener_id = of_account,
            changed_at = now(), news_for = o.platform,
            expires_at = now() + make_interval(secs => (twinstream.link_limits()).code_lifetime_s)
        WHERE o.id = offer.id;
    END IF;
END $$;

-- Links the two accounts of an offer: the account that started it says so. `with_policy` is that of
-- `link_accounts`. Returns `linked`, also if the two are linked already; `paused`; `ended`: it is unknown,
-- not opened, declined or too old; `already_linked`: one of the accounts is linked with a third one;
-- `too_many_links`. Other offers of the two accounts end.
CREATE FUNCTION twinstream.confirm_offer(
    of_platform text, of_account bigint, offer_id bigint, stores text[] DEFAULT '{}',
    with_policy text DEFAULT 'sum'
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    offer twinstream.link_offers;
    rule text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF twinstream.read_stop_sign() IS NOT NULL THEN
        RETURN 'paused';
    END IF;
    offer := twinstream.lock_offer(offer_id);
    IF offer.id IS NULL OR offer.platform <> of_platform OR offer.account_id <> of_account
        OR offer.opener_id IS NULL
    THEN
        RETURN 'ended';
    ELSIF twinstream.partner_of(of_platform, of_account) = offer.opener_id THEN
        RETURN 'linked'; -- by an earlier press, or by the other side's own offer
    ELSIF offer.status <> 'opened' OR NOT twinstream.is_under_way(offer) THEN
        RETURN 'ended';
    END IF;
    BEGIN
        PERFORM twinstream.link_accounts(
            CASE of_platform WHEN 'telegram' THEN of_account ELSE offer.opener_id END,
            CASE of_platform WHEN 'telegram' THEN offer.opener_id ELSE of_account END,
            with_policy, stores
        );
    EXCEPTION WHEN check_violation THEN
        GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
        CASE rule
            WHEN 'account_is_linked' THEN RETURN 'already_linked';
            WHEN 'links_per_account_limited' THEN RETURN 'too_many_links';
            ELSE RAISE;
        END CASE;
    END;
    UPDATE twinstream.link_offers AS o SET changed_at = now(),
        status = CASE WHEN o.id = offer.id THEN 'linked' ELSE 'ended' END,
        -- The opener is told; the other offers end quietly.
        news_for = CASE WHEN o.id <> offer.id THEN NULL
            WHEN o.platform = 'telegram' THEN 'discord' ELSE 'telegram' END
    WHERE o.id = offer.id OR o.status IN ('waiting', 'opened') AND (
        (o.platform = offer.platform AND o.account_id = offer.account_id)
        OR (o.platform <> offer.platform AND o.account_id = offer.opener_id)
        OR (o.platform = offer.platform AND o.opener_id = offer.opener_id)
        OR (o.platform <> offer.platform AND o.opener_id = offer.account_id)
    );
    RETURN 'linked';
END $$;

-- Ends an offer that was opened: the account that started it, or the one that opened it, does not want it.
-- Its code and link stay used. Returns `declined`, also if it was declined before; `linked` if the two
-- accounts are linked; else `ended`.
CREATE FUNCTION twinstream.decline_offer(of_platform text, of_account bigint, offer_id bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    offer twinstream.link_offers;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    offer := twinstream.lock_offer(offer_id);
    IF offer.id IS NULL OR of_account IS DISTINCT FROM (
        CASE WHEN offer.platform = of_platform THEN offer.account_id ELSE offer.opener_id END
    ) THEN
        RETURN 'ended';
    ELSIF offer.status IN ('linked', 'declined') THEN
        RETURN offer.status;
    ELSIF offer.status <> 'opened' OR NOT twinstream.is_under_way(offer) THEN
        RETURN 'ended';
    END IF;
    UPDATE twinstream.link_offers AS o SET status = 'declined', changed_at = now(),
        news_for = CASE of_platform WHEN 'telegram' THEN 'discord' ELSE 'telegram' END
    WHERE o.id = offer.id;
    RETURN 'declined';
END $$;

-- Returns an offer as one of its two accounts sees it, with what each side has, and what both have together
-- under a policy, the reward included, and how many achievements. Without `offer_id`, the opened offer that this account has to confirm. No row if there is
-- none.
CREATE FUNCTION twinstream.offer_of(
    of_platform text, of_account bigint, with_policy text, of_offer bigint DEFAULT NULL
) RETURNS TABLE (
    offer_id bigint, status text, is_starter boolean, other_name text,
    my_xp bigint, my_balance bigint, my_rank text,
    their_xp bigint, their_balance bigint, their_rank text,
    joint_xp bigint, joint_balance bigint, joint_rank text,
    reward_xp bigint, reward_balance bigint, joint_achievements bigint
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH offer AS (
        SELECT o.id, o.platform = of_platform AS is_starter,
            CASE WHEN twinstream.is_under_way(o) OR o.status NOT IN ('waiting', 'opened')
                THEN o.status ELSE 'ended' END AS status,
            CASE WHEN o.platform = of_platform THEN o.opener_id ELSE o.account_id END AS other_id
        FROM twinstream.link_offers AS o
        WHERE of_account = CASE WHEN o.platform = of_platform THEN o.account_id ELSE o.opener_id END
            AND CASE WHEN of_offer IS NULL
                THEN o.platform = of_platform AND o.status = 'opened' AND twinstream.is_under_way(o)
                ELSE o.id = of_offer END
    ), sides AS (
        SELECT o.id, o.is_starter, o.status, theirs.display_name, r.reward_xp, r.reward_balance, (
                SELECT count(DISTINCT h.achievement) FROM twinstream.achievements AS h
                WHERE h.member_id IN (mine_has.id, theirs_has.id)
            ) AS achievements,
            greatest(mine_has.xp, 0) AS my_xp, greatest(mine_has.balance, 0) AS my_balance,
            greatest(theirs_has.xp, 0) AS their_xp, greatest(theirs_has.balance, 0) AS their_balance
        FROM offer AS o
        JOIN twinstream.accounts AS mine ON mine.platform = of_platform AND mine.account_id = of_account
        JOIN twinstream.members AS mine_has ON mine_has.id = mine.member_id
        JOIN twinstream.accounts AS theirs
            ON theirs.platform <> of_platform AND theirs.account_id = o.other_id
        JOIN twinstream.members AS theirs_has ON theirs_has.id = theirs.member_id
        -- As `pay_link_reward` pays it.
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.reward_xp), 0)::bigint AS reward_xp,
                coalesce(sum(l.reward_balance), 0)::bigint AS reward_balance
            FROM twinstream.link_settings AS l
            WHERE NOT EXISTS (
                SELECT FROM twinstream.link_rewards AS w
                WHERE (w.platform = of_platform AND w.account_id = of_account)
                    OR (w.platform <> of_platform AND w.account_id = o.other_id)
            )
        ) AS r
    ), joint AS (
        SELECT s.*, CASE with_policy
                WHEN 'sum' THEN s.my_xp + s.their_xp
                WHEN 'max' THEN greatest(s.my_xp, s.their_xp)
                WHEN of_platform THEN s.my_xp ELSE s.their_xp END + s.reward_xp AS xp,
            CASE with_policy
                WHEN 'sum' THEN s.my_balance + s.their_balance
                WHEN 'max' THEN greatest(s.my_balance, s.their_balance)
                WHEN of_platform THEN s.my_balance ELSE s.their_balance END
                + s.reward_balance AS balance
        FROM sides AS s
    )
    SELECT j.id, j.status, j.is_starter, j.display_name,
        j.my_xp, j.my_balance, (SELECT r.name FROM twinstream.ranks AS r
            WHERE r.xp <= j.my_xp ORDER BY r.xp DESC LIMIT 1),
        j.their_xp, j.their_balance, (SELECT r.name FROM twinstream.ranks AS r
            WHERE r.xp <= j.their_xp ORDER BY r.xp DESC LIMIT 1),
        j.xp, j.balance, (SELECT r.name FROM twinstream.ranks AS r
            WHERE r.xp <= j.xp ORDER BY r.xp DESC LIMIT 1),
        j.reward_xp, j.reward_balance, j.achievements
    FROM joint AS j;
END $$;

-- Returns the offers whose status this platform's bot has to tell, each with the account that is told.
-- News that is `older_than_s` is dropped: those who wait for it have asked by then.
CREATE FUNCTION twinstream.offer_news(of_platform text, older_than_s double precision)
RETURNS TABLE (offer_id bigint, account_id bigint, status text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.link_offers AS o SET news_for = NULL
    WHERE o.news_for = of_platform AND o.changed_at < now() - make_interval(secs => older_than_s);
    RETURN QUERY
    SELECT o.id, CASE WHEN o.platform = of_platform THEN o.account_id ELSE o.opener_id END, o.status
    FROM twinstream.link_offers AS o WHERE o.news_for = of_platform ORDER BY o.changed_at, o.id;
END $$;

-- Notes that the account on this platform was told of this status. A later status stays to be told.
CREATE FUNCTION twinstream.end_offer_news(of_platform text, offer_id bigint, told_status text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.link_offers AS o SET news_for = NULL
    WHERE o.id = offer_id AND o.news_for = of_platform AND o.status = told_status;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.end_offer_news(text, bigint, text), twinstream.offer_news(text, double precision),
    twinstream.offer_of(text, bigint, text, bigint), twinstream.decline_offer(text, bigint, bigint),
    twinstream.confirm_offer(text, bigint, bigint, text[], text), twinstream.open_offer(text, bigint, text, text), twinstream.start_offer(text, bigint, text),
    twinstream.is_under_way(twinstream.link_offers),
    twinstream.lock_offer(bigint, bigint), twinstream.lock_offers(bigint, bigint), twinstream.offers_kept(),
    twinstream.issue_code(text, bigint, text), twinstream.seconds_locked_out(text, bigint),
    twinstream.make_token(), twinstream.hash_of_token(text),
    twinstream.bot_name_elsewhere(text), twinstream.note_bot_name(text, text);
DROP TRIGGER offers_go_with_their_account ON twinstream.accounts;
DROP FUNCTION twinstream.forget_offers();
DROP TABLE twinstream.bot_names, twinstream.link_offers;

-- Returns the hash of a code, however people typed it.
CREATE OR REPLACE FUNCTION twinstream.hash_of_code(code text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(upper(btrim(code, E' \t\n\r\f\v') COLLATE "C"), 'UTF8'))
$$;

-- Makes a code for this account, valid for ten minutes and one purpose: link, unlink, undo or move. An
-- earlier code ends. Errors by constraint: stop_sign_is_not_set (the code could not be used),
-- link_code_purpose_known.
CREATE FUNCTION twinstream.issue_code(platform text, account_id bigint, purpose text DEFAULT 'link') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    code CONSTANT text := twinstream.make_code();
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.obey_stop_sign();
    PERFORM twinstream.create_members(platform, ARRAY[account_id]);
    INSERT INTO twinstream.link_codes (code_hash, platform, account_id, purpose, expires_at)
    VALUES (
        twinstream.hash_of_code(code), platform, account_id, purpose,
        now() + make_interval(secs => (twinstream.link_limits()).code_lifetime_s)
    )
    ON CONFLICT ON CONSTRAINT link_code_one_per_account DO UPDATE SET
        code_hash = excluded.code_hash, purpose = excluded.purpose, created_at = now(),
        expires_at = excluded.expires_at;
    RETURN code;
END $$;

-- Voids the live codes among these, which others could read on `platform`, and leaves a notice for each
-- owner. Returns the platforms where the voided codes were issued; a code that was never issued, was used
-- or has expired adds none. One statement: a use of the same code at the same time either comes first, and
-- nothing is voided, or finds no code.
CREATE OR REPLACE FUNCTION twinstream.void_codes(platform text, codes text[]) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    RETURN QUERY
    WITH void AS (
        DELETE FROM twinstream.link_codes AS c
        WHERE c.code_hash = ANY (
            ARRAY (SELECT twinstream.hash_of_code(u.code) FROM unnest(codes) AS u (code))
        ) AND c.expires_at > now()
        RETURNING c.platform, c.account_id
    ), noted AS (
        -- One notice of a kind is enough; a later reason makes it new.
        INSERT INTO twinstream.notices (platform, account_id, kind)
        SELECT v.platform, v.account_id, 'code_void' FROM void AS v
        ON CONFLICT ON CONSTRAINT notice_once DO UPDATE SET
            created_at = clock_timestamp(), attempts = 0, taken_until = NULL
    )
    SELECT v.platform FROM void AS v;
END $$;

-- Links an account with the one that asked for `code` on the other platform. `stores` are the platforms whose
-- bot has a table of its own. Returns `linked`, a refusal of `find_issuer`, `same_platform`, `already_linked`
-- or `too_many_links`.
CREATE FUNCTION twinstream.redeem_code(platform text, account_id bigint, code text, stores text[] DEFAULT '{}')
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    issuer record;
    rule text;
BEGIN
    PERFORM twinstream.require_caller(platform);
    issuer := twinstream.find_issuer(platform, account_id, code, 'link');
    IF issuer.refusal IS NOT NULL THEN
        RETURN issuer.refusal;
    ELSIF issuer.platform = platform THEN
        RETURN 'same_platform';
    END IF;
    BEGIN
        PERFORM twinstream.link_accounts(
            CASE platform WHEN 'telegram' THEN account_id ELSE issuer.account_id END,
            CASE platform WHEN 'telegram' THEN issuer.account_id ELSE account_id END,
            stores => stores
        );
    EXCEPTION WHEN check_violation THEN
        GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
        CASE rule
            WHEN 'account_is_linked' THEN RETURN 'already_linked';
            WHEN 'links_per_account_limited' THEN RETURN 'too_many_links';
            ELSE RAISE;
        END CASE;
    END;
    PERFORM twinstream.use_up_code(code);
    RETURN 'linked';
END $$;

DROP FUNCTION twinstream.normal_code(text);
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;
