"""Hypothesis strategies for everything that the rules of the wire allow, and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from schemas import (
    DELTA_MAX,
    SOURCES,
    USER_ID_MAX,
    Event,
    achievement_unlocked,
    balance_changed,
    xp_changed,
)

sources = st.sampled_from(SOURCES)
user_ids = st.integers(1, USER_ID_MAX) | st.integers(1, 30)
# Words that look like parts of a key are the ones that could confuse one key with another.
words = st.sampled_from(["achievement", "balance", "xp", "a_balance", "balance_a", "tg_xp", "a1"])
reasons = words | st.from_regex(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*", fullmatch=True).filter(
    lambda word: len(word) <= 64
)
entity_ids = (
    st.from_regex(r"[A-Za-z0-9_.:-]{1,128}", fullmatch=True)
    | st.from_regex(r"[0-9]{1,2}(_[0-9]{1,2}){0,2}", fullmatch=True)
    | words
)
deltas = st.integers(-DELTA_MAX, DELTA_MAX).filter(lambda delta: delta != 0)
given_keys = st.none() | st.from_regex(r"[!-~]{1,256}", fullmatch=True)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the zone is drawn by itself
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=offsets | st.just(UTC),
)

#: Names as members choose them; characters that no text can hold are the builders' concern.
names = st.none() | st.text(max_size=300)

xp_changes = st.builds(
    xp_changed,
    user_id=user_ids,
    delta_xp=deltas,
    source=sources,
    reason=reasons,
    entity_id=entity_ids,
    occurred_at=moments,
    idempotency_key=given_keys,
    display_name=names,
)
balance_changes = st.builds(
    balance_changed,
    user_id=user_ids,
    delta_balance=deltas,
    source=sources,
    reason=reasons,
    entity_id=entity_ids,
    occurred_at=moments,
    idempotency_key=given_keys,
    display_name=names,
)
achievements = st.builds(
    achievement_unlocked,
    user_id=user_ids,
    achievement=reasons,
    source=sources,
    occurred_at=moments,
    reason=reasons,
    entity_id=st.none() | entity_ids,
    idempotency_key=given_keys,
    display_name=names,
)
events: st.SearchStrategy[Event] = xp_changes | balance_changes | achievements
