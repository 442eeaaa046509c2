"""The worked examples of CONTRIBUTING.md: pasted into a copy of the package, and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import encoded, installed
from test_imports import LAYERS

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "CONTRIBUTING.md").exists():
    pytest.skip("needs a checkout", allow_module_level=True)
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
USE = """
import json, runpy

runpy.run_path("models/recipes/ink.py")

from click.testing import CliRunner
import raypipe as rp
from raypipe.cli.main import cli
from asking import PICTURE, serving

def raypipe(*arguments):
    ran = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.output

def run(*arguments):
    return raypipe("run", "scans", "-o", "out", "--engine", "local", *arguments)

printed = run("--format", "shout", "--format", "whisper", "--format", "json", "--pipeline", "ink.toml")
files = ("shout/a.png.shout", "whisper/a.png.whisper", "json/a.png.json", "json/b.npy.json")
written = {name: open(f"out/{name}").read() for name in files}
again = run("--overwrite", "--pipeline", "ink.toml")
with serving() as client:
    answer = client.post("/v1/ocr", content=PICTURE, headers={"Accept": "text/x-shout"})
    whisper = client.post("/v1/ocr", content=PICTURE, headers={"Accept": "text/x-whisper"})
    asked = client.post("/v1/ocr?output_format=shout", content=PICTURE)
    document = client.get("/openapi.json").json()
finder = rp.Pipeline([rp.BinaryToImage(), rp.ImageTextDetector.pretrained("ink")])
(page,) = finder.run("scans/a.png")
print(json.dumps({
    "printed": printed,
    "written": written,
    "answer": [answer.headers["content-type"], answer.text, asked.text],
    "whisper": [whisper.headers["content-type"], whisper.text],
    "document": document,
    "doctor": CliRunner().invoke(cli, ("doctor",)).output,
    "models": raypipe("models", "list"),
    "regions": [[region.x, region.y, region.width, region.height] for region in page["text_regions"]],
    "stored": raypipe("describe", "--pipeline", "ink.toml", "--toml"),
}))
"""


def paste(language: str, path: Path, code: str) -> None:
    """Does with a block what its reader does: changes lines, appends to the manifest, or makes a file."""
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(patched(before, code, path.name) if language == "diff" else before + code, encoding="utf-8")


def patched(text: str, diff: str, name: str) -> str:
    """A text after a diff, whose parts are separated by @@."""
    for part in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = part.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] != "+")
        after = "".join(line[1:] for line in lines if line[0] != "-")
        assert text.count(before) == 1, f"{name} has changed: mend the example in CONTRIBUTING.md"
        text = text.replace(before, after)
    return text


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with all of the examples, and a folder of two pages."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "raypipe", folder / "raypipe", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "models/recipes").mkdir(parents=True)
    shutil.copy(ROOT / "models/manifest.toml", folder / "models")
    for language, name, code in BLOCK.findall(GUIDE):
        paste(language, folder / name, code)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed(folder, project["name"], project["entry-points"])
    (folder / "scans").mkdir()
    page = np.full((100, 200), 255, np.uint8)
    page[20:40, 20:120] = page[60:80, 20:170] = 0
    (folder / "scans/a.png").write_bytes(encoded(page, "PNG"))
    colours = np.full((30, 70, 3), 255, np.uint8)
    colours[:, :35, 2] = 0
    np.save(folder / "scans/b.npy", colours)
    return folder


@pytest.fixture(scope="module")
def used(checkout: Path) -> dict[str, Any]:
    """What a process in that checkout says."""
    places = [checkout, ROOT / "tests/unit", ROOT / "tests"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places)), "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", USE]
    ran = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_format_is_a_file_and_a_name(used: dict[str, Any], checkout: Path) -> None:
    """The command line, its folders, HTTP, the OpenAPI document and the page know it."""
    assert "out/shout/" in used["printed"] and used["written"]["shout/a.png.shout"] == ""
    assert not (checkout / "out/shout").exists(), "--overwrite removes its folder"
    assert used["answer"] == ["text/x-shout; charset=utf-8", "DEAR PAGE 0", "DEAR PAGE 0"]
    operation = used["document"]["paths"]["/v1/ocr"]["post"]
    assert "text/x-shout" in operation["responses"]["200"]["content"]
    (parameter,) = [each["schema"] for each in operation["parameters"] if each["name"] == "output_format"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["output_format"]
    assert "shout" in parameter["enum"] and "shout" in form["enum"]
    offered = used["document"]["paths"]["/v1/convert"]["post"]["x-formats"]  # By the page at /.
    assert offered["shout"] == {"suffix": ".shout", "one_page": False, "originals": False}


def test_a_detector_is_a_file_a_line_and_an_entry(used: dict[str, Any]) -> None:
    assert re.search(r"^ink +detection", used["models"], re.MULTILINE)
    found = sorted(used["regions"], key=lambda box: box[1])
    assert np.allclose(found, [[70, 30, 100, 20], [95, 70, 150, 20]], atol=1.5)


def test_a_stage_may_live_in_another_package(used: dict[str, Any]) -> None:
    """It is stored, by the name of its entry point, run, and its column is in the JSON."""
    (stored,) = tomllib.loads(used["stored"])["stage"][1:]
    assert stored == {"type": "InkShare", "darker_than": 100}
    (page,) = json.loads(used["written"]["json/a.png.json"])["pages"]
    assert page["ink"] == pytest.approx(0.25)


def test_a_kind_of_file_is_a_file_and_a_name(used: dict[str, Any]) -> None:
    """A folder's files of this kind are read as pictures, and the page at / offers to choose them."""
    (page,) = json.loads(used["written"]["json/b.npy.json"])["pages"]
    assert (page["width"], page["height"]) == (70, 30)
    assert ".npy" in used["document"]["paths"]["/v1/ocr"]["post"]["x-suffixes"]
    assert page["ink"] == pytest.approx(1 / 6)


def test_a_format_may_live_in_another_package(used: dict[str, Any]) -> None:
    """The command line, its folders and HTTP know it, and `raypipe doctor` tells where it is from."""
    assert "out/whisper/" in used["printed"] and used["written"]["whisper/a.png.whisper"] == ""
    assert used["whisper"] == ["text/x-whisper; charset=utf-8", "dear page 0"]
    operation = used["document"]["paths"]["/v1/ocr"]["post"]
    assert "text/x-whisper" in operation["responses"]["200"]["content"]
    assert re.search(r"plug-in whisper \(raypipe.formats\) +ok +from inkmeter", used["doctor"])
    assert re.search(r"plug-in InkShare \(raypipe.stages\) +ok +from inkmeter", used["doctor"])


def test_all_rooms_are_listed_from_the_top_down() -> None:
    (listing,) = re.findall(r"^```text\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    level = {name: number for number, names in enumerate(LAYERS) for name in names}
    rooms = [line.split()[0] for line in listing.splitlines()]
    assert set(rooms) == set(level) - {"", "__main__"}
    assert [level[room] for room in rooms] == sorted((level[room] for room in rooms), reverse=True)
