from __future__ import annotations

import pytest
from ray._common.usage.usage_lib import usage_stats_enabled

from raypipe.run.cluster import STATISTICS, keep_statistics


@pytest.mark.parametrize(("asked", "sends"), [(None, False), ("1", True)])
def test_a_ray_that_is_started_here_sends_no_statistics_unasked(
    asked: str | None, sends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STATISTICS, asked or "")
    if not asked:
        monkeypatch.delenv(STATISTICS)
        assert usage_stats_enabled(), "Ray's own choice"
    keep_statistics()
    assert usage_stats_enabled() is sends
