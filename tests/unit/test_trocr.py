"""TrOCR on ONNX Runtime: the same tokens as `transformers`, recorded by tests/data/trocr/make.py."""

from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from raypipe.engine.session import Session
from raypipe.errors import ModelError
from raypipe.metrics import Metrics
from raypipe.recognition.base import RecognizerOptions
from raypipe.recognition.trocr import model
from raypipe.recognition.trocr.generation import Tokens
from raypipe.recognition.trocr.model import Seq2SeqRecognizer, spelled
from raypipe.recognition.trocr.network import CachedDecoding
from raypipe.recognition.trocr.preprocessing import Preprocessing

DATA = Path(__file__).parents[1] / "data" / "trocr"
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
SEARCHES: dict[str, dict[str, Any]] = EXPECTED["searches"]
STORED = np.load(DATA / "pictures.npz")
PICTURES = [STORED[f"arr_{n}"] for n in range(len(STORED.files) - 1)]
PIXELS = STORED["pixels"]


@pytest.fixture(scope="module", params=["merged", "two"])
def layout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with one decoder file, or with two."""
    folder = tmp_path_factory.mktemp("model") / str(request.param)
    shutil.copytree(DATA / "merged", folder)
    if request.param == "two":
        (folder / "decoder_model_merged.onnx").unlink()
        shutil.copytree(DATA / "two", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """A model folder to change."""
    return Path(shutil.copytree(DATA / "merged", tmp_path / "model"))


def recognizer(folder: Path, caching: bool = True, beams: int = 1) -> Seq2SeqRecognizer:
    options = RecognizerOptions(use_caching=caching, num_beams=beams)
    return Seq2SeqRecognizer(folder, options, lambda source: Session(source, False, 1, Metrics()))


def changed(folder: Path, name: str, **values: Any) -> None:
    """Sets keys of a JSON file of a model."""
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def searching(folder: Path, search: str, caching: bool = True) -> Seq2SeqRecognizer:
    """A recognizer that searches as one of the recorded searches did."""
    values = dict(SEARCHES[search])
    beams = values.pop("num_beams", 1)
    changed(folder, "generation_config.json", no_repeat_ngram_size=0, length_penalty=1.0, early_stopping=False)
    changed(folder, "generation_config.json", **values)
    return recognizer(folder, caching, beams)


@pytest.mark.parametrize("search", SEARCHES)
def test_recorded_texts_have_many_lengths(search: str) -> None:
    assert len({len(text) for text in EXPECTED["tokens"][search]}) >= 5


@pytest.mark.parametrize("caching", [True, False])
@pytest.mark.parametrize("search", SEARCHES)
def test_tokens_are_those_of_transformers(layout: Path, search: str, caching: bool) -> None:
    found = searching(layout, search, caching).generate(PIXELS)
    assert [tokens.ids for tokens in found] == EXPECTED["tokens"][search]
    assert all(len(tokens.ids) == len(tokens.probabilities) for tokens in found)


@pytest.mark.parametrize("search", ["greedy", "beam"])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_batch_does_not_change_its_pictures(layout: Path, search: str, batch_size: int) -> None:
    reader = searching(layout, search)
    found = [
        tokens for n in range(0, len(PIXELS), batch_size) for tokens in reader.generate(PIXELS[n : n + batch_size])
    ]
    assert [tokens.ids for tokens in found] == EXPECTED["tokens"][search]


def test_pictures_are_prepared_as_by_transformers(merged: Path) -> None:
    preprocessing = Preprocessing.model_validate(json.loads((merged / "preprocessor_config.json").read_text("utf-8")))
    assert np.abs(preprocessing.tensor(PICTURES) - PIXELS).max() < 1e-6


def test_old_preprocessor_configurations_give_one_side() -> None:
    assert Preprocessing(size=16).tensor(PICTURES[:2]).shape == (2, 3, 16, 16)


@pytest.mark.parametrize("batch_size", [0, 1, 4])
def test_readings_come_in_the_order_of_the_pictures(merged: Path, batch_size: int) -> None:
    found = recognizer(merged).read(PICTURES, batch_size)
    assert [reading.text for reading in found] == [" ".join(text.split()) for text in EXPECTED["text"]]


def test_probabilities_are_those_of_the_network(merged: Path) -> None:
    """Fed with the text that it chose, the decoder gives each token the probability that was told."""
    reader = recognizer(merged)
    for pixels, tokens in zip(PIXELS, reader.generate(PIXELS), strict=True):
        hidden = reader._network.encode(pixels[None])
        scores = [reader._network.begin(np.array([[2, *tokens.ids[:n]]]), hidden)[0][0] for n in range(len(tokens.ids))]
        chances = [np.exp(row)[token] / np.exp(row).sum() for row, token in zip(scores, tokens.ids, strict=True)]
        assert np.allclose(chances, tokens.probabilities, atol=1e-4)


def test_beams_find_texts_at_least_as_probable(merged: Path) -> None:
    def chance(tokens: Tokens) -> float:
        return float(np.log(tokens.probabilities).sum()) if tokens.ids else 0.0

    changed(merged, "generation_config.json", length_penalty=0.0, eos_token_id=299, max_length=6)
    pairs = zip(recognizer(merged, beams=5).generate(PIXELS), recognizer(merged).generate(PIXELS), strict=True)
    chances = [(chance(wide), chance(narrow)) for wide, narrow in pairs]
    assert sum(wide for wide, _ in chances) > sum(narrow for _, narrow in chances)


def test_finished_pictures_leave_the_batch(merged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    step = CachedDecoding.step

    def counted(self: CachedDecoding, tokens: Any) -> Any:
        rows.append(len(tokens))
        return step(self, tokens)

    monkeypatch.setattr(CachedDecoding, "step", counted)
    recognizer(merged).generate(PIXELS)
    lengths = [len(text) for text in EXPECTED["tokens"]["greedy"]]
    assert rows[0] == len(PIXELS) and rows[-1] <= len(PIXELS) / 2
    # Never more than half of the rows belong to finished pictures.
    for place, count in enumerate(rows):
        assert count < 2 * sum(length >= place for length in lengths) or place == 0


def test_the_encoders_keys_are_computed_once(merged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first step the decoder is not given what the encoder made, but its keys."""
    reader = recognizer(merged)
    decoding = CachedDecoding(reader._network, reader._network.encode(PIXELS[:3]))
    first = decoding.step(np.full(3, 2))
    keys = decoding._cache["past_key_values.0.encoder.key"]
    decoding._encoded[:] = np.nan
    assert np.isfinite(decoding.step(first.argmax(1))).all()
    assert decoding._cache["past_key_values.0.encoder.key"] is keys


