"""Every guard of the promise, how to take it out, and the test that misses it.

A guard is taken out of a copy of the checkout, as somebody would who did not know what it is for.
"""

from pathlib import Path
from typing import NamedTuple


class Edit(NamedTuple):
    """One change of a file: `old` occurs in it exactly once."""

    file: str
    old: str
    new: str


class Guard(NamedTuple):
    """A guard: the edits that take it out, and the test that must be red without it."""

    edits: tuple[Edit, ...]
    test: str

    def take_out(self, checkout: Path) -> None:
        """Take the guard out of this checkout."""
        for edit in self.edits:
            file = checkout / edit.file
            text = file.read_text(encoding="utf-8")
            assert text.count(edit.old) == 1, f"{edit.file} does not hold this once:\n{edit.old}"
            file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def guard(
    test: str, *edits: tuple[str, str, str], room: str = "tests/integration/consumers"
) -> Guard:
    return Guard(tuple(Edit(*edit) for edit in edits), f"{room}/{test}")


_SCHEMA = "db/migrations/20261122000001_ledger.sql"
_RECORD = "db/migrations/20261129000008_record.sql"
#: The function that reads payloads, and its text after the guard: `migrate:down` has another one.
_READ = "db/migrations/20261130000100_names_the_short_way.sql"
_READS_ON = """
    INTO events, is_plain
    FROM unnest(payloads) WITH ORDINALITY AS p (payload, number)
    CROSS JOIN LATERAL jsonb_to_record(p.payload::jsonb) AS e (
        v integer, type text, idempotency_key text, source text, user_id bigint, reason text,
        entity_id text, occurred_at text, delta_xp bigint, delta_balance bigint, achievement text,
        display_name text"""
_SETTLE = "        entered = await self._enter_at_once(deliveries)\n"
_ACKNOWLEDGE = "        await self._reader.acknowledge([d.entry.id for d in deliveries])\n"
_NEWS = "db/migrations/20261130000220_announcements_by_kind.sql"
_LINKS = "db/migrations/20261129000012_links.sql"
_THANKS = "db/migrations/20261130000140_thanks.sql"
_REACTIONS = "db/migrations/20261130000141_reactions.sql"
_MARKS = "db/migrations/20261130000040_forgotten_accounts.sql"
_FORGETTING = "db/migrations/20261130000041_forgetting.sql"
_FREED = "        parked = CASE WHEN f.parked = 'absent' THEN f.parked END\n"
_OFFERS = "db/migrations/20261130000010_link_offers.sql"
_LINK_ACTS = "db/migrations/20261130000020_link_acts.sql"
_EARNING = "db/migrations/20261130000120_earning.sql"
_OWN_LINKS = "db/migrations/20261130000021_own_links.sql"
_CONFIRMED = "db/migrations/20261130000022_confirmed_links.sql"
_REWRITE_FIRST = "    rewritten := twinstream.rewrite_entries(person, '{}', pads);\n"
_LOCK_PERSON = "    PERFORM twinstream.lock_person(person);\n"
_SO_ALREADY = """\
    ELSIF twinstream.partner_of(of_platform, of_account) = offer.opener_id THEN
        RETURN 'linked'; -- by an earlier press, or by the other side's own offer
"""
_CONFIRMS = """\
    ELSIF offer.status <> 'opened' OR NOT twinstream.is_under_way(offer) THEN
        RETURN 'ended';
    END IF;
    BEGIN
        PERFORM twinstream.link_accounts(
            CASE of_platform WHEN 'telegram' THEN of_account ELSE offer.opener_id END,
            CASE of_platform WHEN 'telegram' THEN offer.opener_id ELSE of_account END,
            with_policy, stores,
"""
_SCORES = "db/migrations/20261130000105_account_scores.sql"
_DAILY = "db/migrations/20261130000200_daily.sql"
_REWARDS = "db/migrations/20261130000201_rewards.sql"
_INVITES = "db/migrations/20261130000202_invites.sql"
_VOID = """\
        DELETE FROM twinstream.link_codes AS c
        WHERE c.code_hash = ANY (
            ARRAY (SELECT twinstream.hash_of_code(u.code) FROM unnest(codes) AS u (code))
        ) AND c.expires_at > now()
        RETURNING c.platform, c.account_id
"""
_STILL_LIVE = """\
        SELECT c.platform, c.account_id FROM twinstream.link_codes AS c
        WHERE c.code_hash = ANY (
            ARRAY (SELECT twinstream.hash_of_code(u.code) FROM unnest(codes) AS u (code))
        ) AND c.expires_at > now()
"""
_KEYS_ONCE = """\
    ALTER TABLE twinstream.transactions
        ADD CONSTRAINT transaction_once UNIQUE USING INDEX transaction_once_in_c;
"""

