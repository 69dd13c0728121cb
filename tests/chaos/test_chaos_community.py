"""The community that people play in while faults are made."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chaos.community import settings_of
from config import Community


@pytest.mark.parametrize("hour", range(24))
def test_its_settings_are_accepted_and_its_day_is_far_from_its_end(tmp_path: Path, hour: int):
    now = datetime(2026, 11, 30, hour, 59, tzinfo=UTC)
    file = tmp_path / "twinstream.toml"
    file.write_text(settings_of(now), encoding="utf-8")

    community = Community.from_toml(file)

    assert 4 <= now.astimezone(ZoneInfo(str(community.timezone))).hour < 20
