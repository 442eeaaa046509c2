"""`raypipe models pull` against a hub of our own: what arrives is checked, and a mishap leaves nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_server import Hub
from machine import NAME, REPOSITORY, Machine, files

from raypipe.zoo import store

pytestmark = pytest.mark.slow

PIECE = 10 << 20
"""`huggingface_hub` keeps what it got in pieces of this size, and goes on after the last whole one."""


def enlarge(hub: Hub) -> None:
    """Makes a file of the repository two and a half pieces long."""
    hub.repositories[REPOSITORY][0]["onnx/encoder_model_quantized.onnx"] = bytes(range(256)) * (PIECE * 5 // 2 // 256)


def test_a_second_pull_asks_nobody(machine: Machine, hub: Hub) -> None:
    machine.run("pull", NAME)
    asked = len(hub.requests)
    assert "already" in machine.run("pull", NAME).stdout
    assert len(hub.requests) == asked


def test_a_cut_connection_goes_on_where_it_broke(machine: Machine, hub: Hub) -> None:
    enlarge(hub)
    hub.cut_after = [PIECE * 2 + 1]
    done = machine.run("pull", NAME)
    assert done.returncode == 0, done.stderr
    assert f"bytes={PIECE * 2}-" in [span for _, _, span in hub.requests]
    record = store.read_record(machine.folder / store.RECORD)
    assert record.files["encoder_model_quantized.onnx"].bytes == PIECE * 5 // 2


def test_a_pull_that_gave_up_fetches_only_what_is_missing_next(machine: Machine, hub: Hub) -> None:
    hub.cut_after = [150_000] + [0] * 50
    failed = machine.run("pull", NAME)
    assert failed.returncode == 4 and "pull again" in failed.stderr.lower(), failed.stderr
    assert not machine.folder.exists() and machine.leftovers() == []
    hub.cut_after.clear()
    hub.requests.clear()
    assert machine.run("pull", NAME).returncode == 0
    fetched = [path for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path]
    assert any("decoder_model_merged" in path for path in fetched)
    assert not any("encoder_model_q" in path for path in fetched)


def test_a_pull_that_gave_up_goes_on_inside_a_file(machine: Machine, hub: Hub) -> None:
    enlarge(hub)
    hub.cut_after = [PIECE * 2 + 1] + [0] * 50
    assert machine.run("pull", NAME).returncode == 4
    assert not machine.folder.exists() and machine.leftovers() == []
    hub.cut_after.clear()
    hub.requests.clear()
    assert machine.run("pull", NAME).returncode == 0
    assert f"bytes={PIECE * 2}-" in [span for _, _, span in hub.requests]
    assert machine.run("verify").returncode == 0
    assert list(machine.cache.rglob("*.onnx")) == [], "parts are gone when the model is in place"


def test_a_killed_pull_goes_on_inside_a_file(machine: Machine, hub: Hub) -> None:
    enlarge(hub)
    hub.pause_after = PIECE * 2 + 1
    killed = machine.start("pull", NAME)
    assert hub.paused.wait(60)
    while not any(path.stat().st_size >= PIECE * 2 for path in machine.cache.rglob("*") if path.is_file()):
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    hub.pause_after = None
    hub.requests.clear()
    assert machine.run("pull", NAME).returncode == 0
    assert f"bytes={PIECE * 2}-" in [span for _, _, span in hub.requests]
    assert machine.run("verify").returncode == 0


@pytest.mark.parametrize("name", ["onnx/encoder_model_quantized.onnx", "tokenizer.json"])
def test_a_wrong_digest_is_refused(machine: Machine, hub: Hub, name: str) -> None:
    hub.lies = {name}
    failed = machine.run("pull", NAME)
    assert failed.returncode == 4 and name in failed.stderr and "digest" in failed.stderr
    assert not machine.folder.exists() and machine.leftovers() == []
    hub.lies.clear()
    assert machine.run("pull", NAME).returncode == 0, "what came broken must not be taken from the cache"


def test_a_full_disk_is_told(machine: Machine) -> None:
    """A process that may write no file above 64 KiB stands for a disk that is full."""
    limited = "ulimit -f 64; trap '' XFSZ; exec \"$@\""
    settings = {"RAYPIPE_MODELS": str(machine.store), "HF_HOME": str(machine.cache), "HF_ENDPOINT": machine.hub.url}
    command = ["bash", "-c", limited, "bash", sys.executable, "-m", "raypipe", "models", "pull", NAME]
    failed = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=120)
    assert failed.returncode == 4 and "does not fit on the disk" in failed.stderr, failed.stderr
    assert "HF_HOME" in failed.stderr and not machine.folder.exists() and machine.leftovers() == []
    assert machine.run("pull", NAME).returncode == 0


def test_offline_mode_is_honoured(machine: Machine, hub: Hub) -> None:
    failed = machine.run("pull", NAME, HF_HUB_OFFLINE="1")
    assert failed.returncode == 4 and "HF_HUB_OFFLINE" in failed.stderr and "models import" in failed.stderr
    assert hub.requests == []


def test_an_unreachable_hub_is_told(machine: Machine) -> None:
    failed = machine.run("pull", NAME, HF_ENDPOINT="http://127.0.0.1:9")
    assert failed.returncode == 4 and "HF_ENDPOINT" in failed.stderr, failed.stderr
    assert machine.leftovers() == []


def test_a_repository_that_is_not_there_is_told(machine: Machine, hub: Hub) -> None:
    hub.repositories.clear()
    failed = machine.run("pull", NAME)
    assert failed.returncode == 4 and "models import" in failed.stderr, failed.stderr


def test_a_damaged_model_is_fetched_again_the_same(machine: Machine, hub: Hub) -> None:
    machine.run("pull", NAME)
    hub.repositories[REPOSITORY].append(files(b"\n"))
    shutil.rmtree(machine.cache)
    (machine.folder / "tokenizer.json").write_bytes(b"{")
    assert machine.run("verify").returncode == 4
    assert machine.run("pull", NAME).returncode == 0
    assert store.read_record(machine.folder / store.RECORD).revision == hub.commit(REPOSITORY, 0)
    assert machine.run("verify").returncode == 0


def test_update_fetches_the_newest(machine: Machine, hub: Hub) -> None:
    machine.run("pull", NAME)
    hub.repositories[REPOSITORY].append(files(b"\n"))
    assert machine.run("pull", NAME, "--update").returncode == 0
    assert store.read_record(machine.folder / store.RECORD).revision == hub.commit(REPOSITORY, 1)


def test_another_machine_gets_the_same_bytes(machine: Machine, hub: Hub, tmp_path: Path) -> None:
    machine.run("pull", NAME)
    hub.repositories[REPOSITORY].append(files(b"\n"))
    other = Machine(tmp_path / "other", hub)
    assert other.run("pull", NAME, "--record", str(machine.folder / store.RECORD)).returncode == 0
    assert (other.folder / store.RECORD).read_bytes() == (machine.folder / store.RECORD).read_bytes()


def test_a_record_that_does_not_fit_is_refused(machine: Machine, tmp_path: Path) -> None:
    machine.run("pull", NAME)
    record = json.loads((machine.folder / store.RECORD).read_text("utf-8"))
    record["files"]["tokenizer.json"]["sha256"] = "0" * 64
    (tmp_path / "record.json").write_text(json.dumps(record), "utf-8")
    before = sorted(machine.folder.iterdir())
    failed = machine.run("pull", NAME, "--record", str(tmp_path / "record.json"))
    assert failed.returncode == 4 and "tokenizer.json" in failed.stderr
    assert sorted(machine.folder.iterdir()) == before and machine.run("verify").returncode == 0


def test_a_variant_that_is_not_public_needs_the_exporter(machine: Machine, hub: Hub) -> None:
    kept = {name: content for name, content in files().items() if "_quantized" not in name}
    hub.repositories[REPOSITORY] = [kept]
    failed = machine.run(
        "pull", NAME, PYTHONPATH=f"{_without_torch(machine.cache)}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    )
    assert failed.returncode == 4, failed.stderr
    assert "microsoft/trocr-small-printed" in failed.stderr and machine.leftovers() == []


def _without_torch(folder: Path) -> Path:
    """A folder for PYTHONPATH that hides the packages of the exporter."""
    folder.mkdir(parents=True, exist_ok=True)
    code = (
        "import importlib.util as u\nf = u.find_spec\nu.find_spec = lambda n, *a: None if n == 'torch' else f(n, *a)\n"
    )
    (folder / "sitecustomize.py").write_text(code, "utf-8")
    return folder
