"""Models from elsewhere into the local store: from the Hugging Face hub, or from a folder.

`huggingface_hub` fetches: its cache (HF_HOME), endpoint (HF_ENDPOINT), token, proxies and offline mode hold here too.
A broken connection is resumed where it broke, and a pull that failed or was killed is resumed by the next one.
Nothing is put in place before everything has been checked.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock

from raypipe.engine.runtime import TELEMETRY
from raypipe.errors import ModelError, reason_of
from raypipe.plurals import counted
from raypipe.zoo import store
from raypipe.zoo.manifest import Model
from raypipe.zoo.store import Record

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

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
        raise ModelError(f"{model.name} cannot be pulled.", model.advice or "Its files come with raypipe.")
    if like and like.name != model.name:
        raise ModelError(f"The record is for {like.name}, not for {model.name}.", "Give the record of the same model.")
    revision = revision or (like.revision if like else None)
    with store.temporary_folder() as folder, _explained(model):
        if model.made:
            origin = _fetch_ppocr(model, folder, revision)
        else:
            exported = not model.repository or bool(like and like.changes)
            fetched = None if exported else _fetch_onnx(model, folder, revision)
            origin = fetched or _export(model, folder, revision if exported else None)
        if like:
            _require_same(folder, like)
        record = store.install(folder, model.name, *origin)
        shutil.rmtree(_parts(origin.source), ignore_errors=True)
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
    with store.temporary_folder() as temporary, _explained(model):
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
    info = _info(model.repository, revision)
    published = {file.rfilename: file for file in info.siblings or []}
    chosen = choose(published, SUFFIXES[model.precision])
    if chosen is None:
        return None
    for name in chosen:
        _fetch(model.repository, str(info.sha), published[name], folder / Path(name).name)
    return Origin(model.repository, str(info.sha))


def _export(model: Model, folder: Path, revision: str | None) -> Origin:
    """Fetches a PyTorch checkpoint and exports it."""
    missing = [name for name in EXPORTER_NEEDS if importlib.util.find_spec(name) is None]
    if not model.checkpoint or missing:
        raise ModelError(
            f"There are no public {model.precision} ONNX files of {model.name}, and to export them from the checkpoint "
            f"{model.checkpoint or '(none is known)'}, these packages are missing: {', '.join(missing) or 'none'}.",
            EXTRA,
        )
    info = _info(model.checkpoint, revision)
    files = [file for file in info.siblings or [] if file.rfilename.endswith(CHECKPOINT) and "/" not in file.rfilename]
    if not any(file.rfilename.endswith(".safetensors") for file in files):
        files += [file for file in info.siblings or [] if file.rfilename == "pytorch_model.bin"]
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir()
    for file in files:
        _fetch(model.checkpoint, str(info.sha), file, checkpoint / file.rfilename)
    _run_exporter(model, "raypipe.zoo.export", str(checkpoint), "--precision", model.precision, "--output", str(folder))
    shutil.rmtree(checkpoint)
    return Origin(model.checkpoint, str(info.sha), f"exported to ONNX, {model.precision}, by raypipe.zoo.export")


def _fetch_ppocr(model: Model, folder: Path, revision: str | None) -> Origin:
    """Fetches the files that PP-OCR publishes, and converts them."""
    _require_onnx(model)
    info = _info(model.repository, revision)
    published, source = {file.rfilename: file for file in info.siblings or []}, folder / "published"
    source.mkdir()
    for name in PPOCR[model.task]:
        if name not in published:
            raise ModelError(f"{model.repository} has no {name}.", "Choose another --revision.")
        _fetch(model.repository, str(info.sha), published[name], source / name)
    changes = _convert_ppocr(model, source, folder)
    shutil.rmtree(source)
    return Origin(model.repository, str(info.sha), changes)


def _import_ppocr(model: Model, folder: Path) -> Record:
    """Converts PP-OCR's files from a folder."""
    _require_onnx(model)
    if missing := [name for name in PPOCR[model.task] if not (folder / name).exists()]:
        raise ModelError(f"{folder} does not hold {model.name}.", f"It lacks {', '.join(missing)}.")
    with store.temporary_folder() as temporary, _explained(model):
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


