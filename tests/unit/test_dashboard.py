"""The dashboard for batch jobs asks for nothing that actors do not export."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import raypipe
from raypipe import metrics

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana-batch.json").read_text(encoding="utf-8"))
SOURCE = (Path(raypipe.__file__).parent / "run" / "exported.py").read_text(encoding="utf-8")
MADE = re.findall(r'_counter\("?(\w+)"?, "[^"]*"(.*)\)', SOURCE)
NAMES = vars(metrics)
"""Of those, too, that servers export under the same name."""
TAGS = {NAMES.get(name, name): {"operator", *re.findall(r'"(\w+)"', tags)} for name, tags in MADE}
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
OF_RAY = {"SessionName"}
SERIES = re.compile(r"(?:by \((\w+)\) \()?(?:rate|increase)\(ray_(\w+)_total\{(.*?)\}")


def test_every_series_is_exported_and_shown() -> None:
    asked = {name for expression in EXPRESSIONS for name in re.findall(r"ray_\w+", expression)}
    assert asked == {f"ray_{name}_total" for name in TAGS}


def test_every_label_is_one_of_its_series() -> None:
    series = [found for expression in EXPRESSIONS for found in SERIES.findall(expression)]
    assert len(series) == sum(expression.count("ray_") for expression in EXPRESSIONS)
    for by, name, conditions in series:
        labels = {by, *re.findall(r"(\w+)(?:=|!=|=~)\"", conditions)} - {""}
        assert labels <= TAGS[name] | OF_RAY, name


def test_panels_have_their_place() -> None:
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        assert panel["description"] and panel["title"]
        place = panel["gridPos"]
        squares = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not squares & taken and max(x for x, _ in squares) < 24
        taken |= squares
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
