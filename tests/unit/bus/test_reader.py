"""The limits of a reader."""

import pytest
from fakeredis import FakeAsyncRedis

from bus import BLOCK_MS_MAX, Keys, Reader


@pytest.mark.parametrize(
    "limit",
    [
        {"batch_entries": 1},
        {"batch_entries": 10_001},
        {"block_ms": 0},
        {"block_ms": BLOCK_MS_MAX + 1},
        {"claim_idle_ms": 0},
    ],
)
def test_a_limit_out_of_range_is_refused_by_name(limit):
    with pytest.raises(ValueError, match=next(iter(limit))):
        Reader(FakeAsyncRedis(), Keys().subscription("telegram"), consumer="to-discord-1", **limit)
