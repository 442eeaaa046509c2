"""`raypipe doctor`: this machine's versions, providers, devices, threads, models and plug-ins."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint

import click
import numpy as np

from raypipe import plugins, presets
from raypipe.cli.table import print_table
from raypipe.detection import families as detectors
from raypipe.engine import cuda, devices, operators
from raypipe.engine.providers import engines_folder
from raypipe.engine.runtime import TELEMETRY
from raypipe.engine.session import Session
from raypipe.errors import ConfigError, ExitStatus, ModelError, RaypipeError
from raypipe.images.kinds import KINDS
from raypipe.machine import cpu_name, usable_cpus
from raypipe.metrics import Metrics
from raypipe.outputs.formats import FORMATS
from raypipe.recognition import families as recognizers
from raypipe.recognition.ctc import library
from raypipe.stages.registry import STAGES
from raypipe.versions import versions
from raypipe.zoo import manifest, store


def checks() -> list[tuple[str, str, bool]]:
    """Rows of subject, finding, and whether the finding is as it should be."""
    runtime = devices.versions()
    rows = [(name, found, True) for name, found in _versions().items()]
    rows += [
        ("ONNX Runtime", runtime["onnxruntime"], True),
        ("providers built in", ", ".join(runtime["providers"]), True),
        ("telemetry of ONNX Runtime", f"on: {TELEMETRY}=0" if os.environ[TELEMETRY] == "0" else "off", True),
        _gpu(),
        ("TensorRT", _tensorrt(), True),
        _library("word search", library.library),
        _library("operators for int8", operators.library, operators.instructions),
        ("CPUs", f"{usable_cpus()}, {cpu_name() or 'of unknown name'}", True),
        ("models in several precisions run", f"in {_precision()}", True),
    ]
    rows.append(("models pulled to", str(store.folder()), True))
    for model in manifest.models():
        if model.file or model.is_here:
            damage = manifest.damage(model)
            rows.append((f"model {model.name}", damage or "sound", damage is None))
    return rows + [_plugin(point) for point in plugins.installed()]


def _versions() -> dict[str, str]:
    """Versions, also of Ray, which the container of one small machine lacks."""
    return {"python": "", "raypipe": "", "ray": "not installed: raypipe runs in one process only", **versions()}


def _library(
    what: str, opened: Callable[[], object], instructions: Callable[[], str] | None = None
) -> tuple[str, str, bool]:
    """The row of a C library, and which of the CPU's instructions it uses."""
    try:
        opened()
    except ModelError as error:
        return what, str(error), False
    return what, f"sound, by {instructions()}" if instructions else "sound", True


def _gpu() -> tuple[str, str, bool]:
    """The row of the GPU: a model has run on it, or there is none, or it says why it cannot be used."""
    if not cuda.devices():
        return "GPU", "none: --device auto runs on the CPU", True
    if trouble := devices.gpu_trouble() or _session_trouble():
        return "GPU", f"not usable, --device auto runs on the CPU: {trouble}", False
    return "GPU", f"{cuda.devices()} with CUDA: --device auto runs there", True


def _tensorrt() -> str:
    """Whether TensorRT is there, which nothing uses unless it is asked to."""
    if trouble := devices.tensorrt_trouble():
        return f"none, so that --provider tensorrt is an error: {trouble}"
    return f"for --provider tensorrt; what it compiles is kept in {engines_folder()}"


def _precision() -> str:
    """What models that have both compute with here."""
    return manifest.suited(manifest.find(presets.DETECTOR), None, devices.gpu_available()).precision


def _session_trouble() -> str:
    """Why a model does not run on the GPU; empty if it does."""
    try:
        session = Session(manifest.find(presets.DETECTOR).path, True, 1, Metrics())
        session.run(np.zeros((1, 3, 64, 64), np.float32))
    except (RaypipeError, RuntimeError) as error:
        return str(error)
    return ""


def _plugin(point: EntryPoint) -> tuple[str, str, bool]:
    """The row of something that another package adds."""
    what = f"plug-in {point.name} ({point.group})"
    registries = (FORMATS, KINDS, STAGES, detectors.FAMILIES, recognizers.FAMILIES, manifest.registry())
    by_group: dict[str, Mapping[str, object]] = {each.group: each for each in registries}
    if point.group not in by_group:
        return what, f"raypipe has no such group, only {', '.join(by_group)}", False
    try:
        by_group[point.group][point.name]
    except ConfigError as error:
        return what, str(error), False
    return what, f"from {plugins.package(point)}", True


@click.command(epilog="Example: raypipe doctor")
def doctor() -> None:
    """Checks versions, providers, devices, threads, models and plug-ins."""
    rows = checks()
    print_table(("what", "", "found"), *((what, "ok" if sound else "WRONG", found) for what, found, sound in rows))
    sys.exit(ExitStatus.DONE if all(sound for *_, sound in rows) else ExitStatus.MODEL)