GUARDS = {
    "a key counts once per platform, for ever": guard(
        "settling/test_settling.py::test_a_duplicate_delivery_counts_once",
        (
            _RECORD,
            "        ON CONFLICT ON CONSTRAINT transaction_once DO NOTHING\n",
            "",
        ),
        (
            "db/contracts/0.2/1_close.sql",
            _KEYS_ONCE,
            "    DROP INDEX twinstream.transaction_once_in_c;\n",
        ),
    ),
    "a key with another content is refused": guard(
        "test_settle_function.py::test_a_key_with_other_content_refuses_the_whole_call[False]",
        (_RECORD, "    IF doubtful IS NOT NULL AND NOT compared THEN\n", "    IF false THEN\n"),
        room="tests/integration/db",
    ),
    "nothing is taken that is not there": guard(
        "settling/test_settling.py"
        "::test_what_can_never_take_effect_is_buried_and_the_rest_goes_on[overdraft]",
        (_SCHEMA, "CONSTRAINT member_xp_not_negative CHECK (xp >= 0)", "CHECK (true)"),
        (_RECORD, "        IF overdrawn IS NOT NULL THEN", "        IF false THEN"),
    ),
    "a stream carries its own platform's events only": guard(
        "settling/test_settling.py"
        "::test_what_can_never_take_effect_is_buried_and_the_rest_goes_on[wrong source]",
        (
            "consumers/settling/entry_decoding.py",
            "        if event.source != source:",
            "        if False:",
        ),
    ),
    "acknowledge after the commit": guard(
        "settling/test_settling.py::test_a_crash_before_the_commit_redelivers_and_nothing_is_lost",
        ("consumers/settling/role.py", _SETTLE, _ACKNOWLEDGE + _SETTLE),
    ),
    "claim what a dead consumer left": guard(
        "settling/test_settling.py::test_entries_of_a_dead_consumer_are_claimed",
        ("bus/reader.py", "claimed = await self._claim()", "claimed: list[Entry] = []"),
    ),
    "renew what is in work": guard(
        "settling/test_entry_renewal.py::test_an_entry_in_progress_is_not_claimed_by_another_consumer",
        ("consumers/settling/entry_renewal.py", "kept = await reader.renew(ids)", "kept = ids"),
    ),
    "enter the rest of a batch that is refused": guard(
        "settling/test_settling.py::test_of_a_batch_of_500_only_the_bad_one_is_buried",
        (
            "consumers/settling/role.py",
            """\
            if len(deliveries) == 1:
                return [_Refused(deliveries[0], error)]
""",
            "            return [_Refused(one, error) for one in deliveries]\n",
        ),
    ),
    "judge refused events all at once": guard(
        "settling/test_refused_floods.py"
        "::test_the_number_of_statements_does_not_grow_with_the_number_of_refused_events[overdraft]",
        (
            "consumers/settling/role.py",
            "        found = await self._find_refused(deliveries)\n",
            "        found: dict[int, refusals.Refused] = {}\n",
        ),
    ),
    "judge a debit after all that came before it": guard(
        "settling/test_debits.py"
        "::test_a_foreign_debit_waits_for_the_credit_that_another_consumer_has_in_progress",
        (
            "consumers/settling/role.py",
            "        hopeless = [one.refusal() for one in refused if not one.is_overdraft]\n",
            "        hopeless = [one.refusal() for one in refused]\n        refused = []\n",
        ),
    ),
    "an entry with two events is buried with both": guard(
        "settling/test_settling.py::test_an_entry_with_two_events_is_buried_with_both",
        (
            "bus/reader.py",
            '        redis.set_response_callback("XREADGROUP", _as_it_came)\n',
            "",
        ),
    ),
    "settle good entries before bad ones are buried": guard(
        "runtime/test_full_redis.py::test_good_entries_are_settled_before_bad_ones_are_buried",
        (
            "consumers/settling/role.py",
            "        refused = []\n        if deliveries:\n",
            "        refused = []\n        await self._bury(unreadable)\n        if deliveries:\n",
        ),
    ),
    "make room in a full Redis": guard(
        "runtime/test_full_redis.py::test_a_full_redis_drains_although_entries_must_be_buried",
        (
            "consumers/cleanup/role.py",
            "keep_ms=0 if self._is_short_of_memory else self._keep_ms",
            "keep_ms=self._keep_ms",
        ),
    ),
    "claim in time although Redis's clock was set back": guard(
        "test_clock_jumps.py::test_what_a_dead_consumer_left_is_claimed_in_time[-3600000]",
        ("bus/reader.py", "            await self._restart_idle_times()\n", ""),
        room="tests/simulation",
    ),
    "publish an event whose age is unknown": guard(
        "runtime/test_clocks.py::test_a_pending_event_from_the_future_is_published_at_once",
        ("db/ledger/outbox.py", "OR created_at > clock_timestamp()", "OR false"),
    ),
    "visit members although Postgres's clock was set back": guard(
        "runtime/test_clocks.py::test_members_whose_times_are_in_the_future_are_visited[wanted_at]",
        (
            "consumers/cleanup/role.py",
            "batch = await clock_steps.bring_back(conn)",
            "batch = 0",
        ),
    ),
    "wait once for a Redis that hangs": guard(
        "test_hung_redis.py"
        "::test_a_redis_that_hangs_is_waited_for_once_and_asked_again_after_a_rest[valkey]",
        ("bus/publisher.py", "        if now_s < self._rest_until_s:\n", "        if False:\n"),
        room="tests/contract",
    ),
    "read less where Redis sends no large reply": guard(
        "test_strict_servers.py::test_large_entries_come_in_smaller_reads_where_redis_sends_no_large_reply"
        "[valkey-nobody]",
        (
            "bus/reader.py",
            "failed, self._count = self._count, max(1, self._count // 2)",
            "failed = self._count",
        ),
        room="tests/contract",
    ),
    "an entry with the id of an earlier one is on record too": guard(
        "settling/test_settling.py::test_an_entry_whose_id_another_one_had_before_is_on_record_too",
        (
            "db/ledger/events.py",
            "                AND (e.account_id IS NOT NULL OR e.payload = excluded.payload)\n",
            "",
        ),
    ),
    "nobody knows what is worn until a visit is noted": guard(
        "display/test_telegram_tags.py::test_a_rank_that_comes_back_after_a_lost_answer_is_worn",
        (
            "db/surfaces/display_visits.py",
            "                    shown = CASE WHEN f.shown = f.wanted THEN f.shown END,\n",
            "",
        ),
    ),
    "visit again after whoever was held up beyond the lease": guard(
        "display/test_visits.py"
        "::test_a_worker_that_outlasts_its_lease_has_the_member_visited_again[shown]",
        (
            "consumers/display/role.py",
            "            await display_visits.doubt(self._pool, visit)\n",
            "",
        ),
    ),
    "an outage is nobody's fault": guard(
        "settling/test_settling.py::test_a_broken_database_buries_nothing",
        (
            "db/errors.py",
            "    return StorageUnavailable(outage_text(error))",
            '    return RuleBroken("unnamed", str(error))',
        ),
    ),
    "a number that is taken is no event's fault": guard(
        "settling/test_sequences.py"
        "::test_a_sequence_that_is_behind_buries_nothing_and_its_remedy_lets_events_go_on",
        (
            "db/errors.py",
            'if rule in _COUNTED_KEYS and error.schema_name == "twinstream":',
            "if False:",
        ),
    ),
    "leave a server that takes no writes any more": guard(
        "runtime/test_postgres_failover.py"
        "::test_a_login_that_was_read_only_for_a_while_writes_again",
        ("db/pool.py", "if not is_pooled and is_read_only(conn):", "if False:"),
    ),
    "bury what killed too many": guard(
        "settling/test_poison.py"
        "::test_an_event_that_kills_the_process_is_buried_and_the_rest_of_its_batch_arrives",
        (
            "consumers/settling/poison.py",
            "    if earlier_attempts < ATTEMPTS_MAX:",
            "    if True:",
        ),
    ),
    "settle a suspect alone": guard(
        "settling/test_poison.py"
        "::test_an_event_that_kills_the_process_is_buried_and_the_rest_of_its_batch_arrives",
        (
            "consumers/settling/poison.py",
            "    return entry.deliveries >= SUSPECT_DELIVERIES",
            "    return False",
        ),
    ),
    "an outage costs no attempts": guard(
        "settling/test_poison.py::test_an_outage_of_postgres_costs_one_attempt_however_long_it_is",
        (
            "consumers/settling/role.py",
            "        if held.earlier_attempts is None:",
            "        if True:",
        ),
    ),
    "trim nothing that a group still needs": guard(
        "cleanup/test_trimming.py::test_entries_that_are_not_settled_are_never_trimmed",
        (
            "bus/trim.py",
            "  if before(needed, floor) then floor, holder = needed, group['name'] end\n",
            "",
        ),
    ),
    "trim nothing while a group is missing": guard(
        "cleanup/test_trimming.py::test_a_stream_without_its_group_is_left_alone_and_logged_once",
        ("bus/trim.py", "if missing then return {'group', missing} end\n", ""),
    ),
    "send nothing to another stream than it came from": guard(
        "operate/test_dead_letters.py::test_a_forged_event_is_not_sent_to_the_stream_that_it_names[False]",
        (
            "consumers/operate/dead_letters.py",
            "    if event.source != one.source:",
            "    if False:",
        ),
        (
            "consumers/operate/dead_letters.py",
            "            await self.publisher.publish(one.source, [one.payload])",
            "            await self.publisher.publish(event.source, [one.payload])",
        ),
    ),
    "bury no event for what came on the other stream": guard(
        "operate/test_dead_letters.py"
        "::test_what_comes_on_one_stream_does_not_bury_the_event_of_the_other_platform",
        (
            "db/ledger/events.py",
            "WHERE e.status <> 'completed' AND e.source = excluded.source",
            "WHERE e.status <> 'completed'",
        ),
    ),
    "publish only what the transaction kept": guard(
        "settling/test_savepoints.py"
        "::test_an_event_that_a_savepoint_rolled_back_reaches_no_platform[rolled_back-lent]",
        (
            "db/producer.py",
            "                    kept = await _kept_at_the_end(conn, recorded)",
            "                    kept = recorded",
        ),
    ),
    "publish for the caller only what is committed": guard(
        "settling/test_savepoints.py"
        "::test_an_event_that_a_savepoint_rolled_back_reaches_no_platform[rolled_back-own]",
        (
            "db/producer.py",
            "                kept = await _kept(conn, created)",
            "                kept = created",
        ),
    ),
    "the relay publishes what a crash left": guard(
        "relay/test_relay.py::test_what_a_crashed_producer_left_is_published",
        ("consumers/relay/role.py", "[event.payload for event in left]", "[]"),
    ),
    "relays share the work": guard(
        "relay/test_relay.py::test_an_event_that_another_relay_holds_is_passed_over",
        (
            "db/ledger/outbox.py",
            "            ORDER BY id LIMIT $3\n            FOR UPDATE SKIP LOCKED\n",
            "            ORDER BY id LIMIT $3\n",
        ),
    ),
    "publishing creates no stream (NOMKSTREAM)": guard(
        "relay/test_relay.py::test_no_event_can_be_published_while_a_stream_is_missing",
        ("bus/publisher.py", '"XADD", stream, "NOMKSTREAM", "*"', '"XADD", stream, "*"'),
    ),
    "rebuild what was on a lost stream": guard(
        "relay/test_relay.py"
        "::test_unfinished_events_are_published_again_after_a_loss_and_finished_ones_are_not",
        (
            "consumers/runtime/stream_rebuild.py",
            (
                "            unfinished = await self._unpublish(source)\n"
                "            if await ensure_group"
            ),
            "            unfinished = 0\n            if await ensure_group",
        ),
    ),
    "a late mark does not hide a loss": guard(
        "relay/test_relay.py"
        "::test_an_event_marked_published_just_after_the_loss_is_published_again",
        (
            "db/migrations/20261129000010_bot_functions.sql",
            "AND (e.stream_losses = 0 OR NOT fresh)",
            "AND (true OR NOT fresh)",
        ),
    ),
    "look for what Redis lost in silence": guard(
        "relay/test_relay.py::test_silently_lost_events_are_published_again",
        (
            "consumers/runtime/stream_rebuild.py",
            "return await self._take_back_all(source)",
            "return 0",
        ),
    ),
    "look for it under load as well": guard(
        "relay/test_relay.py::test_lost_events_are_found_while_others_arrive_without_end",
        (
            "consumers/runtime/stream_rebuild.py",
            "published_s_ago=settled_s_ago + LOST_MARGIN_S",
            "published_s_ago=settled_s_ago + 1e6",
        ),
    ),
    "take nothing in flight for lost": guard(
        "relay/test_relay.py::test_what_is_published_during_the_look_is_not_taken_for_lost",
        (
            "consumers/runtime/stream_rebuild.py",
            "if not lost or (await self._lag(source)).first_unfinished is not None:",
            "if not lost:",
        ),
    ),
    "believe the order of ids, not the times in them": guard(
        "runtime/test_entry_ids.py"
        "::test_a_backlog_behind_an_id_from_the_future_is_not_published_again[ahead]",
        (
            "consumers/runtime/stream_rebuild.py",
            "        return self._settled_until_s.get(source)\n",
            "        return _now_s() - (lag.oldest_ms or 0) / 1_000\n",
        ),
    ),
    "make a stream anew that takes no more ids": guard(
        "runtime/test_entry_ids.py::test_a_stream_that_takes_no_more_ids_goes_on_and_loses_nothing",
        ("bus/repair.py", "if newest ~= ARGV[2] and not", "if true or not"),
    ),
    "carry unfinished entries over to the stream made anew": guard(
        "runtime/test_entry_ids.py::test_a_stream_that_takes_no_more_ids_goes_on_and_loses_nothing",
        ("bus/repair.py", "if entry then entries[#entries + 1] = entry end", ""),
    ),
    "put back a group that nothing reaches": guard(
        "runtime/test_entry_ids.py"
        "::test_a_group_that_was_set_too_far_ahead_gets_its_events[99999999999999-0]",
        ("bus/repair.py", "  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], '0')\n", ""),
    ),
    "bury without a mirror, if need be": guard(
        "runtime/test_entry_ids.py"
        "::test_entries_are_buried_although_the_dead_letters_take_no_more_ids",
        ("bus/dead_letters.py", "redis.pcall('XADD', KEYS[2]", "redis.call('XADD', KEYS[2]"),
    ),
    "a stream that refuses costs its own direction only": guard(
        "runtime/test_entry_ids.py::test_a_key_of_another_type_costs_its_own_direction_only",
        (
            "consumers/relay/role.py",
            "            obstacles[source] = error\n",
            "            raise\n",
        ),
    ),
    "trim what is old although its id says otherwise": guard(
        "cleanup/test_trimming.py::test_finished_entries_with_ids_from_the_future_are_trimmed_in_time",
        ("consumers/cleanup/role.py", "old_id=age.old_id", "old_id=None"),
    ),
    "repair nothing on first sight": guard(
        "reconcile/test_books.py"
        "::test_a_change_made_on_telegram_becomes_an_event_that_discord_follows",
        ("consumers/reconcile/decisions/verdicts.py", "    if before is None:", "    if False:"),
    ),
    "look again under lock before a repair": guard(
        "reconcile/test_refused_pages.py::test_what_is_gone_when_it_is_to_be_repaired_is_left_alone",
        (
            "consumers/reconcile/subjects/books.py",
            "        if not still_differs(what, self._row(books)):",
            "        if False:",
        ),
    ),
    "believe no page that was changed on its way": guard(
        "reconcile/test_refused_pages.py"
        "::test_a_snapshot_that_did_not_come_whole_stops_the_pass[another amount]",
        (
            "consumers/reconcile/decisions/page_refusals.py",
            "    if page_checksum(page) != page.checksum:",
            "    if False:",
        ),
    ),
    "believe no page of an hour ago": guard(
        "reconcile/test_refused_pages.py"
        "::test_a_page_that_is_old_or_of_somebody_else_is_refused[an hour old]",
        (
            "consumers/reconcile/decisions/page_refusals.py",
            "    if age > timedelta(seconds=age_s_max):",
            "    if False:",
        ),
    ),
    "believe no page of another community": guard(
        "reconcile/test_refused_pages.py"
        "::test_a_page_that_is_old_or_of_somebody_else_is_refused[another guild]",
        (
            "consumers/reconcile/decisions/page_refusals.py",
            "    if (page.chat_id, page.guild_id) != served:",
            "    if False:",
        ),
    ),
    "judge no pass before every page is there": guard(
        "reconcile/test_refused_pages.py"
        "::test_a_snapshot_that_did_not_come_whole_stops_the_pass[one page missing]",
        ("consumers/reconcile/pass_phases.py", "        if waiting:\n", "        if False:\n"),
    ),
    "judge no pass with a gap between its pages": guard(
        "reconcile/test_refused_pages.py::test_pages_that_do_not_follow_one_another_stop_the_pass",
        (
            "consumers/reconcile/repairs.py",
            "                if gap := reconcile_pages.gap_in(pages):",
            "                if gap := '':",
        ),
    ),
    "stop where too much would change": guard(
        "reconcile/test_refused_pages.py"
        "::test_more_drift_than_the_limit_is_held_until_an_operator_accepts_it",
        (
            "consumers/reconcile/repairs.py",
            "why = too_much(await drift.tallies(conn, run.id), self._limits)",
            "why = None",
        ),
    ),
    "take no empty table for zeros": guard(
        "reconcile/test_stores.py::test_an_empty_table_is_no_statement_and_changes_nothing",
        (
            "consumers/reconcile/subjects/stores.py",
            "        if not await row_reading.read(conn, self.platform, self._store, 0, 1):",
            "        if False:",
        ),
    ),
    "correct no row that never agreed with the ledger": guard(
        "reconcile/test_history.py"
        "::test_what_a_member_had_before_twinstream_is_held_though_they_won_since[discord]",
        (
            "consumers/reconcile/decisions/verdicts.py",
            (
                '    if one.subject == "store"'
                " and AgreedField(one.subject_id, one.field.kind) not in agreed:"
            ),
            "    if False:",
        ),
    ),
    "import a row that never agreed, and take nothing from it": guard(
        "reconcile/test_history.py"
        "::test_accepting_history_imports_it_and_leaves_the_bots_own_row[discord]",
        (
            "consumers/reconcile/subjects/stores.py",
            "        if is_history and amount > 0:",
            "        if False:",
        ),
    ),
    "let a row prove nothing that came back after it was deleted": guard(
        "reconcile/test_history.py"
        "::test_a_row_that_came_back_with_a_value_of_its_own_is_held[discord]",
        (
            "consumers/reconcile/subjects/stores.py",
            "            await agreeing_rows.forget(conn, self.platform, what.subject_id)\n",
            "",
        ),
    ),
    "believe of a table nothing that another one was seen to hold": guard(
        "reconcile/test_history.py"
        "::test_another_table_of_the_same_bot_is_met_for_the_first_time[discord]",
        (
            "db/reconcile/agreeing_rows.py",
            "            WHERE platform = $1 AND store = $2 AND account_id",
            "            WHERE platform = $1 AND $2 <> '' AND account_id",
        ),
    ),
    "hold what is held once, until it is decided": guard(
        "reconcile/test_history.py::test_a_row_that_grows_untold_stays_one_held_finding[discord]",
        (
            "db/reconcile/drift.py",
            "                AND o.seen_again_by IS DISTINCT FROM $1\n",
            "",
        ),
    ),
    "let no number stop a pass": guard(
        "reconcile/test_extreme_amounts.py"
        "::test_a_row_with_the_largest_number_is_held_and_the_others_are_repaired[users-lowest]",
        (
            "consumers/reconcile/decisions/verdicts.py",
            "    if one.amount is None or abs(one.amount) > DELTA_MAX:",
            "    if False:",
        ),
    ),
    "compare only what nobody is about to change": guard(
        "reconcile/test_discord_roles.py::test_who_is_shown_something_during_the_look_is_left_out",
        (
            "consumers/reconcile/subjects/appearance.py",
            "not in seen.shown or not appearance.is_still or appearance.is_absent:",
            "not in seen.shown or appearance.is_absent:",
        ),
    ),
    "ask about each one who is missing from a list": guard(
        "reconcile/test_discord_roles.py::test_who_is_missing_from_a_list_is_asked_about_alone",
        (
            "consumers/reconcile/subjects/discord_roles.py",
            "{one: await self._member(client, one) for one in asked}",
            "dict[int, Member | None].fromkeys(asked)",
        ),
    ),
    "believe nobody who does not even know the bot": guard(
        "reconcile/test_discord_roles.py::test_nothing_is_concluded_from_everybody_being_unknown",
        (
            "consumers/reconcile/subjects/discord_roles.py",
            "            await self._require_the_bot(client)\n",
            "            pass\n",
        ),
    ),
    "redeem no code under the stop sign": guard(
        "reconcile/test_stop_sign.py"
        "::test_a_code_that_is_sent_while_the_sign_is_being_set_is_not_redeemed[read committed]",
        (
            _OFFERS,
            "    IF twinstream.read_stop_sign() IS NOT NULL THEN\n        outcome",
            "    IF false THEN\n        outcome",
        ),
    ),
    "set no stop sign while a code is being redeemed": guard(
        "reconcile/test_stop_sign.py::test_the_sign_waits_for_the_redemption_under_way",
        (
            _LINKS,
            "    LOCK TABLE twinstream.stop_signs IN ROW SHARE MODE;\n",
            "",
        ),
    ),
    "move the tables under the stop sign": guard(
        "test_moving_over.py"
        "::test_before_the_contract_the_old_release_takes_over_again[only_moved]",
        ("launch/postgres_schema.py", "    await set_stop_signs(conn, quoted)\n", ""),
        room="tests/integration/release",
    ),
    "end the sessions that would not find the moved tables": guard(
        "test_moving_over.py::test_a_bot_of_the_old_release_goes_on_while_the_schema_is_expanded",
        (
            "launch/postgres_schema.py",
            "        await old_sessions.end(conn, before=began_at)\n",
            "",
        ),
        room="tests/integration/release",
    ),
    "contract nothing while a process of the old release is connected": guard(
        "test_moving_over.py::test_the_contract_refuses_while_an_old_session_lives",
        ("launch/contract.py", "    if found:\n", "    if False:\n"),
        room="tests/integration/release",
    ),
    "import what a row has when its member is locked": guard(
        "reconcile/test_history_import.py::test_a_win_that_is_not_committed_yet_is_waited_for",
        (
            "consumers/reconcile/history_import.py",
            "        again = await self._sort(conn, sorted(locked))\n",
            "        again = found\n",
        ),
    ),
    "import nothing that was imported before": guard(
        "reconcile/test_history_import.py"
        "::test_a_row_that_was_imported_and_came_back_is_not_imported_again",
        (
            "consumers/reconcile/decisions/history_rows.py",
            '    return f"import:{platform}:{account_id}:{kind.value}"\n',
            '    return f"import:{platform}:{account_id}:{datetime.now().timestamp()}"\n',
        ),
    ),
    "accept nothing that is being imported": guard(
        "reconcile/test_history_import.py"
        "::test_accepting_what_is_imported_at_the_same_moment_counts_once",
        (
            "consumers/reconcile/subjects/stores.py",
            "            row.seen.get(field) != row.expected[field] for row in rows\n",
            "            False for row in rows\n",
        ),
    ),
    "begin no pass under the stop sign": guard(
        "reconcile/test_stop_sign.py::test_under_the_sign_no_pass_is_begun_and_the_reason_is_logged_once",
        (
            "db/reconcile/passes.py",
            "    await stop_signs.obey(conn)\n",
            "",
        ),
        (
            "consumers/reconcile/role.py",
            "            paused = await stop_signs.read_under_lock(conn)\n",
            "            paused = None\n",
        ),
    ),
    "repair nothing under the stop sign": guard(
        "reconcile/test_stop_sign.py::test_a_sign_between_two_repairs_lets_no_second_one_through",
        (
            "consumers/reconcile/repairs.py",
            "                await stop_signs.obey(conn)\n",
            "",
        ),
    ),
    "look again before a role is put back": guard(
        "reconcile/test_discord_roles.py::test_what_was_changed_once_more_is_not_what_was_found",
        (
            "consumers/reconcile/subjects/appearance.py",
            "if found != (what.seen, what.expected):",
            "if False:",
        ),
    ),
    "a table that refuses every row buries nothing": guard(
        "settling/test_store_refusals.py"
        "::test_a_table_that_refuses_every_row_waits_and_buries_nothing[a right taken away]",
        (
            "db/stores/row_refusals.py",
            "        asked = 0\n        async for",
            "        return\n        asked = 0\n        async for",
        ),
    ),
    "a frozen table is not asked with nothing": guard(
        "settling/test_store_refusals.py"
        "::test_a_table_that_refuses_every_row_waits_and_buries_nothing[a season that is over]",
        (
            "db/stores/row_refusals.py",
            "least = 0 if all(is_about_amount(error) for _, error in hindered) else 1",
            "least = 0",
        ),
    ),
    "a refused amount is not asked with another": guard(
        "settling/test_store_refusals.py::test_the_only_row_is_refused_for_its_amount_alone",
        (
            "db/stores/row_refusals.py",
            "least = 0 if all(is_about_amount(error) for _, error in hindered) else 1",
            "least = 1",
        ),
    ),
    "judge again after the last refusal": guard(
        "settling/test_store_refusals.py"
        "::test_a_table_that_closes_in_the_middle_of_paying_is_not_taken_for_many_refusals",
        (
            "db/stores/row_refusals.py",
            "            await self._require_open()\n            for hindrance",
            "            for hindrance",
        ),
    ),
    "try once more what is to be buried": guard(
        "settling/test_store_refusals.py::test_a_refusal_that_is_over_when_it_is_judged_buries_nothing",
        (
            "db/stores/row_refusals.py",
            "                await self._apply([hindrance.change])\n",
            "                pass\n",
        ),
    ),
    "ask rows that were changed lately": guard(
        "settling/test_store_refusals.py::test_many_banned_neighbours_do_not_make_a_table_look_closed",
        (
            "db/stores/row_refusals.py",
            "for account_id in await self._changed_lately():",
            "for account_id in list[int]():",
        ),
    ),
    "wait for no held member without end": guard(
        "settling/test_held_members.py::test_a_held_member_waits_alone_and_is_never_buried",
        (
            "consumers/settling/role.py",
            "        except Locked:\n            if self._members",
            "        except ZeroDivisionError:\n            if self._members",
        ),
    ),
    "settle no achievement before its bonus": guard(
        "settling/test_held_members.py::test_an_achievement_of_a_held_member_waits_for_its_bonus",
        (
            "consumers/settling/bonuses.py",
            "                members.note(envelope.event.user_id)\n",
            "                pass\n",
        ),
    ),
    "bury no event that waits for a held member": guard(
        "settling/test_held_members.py::test_a_held_member_waits_alone_and_is_never_buried",
        (
            "consumers/settling/role.py",
            "            await forget_attempts(conn, entries)\n",
            "            pass\n",
        ),
    ),
    "hold up no pass for a held member": guard(
        "settling/test_held_members.py::test_a_pass_leaves_a_held_member_to_the_next_one",
        (
            "consumers/reconcile/repairs.py",
            "        except Locked:\n",
            "        except ZeroDivisionError:\n",
        ),
    ),
    "wait for no lock without end": guard(
        "settling/test_store_refusals.py::test_a_locked_row_keeps_no_other_member_from_being_paid",
        (
            "db/stores/savepoint.py",
            "SAVEPOINT store; SET LOCAL lock_timeout = {lock_wait_ms}",
            "SAVEPOINT store",
        ),
    ),
    "set aside what cannot be paid": guard(
        "settling/test_store_refusals.py::test_a_trigger_that_drops_the_change_does_not_keep_paying_busy",
        (
            "db/stores/store_debts.py",
            "        await _set_aside(conn, platform, {",
            "        _ = (conn, platform, {",
        ),
    ),
    "a debt buries no event": guard(
        "settling/test_store_refusals.py::test_what_the_table_does_not_want_of_a_debt_buries_no_event",
        (
            "db/stores/store_debts.py",
            "left = [one for one in debts if account_of[one] in together.refused]",
            "left = list[int]()",
        ),
    ),
    "put a refused bonus on record": guard(
        "settling/test_store_refusals.py::test_a_refused_bonus_is_on_record_and_can_be_replayed",
        (
            "consumers/settling/bonuses.py",
            "            conflict = isinstance(error, IdempotencyConflict)\n",
            "            return str(error)\n            conflict = True\n",
        ),
    ),
    "give no bonus that only looks like one": guard(
        "settling/test_store_refusals.py::test_what_only_looks_like_a_bonus_is_not_replayed",
        (
            "consumers/settling/bonuses.py",
            "            if not await producer.holds_achievement(",
            "            if False and not await producer.holds_achievement(",
        ),
    ),
    "a member who cannot be read holds up nobody else": guard(
        "display/test_unreadable_answers.py"
        "::test_a_member_whom_telegram_describes_in_a_new_way_holds_up_no_other[no status]",
        (
            "consumers/display/telegram_tags/errors.py",
            "    if isinstance(error, UnreadableAnswer) and error.was_done:\n        # Nothing",
            "    if False:\n        # Nothing",
        ),
    ),
    "an update that cannot be decoded costs itself only": guard(
        "test_unreadable.py"
        "::test_an_update_that_cannot_be_decoded_costs_itself_only[a missing field]",
        (
            "config/telegram_answer_decoding.py",
            "(raw := _raw_updates(error.data)) is not None",
            "(raw := None) is not None",
        ),
        room="tests/e2e",
    ),
    "a gateway event that cannot be parsed costs itself only": guard(
        "test_unreadable.py"
        "::test_a_gateway_event_that_cannot_be_parsed_costs_itself_only[no object]",
        ("bots/discord_bot/client.py", "        guard_parsers(self)\n", ""),
        room="tests/e2e",
    ),
    "an achievement that is put back is wanted, wished for or not": guard(
        "test_wishes.py"
        "::test_an_achievement_that_reconcile_puts_back_is_wanted_although_it_never_was",
        (
            _FORGETTING,
            (
                "        SELECT true FROM twinstream.accounts AS a\n"
                "        WHERE a.member_id = w.member_id AND a.platform = w.platform"
                " AND a.account_id > 0\n"
            ),
            (
                "        SELECT true FROM twinstream.surfaces AS a WHERE a.surface = w.name\n"
                "            AND a.member_id = w.member_id AND a.platform = w.platform\n"
            ),
        ),
        room="tests/integration/db",
    ),
    "a new wish frees what hindered the old one": guard(
        "test_wishes.py::test_an_achievement_that_reconcile_takes_away_frees_what_was_parked",
        (
            _FORGETTING,
            f"{_FREED}    WHERE f.wanted <> excluded.wanted;\nEND $$;\n\nREVOKE",
            "        parked = f.parked\n    WHERE f.wanted <> excluded.wanted;\nEND $$;\n\nREVOKE",
        ),
        room="tests/integration/db",
    ),
    "a code that others could read links nobody": guard(
        "test_code_voiding.py::test_a_void_code_links_no_accounts_and_its_owner_gets_a_notice",
        (_OFFERS, "SET status = 'void', changed_at = now()", "SET changed_at = now()"),
        room="tests/integration/db",
    ),
    "each code has the digits by which a posted one is found": guard(
        "test_link_functions.py::test_codes_differ_and_have_the_shape_that_bots_look_for",
        (_LINKS, "        EXIT WHEN code ~ '[2-9][A-Z]+[2-9]';\n", "        EXIT;\n"),
        room="tests/integration/db",
    ),
    "a confirmation that comes again says what is so": guard(
        "test_killed_bots.py::test_a_killed_bot_links_once_or_not_at_all"
        "[max, both, confirm after, from telegram]",
        (
            _CONFIRMED,
            _SO_ALREADY + _CONFIRMS,
            _CONFIRMS,
        ),
        room="tests/e2e",
    ),
    "Telegram delivers again what a killed bot did not handle": guard(
        "test_killed_bots.py::test_a_killed_bot_links_once_or_not_at_all"
        "[max, both, confirm before, from telegram]",
        (
            "bots/telegram_bot/app.py",
            "handle_as_tasks=False,",
            "handle_as_tasks=True,",
        ),
        room="tests/e2e",
    ),
    "only the account that started an offer confirms it": guard(
        "test_offers.py::test_only_the_account_that_started_confirms[from discord]",
        (
            _CONFIRMED,
            (
                " OR offer.platform <> of_platform\n"
                "        OR offer.account_id <> of_account OR offer.opener_id IS NULL\n"
            ),
            " OR offer.opener_id IS NULL\n",
        ),
        room="tests/integration/db",
    ),
    "the first account that opens an offer holds it": guard(
        "test_offers.py::test_a_leaked_offer_shows_its_starter_a_stranger_and_declining_frees_nothing"
        "[from discord]",
        (_OFFERS, "WHEN offer.opener_id <> of_account THEN 'taken'", "WHEN false THEN 'taken'"),
        room="tests/integration/db",
    ),
    "an account that guesses waits": guard(
        "test_offers.py::test_a_limited_account_waits_with_any_code_and_is_told_how_long",
        (_OFFERS, "    IF wait_s > 0 THEN\n", "    IF false THEN\n"),
        room="tests/integration/db",
    ),
    "a code that was given out is no guess": guard(
        "test_offers.py::test_a_code_that_was_given_out_never_counts_as_wrong[used-from discord]",
        (
            _OFFERS,
            "    WHERE o.code_hash = twinstream.hash_of_code(proof) OR",
            "    WHERE o.code_hash = twinstream.hash_of_code(proof) AND o.status <> 'linked' OR",
        ),
        room="tests/integration/db",
    ),
    "a button is for the member whom the bot answered": guard(
        "test_buttons.py::test_only_the_member_who_was_answered_may_press",
        (
            "bots/telegram_bot/messages/presses.py",
            "        if data.account_id != asker.account_id:\n",
            "        if False:\n",
        ),
        room="tests/e2e",
    ),
    "a press is one of a button that the message has": guard(
        "test_buttons.py"
        "::test_a_client_that_sends_another_button_than_it_was_shown_takes_no_message",
        (
            "bots/telegram_bot/messages/presses.py",
            "        if not has_button(message, pressed):\n",
            "        if False:\n",
        ),
        room="tests/e2e",
    ),
    "a member who posts codes takes no answers of others": guard(
        "test_posted_codes.py::test_a_member_who_posts_codes_takes_no_answers_of_others",
        (
            "bots/telegram_bot/messages/posted_codes.py",
            "        if not self._queue.has_room(message.chat.id, poster.account_id):\n",
            "        if False:\n",
        ),
        room="tests/e2e",
    ),
    "a button that is pressed twice acts once": guard(
        "test_buttons.py::test_discord_does_a_double_press_once",
        (
            "bots/discord_bot/presses.py",
            "        elif self._memory.is_gone(interaction.message.id, custom_id):\n",
            "        elif False:\n",
        ),
        room="tests/e2e",
    ),
    "change no entry of the ledger": guard(
        # The other updates change an amount, which a second trigger refuses.
        "test_schema.py::test_the_ledger_is_only_added_to[update of no row]",
        (
            "db/contracts/0.2/1_close.sql",
            "BEFORE UPDATE OR DELETE OR TRUNCATE ON twinstream.transactions",
            "BEFORE DELETE OR TRUNCATE ON twinstream.transactions",
        ),
        room="tests/integration/db",
    ),
    "report an account with entries and no member": guard(
        "test_audit.py::test_an_account_with_entries_and_no_member_is_named",
        (
            "db/upkeep/audit_queries.py",
            "        'a member' AS expected, a.member_id IS NULL AS differs\n",
            "        'a member' AS expected, false AS differs\n",
        ),
        room="tests/integration/db",
    ),
    "know whose an account is until its entry commits": guard(
        "test_linking.py::test_settling_while_a_link_commits_finds_the_merged_member",
        (_RECORD, "        FOR KEY SHARE\n    ) AS a;\n", "    ) AS a;\n"),
        room="tests/integration/db",
    ),
    "pay a bonus once, even if the accounts part again": guard(
        "settling/test_bonuses.py"
        "::test_the_bonus_is_paid_once_even_if_the_accounts_part_again[False]",
        (
            "consumers/settling/bonuses.py",
            "{*mine, *await links.once_linked(conn, mine)}",
            "{*mine}",
        ),
    ),
    "give one bonus at a time to accounts that parted": guard(
        "settling/test_bonuses.py"
        "::test_accounts_that_parted_with_both_achievements_on_the_way_have_one_bonus",
        (
            "consumers/settling/bonuses.py",
            "            await links.lock_shared(conn, setting.name)\n",
            "            pass\n",
        ),
    ),
    "keep the part of the books that the Discord account earned": guard(
        "test_audit.py::test_the_books_keep_the_part_that_the_discord_account_earned",
        (
            _RECORD,
            "            discord_xp = s.discord_xp + excluded.discord_xp,\n",
            "",
        ),
        room="tests/integration/db",
    ),
    "lock a person after their entries are rewritten": guard(
        "test_forgetting.py::test_others_and_the_member_wait_for_no_entry_that_is_rewritten",
        (_FORGETTING, _REWRITE_FIRST, _LOCK_PERSON + _REWRITE_FIRST),
        room="tests/integration/db",
    ),
    "a second wish to be forgotten waits for nothing": guard(
        "test_forgetting.py::test_others_and_the_member_wait_for_no_entry_that_is_rewritten",
        (
            _FORGETTING,
            "        RETURN; -- a process that is at it holds the row until it is done\n",
            "        NULL;\n",
        ),
        room="tests/integration/db",
    ),
    "an account that was unlinked names no forgotten one": guard(
        "test_forgetting.py::test_an_unlink_while_entries_are_rewritten_comes_first",
        (
            _FORGETTING,
            "            AND f.wanted_key ~ twinstream.pattern_of_ids(ARRAY[one]);\n",
            "            AND f.wanted_key = 'link';\n",
        ),
        room="tests/integration/db",
    ),
    "an event that is sent again comes before the forgetting": guard(
        "test_forgetting.py::"
        "test_an_event_that_is_sent_again_while_entries_are_rewritten_comes_first",
        (
            _FORGETTING,
            "        WHERE e.status IN ('pending', 'published') AND NOT EXISTS (\n",
            "        WHERE false AND NOT EXISTS (\n",
        ),
        room="tests/integration/db",
    ),
    "what comes again earns nothing": guard(
        "test_earning.py::test_a_message_that_comes_again_counts_once",
        (_EARNING, "WHEN moment <= known_at OR moment < known_at +", "WHEN known_at > known_at +"),
        room="tests/integration/db",
    ),
    "a cooldown is the person's on both platforms": guard(
        "test_earning.py::test_the_cooldown_is_the_persons_on_both_platforms",
        (
            _EARNING,
            "reason = reasons[n] OFFSET 0\n        ) AS w\n        WHERE a.member_id = owner;",
            (
                "reason = reasons[n] OFFSET 0\n        ) AS w\n        WHERE a.platform = here"
                " AND a.account_id = account_ids[n];"
            ),
        ),
        room="tests/integration/db",
    ),
    "a person earns no more than the limit of the day": guard(
        "test_earning.py::test_the_limit_of_a_day_is_the_persons_on_both_platforms",
        (_EARNING, "least(amounts[n], day_limits[n] - today)", "least(amounts[n], day_limits[n])"),
        room="tests/integration/db",
    ),
    "a window that became an event is empty": guard(
        "test_earning.py::test_what_is_earned_waits_in_a_window_and_becomes_one_event",
        (
            _EARNING,
            "AS w SET xp = 0, opened_at = NULL, closed_at",
            "AS w SET xp = w.xp, opened_at = w.opened_at, closed_at",
        ),
        room="tests/integration/db",
    ),
    "a promotion waits for no window": guard(
        "test_earning.py::test_a_promotion_waits_for_no_window",
        (_EARNING, "    IF promoted <> '{}' THEN\n", "    IF false THEN\n"),
        room="tests/integration/db",
    ),
    "a level that is announced waits for no window": guard(
        "test_earning.py::test_a_level_that_is_announced_waits_for_no_window",
        (_EARNING, "                OR total < level_due AND total + held >= level_due\n", ""),
        room="tests/integration/db",
    ),
    "close windows before a link compares amounts": guard(
        "test_earning.py::test_links_and_their_ends_close_windows_first",
        (
            _LINK_ACTS,
            (
                "    PERFORM twinstream.close_windows_of_locked(platforms, ids, stores);\n"
                "    FOR n IN 1..2 LOOP\n"
            ),
            "    FOR n IN 1..2 LOOP\n",
        ),
        room="tests/integration/db",
    ),
    "a new account goes on where the old one was": guard(
        "test_earning.py::test_a_new_account_goes_on_where_the_old_one_was",
        (_LINK_ACTS, "    PERFORM twinstream.carry_earning(of_platform, old_id, new_id);\n", ""),
        room="tests/integration/db",
    ),
    "earn nothing by what was done before the forgetting": guard(
        "test_earning.py::test_what_was_done_before_a_person_was_forgotten_counts_no_more",
        (_EARNING, "        IF too_old[n] THEN\n", "        IF false THEN\n"),
        room="tests/integration/db",
    ),
    "a table of a bot's own is owed what others close": guard(
        "test_earning.py::test_a_table_of_a_bots_own_is_owed_what_another_process_closes",
        (_EARNING, "    IF of_platform = ANY (stores) THEN\n", "    IF false THEN\n"),
        room="tests/integration/db",
    ),
    "forget nobody along by a link that can be undone": guard(
        "test_forgetting.py"
        "::test_nobody_has_another_account_forgotten_by_a_link_that_can_be_undone",
        (
            _FORGETTING,
            "    IF EXISTS (\n        SELECT FROM twinstream.links_of(",
            "    IF false AND EXISTS (\n        SELECT FROM twinstream.links_of(",
        ),
        room="tests/integration/db",
    ),
    "link no account that waits to be forgotten": guard(
        "test_forgetting.py::test_an_account_that_waits_to_be_forgotten_takes_no_other_one_along",
        (_LINK_ACTS, "AND r.forgotten_at IS NULL\n", "AND false\n"),
        room="tests/integration/db",
    ),
    "forgetting frees nobody from the rules of linking": guard(
        "test_forgetting.py::test_a_forgotten_account_that_comes_back_links_by_the_rules_of_before",
        (
            _FORGETTING,
            "    PERFORM twinstream.mark_link_rules(person, pads);\n",
            "",
        ),
        room="tests/integration/db",
    ),
    "a wish to be forgotten waits for a link that is being made": guard(
        "test_forgetting.py::test_a_wish_to_be_forgotten_waits_for_a_link_that_is_being_made",
        (_FORGETTING, "ask_to_forget.account_id FOR KEY SHARE;", "ask_to_forget.account_id;"),
        room="tests/integration/db",
    ),
    "let only our own processes forget people": guard(
        "roles/test_permissions.py::test_only_our_own_processes_forget_people",
        (
            _FORGETTING,
            (
                "    PERFORM twinstream.require_own_process();\n"
                "    PERFORM twinstream.obey_stop_sign();\n"
            ),
            "    PERFORM twinstream.obey_stop_sign();\n",
        ),
        room="tests/integration",
    ),
    "change entries in no other way than by forgetting": guard(
        "test_forgetting.py::test_the_ledger_changes_for_nothing_but_forgetting",
        (
            _FORGETTING,
            (
                "    DELETE FROM twinstream.forgettings AS f"
                " WHERE f.transaction_id = pg_current_xact_id();\n"
            ),
            "",
        ),
        room="tests/integration/db",
    ),
    "change no amount by forgetting": guard(
        "test_forgetting.py::test_forgetting_cannot_change_an_amount",
        (_FORGETTING, "type, delta_xp, delta_balance, achievement,", "type,"),
        room="tests/integration/db",
    ),
    "forget with one secret only": guard(
        "test_forgetting.py::test_another_secret_forgets_nobody",
        (
            _FORGETTING,
            "    IF NOT EXISTS (\n        SELECT FROM twinstream.forget_secrets AS s",
            "    IF false AND NOT EXISTS (\n        SELECT FROM twinstream.forget_secrets AS s",
        ),
        room="tests/integration/db",
    ),
    "count no old entry of a forgotten account": guard(
        "test_forgetting.py::test_an_old_entry_that_comes_again_counts_no_more[recorded]",
        (
            _MARKS,
            "        WHERE EXISTS (\n            SELECT FROM twinstream.transactions AS t\n",
            (
                "        WHERE false AND EXISTS (\n"
                "            SELECT FROM twinstream.transactions AS t\n"
            ),
        ),
        room="tests/integration/db",
    ),
    "count no older event that nobody recorded": guard(
        "test_forgetting.py::test_an_event_that_nobody_recorded_and_that_is_older_counts_no_more",
        (_MARKS, ") OR is_from_stream AND EXISTS (", ") OR false AND EXISTS ("),
        room="tests/integration/db",
    ),
    "reactions and thanks from before a forgetting bring nothing back": guard(
        "test_forgetting.py::test_a_backlog_from_before_a_forgetting_brings_nothing_back",
        (_MARKS, "        forget_secret <> '' AND moment < (", "        false AND moment < ("),
        room="tests/integration/db",
    ),
    "a forgetting waits for reactions that are being entered": guard(
        "test_forgetting.py::test_a_reaction_that_is_being_entered_does_not_outlive_a_forgetting",
        (
            _FORGETTING,
            "    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.forgetting', 0));\n",
            "",
        ),
        room="tests/integration/db",
    ),
    "judge again what waited for a forgetting": guard(
        "test_forgetting.py::test_an_event_that_waits_for_the_forgetting_is_judged_again",
        (
            _MARKS,
            "    IF forget_secret <> '' AND last_forgotten IS DISTINCT FROM (",
            "    IF false AND last_forgotten IS DISTINCT FROM (",
        ),
        room="tests/integration/db",
    ),
    "reserved keys are for our own processes": guard(
        "test_record_function.py"
        "::test_reserved_keys_are_for_our_own_processes[tg_reconcile_1001_7.9]",
        (
            _RECORD,
            "        IF NOT is_ours AND twinstream.is_reserved(e.idempotency_key) THEN",
            "        IF false THEN",
        ),
        room="tests/integration/db",
    ),
    "a reserved key from a stream waits for the operator": guard(
        "operate/test_dead_letters.py"
        "::test_a_reserved_key_from_the_stream_is_held_for_the_operator",
        (
            "db/ledger/events.py",
            "                may_reserve=False,\n",
            "",
        ),
    ),
    "a key of our form is the event's own": guard(
        "test_record_function.py"
        "::test_a_key_of_our_form_must_be_the_events_own[tg_game_guess_1002_1]",
        (
            _RECORD,
            "            AND twinstream.reason_in_key(e.idempotency_key) IS NOT NULL\n",
            "            AND false\n",
        ),
        room="tests/integration/db",
    ),
    "the function checks what the wire checks": guard(
        "test_record_function.py::test_what_the_wire_refuses_the_function_refuses",
        (_RECORD, "    IF fault IS NOT NULL THEN", "    IF false THEN"),
        room="tests/integration/db",
    ),
    "a payload that is read the short way is checked all the same": guard(
        "test_plain_payloads.py::test_the_short_way_refuses_what_the_long_way_refuses",
        (_READ, f"""), '') COLLATE "C" ~ texts{_READS_ON}""", f"), '') IS NOT NULL{_READS_ON}"),
        room="tests/integration/db",
    ),
    "a held member holds up no other": guard(
        "test_shared_transactions.py"
        "::test_a_member_that_another_transaction_holds_holds_up_no_other",
        (
            "db/shared_transactions.py",
            "                waits_for_locks=lane.account_id is not None,\n",
            "                waits_for_locks=True,\n",
        ),
        room="tests/integration/db",
    ),
    "a refused event fails its own caller only": guard(
        "test_shared_transactions.py::test_a_refused_event_fails_its_own_caller_only",
        (
            "db/shared_transactions.py",
            "            if len(batch) == 1:\n",
            "            if batch:\n",
        ),
        room="tests/integration/db",
    ),
    "a SQL caller's event waits for no producer": guard(
        "relay/test_relay.py::test_an_event_of_a_sql_caller_wakes_the_relay_at_once",
        (
            "db/ledger/outbox.py",
            "left_to_relay OR created_at < now()",
            "created_at < now()",
        ),
    ),
    "a bot acts for its own platform only": guard(
        "test_permissions.py"
        "::test_each_role_calls_each_function_for_its_own_platform_only[telegram]",
        (
            "db/migrations/20261129000008_record.sql",
            "r.duty IN ('owner', 'consumers', 'to_discord', 'to_telegram', of_platform || '_bot')",
            "r.duty IN ('owner', 'consumers', 'to_discord', 'telegram_bot', 'discord_bot')",
        ),
        room="tests/integration/roles",
    ),
    "a consumer of a stream enters no event of its own platform": guard(
        "test_split_consumers.py::test_a_consumer_records_no_event[to-discord]",
        ("db/roles.sql", "WITH CHECK (source = %L OR %s)", "WITH CHECK (%L <> '' OR %s)"),
        room="tests/integration/release",
    ),
    "a consumer of a stream gives the relay nothing to publish": guard(
        "test_split_consumers.py::test_a_consumer_records_no_event[to-telegram]",
        (
            "db/roles.sql",
            "USING (true) WITH CHECK (status <> 'pending' OR %s)",
            "USING (true) WITH CHECK (status <> '' OR %s)",
        ),
        room="tests/integration/release",
    ),
    "grant no change of the ledger": guard(
        "test_permissions.py::test_each_role_does_with_each_table_what_it_has_to_and_no_more",
        (
            "db/roles.sql",
            "        IF one.name IN ('transactions', 'link_acts') THEN\n",
            "        IF false THEN\n",
        ),
        room="tests/integration/roles",
    ),
    "no type of a caller acts as the owner": guard(
        "test_permissions.py::test_a_type_of_the_caller_does_not_act_as_the_owner",
        (
            "db/migrations/20261129000010_bot_functions.sql",
            "STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$\nDECLARE\n    so",
            "STABLE SECURITY DEFINER SET search_path = '' AS $$\nDECLARE\n    so",
        ),
        room="tests/integration/roles",
    ),
    "a flooding account is answered less": guard(
        "test_floods.py::test_a_member_who_floods_the_group_is_answered_less_and_others_at_once",
        (
            "bots/telegram_bot/messages/authors.py",
            "        is_admitted = self._limits.admits(asker.account_id)\n",
            "        is_admitted = True\n",
        ),
        room="tests/e2e",
    ),
    "no handler waits out a limit": guard(
        "test_floods.py::test_an_account_that_telegram_does_not_describe_keeps_no_other_waiting",
        (
            "bots/telegram_bot/polling/retries.py",
            "        attempts = 1 if isinstance(method, IMPATIENT) else ATTEMPTS_MAX\n",
            "        attempts = ATTEMPTS_MAX\n",
        ),
        room="tests/e2e",
    ),
    "answers that wait share a message": guard(
        "test_answer_queue.py::test_answers_that_wait_for_one_chat_share_a_message_in_their_order",
        (
            "bots/telegram_bot/messages/answer_queue.py",
            "        while before < len(batch) < SHARED_MAX:\n",
            "        while False:\n",
        ),
        room="tests/unit/bots/telegram_bot",
    ),
    "a win is told however long it takes": guard(
        "test_answer_queue.py::test_a_win_is_told_however_long_telegram_refuses_it",
        (
            "bots/telegram_bot/messages/answer_queue.py",
            "            if one.must_arrive and not self._closing.is_set():\n",
            "            if False:\n",
        ),
        room="tests/unit/bots/telegram_bot",
    ),
    "an account that cannot be asked about is no member": guard(
        "test_membership.py::test_while_the_bot_is_not_in_the_group_nobody_counts_as_inside[kicked]",
        (
            "bots/telegram_bot/group/membership.py",
            "        return Standing.UNKNOWN\n\n    def _remember",
            "        return Standing.INSIDE\n\n    def _remember",
        ),
        room="tests/integration/bots",
    ),
    "a muted member does not play in private": guard(
        "test_floods.py::test_a_member_who_was_muted_while_playing_plays_no_more_in_private",
        (
            "bots/telegram_bot/group/membership.py",
            "Standing.MUTED if member.can_send_messages is False else Standing.INSIDE",
            "Standing.INSIDE",
        ),
        room="tests/e2e",
    ),
    "a group is followed to its new id": guard(
        "test_group_moves.py::test_the_bot_goes_on_in_the_new_group_and_says_once_what_to_correct",
        (
            "config/telegram_group.py",
            "        self.chat_id = new_id\n",
            "",
        ),
        room="tests/e2e",
    ),
    "no update is handled by the router of the old group": guard(
        "test_group_moves.py::test_one_of_the_two_service_messages_is_enough[migrate_to_chat_id]",
        (
            "bots/telegram_bot/polling/update_gate.py",
            "            if not self._ended.is_set():\n",
            "            if True:\n",
        ),
        room="tests/e2e",
    ),
    "look soon after what hinders everything": guard(
        "test_mended_causes.py::test_tags_go_on_within_seconds_after_the_bot_may_write_again[kick]",
        (
            "consumers/display/telegram_tags/errors.py",
            "MENDED_RETRY_S = 10.0",
            "MENDED_RETRY_S = 300.0",
        ),
        room="tests/integration/consumers/display",
    ),
    "a stray refusal rests no role": guard(
        "test_mended_causes.py::test_a_role_is_tried_again_after_one_stray_refusal",
        (
            "consumers/display/discord_roles/roles.py",
            "    if strays == 1:\n        return 0.0\n",
            "",
        ),
        room="tests/integration/consumers/display",
    ),
    "what is refused for long is tried rarely": guard(
        "test_announcements.py::test_a_message_that_is_refused_for_long_is_tried_a_few_times_and_told_once",
        (
            "bots/features/announcements/announcer.py",
            "        pause_s = max(INTERVAL_S, error.retry_s, longer_s)\n",
            "        pause_s = INTERVAL_S\n",
        ),
        room="tests/integration/db",
    ),
    "a place that takes no messages keeps no other waiting": guard(
        "test_announcement_places.py::test_many_that_wait_for_a_parked_place_hide_no_other_news",
        (
            "bots/features/announcements/announcer.py",
            "[kind for kind in KINDS if kind not in fixed or not self._rests_at(fixed[kind])]",
            "list(KINDS)",
        ),
        (
            "bots/features/announcements/announcer.py",
            (
                "            if target is not None and self._rests_at(target.place):\n"
                "                continue\n"
            ),
            "",
        ),
        room="tests/integration/bots",
    ),
    "announce nothing that was undone meanwhile": guard(
        "test_announcement_places.py"
        "::test_news_wait_for_the_end_of_the_quiet_hours_and_what_is_undone_is_none[the rank]",
        (
            _NEWS,
            "f.announce AND f.wanted >= f.announced\n            ORDER BY f.shown_at LIMIT",
            "f.announce\n            ORDER BY f.shown_at LIMIT",
        ),
        (_NEWS, "f.announced = t.number AND f.wanted >= f.announced", "f.announced = t.number"),
        room="tests/integration/bots",
    ),
    "announce nothing in quiet hours": guard(
        "test_announcement_places.py"
        "::test_news_wait_for_the_end_of_the_quiet_hours_and_what_is_undone_is_none[nothing]",
        (
            "bots/features/announcements/announcer.py",
            "if self._quiet is not None and self._quiet.until(now, zone) is not None:",
            "if False:",
        ),
        room="tests/integration/bots",
    ),
    "a stopping bot sends what it has claimed": guard(
        "test_announcement_places.py::test_a_stopping_bot_sends_what_it_has_claimed",
        (
            "bots/features/announcements/announcer.py",
            "await asyncio.shield(step)",
            "await step",
        ),
        room="tests/integration/bots",
    ),
    "imported XP makes no level news": guard(
        "levels/test_levels.py::test_imported_xp_is_no_news[120]",
        (
            "db/surfaces/levels.py",
            "                    AND NOT starts_with(s.idempotency_key, 'import:')\n",
            "",
        ),
    ),
    "a link makes no level news": guard(
        "levels/test_levels.py::test_what_two_accounts_add_up_to_is_no_news",
        (
            "db/surfaces/levels.py",
            "                        AND t.created_at > coalesce(changed.since, '-infinity')\n",
            "",
        ),
    ),
    "a level is noted of a member who joined again": guard(
        "levels/test_levels.py::test_a_member_who_joined_again_and_is_not_shown_yet_reaches_a_level[same]",
        (
            "db/surfaces/levels.py",
            "            forgotten = false, announce = (f.announce",
            "            announce = (f.announce",
        ),
    ),
    "a level is noted by one process": guard(
        "levels/test_levels.py::test_two_roles_at_once_make_one_piece_of_news",
        (
            "db/surfaces/levels.py",
            "JOIN given AS g ON m.id = g.member_id AND m.level_due_xp = g.due_xp\n",
            "JOIN given AS g ON m.id = g.member_id\n",
        ),
        (
            "db/surfaces/levels.py",
            "            WHERE m.id = g.member_id AND l.id = m.id AND m.level_due_xp = g.due_xp\n",
            "            WHERE m.id = g.member_id AND l.id = m.id\n",
        ),
    ),
    "a number that is pressed again costs no try": guard(
        "test_guessing_buttons.py::test_a_number_that_is_pressed_again_costs_no_try",
        (
            "bots/features/guessing/game.py",
            " or not current.least <= guess <= current.most",
            "",
        ),
        (
            "bots/telegram_bot/messages/presses.py",
            "        if self._memory.is_gone(key_of(message), pressed):\n",
            "        if False:\n",
        ),
        (
            "bots/telegram_bot/messages/presses.py",
            "        if not self._memory.take(key_of(message), pressed):\n",
            "        if False:\n",
        ),
        room="tests/e2e",
    ),
    "each round of a message is paid": guard(
        "test_guessing_buttons.py::test_two_rounds_in_one_message_are_paid_twice",
        (
            "bots/features/guessing/room.py",
            'entity_id=f"{pressed.entity_id}.{token}"',
            "entity_id=pressed.entity_id",
        ),
        room="tests/e2e",
    ),
    "a muted member presses no button that earns": guard(
        "test_guessing_buttons.py::test_a_muted_member_presses_no_button_that_earns",
        (
            "bots/telegram_bot/messages/strangers.py",
            "        is_press_that_earns = isinstance(asked, Press) and asked.earns\n",
            "        is_press_that_earns = False\n",
        ),
        room="tests/e2e",
    ),
    "a stopping bot notes what is to be tidied up": guard(
        "test_tidying.py::test_a_restart_forgets_no_message",
        (
            "bots/telegram_bot/answer_tidying.py",
            "            writing = asyncio.ensure_future(self._write())\n",
            "            writing = asyncio.ensure_future(asyncio.sleep(0))\n",
        ),
        room="tests/e2e",
    ),
    "a message that is put off gets no younger": guard(
        "test_tidying.py::test_a_deletion_that_is_put_off_makes_a_message_no_younger",
        (
            "db/migrations/20261130000225_transient_answers.sql",
            "SELECT chat, n.message_id, n.is_command, n.noted_at, now()",
            "SELECT chat, n.message_id, n.is_command, now(), now()",
        ),
        room="tests/e2e",
    ),
    "show a text of a sender, whatever it holds": guard(
        "operate/test_hostile_texts.py::test_a_buried_events_texts_are_shown_as_they_are_written",
        ("config/outside_text/terminal.py", '"markup": False', '"markup": True'),
    ),
    "show a member's name, whatever it holds": guard(
        "test_telegram_bot.py::test_a_hostile_name_is_only_shown",
        ("bots/telegram_bot/markup.py", "inert(one_line(text))", "text"),
        room="tests/e2e",
    ),
    "strangers learn nothing in private": guard(
        "test_inputs.py::test_strangers_learn_and_change_nothing_in_private[/top]",
        (
            "bots/telegram_bot/messages/strangers.py",
            "if asked.is_for_strangers or ",
            "if asked.refuse_stranger is None or ",
        ),
        room="tests/e2e",
    ),
    "the message that opened a topic is no reply": guard(
        "test_inputs.py::test_in_a_topic_a_plain_why_is_about_oneself_and_answered_there",
        ("bots/telegram_bot/messages/arguments.py", "_opens_topic(quoted, message) or ", ""),
        room="tests/e2e",
    ),
    "boards leave out who left": guard(
        "test_boards.py::test_a_member_who_left_is_off_the_board_and_keeps_the_points",
        (
            "db/migrations/20261130000185_boards.sql",
            "WHERE m.on_board AND m.xp > 0;",
            "WHERE m.xp > 0;",
        ),
        room="tests/integration/db",
    ),
    "what a repair brings is not earned this week": guard(
        "test_board_periods.py::test_repairs_and_imports_are_no_earnings",
        (
            "db/migrations/20261129000008_record.sql",
            "(SELECT e.reason <> 'reconcile'\n            AND NOT",
            "(SELECT true\n            AND NOT",
        ),
        room="tests/integration/db",
    ),
    "a week has what happened in it": guard(
        "test_board_periods.py::test_an_event_of_an_older_period_counts_for_the_total_alone",
        (
            "db/migrations/20261129000008_record.sql",
            "k.earns AND e.occurred_at >= starts.week_at",
            "k.earns",
        ),
        room="tests/integration/db",
    ),
    "a transaction from before midnight takes nothing from the new week": guard(
        "test_board_periods.py"
        "::test_a_transaction_that_began_before_midnight_takes_nothing_from_the_new_week",
        (
            "db/migrations/20261129000008_record.sql",
            "OR m.week = starts.next_week THEN m.week",
            "THEN m.week",
        ),
        room="tests/integration/db",
    ),
    "an unlink leaves the week where it leaves the XP": guard(
        "test_board_periods.py::test_an_unlink_leaves_the_week_with_telegram_as_it_leaves_the_xp",
        (
            "db/migrations/20261130000180_earnings_of_periods.sql",
            "SET week_discord_xp = 0, month_discord_xp = 0 WHERE",
            "SET week_discord_xp = m.week_discord_xp WHERE",
        ),
        room="tests/integration/db",
    ),
    "scores wait for a link of their account": guard(
        "test_member_scores.py::test_a_thank_you_during_a_link_is_the_linked_members",
        (
            "db/migrations/20261130000184_member_scores.sql",
            "ORDER BY a.platform, a.account_id FOR KEY SHARE OF a",
            "ORDER BY a.platform, a.account_id",
        ),
        room="tests/integration/db",
    ),
    "a page reads an index, whatever Postgres expects": guard(
        "test_board_pages.py::test_a_page_reads_no_more_rows_in_a_large_community[xp]",
        ("db/members/boards.py", "            await conn.execute(_BY_INDEX)\n", ""),
        room="tests/integration/db",
    ),
    "a hidden member is shown to nobody else": guard(
        "test_profiles.py::test_a_hidden_member_is_shown_to_themselves_only",
        (
            "bots/features/profile/room.py",
            "not is_own and figures is not None and figures.is_hidden",
            "False",
        ),
        room="tests/e2e",
    ),
    "a picture of a hostile member costs their picture": guard(
        "test_pictures.py::test_an_avatar_that_is_none_is_refused[many pixels]",
        ("bots/cards/avatars.py", "opened.width * opened.height > PIXELS_MAX", "False"),
        room="tests/unit/bots/cards",
    ),
    "a slow avatar holds up no other member": guard(
        "test_profiles.py::test_an_avatar_that_is_slow_holds_up_no_other_member",
        (
            "bots/features/profile/room.py",
            "        return self._answer(",
            "        await question.avatars.read(target.account_id)\n        return self._answer(",
        ),
        room="tests/e2e",
    ),
    "an event that comes again brings no old name back": guard(
        "test_names_with_events.py::test_an_event_that_comes_again_brings_no_old_name_back",
        (
            _RECORD,
            " AND (cardinality(entered) = cardinality(keys) OR u.key = ANY (entered));\n",
            ";\n",
        ),
        room="tests/integration/db",
    ),
    "leave alone whom another bot muted": guard(
        "test_left_alone.py::test_a_member_whom_another_bot_muted_is_left_alone_until_the_role_is_gone",
        (
            "consumers/display/discord_roles/roles.py",
            "        if self._community.leaves_alone(member.roles):\n",
            "        if False:\n",
        ),
        room="tests/integration/consumers/display",
    ),
    "a rank's tag is worn by its members only": guard(
        "test_tag_and_role_checks.py::test_a_rank_that_has_no_tag_does_not_wear_the_tag_of_another",
        (
            "bots/features/tag_and_role_checks/checker.py",
            'tag not in {one.telegram_tag for one in self._community.ranks} - {""}',
            "True",
        ),
        room="tests/integration/bots",
    ),
    "a member without a row is visited too": guard(
        "test_tag_and_role_checks.py::test_what_a_member_without_a_rank_was_given_by_hand_is_taken[nothing-Newcomer]",
        (
            "db/migrations/20261129000030_put_back_and_news.sql",
            "    IF with_priority = 2 THEN",
            "    IF false THEN",
        ),
        room="tests/integration/bots",
    ),
    "a change by hand reads the rank under the member's lock": guard(
        "test_wishes.py::test_a_first_rank_beside_a_change_by_hand_is_what_is_wanted",
        (
            "db/migrations/20261129000030_put_back_and_news.sql",
            "        FOR KEY SHARE OF a FOR NO KEY UPDATE OF m;",
            "        ;",
        ),
        room="tests/integration/db",
    ),
    "a link ends no news": guard(
        "test_news_of_links.py::test_an_achievement_that_was_just_unlocked_is_announced_after_a_link[shown]",
        (
            _OWN_LINKS,
            (
                "coalesce(n.announced, 0) AS announced,\n"
                "        coalesce(n.announce, false) AS announce\n"
            ),
            "0, false\n",
        ),
        room="tests/integration/db",
    ),
    "the end of a link locks accounts first": guard(
        "test_link_acts.py::test_the_end_of_a_link_and_a_move_at_once_are_no_deadlock[undo]",
        (
            _LINK_ACTS,
            "WHERE l.id = link_id;\n    IF NOT FOUND",
            "WHERE l.id = link_id FOR UPDATE;\n    IF NOT FOUND",
        ),
        room="tests/integration/db",
    ),
    "an administrator names accounts that were seen": guard(
        "test_link_acts.py::"
        "test_administrators_name_accounts_of_others_that_were_seen[no such partner]",
        (
            _OWN_LINKS,
            "    IF FOUND THEN\n        PERFORM twinstream.refuse_link('account_is_known'",
            "    IF false THEN\n        PERFORM twinstream.refuse_link('account_is_known'",
        ),
        room="tests/integration/db",
    ),
    "an administrator takes over no account": guard(
        "test_link_acts.py::test_administrators_name_accounts_of_others_that_were_seen[take over]",
        (
            _OWN_LINKS,
            "            WHEN of_platform THEN administrator ELSE",
            "            WHEN of_platform THEN NULL ELSE",
        ),
        room="tests/integration/db",
    ),
    "a few members use up no limit of all": guard(
        "test_link_acts.py::test_a_few_members_do_not_use_up_the_limit_for_all",
        (_OWN_LINKS, "count(DISTINCT a.actor_account_id)", "count(*)"),
        room="tests/integration/db",
    ),
    "a forbidden account links with nobody": guard(
        "test_link_acts.py"
        "::test_a_forbidden_account_links_with_nobody_until_it_is_allowed[telegram-1001]",
        (
            _LINK_ACTS,
            "        PERFORM twinstream.require_leave_to_link(platforms[n], ids[n]);\n",
            "",
        ),
        room="tests/integration/db",
    ),
    "a reward for linking is paid once per account": guard(
        "test_link_acts.py::test_a_reward_is_paid_once_per_account_whatever_follows",
        (
            _LINK_ACTS,
            "settings.reward_balance > 0 AND NOT EXISTS (",
            "settings.reward_balance > 0 AND EXISTS (",
        ),
        room="tests/integration/db",
    ),
    "a moved account is not paid once more": guard(
        "test_link_acts.py::test_a_reward_is_paid_once_per_account_whatever_follows",
        (
            _LINK_ACTS,
            "    PERFORM twinstream.carry_link_rules(of_platform, old_id, new_id);\n",
            "",
        ),
        room="tests/integration/db",
    ),
    "members' moves pour few accounts into one": guard(
        "test_link_functions.py::test_members_move_the_points_of_few_accounts_into_one[ring]",
        (
            _LINK_ACTS,
            (
                "    IF coalesce(actor.kind, 'member') = 'member' THEN\n"
                "        PERFORM twinstream.require_room("
            ),
            "    IF false THEN\n        PERFORM twinstream.require_room(",
        ),
        room="tests/integration/db",
    ),
    "a moved account brings its links along": guard(
        "test_link_functions.py::test_an_account_has_the_links_of_those_that_were_moved_to_it",
        (
            _LINK_ACTS,
            "    FROM joined AS j CROSS JOIN LATERAL twinstream.links_of(",
            (
                "    FROM unnest(account_ids) AS j (account_id)"
                " CROSS JOIN LATERAL twinstream.links_of("
            ),
        ),
        room="tests/integration/db",
    ),
    "an undo ends when the settings say": guard(
        "test_link_acts.py::test_members_undo_links_for_as_long_as_the_settings_say",
        (
            _LINK_ACTS,
            "(SELECT s.undo_s FROM twinstream.link_settings AS s), (twinstream",
            "NULL, (twinstream",
        ),
        room="tests/integration/db",
    ),
    "an unlinked account waits before it links with another": guard(
        "test_link_acts.py::test_an_unlinked_account_waits_before_it_links_with_another_one",
        (
            _LINK_ACTS,
            "            PERFORM twinstream.require_cooldown(platforms[n], ids[n], ids[3 - n]);\n",
            "            NULL;\n",
        ),
        room="tests/integration/db",
    ),
    "an administrator's act names the administrator": guard(
        "test_link_acts.py::test_every_act_is_on_record_with_its_actor_and_reason",
        (
            _OWN_LINKS,
            (
                "        platform, lost_account_id, account_id, stores,\n"
                "        ROW ('administrator', platform, administrator_id, reason)"
                "::twinstream.link_actor\n"
            ),
            "        platform, lost_account_id, account_id, stores\n",
        ),
        room="tests/integration/db",
    ),
    "the record of acts is only added to": guard(
        "test_permissions.py::test_each_role_does_with_each_table_what_it_has_to_and_no_more",
        (
            "db/roles.sql",
            "        IF one.name IN ('transactions', 'link_acts') THEN",
            "        IF one.name IN ('transactions') THEN",
        ),
        room="tests/integration/roles",
    ),
    "a button ends the link that it names and no newer one": guard(
        "test_link_acts.py::test_a_button_of_an_older_link_ends_nothing",
        (
            _OWN_LINKS,
            "    IF link IS DISTINCT FROM twinstream.newest_link(of_platform, of_account) THEN",
            "    IF false THEN",
        ),
        room="tests/integration/db",
    ),
    "a notice that cannot be sent waits for its owner's next command": guard(
        "test_notices.py::test_a_refused_notice_is_shown_beside_a_command_until_it_was_seen",
        (
            "bots/features/notices/notifier.py",
            (
                '            log.info("notice.refused", **known, why=str(error))\n'
                "            await self._leave_to_command(notice)\n"
            ),
            (
                '            log.info("notice.refused", **known, why=str(error))\n'
                "            await self._end(notice)\n"
            ),
        ),
        room="tests/integration/bots",
    ),
    "a link that ended is shown no more": guard(
        "test_link_acts.py::test_a_link_is_shown_on_discord_as_long_as_it_lasts",
        (
            _OWN_LINKS,
            "            SELECT count(*) = 2 AS is_linked",
            "            SELECT count(*) >= 0 AS is_linked",
        ),
        room="tests/integration/db",
    ),
    "only administrators change links of others": guard(
        "test_ends_of_links.py::test_members_who_are_no_administrators_change_nothing",
        (
            "bots/features/administration/room.py",
            "                refuse_others=texts.admins_only,\n",
            "",
        ),
        room="tests/e2e",
    ),
    "one guess is answered with the win": guard(
        "test_game.py::test_of_several_guesses_at_once_one_is_answered_with_the_win",
        (
            "bots/features/guessing/game.py",
            "            if user_id in self._paying:\n",
            "            if False:\n",
        ),
        room="tests/unit/bots/features/guessing",
    ),
    "a code is void although its message cannot be decoded": guard(
        "test_posted_codes.py::test_a_code_in_an_undecodable_message_is_void[unknown origin]",
        (
            "bots/telegram_bot/polling/update_gate.py",
            "            await self._on_unreadable(event)\n",
            "",
        ),
        room="tests/e2e",
    ),
    "a message that thanks counts once, whenever it comes again": guard(
        "test_thanks.py::test_the_same_message_counts_once_and_gets_the_same_answer",
        (_THANKS, "    IF first_xp IS NOT NULL THEN\n", "    IF false THEN\n"),
        room="tests/integration/db",
    ),
    "a person thanks another one once a day, on either platform": guard(
        "test_thanks.py::test_a_pair_that_alternates_platforms_counts_once_a_day",
        (_THANKS, "        WHEN is_again THEN 'again'\n", ""),
        room="tests/integration/db",
    ),
    "a thank is of the day on which it was said": guard(
        "test_thanks.py::test_a_message_that_comes_again_after_midnight_counts_once",
        (
            _THANKS,
            "    today CONSTANT date := (moment AT TIME ZONE zone)::date;\n",
            "    today CONSTANT date := (now() AT TIME ZONE zone)::date;\n",
        ),
        room="tests/integration/db",
    ),
    "an old message thanks nobody": guard(
        "test_thanks.py::test_an_old_message_thanks_nobody",
        (
            _THANKS,
            "        WHEN moment < now() - make_interval(secs => age_s_max) THEN 'late'\n",
            "",
        ),
        room="tests/integration/db",
    ),
    "a reaction counts once per person and message": guard(
        "test_reactions.py::test_a_reaction_that_was_removed_and_added_again_counts_once",
        (_REACTIONS, "        CONTINUE WHEN NOT FOUND;\n", ""),
        room="tests/integration/db",
    ),
    "two people earn by each other's reactions up to a limit": guard(
        "test_reactions.py::test_two_who_react_to_each_other_all_day_earn_the_limit_of_a_pair",
        (_REACTIONS, " OR of_pair >= per_pair;", ";"),
        room="tests/integration/db",
    ),
    "nobody fills the ledger by asking": guard(
        "test_earning.py::test_asking_each_minute_closes_windows_once_an_hour",
        (
            _EARNING,
            (
                "            AND NOT bool_or(w.closed_at BETWEEN now()"
                " - make_interval(secs => rest_s) AND now()) IS TRUE\n"
            ),
            "",
        ),
        room="tests/integration/db",
    ),
    "a window is of one week and one month": guard(
        "test_earning.py::test_a_window_ends_with_its_week_and_its_month[a Monday]",
        (_EARNING, "w.opened_at IS NOT NULL AND w.day < days[n]\n", "false\n"),
        room="tests/integration/db",
    ),
    "a move gives nobody a second thank on a day": guard(
        "test_thanks.py::test_an_account_that_takes_anothers_place_takes_its_points_along",
        (
            _THANKS,
            "o.receiver_account_id <> NEW.to_account_id\n    -- The receiver",
            "false\n    -- The receiver",
        ),
        room="tests/integration/db",
    ),
    "a move counts no reaction twice": guard(
        "test_reactions.py::test_a_move_to_another_account_counts_no_reaction_twice",
        (_REACTIONS, "reactions_follow_moves AFTER INSERT", "reactions_follow_moves AFTER DELETE"),
        room="tests/integration/db",
    ),
    "time that nobody saw does not count": guard(
        "test_hours.py::test_time_that_nobody_saw_does_not_count",
        (
            "bots/features/voice/hours.py",
            "        self.restart(seen_until_s, ())\n",
            "        return\n",
        ),
        room="tests/unit/bots/features/voice",
    ),
    "a crowd that hears nothing is no company": guard(
        "test_hours.py::test_a_crowd_of_deafened_members_earns_nothing",
        (
            "bots/features/voice_members.py",
            "        return not self.is_bot and self.can_hear\n",
            "        return not self.is_bot\n",
        ),
        room="tests/unit/bots/features/voice",
    ),
    "a claim of the day locks the person": guard(
        "test_daily.py::test_both_accounts_of_a_person_at_one_moment_are_paid_once",
        (
            _DAILY,
            "    PERFORM twinstream.lock_accounts(of_platform, ARRAY[of_account], true);\n",
            "",
        ),
        (
            _DAILY,
            "    PERFORM twinstream.lock_day(of_platform, of_account, began_at);\n",
            "",
        ),
        room="tests/integration/db/rewards",
    ),
    "accounts that were parted today claim one after the other": guard(
        "test_daily.py::test_accounts_that_were_parted_today_have_one_claim_also_at_one_moment",
        (
            _DAILY,
            "    PERFORM twinstream.lock_day(of_platform, of_account, began_at);\n",
            "",
        ),
        room="tests/integration/db/rewards",
    ),
    "accounts that were parted today have one claim": guard(
        "test_daily.py::test_a_link_of_today_pays_no_day_twice[telegram]",
        (
            _DAILY,
            "        WHERE coalesce(l.unlinked_at, l.undone_at) >= since\n",
            "        WHERE false\n",
        ),
        room="tests/integration/db/rewards",
    ),
    "a claim counts until its own day has ended": guard(
        "test_daily.py::test_another_time_zone_neither_pays_twice_nor_ends_a_streak"
        "[UTC Asia/Tokyo 10]",
        (
            _DAILY,
            "(d.is_own AND c.day_ends_at > now() OR c.claimed_at >= began_at)",
            "(c.claimed_at >= began_at)",
        ),
        room="tests/integration/db/rewards",
    ),
    "a streak outlives another time zone": guard(
        "test_daily.py::test_a_streak_goes_on_in_another_zone_at_the_last_minute_of_a_day"
        "[Asia/Tokyo Pacific/Apia 10 old]",
        (
            _DAILY,
            "        floor(extract(epoch FROM now() - day_ended_at) / 86400)::integer,\n",
            "",
        ),
        room="tests/integration/db/rewards",
    ),
    "a streak outlives another time zone, by its own days": guard(
        "test_daily.py::test_a_streak_goes_on_in_another_zone_at_the_last_minute_of_a_day"
        "[UTC Asia/Tokyo 23 new]",
        (_DAILY, "CASE WHEN claimed_at >= begins[1] THEN", "CASE WHEN false THEN"),
        room="tests/integration/db/rewards",
    ),
    "a streak goes on after an unlink, by the names of days": guard(
        "test_daily.py::test_both_accounts_go_on_from_the_streak_after_an_unlink",
        (_DAILY, "        today - last_day - 1,\n", "        NULL::integer,\n"),
        room="tests/integration/db/rewards",
    ),
    "a link ends no streak": guard(
        "test_daily.py::test_a_link_ends_no_streak_and_every_reader_names_the_same_one",
        (_SCORES, "SELECT max(d.day) - 1 FROM", "SELECT max(d.day) FROM"),
        room="tests/integration/db/rewards",
    ),
    "a streak that ended is nobody's": guard(
        "test_member_scores.py"
        "::test_a_longer_streak_that_ended_before_the_latest_day_is_not_the_members",
        (_SCORES, "SELECT max(d.day) - 1 FROM", "SELECT max(d.day) - 2 FROM"),
        room="tests/integration/db",
    ),
    "a claim of a clock that was ahead counts for today": guard(
        "test_daily.py::test_a_claim_of_a_clock_that_was_a_year_ahead_costs_one_day_and_no_year",
        (
            _DAILY,
            "c.claimed_at > now() + interval '1 day';",
            "false;",
        ),
        room="tests/integration/db/rewards",
    ),
    "a move takes the last claim along": guard(
        "test_daily.py::test_a_move_takes_the_streak_along_and_pays_no_day_twice",
        (
            _DAILY,
            "    SELECT o.platform, NEW.to_account_id, o.claimed_at",
            "    SELECT o.platform, -1, o.claimed_at",
        ),
        room="tests/integration/db/rewards",
    ),
    "the ledger knows the day of a forgotten person": guard(
        "test_daily.py::test_a_forgotten_person_who_comes_back_is_not_paid_for_that_day_again",
        (
            _DAILY,
            "    IF NOT twinstream.record_amounts(of_platform",
            "    IF NULL = twinstream.record_amounts(of_platform",
        ),
        room="tests/integration/db/rewards",
    ),
    "forgiven days are the person's": guard(
        "test_daily.py::test_forgiven_days_are_the_persons_and_come_not_back_by_unlinking",
        (
            _DAILY,
            "used := CASE WHEN had.forgiven_month = month THEN had.forgiven_days ELSE 0 END;",
            "used := 0;",
        ),
        room="tests/integration/db/rewards",
    ),
    "a streak unlocks an achievement once per person": guard(
        "test_daily.py::test_milestones_unlock_achievements_once_per_person",
        (
            _DAILY,
            " AND h.achievement = u.name\n",
            " AND h.achievement = u.name AND h.platform = of_platform\n",
        ),
        room="tests/integration/db/rewards",
    ),
    "a command of an administrator counts once": guard(
        "test_administrators.py::test_a_command_that_comes_twice_at_one_moment_counts_once",
        (_REWARDS, "    PERFORM pg_advisory_xact_lock(\n", "    PERFORM abs(\n"),
        room="tests/integration/db/rewards",
    ),
    "an administrator's rewards are limited": guard(
        "test_administrators.py::test_an_administrator_gives_and_takes_within_the_limits_of_24_hours",
        (_REWARDS, "    IF lately.rewards >= rewards_max OR", "    IF"),
        room="tests/integration/db/rewards",
    ),
    "taking counts towards the limit as giving does": guard(
        "test_administrators.py::test_an_administrator_gives_and_takes_within_the_limits_of_24_hours",
        (_REWARDS, "coalesce(sum(abs(r.xp)), 0)", "coalesce(sum(r.xp), 0)"),
        room="tests/integration/db/rewards",
    ),
    "nobody rewards themselves": guard(
        "test_administrators.py::test_nobody_rewards_themselves_nor_their_other_account",
        (_REWARDS, "    IF of_account = administrator THEN\n", "    IF false THEN\n"),
        room="tests/integration/db/rewards",
    ),
    "only administrators give rewards": guard(
        "test_rewards.py::test_members_are_refused_and_telegram_is_not_asked_about_anybody",
        (
            "bots/features/rewarding/room.py",
            "                refuse_others=texts.admins_only,\n",
            "",
        ),
        room="tests/e2e",
    ),
    "accounts that are not here get no reward": guard(
        "test_rewards.py::test_bots_strangers_and_the_unclear_get_nothing",
        (
            "bots/features/rewarding/room.py",
            "        if form.kind is not TargetKind.MEMBER:\n",
            "        if False:\n",
        ),
        room="tests/e2e",
    ),
    "an invited account pays once for ever": guard(
        "test_invites.py::test_leaving_and_joining_again_pays_nothing_for_ever",
        (
            _INVITES,
            "ON CONFLICT ON CONSTRAINT invite_once DO NOTHING",
            "ON CONFLICT ON CONSTRAINT invite_once DO UPDATE SET status = 'waiting'",
        ),
        room="tests/integration/db/rewards",
    ),
    "an account that was here before brings nothing": guard(
        "test_invites.py::test_an_account_that_was_here_before_brings_nothing",
        (
            _INVITES,
            "a.platform = of_platform AND a.account_id = invited\n",
            "a.platform = of_platform AND a.account_id = -invited\n",
        ),
        room="tests/integration/db/rewards",
    ),
    "a forgotten account brings nothing again": guard(
        "test_invites.py::test_a_forgotten_account_that_comes_back_brings_nothing",
        (
            _INVITES,
            "        ) OR forget_secret <> '' AND EXISTS (",
            "        ) OR false AND EXISTS (",
        ),
        room="tests/integration/db/rewards",
    ),
    "accounts of one person bring nothing": guard(
        "test_invites.py::test_accounts_of_one_person_bring_nothing",
        (
            _INVITES,
            "'telegram' THEN o.discord_account_id = l.discord_account_id",
            "'telegram' THEN false",
        ),
        room="tests/integration/db/rewards",
    ),
    "a person who moves is invited once": guard(
        "test_invites.py::test_a_guest_who_moves_to_an_account_that_was_invited_is_paid_for_once",
        (_INVITES, "invites_follow_moves AFTER INSERT", "invites_follow_moves AFTER DELETE"),
        room="tests/integration/db/rewards",
    ),
    "a move is no earning of an invited account": guard(
        "test_invites.py::test_a_guest_who_moves_stays_invited_and_earns_with_the_new_account",
        (_INVITES, " AND t.idempotency_key NOT LIKE 'link:%';\n", ";\n"),
        room="tests/integration/db/rewards",
    ),
    "an account that left brings nothing": guard(
        "test_invites.py::test_leaving_and_joining_again_pays_nothing_for_ever",
        (
            _INVITES,
            "    UPDATE twinstream.invites AS i SET status = 'void', changed_at = now()\n",
            "    UPDATE twinstream.invites AS i SET changed_at = now()\n",
        ),
        room="tests/integration/db/rewards",
    ),
    "an earned invitation is never void": guard(
        "test_invites.py::test_an_earned_invitation_is_paid_however_long_it_waited",
        (
            _INVITES,
            "    IF one.inviter_id < 0 OR EXISTS (",
            "    IF one.joined_at < now() - interval '30 days' OR EXISTS (",
        ),
        room="tests/integration/db/rewards",
    ),
    "time to take part comes after the stay": guard(
        "test_invites.py::test_the_longest_stay_is_paid_and_has_thirty_days_more",
        (_INVITES, "WHEN ripe_at < now()", "WHEN one.joined_at < now()"),
        room="tests/integration/db/rewards",
    ),
    "a payment that is refused keeps no other waiting": guard(
        "test_invites.py::test_one_that_is_refused_for_ever_costs_one",
        (
            _INVITES,
            "EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN",
            "EXCEPTION WHEN data_exception THEN",
        ),
        room="tests/integration/db/rewards",
    ),
    "a look at invitations costs as much in any backlog": guard(
        "test_invites.py::test_a_look_reads_few_rows_of_a_long_backlog[that earn nothing]",
        (
            _INVITES,
            "CREATE INDEX invites_waiting ON twinstream.invites (platform, look_at) WHERE",
            "CREATE INDEX invites_waiting ON twinstream.invites (platform, joined_at) WHERE",
        ),
        room="tests/integration/db/rewards",
    ),
    "a link that ended counts for nobody": guard(
        "test_invite_links.py::test_a_link_that_ended_or_that_is_no_members_counts_for_nobody",
        (_INVITES, "l.link = by_link AND NOT l.is_revoked", "l.link = by_link"),
        room="tests/integration/db/rewards",
    ),
    "the link of a member who left ends": guard(
        "test_invitations.py::test_the_link_of_a_member_who_goes_lets_nobody_in[leaves]",
        (
            _INVITES,
            "l.account_id = invited AND NOT l.is_revoked",
            "l.account_id = -invited AND NOT l.is_revoked",
        ),
        room="tests/e2e",
    ),
    "the link of a forgotten member ends": guard(
        "test_invite_links.py::test_the_link_of_a_forgotten_member_is_revoked_and_names_nobody",
        (
            "db/migrations/20261130000041_forgetting.sql",
            "SET account_id = one.pseudonym, is_revoked = true, revoke_at",
            "SET account_id = one.pseudonym, revoke_at",
        ),
        room="tests/integration/db/rewards",
    ),
}
