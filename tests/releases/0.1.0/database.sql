--
-- PostgreSQL database dump
--

\restrict twinstream


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: ranks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ranks (
    rank integer NOT NULL,
    name text NOT NULL,
    xp bigint NOT NULL,
    CONSTRAINT rank_threshold_not_negative CHECK ((xp >= 0))
);


--
-- Name: ladder(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.ladder() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((SELECT array_agg(r.xp ORDER BY r.xp) AS array_agg FROM public.ranks r), '{}'::bigint[]);


--
-- Name: rank_on(bigint, bigint[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.rank_on(xp bigint, ladder bigint[]) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN width_bucket(GREATEST(xp, (0)::bigint), ladder);


--
-- Name: rank_of(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.rank_of(xp bigint) RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN public.rank_on(xp, public.ladder());


--
-- Name: accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accounts (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    member_id bigint NOT NULL,
    display_name text,
    linked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_id_positive CHECK ((account_id > 0)),
    CONSTRAINT account_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: achievements; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.achievements (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    achievement text NOT NULL,
    unlocked_at timestamp with time zone NOT NULL,
    CONSTRAINT achievement_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: cleanup_rounds; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.cleanup_rounds (
    id bigint NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    events_upto bigint DEFAULT 0,
    events bigint DEFAULT 0 NOT NULL,
    passes bigint DEFAULT 0 NOT NULL,
    findings bigint DEFAULT 0 NOT NULL,
    CONSTRAINT cleanup_round_finished_has_seen_all CHECK (((finished_at IS NULL) OR (events_upto IS NULL)))
);


--
-- Name: cleanup_rounds_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.cleanup_rounds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.cleanup_rounds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: drift; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.drift (
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    platform text NOT NULL,
    subject text NOT NULL,
    subject_id bigint NOT NULL,
    field text NOT NULL,
    member_id bigint,
    account_id bigint,
    seen text NOT NULL,
    expected text NOT NULL,
    difference numeric,
    in_flight text DEFAULT ''::text NOT NULL,
    decision text DEFAULT 'found'::text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    idempotency_key text,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    decided_at timestamp with time zone,
    held_for text,
    seen_again_by bigint,
    CONSTRAINT drift_decision_known CHECK ((decision = ANY (ARRAY['found'::text, 'watched'::text, 'held'::text, 'confirmed'::text, 'repaired'::text, 'gone'::text, 'left'::text, 'stopped'::text]))),
    CONSTRAINT drift_held_for_known CHECK ((held_for = ANY (ARRAY['history'::text, 'number'::text]))),
    CONSTRAINT drift_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: drift_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.drift ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.drift_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: entry_attempts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.entry_attempts (
    stream text NOT NULL,
    entry_id text NOT NULL,
    attempts integer NOT NULL,
    first_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: link_attempts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.link_attempts (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    failures integer NOT NULL,
    window_ends_at timestamp with time zone NOT NULL
);


--
-- Name: link_codes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.link_codes (
    code_hash bytea NOT NULL,
    platform text NOT NULL,
    account_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT link_code_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: members; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.members (
    id bigint NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT member_balance_not_negative CHECK ((balance >= 0)),
    CONSTRAINT member_xp_not_negative CHECK ((xp >= 0))
);


--
-- Name: members_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.members ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.members_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: notices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notices (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    taken_until timestamp with time zone,
    CONSTRAINT notice_kind_known CHECK ((kind = 'code_void'::text)),
    CONSTRAINT notice_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: reconcile_runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reconcile_runs (
    id bigint NOT NULL,
    cause text NOT NULL,
    member_id bigint,
    everybody boolean DEFAULT false NOT NULL,
    dry_run boolean DEFAULT false NOT NULL,
    accepted boolean DEFAULT false NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    owner text NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    stopped_because text,
    touched_upto bigint DEFAULT 0 NOT NULL,
    pages integer,
    members bigint DEFAULT 0 NOT NULL,
    findings bigint DEFAULT 0 NOT NULL,
    repairs bigint DEFAULT 0 NOT NULL,
    CONSTRAINT reconcile_run_cause_known CHECK ((cause = ANY (ARRAY['interval'::text, 'asked'::text, 'alarm'::text]))),
    CONSTRAINT reconcile_run_ended_has_time CHECK (((status = 'running'::text) OR (finished_at IS NOT NULL))),
    CONSTRAINT reconcile_run_status_known CHECK ((status = ANY (ARRAY['running'::text, 'finished'::text, 'stopped'::text]))),
    CONSTRAINT reconcile_run_stopped_says_why CHECK (((status <> 'stopped'::text) OR (stopped_because IS NOT NULL)))
);


--
-- Name: reconcile_runs_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.reconcile_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reconcile_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: reconcile_touched; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reconcile_touched (
    run_id bigint NOT NULL,
    member_id bigint NOT NULL
);


--
-- Name: reconcile_walks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reconcile_walks (
    platform text NOT NULL,
    subject text NOT NULL,
    after_id bigint NOT NULL,
    passed bigint NOT NULL,
    passed_last_time bigint NOT NULL,
    began_at timestamp with time zone NOT NULL,
    CONSTRAINT reconcile_walk_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);


--
-- Name: snapshots; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.snapshots (
    run_id bigint NOT NULL,
    platform text NOT NULL,
    subject text NOT NULL,
    page integer NOT NULL,
    part text NOT NULL,
    after_id bigint NOT NULL,
    upto_id bigint NOT NULL,
    looked_at integer NOT NULL,
    rows integer NOT NULL,
    is_last boolean NOT NULL,
    checksum text NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    compared_at timestamp with time zone,
    refused text,
    CONSTRAINT snapshot_part_known CHECK ((part = ANY (ARRAY['touched'::text, 'watched'::text, 'slice'::text, 'left out'::text]))),
    CONSTRAINT snapshot_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT snapshot_rows_not_negative CHECK (((rows >= 0) AND (looked_at >= 0)))
);


--
-- Name: stop_signs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.stop_signs (
    release text NOT NULL,
    reason text NOT NULL,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT stop_sign_release_is_two_numbers CHECK ((release ~ '^[0-9]+\.[0-9]+$'::text)),
    CONSTRAINT stop_sign_says_why CHECK ((reason <> ''::text))
);


--
-- Name: store_agreements; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.store_agreements (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    store text NOT NULL,
    xp boolean NOT NULL,
    balance boolean NOT NULL,
    agreed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT store_agreement_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: store_debts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.store_debts (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    retry_at timestamp with time zone,
    error text,
    CONSTRAINT store_debt_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: surfaces; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.surfaces (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    surface text DEFAULT 'rank'::text NOT NULL,
    wanted integer NOT NULL,
    shown integer,
    wanted_at timestamp with time zone DEFAULT now() NOT NULL,
    wanted_key text,
    priority smallint DEFAULT 0 NOT NULL,
    shown_at timestamp with time zone,
    taken_until timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    retry_at timestamp with time zone,
    parked text,
    error text,
    announced integer DEFAULT 0 NOT NULL,
    announce boolean DEFAULT false NOT NULL,
    unconfirmed integer[],
    forgotten boolean DEFAULT false NOT NULL,
    CONSTRAINT surface_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT surface_priority_known CHECK (((priority >= 0) AND (priority <= 3)))
);


--
-- Name: sync_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sync_events (
    id bigint NOT NULL,
    idempotency_key text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    member_id bigint,
    payload text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    processed_by text,
    processed_at timestamp with time zone,
    error_message text,
    stream_losses integer DEFAULT 0 NOT NULL,
    CONSTRAINT sync_event_completed_is_processed CHECK (((status <> 'completed'::text) OR ((processed_by IS NOT NULL) AND (processed_at IS NOT NULL)))),
    CONSTRAINT sync_event_failed_says_why CHECK (((status <> 'failed'::text) OR (error_message IS NOT NULL))),
    CONSTRAINT sync_event_has_member CHECK (((status = 'failed'::text) OR (member_id IS NOT NULL))),
    CONSTRAINT sync_event_source_known CHECK ((source = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT sync_event_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'published'::text, 'completed'::text, 'failed'::text])))
);


--
-- Name: sync_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.sync_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.sync_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: sync_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sync_state (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    rank integer DEFAULT 0 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sync_state_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT sync_state_rank_not_negative CHECK ((rank >= 0))
);


--
-- Name: transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.transactions (
    id bigint NOT NULL,
    idempotency_key text NOT NULL,
    platform text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    member_id bigint NOT NULL,
    account_id bigint NOT NULL,
    delta_xp bigint DEFAULT 0 NOT NULL,
    delta_balance bigint DEFAULT 0 NOT NULL,
    achievement text,
    reason text NOT NULL,
    entity_id text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT transaction_has_one_effect CHECK ((((((delta_xp <> 0))::integer + ((delta_balance <> 0))::integer) + ((achievement IS NOT NULL))::integer) = 1)),
    CONSTRAINT transaction_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT transaction_source_known CHECK ((source = ANY (ARRAY['telegram'::text, 'discord'::text])))
);


--
-- Name: transactions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.transactions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.transactions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Data for Name: accounts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.accounts (platform, account_id, member_id, display_name, linked_at) FROM stdin;
telegram	5001	1	Mira	2026-11-28 21:10:02.39549+00
discord	80011	45	Member 80011	2026-11-28 21:10:34.904106+00
discord	1576344442544062464	1	Mira	2026-11-28 21:10:07.303757+00
telegram	1001	3	Member 1001	2026-11-28 21:10:27.909544+00
telegram	1002	4	Member 1002	2026-11-28 21:10:27.909544+00
telegram	1003	5	Member 1003	2026-11-28 21:10:27.909544+00
telegram	1004	6	Member 1004	2026-11-28 21:10:27.909544+00
discord	800000000000000101	7	Member 800000000000000101	2026-11-28 21:10:28.112743+00
discord	800000000000000102	8	Member 800000000000000102	2026-11-28 21:10:28.112743+00
discord	800000000000000103	9	Member 800000000000000103	2026-11-28 21:10:28.112743+00
discord	800000000000000104	10	Member 800000000000000104	2026-11-28 21:10:28.112743+00
telegram	70001	11	Member 70001	2026-11-28 21:10:34.239574+00
telegram	70002	12	Member 70002	2026-11-28 21:10:34.239574+00
telegram	70003	13	Member 70003	2026-11-28 21:10:34.239574+00
telegram	70004	14	Member 70004	2026-11-28 21:10:34.239574+00
telegram	70005	15	Member 70005	2026-11-28 21:10:34.239574+00
telegram	70006	16	Member 70006	2026-11-28 21:10:34.239574+00
telegram	70007	17	Member 70007	2026-11-28 21:10:34.239574+00
telegram	70008	18	Member 70008	2026-11-28 21:10:34.239574+00
telegram	70009	19	Member 70009	2026-11-28 21:10:34.239574+00
telegram	70010	20	Member 70010	2026-11-28 21:10:34.239574+00
telegram	70011	21	Member 70011	2026-11-28 21:10:34.239574+00
telegram	70012	22	Member 70012	2026-11-28 21:10:34.239574+00
telegram	70013	23	Member 70013	2026-11-28 21:10:34.239574+00
telegram	70014	24	Member 70014	2026-11-28 21:10:34.239574+00
telegram	70015	25	Member 70015	2026-11-28 21:10:34.239574+00
telegram	70016	26	Member 70016	2026-11-28 21:10:34.239574+00
telegram	70017	27	Member 70017	2026-11-28 21:10:34.239574+00
telegram	70018	28	Member 70018	2026-11-28 21:10:34.239574+00
telegram	70019	29	Member 70019	2026-11-28 21:10:34.239574+00
telegram	70020	30	Member 70020	2026-11-28 21:10:34.239574+00
telegram	70021	31	Member 70021	2026-11-28 21:10:34.239574+00
telegram	70022	32	Member 70022	2026-11-28 21:10:34.239574+00
telegram	70023	33	Member 70023	2026-11-28 21:10:34.239574+00
telegram	70024	34	Member 70024	2026-11-28 21:10:34.239574+00
discord	80009	43	Member 80009	2026-11-28 21:10:34.904106+00
discord	80010	44	Member 80010	2026-11-28 21:10:34.904106+00
discord	80012	46	Member 80012	2026-11-28 21:10:34.904106+00
discord	80013	47	Member 80013	2026-11-28 21:10:34.904106+00
discord	80014	48	Member 80014	2026-11-28 21:10:34.904106+00
discord	80015	49	Member 80015	2026-11-28 21:10:34.904106+00
discord	80016	50	Member 80016	2026-11-28 21:10:34.904106+00
discord	80017	51	Member 80017	2026-11-28 21:10:34.904106+00
discord	80018	52	Member 80018	2026-11-28 21:10:34.904106+00
discord	80019	53	Member 80019	2026-11-28 21:10:34.904106+00
discord	80020	54	Member 80020	2026-11-28 21:10:34.904106+00
discord	80021	55	Member 80021	2026-11-28 21:10:34.904106+00
discord	80022	56	Member 80022	2026-11-28 21:10:34.904106+00
discord	80023	57	Member 80023	2026-11-28 21:10:34.904106+00
discord	80024	58	Member 80024	2026-11-28 21:10:34.904106+00
discord	80001	11	Member 80001	2026-11-28 21:10:34.904106+00
discord	80002	12	Member 80002	2026-11-28 21:10:34.904106+00
discord	80003	13	Member 80003	2026-11-28 21:10:34.904106+00
discord	80004	14	Member 80004	2026-11-28 21:10:34.904106+00
discord	80005	15	Member 80005	2026-11-28 21:10:34.904106+00
discord	80006	16	Member 80006	2026-11-28 21:10:34.904106+00
discord	80007	17	Member 80007	2026-11-28 21:10:34.904106+00
discord	80008	18	Member 80008	2026-11-28 21:10:34.904106+00
\.


--
-- Data for Name: achievements; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.achievements (member_id, platform, achievement, unlocked_at) FROM stdin;
1	telegram	lucky_guess	2026-11-28 21:10:02.576827+00
1	discord	lucky_guess	2026-11-28 21:10:02.576827+00
3	telegram	lucky_guess	2026-01-01 12:01:00+00
7	discord	lucky_guess	2026-01-01 12:01:00+00
3	discord	lucky_guess	2026-01-01 12:01:00+00
7	telegram	lucky_guess	2026-01-01 12:01:00+00
19	telegram	lucky_guess	2026-01-01 12:01:08+00
23	telegram	lucky_guess	2026-01-01 12:01:12+00
27	telegram	lucky_guess	2026-01-01 12:01:16+00
31	telegram	lucky_guess	2026-01-01 12:01:20+00
19	discord	lucky_guess	2026-01-01 12:01:08+00
23	discord	lucky_guess	2026-01-01 12:01:12+00
27	discord	lucky_guess	2026-01-01 12:01:16+00
31	discord	lucky_guess	2026-01-01 12:01:20+00
43	discord	lucky_guess	2026-01-01 12:01:08+00
47	discord	lucky_guess	2026-01-01 12:01:12+00
51	discord	lucky_guess	2026-01-01 12:01:16+00
55	discord	lucky_guess	2026-01-01 12:01:20+00
43	telegram	lucky_guess	2026-01-01 12:01:08+00
47	telegram	lucky_guess	2026-01-01 12:01:12+00
51	telegram	lucky_guess	2026-01-01 12:01:16+00
55	telegram	lucky_guess	2026-01-01 12:01:20+00
11	discord	lucky_guess	2026-01-01 12:01:00+00
11	telegram	lucky_guess	2026-01-01 12:01:00+00
15	discord	lucky_guess	2026-01-01 12:01:04+00
15	telegram	lucky_guess	2026-01-01 12:01:04+00
\.


--
-- Data for Name: cleanup_rounds; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.cleanup_rounds (id, began_at, finished_at, events_upto, events, passes, findings) FROM stdin;
1	2026-11-28 21:09:27.840065+00	2026-11-28 21:09:28.226679+00	\N	0	0	0
\.


--
-- Data for Name: drift; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.drift (id, run_id, platform, subject, subject_id, field, member_id, account_id, seen, expected, difference, in_flight, decision, why, idempotency_key, found_at, decided_at, held_for, seen_again_by) FROM stdin;
2	3	discord	books	1	xp	1	1576344442544062464	560	60	500		repaired	Discord's books: xp of member 1 is 560 (+500), expected is 60. The books were corrected to what the ledger adds up to.	\N	2026-11-28 21:10:22.160071+00	2026-11-28 21:10:22.431419+00	\N	\N
1	2	discord	books	1	xp	1	1576344442544062464	560	60	500		confirmed	Discord's books: xp of member 1 is 560 (+500), expected is 60. Seen for the first time. Seen again by pass 3: repaired.	\N	2026-11-28 21:10:14.058481+00	2026-11-28 21:10:22.431419+00	\N	\N
3	4	discord	books	1	xp	1	1576344442544062464	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
4	4	discord	books	3	xp	3	\N	23	30	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
5	4	discord	books	4	xp	4	\N	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
6	4	discord	books	5	xp	5	\N	83	90	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
7	4	discord	books	6	xp	6	\N	113	120	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
8	4	discord	books	7	xp	7	800000000000000101	23	30	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
9	4	discord	books	8	xp	8	800000000000000102	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
10	4	discord	books	9	xp	9	800000000000000103	83	90	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
11	4	discord	books	10	xp	10	800000000000000104	113	120	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
12	4	discord	books	11	xp	11	80001	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
13	4	discord	books	12	xp	12	80002	113	120	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
14	4	discord	books	13	xp	13	80003	173	180	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
15	4	discord	books	14	xp	14	80004	233	240	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
16	4	discord	books	15	xp	15	80005	293	300	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
17	4	discord	books	16	xp	16	80006	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
18	4	discord	books	17	xp	17	80007	113	120	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
19	4	discord	books	18	xp	18	80008	173	180	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
20	4	discord	books	19	xp	19	\N	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
21	4	discord	books	20	xp	20	\N	68	75	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
22	4	discord	books	21	xp	21	\N	8	15	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
23	4	discord	books	22	xp	22	\N	23	30	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
24	4	discord	books	23	xp	23	\N	38	45	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
25	4	discord	books	24	xp	24	\N	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
26	4	discord	books	25	xp	25	\N	68	75	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
27	4	discord	books	26	xp	26	\N	8	15	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
28	4	discord	books	27	xp	27	\N	23	30	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
29	4	discord	books	28	xp	28	\N	38	45	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
30	4	discord	books	29	xp	29	\N	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
32	4	discord	books	31	xp	31	\N	8	15	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
33	4	discord	books	32	xp	32	\N	23	30	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
34	4	discord	books	33	xp	33	\N	38	45	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
35	4	discord	books	34	xp	34	\N	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
36	4	discord	books	43	xp	43	80009	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
37	4	discord	books	44	xp	44	80010	68	75	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
38	4	discord	books	45	xp	45	80011	8	15	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
39	4	discord	books	46	xp	46	80012	23	30	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
40	4	discord	books	47	xp	47	80013	38	45	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
41	4	discord	books	48	xp	48	80014	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
42	4	discord	books	49	xp	49	80015	68	75	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
43	4	discord	books	50	xp	50	80016	8	15	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
44	4	discord	books	51	xp	51	80017	23	30	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
45	4	discord	books	52	xp	52	80018	38	45	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
46	4	discord	books	53	xp	53	80019	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
47	4	discord	books	54	xp	54	80020	68	75	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
48	4	discord	books	55	xp	55	80021	8	15	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
49	4	discord	books	56	xp	56	80022	23	30	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
50	4	discord	books	57	xp	57	80023	38	45	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
51	4	discord	books	58	xp	58	80024	53	60	-7		held	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:11:54.627079+00	\N	\N
31	4	discord	books	30	xp	30	\N	68	75	-7		gone	pass 5 did not find it again	\N	2026-11-28 21:11:54.327121+00	2026-11-28 21:12:02.258163+00	\N	\N
52	5	telegram	books	30	xp	30	70020	76	75	1		watched	Telegram's books: xp of member 30 is 76 (+1), expected is 75. Seen for the first time.	\N	2026-11-28 21:12:02.005001+00	2026-11-28 21:12:02.571292+00	\N	\N
\.


--
-- Data for Name: entry_attempts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.entry_attempts (stream, entry_id, attempts, first_at) FROM stdin;
\.


--
-- Data for Name: link_attempts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.link_attempts (platform, account_id, failures, window_ends_at) FROM stdin;
discord	80010	3	2026-11-28 21:26:44.359604+00
\.


--
-- Data for Name: link_codes; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.link_codes (code_hash, platform, account_id, created_at, expires_at) FROM stdin;
\\x765611a8a173554c31cf6fe0472dd9fc170bd00a834fab8d4c57c0a877159f79	telegram	70010	2026-11-28 21:11:28.722277+00	2026-11-28 21:21:28.722277+00
\\x823614f558f0024c6547bd6d9ef56a5b1c6666e5f9e15a6735e8049947f30b59	telegram	70011	2026-11-28 21:11:28.974884+00	2026-11-28 21:21:28.974884+00
\\x0edfe5430ca4031ffa270a0a2258f3bb71d6c67ac2d18d7af6182cf025c64ff9	telegram	70012	2026-11-28 21:11:29.004155+00	2026-11-28 21:21:29.004155+00
\.


--
-- Data for Name: members; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.members (id, xp, balance, created_at) FROM stdin;
3	30	10	2026-11-28 21:10:27.909544+00
4	60	12	2026-11-28 21:10:27.909544+00
1	60	20	2026-11-28 21:10:02.39549+00
5	90	14	2026-11-28 21:10:27.909544+00
6	120	10	2026-11-28 21:10:27.909544+00
7	30	10	2026-11-28 21:10:28.112743+00
8	60	12	2026-11-28 21:10:28.112743+00
9	90	14	2026-11-28 21:10:28.112743+00
10	120	10	2026-11-28 21:10:28.112743+00
14	240	20	2026-11-28 21:10:34.239574+00
15	300	24	2026-11-28 21:10:34.239574+00
16	60	28	2026-11-28 21:10:34.239574+00
17	120	20	2026-11-28 21:10:34.239574+00
18	180	24	2026-11-28 21:10:34.239574+00
13	270	42	2026-11-28 21:10:34.239574+00
11	120	40	2026-11-28 21:10:34.239574+00
12	240	48	2026-11-28 21:10:34.239574+00
19	60	7	2026-11-28 21:10:34.239574+00
20	75	5	2026-11-28 21:10:34.239574+00
21	15	6	2026-11-28 21:10:34.239574+00
22	30	7	2026-11-28 21:10:34.239574+00
23	45	5	2026-11-28 21:10:34.239574+00
24	60	6	2026-11-28 21:10:34.239574+00
25	75	7	2026-11-28 21:10:34.239574+00
26	15	5	2026-11-28 21:10:34.239574+00
27	30	6	2026-11-28 21:10:34.239574+00
28	45	7	2026-11-28 21:10:34.239574+00
29	60	5	2026-11-28 21:10:34.239574+00
30	75	6	2026-11-28 21:10:34.239574+00
31	15	7	2026-11-28 21:10:34.239574+00
32	30	5	2026-11-28 21:10:34.239574+00
33	45	6	2026-11-28 21:10:34.239574+00
34	60	7	2026-11-28 21:10:34.239574+00
43	60	7	2026-11-28 21:10:34.904106+00
44	75	5	2026-11-28 21:10:34.904106+00
45	15	6	2026-11-28 21:10:34.904106+00
46	30	7	2026-11-28 21:10:34.904106+00
47	45	5	2026-11-28 21:10:34.904106+00
48	60	6	2026-11-28 21:10:34.904106+00
49	75	7	2026-11-28 21:10:34.904106+00
50	15	5	2026-11-28 21:10:34.904106+00
51	30	6	2026-11-28 21:10:34.904106+00
52	45	7	2026-11-28 21:10:34.904106+00
53	60	5	2026-11-28 21:10:34.904106+00
54	75	6	2026-11-28 21:10:34.904106+00
55	15	7	2026-11-28 21:10:34.904106+00
56	30	5	2026-11-28 21:10:34.904106+00
57	45	6	2026-11-28 21:10:34.904106+00
58	60	7	2026-11-28 21:10:34.904106+00
\.


--
-- Data for Name: notices; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.notices (platform, account_id, kind, created_at, attempts, taken_until) FROM stdin;
\.


--
-- Data for Name: ranks; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.ranks (rank, name, xp) FROM stdin;
1	Newcomer	10
2	Regular	30
3	Veteran	45
4	Legend	150
\.


--
-- Data for Name: reconcile_runs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.reconcile_runs (id, cause, member_id, everybody, dry_run, accepted, status, owner, lease_until, started_at, finished_at, stopped_because, touched_upto, pages, members, findings, repairs) FROM stdin;
1	interval	\N	t	f	f	finished	host:reconcile-1:347eb940	2026-11-28 21:12:08.589941+00	2026-11-28 21:10:07.282684+00	2026-11-28 21:10:08.647143+00	\N	0	4	2	0	0
2	asked	1	f	f	f	finished	host:reconcile-operator:ca7d67dc	2026-11-28 21:12:14.603672+00	2026-11-28 21:10:13.319202+00	2026-11-28 21:10:14.679797+00	\N	0	2	1	1	0
3	asked	1	f	f	f	finished	host:reconcile-operator:58cc83cf	2026-11-28 21:12:22.614383+00	2026-11-28 21:10:21.734895+00	2026-11-28 21:10:22.64426+00	\N	0	2	1	1	1
4	asked	\N	t	f	f	stopped	host:reconcile-1:972b825c	2026-11-28 21:13:54.662013+00	2026-11-28 21:11:53.601813+00	2026-11-28 21:11:54.678296+00	discord books: 49 of 49 members differ, more than members_share_max = 0.02 allows; look at it, then `python -m consumers reconcile --now --accept`	0	2	49	49	0
5	asked	30	f	f	f	finished	host:reconcile-1:dc991f08	2026-11-28 21:14:02.825036+00	2026-11-28 21:12:01.661766+00	2026-11-28 21:12:02.897505+00	\N	0	2	1	1	0
\.


--
-- Data for Name: reconcile_touched; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.reconcile_touched (run_id, member_id) FROM stdin;
\.


--
-- Data for Name: reconcile_walks; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.reconcile_walks (platform, subject, after_id, passed, passed_last_time, began_at) FROM stdin;
discord	books	0	0	2	2026-11-28 21:10:08.647143+00
discord	roles	0	0	1	2026-11-28 21:10:08.647143+00
telegram	books	0	0	1	2026-11-28 21:10:08.647143+00
telegram	tags	0	0	1	2026-11-28 21:10:08.647143+00
\.


--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.schema_migrations (version) FROM stdin;
20261122000001
20261123000001
20261123000002
20261123000003
20261123000004
20261128000001
20261128000002
20261128000003
20261128000004
\.


--
-- Data for Name: snapshots; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.snapshots (run_id, platform, subject, page, part, after_id, upto_id, looked_at, rows, is_last, checksum, taken_at, compared_at, refused) FROM stdin;
1	telegram	books	0	slice	0	1	1	1	t	27f781f21acd1927a37bf7791c43199e	2026-11-28 21:10:07.379085+00	2026-11-28 21:10:07.515532+00	\N
1	discord	books	0	slice	0	2	2	2	t	7d1fcb9c3760b9e53bf9dd6deabb8ab8	2026-11-28 21:10:07.592006+00	2026-11-28 21:10:07.679602+00	\N
1	telegram	tags	0	slice	0	5001	1	0	t	b8396a5f9d825f14c51414bdec3de981	2026-11-28 21:10:07.774691+00	2026-11-28 21:10:08.065998+00	\N
1	discord	roles	0	slice	0	1576344442544062464	1	1	t	4bf5eb2e5add32c506c12b0bda592da4	2026-11-28 21:10:08.213709+00	2026-11-28 21:10:08.31601+00	\N
2	telegram	books	0	touched	0	1	1	1	t	b2499e077571806aa51fbf9b942a6a2a	2026-11-28 21:10:13.570215+00	2026-11-28 21:10:13.726982+00	\N
2	discord	books	0	touched	0	1	1	1	t	9ac36df1989a67fef8f284646a0f3e7e	2026-11-28 21:10:13.985295+00	2026-11-28 21:10:14.058481+00	\N
3	telegram	books	0	touched	0	1	1	1	t	0b5cf8a86a049d5fe500b921d12286a9	2026-11-28 21:10:21.888553+00	2026-11-28 21:10:21.992679+00	\N
3	discord	books	0	touched	0	1	1	1	t	ee2dc18d374c52a8e87468ace670851e	2026-11-28 21:10:22.078174+00	2026-11-28 21:10:22.160071+00	\N
4	telegram	books	0	slice	0	58	49	49	t	28893e7de899dda080b4913766d8b72c	2026-11-28 21:11:53.853045+00	2026-11-28 21:11:54.172401+00	\N
4	discord	books	0	slice	0	58	49	49	t	9a87bc828fa47005a1773605e02b547a	2026-11-28 21:11:54.252311+00	2026-11-28 21:11:54.327121+00	\N
5	telegram	books	0	touched	0	30	1	1	t	a71d2928defc71122547f011c342e692	2026-11-28 21:12:01.782675+00	2026-11-28 21:12:02.005001+00	\N
5	discord	books	0	touched	0	30	1	1	t	e549af8d58427a093d85cb845f1f2801	2026-11-28 21:12:02.13971+00	2026-11-28 21:12:02.258163+00	\N
\.


--
-- Data for Name: stop_signs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.stop_signs (release, reason, set_at) FROM stdin;
\.


--
-- Data for Name: store_agreements; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.store_agreements (platform, account_id, store, xp, balance, agreed_at) FROM stdin;
\.


--
-- Data for Name: store_debts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.store_debts (member_id, platform, xp, balance, updated_at, attempts, retry_at, error) FROM stdin;
11	discord	15	5	2026-11-28 21:12:03.983609+00	0	\N	\N
12	discord	15	5	2026-11-28 21:12:03.983609+00	0	\N	\N
13	discord	15	5	2026-11-28 21:12:03.983609+00	0	\N	\N
\.


--
-- Data for Name: surfaces; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.surfaces (member_id, platform, surface, wanted, shown, wanted_at, wanted_key, priority, shown_at, taken_until, attempts, retry_at, parked, error, announced, announce, unconfirmed, forgotten) FROM stdin;
7	discord	rank	2	1	2026-11-28 21:12:01.583359+00	ladder	3	2026-11-28 21:10:28.494423+00	\N	0	\N	\N	\N	1	t	\N	f
12	telegram	rank	4	\N	2026-11-28 21:12:09.531622+00	tg_game_guess_70002_3.1	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{2,0,3}	f
12	discord	rank	4	\N	2026-11-28 21:12:09.983276+00	dc_game_guess_80002_3.1	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{2,0,3}	f
11	telegram	achievement:lucky_guess	1	\N	2026-11-28 21:10:45.927169+00	link	1	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
11	discord	achievement:lucky_guess	1	\N	2026-11-28 21:10:45.927169+00	link	1	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
15	discord	achievement:lucky_guess	1	\N	2026-11-28 21:10:46.321981+00	link	1	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
15	discord	rank	4	\N	2026-11-28 21:10:46.321981+00	link	1	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{4,0,3}	f
1	telegram	achievement:lucky_guess	1	1	2026-11-28 21:10:07.523858+00	link	1	2026-11-28 21:10:09.03359+00	\N	0	\N	\N	\N	1	t	\N	f
1	telegram	rank	3	3	2026-11-28 21:10:08.832107+00	dc_game_guess_1576344442544062464_1576344469924478976	0	2026-11-28 21:10:09.03359+00	\N	0	\N	\N	\N	3	t	\N	f
17	telegram	rank	3	\N	2026-11-28 21:10:46.536508+00	link	1	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{2,0,3}	f
1	discord	achievement:lucky_guess	1	1	2026-11-28 21:10:07.523858+00	link	1	2026-11-28 21:10:22.751947+00	\N	0	\N	\N	\N	1	f	\N	f
1	discord	rank	3	3	2026-11-28 21:10:22.431419+00	reconcile	2	2026-11-28 21:10:22.751947+00	\N	0	\N	\N	\N	4	t	\N	f
3	telegram	rank	2	1	2026-11-28 21:11:04.623009+00	tg_game_guess_1001_2.0	0	2026-11-28 21:10:28.239531+00	\N	0	\N	\N	\N	1	t	\N	f
4	telegram	rank	3	2	2026-11-28 21:11:04.623009+00	tg_game_guess_1002_2.1	0	2026-11-28 21:10:28.316382+00	\N	0	\N	\N	\N	2	t	\N	f
8	discord	rank	3	2	2026-11-28 21:11:04.851088+00	dc_game_guess_800000000000000102_2.1	0	2026-11-28 21:10:28.558418+00	\N	0	\N	\N	\N	2	t	\N	f
11	telegram	rank	3	\N	2026-11-28 21:11:12.488739+00	tg_game_guess_70001_2.0	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,2,0}	f
14	telegram	rank	4	\N	2026-11-28 21:11:12.488739+00	tg_game_guess_70004_2.3	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
11	discord	rank	3	\N	2026-11-28 21:11:12.827403+00	dc_game_guess_80001_2.0	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,2,0}	f
14	discord	rank	4	\N	2026-11-28 21:11:12.827403+00	dc_game_guess_80004_2.3	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
13	telegram	rank	4	\N	2026-11-28 21:11:21.544889+00	dc_game_guess_80003_2.2	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
18	telegram	rank	4	\N	2026-11-28 21:11:21.544889+00	dc_game_guess_80008_2.7	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
3	telegram	achievement:lucky_guess	1	1	2026-11-28 21:10:27.909544+00	tg_game_guess_1001_1.0	0	2026-11-28 21:10:28.239531+00	\N	0	\N	\N	\N	1	t	\N	f
5	telegram	rank	3	3	2026-11-28 21:10:27.909544+00	tg_game_guess_1003_1.2	0	2026-11-28 21:10:28.419864+00	\N	0	\N	\N	\N	3	t	\N	f
7	discord	achievement:lucky_guess	1	1	2026-11-28 21:10:28.112743+00	dc_game_guess_800000000000000101_1.0	0	2026-11-28 21:10:28.494423+00	\N	0	\N	\N	\N	1	t	\N	f
6	telegram	rank	3	3	2026-11-28 21:10:27.909544+00	tg_game_guess_1004_1.3	0	2026-11-28 21:10:28.508954+00	\N	0	\N	\N	\N	3	t	\N	f
9	discord	rank	3	3	2026-11-28 21:10:28.112743+00	dc_game_guess_800000000000000103_1.2	0	2026-11-28 21:10:28.610712+00	\N	0	\N	\N	\N	3	t	\N	f
10	discord	rank	3	3	2026-11-28 21:10:28.112743+00	dc_game_guess_800000000000000104_1.3	0	2026-11-28 21:10:28.656022+00	\N	0	\N	\N	\N	3	t	\N	f
19	telegram	achievement:lucky_guess	1	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70009_1.8	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
19	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70009_1.8	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
20	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70010_1.9	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
21	telegram	rank	1	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70011_1.10	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
22	telegram	rank	2	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70012_1.11	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{2,0}	f
23	telegram	achievement:lucky_guess	1	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70013_1.12	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
23	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70013_1.12	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
24	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70014_1.13	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
27	telegram	achievement:lucky_guess	1	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70017_1.16	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
27	telegram	rank	2	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70017_1.16	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{2,0}	f
28	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70018_1.17	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
29	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70019_1.18	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
30	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70020_1.19	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
31	telegram	achievement:lucky_guess	1	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70021_1.20	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
45	discord	rank	1	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
46	discord	rank	2	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{2,0}	f
47	discord	rank	3	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
50	discord	rank	1	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
15	telegram	achievement:lucky_guess	1	\N	2026-11-28 21:10:46.321981+00	link	1	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
15	telegram	rank	4	\N	2026-11-28 21:10:46.321981+00	link	1	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{4,0,3}	f
51	discord	rank	2	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{2,0}	f
17	discord	rank	3	\N	2026-11-28 21:10:46.536508+00	link	1	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{2,0,3}	f
52	discord	rank	3	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
16	telegram	rank	3	\N	2026-11-28 21:11:12.488739+00	tg_game_guess_70006_2.5	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,2,0}	f
16	discord	rank	3	\N	2026-11-28 21:11:12.827403+00	dc_game_guess_80006_2.5	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,2,0}	f
13	discord	rank	4	\N	2026-11-28 21:11:21.414643+00	tg_game_guess_70003_2.2	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
18	discord	rank	4	\N	2026-11-28 21:11:21.414643+00	tg_game_guess_70008_2.7	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
25	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70015_1.14	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
26	telegram	rank	1	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70016_1.15	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
31	telegram	rank	1	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70021_1.20	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{1,0}	f
32	telegram	rank	2	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70022_1.21	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{2,0}	f
33	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70023_1.22	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
34	telegram	rank	3	\N	2026-11-28 21:10:34.239574+00	tg_game_guess_70024_1.23	0	\N	\N	0	infinity	absent	is not in the Telegram group	0	f	{0,3}	f
43	discord	achievement:lucky_guess	1	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80009_1.8	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
43	discord	rank	3	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80009_1.8	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
44	discord	rank	3	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80010_1.9	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
47	discord	achievement:lucky_guess	1	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80013_1.12	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
48	discord	rank	3	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80014_1.13	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
49	discord	rank	3	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80015_1.14	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
51	discord	achievement:lucky_guess	1	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80017_1.16	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
53	discord	rank	3	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80019_1.18	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
54	discord	rank	3	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80020_1.19	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
55	discord	achievement:lucky_guess	1	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80021_1.20	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
58	discord	rank	3	\N	2026-11-28 21:10:34.904106+00	dc_game_guess_80024_1.23	0	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
55	discord	rank	1	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{1,0}	f
56	discord	rank	2	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{2,0}	f
57	discord	rank	3	\N	2026-11-28 21:12:01.583359+00	ladder	3	\N	\N	0	infinity	absent	is not a member of the Discord server	0	f	{0,3}	f
\.


--
-- Data for Name: sync_events; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sync_events (id, idempotency_key, source, type, member_id, payload, status, created_at, published_at, processed_by, processed_at, error_message, stream_losses) FROM stdin;
1	tg_game_guess_5001_-1001000000001.2	telegram	xp.changed	1	{"type":"xp.changed","idempotency_key":"tg_game_guess_5001_-1001000000001.2","source":"telegram","user_id":5001,"reason":"game_guess","entity_id":"-1001000000001.2","occurred_at":"2026-11-28T21:10:02.401035Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:02.39549+00	2026-11-28 21:10:02.794953+00	discord	2026-11-28 21:10:02.760197+00	\N	0
2	tg_game_guess.balance_5001_-1001000000001.2	telegram	balance.changed	1	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_5001_-1001000000001.2","source":"telegram","user_id":5001,"reason":"game_guess","entity_id":"-1001000000001.2","occurred_at":"2026-11-28T21:10:02.563593Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:02.39549+00	2026-11-28 21:10:02.794953+00	discord	2026-11-28 21:10:02.775273+00	\N	0
3	tg_achievement.lucky_guess_5001	telegram	achievement.unlocked	1	{"type":"achievement.unlocked","idempotency_key":"tg_achievement.lucky_guess_5001","source":"telegram","user_id":5001,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-11-28T21:10:02.576827Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:02.39549+00	2026-11-28 21:10:02.794953+00	discord	2026-11-28 21:10:04.314744+00	\N	0
4	tg_game_guess_5001_-1001000000001.8	telegram	xp.changed	1	{"type":"xp.changed","idempotency_key":"tg_game_guess_5001_-1001000000001.8","source":"telegram","user_id":5001,"reason":"game_guess","entity_id":"-1001000000001.8","occurred_at":"2026-11-28T21:10:08.268033Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:08.264751+00	2026-11-28 21:10:08.346941+00	discord	2026-11-28 21:10:08.346941+00	\N	0
5	tg_game_guess.balance_5001_-1001000000001.8	telegram	balance.changed	1	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_5001_-1001000000001.8","source":"telegram","user_id":5001,"reason":"game_guess","entity_id":"-1001000000001.8","occurred_at":"2026-11-28T21:10:08.288963Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:08.264751+00	2026-11-28 21:10:08.330115+00	discord	2026-11-28 21:10:08.330115+00	\N	0
7	dc_game_guess.balance_1576344442544062464_1576344469924478976	discord	balance.changed	1	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_1576344442544062464_1576344469924478976","source":"discord","user_id":1576344442544062464,"reason":"game_guess","entity_id":"1576344469924478976","occurred_at":"2026-11-28T21:10:08.775925Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:08.711451+00	2026-11-28 21:10:08.832167+00	telegram	2026-11-28 21:10:08.832167+00	\N	0
6	dc_game_guess_1576344442544062464_1576344469924478976	discord	xp.changed	1	{"type":"xp.changed","idempotency_key":"dc_game_guess_1576344442544062464_1576344469924478976","source":"discord","user_id":1576344442544062464,"reason":"game_guess","entity_id":"1576344469924478976","occurred_at":"2026-11-28T21:10:08.711842Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:08.711451+00	2026-11-28 21:10:08.832107+00	telegram	2026-11-28 21:10:08.832107+00	\N	0
8	entry:sync:telegram:1795900209189-0	telegram	unknown	\N	nonsense	failed	2026-11-28 21:10:09.191101+00	2026-11-28 21:10:09.191101+00	\N	\N	the payload is not JSON: JSON is malformed: invalid character (byte 4)	0
10	tg_game_guess.balance_5001_-1001000000001.12	telegram	balance.changed	1	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_5001_-1001000000001.12","source":"telegram","user_id":5001,"reason":"game_guess","entity_id":"-1001000000001.12","occurred_at":"2026-11-28T21:10:09.301974Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:09.278136+00	2026-11-28 21:10:09.335923+00	discord	2026-11-28 21:10:09.335923+00	\N	0
9	tg_game_guess_5001_-1001000000001.12	telegram	xp.changed	1	{"type":"xp.changed","idempotency_key":"tg_game_guess_5001_-1001000000001.12","source":"telegram","user_id":5001,"reason":"game_guess","entity_id":"-1001000000001.12","occurred_at":"2026-11-28T21:10:09.278650Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:09.278136+00	2026-11-28 21:10:09.336082+00	discord	2026-11-28 21:10:09.336082+00	\N	0
12	tg_game_guess.balance_1001_1.0	telegram	balance.changed	3	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_1001_1.0","source":"telegram","user_id":1001,"reason":"game_guess","entity_id":"1.0","occurred_at":"2026-01-01T12:01:00Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.077971+00	discord	2026-11-28 21:10:28.077971+00	\N	0
11	tg_game_guess_1001_1.0	telegram	xp.changed	3	{"type":"xp.changed","idempotency_key":"tg_game_guess_1001_1.0","source":"telegram","user_id":1001,"reason":"game_guess","entity_id":"1.0","occurred_at":"2026-01-01T12:01:00Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.079662+00	discord	2026-11-28 21:10:28.079662+00	\N	0
28	dc_game_guess.balance_800000000000000104_1.3	discord	balance.changed	10	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_800000000000000104_1.3","source":"discord","user_id":800000000000000104,"reason":"game_guess","entity_id":"1.3","occurred_at":"2026-01-01T12:01:03Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.30754+00	telegram	2026-11-28 21:10:28.315798+00	\N	0
29	tg_game_guess_70001_1.0	telegram	xp.changed	11	{"type":"xp.changed","idempotency_key":"tg_game_guess_70001_1.0","source":"telegram","user_id":70001,"reason":"game_guess","entity_id":"1.0","occurred_at":"2026-01-01T12:01:00Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.469703+00	discord	2026-11-28 21:10:34.469703+00	\N	0
32	tg_game_guess_70002_1.1	telegram	xp.changed	12	{"type":"xp.changed","idempotency_key":"tg_game_guess_70002_1.1","source":"telegram","user_id":70002,"reason":"game_guess","entity_id":"1.1","occurred_at":"2026-01-01T12:01:01Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
33	tg_game_guess.balance_70002_1.1	telegram	balance.changed	12	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70002_1.1","source":"telegram","user_id":70002,"reason":"game_guess","entity_id":"1.1","occurred_at":"2026-01-01T12:01:01Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
34	tg_game_guess_70003_1.2	telegram	xp.changed	13	{"type":"xp.changed","idempotency_key":"tg_game_guess_70003_1.2","source":"telegram","user_id":70003,"reason":"game_guess","entity_id":"1.2","occurred_at":"2026-01-01T12:01:02Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
35	tg_game_guess.balance_70003_1.2	telegram	balance.changed	13	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70003_1.2","source":"telegram","user_id":70003,"reason":"game_guess","entity_id":"1.2","occurred_at":"2026-01-01T12:01:02Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
36	tg_game_guess_70004_1.3	telegram	xp.changed	14	{"type":"xp.changed","idempotency_key":"tg_game_guess_70004_1.3","source":"telegram","user_id":70004,"reason":"game_guess","entity_id":"1.3","occurred_at":"2026-01-01T12:01:03Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
37	tg_game_guess.balance_70004_1.3	telegram	balance.changed	14	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70004_1.3","source":"telegram","user_id":70004,"reason":"game_guess","entity_id":"1.3","occurred_at":"2026-01-01T12:01:03Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
89	dc_game_guess.balance_80003_1.2	discord	balance.changed	13	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80003_1.2","source":"discord","user_id":80003,"reason":"game_guess","entity_id":"1.2","occurred_at":"2026-01-01T12:01:02Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
91	dc_game_guess.balance_80004_1.3	discord	balance.changed	14	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80004_1.3","source":"discord","user_id":80004,"reason":"game_guess","entity_id":"1.3","occurred_at":"2026-01-01T12:01:03Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
94	dc_achievement.lucky_guess_80005	discord	achievement.unlocked	15	{"type":"achievement.unlocked","idempotency_key":"dc_achievement.lucky_guess_80005","source":"discord","user_id":80005,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:04Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
160	tg_game_guess.balance_70003_2.2	telegram	balance.changed	13	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70003_2.2","source":"telegram","user_id":70003,"reason":"game_guess","entity_id":"2.2","occurred_at":"2026-01-01T12:02:02Z","v":1,"delta_balance":7}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
162	tg_game_guess.balance_70004_2.3	telegram	balance.changed	14	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70004_2.3","source":"telegram","user_id":70004,"reason":"game_guess","entity_id":"2.3","occurred_at":"2026-01-01T12:02:03Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
163	tg_game_guess_70005_2.4	telegram	xp.changed	15	{"type":"xp.changed","idempotency_key":"tg_game_guess_70005_2.4","source":"telegram","user_id":70005,"reason":"game_guess","entity_id":"2.4","occurred_at":"2026-01-01T12:02:04Z","v":1,"delta_xp":75}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
164	tg_game_guess.balance_70005_2.4	telegram	balance.changed	15	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70005_2.4","source":"telegram","user_id":70005,"reason":"game_guess","entity_id":"2.4","occurred_at":"2026-01-01T12:02:04Z","v":1,"delta_balance":6}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
21	dc_game_guess.balance_800000000000000101_1.0	discord	balance.changed	7	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_800000000000000101_1.0","source":"discord","user_id":800000000000000101,"reason":"game_guess","entity_id":"1.0","occurred_at":"2026-01-01T12:01:00Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.23806+00	telegram	2026-11-28 21:10:28.23806+00	\N	0
13	tg_achievement.lucky_guess_1001	telegram	achievement.unlocked	3	{"type":"achievement.unlocked","idempotency_key":"tg_achievement.lucky_guess_1001","source":"telegram","user_id":1001,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:00Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.241463+00	discord	2026-11-28 21:10:28.133794+00	\N	0
14	tg_game_guess_1002_1.1	telegram	xp.changed	4	{"type":"xp.changed","idempotency_key":"tg_game_guess_1002_1.1","source":"telegram","user_id":1002,"reason":"game_guess","entity_id":"1.1","occurred_at":"2026-01-01T12:01:01Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.241463+00	discord	2026-11-28 21:10:28.133794+00	\N	0
15	tg_game_guess.balance_1002_1.1	telegram	balance.changed	4	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_1002_1.1","source":"telegram","user_id":1002,"reason":"game_guess","entity_id":"1.1","occurred_at":"2026-01-01T12:01:01Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.241463+00	discord	2026-11-28 21:10:28.133794+00	\N	0
16	tg_game_guess_1003_1.2	telegram	xp.changed	5	{"type":"xp.changed","idempotency_key":"tg_game_guess_1003_1.2","source":"telegram","user_id":1003,"reason":"game_guess","entity_id":"1.2","occurred_at":"2026-01-01T12:01:02Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.241463+00	discord	2026-11-28 21:10:28.133794+00	\N	0
17	tg_game_guess.balance_1003_1.2	telegram	balance.changed	5	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_1003_1.2","source":"telegram","user_id":1003,"reason":"game_guess","entity_id":"1.2","occurred_at":"2026-01-01T12:01:02Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.241463+00	discord	2026-11-28 21:10:28.133794+00	\N	0
18	tg_game_guess_1004_1.3	telegram	xp.changed	6	{"type":"xp.changed","idempotency_key":"tg_game_guess_1004_1.3","source":"telegram","user_id":1004,"reason":"game_guess","entity_id":"1.3","occurred_at":"2026-01-01T12:01:03Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.241463+00	discord	2026-11-28 21:10:28.133794+00	\N	0
22	dc_achievement.lucky_guess_800000000000000101	discord	achievement.unlocked	7	{"type":"achievement.unlocked","idempotency_key":"dc_achievement.lucky_guess_800000000000000101","source":"discord","user_id":800000000000000101,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:00Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.30754+00	telegram	2026-11-28 21:10:28.315798+00	\N	0
23	dc_game_guess_800000000000000102_1.1	discord	xp.changed	8	{"type":"xp.changed","idempotency_key":"dc_game_guess_800000000000000102_1.1","source":"discord","user_id":800000000000000102,"reason":"game_guess","entity_id":"1.1","occurred_at":"2026-01-01T12:01:01Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.30754+00	telegram	2026-11-28 21:10:28.315798+00	\N	0
24	dc_game_guess.balance_800000000000000102_1.1	discord	balance.changed	8	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_800000000000000102_1.1","source":"discord","user_id":800000000000000102,"reason":"game_guess","entity_id":"1.1","occurred_at":"2026-01-01T12:01:01Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.30754+00	telegram	2026-11-28 21:10:28.315798+00	\N	0
25	dc_game_guess_800000000000000103_1.2	discord	xp.changed	9	{"type":"xp.changed","idempotency_key":"dc_game_guess_800000000000000103_1.2","source":"discord","user_id":800000000000000103,"reason":"game_guess","entity_id":"1.2","occurred_at":"2026-01-01T12:01:02Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.30754+00	telegram	2026-11-28 21:10:28.315798+00	\N	0
26	dc_game_guess.balance_800000000000000103_1.2	discord	balance.changed	9	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_800000000000000103_1.2","source":"discord","user_id":800000000000000103,"reason":"game_guess","entity_id":"1.2","occurred_at":"2026-01-01T12:01:02Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.30754+00	telegram	2026-11-28 21:10:28.315798+00	\N	0
27	dc_game_guess_800000000000000104_1.3	discord	xp.changed	10	{"type":"xp.changed","idempotency_key":"dc_game_guess_800000000000000104_1.3","source":"discord","user_id":800000000000000104,"reason":"game_guess","entity_id":"1.3","occurred_at":"2026-01-01T12:01:03Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.30754+00	telegram	2026-11-28 21:10:28.315798+00	\N	0
19	tg_game_guess.balance_1004_1.3	telegram	balance.changed	6	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_1004_1.3","source":"telegram","user_id":1004,"reason":"game_guess","entity_id":"1.3","occurred_at":"2026-01-01T12:01:03Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:27.909544+00	2026-11-28 21:10:28.241463+00	discord	2026-11-28 21:10:28.133794+00	\N	0
20	dc_game_guess_800000000000000101_1.0	discord	xp.changed	7	{"type":"xp.changed","idempotency_key":"dc_game_guess_800000000000000101_1.0","source":"discord","user_id":800000000000000101,"reason":"game_guess","entity_id":"1.0","occurred_at":"2026-01-01T12:01:00Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:28.112743+00	2026-11-28 21:10:28.243097+00	telegram	2026-11-28 21:10:28.243097+00	\N	0
83	dc_game_guess_80001_1.0	discord	xp.changed	11	{"type":"xp.changed","idempotency_key":"dc_game_guess_80001_1.0","source":"discord","user_id":80001,"reason":"game_guess","entity_id":"1.0","occurred_at":"2026-01-01T12:01:00Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:34.974068+00	telegram	2026-11-28 21:10:34.974068+00	\N	0
187	tg_game_guess_70001_3.0	telegram	xp.changed	11	{"type":"xp.changed","idempotency_key":"tg_game_guess_70001_3.0","source":"telegram","user_id":70001,"reason":"game_guess","entity_id":"3.0","occurred_at":"2026-01-01T12:03:00Z","v":1,"delta_xp":15}	published	2026-11-28 21:12:09.531622+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
188	tg_game_guess.balance_70001_3.0	telegram	balance.changed	11	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70001_3.0","source":"telegram","user_id":70001,"reason":"game_guess","entity_id":"3.0","occurred_at":"2026-01-01T12:03:00Z","v":1,"delta_balance":5}	published	2026-11-28 21:12:09.531622+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
189	tg_game_guess_70002_3.1	telegram	xp.changed	12	{"type":"xp.changed","idempotency_key":"tg_game_guess_70002_3.1","source":"telegram","user_id":70002,"reason":"game_guess","entity_id":"3.1","occurred_at":"2026-01-01T12:03:01Z","v":1,"delta_xp":30}	published	2026-11-28 21:12:09.531622+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
190	tg_game_guess.balance_70002_3.1	telegram	balance.changed	12	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70002_3.1","source":"telegram","user_id":70002,"reason":"game_guess","entity_id":"3.1","occurred_at":"2026-01-01T12:03:01Z","v":1,"delta_balance":6}	published	2026-11-28 21:12:09.531622+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
139	tg_game_guess_1001_2.0	telegram	xp.changed	3	{"type":"xp.changed","idempotency_key":"tg_game_guess_1001_2.0","source":"telegram","user_id":1001,"reason":"game_guess","entity_id":"2.0","occurred_at":"2026-01-01T12:02:00Z","v":1,"delta_xp":15}	completed	2026-11-28 21:11:04.623009+00	2026-11-28 21:11:04.911098+00	discord	2026-11-28 21:11:21.414643+00	\N	0
30	tg_game_guess.balance_70001_1.0	telegram	balance.changed	11	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70001_1.0","source":"telegram","user_id":70001,"reason":"game_guess","entity_id":"1.0","occurred_at":"2026-01-01T12:01:00Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.472587+00	discord	2026-11-28 21:10:34.472587+00	\N	0
31	tg_achievement.lucky_guess_70001	telegram	achievement.unlocked	11	{"type":"achievement.unlocked","idempotency_key":"tg_achievement.lucky_guess_70001","source":"telegram","user_id":70001,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:00Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
191	tg_game_guess_70003_3.2	telegram	xp.changed	13	{"type":"xp.changed","idempotency_key":"tg_game_guess_70003_3.2","source":"telegram","user_id":70003,"reason":"game_guess","entity_id":"3.2","occurred_at":"2026-01-01T12:03:02Z","v":1,"delta_xp":45}	published	2026-11-28 21:12:09.531622+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
192	tg_game_guess.balance_70003_3.2	telegram	balance.changed	13	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70003_3.2","source":"telegram","user_id":70003,"reason":"game_guess","entity_id":"3.2","occurred_at":"2026-01-01T12:03:02Z","v":1,"delta_balance":7}	published	2026-11-28 21:12:09.531622+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
193	dc_game_guess_80001_3.0	discord	xp.changed	11	{"type":"xp.changed","idempotency_key":"dc_game_guess_80001_3.0","source":"discord","user_id":80001,"reason":"game_guess","entity_id":"3.0","occurred_at":"2026-01-01T12:03:00Z","v":1,"delta_xp":15}	published	2026-11-28 21:12:09.983276+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
194	dc_game_guess.balance_80001_3.0	discord	balance.changed	11	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80001_3.0","source":"discord","user_id":80001,"reason":"game_guess","entity_id":"3.0","occurred_at":"2026-01-01T12:03:00Z","v":1,"delta_balance":5}	published	2026-11-28 21:12:09.983276+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
195	dc_game_guess_80002_3.1	discord	xp.changed	12	{"type":"xp.changed","idempotency_key":"dc_game_guess_80002_3.1","source":"discord","user_id":80002,"reason":"game_guess","entity_id":"3.1","occurred_at":"2026-01-01T12:03:01Z","v":1,"delta_xp":30}	published	2026-11-28 21:12:09.983276+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
196	dc_game_guess.balance_80002_3.1	discord	balance.changed	12	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80002_3.1","source":"discord","user_id":80002,"reason":"game_guess","entity_id":"3.1","occurred_at":"2026-01-01T12:03:01Z","v":1,"delta_balance":6}	published	2026-11-28 21:12:09.983276+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
197	dc_game_guess_80003_3.2	discord	xp.changed	13	{"type":"xp.changed","idempotency_key":"dc_game_guess_80003_3.2","source":"discord","user_id":80003,"reason":"game_guess","entity_id":"3.2","occurred_at":"2026-01-01T12:03:02Z","v":1,"delta_xp":45}	published	2026-11-28 21:12:09.983276+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
198	dc_game_guess.balance_80003_3.2	discord	balance.changed	13	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80003_3.2","source":"discord","user_id":80003,"reason":"game_guess","entity_id":"3.2","occurred_at":"2026-01-01T12:03:02Z","v":1,"delta_balance":7}	published	2026-11-28 21:12:09.983276+00	2026-11-28 21:12:10.091401+00	\N	\N	\N	0
140	tg_game_guess.balance_1001_2.0	telegram	balance.changed	3	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_1001_2.0","source":"telegram","user_id":1001,"reason":"game_guess","entity_id":"2.0","occurred_at":"2026-01-01T12:02:00Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:04.623009+00	2026-11-28 21:11:04.911098+00	discord	2026-11-28 21:11:21.414643+00	\N	0
141	tg_game_guess_1002_2.1	telegram	xp.changed	4	{"type":"xp.changed","idempotency_key":"tg_game_guess_1002_2.1","source":"telegram","user_id":1002,"reason":"game_guess","entity_id":"2.1","occurred_at":"2026-01-01T12:02:01Z","v":1,"delta_xp":30}	completed	2026-11-28 21:11:04.623009+00	2026-11-28 21:11:04.911098+00	discord	2026-11-28 21:11:21.414643+00	\N	0
142	tg_game_guess.balance_1002_2.1	telegram	balance.changed	4	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_1002_2.1","source":"telegram","user_id":1002,"reason":"game_guess","entity_id":"2.1","occurred_at":"2026-01-01T12:02:01Z","v":1,"delta_balance":6}	completed	2026-11-28 21:11:04.623009+00	2026-11-28 21:11:04.911098+00	discord	2026-11-28 21:11:21.414643+00	\N	0
143	tg_game_guess_1003_2.2	telegram	xp.changed	5	{"type":"xp.changed","idempotency_key":"tg_game_guess_1003_2.2","source":"telegram","user_id":1003,"reason":"game_guess","entity_id":"2.2","occurred_at":"2026-01-01T12:02:02Z","v":1,"delta_xp":45}	completed	2026-11-28 21:11:04.623009+00	2026-11-28 21:11:04.911098+00	discord	2026-11-28 21:11:21.414643+00	\N	0
144	tg_game_guess.balance_1003_2.2	telegram	balance.changed	5	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_1003_2.2","source":"telegram","user_id":1003,"reason":"game_guess","entity_id":"2.2","occurred_at":"2026-01-01T12:02:02Z","v":1,"delta_balance":7}	completed	2026-11-28 21:11:04.623009+00	2026-11-28 21:11:04.911098+00	discord	2026-11-28 21:11:21.414643+00	\N	0
145	tg_game_guess_1004_2.3	telegram	xp.changed	6	{"type":"xp.changed","idempotency_key":"tg_game_guess_1004_2.3","source":"telegram","user_id":1004,"reason":"game_guess","entity_id":"2.3","occurred_at":"2026-01-01T12:02:03Z","v":1,"delta_xp":60}	completed	2026-11-28 21:11:04.623009+00	2026-11-28 21:11:04.911098+00	discord	2026-11-28 21:11:21.414643+00	\N	0
146	tg_game_guess.balance_1004_2.3	telegram	balance.changed	6	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_1004_2.3","source":"telegram","user_id":1004,"reason":"game_guess","entity_id":"2.3","occurred_at":"2026-01-01T12:02:03Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:04.623009+00	2026-11-28 21:11:04.911098+00	discord	2026-11-28 21:11:21.414643+00	\N	0
147	dc_game_guess_800000000000000101_2.0	discord	xp.changed	7	{"type":"xp.changed","idempotency_key":"dc_game_guess_800000000000000101_2.0","source":"discord","user_id":800000000000000101,"reason":"game_guess","entity_id":"2.0","occurred_at":"2026-01-01T12:02:00Z","v":1,"delta_xp":15}	completed	2026-11-28 21:11:04.851088+00	2026-11-28 21:11:04.911098+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
148	dc_game_guess.balance_800000000000000101_2.0	discord	balance.changed	7	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_800000000000000101_2.0","source":"discord","user_id":800000000000000101,"reason":"game_guess","entity_id":"2.0","occurred_at":"2026-01-01T12:02:00Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:04.851088+00	2026-11-28 21:11:04.911098+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
149	dc_game_guess_800000000000000102_2.1	discord	xp.changed	8	{"type":"xp.changed","idempotency_key":"dc_game_guess_800000000000000102_2.1","source":"discord","user_id":800000000000000102,"reason":"game_guess","entity_id":"2.1","occurred_at":"2026-01-01T12:02:01Z","v":1,"delta_xp":30}	completed	2026-11-28 21:11:04.851088+00	2026-11-28 21:11:04.911098+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
150	dc_game_guess.balance_800000000000000102_2.1	discord	balance.changed	8	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_800000000000000102_2.1","source":"discord","user_id":800000000000000102,"reason":"game_guess","entity_id":"2.1","occurred_at":"2026-01-01T12:02:01Z","v":1,"delta_balance":6}	completed	2026-11-28 21:11:04.851088+00	2026-11-28 21:11:04.911098+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
151	dc_game_guess_800000000000000103_2.2	discord	xp.changed	9	{"type":"xp.changed","idempotency_key":"dc_game_guess_800000000000000103_2.2","source":"discord","user_id":800000000000000103,"reason":"game_guess","entity_id":"2.2","occurred_at":"2026-01-01T12:02:02Z","v":1,"delta_xp":45}	completed	2026-11-28 21:11:04.851088+00	2026-11-28 21:11:04.911098+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
153	dc_game_guess_800000000000000104_2.3	discord	xp.changed	10	{"type":"xp.changed","idempotency_key":"dc_game_guess_800000000000000104_2.3","source":"discord","user_id":800000000000000104,"reason":"game_guess","entity_id":"2.3","occurred_at":"2026-01-01T12:02:03Z","v":1,"delta_xp":60}	completed	2026-11-28 21:11:04.851088+00	2026-11-28 21:11:04.911098+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
85	dc_achievement.lucky_guess_80001	discord	achievement.unlocked	11	{"type":"achievement.unlocked","idempotency_key":"dc_achievement.lucky_guess_80001","source":"discord","user_id":80001,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:00Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
86	dc_game_guess_80002_1.1	discord	xp.changed	12	{"type":"xp.changed","idempotency_key":"dc_game_guess_80002_1.1","source":"discord","user_id":80002,"reason":"game_guess","entity_id":"1.1","occurred_at":"2026-01-01T12:01:01Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
199	tg_game_guess_70001_4.0	telegram	xp.changed	11	{"type":"xp.changed","idempotency_key":"tg_game_guess_70001_4.0","source":"telegram","user_id":70001,"reason":"game_guess","entity_id":"4.0","occurred_at":"2026-01-01T12:04:00Z","v":1,"delta_xp":15}	pending	2026-11-28 21:12:18.927109+00	\N	\N	\N	\N	0
200	tg_game_guess.balance_70001_4.0	telegram	balance.changed	11	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70001_4.0","source":"telegram","user_id":70001,"reason":"game_guess","entity_id":"4.0","occurred_at":"2026-01-01T12:04:00Z","v":1,"delta_balance":5}	pending	2026-11-28 21:12:18.927109+00	\N	\N	\N	\N	0
201	tg_game_guess_70002_4.1	telegram	xp.changed	12	{"type":"xp.changed","idempotency_key":"tg_game_guess_70002_4.1","source":"telegram","user_id":70002,"reason":"game_guess","entity_id":"4.1","occurred_at":"2026-01-01T12:04:01Z","v":1,"delta_xp":30}	pending	2026-11-28 21:12:18.927109+00	\N	\N	\N	\N	0
202	tg_game_guess.balance_70002_4.1	telegram	balance.changed	12	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70002_4.1","source":"telegram","user_id":70002,"reason":"game_guess","entity_id":"4.1","occurred_at":"2026-01-01T12:04:01Z","v":1,"delta_balance":6}	pending	2026-11-28 21:12:18.927109+00	\N	\N	\N	\N	0
203	dc_game_guess_80001_4.0	discord	xp.changed	11	{"type":"xp.changed","idempotency_key":"dc_game_guess_80001_4.0","source":"discord","user_id":80001,"reason":"game_guess","entity_id":"4.0","occurred_at":"2026-01-01T12:04:00Z","v":1,"delta_xp":15}	pending	2026-11-28 21:12:19.168843+00	\N	\N	\N	\N	0
204	dc_game_guess.balance_80001_4.0	discord	balance.changed	11	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80001_4.0","source":"discord","user_id":80001,"reason":"game_guess","entity_id":"4.0","occurred_at":"2026-01-01T12:04:00Z","v":1,"delta_balance":5}	pending	2026-11-28 21:12:19.168843+00	\N	\N	\N	\N	0
72	tg_game_guess_70020_1.19	telegram	xp.changed	30	{"type":"xp.changed","idempotency_key":"tg_game_guess_70020_1.19","source":"telegram","user_id":70020,"reason":"game_guess","entity_id":"1.19","occurred_at":"2026-01-01T12:01:19Z","v":1,"delta_xp":75}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
73	tg_game_guess.balance_70020_1.19	telegram	balance.changed	30	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70020_1.19","source":"telegram","user_id":70020,"reason":"game_guess","entity_id":"1.19","occurred_at":"2026-01-01T12:01:19Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
74	tg_game_guess_70021_1.20	telegram	xp.changed	31	{"type":"xp.changed","idempotency_key":"tg_game_guess_70021_1.20","source":"telegram","user_id":70021,"reason":"game_guess","entity_id":"1.20","occurred_at":"2026-01-01T12:01:20Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
75	tg_game_guess.balance_70021_1.20	telegram	balance.changed	31	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70021_1.20","source":"telegram","user_id":70021,"reason":"game_guess","entity_id":"1.20","occurred_at":"2026-01-01T12:01:20Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
76	tg_achievement.lucky_guess_70021	telegram	achievement.unlocked	31	{"type":"achievement.unlocked","idempotency_key":"tg_achievement.lucky_guess_70021","source":"telegram","user_id":70021,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:20Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
77	tg_game_guess_70022_1.21	telegram	xp.changed	32	{"type":"xp.changed","idempotency_key":"tg_game_guess_70022_1.21","source":"telegram","user_id":70022,"reason":"game_guess","entity_id":"1.21","occurred_at":"2026-01-01T12:01:21Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
78	tg_game_guess.balance_70022_1.21	telegram	balance.changed	32	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70022_1.21","source":"telegram","user_id":70022,"reason":"game_guess","entity_id":"1.21","occurred_at":"2026-01-01T12:01:21Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
79	tg_game_guess_70023_1.22	telegram	xp.changed	33	{"type":"xp.changed","idempotency_key":"tg_game_guess_70023_1.22","source":"telegram","user_id":70023,"reason":"game_guess","entity_id":"1.22","occurred_at":"2026-01-01T12:01:22Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
80	tg_game_guess.balance_70023_1.22	telegram	balance.changed	33	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70023_1.22","source":"telegram","user_id":70023,"reason":"game_guess","entity_id":"1.22","occurred_at":"2026-01-01T12:01:22Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
81	tg_game_guess_70024_1.23	telegram	xp.changed	34	{"type":"xp.changed","idempotency_key":"tg_game_guess_70024_1.23","source":"telegram","user_id":70024,"reason":"game_guess","entity_id":"1.23","occurred_at":"2026-01-01T12:01:23Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
82	tg_game_guess.balance_70024_1.23	telegram	balance.changed	34	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70024_1.23","source":"telegram","user_id":70024,"reason":"game_guess","entity_id":"1.23","occurred_at":"2026-01-01T12:01:23Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
155	tg_game_guess_70001_2.0	telegram	xp.changed	11	{"type":"xp.changed","idempotency_key":"tg_game_guess_70001_2.0","source":"telegram","user_id":70001,"reason":"game_guess","entity_id":"2.0","occurred_at":"2026-01-01T12:02:00Z","v":1,"delta_xp":15}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
156	tg_game_guess.balance_70001_2.0	telegram	balance.changed	11	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70001_2.0","source":"telegram","user_id":70001,"reason":"game_guess","entity_id":"2.0","occurred_at":"2026-01-01T12:02:00Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
157	tg_game_guess_70002_2.1	telegram	xp.changed	12	{"type":"xp.changed","idempotency_key":"tg_game_guess_70002_2.1","source":"telegram","user_id":70002,"reason":"game_guess","entity_id":"2.1","occurred_at":"2026-01-01T12:02:01Z","v":1,"delta_xp":30}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
38	tg_game_guess_70005_1.4	telegram	xp.changed	15	{"type":"xp.changed","idempotency_key":"tg_game_guess_70005_1.4","source":"telegram","user_id":70005,"reason":"game_guess","entity_id":"1.4","occurred_at":"2026-01-01T12:01:04Z","v":1,"delta_xp":75}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
39	tg_game_guess.balance_70005_1.4	telegram	balance.changed	15	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70005_1.4","source":"telegram","user_id":70005,"reason":"game_guess","entity_id":"1.4","occurred_at":"2026-01-01T12:01:04Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
40	tg_achievement.lucky_guess_70005	telegram	achievement.unlocked	15	{"type":"achievement.unlocked","idempotency_key":"tg_achievement.lucky_guess_70005","source":"telegram","user_id":70005,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:04Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
41	tg_game_guess_70006_1.5	telegram	xp.changed	16	{"type":"xp.changed","idempotency_key":"tg_game_guess_70006_1.5","source":"telegram","user_id":70006,"reason":"game_guess","entity_id":"1.5","occurred_at":"2026-01-01T12:01:05Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
42	tg_game_guess.balance_70006_1.5	telegram	balance.changed	16	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70006_1.5","source":"telegram","user_id":70006,"reason":"game_guess","entity_id":"1.5","occurred_at":"2026-01-01T12:01:05Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
43	tg_game_guess_70007_1.6	telegram	xp.changed	17	{"type":"xp.changed","idempotency_key":"tg_game_guess_70007_1.6","source":"telegram","user_id":70007,"reason":"game_guess","entity_id":"1.6","occurred_at":"2026-01-01T12:01:06Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
44	tg_game_guess.balance_70007_1.6	telegram	balance.changed	17	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70007_1.6","source":"telegram","user_id":70007,"reason":"game_guess","entity_id":"1.6","occurred_at":"2026-01-01T12:01:06Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
45	tg_game_guess_70008_1.7	telegram	xp.changed	18	{"type":"xp.changed","idempotency_key":"tg_game_guess_70008_1.7","source":"telegram","user_id":70008,"reason":"game_guess","entity_id":"1.7","occurred_at":"2026-01-01T12:01:07Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
46	tg_game_guess.balance_70008_1.7	telegram	balance.changed	18	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70008_1.7","source":"telegram","user_id":70008,"reason":"game_guess","entity_id":"1.7","occurred_at":"2026-01-01T12:01:07Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
47	tg_game_guess_70009_1.8	telegram	xp.changed	19	{"type":"xp.changed","idempotency_key":"tg_game_guess_70009_1.8","source":"telegram","user_id":70009,"reason":"game_guess","entity_id":"1.8","occurred_at":"2026-01-01T12:01:08Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
48	tg_game_guess.balance_70009_1.8	telegram	balance.changed	19	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70009_1.8","source":"telegram","user_id":70009,"reason":"game_guess","entity_id":"1.8","occurred_at":"2026-01-01T12:01:08Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
49	tg_achievement.lucky_guess_70009	telegram	achievement.unlocked	19	{"type":"achievement.unlocked","idempotency_key":"tg_achievement.lucky_guess_70009","source":"telegram","user_id":70009,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:08Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
50	tg_game_guess_70010_1.9	telegram	xp.changed	20	{"type":"xp.changed","idempotency_key":"tg_game_guess_70010_1.9","source":"telegram","user_id":70010,"reason":"game_guess","entity_id":"1.9","occurred_at":"2026-01-01T12:01:09Z","v":1,"delta_xp":75}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
51	tg_game_guess.balance_70010_1.9	telegram	balance.changed	20	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70010_1.9","source":"telegram","user_id":70010,"reason":"game_guess","entity_id":"1.9","occurred_at":"2026-01-01T12:01:09Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
52	tg_game_guess_70011_1.10	telegram	xp.changed	21	{"type":"xp.changed","idempotency_key":"tg_game_guess_70011_1.10","source":"telegram","user_id":70011,"reason":"game_guess","entity_id":"1.10","occurred_at":"2026-01-01T12:01:10Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
53	tg_game_guess.balance_70011_1.10	telegram	balance.changed	21	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70011_1.10","source":"telegram","user_id":70011,"reason":"game_guess","entity_id":"1.10","occurred_at":"2026-01-01T12:01:10Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
54	tg_game_guess_70012_1.11	telegram	xp.changed	22	{"type":"xp.changed","idempotency_key":"tg_game_guess_70012_1.11","source":"telegram","user_id":70012,"reason":"game_guess","entity_id":"1.11","occurred_at":"2026-01-01T12:01:11Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
55	tg_game_guess.balance_70012_1.11	telegram	balance.changed	22	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70012_1.11","source":"telegram","user_id":70012,"reason":"game_guess","entity_id":"1.11","occurred_at":"2026-01-01T12:01:11Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
56	tg_game_guess_70013_1.12	telegram	xp.changed	23	{"type":"xp.changed","idempotency_key":"tg_game_guess_70013_1.12","source":"telegram","user_id":70013,"reason":"game_guess","entity_id":"1.12","occurred_at":"2026-01-01T12:01:12Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
57	tg_game_guess.balance_70013_1.12	telegram	balance.changed	23	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70013_1.12","source":"telegram","user_id":70013,"reason":"game_guess","entity_id":"1.12","occurred_at":"2026-01-01T12:01:12Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
58	tg_achievement.lucky_guess_70013	telegram	achievement.unlocked	23	{"type":"achievement.unlocked","idempotency_key":"tg_achievement.lucky_guess_70013","source":"telegram","user_id":70013,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:12Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
59	tg_game_guess_70014_1.13	telegram	xp.changed	24	{"type":"xp.changed","idempotency_key":"tg_game_guess_70014_1.13","source":"telegram","user_id":70014,"reason":"game_guess","entity_id":"1.13","occurred_at":"2026-01-01T12:01:13Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
60	tg_game_guess.balance_70014_1.13	telegram	balance.changed	24	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70014_1.13","source":"telegram","user_id":70014,"reason":"game_guess","entity_id":"1.13","occurred_at":"2026-01-01T12:01:13Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
61	tg_game_guess_70015_1.14	telegram	xp.changed	25	{"type":"xp.changed","idempotency_key":"tg_game_guess_70015_1.14","source":"telegram","user_id":70015,"reason":"game_guess","entity_id":"1.14","occurred_at":"2026-01-01T12:01:14Z","v":1,"delta_xp":75}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
62	tg_game_guess.balance_70015_1.14	telegram	balance.changed	25	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70015_1.14","source":"telegram","user_id":70015,"reason":"game_guess","entity_id":"1.14","occurred_at":"2026-01-01T12:01:14Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
63	tg_game_guess_70016_1.15	telegram	xp.changed	26	{"type":"xp.changed","idempotency_key":"tg_game_guess_70016_1.15","source":"telegram","user_id":70016,"reason":"game_guess","entity_id":"1.15","occurred_at":"2026-01-01T12:01:15Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
64	tg_game_guess.balance_70016_1.15	telegram	balance.changed	26	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70016_1.15","source":"telegram","user_id":70016,"reason":"game_guess","entity_id":"1.15","occurred_at":"2026-01-01T12:01:15Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
65	tg_game_guess_70017_1.16	telegram	xp.changed	27	{"type":"xp.changed","idempotency_key":"tg_game_guess_70017_1.16","source":"telegram","user_id":70017,"reason":"game_guess","entity_id":"1.16","occurred_at":"2026-01-01T12:01:16Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
66	tg_game_guess.balance_70017_1.16	telegram	balance.changed	27	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70017_1.16","source":"telegram","user_id":70017,"reason":"game_guess","entity_id":"1.16","occurred_at":"2026-01-01T12:01:16Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
67	tg_achievement.lucky_guess_70017	telegram	achievement.unlocked	27	{"type":"achievement.unlocked","idempotency_key":"tg_achievement.lucky_guess_70017","source":"telegram","user_id":70017,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:16Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
68	tg_game_guess_70018_1.17	telegram	xp.changed	28	{"type":"xp.changed","idempotency_key":"tg_game_guess_70018_1.17","source":"telegram","user_id":70018,"reason":"game_guess","entity_id":"1.17","occurred_at":"2026-01-01T12:01:17Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
69	tg_game_guess.balance_70018_1.17	telegram	balance.changed	28	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70018_1.17","source":"telegram","user_id":70018,"reason":"game_guess","entity_id":"1.17","occurred_at":"2026-01-01T12:01:17Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
70	tg_game_guess_70019_1.18	telegram	xp.changed	29	{"type":"xp.changed","idempotency_key":"tg_game_guess_70019_1.18","source":"telegram","user_id":70019,"reason":"game_guess","entity_id":"1.18","occurred_at":"2026-01-01T12:01:18Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
71	tg_game_guess.balance_70019_1.18	telegram	balance.changed	29	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70019_1.18","source":"telegram","user_id":70019,"reason":"game_guess","entity_id":"1.18","occurred_at":"2026-01-01T12:01:18Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.239574+00	2026-11-28 21:10:34.50503+00	discord	2026-11-28 21:10:34.50503+00	\N	0
205	dc_game_guess_80002_4.1	discord	xp.changed	12	{"type":"xp.changed","idempotency_key":"dc_game_guess_80002_4.1","source":"discord","user_id":80002,"reason":"game_guess","entity_id":"4.1","occurred_at":"2026-01-01T12:04:01Z","v":1,"delta_xp":30}	pending	2026-11-28 21:12:19.168843+00	\N	\N	\N	\N	0
84	dc_game_guess.balance_80001_1.0	discord	balance.changed	11	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80001_1.0","source":"discord","user_id":80001,"reason":"game_guess","entity_id":"1.0","occurred_at":"2026-01-01T12:01:00Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:34.973981+00	telegram	2026-11-28 21:10:34.973981+00	\N	0
206	dc_game_guess.balance_80002_4.1	discord	balance.changed	12	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80002_4.1","source":"discord","user_id":80002,"reason":"game_guess","entity_id":"4.1","occurred_at":"2026-01-01T12:04:01Z","v":1,"delta_balance":6}	pending	2026-11-28 21:12:19.168843+00	\N	\N	\N	\N	0
161	tg_game_guess_70004_2.3	telegram	xp.changed	14	{"type":"xp.changed","idempotency_key":"tg_game_guess_70004_2.3","source":"telegram","user_id":70004,"reason":"game_guess","entity_id":"2.3","occurred_at":"2026-01-01T12:02:03Z","v":1,"delta_xp":60}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
165	tg_game_guess_70006_2.5	telegram	xp.changed	16	{"type":"xp.changed","idempotency_key":"tg_game_guess_70006_2.5","source":"telegram","user_id":70006,"reason":"game_guess","entity_id":"2.5","occurred_at":"2026-01-01T12:02:05Z","v":1,"delta_xp":15}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
166	tg_game_guess.balance_70006_2.5	telegram	balance.changed	16	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70006_2.5","source":"telegram","user_id":70006,"reason":"game_guess","entity_id":"2.5","occurred_at":"2026-01-01T12:02:05Z","v":1,"delta_balance":7}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
167	tg_game_guess_70007_2.6	telegram	xp.changed	17	{"type":"xp.changed","idempotency_key":"tg_game_guess_70007_2.6","source":"telegram","user_id":70007,"reason":"game_guess","entity_id":"2.6","occurred_at":"2026-01-01T12:02:06Z","v":1,"delta_xp":30}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
168	tg_game_guess.balance_70007_2.6	telegram	balance.changed	17	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70007_2.6","source":"telegram","user_id":70007,"reason":"game_guess","entity_id":"2.6","occurred_at":"2026-01-01T12:02:06Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
169	tg_game_guess_70008_2.7	telegram	xp.changed	18	{"type":"xp.changed","idempotency_key":"tg_game_guess_70008_2.7","source":"telegram","user_id":70008,"reason":"game_guess","entity_id":"2.7","occurred_at":"2026-01-01T12:02:07Z","v":1,"delta_xp":45}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
170	tg_game_guess.balance_70008_2.7	telegram	balance.changed	18	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70008_2.7","source":"telegram","user_id":70008,"reason":"game_guess","entity_id":"2.7","occurred_at":"2026-01-01T12:02:07Z","v":1,"delta_balance":6}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
152	dc_game_guess.balance_800000000000000103_2.2	discord	balance.changed	9	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_800000000000000103_2.2","source":"discord","user_id":800000000000000103,"reason":"game_guess","entity_id":"2.2","occurred_at":"2026-01-01T12:02:02Z","v":1,"delta_balance":7}	completed	2026-11-28 21:11:04.851088+00	2026-11-28 21:11:04.911098+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
154	dc_game_guess.balance_800000000000000104_2.3	discord	balance.changed	10	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_800000000000000104_2.3","source":"discord","user_id":800000000000000104,"reason":"game_guess","entity_id":"2.3","occurred_at":"2026-01-01T12:02:03Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:04.851088+00	2026-11-28 21:11:04.911098+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
171	dc_game_guess_80001_2.0	discord	xp.changed	11	{"type":"xp.changed","idempotency_key":"dc_game_guess_80001_2.0","source":"discord","user_id":80001,"reason":"game_guess","entity_id":"2.0","occurred_at":"2026-01-01T12:02:00Z","v":1,"delta_xp":15}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
172	dc_game_guess.balance_80001_2.0	discord	balance.changed	11	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80001_2.0","source":"discord","user_id":80001,"reason":"game_guess","entity_id":"2.0","occurred_at":"2026-01-01T12:02:00Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
173	dc_game_guess_80002_2.1	discord	xp.changed	12	{"type":"xp.changed","idempotency_key":"dc_game_guess_80002_2.1","source":"discord","user_id":80002,"reason":"game_guess","entity_id":"2.1","occurred_at":"2026-01-01T12:02:01Z","v":1,"delta_xp":30}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
174	dc_game_guess.balance_80002_2.1	discord	balance.changed	12	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80002_2.1","source":"discord","user_id":80002,"reason":"game_guess","entity_id":"2.1","occurred_at":"2026-01-01T12:02:01Z","v":1,"delta_balance":6}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
87	dc_game_guess.balance_80002_1.1	discord	balance.changed	12	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80002_1.1","source":"discord","user_id":80002,"reason":"game_guess","entity_id":"1.1","occurred_at":"2026-01-01T12:01:01Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
88	dc_game_guess_80003_1.2	discord	xp.changed	13	{"type":"xp.changed","idempotency_key":"dc_game_guess_80003_1.2","source":"discord","user_id":80003,"reason":"game_guess","entity_id":"1.2","occurred_at":"2026-01-01T12:01:02Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
158	tg_game_guess.balance_70002_2.1	telegram	balance.changed	12	{"type":"balance.changed","idempotency_key":"tg_game_guess.balance_70002_2.1","source":"telegram","user_id":70002,"reason":"game_guess","entity_id":"2.1","occurred_at":"2026-01-01T12:02:01Z","v":1,"delta_balance":6}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
117	dc_game_guess_80016_1.15	discord	xp.changed	50	{"type":"xp.changed","idempotency_key":"dc_game_guess_80016_1.15","source":"discord","user_id":80016,"reason":"game_guess","entity_id":"1.15","occurred_at":"2026-01-01T12:01:15Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
159	tg_game_guess_70003_2.2	telegram	xp.changed	13	{"type":"xp.changed","idempotency_key":"tg_game_guess_70003_2.2","source":"telegram","user_id":70003,"reason":"game_guess","entity_id":"2.2","occurred_at":"2026-01-01T12:02:02Z","v":1,"delta_xp":45}	completed	2026-11-28 21:11:12.488739+00	2026-11-28 21:11:13.009798+00	discord	2026-11-28 21:11:21.414643+00	\N	0
175	dc_game_guess_80003_2.2	discord	xp.changed	13	{"type":"xp.changed","idempotency_key":"dc_game_guess_80003_2.2","source":"discord","user_id":80003,"reason":"game_guess","entity_id":"2.2","occurred_at":"2026-01-01T12:02:02Z","v":1,"delta_xp":45}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
176	dc_game_guess.balance_80003_2.2	discord	balance.changed	13	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80003_2.2","source":"discord","user_id":80003,"reason":"game_guess","entity_id":"2.2","occurred_at":"2026-01-01T12:02:02Z","v":1,"delta_balance":7}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
177	dc_game_guess_80004_2.3	discord	xp.changed	14	{"type":"xp.changed","idempotency_key":"dc_game_guess_80004_2.3","source":"discord","user_id":80004,"reason":"game_guess","entity_id":"2.3","occurred_at":"2026-01-01T12:02:03Z","v":1,"delta_xp":60}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
178	dc_game_guess.balance_80004_2.3	discord	balance.changed	14	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80004_2.3","source":"discord","user_id":80004,"reason":"game_guess","entity_id":"2.3","occurred_at":"2026-01-01T12:02:03Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
179	dc_game_guess_80005_2.4	discord	xp.changed	15	{"type":"xp.changed","idempotency_key":"dc_game_guess_80005_2.4","source":"discord","user_id":80005,"reason":"game_guess","entity_id":"2.4","occurred_at":"2026-01-01T12:02:04Z","v":1,"delta_xp":75}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
180	dc_game_guess.balance_80005_2.4	discord	balance.changed	15	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80005_2.4","source":"discord","user_id":80005,"reason":"game_guess","entity_id":"2.4","occurred_at":"2026-01-01T12:02:04Z","v":1,"delta_balance":6}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
181	dc_game_guess_80006_2.5	discord	xp.changed	16	{"type":"xp.changed","idempotency_key":"dc_game_guess_80006_2.5","source":"discord","user_id":80006,"reason":"game_guess","entity_id":"2.5","occurred_at":"2026-01-01T12:02:05Z","v":1,"delta_xp":15}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
182	dc_game_guess.balance_80006_2.5	discord	balance.changed	16	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80006_2.5","source":"discord","user_id":80006,"reason":"game_guess","entity_id":"2.5","occurred_at":"2026-01-01T12:02:05Z","v":1,"delta_balance":7}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
101	dc_game_guess_80009_1.8	discord	xp.changed	43	{"type":"xp.changed","idempotency_key":"dc_game_guess_80009_1.8","source":"discord","user_id":80009,"reason":"game_guess","entity_id":"1.8","occurred_at":"2026-01-01T12:01:08Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
102	dc_game_guess.balance_80009_1.8	discord	balance.changed	43	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80009_1.8","source":"discord","user_id":80009,"reason":"game_guess","entity_id":"1.8","occurred_at":"2026-01-01T12:01:08Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
103	dc_achievement.lucky_guess_80009	discord	achievement.unlocked	43	{"type":"achievement.unlocked","idempotency_key":"dc_achievement.lucky_guess_80009","source":"discord","user_id":80009,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:08Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
104	dc_game_guess_80010_1.9	discord	xp.changed	44	{"type":"xp.changed","idempotency_key":"dc_game_guess_80010_1.9","source":"discord","user_id":80010,"reason":"game_guess","entity_id":"1.9","occurred_at":"2026-01-01T12:01:09Z","v":1,"delta_xp":75}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
105	dc_game_guess.balance_80010_1.9	discord	balance.changed	44	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80010_1.9","source":"discord","user_id":80010,"reason":"game_guess","entity_id":"1.9","occurred_at":"2026-01-01T12:01:09Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
106	dc_game_guess_80011_1.10	discord	xp.changed	45	{"type":"xp.changed","idempotency_key":"dc_game_guess_80011_1.10","source":"discord","user_id":80011,"reason":"game_guess","entity_id":"1.10","occurred_at":"2026-01-01T12:01:10Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
107	dc_game_guess.balance_80011_1.10	discord	balance.changed	45	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80011_1.10","source":"discord","user_id":80011,"reason":"game_guess","entity_id":"1.10","occurred_at":"2026-01-01T12:01:10Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
108	dc_game_guess_80012_1.11	discord	xp.changed	46	{"type":"xp.changed","idempotency_key":"dc_game_guess_80012_1.11","source":"discord","user_id":80012,"reason":"game_guess","entity_id":"1.11","occurred_at":"2026-01-01T12:01:11Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
109	dc_game_guess.balance_80012_1.11	discord	balance.changed	46	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80012_1.11","source":"discord","user_id":80012,"reason":"game_guess","entity_id":"1.11","occurred_at":"2026-01-01T12:01:11Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
90	dc_game_guess_80004_1.3	discord	xp.changed	14	{"type":"xp.changed","idempotency_key":"dc_game_guess_80004_1.3","source":"discord","user_id":80004,"reason":"game_guess","entity_id":"1.3","occurred_at":"2026-01-01T12:01:03Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
92	dc_game_guess_80005_1.4	discord	xp.changed	15	{"type":"xp.changed","idempotency_key":"dc_game_guess_80005_1.4","source":"discord","user_id":80005,"reason":"game_guess","entity_id":"1.4","occurred_at":"2026-01-01T12:01:04Z","v":1,"delta_xp":75}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
93	dc_game_guess.balance_80005_1.4	discord	balance.changed	15	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80005_1.4","source":"discord","user_id":80005,"reason":"game_guess","entity_id":"1.4","occurred_at":"2026-01-01T12:01:04Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
95	dc_game_guess_80006_1.5	discord	xp.changed	16	{"type":"xp.changed","idempotency_key":"dc_game_guess_80006_1.5","source":"discord","user_id":80006,"reason":"game_guess","entity_id":"1.5","occurred_at":"2026-01-01T12:01:05Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
96	dc_game_guess.balance_80006_1.5	discord	balance.changed	16	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80006_1.5","source":"discord","user_id":80006,"reason":"game_guess","entity_id":"1.5","occurred_at":"2026-01-01T12:01:05Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
97	dc_game_guess_80007_1.6	discord	xp.changed	17	{"type":"xp.changed","idempotency_key":"dc_game_guess_80007_1.6","source":"discord","user_id":80007,"reason":"game_guess","entity_id":"1.6","occurred_at":"2026-01-01T12:01:06Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
98	dc_game_guess.balance_80007_1.6	discord	balance.changed	17	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80007_1.6","source":"discord","user_id":80007,"reason":"game_guess","entity_id":"1.6","occurred_at":"2026-01-01T12:01:06Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
99	dc_game_guess_80008_1.7	discord	xp.changed	18	{"type":"xp.changed","idempotency_key":"dc_game_guess_80008_1.7","source":"discord","user_id":80008,"reason":"game_guess","entity_id":"1.7","occurred_at":"2026-01-01T12:01:07Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
100	dc_game_guess.balance_80008_1.7	discord	balance.changed	18	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80008_1.7","source":"discord","user_id":80008,"reason":"game_guess","entity_id":"1.7","occurred_at":"2026-01-01T12:01:07Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
110	dc_game_guess_80013_1.12	discord	xp.changed	47	{"type":"xp.changed","idempotency_key":"dc_game_guess_80013_1.12","source":"discord","user_id":80013,"reason":"game_guess","entity_id":"1.12","occurred_at":"2026-01-01T12:01:12Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
111	dc_game_guess.balance_80013_1.12	discord	balance.changed	47	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80013_1.12","source":"discord","user_id":80013,"reason":"game_guess","entity_id":"1.12","occurred_at":"2026-01-01T12:01:12Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
112	dc_achievement.lucky_guess_80013	discord	achievement.unlocked	47	{"type":"achievement.unlocked","idempotency_key":"dc_achievement.lucky_guess_80013","source":"discord","user_id":80013,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:12Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
113	dc_game_guess_80014_1.13	discord	xp.changed	48	{"type":"xp.changed","idempotency_key":"dc_game_guess_80014_1.13","source":"discord","user_id":80014,"reason":"game_guess","entity_id":"1.13","occurred_at":"2026-01-01T12:01:13Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
114	dc_game_guess.balance_80014_1.13	discord	balance.changed	48	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80014_1.13","source":"discord","user_id":80014,"reason":"game_guess","entity_id":"1.13","occurred_at":"2026-01-01T12:01:13Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
115	dc_game_guess_80015_1.14	discord	xp.changed	49	{"type":"xp.changed","idempotency_key":"dc_game_guess_80015_1.14","source":"discord","user_id":80015,"reason":"game_guess","entity_id":"1.14","occurred_at":"2026-01-01T12:01:14Z","v":1,"delta_xp":75}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
116	dc_game_guess.balance_80015_1.14	discord	balance.changed	49	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80015_1.14","source":"discord","user_id":80015,"reason":"game_guess","entity_id":"1.14","occurred_at":"2026-01-01T12:01:14Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
118	dc_game_guess.balance_80016_1.15	discord	balance.changed	50	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80016_1.15","source":"discord","user_id":80016,"reason":"game_guess","entity_id":"1.15","occurred_at":"2026-01-01T12:01:15Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
119	dc_game_guess_80017_1.16	discord	xp.changed	51	{"type":"xp.changed","idempotency_key":"dc_game_guess_80017_1.16","source":"discord","user_id":80017,"reason":"game_guess","entity_id":"1.16","occurred_at":"2026-01-01T12:01:16Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
120	dc_game_guess.balance_80017_1.16	discord	balance.changed	51	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80017_1.16","source":"discord","user_id":80017,"reason":"game_guess","entity_id":"1.16","occurred_at":"2026-01-01T12:01:16Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
121	dc_achievement.lucky_guess_80017	discord	achievement.unlocked	51	{"type":"achievement.unlocked","idempotency_key":"dc_achievement.lucky_guess_80017","source":"discord","user_id":80017,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:16Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
122	dc_game_guess_80018_1.17	discord	xp.changed	52	{"type":"xp.changed","idempotency_key":"dc_game_guess_80018_1.17","source":"discord","user_id":80018,"reason":"game_guess","entity_id":"1.17","occurred_at":"2026-01-01T12:01:17Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
123	dc_game_guess.balance_80018_1.17	discord	balance.changed	52	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80018_1.17","source":"discord","user_id":80018,"reason":"game_guess","entity_id":"1.17","occurred_at":"2026-01-01T12:01:17Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
124	dc_game_guess_80019_1.18	discord	xp.changed	53	{"type":"xp.changed","idempotency_key":"dc_game_guess_80019_1.18","source":"discord","user_id":80019,"reason":"game_guess","entity_id":"1.18","occurred_at":"2026-01-01T12:01:18Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
125	dc_game_guess.balance_80019_1.18	discord	balance.changed	53	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80019_1.18","source":"discord","user_id":80019,"reason":"game_guess","entity_id":"1.18","occurred_at":"2026-01-01T12:01:18Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
126	dc_game_guess_80020_1.19	discord	xp.changed	54	{"type":"xp.changed","idempotency_key":"dc_game_guess_80020_1.19","source":"discord","user_id":80020,"reason":"game_guess","entity_id":"1.19","occurred_at":"2026-01-01T12:01:19Z","v":1,"delta_xp":75}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
127	dc_game_guess.balance_80020_1.19	discord	balance.changed	54	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80020_1.19","source":"discord","user_id":80020,"reason":"game_guess","entity_id":"1.19","occurred_at":"2026-01-01T12:01:19Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
128	dc_game_guess_80021_1.20	discord	xp.changed	55	{"type":"xp.changed","idempotency_key":"dc_game_guess_80021_1.20","source":"discord","user_id":80021,"reason":"game_guess","entity_id":"1.20","occurred_at":"2026-01-01T12:01:20Z","v":1,"delta_xp":15}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
129	dc_game_guess.balance_80021_1.20	discord	balance.changed	55	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80021_1.20","source":"discord","user_id":80021,"reason":"game_guess","entity_id":"1.20","occurred_at":"2026-01-01T12:01:20Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
130	dc_achievement.lucky_guess_80021	discord	achievement.unlocked	55	{"type":"achievement.unlocked","idempotency_key":"dc_achievement.lucky_guess_80021","source":"discord","user_id":80021,"reason":"achievement","entity_id":"lucky_guess","occurred_at":"2026-01-01T12:01:20Z","v":1,"achievement":"lucky_guess"}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
131	dc_game_guess_80022_1.21	discord	xp.changed	56	{"type":"xp.changed","idempotency_key":"dc_game_guess_80022_1.21","source":"discord","user_id":80022,"reason":"game_guess","entity_id":"1.21","occurred_at":"2026-01-01T12:01:21Z","v":1,"delta_xp":30}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
132	dc_game_guess.balance_80022_1.21	discord	balance.changed	56	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80022_1.21","source":"discord","user_id":80022,"reason":"game_guess","entity_id":"1.21","occurred_at":"2026-01-01T12:01:21Z","v":1,"delta_balance":5}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
133	dc_game_guess_80023_1.22	discord	xp.changed	57	{"type":"xp.changed","idempotency_key":"dc_game_guess_80023_1.22","source":"discord","user_id":80023,"reason":"game_guess","entity_id":"1.22","occurred_at":"2026-01-01T12:01:22Z","v":1,"delta_xp":45}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
134	dc_game_guess.balance_80023_1.22	discord	balance.changed	57	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80023_1.22","source":"discord","user_id":80023,"reason":"game_guess","entity_id":"1.22","occurred_at":"2026-01-01T12:01:22Z","v":1,"delta_balance":6}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
135	dc_game_guess_80024_1.23	discord	xp.changed	58	{"type":"xp.changed","idempotency_key":"dc_game_guess_80024_1.23","source":"discord","user_id":80024,"reason":"game_guess","entity_id":"1.23","occurred_at":"2026-01-01T12:01:23Z","v":1,"delta_xp":60}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
136	dc_game_guess.balance_80024_1.23	discord	balance.changed	58	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80024_1.23","source":"discord","user_id":80024,"reason":"game_guess","entity_id":"1.23","occurred_at":"2026-01-01T12:01:23Z","v":1,"delta_balance":7}	completed	2026-11-28 21:10:34.904106+00	2026-11-28 21:10:35.024426+00	telegram	2026-11-28 21:10:35.024426+00	\N	0
137	tg_shop_70001_overdraft.0	telegram	xp.changed	\N	{"type":"xp.changed","idempotency_key":"tg_shop_70001_overdraft.0","source":"telegram","user_id":70001,"reason":"shop","entity_id":"overdraft.0","occurred_at":"2026-01-01T12:00:00Z","v":1,"delta_xp":-1000000}	failed	2026-11-28 21:10:40.374765+00	2026-11-28 21:10:40.374765+00	\N	\N	the member has less XP than this would take away	0
138	tg_shop_70002_overdraft.1	telegram	xp.changed	\N	{"type":"xp.changed","idempotency_key":"tg_shop_70002_overdraft.1","source":"telegram","user_id":70002,"reason":"shop","entity_id":"overdraft.1","occurred_at":"2026-01-01T12:00:00Z","v":1,"delta_xp":-1000000}	failed	2026-11-28 21:10:40.51048+00	2026-11-28 21:10:40.51048+00	\N	\N	the member has less XP than this would take away	0
183	dc_game_guess_80007_2.6	discord	xp.changed	17	{"type":"xp.changed","idempotency_key":"dc_game_guess_80007_2.6","source":"discord","user_id":80007,"reason":"game_guess","entity_id":"2.6","occurred_at":"2026-01-01T12:02:06Z","v":1,"delta_xp":30}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
184	dc_game_guess.balance_80007_2.6	discord	balance.changed	17	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80007_2.6","source":"discord","user_id":80007,"reason":"game_guess","entity_id":"2.6","occurred_at":"2026-01-01T12:02:06Z","v":1,"delta_balance":5}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
185	dc_game_guess_80008_2.7	discord	xp.changed	18	{"type":"xp.changed","idempotency_key":"dc_game_guess_80008_2.7","source":"discord","user_id":80008,"reason":"game_guess","entity_id":"2.7","occurred_at":"2026-01-01T12:02:07Z","v":1,"delta_xp":45}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
186	dc_game_guess.balance_80008_2.7	discord	balance.changed	18	{"type":"balance.changed","idempotency_key":"dc_game_guess.balance_80008_2.7","source":"discord","user_id":80008,"reason":"game_guess","entity_id":"2.7","occurred_at":"2026-01-01T12:02:07Z","v":1,"delta_balance":6}	completed	2026-11-28 21:11:12.827403+00	2026-11-28 21:11:13.030205+00	telegram	2026-11-28 21:11:21.544889+00	\N	0
\.


--
-- Data for Name: sync_state; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sync_state (member_id, platform, xp, balance, rank, version, updated_at) FROM stdin;
7	telegram	30	10	2	4	2026-11-28 21:11:21.544889+00
8	telegram	60	12	3	2	2026-11-28 21:11:21.544889+00
9	telegram	90	14	3	2	2026-11-28 21:11:21.544889+00
10	telegram	120	10	3	2	2026-11-28 21:11:21.544889+00
14	telegram	240	20	4	4	2026-11-28 21:11:21.544889+00
15	telegram	300	24	4	4	2026-11-28 21:11:21.544889+00
16	telegram	60	28	3	4	2026-11-28 21:11:21.544889+00
17	telegram	120	20	3	4	2026-11-28 21:11:21.544889+00
18	telegram	180	24	4	4	2026-11-28 21:11:21.544889+00
1	telegram	60	20	3	9	2026-11-28 21:10:09.278136+00
3	telegram	30	10	2	2	2026-11-28 21:11:04.623009+00
4	telegram	60	12	3	2	2026-11-28 21:11:04.623009+00
5	telegram	90	14	3	2	2026-11-28 21:11:04.623009+00
19	telegram	60	7	3	1	2026-11-28 21:10:34.239574+00
20	telegram	75	5	3	1	2026-11-28 21:10:34.239574+00
21	telegram	15	6	1	1	2026-11-28 21:10:34.239574+00
22	telegram	30	7	2	1	2026-11-28 21:10:34.239574+00
23	telegram	45	5	3	1	2026-11-28 21:10:34.239574+00
24	telegram	60	6	3	1	2026-11-28 21:10:34.239574+00
25	telegram	75	7	3	1	2026-11-28 21:10:34.239574+00
26	telegram	15	5	1	1	2026-11-28 21:10:34.239574+00
27	telegram	30	6	2	1	2026-11-28 21:10:34.239574+00
28	telegram	45	7	3	1	2026-11-28 21:10:34.239574+00
29	telegram	60	5	3	1	2026-11-28 21:10:34.239574+00
31	telegram	15	7	1	1	2026-11-28 21:10:34.239574+00
32	telegram	30	5	2	1	2026-11-28 21:10:34.239574+00
33	telegram	45	6	3	1	2026-11-28 21:10:34.239574+00
34	telegram	60	7	3	1	2026-11-28 21:10:34.239574+00
6	telegram	120	10	3	2	2026-11-28 21:11:04.623009+00
1	discord	60	20	3	11	2026-11-28 21:10:22.431419+00
19	discord	60	7	3	1	2026-11-28 21:10:34.50503+00
20	discord	75	5	3	1	2026-11-28 21:10:34.50503+00
24	discord	60	6	3	1	2026-11-28 21:10:34.50503+00
25	discord	75	7	3	1	2026-11-28 21:10:34.50503+00
29	discord	60	5	3	1	2026-11-28 21:10:34.50503+00
7	discord	30	10	2	4	2026-11-28 21:12:01.583359+00
21	discord	15	6	1	3	2026-11-28 21:12:01.583359+00
22	discord	30	7	2	3	2026-11-28 21:12:01.583359+00
23	discord	45	5	3	3	2026-11-28 21:12:01.583359+00
26	discord	15	5	1	3	2026-11-28 21:12:01.583359+00
27	discord	30	6	2	3	2026-11-28 21:12:01.583359+00
28	discord	45	7	3	3	2026-11-28 21:12:01.583359+00
30	telegram	75	6	3	1	2026-11-28 21:10:34.239574+00
13	telegram	225	35	4	5	2026-11-28 21:12:09.531622+00
11	telegram	90	30	3	6	2026-11-28 21:12:18.927109+00
12	telegram	180	36	4	6	2026-11-28 21:12:18.927109+00
43	discord	60	7	3	1	2026-11-28 21:10:34.904106+00
44	discord	75	5	3	1	2026-11-28 21:10:34.904106+00
48	discord	60	6	3	1	2026-11-28 21:10:34.904106+00
49	discord	75	7	3	1	2026-11-28 21:10:34.904106+00
53	discord	60	5	3	1	2026-11-28 21:10:34.904106+00
54	discord	75	6	3	1	2026-11-28 21:10:34.904106+00
58	discord	60	7	3	1	2026-11-28 21:10:34.904106+00
45	discord	15	6	1	3	2026-11-28 21:12:01.583359+00
46	discord	30	7	2	3	2026-11-28 21:12:01.583359+00
47	discord	45	5	3	3	2026-11-28 21:12:01.583359+00
50	discord	15	5	1	3	2026-11-28 21:12:01.583359+00
51	discord	30	6	2	3	2026-11-28 21:12:01.583359+00
52	discord	45	7	3	3	2026-11-28 21:12:01.583359+00
55	discord	15	7	1	3	2026-11-28 21:12:01.583359+00
56	discord	30	5	2	3	2026-11-28 21:12:01.583359+00
57	discord	45	6	3	3	2026-11-28 21:12:01.583359+00
43	telegram	60	7	3	1	2026-11-28 21:10:35.024426+00
44	telegram	75	5	3	1	2026-11-28 21:10:35.024426+00
45	telegram	15	6	1	1	2026-11-28 21:10:35.024426+00
46	telegram	30	7	2	1	2026-11-28 21:10:35.024426+00
47	telegram	45	5	3	1	2026-11-28 21:10:35.024426+00
48	telegram	60	6	3	1	2026-11-28 21:10:35.024426+00
49	telegram	75	7	3	1	2026-11-28 21:10:35.024426+00
50	telegram	15	5	1	1	2026-11-28 21:10:35.024426+00
51	telegram	30	6	2	1	2026-11-28 21:10:35.024426+00
52	telegram	45	7	3	1	2026-11-28 21:10:35.024426+00
53	telegram	60	5	3	1	2026-11-28 21:10:35.024426+00
54	telegram	75	6	3	1	2026-11-28 21:10:35.024426+00
55	telegram	15	7	1	1	2026-11-28 21:10:35.024426+00
56	telegram	30	5	2	1	2026-11-28 21:10:35.024426+00
57	telegram	45	6	3	1	2026-11-28 21:10:35.024426+00
58	telegram	60	7	3	1	2026-11-28 21:10:35.024426+00
30	discord	75	6	3	1	2026-11-28 21:10:34.50503+00
34	discord	60	7	3	1	2026-11-28 21:10:34.50503+00
8	discord	60	12	3	2	2026-11-28 21:11:04.851088+00
9	discord	90	14	3	2	2026-11-28 21:11:04.851088+00
10	discord	120	10	3	2	2026-11-28 21:11:04.851088+00
4	discord	60	12	3	2	2026-11-28 21:11:21.414643+00
5	discord	90	14	3	2	2026-11-28 21:11:21.414643+00
6	discord	120	10	3	2	2026-11-28 21:11:21.414643+00
14	discord	240	20	4	4	2026-11-28 21:11:21.414643+00
15	discord	300	24	4	4	2026-11-28 21:11:21.414643+00
16	discord	60	28	3	4	2026-11-28 21:11:21.414643+00
17	discord	120	20	3	4	2026-11-28 21:11:21.414643+00
18	discord	180	24	4	4	2026-11-28 21:11:21.414643+00
3	discord	30	10	2	6	2026-11-28 21:12:01.583359+00
31	discord	15	7	1	3	2026-11-28 21:12:01.583359+00
32	discord	30	5	2	3	2026-11-28 21:12:01.583359+00
33	discord	45	6	3	3	2026-11-28 21:12:01.583359+00
13	discord	225	35	4	5	2026-11-28 21:12:09.983276+00
11	discord	90	30	3	8	2026-11-28 21:12:19.168843+00
12	discord	180	36	4	6	2026-11-28 21:12:19.168843+00
\.


--
-- Data for Name: transactions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.transactions (id, idempotency_key, platform, source, type, member_id, account_id, delta_xp, delta_balance, achievement, reason, entity_id, occurred_at, created_at) FROM stdin;
1	tg_game_guess_5001_-1001000000001.2	telegram	telegram	xp.changed	1	5001	15	0	\N	game_guess	-1001000000001.2	2026-11-28 21:10:02.401035+00	2026-11-28 21:10:02.39549+00
2	tg_game_guess.balance_5001_-1001000000001.2	telegram	telegram	balance.changed	1	5001	0	5	\N	game_guess	-1001000000001.2	2026-11-28 21:10:02.563593+00	2026-11-28 21:10:02.39549+00
3	tg_achievement.lucky_guess_5001	telegram	telegram	achievement.unlocked	1	5001	0	0	lucky_guess	achievement	lucky_guess	2026-11-28 21:10:02.576827+00	2026-11-28 21:10:02.39549+00
4	tg_game_guess_5001_-1001000000001.2	discord	telegram	xp.changed	1	5001	15	0	\N	game_guess	-1001000000001.2	2026-11-28 21:10:02.401035+00	2026-11-28 21:10:02.760197+00
5	tg_game_guess.balance_5001_-1001000000001.2	discord	telegram	balance.changed	1	5001	0	5	\N	game_guess	-1001000000001.2	2026-11-28 21:10:02.563593+00	2026-11-28 21:10:02.775273+00
6	tg_achievement.lucky_guess_5001	discord	telegram	achievement.unlocked	1	5001	0	0	lucky_guess	achievement	lucky_guess	2026-11-28 21:10:02.576827+00	2026-11-28 21:10:04.314744+00
7	tg_game_guess_5001_-1001000000001.8	telegram	telegram	xp.changed	1	5001	15	0	\N	game_guess	-1001000000001.8	2026-11-28 21:10:08.268033+00	2026-11-28 21:10:08.264751+00
8	tg_game_guess.balance_5001_-1001000000001.8	telegram	telegram	balance.changed	1	5001	0	5	\N	game_guess	-1001000000001.8	2026-11-28 21:10:08.288963+00	2026-11-28 21:10:08.264751+00
9	tg_game_guess_5001_-1001000000001.8	discord	telegram	xp.changed	1	5001	15	0	\N	game_guess	-1001000000001.8	2026-11-28 21:10:08.268033+00	2026-11-28 21:10:08.346941+00
10	tg_game_guess.balance_5001_-1001000000001.8	discord	telegram	balance.changed	1	5001	0	5	\N	game_guess	-1001000000001.8	2026-11-28 21:10:08.288963+00	2026-11-28 21:10:08.330115+00
11	dc_game_guess_1576344442544062464_1576344469924478976	discord	discord	xp.changed	1	1576344442544062464	15	0	\N	game_guess	1576344469924478976	2026-11-28 21:10:08.711842+00	2026-11-28 21:10:08.711451+00
12	dc_game_guess.balance_1576344442544062464_1576344469924478976	discord	discord	balance.changed	1	1576344442544062464	0	5	\N	game_guess	1576344469924478976	2026-11-28 21:10:08.775925+00	2026-11-28 21:10:08.711451+00
13	dc_game_guess.balance_1576344442544062464_1576344469924478976	telegram	discord	balance.changed	1	1576344442544062464	0	5	\N	game_guess	1576344469924478976	2026-11-28 21:10:08.775925+00	2026-11-28 21:10:08.832167+00
14	dc_game_guess_1576344442544062464_1576344469924478976	telegram	discord	xp.changed	1	1576344442544062464	15	0	\N	game_guess	1576344469924478976	2026-11-28 21:10:08.711842+00	2026-11-28 21:10:08.832107+00
16	tg_game_guess_5001_-1001000000001.12	telegram	telegram	xp.changed	1	5001	15	0	\N	game_guess	-1001000000001.12	2026-11-28 21:10:09.27865+00	2026-11-28 21:10:09.278136+00
17	tg_game_guess.balance_5001_-1001000000001.12	telegram	telegram	balance.changed	1	5001	0	5	\N	game_guess	-1001000000001.12	2026-11-28 21:10:09.301974+00	2026-11-28 21:10:09.278136+00
18	tg_game_guess.balance_5001_-1001000000001.12	discord	telegram	balance.changed	1	5001	0	5	\N	game_guess	-1001000000001.12	2026-11-28 21:10:09.301974+00	2026-11-28 21:10:09.335923+00
19	tg_game_guess_5001_-1001000000001.12	discord	telegram	xp.changed	1	5001	15	0	\N	game_guess	-1001000000001.12	2026-11-28 21:10:09.27865+00	2026-11-28 21:10:09.336082+00
20	tg_achievement.lucky_guess_1001	telegram	telegram	achievement.unlocked	3	1001	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:00+00	2026-11-28 21:10:27.909544+00
21	tg_game_guess.balance_1001_1.0	telegram	telegram	balance.changed	3	1001	0	5	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:27.909544+00
22	tg_game_guess_1001_1.0	telegram	telegram	xp.changed	3	1001	15	0	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:27.909544+00
23	tg_game_guess.balance_1002_1.1	telegram	telegram	balance.changed	4	1002	0	6	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:27.909544+00
24	tg_game_guess_1002_1.1	telegram	telegram	xp.changed	4	1002	30	0	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:27.909544+00
25	tg_game_guess.balance_1003_1.2	telegram	telegram	balance.changed	5	1003	0	7	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:27.909544+00
26	tg_game_guess_1003_1.2	telegram	telegram	xp.changed	5	1003	45	0	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:27.909544+00
27	tg_game_guess.balance_1004_1.3	telegram	telegram	balance.changed	6	1004	0	5	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:27.909544+00
28	tg_game_guess_1004_1.3	telegram	telegram	xp.changed	6	1004	60	0	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:27.909544+00
29	tg_game_guess.balance_1001_1.0	discord	telegram	balance.changed	3	1001	0	5	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:28.077971+00
30	tg_game_guess_1001_1.0	discord	telegram	xp.changed	3	1001	15	0	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:28.079662+00
31	dc_achievement.lucky_guess_800000000000000101	discord	discord	achievement.unlocked	7	800000000000000101	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:00+00	2026-11-28 21:10:28.112743+00
32	dc_game_guess.balance_800000000000000101_1.0	discord	discord	balance.changed	7	800000000000000101	0	5	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:28.112743+00
33	dc_game_guess_800000000000000101_1.0	discord	discord	xp.changed	7	800000000000000101	15	0	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:28.112743+00
34	dc_game_guess.balance_800000000000000102_1.1	discord	discord	balance.changed	8	800000000000000102	0	6	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:28.112743+00
35	dc_game_guess_800000000000000102_1.1	discord	discord	xp.changed	8	800000000000000102	30	0	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:28.112743+00
36	dc_game_guess.balance_800000000000000103_1.2	discord	discord	balance.changed	9	800000000000000103	0	7	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:28.112743+00
37	dc_game_guess_800000000000000103_1.2	discord	discord	xp.changed	9	800000000000000103	45	0	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:28.112743+00
38	dc_game_guess.balance_800000000000000104_1.3	discord	discord	balance.changed	10	800000000000000104	0	5	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:28.112743+00
39	dc_game_guess_800000000000000104_1.3	discord	discord	xp.changed	10	800000000000000104	60	0	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:28.112743+00
40	dc_game_guess.balance_800000000000000101_1.0	telegram	discord	balance.changed	7	800000000000000101	0	5	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:28.23806+00
41	tg_achievement.lucky_guess_1001	discord	telegram	achievement.unlocked	3	1001	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:00+00	2026-11-28 21:10:28.133794+00
42	tg_game_guess.balance_1002_1.1	discord	telegram	balance.changed	4	1002	0	6	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:28.133794+00
43	tg_game_guess_1002_1.1	discord	telegram	xp.changed	4	1002	30	0	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:28.133794+00
44	tg_game_guess.balance_1003_1.2	discord	telegram	balance.changed	5	1003	0	7	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:28.133794+00
45	tg_game_guess_1003_1.2	discord	telegram	xp.changed	5	1003	45	0	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:28.133794+00
46	tg_game_guess.balance_1004_1.3	discord	telegram	balance.changed	6	1004	0	5	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:28.133794+00
47	tg_game_guess_1004_1.3	discord	telegram	xp.changed	6	1004	60	0	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:28.133794+00
111	tg_game_guess.balance_70001_1.0	discord	telegram	balance.changed	11	70001	0	5	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:34.472587+00
48	dc_game_guess_800000000000000101_1.0	telegram	discord	xp.changed	7	800000000000000101	15	0	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:28.243097+00
219	dc_game_guess_80001_1.0	telegram	discord	xp.changed	11	80001	15	0	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:34.974068+00
49	dc_achievement.lucky_guess_800000000000000101	telegram	discord	achievement.unlocked	7	800000000000000101	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:00+00	2026-11-28 21:10:28.315798+00
50	dc_game_guess.balance_800000000000000102_1.1	telegram	discord	balance.changed	8	800000000000000102	0	6	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:28.315798+00
51	dc_game_guess_800000000000000102_1.1	telegram	discord	xp.changed	8	800000000000000102	30	0	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:28.315798+00
52	dc_game_guess.balance_800000000000000103_1.2	telegram	discord	balance.changed	9	800000000000000103	0	7	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:28.315798+00
53	dc_game_guess_800000000000000103_1.2	telegram	discord	xp.changed	9	800000000000000103	45	0	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:28.315798+00
54	dc_game_guess.balance_800000000000000104_1.3	telegram	discord	balance.changed	10	800000000000000104	0	5	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:28.315798+00
55	dc_game_guess_800000000000000104_1.3	telegram	discord	xp.changed	10	800000000000000104	60	0	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:28.315798+00
56	tg_achievement.lucky_guess_70001	telegram	telegram	achievement.unlocked	11	70001	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:00+00	2026-11-28 21:10:34.239574+00
57	tg_game_guess.balance_70001_1.0	telegram	telegram	balance.changed	11	70001	0	5	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:34.239574+00
58	tg_game_guess_70001_1.0	telegram	telegram	xp.changed	11	70001	15	0	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:34.239574+00
59	tg_game_guess.balance_70002_1.1	telegram	telegram	balance.changed	12	70002	0	6	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:34.239574+00
60	tg_game_guess_70002_1.1	telegram	telegram	xp.changed	12	70002	30	0	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:34.239574+00
61	tg_game_guess.balance_70003_1.2	telegram	telegram	balance.changed	13	70003	0	7	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:34.239574+00
62	tg_game_guess_70003_1.2	telegram	telegram	xp.changed	13	70003	45	0	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:34.239574+00
63	tg_game_guess.balance_70004_1.3	telegram	telegram	balance.changed	14	70004	0	5	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:34.239574+00
64	tg_game_guess_70004_1.3	telegram	telegram	xp.changed	14	70004	60	0	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:34.239574+00
65	tg_achievement.lucky_guess_70005	telegram	telegram	achievement.unlocked	15	70005	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:04+00	2026-11-28 21:10:34.239574+00
66	tg_game_guess.balance_70005_1.4	telegram	telegram	balance.changed	15	70005	0	6	\N	game_guess	1.4	2026-01-01 12:01:04+00	2026-11-28 21:10:34.239574+00
67	tg_game_guess_70005_1.4	telegram	telegram	xp.changed	15	70005	75	0	\N	game_guess	1.4	2026-01-01 12:01:04+00	2026-11-28 21:10:34.239574+00
68	tg_game_guess.balance_70006_1.5	telegram	telegram	balance.changed	16	70006	0	7	\N	game_guess	1.5	2026-01-01 12:01:05+00	2026-11-28 21:10:34.239574+00
69	tg_game_guess_70006_1.5	telegram	telegram	xp.changed	16	70006	15	0	\N	game_guess	1.5	2026-01-01 12:01:05+00	2026-11-28 21:10:34.239574+00
70	tg_game_guess.balance_70007_1.6	telegram	telegram	balance.changed	17	70007	0	5	\N	game_guess	1.6	2026-01-01 12:01:06+00	2026-11-28 21:10:34.239574+00
71	tg_game_guess_70007_1.6	telegram	telegram	xp.changed	17	70007	30	0	\N	game_guess	1.6	2026-01-01 12:01:06+00	2026-11-28 21:10:34.239574+00
72	tg_game_guess.balance_70008_1.7	telegram	telegram	balance.changed	18	70008	0	6	\N	game_guess	1.7	2026-01-01 12:01:07+00	2026-11-28 21:10:34.239574+00
73	tg_game_guess_70008_1.7	telegram	telegram	xp.changed	18	70008	45	0	\N	game_guess	1.7	2026-01-01 12:01:07+00	2026-11-28 21:10:34.239574+00
74	tg_achievement.lucky_guess_70009	telegram	telegram	achievement.unlocked	19	70009	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:08+00	2026-11-28 21:10:34.239574+00
75	tg_game_guess.balance_70009_1.8	telegram	telegram	balance.changed	19	70009	0	7	\N	game_guess	1.8	2026-01-01 12:01:08+00	2026-11-28 21:10:34.239574+00
76	tg_game_guess_70009_1.8	telegram	telegram	xp.changed	19	70009	60	0	\N	game_guess	1.8	2026-01-01 12:01:08+00	2026-11-28 21:10:34.239574+00
77	tg_game_guess.balance_70010_1.9	telegram	telegram	balance.changed	20	70010	0	5	\N	game_guess	1.9	2026-01-01 12:01:09+00	2026-11-28 21:10:34.239574+00
78	tg_game_guess_70010_1.9	telegram	telegram	xp.changed	20	70010	75	0	\N	game_guess	1.9	2026-01-01 12:01:09+00	2026-11-28 21:10:34.239574+00
79	tg_game_guess.balance_70011_1.10	telegram	telegram	balance.changed	21	70011	0	6	\N	game_guess	1.10	2026-01-01 12:01:10+00	2026-11-28 21:10:34.239574+00
80	tg_game_guess_70011_1.10	telegram	telegram	xp.changed	21	70011	15	0	\N	game_guess	1.10	2026-01-01 12:01:10+00	2026-11-28 21:10:34.239574+00
81	tg_game_guess.balance_70012_1.11	telegram	telegram	balance.changed	22	70012	0	7	\N	game_guess	1.11	2026-01-01 12:01:11+00	2026-11-28 21:10:34.239574+00
82	tg_game_guess_70012_1.11	telegram	telegram	xp.changed	22	70012	30	0	\N	game_guess	1.11	2026-01-01 12:01:11+00	2026-11-28 21:10:34.239574+00
83	tg_achievement.lucky_guess_70013	telegram	telegram	achievement.unlocked	23	70013	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:12+00	2026-11-28 21:10:34.239574+00
84	tg_game_guess.balance_70013_1.12	telegram	telegram	balance.changed	23	70013	0	5	\N	game_guess	1.12	2026-01-01 12:01:12+00	2026-11-28 21:10:34.239574+00
85	tg_game_guess_70013_1.12	telegram	telegram	xp.changed	23	70013	45	0	\N	game_guess	1.12	2026-01-01 12:01:12+00	2026-11-28 21:10:34.239574+00
86	tg_game_guess.balance_70014_1.13	telegram	telegram	balance.changed	24	70014	0	6	\N	game_guess	1.13	2026-01-01 12:01:13+00	2026-11-28 21:10:34.239574+00
87	tg_game_guess_70014_1.13	telegram	telegram	xp.changed	24	70014	60	0	\N	game_guess	1.13	2026-01-01 12:01:13+00	2026-11-28 21:10:34.239574+00
88	tg_game_guess.balance_70015_1.14	telegram	telegram	balance.changed	25	70015	0	7	\N	game_guess	1.14	2026-01-01 12:01:14+00	2026-11-28 21:10:34.239574+00
89	tg_game_guess_70015_1.14	telegram	telegram	xp.changed	25	70015	75	0	\N	game_guess	1.14	2026-01-01 12:01:14+00	2026-11-28 21:10:34.239574+00
90	tg_game_guess.balance_70016_1.15	telegram	telegram	balance.changed	26	70016	0	5	\N	game_guess	1.15	2026-01-01 12:01:15+00	2026-11-28 21:10:34.239574+00
91	tg_game_guess_70016_1.15	telegram	telegram	xp.changed	26	70016	15	0	\N	game_guess	1.15	2026-01-01 12:01:15+00	2026-11-28 21:10:34.239574+00
92	tg_achievement.lucky_guess_70017	telegram	telegram	achievement.unlocked	27	70017	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:16+00	2026-11-28 21:10:34.239574+00
93	tg_game_guess.balance_70017_1.16	telegram	telegram	balance.changed	27	70017	0	6	\N	game_guess	1.16	2026-01-01 12:01:16+00	2026-11-28 21:10:34.239574+00
94	tg_game_guess_70017_1.16	telegram	telegram	xp.changed	27	70017	30	0	\N	game_guess	1.16	2026-01-01 12:01:16+00	2026-11-28 21:10:34.239574+00
95	tg_game_guess.balance_70018_1.17	telegram	telegram	balance.changed	28	70018	0	7	\N	game_guess	1.17	2026-01-01 12:01:17+00	2026-11-28 21:10:34.239574+00
96	tg_game_guess_70018_1.17	telegram	telegram	xp.changed	28	70018	45	0	\N	game_guess	1.17	2026-01-01 12:01:17+00	2026-11-28 21:10:34.239574+00
97	tg_game_guess.balance_70019_1.18	telegram	telegram	balance.changed	29	70019	0	5	\N	game_guess	1.18	2026-01-01 12:01:18+00	2026-11-28 21:10:34.239574+00
98	tg_game_guess_70019_1.18	telegram	telegram	xp.changed	29	70019	60	0	\N	game_guess	1.18	2026-01-01 12:01:18+00	2026-11-28 21:10:34.239574+00
99	tg_game_guess.balance_70020_1.19	telegram	telegram	balance.changed	30	70020	0	6	\N	game_guess	1.19	2026-01-01 12:01:19+00	2026-11-28 21:10:34.239574+00
100	tg_game_guess_70020_1.19	telegram	telegram	xp.changed	30	70020	75	0	\N	game_guess	1.19	2026-01-01 12:01:19+00	2026-11-28 21:10:34.239574+00
101	tg_achievement.lucky_guess_70021	telegram	telegram	achievement.unlocked	31	70021	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:20+00	2026-11-28 21:10:34.239574+00
102	tg_game_guess.balance_70021_1.20	telegram	telegram	balance.changed	31	70021	0	7	\N	game_guess	1.20	2026-01-01 12:01:20+00	2026-11-28 21:10:34.239574+00
103	tg_game_guess_70021_1.20	telegram	telegram	xp.changed	31	70021	15	0	\N	game_guess	1.20	2026-01-01 12:01:20+00	2026-11-28 21:10:34.239574+00
104	tg_game_guess.balance_70022_1.21	telegram	telegram	balance.changed	32	70022	0	5	\N	game_guess	1.21	2026-01-01 12:01:21+00	2026-11-28 21:10:34.239574+00
105	tg_game_guess_70022_1.21	telegram	telegram	xp.changed	32	70022	30	0	\N	game_guess	1.21	2026-01-01 12:01:21+00	2026-11-28 21:10:34.239574+00
106	tg_game_guess.balance_70023_1.22	telegram	telegram	balance.changed	33	70023	0	6	\N	game_guess	1.22	2026-01-01 12:01:22+00	2026-11-28 21:10:34.239574+00
107	tg_game_guess_70023_1.22	telegram	telegram	xp.changed	33	70023	45	0	\N	game_guess	1.22	2026-01-01 12:01:22+00	2026-11-28 21:10:34.239574+00
108	tg_game_guess.balance_70024_1.23	telegram	telegram	balance.changed	34	70024	0	7	\N	game_guess	1.23	2026-01-01 12:01:23+00	2026-11-28 21:10:34.239574+00
109	tg_game_guess_70024_1.23	telegram	telegram	xp.changed	34	70024	60	0	\N	game_guess	1.23	2026-01-01 12:01:23+00	2026-11-28 21:10:34.239574+00
182	dc_achievement.lucky_guess_80009	discord	discord	achievement.unlocked	43	80009	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:08+00	2026-11-28 21:10:34.904106+00
183	dc_game_guess.balance_80009_1.8	discord	discord	balance.changed	43	80009	0	7	\N	game_guess	1.8	2026-01-01 12:01:08+00	2026-11-28 21:10:34.904106+00
184	dc_game_guess_80009_1.8	discord	discord	xp.changed	43	80009	60	0	\N	game_guess	1.8	2026-01-01 12:01:08+00	2026-11-28 21:10:34.904106+00
185	dc_game_guess.balance_80010_1.9	discord	discord	balance.changed	44	80010	0	5	\N	game_guess	1.9	2026-01-01 12:01:09+00	2026-11-28 21:10:34.904106+00
186	dc_game_guess_80010_1.9	discord	discord	xp.changed	44	80010	75	0	\N	game_guess	1.9	2026-01-01 12:01:09+00	2026-11-28 21:10:34.904106+00
187	dc_game_guess.balance_80011_1.10	discord	discord	balance.changed	45	80011	0	6	\N	game_guess	1.10	2026-01-01 12:01:10+00	2026-11-28 21:10:34.904106+00
188	dc_game_guess_80011_1.10	discord	discord	xp.changed	45	80011	15	0	\N	game_guess	1.10	2026-01-01 12:01:10+00	2026-11-28 21:10:34.904106+00
189	dc_game_guess.balance_80012_1.11	discord	discord	balance.changed	46	80012	0	7	\N	game_guess	1.11	2026-01-01 12:01:11+00	2026-11-28 21:10:34.904106+00
190	dc_game_guess_80012_1.11	discord	discord	xp.changed	46	80012	30	0	\N	game_guess	1.11	2026-01-01 12:01:11+00	2026-11-28 21:10:34.904106+00
191	dc_achievement.lucky_guess_80013	discord	discord	achievement.unlocked	47	80013	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:12+00	2026-11-28 21:10:34.904106+00
192	dc_game_guess.balance_80013_1.12	discord	discord	balance.changed	47	80013	0	5	\N	game_guess	1.12	2026-01-01 12:01:12+00	2026-11-28 21:10:34.904106+00
193	dc_game_guess_80013_1.12	discord	discord	xp.changed	47	80013	45	0	\N	game_guess	1.12	2026-01-01 12:01:12+00	2026-11-28 21:10:34.904106+00
194	dc_game_guess.balance_80014_1.13	discord	discord	balance.changed	48	80014	0	6	\N	game_guess	1.13	2026-01-01 12:01:13+00	2026-11-28 21:10:34.904106+00
195	dc_game_guess_80014_1.13	discord	discord	xp.changed	48	80014	60	0	\N	game_guess	1.13	2026-01-01 12:01:13+00	2026-11-28 21:10:34.904106+00
167	dc_game_guess.balance_80002_1.1	discord	discord	balance.changed	12	80002	0	6	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:34.904106+00
168	dc_game_guess_80002_1.1	discord	discord	xp.changed	12	80002	30	0	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:34.904106+00
169	dc_game_guess.balance_80003_1.2	discord	discord	balance.changed	13	80003	0	7	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:34.904106+00
170	dc_game_guess_80003_1.2	discord	discord	xp.changed	13	80003	45	0	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:34.904106+00
171	dc_game_guess.balance_80004_1.3	discord	discord	balance.changed	14	80004	0	5	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:34.904106+00
172	dc_game_guess_80004_1.3	discord	discord	xp.changed	14	80004	60	0	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:34.904106+00
173	dc_achievement.lucky_guess_80005	discord	discord	achievement.unlocked	15	80005	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:04+00	2026-11-28 21:10:34.904106+00
174	dc_game_guess.balance_80005_1.4	discord	discord	balance.changed	15	80005	0	6	\N	game_guess	1.4	2026-01-01 12:01:04+00	2026-11-28 21:10:34.904106+00
175	dc_game_guess_80005_1.4	discord	discord	xp.changed	15	80005	75	0	\N	game_guess	1.4	2026-01-01 12:01:04+00	2026-11-28 21:10:34.904106+00
176	dc_game_guess.balance_80006_1.5	discord	discord	balance.changed	16	80006	0	7	\N	game_guess	1.5	2026-01-01 12:01:05+00	2026-11-28 21:10:34.904106+00
177	dc_game_guess_80006_1.5	discord	discord	xp.changed	16	80006	15	0	\N	game_guess	1.5	2026-01-01 12:01:05+00	2026-11-28 21:10:34.904106+00
178	dc_game_guess.balance_80007_1.6	discord	discord	balance.changed	17	80007	0	5	\N	game_guess	1.6	2026-01-01 12:01:06+00	2026-11-28 21:10:34.904106+00
179	dc_game_guess_80007_1.6	discord	discord	xp.changed	17	80007	30	0	\N	game_guess	1.6	2026-01-01 12:01:06+00	2026-11-28 21:10:34.904106+00
180	dc_game_guess.balance_80008_1.7	discord	discord	balance.changed	18	80008	0	6	\N	game_guess	1.7	2026-01-01 12:01:07+00	2026-11-28 21:10:34.904106+00
181	dc_game_guess_80008_1.7	discord	discord	xp.changed	18	80008	45	0	\N	game_guess	1.7	2026-01-01 12:01:07+00	2026-11-28 21:10:34.904106+00
110	tg_game_guess_70001_1.0	discord	telegram	xp.changed	11	70001	15	0	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:34.469703+00
112	tg_achievement.lucky_guess_70001	discord	telegram	achievement.unlocked	11	70001	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:00+00	2026-11-28 21:10:34.50503+00
113	tg_game_guess.balance_70002_1.1	discord	telegram	balance.changed	12	70002	0	6	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:34.50503+00
114	tg_game_guess_70002_1.1	discord	telegram	xp.changed	12	70002	30	0	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:34.50503+00
115	tg_game_guess.balance_70003_1.2	discord	telegram	balance.changed	13	70003	0	7	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:34.50503+00
116	tg_game_guess_70003_1.2	discord	telegram	xp.changed	13	70003	45	0	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:34.50503+00
117	tg_game_guess.balance_70004_1.3	discord	telegram	balance.changed	14	70004	0	5	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:34.50503+00
118	tg_game_guess_70004_1.3	discord	telegram	xp.changed	14	70004	60	0	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:34.50503+00
119	tg_achievement.lucky_guess_70005	discord	telegram	achievement.unlocked	15	70005	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:04+00	2026-11-28 21:10:34.50503+00
120	tg_game_guess.balance_70005_1.4	discord	telegram	balance.changed	15	70005	0	6	\N	game_guess	1.4	2026-01-01 12:01:04+00	2026-11-28 21:10:34.50503+00
121	tg_game_guess_70005_1.4	discord	telegram	xp.changed	15	70005	75	0	\N	game_guess	1.4	2026-01-01 12:01:04+00	2026-11-28 21:10:34.50503+00
122	tg_game_guess.balance_70006_1.5	discord	telegram	balance.changed	16	70006	0	7	\N	game_guess	1.5	2026-01-01 12:01:05+00	2026-11-28 21:10:34.50503+00
123	tg_game_guess_70006_1.5	discord	telegram	xp.changed	16	70006	15	0	\N	game_guess	1.5	2026-01-01 12:01:05+00	2026-11-28 21:10:34.50503+00
124	tg_game_guess.balance_70007_1.6	discord	telegram	balance.changed	17	70007	0	5	\N	game_guess	1.6	2026-01-01 12:01:06+00	2026-11-28 21:10:34.50503+00
125	tg_game_guess_70007_1.6	discord	telegram	xp.changed	17	70007	30	0	\N	game_guess	1.6	2026-01-01 12:01:06+00	2026-11-28 21:10:34.50503+00
126	tg_game_guess.balance_70008_1.7	discord	telegram	balance.changed	18	70008	0	6	\N	game_guess	1.7	2026-01-01 12:01:07+00	2026-11-28 21:10:34.50503+00
127	tg_game_guess_70008_1.7	discord	telegram	xp.changed	18	70008	45	0	\N	game_guess	1.7	2026-01-01 12:01:07+00	2026-11-28 21:10:34.50503+00
128	tg_achievement.lucky_guess_70009	discord	telegram	achievement.unlocked	19	70009	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:08+00	2026-11-28 21:10:34.50503+00
129	tg_game_guess.balance_70009_1.8	discord	telegram	balance.changed	19	70009	0	7	\N	game_guess	1.8	2026-01-01 12:01:08+00	2026-11-28 21:10:34.50503+00
130	tg_game_guess_70009_1.8	discord	telegram	xp.changed	19	70009	60	0	\N	game_guess	1.8	2026-01-01 12:01:08+00	2026-11-28 21:10:34.50503+00
131	tg_game_guess.balance_70010_1.9	discord	telegram	balance.changed	20	70010	0	5	\N	game_guess	1.9	2026-01-01 12:01:09+00	2026-11-28 21:10:34.50503+00
132	tg_game_guess_70010_1.9	discord	telegram	xp.changed	20	70010	75	0	\N	game_guess	1.9	2026-01-01 12:01:09+00	2026-11-28 21:10:34.50503+00
133	tg_game_guess.balance_70011_1.10	discord	telegram	balance.changed	21	70011	0	6	\N	game_guess	1.10	2026-01-01 12:01:10+00	2026-11-28 21:10:34.50503+00
134	tg_game_guess_70011_1.10	discord	telegram	xp.changed	21	70011	15	0	\N	game_guess	1.10	2026-01-01 12:01:10+00	2026-11-28 21:10:34.50503+00
135	tg_game_guess.balance_70012_1.11	discord	telegram	balance.changed	22	70012	0	7	\N	game_guess	1.11	2026-01-01 12:01:11+00	2026-11-28 21:10:34.50503+00
136	tg_game_guess_70012_1.11	discord	telegram	xp.changed	22	70012	30	0	\N	game_guess	1.11	2026-01-01 12:01:11+00	2026-11-28 21:10:34.50503+00
137	tg_achievement.lucky_guess_70013	discord	telegram	achievement.unlocked	23	70013	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:12+00	2026-11-28 21:10:34.50503+00
138	tg_game_guess.balance_70013_1.12	discord	telegram	balance.changed	23	70013	0	5	\N	game_guess	1.12	2026-01-01 12:01:12+00	2026-11-28 21:10:34.50503+00
139	tg_game_guess_70013_1.12	discord	telegram	xp.changed	23	70013	45	0	\N	game_guess	1.12	2026-01-01 12:01:12+00	2026-11-28 21:10:34.50503+00
140	tg_game_guess.balance_70014_1.13	discord	telegram	balance.changed	24	70014	0	6	\N	game_guess	1.13	2026-01-01 12:01:13+00	2026-11-28 21:10:34.50503+00
141	tg_game_guess_70014_1.13	discord	telegram	xp.changed	24	70014	60	0	\N	game_guess	1.13	2026-01-01 12:01:13+00	2026-11-28 21:10:34.50503+00
142	tg_game_guess.balance_70015_1.14	discord	telegram	balance.changed	25	70015	0	7	\N	game_guess	1.14	2026-01-01 12:01:14+00	2026-11-28 21:10:34.50503+00
143	tg_game_guess_70015_1.14	discord	telegram	xp.changed	25	70015	75	0	\N	game_guess	1.14	2026-01-01 12:01:14+00	2026-11-28 21:10:34.50503+00
144	tg_game_guess.balance_70016_1.15	discord	telegram	balance.changed	26	70016	0	5	\N	game_guess	1.15	2026-01-01 12:01:15+00	2026-11-28 21:10:34.50503+00
145	tg_game_guess_70016_1.15	discord	telegram	xp.changed	26	70016	15	0	\N	game_guess	1.15	2026-01-01 12:01:15+00	2026-11-28 21:10:34.50503+00
146	tg_achievement.lucky_guess_70017	discord	telegram	achievement.unlocked	27	70017	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:16+00	2026-11-28 21:10:34.50503+00
147	tg_game_guess.balance_70017_1.16	discord	telegram	balance.changed	27	70017	0	6	\N	game_guess	1.16	2026-01-01 12:01:16+00	2026-11-28 21:10:34.50503+00
148	tg_game_guess_70017_1.16	discord	telegram	xp.changed	27	70017	30	0	\N	game_guess	1.16	2026-01-01 12:01:16+00	2026-11-28 21:10:34.50503+00
149	tg_game_guess.balance_70018_1.17	discord	telegram	balance.changed	28	70018	0	7	\N	game_guess	1.17	2026-01-01 12:01:17+00	2026-11-28 21:10:34.50503+00
150	tg_game_guess_70018_1.17	discord	telegram	xp.changed	28	70018	45	0	\N	game_guess	1.17	2026-01-01 12:01:17+00	2026-11-28 21:10:34.50503+00
151	tg_game_guess.balance_70019_1.18	discord	telegram	balance.changed	29	70019	0	5	\N	game_guess	1.18	2026-01-01 12:01:18+00	2026-11-28 21:10:34.50503+00
152	tg_game_guess_70019_1.18	discord	telegram	xp.changed	29	70019	60	0	\N	game_guess	1.18	2026-01-01 12:01:18+00	2026-11-28 21:10:34.50503+00
153	tg_game_guess.balance_70020_1.19	discord	telegram	balance.changed	30	70020	0	6	\N	game_guess	1.19	2026-01-01 12:01:19+00	2026-11-28 21:10:34.50503+00
154	tg_game_guess_70020_1.19	discord	telegram	xp.changed	30	70020	75	0	\N	game_guess	1.19	2026-01-01 12:01:19+00	2026-11-28 21:10:34.50503+00
155	tg_achievement.lucky_guess_70021	discord	telegram	achievement.unlocked	31	70021	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:20+00	2026-11-28 21:10:34.50503+00
156	tg_game_guess.balance_70021_1.20	discord	telegram	balance.changed	31	70021	0	7	\N	game_guess	1.20	2026-01-01 12:01:20+00	2026-11-28 21:10:34.50503+00
157	tg_game_guess_70021_1.20	discord	telegram	xp.changed	31	70021	15	0	\N	game_guess	1.20	2026-01-01 12:01:20+00	2026-11-28 21:10:34.50503+00
158	tg_game_guess.balance_70022_1.21	discord	telegram	balance.changed	32	70022	0	5	\N	game_guess	1.21	2026-01-01 12:01:21+00	2026-11-28 21:10:34.50503+00
159	tg_game_guess_70022_1.21	discord	telegram	xp.changed	32	70022	30	0	\N	game_guess	1.21	2026-01-01 12:01:21+00	2026-11-28 21:10:34.50503+00
160	tg_game_guess.balance_70023_1.22	discord	telegram	balance.changed	33	70023	0	6	\N	game_guess	1.22	2026-01-01 12:01:22+00	2026-11-28 21:10:34.50503+00
161	tg_game_guess_70023_1.22	discord	telegram	xp.changed	33	70023	45	0	\N	game_guess	1.22	2026-01-01 12:01:22+00	2026-11-28 21:10:34.50503+00
162	tg_game_guess.balance_70024_1.23	discord	telegram	balance.changed	34	70024	0	7	\N	game_guess	1.23	2026-01-01 12:01:23+00	2026-11-28 21:10:34.50503+00
163	tg_game_guess_70024_1.23	discord	telegram	xp.changed	34	70024	60	0	\N	game_guess	1.23	2026-01-01 12:01:23+00	2026-11-28 21:10:34.50503+00
218	dc_game_guess.balance_80001_1.0	telegram	discord	balance.changed	11	80001	0	5	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:34.973981+00
196	dc_game_guess.balance_80015_1.14	discord	discord	balance.changed	49	80015	0	7	\N	game_guess	1.14	2026-01-01 12:01:14+00	2026-11-28 21:10:34.904106+00
197	dc_game_guess_80015_1.14	discord	discord	xp.changed	49	80015	75	0	\N	game_guess	1.14	2026-01-01 12:01:14+00	2026-11-28 21:10:34.904106+00
198	dc_game_guess.balance_80016_1.15	discord	discord	balance.changed	50	80016	0	5	\N	game_guess	1.15	2026-01-01 12:01:15+00	2026-11-28 21:10:34.904106+00
199	dc_game_guess_80016_1.15	discord	discord	xp.changed	50	80016	15	0	\N	game_guess	1.15	2026-01-01 12:01:15+00	2026-11-28 21:10:34.904106+00
200	dc_achievement.lucky_guess_80017	discord	discord	achievement.unlocked	51	80017	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:16+00	2026-11-28 21:10:34.904106+00
201	dc_game_guess.balance_80017_1.16	discord	discord	balance.changed	51	80017	0	6	\N	game_guess	1.16	2026-01-01 12:01:16+00	2026-11-28 21:10:34.904106+00
202	dc_game_guess_80017_1.16	discord	discord	xp.changed	51	80017	30	0	\N	game_guess	1.16	2026-01-01 12:01:16+00	2026-11-28 21:10:34.904106+00
203	dc_game_guess.balance_80018_1.17	discord	discord	balance.changed	52	80018	0	7	\N	game_guess	1.17	2026-01-01 12:01:17+00	2026-11-28 21:10:34.904106+00
204	dc_game_guess_80018_1.17	discord	discord	xp.changed	52	80018	45	0	\N	game_guess	1.17	2026-01-01 12:01:17+00	2026-11-28 21:10:34.904106+00
205	dc_game_guess.balance_80019_1.18	discord	discord	balance.changed	53	80019	0	5	\N	game_guess	1.18	2026-01-01 12:01:18+00	2026-11-28 21:10:34.904106+00
206	dc_game_guess_80019_1.18	discord	discord	xp.changed	53	80019	60	0	\N	game_guess	1.18	2026-01-01 12:01:18+00	2026-11-28 21:10:34.904106+00
207	dc_game_guess.balance_80020_1.19	discord	discord	balance.changed	54	80020	0	6	\N	game_guess	1.19	2026-01-01 12:01:19+00	2026-11-28 21:10:34.904106+00
208	dc_game_guess_80020_1.19	discord	discord	xp.changed	54	80020	75	0	\N	game_guess	1.19	2026-01-01 12:01:19+00	2026-11-28 21:10:34.904106+00
209	dc_achievement.lucky_guess_80021	discord	discord	achievement.unlocked	55	80021	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:20+00	2026-11-28 21:10:34.904106+00
210	dc_game_guess.balance_80021_1.20	discord	discord	balance.changed	55	80021	0	7	\N	game_guess	1.20	2026-01-01 12:01:20+00	2026-11-28 21:10:34.904106+00
211	dc_game_guess_80021_1.20	discord	discord	xp.changed	55	80021	15	0	\N	game_guess	1.20	2026-01-01 12:01:20+00	2026-11-28 21:10:34.904106+00
212	dc_game_guess.balance_80022_1.21	discord	discord	balance.changed	56	80022	0	5	\N	game_guess	1.21	2026-01-01 12:01:21+00	2026-11-28 21:10:34.904106+00
213	dc_game_guess_80022_1.21	discord	discord	xp.changed	56	80022	30	0	\N	game_guess	1.21	2026-01-01 12:01:21+00	2026-11-28 21:10:34.904106+00
214	dc_game_guess.balance_80023_1.22	discord	discord	balance.changed	57	80023	0	6	\N	game_guess	1.22	2026-01-01 12:01:22+00	2026-11-28 21:10:34.904106+00
215	dc_game_guess_80023_1.22	discord	discord	xp.changed	57	80023	45	0	\N	game_guess	1.22	2026-01-01 12:01:22+00	2026-11-28 21:10:34.904106+00
216	dc_game_guess.balance_80024_1.23	discord	discord	balance.changed	58	80024	0	7	\N	game_guess	1.23	2026-01-01 12:01:23+00	2026-11-28 21:10:34.904106+00
217	dc_game_guess_80024_1.23	discord	discord	xp.changed	58	80024	60	0	\N	game_guess	1.23	2026-01-01 12:01:23+00	2026-11-28 21:10:34.904106+00
236	dc_achievement.lucky_guess_80009	telegram	discord	achievement.unlocked	43	80009	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:08+00	2026-11-28 21:10:35.024426+00
237	dc_game_guess.balance_80009_1.8	telegram	discord	balance.changed	43	80009	0	7	\N	game_guess	1.8	2026-01-01 12:01:08+00	2026-11-28 21:10:35.024426+00
238	dc_game_guess_80009_1.8	telegram	discord	xp.changed	43	80009	60	0	\N	game_guess	1.8	2026-01-01 12:01:08+00	2026-11-28 21:10:35.024426+00
239	dc_game_guess.balance_80010_1.9	telegram	discord	balance.changed	44	80010	0	5	\N	game_guess	1.9	2026-01-01 12:01:09+00	2026-11-28 21:10:35.024426+00
240	dc_game_guess_80010_1.9	telegram	discord	xp.changed	44	80010	75	0	\N	game_guess	1.9	2026-01-01 12:01:09+00	2026-11-28 21:10:35.024426+00
241	dc_game_guess.balance_80011_1.10	telegram	discord	balance.changed	45	80011	0	6	\N	game_guess	1.10	2026-01-01 12:01:10+00	2026-11-28 21:10:35.024426+00
242	dc_game_guess_80011_1.10	telegram	discord	xp.changed	45	80011	15	0	\N	game_guess	1.10	2026-01-01 12:01:10+00	2026-11-28 21:10:35.024426+00
243	dc_game_guess.balance_80012_1.11	telegram	discord	balance.changed	46	80012	0	7	\N	game_guess	1.11	2026-01-01 12:01:11+00	2026-11-28 21:10:35.024426+00
244	dc_game_guess_80012_1.11	telegram	discord	xp.changed	46	80012	30	0	\N	game_guess	1.11	2026-01-01 12:01:11+00	2026-11-28 21:10:35.024426+00
245	dc_achievement.lucky_guess_80013	telegram	discord	achievement.unlocked	47	80013	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:12+00	2026-11-28 21:10:35.024426+00
246	dc_game_guess.balance_80013_1.12	telegram	discord	balance.changed	47	80013	0	5	\N	game_guess	1.12	2026-01-01 12:01:12+00	2026-11-28 21:10:35.024426+00
247	dc_game_guess_80013_1.12	telegram	discord	xp.changed	47	80013	45	0	\N	game_guess	1.12	2026-01-01 12:01:12+00	2026-11-28 21:10:35.024426+00
248	dc_game_guess.balance_80014_1.13	telegram	discord	balance.changed	48	80014	0	6	\N	game_guess	1.13	2026-01-01 12:01:13+00	2026-11-28 21:10:35.024426+00
249	dc_game_guess_80014_1.13	telegram	discord	xp.changed	48	80014	60	0	\N	game_guess	1.13	2026-01-01 12:01:13+00	2026-11-28 21:10:35.024426+00
250	dc_game_guess.balance_80015_1.14	telegram	discord	balance.changed	49	80015	0	7	\N	game_guess	1.14	2026-01-01 12:01:14+00	2026-11-28 21:10:35.024426+00
251	dc_game_guess_80015_1.14	telegram	discord	xp.changed	49	80015	75	0	\N	game_guess	1.14	2026-01-01 12:01:14+00	2026-11-28 21:10:35.024426+00
252	dc_game_guess.balance_80016_1.15	telegram	discord	balance.changed	50	80016	0	5	\N	game_guess	1.15	2026-01-01 12:01:15+00	2026-11-28 21:10:35.024426+00
253	dc_game_guess_80016_1.15	telegram	discord	xp.changed	50	80016	15	0	\N	game_guess	1.15	2026-01-01 12:01:15+00	2026-11-28 21:10:35.024426+00
254	dc_achievement.lucky_guess_80017	telegram	discord	achievement.unlocked	51	80017	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:16+00	2026-11-28 21:10:35.024426+00
255	dc_game_guess.balance_80017_1.16	telegram	discord	balance.changed	51	80017	0	6	\N	game_guess	1.16	2026-01-01 12:01:16+00	2026-11-28 21:10:35.024426+00
256	dc_game_guess_80017_1.16	telegram	discord	xp.changed	51	80017	30	0	\N	game_guess	1.16	2026-01-01 12:01:16+00	2026-11-28 21:10:35.024426+00
257	dc_game_guess.balance_80018_1.17	telegram	discord	balance.changed	52	80018	0	7	\N	game_guess	1.17	2026-01-01 12:01:17+00	2026-11-28 21:10:35.024426+00
258	dc_game_guess_80018_1.17	telegram	discord	xp.changed	52	80018	45	0	\N	game_guess	1.17	2026-01-01 12:01:17+00	2026-11-28 21:10:35.024426+00
259	dc_game_guess.balance_80019_1.18	telegram	discord	balance.changed	53	80019	0	5	\N	game_guess	1.18	2026-01-01 12:01:18+00	2026-11-28 21:10:35.024426+00
260	dc_game_guess_80019_1.18	telegram	discord	xp.changed	53	80019	60	0	\N	game_guess	1.18	2026-01-01 12:01:18+00	2026-11-28 21:10:35.024426+00
261	dc_game_guess.balance_80020_1.19	telegram	discord	balance.changed	54	80020	0	6	\N	game_guess	1.19	2026-01-01 12:01:19+00	2026-11-28 21:10:35.024426+00
262	dc_game_guess_80020_1.19	telegram	discord	xp.changed	54	80020	75	0	\N	game_guess	1.19	2026-01-01 12:01:19+00	2026-11-28 21:10:35.024426+00
263	dc_achievement.lucky_guess_80021	telegram	discord	achievement.unlocked	55	80021	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:20+00	2026-11-28 21:10:35.024426+00
264	dc_game_guess.balance_80021_1.20	telegram	discord	balance.changed	55	80021	0	7	\N	game_guess	1.20	2026-01-01 12:01:20+00	2026-11-28 21:10:35.024426+00
265	dc_game_guess_80021_1.20	telegram	discord	xp.changed	55	80021	15	0	\N	game_guess	1.20	2026-01-01 12:01:20+00	2026-11-28 21:10:35.024426+00
221	dc_game_guess.balance_80002_1.1	telegram	discord	balance.changed	12	80002	0	6	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:35.024426+00
223	dc_game_guess.balance_80003_1.2	telegram	discord	balance.changed	13	80003	0	7	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:35.024426+00
224	dc_game_guess_80003_1.2	telegram	discord	xp.changed	13	80003	45	0	\N	game_guess	1.2	2026-01-01 12:01:02+00	2026-11-28 21:10:35.024426+00
225	dc_game_guess.balance_80004_1.3	telegram	discord	balance.changed	14	80004	0	5	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:35.024426+00
226	dc_game_guess_80004_1.3	telegram	discord	xp.changed	14	80004	60	0	\N	game_guess	1.3	2026-01-01 12:01:03+00	2026-11-28 21:10:35.024426+00
227	dc_achievement.lucky_guess_80005	telegram	discord	achievement.unlocked	15	80005	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:04+00	2026-11-28 21:10:35.024426+00
228	dc_game_guess.balance_80005_1.4	telegram	discord	balance.changed	15	80005	0	6	\N	game_guess	1.4	2026-01-01 12:01:04+00	2026-11-28 21:10:35.024426+00
230	dc_game_guess.balance_80006_1.5	telegram	discord	balance.changed	16	80006	0	7	\N	game_guess	1.5	2026-01-01 12:01:05+00	2026-11-28 21:10:35.024426+00
231	dc_game_guess_80006_1.5	telegram	discord	xp.changed	16	80006	15	0	\N	game_guess	1.5	2026-01-01 12:01:05+00	2026-11-28 21:10:35.024426+00
232	dc_game_guess.balance_80007_1.6	telegram	discord	balance.changed	17	80007	0	5	\N	game_guess	1.6	2026-01-01 12:01:06+00	2026-11-28 21:10:35.024426+00
233	dc_game_guess_80007_1.6	telegram	discord	xp.changed	17	80007	30	0	\N	game_guess	1.6	2026-01-01 12:01:06+00	2026-11-28 21:10:35.024426+00
234	dc_game_guess.balance_80008_1.7	telegram	discord	balance.changed	18	80008	0	6	\N	game_guess	1.7	2026-01-01 12:01:07+00	2026-11-28 21:10:35.024426+00
235	dc_game_guess_80008_1.7	telegram	discord	xp.changed	18	80008	45	0	\N	game_guess	1.7	2026-01-01 12:01:07+00	2026-11-28 21:10:35.024426+00
266	dc_game_guess.balance_80022_1.21	telegram	discord	balance.changed	56	80022	0	5	\N	game_guess	1.21	2026-01-01 12:01:21+00	2026-11-28 21:10:35.024426+00
267	dc_game_guess_80022_1.21	telegram	discord	xp.changed	56	80022	30	0	\N	game_guess	1.21	2026-01-01 12:01:21+00	2026-11-28 21:10:35.024426+00
268	dc_game_guess.balance_80023_1.22	telegram	discord	balance.changed	57	80023	0	6	\N	game_guess	1.22	2026-01-01 12:01:22+00	2026-11-28 21:10:35.024426+00
269	dc_game_guess_80023_1.22	telegram	discord	xp.changed	57	80023	45	0	\N	game_guess	1.22	2026-01-01 12:01:22+00	2026-11-28 21:10:35.024426+00
270	dc_game_guess.balance_80024_1.23	telegram	discord	balance.changed	58	80024	0	7	\N	game_guess	1.23	2026-01-01 12:01:23+00	2026-11-28 21:10:35.024426+00
271	dc_game_guess_80024_1.23	telegram	discord	xp.changed	58	80024	60	0	\N	game_guess	1.23	2026-01-01 12:01:23+00	2026-11-28 21:10:35.024426+00
164	dc_achievement.lucky_guess_80001	discord	discord	achievement.unlocked	11	80001	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:00+00	2026-11-28 21:10:34.904106+00
165	dc_game_guess.balance_80001_1.0	discord	discord	balance.changed	11	80001	0	5	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:34.904106+00
166	dc_game_guess_80001_1.0	discord	discord	xp.changed	11	80001	15	0	\N	game_guess	1.0	2026-01-01 12:01:00+00	2026-11-28 21:10:34.904106+00
220	dc_achievement.lucky_guess_80001	telegram	discord	achievement.unlocked	11	80001	0	0	lucky_guess	achievement	lucky_guess	2026-01-01 12:01:00+00	2026-11-28 21:10:35.024426+00
222	dc_game_guess_80002_1.1	telegram	discord	xp.changed	12	80002	30	0	\N	game_guess	1.1	2026-01-01 12:01:01+00	2026-11-28 21:10:35.024426+00
229	dc_game_guess_80005_1.4	telegram	discord	xp.changed	15	80005	75	0	\N	game_guess	1.4	2026-01-01 12:01:04+00	2026-11-28 21:10:35.024426+00
277	tg_game_guess.balance_1001_2.0	telegram	telegram	balance.changed	3	1001	0	5	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:04.623009+00
278	tg_game_guess_1001_2.0	telegram	telegram	xp.changed	3	1001	15	0	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:04.623009+00
279	tg_game_guess.balance_1002_2.1	telegram	telegram	balance.changed	4	1002	0	6	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:04.623009+00
280	tg_game_guess_1002_2.1	telegram	telegram	xp.changed	4	1002	30	0	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:04.623009+00
281	tg_game_guess.balance_1003_2.2	telegram	telegram	balance.changed	5	1003	0	7	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:04.623009+00
282	tg_game_guess_1003_2.2	telegram	telegram	xp.changed	5	1003	45	0	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:04.623009+00
283	tg_game_guess.balance_1004_2.3	telegram	telegram	balance.changed	6	1004	0	5	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:04.623009+00
284	tg_game_guess_1004_2.3	telegram	telegram	xp.changed	6	1004	60	0	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:04.623009+00
285	dc_game_guess.balance_800000000000000101_2.0	discord	discord	balance.changed	7	800000000000000101	0	5	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:04.851088+00
286	dc_game_guess_800000000000000101_2.0	discord	discord	xp.changed	7	800000000000000101	15	0	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:04.851088+00
287	dc_game_guess.balance_800000000000000102_2.1	discord	discord	balance.changed	8	800000000000000102	0	6	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:04.851088+00
288	dc_game_guess_800000000000000102_2.1	discord	discord	xp.changed	8	800000000000000102	30	0	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:04.851088+00
289	dc_game_guess.balance_800000000000000103_2.2	discord	discord	balance.changed	9	800000000000000103	0	7	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:04.851088+00
290	dc_game_guess_800000000000000103_2.2	discord	discord	xp.changed	9	800000000000000103	45	0	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:04.851088+00
291	dc_game_guess.balance_800000000000000104_2.3	discord	discord	balance.changed	10	800000000000000104	0	5	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:04.851088+00
292	dc_game_guess_800000000000000104_2.3	discord	discord	xp.changed	10	800000000000000104	60	0	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:04.851088+00
293	tg_game_guess.balance_70001_2.0	telegram	telegram	balance.changed	11	70001	0	5	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:12.488739+00
294	tg_game_guess_70001_2.0	telegram	telegram	xp.changed	11	70001	15	0	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:12.488739+00
295	tg_game_guess.balance_70002_2.1	telegram	telegram	balance.changed	12	70002	0	6	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:12.488739+00
296	tg_game_guess_70002_2.1	telegram	telegram	xp.changed	12	70002	30	0	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:12.488739+00
297	tg_game_guess.balance_70003_2.2	telegram	telegram	balance.changed	13	70003	0	7	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:12.488739+00
298	tg_game_guess_70003_2.2	telegram	telegram	xp.changed	13	70003	45	0	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:12.488739+00
299	tg_game_guess.balance_70004_2.3	telegram	telegram	balance.changed	14	70004	0	5	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:12.488739+00
300	tg_game_guess_70004_2.3	telegram	telegram	xp.changed	14	70004	60	0	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:12.488739+00
301	tg_game_guess.balance_70005_2.4	telegram	telegram	balance.changed	15	70005	0	6	\N	game_guess	2.4	2026-01-01 12:02:04+00	2026-11-28 21:11:12.488739+00
302	tg_game_guess_70005_2.4	telegram	telegram	xp.changed	15	70005	75	0	\N	game_guess	2.4	2026-01-01 12:02:04+00	2026-11-28 21:11:12.488739+00
303	tg_game_guess.balance_70006_2.5	telegram	telegram	balance.changed	16	70006	0	7	\N	game_guess	2.5	2026-01-01 12:02:05+00	2026-11-28 21:11:12.488739+00
304	tg_game_guess_70006_2.5	telegram	telegram	xp.changed	16	70006	15	0	\N	game_guess	2.5	2026-01-01 12:02:05+00	2026-11-28 21:11:12.488739+00
305	tg_game_guess.balance_70007_2.6	telegram	telegram	balance.changed	17	70007	0	5	\N	game_guess	2.6	2026-01-01 12:02:06+00	2026-11-28 21:11:12.488739+00
306	tg_game_guess_70007_2.6	telegram	telegram	xp.changed	17	70007	30	0	\N	game_guess	2.6	2026-01-01 12:02:06+00	2026-11-28 21:11:12.488739+00
307	tg_game_guess.balance_70008_2.7	telegram	telegram	balance.changed	18	70008	0	6	\N	game_guess	2.7	2026-01-01 12:02:07+00	2026-11-28 21:11:12.488739+00
308	tg_game_guess_70008_2.7	telegram	telegram	xp.changed	18	70008	45	0	\N	game_guess	2.7	2026-01-01 12:02:07+00	2026-11-28 21:11:12.488739+00
309	dc_game_guess.balance_80001_2.0	discord	discord	balance.changed	11	80001	0	5	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:12.827403+00
310	dc_game_guess_80001_2.0	discord	discord	xp.changed	11	80001	15	0	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:12.827403+00
311	dc_game_guess.balance_80002_2.1	discord	discord	balance.changed	12	80002	0	6	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:12.827403+00
312	dc_game_guess_80002_2.1	discord	discord	xp.changed	12	80002	30	0	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:12.827403+00
313	dc_game_guess.balance_80003_2.2	discord	discord	balance.changed	13	80003	0	7	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:12.827403+00
314	dc_game_guess_80003_2.2	discord	discord	xp.changed	13	80003	45	0	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:12.827403+00
315	dc_game_guess.balance_80004_2.3	discord	discord	balance.changed	14	80004	0	5	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:12.827403+00
316	dc_game_guess_80004_2.3	discord	discord	xp.changed	14	80004	60	0	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:12.827403+00
317	dc_game_guess.balance_80005_2.4	discord	discord	balance.changed	15	80005	0	6	\N	game_guess	2.4	2026-01-01 12:02:04+00	2026-11-28 21:11:12.827403+00
318	dc_game_guess_80005_2.4	discord	discord	xp.changed	15	80005	75	0	\N	game_guess	2.4	2026-01-01 12:02:04+00	2026-11-28 21:11:12.827403+00
319	dc_game_guess.balance_80006_2.5	discord	discord	balance.changed	16	80006	0	7	\N	game_guess	2.5	2026-01-01 12:02:05+00	2026-11-28 21:11:12.827403+00
320	dc_game_guess_80006_2.5	discord	discord	xp.changed	16	80006	15	0	\N	game_guess	2.5	2026-01-01 12:02:05+00	2026-11-28 21:11:12.827403+00
321	dc_game_guess.balance_80007_2.6	discord	discord	balance.changed	17	80007	0	5	\N	game_guess	2.6	2026-01-01 12:02:06+00	2026-11-28 21:11:12.827403+00
322	dc_game_guess_80007_2.6	discord	discord	xp.changed	17	80007	30	0	\N	game_guess	2.6	2026-01-01 12:02:06+00	2026-11-28 21:11:12.827403+00
323	dc_game_guess.balance_80008_2.7	discord	discord	balance.changed	18	80008	0	6	\N	game_guess	2.7	2026-01-01 12:02:07+00	2026-11-28 21:11:12.827403+00
324	dc_game_guess_80008_2.7	discord	discord	xp.changed	18	80008	45	0	\N	game_guess	2.7	2026-01-01 12:02:07+00	2026-11-28 21:11:12.827403+00
325	tg_game_guess.balance_1001_2.0	discord	telegram	balance.changed	3	1001	0	5	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:21.414643+00
326	tg_game_guess_1001_2.0	discord	telegram	xp.changed	3	1001	15	0	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:21.414643+00
327	tg_game_guess.balance_1002_2.1	discord	telegram	balance.changed	4	1002	0	6	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:21.414643+00
328	tg_game_guess_1002_2.1	discord	telegram	xp.changed	4	1002	30	0	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:21.414643+00
329	tg_game_guess.balance_1003_2.2	discord	telegram	balance.changed	5	1003	0	7	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:21.414643+00
330	tg_game_guess_1003_2.2	discord	telegram	xp.changed	5	1003	45	0	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:21.414643+00
331	tg_game_guess.balance_1004_2.3	discord	telegram	balance.changed	6	1004	0	5	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:21.414643+00
332	tg_game_guess_1004_2.3	discord	telegram	xp.changed	6	1004	60	0	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:21.414643+00
333	tg_game_guess.balance_70001_2.0	discord	telegram	balance.changed	11	70001	0	5	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:21.414643+00
334	tg_game_guess_70001_2.0	discord	telegram	xp.changed	11	70001	15	0	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:21.414643+00
335	tg_game_guess.balance_70002_2.1	discord	telegram	balance.changed	12	70002	0	6	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:21.414643+00
336	tg_game_guess_70002_2.1	discord	telegram	xp.changed	12	70002	30	0	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:21.414643+00
337	tg_game_guess.balance_70003_2.2	discord	telegram	balance.changed	13	70003	0	7	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:21.414643+00
338	tg_game_guess_70003_2.2	discord	telegram	xp.changed	13	70003	45	0	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:21.414643+00
339	tg_game_guess.balance_70004_2.3	discord	telegram	balance.changed	14	70004	0	5	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:21.414643+00
340	tg_game_guess_70004_2.3	discord	telegram	xp.changed	14	70004	60	0	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:21.414643+00
341	tg_game_guess.balance_70005_2.4	discord	telegram	balance.changed	15	70005	0	6	\N	game_guess	2.4	2026-01-01 12:02:04+00	2026-11-28 21:11:21.414643+00
342	tg_game_guess_70005_2.4	discord	telegram	xp.changed	15	70005	75	0	\N	game_guess	2.4	2026-01-01 12:02:04+00	2026-11-28 21:11:21.414643+00
343	tg_game_guess.balance_70006_2.5	discord	telegram	balance.changed	16	70006	0	7	\N	game_guess	2.5	2026-01-01 12:02:05+00	2026-11-28 21:11:21.414643+00
344	tg_game_guess_70006_2.5	discord	telegram	xp.changed	16	70006	15	0	\N	game_guess	2.5	2026-01-01 12:02:05+00	2026-11-28 21:11:21.414643+00
345	tg_game_guess.balance_70007_2.6	discord	telegram	balance.changed	17	70007	0	5	\N	game_guess	2.6	2026-01-01 12:02:06+00	2026-11-28 21:11:21.414643+00
346	tg_game_guess_70007_2.6	discord	telegram	xp.changed	17	70007	30	0	\N	game_guess	2.6	2026-01-01 12:02:06+00	2026-11-28 21:11:21.414643+00
347	tg_game_guess.balance_70008_2.7	discord	telegram	balance.changed	18	70008	0	6	\N	game_guess	2.7	2026-01-01 12:02:07+00	2026-11-28 21:11:21.414643+00
348	tg_game_guess_70008_2.7	discord	telegram	xp.changed	18	70008	45	0	\N	game_guess	2.7	2026-01-01 12:02:07+00	2026-11-28 21:11:21.414643+00
349	dc_game_guess.balance_800000000000000101_2.0	telegram	discord	balance.changed	7	800000000000000101	0	5	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:21.544889+00
350	dc_game_guess_800000000000000101_2.0	telegram	discord	xp.changed	7	800000000000000101	15	0	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:21.544889+00
351	dc_game_guess.balance_800000000000000102_2.1	telegram	discord	balance.changed	8	800000000000000102	0	6	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:21.544889+00
352	dc_game_guess_800000000000000102_2.1	telegram	discord	xp.changed	8	800000000000000102	30	0	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:21.544889+00
353	dc_game_guess.balance_800000000000000103_2.2	telegram	discord	balance.changed	9	800000000000000103	0	7	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:21.544889+00
354	dc_game_guess_800000000000000103_2.2	telegram	discord	xp.changed	9	800000000000000103	45	0	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:21.544889+00
355	dc_game_guess.balance_800000000000000104_2.3	telegram	discord	balance.changed	10	800000000000000104	0	5	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:21.544889+00
356	dc_game_guess_800000000000000104_2.3	telegram	discord	xp.changed	10	800000000000000104	60	0	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:21.544889+00
357	dc_game_guess.balance_80001_2.0	telegram	discord	balance.changed	11	80001	0	5	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:21.544889+00
358	dc_game_guess_80001_2.0	telegram	discord	xp.changed	11	80001	15	0	\N	game_guess	2.0	2026-01-01 12:02:00+00	2026-11-28 21:11:21.544889+00
359	dc_game_guess.balance_80002_2.1	telegram	discord	balance.changed	12	80002	0	6	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:21.544889+00
360	dc_game_guess_80002_2.1	telegram	discord	xp.changed	12	80002	30	0	\N	game_guess	2.1	2026-01-01 12:02:01+00	2026-11-28 21:11:21.544889+00
361	dc_game_guess.balance_80003_2.2	telegram	discord	balance.changed	13	80003	0	7	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:21.544889+00
362	dc_game_guess_80003_2.2	telegram	discord	xp.changed	13	80003	45	0	\N	game_guess	2.2	2026-01-01 12:02:02+00	2026-11-28 21:11:21.544889+00
363	dc_game_guess.balance_80004_2.3	telegram	discord	balance.changed	14	80004	0	5	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:21.544889+00
364	dc_game_guess_80004_2.3	telegram	discord	xp.changed	14	80004	60	0	\N	game_guess	2.3	2026-01-01 12:02:03+00	2026-11-28 21:11:21.544889+00
365	dc_game_guess.balance_80005_2.4	telegram	discord	balance.changed	15	80005	0	6	\N	game_guess	2.4	2026-01-01 12:02:04+00	2026-11-28 21:11:21.544889+00
366	dc_game_guess_80005_2.4	telegram	discord	xp.changed	15	80005	75	0	\N	game_guess	2.4	2026-01-01 12:02:04+00	2026-11-28 21:11:21.544889+00
367	dc_game_guess.balance_80006_2.5	telegram	discord	balance.changed	16	80006	0	7	\N	game_guess	2.5	2026-01-01 12:02:05+00	2026-11-28 21:11:21.544889+00
368	dc_game_guess_80006_2.5	telegram	discord	xp.changed	16	80006	15	0	\N	game_guess	2.5	2026-01-01 12:02:05+00	2026-11-28 21:11:21.544889+00
369	dc_game_guess.balance_80007_2.6	telegram	discord	balance.changed	17	80007	0	5	\N	game_guess	2.6	2026-01-01 12:02:06+00	2026-11-28 21:11:21.544889+00
370	dc_game_guess_80007_2.6	telegram	discord	xp.changed	17	80007	30	0	\N	game_guess	2.6	2026-01-01 12:02:06+00	2026-11-28 21:11:21.544889+00
371	dc_game_guess.balance_80008_2.7	telegram	discord	balance.changed	18	80008	0	6	\N	game_guess	2.7	2026-01-01 12:02:07+00	2026-11-28 21:11:21.544889+00
372	dc_game_guess_80008_2.7	telegram	discord	xp.changed	18	80008	45	0	\N	game_guess	2.7	2026-01-01 12:02:07+00	2026-11-28 21:11:21.544889+00
373	tg_game_guess.balance_70001_3.0	telegram	telegram	balance.changed	11	70001	0	5	\N	game_guess	3.0	2026-01-01 12:03:00+00	2026-11-28 21:12:09.531622+00
374	tg_game_guess_70001_3.0	telegram	telegram	xp.changed	11	70001	15	0	\N	game_guess	3.0	2026-01-01 12:03:00+00	2026-11-28 21:12:09.531622+00
375	tg_game_guess.balance_70002_3.1	telegram	telegram	balance.changed	12	70002	0	6	\N	game_guess	3.1	2026-01-01 12:03:01+00	2026-11-28 21:12:09.531622+00
376	tg_game_guess_70002_3.1	telegram	telegram	xp.changed	12	70002	30	0	\N	game_guess	3.1	2026-01-01 12:03:01+00	2026-11-28 21:12:09.531622+00
377	tg_game_guess.balance_70003_3.2	telegram	telegram	balance.changed	13	70003	0	7	\N	game_guess	3.2	2026-01-01 12:03:02+00	2026-11-28 21:12:09.531622+00
378	tg_game_guess_70003_3.2	telegram	telegram	xp.changed	13	70003	45	0	\N	game_guess	3.2	2026-01-01 12:03:02+00	2026-11-28 21:12:09.531622+00
379	dc_game_guess.balance_80001_3.0	discord	discord	balance.changed	11	80001	0	5	\N	game_guess	3.0	2026-01-01 12:03:00+00	2026-11-28 21:12:09.983276+00
380	dc_game_guess_80001_3.0	discord	discord	xp.changed	11	80001	15	0	\N	game_guess	3.0	2026-01-01 12:03:00+00	2026-11-28 21:12:09.983276+00
381	dc_game_guess.balance_80002_3.1	discord	discord	balance.changed	12	80002	0	6	\N	game_guess	3.1	2026-01-01 12:03:01+00	2026-11-28 21:12:09.983276+00
382	dc_game_guess_80002_3.1	discord	discord	xp.changed	12	80002	30	0	\N	game_guess	3.1	2026-01-01 12:03:01+00	2026-11-28 21:12:09.983276+00
383	dc_game_guess.balance_80003_3.2	discord	discord	balance.changed	13	80003	0	7	\N	game_guess	3.2	2026-01-01 12:03:02+00	2026-11-28 21:12:09.983276+00
384	dc_game_guess_80003_3.2	discord	discord	xp.changed	13	80003	45	0	\N	game_guess	3.2	2026-01-01 12:03:02+00	2026-11-28 21:12:09.983276+00
385	tg_game_guess.balance_70001_4.0	telegram	telegram	balance.changed	11	70001	0	5	\N	game_guess	4.0	2026-01-01 12:04:00+00	2026-11-28 21:12:18.927109+00
386	tg_game_guess_70001_4.0	telegram	telegram	xp.changed	11	70001	15	0	\N	game_guess	4.0	2026-01-01 12:04:00+00	2026-11-28 21:12:18.927109+00
387	tg_game_guess.balance_70002_4.1	telegram	telegram	balance.changed	12	70002	0	6	\N	game_guess	4.1	2026-01-01 12:04:01+00	2026-11-28 21:12:18.927109+00
388	tg_game_guess_70002_4.1	telegram	telegram	xp.changed	12	70002	30	0	\N	game_guess	4.1	2026-01-01 12:04:01+00	2026-11-28 21:12:18.927109+00
389	dc_game_guess.balance_80001_4.0	discord	discord	balance.changed	11	80001	0	5	\N	game_guess	4.0	2026-01-01 12:04:00+00	2026-11-28 21:12:19.168843+00
390	dc_game_guess_80001_4.0	discord	discord	xp.changed	11	80001	15	0	\N	game_guess	4.0	2026-01-01 12:04:00+00	2026-11-28 21:12:19.168843+00
391	dc_game_guess.balance_80002_4.1	discord	discord	balance.changed	12	80002	0	6	\N	game_guess	4.1	2026-01-01 12:04:01+00	2026-11-28 21:12:19.168843+00
392	dc_game_guess_80002_4.1	discord	discord	xp.changed	12	80002	30	0	\N	game_guess	4.1	2026-01-01 12:04:01+00	2026-11-28 21:12:19.168843+00
\.


--
-- Name: cleanup_rounds_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.cleanup_rounds_id_seq', 1, true);


--
-- Name: drift_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.drift_id_seq', 52, true);


--
-- Name: members_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.members_id_seq', 58, true);


--
-- Name: reconcile_runs_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.reconcile_runs_id_seq', 5, true);


--
-- Name: sync_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.sync_events_id_seq', 206, true);


--
-- Name: transactions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.transactions_id_seq', 392, true);


--
-- Name: accounts account_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT account_once PRIMARY KEY (platform, account_id);


--
-- Name: accounts account_one_per_platform; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT account_one_per_platform UNIQUE (member_id, platform);


--
-- Name: achievements achievement_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.achievements
    ADD CONSTRAINT achievement_once PRIMARY KEY (member_id, platform, achievement);


--
-- Name: cleanup_rounds cleanup_rounds_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cleanup_rounds
    ADD CONSTRAINT cleanup_rounds_pkey PRIMARY KEY (id);


--
-- Name: drift drift_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.drift
    ADD CONSTRAINT drift_once UNIQUE (run_id, platform, subject, subject_id, field);


--
-- Name: drift drift_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (id);


--
-- Name: entry_attempts entry_attempts_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.entry_attempts
    ADD CONSTRAINT entry_attempts_once PRIMARY KEY (stream, entry_id);


--
-- Name: link_attempts link_attempts_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.link_attempts
    ADD CONSTRAINT link_attempts_once PRIMARY KEY (platform, account_id);


--
-- Name: link_codes link_code_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.link_codes
    ADD CONSTRAINT link_code_once PRIMARY KEY (code_hash);


--
-- Name: link_codes link_code_one_per_account; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.link_codes
    ADD CONSTRAINT link_code_one_per_account UNIQUE (platform, account_id);


--
-- Name: members members_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (id);


--
-- Name: notices notice_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notice_once PRIMARY KEY (platform, account_id, kind);


--
-- Name: ranks rank_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ranks
    ADD CONSTRAINT rank_once PRIMARY KEY (rank);


--
-- Name: ranks rank_threshold_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ranks
    ADD CONSTRAINT rank_threshold_once UNIQUE (xp);


--
-- Name: reconcile_runs reconcile_runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reconcile_runs
    ADD CONSTRAINT reconcile_runs_pkey PRIMARY KEY (id);


--
-- Name: reconcile_touched reconcile_touched_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reconcile_touched
    ADD CONSTRAINT reconcile_touched_once PRIMARY KEY (run_id, member_id);


--
-- Name: reconcile_walks reconcile_walk_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reconcile_walks
    ADD CONSTRAINT reconcile_walk_once PRIMARY KEY (platform, subject);


--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);


--
-- Name: snapshots snapshot_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshot_once PRIMARY KEY (run_id, platform, subject, page);


--
-- Name: stop_signs stop_signs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.stop_signs
    ADD CONSTRAINT stop_signs_pkey PRIMARY KEY (release);


--
-- Name: store_agreements store_agreement_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.store_agreements
    ADD CONSTRAINT store_agreement_once PRIMARY KEY (platform, account_id);


--
-- Name: store_debts store_debt_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.store_debts
    ADD CONSTRAINT store_debt_once PRIMARY KEY (member_id, platform);


--
-- Name: surfaces surface_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.surfaces
    ADD CONSTRAINT surface_once PRIMARY KEY (member_id, platform, surface);


--
-- Name: sync_events sync_event_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sync_events
    ADD CONSTRAINT sync_event_once UNIQUE (idempotency_key);


--
-- Name: sync_events sync_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sync_events
    ADD CONSTRAINT sync_events_pkey PRIMARY KEY (id);


--
-- Name: sync_state sync_state_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sync_state
    ADD CONSTRAINT sync_state_once PRIMARY KEY (member_id, platform);


--
-- Name: transactions transaction_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT transaction_once UNIQUE (idempotency_key, platform);


--
-- Name: transactions transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (id);


--
-- Name: cleanup_round_one_at_a_time; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX cleanup_round_one_at_a_time ON public.cleanup_rounds USING btree ((true)) WHERE (finished_at IS NULL);


--
-- Name: drift_by_member; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX drift_by_member ON public.drift USING btree (member_id, id);


--
-- Name: drift_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX drift_by_time ON public.drift USING btree (found_at);


--
-- Name: drift_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX drift_open ON public.drift USING btree (platform, subject, subject_id) WHERE (decision = ANY (ARRAY['watched'::text, 'held'::text]));


--
-- Name: drift_undecided; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX drift_undecided ON public.drift USING btree (run_id, id) WHERE (decision = 'found'::text);


--
-- Name: members_by_xp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX members_by_xp ON public.members USING btree (xp DESC, id);


--
-- Name: reconcile_run_one_at_a_time; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX reconcile_run_one_at_a_time ON public.reconcile_runs USING btree ((true)) WHERE (status = 'running'::text);


--
-- Name: reconcile_runs_by_end; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX reconcile_runs_by_end ON public.reconcile_runs USING btree (finished_at) WHERE (status <> 'running'::text);


--
-- Name: snapshots_to_compare; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX snapshots_to_compare ON public.snapshots USING btree (run_id) WHERE ((compared_at IS NULL) OR (refused IS NOT NULL));


--
-- Name: surfaces_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX surfaces_due ON public.surfaces USING btree (platform, priority, GREATEST(wanted_at, retry_at, taken_until)) WHERE (wanted IS DISTINCT FROM shown);


--
-- Name: surfaces_parked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX surfaces_parked ON public.surfaces USING btree (platform, parked) WHERE (parked IS NOT NULL);


--
-- Name: surfaces_taken; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX surfaces_taken ON public.surfaces USING btree (platform, taken_until) WHERE (taken_until IS NOT NULL);


--
-- Name: surfaces_to_announce; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX surfaces_to_announce ON public.surfaces USING btree (platform, shown_at) WHERE announce;


--
-- Name: sync_events_by_member; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sync_events_by_member ON public.sync_events USING btree (member_id);


--
-- Name: sync_events_failed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sync_events_failed ON public.sync_events USING btree (id) WHERE (status = 'failed'::text);


--
-- Name: sync_events_pending; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sync_events_pending ON public.sync_events USING btree (id) WHERE (status = 'pending'::text);


--
-- Name: sync_events_published; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sync_events_published ON public.sync_events USING btree (published_at) WHERE (status = 'published'::text);


--
-- Name: transactions_by_member; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX transactions_by_member ON public.transactions USING btree (member_id, id);


--
-- Name: accounts accounts_member_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.members(id);


--
-- Name: achievements achievements_member_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.achievements
    ADD CONSTRAINT achievements_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.members(id);


--
-- Name: drift drift_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.drift
    ADD CONSTRAINT drift_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.reconcile_runs(id) ON DELETE CASCADE;


--
-- Name: reconcile_touched reconcile_touched_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reconcile_touched
    ADD CONSTRAINT reconcile_touched_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.reconcile_runs(id) ON DELETE CASCADE;


--
-- Name: snapshots snapshots_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.reconcile_runs(id) ON DELETE CASCADE;


--
-- Name: store_debts store_debts_member_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.store_debts
    ADD CONSTRAINT store_debts_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.members(id);


--
-- Name: surfaces surfaces_member_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.surfaces
    ADD CONSTRAINT surfaces_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.members(id);


--
-- Name: sync_events sync_events_member_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sync_events
    ADD CONSTRAINT sync_events_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.members(id);


--
-- Name: sync_state sync_state_member_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sync_state
    ADD CONSTRAINT sync_state_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.members(id);


--
-- Name: transactions transactions_member_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT transactions_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.members(id);


--
-- PostgreSQL database dump complete
--

\unrestrict twinstream

