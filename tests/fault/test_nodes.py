"""Nodes of a cluster leave while a dataset is read, and pools grow on it: every page once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pipelines import Killer

import raypipe as rp
from raypipe.errors import ConfigError

SCRIPT = Path(__file__).with_name("leaving_nodes.py")


def files(folder: Path, count: int) -> list[str]:
    names = [f"{n:03}.jpg" for n in range(count)]
    for name in names:
        (folder / name).write_bytes(b"never opened")
    return names


@pytest.mark.slow
def test_nodes_that_leave_lose_and_double_no_page(tmp_path: Path) -> None:
    """Three that are killed, and one that is told before."""
    names, ways = files(tmp_path, 110), ["kill", "kill", "kill", "drain"]
    words = [sys.executable, str(SCRIPT), str(tmp_path), "1", *ways]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert found["left"] == ways
    assert sorted(Path(row["path"]).name for row in found["rows"]) == names
    assert not [row["exception"] for row in found["rows"] if row["exception"]]
    assert found["counts"] == [{"counted": 1}] * len(found["counts"]), "a tally left with a node"


@pytest.mark.slow
def test_a_pool_with_a_minimum_and_a_maximum_grows(tmp_path: Path, ray_cluster: None) -> None:
    names = files(tmp_path, 36)
    stage = Killer(seconds=0.5, pool=rp.Pool(min_size=1, max_size=3, num_cpus=0.5))
    rows = rp.Pipeline([stage]).transform(rp.read(tmp_path), batch_size=2).take_all()
    assert sorted(Path(row["path"]).name for row in rows) == names
    assert len({row["text"].split()[-1] for row in rows}) == 3


@pytest.mark.slow
def test_what_a_node_lacks_is_said_before_the_start(tmp_path: Path, ray_cluster: None) -> None:
    from raypipe.run.nodes import check_nodes

    (tmp_path / "job.json").touch()
    check_nodes(rp.standard().graph, str(tmp_path / "job.json"))
    absent = str(tmp_path / "absent.json")
    with pytest.raises(ConfigError, match=r"node .* cannot take part: .*absent.json, which the job has just written"):
        check_nodes(None, absent)
