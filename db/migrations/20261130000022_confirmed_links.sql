-- migrate:up
-- A confirmed offer obeys the settings of linking, and is on record as the act of the member who confirmed.

-- Links the two accounts of an offer: the account that started it says so. `with_policy` is that of
-- `link_accounts`. Returns `linked`, also if the two are linked already; `paused`; `ended`: it is unknown,
-- not opened, declined or too old; `already_linked`: one of the accounts is linked with a third one;
-- `too_many_links`; `forbidden`: an administrator does not let one of them link; `cooling_down`: one of them
-- was unlinked from a third one a short time ago. Other offers of the two accounts end.
CREATE OR REPLACE FUNCTION twinstream.confirm_offer(
    of_platform text, of_account bigint, offer_id bigint, stores text[] DEFAULT '{}',
    with_policy text DEFAULT NULL
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
    IF offer.id IS NULL OR offer.platform <> of_platform
        OR offer.account_id <> of_account OR offer.opener_id IS NULL
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
            with_policy, stores,
            actor => ROW ('member', of_platform, of_account, '')::twinstream.link_actor
        );
    EXCEPTION WHEN check_violation THEN
        GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
        CASE rule
            WHEN 'account_is_linked' THEN RETURN 'already_linked';
            WHEN 'links_per_account_limited' THEN RETURN 'too_many_links';
            WHEN 'account_may_link' THEN RETURN 'forbidden';
            WHEN 'link_cooldown_is_over' THEN RETURN 'cooling_down';
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

-- Ends the notice of a link for an account that has just seen the link in an answer.
CREATE FUNCTION twinstream.end_notice_of_link(of_platform text, of_account bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.notices AS n
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = 'linked'
        AND (n.details ->> 'link_id')::bigint = twinstream.newest_link(of_platform, of_account);
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.end_notice_of_link(text, bigint);
DROP FUNCTION twinstream.confirm_offer(text, bigint, bigint, text[], text);

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
