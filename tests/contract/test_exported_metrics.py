"""What Ray exports to Prometheus while pages are read is what the dashboard asks for."""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path

import pytest

import raypipe as rp

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana-batch.json"
SERIES = re.compile(r"^(ray_raypipe_\w+)\{.*\} (\S+)$", re.MULTILINE)


@pytest.mark.slow
def test_actors_export_what_the_dashboard_shows(pages: Path, ray_cluster: None) -> None:
    import ray

    some = [pages / "a_letter.png", pages / "b_letter.jpg", pages / "f_corrupt.jpg"]
    rows = rp.standard().transform(rp.read(some), batch_size=1).take_all()
    port = ray.nodes()[0]["MetricsExportPort"]
    asked = set(re.findall(r"ray_raypipe_\w+", DASHBOARD.read_text(encoding="utf-8")))
    deadline, found = time.monotonic() + 60, list[tuple[str, str]]()
    while asked - {name for name, _ in found} and time.monotonic() < deadline:
        time.sleep(1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            found = SERIES.findall(answer.read().decode())
    sums = {name: sum(float(value) for each, value in found if each == name) for name in asked}
    assert all(sums.values()), sums
    lines = [line for row in rows for line in row["lines"]]
    assert sums["ray_raypipe_pages_total"] >= 3 and sums["ray_raypipe_page_failures_total"] >= 1
    assert sums["ray_raypipe_found_total"] >= len(lines) > 0
