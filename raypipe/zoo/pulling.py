"""Models from elsewhere into the local store: from the Hugging Face hub, or from a folder.

A pull that failed or was killed is resumed by the next one. Nothing is put in place before everything has been checked.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from raypipe.engine.runtime import TELEMETRY
from raypipe.errors import ModelError
from raypipe.zoo import store
from raypipe.zoo.hub import explained, fetch, parts, repository_info
from raypipe.zoo.manifest import Model
from raypipe.zoo.store import Record

CONFIGURATION = ("tokenizer.json", "preprocessor_config.json", "generation_config.json")
OPTIONAL = ("config.json",)
SUFFIXES = {"fp32": "", "int8": "_quantized", "fp16": "_fp16"}
"""How file names end in Optimum's layout, by precision."""
CHECKPOINT = (".json", ".txt", ".model", ".safetensors")
EXTRA = "pip install 'raypipe[export]', then pull again."
PPOCR = {"detection": ("inference.onnx",), "recognition": ("inference.onnx", "inference.yml")}
"""The files in PP-OCR's repositories, by task."""
EXPORTER_NEEDS = ("torch", "transformers", "onnx", "onnxscript")


class Origin(NamedTuple):
    """Where the files of a model came from, and what was done to them."""

    source: str
    revision: str
    changes: str = ""


def pull(model: Model, revision: str | None = None, like: Record | None = None) -> Record:
    """Fetches a model into the store, or exports it from a PyTorch checkpoint if no suitable ONNX files are public.

    Args:
        model: An entry of the manifest with a repository or a checkpoint.
        revision: Commit, tag or branch to fetch; None: the newest.
        like: The record of an earlier pull, to get the same revision and the very same files.

    Raises:
        ModelError: It cannot be fetched, or what arrived is not what was published. The store is unchanged.
    """
    if not (model.repository or model.checkpoint):
        raise ModelError(f"{model.name} cannot be pulled.", model.advice or "A package brings it, not the hub.")
    if like and like.name != model.name:
        raise ModelError(f"The record is for {like.name}, not for {model.name}.", "Give the record of the same model.")
    revision = revision or (like.revision if like else None)
    with store.temporary_folder() as folder, explained(model.name):
        if model.made:
            origin = _fetch_ppocr(model, folder, revision)
        else:
            exported = not model.repository or bool(like and like.changes)
            fetched = None if exported else _fetch_onnx(model, folder, revision)
            origin = fetched or _export(model, folder, revision if exported else None)
        if like:
            _require_same(folder, like)
        record = store.install(folder, model.name, *origin)
        shutil.rmtree(parts(origin.source), ignore_errors=True)
        return record


def import_folder(model: Model, folder: Path) -> Record:
    """Copies a model from a folder in Optimum's layout into the store: in its own precision, if there are several.

    PP-OCR's published files are converted, as by a pull.

    Raises:
        ModelError: A file is missing, or cannot be converted. The store is unchanged.
    """
    if model.file or not (model.repository or model.checkpoint):
        raise ModelError(
            f"{model.name} cannot be imported.", "`raypipe models list` says which models can be pulled or imported."
        )
    if model.made:
        return _import_ppocr(model, folder)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    chosen = choose(names, SUFFIXES[model.precision])
    if chosen is None:
        raise ModelError(
            f"{folder} does not hold {model.name}.",
            f"It needs encoder_model{SUFFIXES[model.precision]}.onnx, decoder_model_merged{SUFFIXES[model.precision]}"
            f".onnx (or decoder_model and decoder_with_past_model), {', '.join(CONFIGURATION)}.",
        )
    with store.temporary_folder() as temporary, explained(model.name):
        for name in chosen:
            shutil.copyfile(folder / name, temporary / Path(name).name)
        return store.install(temporary, model.name, str(folder.absolute()))


def choose(names: Iterable[str], suffix: str) -> list[str] | None:
    """The files of a model among those of a repository or folder; None if it is incomplete."""
    found = {name.removeprefix("onnx/"): name for name in sorted(names, reverse=True)}
    graphs = [f"encoder_model{suffix}.onnx", f"decoder_model_merged{suffix}.onnx"]
    if graphs[1] not in found:
        graphs[1:] = [f"decoder_model{suffix}.onnx", f"decoder_with_past_model{suffix}.onnx"]
    if any(name not in found for name in (*graphs, *CONFIGURATION)):
        return None
    return [found[name] for name in (*graphs, *CONFIGURATION, *OPTIONAL) if name in found]


