"""Quiet hours by the clocks of a zone, also on days on which these are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.community_file.quiet_hours import quiet_hours

BERLIN, KABUL = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kabul")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def hours(text: str):
    found = quiet_hours(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("setting", "now", "until"),
    [
        ("23:00-08:00", "2026-11-30T22:59:59+01:00", None),
        ("23:00-08:00", "2026-11-30T23:00:00+01:00", "2026-12-01T08:00:00+01:00"),
        ("23:00-08:00", "2026-12-01T07:59:59+01:00", "2026-12-01T08:00:00+01:00"),
        ("23:00-08:00", "2026-12-01T08:00:00+01:00", None),
        ("13:00-15:30", "2026-11-30T14:00:00+01:00", "2026-11-30T15:30:00+01:00"),
        ("13:00-15:30", "2026-11-30T12:59:00+01:00", None),
        # The night on which clocks go forward has an hour less, the other one an hour more.
        ("23:00-08:00", "2026-03-28T23:00:00+01:00", "2026-03-29T08:00:00+02:00"),
        ("23:00-08:00", "2026-10-24T23:00:00+02:00", "2026-10-25T08:00:00+01:00"),
        # 02:30 comes twice: the hours end at the first one, and do not begin again.
        ("23:00-02:30", "2026-10-25T02:29:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("23:00-02:30", "2026-10-25T02:10:00+01:00", None),
        # 02:30 never comes: they begin and end an hour later by the new time.
        ("02:30-06:00", "2026-03-29T03:10:00+02:00", None),
        ("02:30-06:00", "2026-03-29T03:30:00+02:00", "2026-03-29T06:00:00+02:00"),
        ("23:00-02:30", "2026-03-29T03:20:00+02:00", "2026-03-29T03:30:00+02:00"),
    ],
)
def test_quiet_hours_are_those_of_the_clocks_there(setting, now, until):
    found = hours(setting).until(moment(now), BERLIN)

    assert found == (None if until is None else moment(until))


def test_a_zone_with_half_hours_counts_by_its_own_clock():
    assert hours("23:00-08:00").until(moment("2026-11-30T18:30:00+00:00"), KABUL) == moment(
        "2026-12-01T03:30:00+00:00"
    )


@pytest.mark.parametrize(
    "unfit", ["8-23", "24:00-08:00", "23:60-08:00", "23:00", "23:00-8:00", "x", "08:00-08:00"]
)
def test_hours_that_cannot_be_read_are_refused(unfit):
    with pytest.raises(ValueError, match="write two"):
        quiet_hours(unfit)


def test_a_day_of_noise_leaves_the_quiet_hours_out():
    now = moment("2026-11-30T12:00:00+00:00")

    assert hours("23:00-08:00").noisy_s_ago(now, ZoneInfo("UTC"), 3_600.0) == now - timedelta(
        hours=1
    )
    # Four hours of this morning, nine quiet ones, and one of the evening before.
    assert hours("23:00-08:00").noisy_s_ago(now, ZoneInfo("UTC"), 5 * 3_600.0) == now - timedelta(
        hours=14
    )


@given(
    now=st.datetimes(timezones=st.just(UTC)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kabul", "America/New_York"]),
    begin=st.integers(0, 1_439),
    length=st.integers(1, 1_200),
)
def test_they_end_and_begin_once_a_day(now, zone, begin, length):
    """Clocks make no stretch longer than it was set by more than their change of an hour."""
    end = (begin + length) % 1_440
    setting = hours(f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}")
    at = now.replace(year=2000 + now.year % 10 * 4)
    until = setting.until(at, ZoneInfo(zone))

    if until is not None:
        assert at < until <= at + timedelta(minutes=length + 60)
    assert setting.noisy_s_ago(at, ZoneInfo(zone), 60.0) <= at - timedelta(seconds=60)
