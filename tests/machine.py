"""A machine that pulls models from a hub of our own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, running

DATA = Path(__file__).parent / "data" / "trocr" / "merged"
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
