"""What other packages add: an installed package, and the ways in which one can be wrong."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from making import installed

from raypipe.errors import ConfigError
from raypipe.plugins import Registry
from raypipe.zoo import manifest

ADDED = '''
"""One of each: a file of black bytes, the detector and the recognizer for it, a stage and a format."""
import numpy as np
import pyarrow as pa
import raypipe as rp
from raypipe import columns
from raypipe.detection import base as detection, families as detectors
from raypipe.images.base import Kind, Size
from raypipe.outputs.base import Format
from raypipe.recognition import base as recognition, families as recognizers
from raypipe.zoo import manifest

blot = Kind(
    name="blot",
    suffixes=frozenset((".blot",)),
    matches=lambda data: data.startswith(b"BLOT"),
    describe=lambda data, origin, page, wanted: Size(width=60, height=20),
    render=lambda data, origin, page, size, gray: np.zeros((20, 60) if gray else (20, 60, 3), np.uint8),
)

class Whole:
    def detect(self, pixels, width, thresholds, refine):
        height, width = pixels.shape[:2]
        box = np.array([[width / 2, height / 2, width, height, 0]], np.float32)
        return detection.Detection(box, np.ones(1, np.float32))

whole = detectors.Family(open=lambda session, takes: Whole(), thresholds=detection.Thresholds(0, 0, 0))

class Parrot:
    doubtful = 0.0
    def read(self, pictures, batch_size):
        return [recognition.Reading("pretty", [1.0] * 6, list(range(0, 60, 10))) for _ in pictures]

parrot = recognizers.Family(max_width=1000, open=lambda *_: Parrot())
FILE = str(manifest.models_folder() / "line_refiner.onnx")
TAKES = manifest.Input(channels="BGR", mean=(0, 0, 0), deviation=(1, 1, 1), height=32)

def model(name, task):
    facts = {"licence": "none", "provenance": "made up", "input": TAKES}
    return manifest.Model(name=name, task=task, family=name, file=FILE, **facts)

whole_model, parrot_model = model("whole", "detection"), model("parrot", "recognition")

class Shouter(rp.Worker):
    def process(self, rows):
        for row in rows:
            row["loud"] = row["text"].upper()

class Loud(rp.Stage):
    def steps(self):
        writes = {"loud": rp.Column(pa.string())}
        return (rp.Step(stage=self, worker=Shouter, reads={"text": columns.RECOGNIZED}, writes=writes),)

quiet = Format(
    name="quiet", suffix=".quiet", media_type="text/x-quiet", render=lambda document: document.pages[0].text + "..."
)
'''
GROUPS = {
    "raypipe.formats": {"quiet": "added:quiet"},
    "raypipe.kinds": {"blot": "added:blot"},
    "raypipe.detectors": {"whole": "added:whole"},
    "raypipe.recognizers": {"parrot": "added:parrot"},
    "raypipe.models": {"whole": "added:whole_model", "parrot": "added:parrot_model"},
    "raypipe.stages": {"Loud": "added:Loud"},
}
USE = """
import json, sys
import raypipe as rp
from raypipe.cli.main import COMMANDS, cli
for name in COMMANDS: cli.get_command(None, name)
early = "added" in sys.modules
pipeline = rp.Pipeline([
    rp.BinaryToImage(), rp.ImageTextDetector.pretrained("whole"), rp.ImageToText.pretrained("parrot"),
    rp.Pipeline.from_toml('[[stage]]\\ntype = "Loud"').stages[0],
])
(page,) = pipeline.run("scans")
print(json.dumps([early, page["name"], page["loud"], page.to("quiet"), pipeline.to_toml()]))
from raypipe.zoo import manifest
assert manifest.damage(manifest.find("whole")) is None, "the entry says nothing that the file could differ from"
"""


def test_all_registries_take_what_an_installed_package_adds(tmp_path: Path) -> None:
    (tmp_path / "added.py").write_text(ADDED, encoding="utf-8")
    installed(tmp_path, "added", GROUPS)
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/a.blot").write_bytes(b"BLOT")
    places = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    environment = os.environ | {"PYTHONPATH": places}
    ran = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    early, name, loud, quiet, stored = json.loads(ran.stdout)
    assert not early, "a plug-in was imported before it was needed"
    assert (name, loud, quiet) == ("a.blot", "PRETTY", "pretty...")
    assert 'type = "Loud"' in stored


def registry(folder: Path, monkeypatch: pytest.MonkeyPatch, **packages: dict[str, str]) -> Registry[int]:
    """A registry of numbers, with one of its own, while packages are installed that add names."""
    (folder / "numbers_added.py").write_text("two = 2\nname = 'two'\ndef three(): pass\n", encoding="utf-8")
    for package, points in packages.items():
        installed(folder, package, {"raypipe.numbers": points})
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    return Registry("raypipe.numbers", {"one": 1}, lambda found: found != "two")


def test_names_and_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = registry(tmp_path, monkeypatch, first={"two": "numbers_added:two"})
    assert dict(numbers) == {"one": 1, "two": 2} and len(numbers) == 2 and "four" not in numbers


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ("no_such_module:two", "'it' .* of first cannot be loaded: ModuleNotFoundError: .*Fix first, or uninstall it"),
        ("numbers_added:four", "'it' .* of first cannot be loaded: AttributeError"),
        ("numbers_added:name", "numbers_added:name, a plug-in of first, does not fit raypipe.numbers"),
        ("numbers_added:three", "first has 'three' as an entry point named 'it'"),
    ],
)
def test_a_broken_plugin_says_whose_it_is(
    point: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = registry(tmp_path, monkeypatch, first={"it": point})
    assert list(numbers) == ["one", "it"] and numbers["one"] == 1, "what is not asked for does no harm"
    with pytest.raises(ConfigError, match=message):
        numbers["it"]


def test_a_name_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = registry(tmp_path, monkeypatch, first={"one": "numbers_added:two"})
    with pytest.raises(ConfigError, match="first and raypipe both call something 'one' in raypipe.numbers.*Uninstall"):
        list(own)


def test_a_name_that_two_packages_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"two": "numbers_added:two"}
    numbers = registry(tmp_path, monkeypatch, first=points, second=points)
    with pytest.raises(ConfigError, match="(first and second|second and first) both call something 'two'"):
        list(numbers)


def test_a_model_may_not_take_an_alias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_models: Path) -> None:
    alias = next(alias for model in manifest.models() for alias in model.aliases)
    code = (
        "from raypipe.zoo.manifest import Model\n"
        f"mine = Model(name={alias!r}, task='detection', family='db', file='x', licence='none', provenance='none')\n"
    )
    (tmp_path / "models_added.py").write_text(code, encoding="utf-8")
    installed(tmp_path, "greedy", {"raypipe.models": {alias: "models_added:mine"}})
    monkeypatch.syspath_prepend(tmp_path)
    manifest.models.cache_clear()
    with pytest.raises(ConfigError, match=f"Two models are called '{alias}'"):
        manifest.models()
