"""`raypipe models pull` against a hub of our own: what arrives is checked, and a mishap leaves nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, running

from raypipe.zoo import manifest, store

DATA = Path(__file__).parents[1] / "data" / "trocr" / "merged"
NAME = "trocr_small_printed_opt"
REPOSITORY = "Xenova/trocr-small-printed"
GRAPHS = ("encoder_model", "decoder_model_merged")


def files(mark: bytes = b"") -> dict[str, bytes]:
    """The toy model as the files of a repository, with a variant that must stay behind."""
    found = {path.name: path.read_bytes() for path in DATA.glob("*.json")}
    for name in GRAPHS:
        content = (DATA / f"{name}.onnx").read_bytes()
        found |= {f"onnx/{name}_quantized.onnx": content, f"onnx/{name}.onnx": b"another variant"}
    return found | {"README.md": b"a card", "config.json": found["config.json"] + mark}


PIECE = 10 << 20
"""`huggingface_hub` keeps what it got in pieces of this size, and goes on after the last whole one."""


def enlarge(hub: Hub) -> None:
    """Makes a file of the repository two and a half pieces long."""
    hub.repositories[REPOSITORY][0]["onnx/encoder_model_quantized.onnx"] = bytes(range(256)) * (PIECE * 5 // 2 // 256)


class Machine:
    """A machine with a store and a cache of its own."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.store, self.cache, self.hub = folder / "store", folder / "cache", hub
        self.folder = self.store / NAME

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        settings = {
            "RAYPIPE_MODELS": str(self.store),
            "HF_HOME": str(self.cache),
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_DOWNLOAD_TIMEOUT": "5",
            "NO_PROXY": "127.0.0.1",
        }
        command = [sys.executable, "-m", "raypipe", "models", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=os.environ | settings | environment, text=True, **pipes)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, **environment) as process:
            printed, errors = process.communicate(timeout=120)
            return subprocess.CompletedProcess(process.args, process.returncode, printed, errors)

    def leftovers(self) -> list[str]:
        """What lies in the store beside whole models."""
        return [path.name for path in self.store.iterdir() if path.name != NAME] if self.store.exists() else []


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    made.repositories[REPOSITORY] = [files()]
    with running(made):
        yield made


@pytest.fixture
def machine(tmp_path: Path, hub: Hub) -> Machine:
    return Machine(tmp_path, hub)


def test_a_pull_brings_the_variant_and_records_it(machine: Machine, hub: Hub) -> None:
    done = machine.run("pull", NAME)
    assert done.returncode == 0, done.stderr
    record = store.read_record(machine.folder / store.RECORD)
    assert (record.source, record.revision) == (REPOSITORY, hub.commit(REPOSITORY, 0))
    assert {path.name for path in machine.folder.iterdir()} == {*record.files, store.RECORD}
    assert {name for name in record.files if name.endswith(".onnx")} == {f"{name}_quantized.onnx" for name in GRAPHS}
    for name, file in record.files.items():
        assert (store.sha256_of(machine.folder / name), (machine.folder / name).stat().st_size) == (
            file.sha256,
            file.bytes,
        )
    assert machine.leftovers() == []
    assert "sound" in next(line for line in machine.run("verify").stdout.splitlines() if line.startswith(NAME))
    assert REPOSITORY in machine.run("info", NAME).stdout


def test_what_was_pulled_reads(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.run("pull", NAME).returncode == 0
    monkeypatch.setenv(store.VARIABLE, str(machine.store))
    from raypipe import ImageToText

    assert manifest.resolve(NAME, "recognition", "en").path == machine.folder
    assert ImageToText.pretrained(NAME, num_beams=2).num_beams == 2


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


def test_import_takes_a_folder(machine: Machine, tmp_path: Path) -> None:
    for name, content in files().items():
        path = tmp_path / "copy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    done = machine.run("import", NAME, str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    assert store.read_record(machine.folder / store.RECORD).source == str(tmp_path / "copy")
    assert machine.run("verify").returncode == 0 and machine.leftovers() == []


def test_import_says_what_a_folder_lacks(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    failed = machine.run("import", NAME, str(tmp_path / "copy"))
    assert failed.returncode == 4 and "encoder_model_quantized.onnx" in failed.stderr and machine.leftovers() == []


@pytest.mark.parametrize("verb", ["pull", "import"])
def test_a_model_of_the_package_is_not_pulled(machine: Machine, verb: str, tmp_path: Path) -> None:
    failed = machine.run(verb, "text_detector_db", *([str(tmp_path)] if verb == "import" else []))
    assert failed.returncode == 4 and "text_detector_db" in failed.stderr


def test_an_absent_model_says_how_to_get_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.VARIABLE, str(machine.store))
    with pytest.raises(Exception, match=r"models pull ocr_base_handwritten_v2_opt.*ocr_small_handwritten_v2_opt"):
        manifest.resolve("ocr_base_handwritten_v2_opt", "recognition", "en")
