"""Joining a Ray cluster that cannot be joined."""

from __future__ import annotations

import pytest
import ray
from ray._private.utils import check_version_info

from raypipe.errors import ConfigError
from raypipe.run.cluster import join


def test_versions_of_ray_that_differ_are_named_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(**options: object) -> None:
        other = {"ray_version": "2.40.0", "python_version": "3.9.1"}
        check_version_info(other, "This process", python_version_match_level="minor")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # Another test may have left this process on a cluster.
    monkeypatch.setattr(ray, "init", start)
    with pytest.raises(ConfigError) as caught:
        join("auto", log_to_driver=False)
    said = str(caught.value)
    assert "2.40.0" in said and ray.__version__ in said and "\n" not in said
