"""The dashboard and the alerts for serving ask for nothing that servers do not export."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from raypipe.metrics import Visit
from raypipe.web.settings import ServerSettings
from raypipe.web.telemetry import Telemetry

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana-serving.json").read_text(encoding="utf-8"))
(GROUP,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
SHOWN = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
ALERTS = [rule["expr"] for rule in GROUP["rules"]]
OF_PROMETHEUS = {"instance"}


def exported() -> dict[str, set[str]]:
    """The series of a server that has answered a request, and their labels."""
    telemetry = Telemetry(ServerSettings())
    telemetry.answered("/v1/ocr", "POST", 200, 0.1)
    telemetry.problem("overloaded")
    telemetry.page([Visit("Op", 0.1, 1, {"Step": 0.1}, {"lines": 1})], "image_unknown")
    telemetry.loaded({"Op": 1.0})
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(telemetry.render(0).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_series_and_label_is_exported() -> None:
    series, asked = exported(), set[str]()
    for expression in SHOWN + ALERTS:
        names = re.findall(r"\b(?:raypipe|process)_\w+", expression)
        labels = re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression)
        labels += [label for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(", ")]
        assert names and set(names) <= set(series), expression
        for name in names:
            assert set(labels) <= series[name] | OF_PROMETHEUS, expression
        asked |= set(names)
    ours = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in series if name.startswith("raypipe_")}
    assert ours == {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in asked if name.startswith("raypipe_")}


def test_panels_have_their_place() -> None:
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        squares = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert panel["description"] and not squares & taken and max(x for x, _ in squares) < 24
        taken |= squares
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