def _info(repository: str, revision: str | None) -> ModelInfo:
    from huggingface_hub import HfApi

    return HfApi().model_info(repository, revision=revision, files_metadata=True)


def _fetch(repository: str, commit: str, file: RepoSibling, target: Path) -> None:
    """Fetches a file, compares it with what the hub publishes about it, and links or copies it into place."""
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(repository, file.rfilename, revision=commit)
    found = Path(cached).resolve() if isinstance(cached, str) else _download(repository, commit, file)
    wrong = _difference(found, file)
    if wrong:
        found.unlink()  # Otherwise it would count as sound next time.
        raise ModelError(f"{file.rfilename} of {repository} {wrong}.", "It was discarded: pull again.")
    try:
        os.link(found, target)
    except OSError:
        shutil.copyfile(found, target)


def _download(repository: str, commit: str, file: RepoSibling) -> Path:
    """Fetches a file into the folder of parts, resuming an earlier pull.

    `hf_hub_download` discards a partial file when it gives up; `http_get`, on which it is built, does not.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    digest, size = str(file.lfs.sha256 if file.lfs else file.blob_id), file.size or 0
    part = _parts(repository) / digest
    part.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{part}.lock"), part.open("ab") as opened:
        opened.truncate(min(opened.tell(), size))
        http_get(
            hf_hub_url(repository, file.rfilename, revision=commit),
            opened,
            resume_size=opened.seek(0, os.SEEK_END),
            headers=build_hf_headers(),
            expected_size=size,
            displayed_filename=file.rfilename,
        )
    return part


def _parts(repository: str) -> Path:
    """The folder of files that a pull has fetched, whole or in part, until it is complete."""
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "raypipe" / repository.replace("/", "--")


def _difference(path: Path, file: RepoSibling) -> str | None:
    """How a file differs from what the hub says about it: sha256 for large files, git's digest for small ones."""
    size = path.stat().st_size
    if size != file.size:
        return f"has {counted(size, 'byte')}, but should have {file.size:,}"
    if file.lfs:
        found, expected = store.sha256_of(path), file.lfs.sha256
    else:
        found = hashlib.sha1(b"blob %d\0" % size + path.read_bytes(), usedforsecurity=False).hexdigest()
        expected = str(file.blob_id)
    return None if found == expected else f"has digest {found}, but should have {expected}"


def _require_same(folder: Path, like: Record) -> None:
    for name, expected in like.files.items():
        path = folder / name
        found = store.sha256_of(path) if path.exists() else "missing"
        if found != expected.sha256:
            raise ModelError(
                f"{name} has sha256 {found}, but the record says {expected.sha256}.",
                "Pull without the record, or import a copy of the recorded files.",
            )


@contextmanager
def _explained(model: Model) -> Iterator[None]:
    """Turns any failure of a fetch into one error that says what to do."""
    from huggingface_hub import errors

    name = model.name
    by_hand = f"or copy the files from a machine that has them: `raypipe models import {name} FOLDER`"
    try:
        yield
    except errors.OfflineModeIsEnabled as error:
        raise ModelError(f"{name} cannot be pulled: HF_HUB_OFFLINE is set.", f"Unset it, {by_hand}.") from error
    except errors.GatedRepoError as error:
        raise ModelError(f"{name} cannot be pulled: {reason_of(error)}.", "Ask for access and set HF_TOKEN.") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError) as error:
        raise ModelError(
            f"{name} cannot be pulled: {reason_of(error)}.", f"Check the name, --revision and HF_ENDPOINT, {by_hand}."
        ) from error
    # `errors` has the HTTPError of whichever HTTP library this version of huggingface_hub uses.
    except (errors.HTTPError, errors.LocalEntryNotFoundError) as error:
        raise ModelError(
            f"{name} cannot be pulled: {reason_of(error)}.",
            f"Pull again: what arrived is kept. Check the network, HTTPS_PROXY and HF_ENDPOINT, {by_hand}.",
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            remedy = f"Free space, or set HF_HOME and {store.VARIABLE} to folders that have it, and pull again."
            raise ModelError(f"{name} does not fit on the disk: {error}.", remedy) from error
        raise ModelError(f"{name} cannot be stored: {error}.", f"Pull again, {by_hand}.") from error