def _fetch_onnx(model: Model, folder: Path, revision: str | None) -> Origin | None:
    """Fetches ONNX files; returns their origin, or None if the repository lacks them."""
    found = repository_info(model.repository, revision)
    published = {file.rfilename: file for file in found.siblings or []}
    chosen = choose(published, SUFFIXES[model.precision])
    if chosen is None:
        return None
    for name in chosen:
        fetch(model.repository, str(found.sha), published[name], folder / Path(name).name)
    return Origin(model.repository, str(found.sha))


def _export(model: Model, folder: Path, revision: str | None) -> Origin:
    """Fetches a PyTorch checkpoint and exports it."""
    lacks = f"There are no public {model.precision} ONNX files of {model.name}"
    if not model.checkpoint:
        raise ModelError(f"{lacks}: {model.repository} holds none.", "Choose another --revision.")
    if missing := [name for name in EXPORTER_NEEDS if importlib.util.find_spec(name) is None]:
        raise ModelError(
            f"{lacks}, and to export them from the checkpoint {model.checkpoint}, these packages are missing: "
            f"{', '.join(missing)}.",
            EXTRA,
        )
    found = repository_info(model.checkpoint, revision)
    files = [file for file in found.siblings or [] if file.rfilename.endswith(CHECKPOINT) and "/" not in file.rfilename]
    if not any(file.rfilename.endswith(".safetensors") for file in files):
        files += [file for file in found.siblings or [] if file.rfilename == "pytorch_model.bin"]
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir()
    for file in files:
        fetch(model.checkpoint, str(found.sha), file, checkpoint / file.rfilename)
    _run_exporter(model, "raypipe.zoo.export", str(checkpoint), "--precision", model.precision, "--output", str(folder))
    shutil.rmtree(checkpoint)
    return Origin(model.checkpoint, str(found.sha), f"exported to ONNX, {model.precision}, by raypipe.zoo.export")


def _fetch_ppocr(model: Model, folder: Path, revision: str | None) -> Origin:
    """Fetches the files that PP-OCR publishes, and converts them."""
    _require_onnx(model)
    found = repository_info(model.repository, revision)
    published, source = {file.rfilename: file for file in found.siblings or []}, folder / "published"
    source.mkdir()
    for name in PPOCR[model.task]:
        if name not in published:
            raise ModelError(f"{model.repository} has no {name}.", "Choose another --revision.")
        fetch(model.repository, str(found.sha), published[name], source / name)
    changes = _convert_ppocr(model, source, folder)
    shutil.rmtree(source)
    return Origin(model.repository, str(found.sha), changes)


def _import_ppocr(model: Model, folder: Path) -> Record:
    """Converts PP-OCR's files from a folder."""
    _require_onnx(model)
    if missing := [name for name in PPOCR[model.task] if not (folder / name).exists()]:
        raise ModelError(f"{folder} does not hold {model.name}.", f"It lacks {', '.join(missing)}.")
    with store.temporary_folder() as temporary, explained(model.name):
        changes = _convert_ppocr(model, folder, temporary)
        return store.install(temporary, model.name, str(folder.absolute()), changes=changes)


def _require_onnx(model: Model) -> None:
    if importlib.util.find_spec("onnx") is None:
        raise ModelError(f"{model.name} is converted when it is pulled, for which the package onnx is missing.", EXTRA)


def _convert_ppocr(model: Model, source: Path, folder: Path) -> str:
    """Writes the file of a model into a folder; returns a description of the conversion."""
    output = str(folder / model.made)
    _run_exporter(model, "raypipe.zoo.export.ppocr", str(source), "--task", model.task, "--output", output)
    return "inputs and outputs named, a recognizer's classes cut to Latin script, by raypipe.zoo.export.ppocr"


def _run_exporter(model: Model, *command: str) -> None:
    environment = {TELEMETRY: "1", **os.environ}
    done = subprocess.run(
        [sys.executable, "-m", *command], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        output = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise ModelError(f"The export of {model.name} failed: {output}", f"Try python -m {' '.join(command)}")


def _require_same(folder: Path, like: Record) -> None:
    for name, expected in like.files.items():
        path = folder / name
        found = store.sha256_of(path) if path.exists() else "missing"
        if found != expected.sha256:
            raise ModelError(
                f"{name} has sha256 {found}, but the record says {expected.sha256}.",
                "Pull without the record, or import a copy of the recorded files.",
            )
