"""PP-OCR's medium tier is pulled, cut to Latin script and checked; the small tier's files stand in for it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import yaml
from hub_server import Hub
from machine import Machine
from onnx import numpy_helper

import raypipe as rp
from raypipe.engine.session import Session
from raypipe.errors import ModelError
from raypipe.metrics import Metrics
from raypipe.zoo import manifest, pulling, store

NAME, REPOSITORY = "ocr_medium_printed", "PaddlePaddle/PP-OCRv6_medium_rec_onnx"
SMALL = manifest.find("ocr_small_printed")
OTHERS = {5: "中", 200: "文", 368: "字"}
"""Characters of other scripts and their places among the network's own."""
LINE = Path(__file__).parents[1] / "data" / "exact_lines" / "images"


def published() -> dict[str, bytes]:
    """The small recognizer as if it had been published: with a head for further scripts, and a dictionary."""
    model = onnx.load(SMALL.path)
    characters = json.loads(next(each.value for each in model.metadata_props if each.key == "characters"))
    places = list(OTHERS)
    product = [node for node in model.graph.node if node.op_type == "MatMul"][-1]
    total = next(node for node in model.graph.node if product.output[0] in node.input)
    for name, axis, new in ((product.input[1], 1, 0), (total.input[1], 0, -20)):
        cast = next(node for node in model.graph.node if name in node.output)
        stored = next(tensor for tensor in model.graph.initializer if tensor.name == cast.input[0])
        values = np.insert(numpy_helper.to_array(stored).astype(np.float32), [n + 1 for n in places], new, axis)
        model.graph.node.remove(cast)
        stored.CopyFrom(numpy_helper.from_array(values, name))
    del model.metadata_props[:]
    for place, character in reversed(OTHERS.items()):
        characters.insert(place, character)
    settings = {"PostProcess": {"name": "CTCLabelDecode", "character_dict": characters[:-1]}}
    return {
        "inference.onnx": model.SerializeToString(),
        "inference.yml": yaml.safe_dump(settings, allow_unicode=True).encode(),
    }


def test_a_medium_recognizer_is_cut_checked_and_reads(
    machine: Machine, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.VARIABLE, str(machine.store))
    hub.repositories[REPOSITORY] = [published()]
    done = machine.run("pull", NAME)
    assert done.returncode == 0, done.stderr
    found = manifest.resolve(NAME, "recognition", "en")
    record = store.read_record(machine.store / NAME / store.RECORD)
    assert record.source == REPOSITORY and "Latin" in record.changes and list(record.files) == ["recognizer.onnx"]
    cut, small = (Session(model.path, False, 1, Metrics()) for model in (found, SMALL))
    assert cut.metadata("characters") == small.metadata("characters") and list(cut.inputs) == ["image"]
    picture = cv2.imread(str(sorted(LINE.iterdir())[0]))
    texts = [page.text for model in (NAME, SMALL.name)
             for page in rp.Pipeline([rp.BinaryToImage(), rp.ImageToText(model=model, regions_column=None)]).run(
                 cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))]  # fmt: skip
    assert texts[0] == texts[1] and len(texts[0]) > 5
    assert manifest.damage(found) is None


@pytest.mark.parametrize(
    ("lacks", "words"), [("inference.yml", "lacks inference.yml"), ("", "classes, its dictionary")]
)
def test_what_is_no_such_network_is_refused(
    lacks: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "store"))
    files = published()
    files["inference.yml"] = yaml.safe_dump({"PostProcess": {"character_dict": ["a", "b"]}}).encode()
    for name, content in files.items():
        if name != lacks:
            (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=words):
        pulling.import_folder(manifest.find(NAME), tmp_path)
    assert not (tmp_path / "store" / NAME).exists()