def test_a_character_has_the_probability_of_its_token(merged: Path) -> None:
    tokenizer = recognizer(merged)._tokenizer
    ids = tokenizer.encode("the é  line ").ids
    chances = [n / 100 for n in range(1, len(ids) + 1)]
    reading = spelled(Tokens(ids, chances), tokenizer, 90)
    assert reading.text == "the é line"
    assert len(reading.probabilities) == len(reading.centres) == len(reading.text)
    assert reading.probabilities == sorted(reading.probabilities)
    assert reading.centres[0] == pytest.approx(4.5) and reading.centres[-1] == pytest.approx(85.5)
    accent = [n for n, token in enumerate(ids) if tokenizer.decode(ids[: n + 1]).endswith("é")][0]
    assert reading.probabilities[4] == chances[accent]


def test_an_empty_text(merged: Path) -> None:
    tokenizer = recognizer(merged)._tokenizer
    assert spelled(Tokens([], []), tokenizer, 90).text == ""
    assert spelled(Tokens(tokenizer.encode("  ").ids, [0.5] * 2), tokenizer, 90).probabilities == []
    assert recognizer(merged).read([], 0) == []


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("encoder_model.onnx", "pull"), ("tokenizer.json", "pull"), ("generation_config.json", "pull")],
)
def test_a_missing_file_is_named(merged: Path, name: str, remedy: str) -> None:
    (merged / name).unlink()
    with pytest.raises(ModelError) as caught:
        recognizer(merged)
    assert name.split(".")[0] in str(caught.value) and remedy in caught.value.remedy.lower()


def test_two_variants_in_a_folder_are_one_too_many(merged: Path) -> None:
    shutil.copy(merged / "encoder_model.onnx", merged / "encoder_model_quantized.onnx")
    with pytest.raises(ModelError, match="encoder_model_quantized"):
        recognizer(merged)


def test_a_search_that_is_not_built_is_refused(merged: Path) -> None:
    changed(merged, "generation_config.json", repetition_penalty=1.3)
    with pytest.raises(ModelError, match="repetition_penalty"):
        recognizer(merged)


@pytest.mark.parametrize("name", ["preprocessor_config.json", "generation_config.json", "tokenizer.json"])
@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_file_is_named(merged: Path, name: str, text: str) -> None:
    (merged / name).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=name):
        recognizer(merged)


def test_metadata_that_are_missing_are_named(merged: Path) -> None:
    encoder = recognizer(merged)._network.encoder
    assert encoder.metadata("characters", '"ab"') == "ab"
    with pytest.raises(ModelError, match=r"encoder_model.onnx has no 'characters' in its metadata. Add it, as"):
        encoder.metadata("characters")


def test_token_ids_may_stand_in_the_models_configuration(merged: Path) -> None:
    (merged / "generation_config.json").write_text('{"max_length": 24}', encoding="utf-8")
    found = recognizer(merged).generate(PIXELS)
    assert [tokens.ids for tokens in found] == EXPECTED["tokens"]["greedy"]


@pytest.mark.parametrize(("on_gpu", "most"), [(True, 1), (False, 3)])
def test_a_gpu_holds_the_keys_of_one_batch(
    merged: Path, monkeypatch: pytest.MonkeyPatch, on_gpu: bool, most: int
) -> None:
    meeting, running, seen = threading.Barrier(3), threading.Semaphore(0), []

    class Busy:
        encoder = SimpleNamespace(on_gpu=on_gpu)

        def encode(self, pixels: object) -> None:
            running.release()
            seen.append(running._value)
            if not on_gpu:
                meeting.wait(20)
            time.sleep(0.01)
            running.acquire()
            raise KeyError("enough")

    monkeypatch.setattr(model, "Network", lambda *_: Busy())
    reader = recognizer(merged)
    with ThreadPoolExecutor(3) as threads:
        for call in [threads.submit(reader.generate, PIXELS) for _ in range(3)]:
            with pytest.raises(KeyError, match="enough"):
                call.result(20)
    assert max(seen) == most
