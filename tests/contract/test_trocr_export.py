"""From a PyTorch checkpoint through the export to text: the tokens of `transformers`, live."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hub_server import Hub, running

from raypipe.engine.session import Session
from raypipe.metrics import Metrics
from raypipe.recognition.base import RecognizerOptions
from raypipe.recognition.trocr.model import Seq2SeqRecognizer
from raypipe.zoo import store

for package in ("torch", "transformers", "onnx", "onnxscript"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install -r models/recipes/requirements.txt")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The script that makes the toy model."""
    specification = importlib.util.spec_from_file_location("make_trocr", ROOT / "tests/data/trocr/make.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def export(checkpoint: Path, precision: str, output: Path) -> None:
    """Exports a checkpoint, which compares what it made with PyTorch."""
    command = [sys.executable, "-m", "raypipe.zoo.export", checkpoint, "--precision", precision, "--output", output]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("learned", [True, False], ids=["learned positions", "sinusoids and scaled embeddings"])
def test_an_export_reads_as_its_checkpoint(make: ModuleType, tmp_path: Path, learned: bool) -> None:
    import torch

    torch.set_num_threads(1)
    pixels = torch.randn(7, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    networks = (make.network(seed, 1 + seed % 10 / 5, learned) for seed in range(500))
    model = next(model for model in networks if len({len(text) for text in make.read(model, pixels, {})}) > 3)
    make.checkpoint(model, tmp_path / "checkpoint")
    export(tmp_path / "checkpoint", "fp32", tmp_path / "model")
    for beams in (1, 3):
        wanted = make.read(model, pixels, {"num_beams": beams})
        for caching in (True, False):
            options = RecognizerOptions(use_caching=caching, num_beams=beams)
            reader = Seq2SeqRecognizer(tmp_path / "model", options, lambda source: Session(source, False, 1, Metrics()))
            assert [tokens.ids for tokens in reader.generate(pixels.numpy())] == wanted


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_small_variants_are_smaller_and_read(make: ModuleType, tmp_path: Path, precision: str) -> None:
    import torch

    make.checkpoint(make.network(3), tmp_path / "checkpoint")
    export(tmp_path / "checkpoint", precision, tmp_path / "model")
    size = sum(path.stat().st_size for path in (tmp_path / "model").glob("*.onnx"))
    assert size < 0.85 * sum(path.stat().st_size for path in (ROOT / "tests/data/trocr/merged").glob("*.onnx"))
    options = RecognizerOptions(num_beams=2)
    reader = Seq2SeqRecognizer(tmp_path / "model", options, lambda source: Session(source, False, 1, Metrics()))
    assert any(tokens.ids for tokens in reader.generate(torch.randn(3, 3, 32, 32).numpy()))


def test_a_model_that_is_public_as_a_checkpoint_only_is_exported_when_pulled(make: ModuleType, tmp_path: Path) -> None:
    make.checkpoint(make.network(3), tmp_path / "checkpoint")
    hub = Hub()
    files = {path.name: path.read_bytes() for path in (tmp_path / "checkpoint").iterdir()}
    hub.repositories["microsoft/trocr-large-printed"] = [files]
    command = [sys.executable, "-m", "raypipe", "models", "pull", "ocr_large_printed_v2_opt"]
    with running(hub):
        settings = {
            "RAYPIPE_MODELS": str(tmp_path / "store"),
            "HF_HOME": str(tmp_path / "cache"),
            "HF_ENDPOINT": hub.url,
        }
        done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    record = store.read_record(tmp_path / "store" / "ocr_large_printed_v2_opt" / store.RECORD)
    assert record.source == "microsoft/trocr-large-printed" and "int8" in record.changes
    reader = Seq2SeqRecognizer(
        tmp_path / "store" / record.name, RecognizerOptions(), lambda source: Session(source, False, 1, Metrics())
    )
    assert reader.read([], 0) == []
