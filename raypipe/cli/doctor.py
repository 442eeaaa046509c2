"""`raypipe doctor`: this machine's versions, providers, devices, threads and models."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version

import click

from raypipe import engine
from raypipe.cli.table import print_table
from raypipe.errors import ExitStatus
from raypipe.machine import usable_cpus
from raypipe.zoo import manifest, store

PACKAGES = ("raypipe", "ray", "numpy", "opencv-python-headless", "pillow", "pyarrow", "pydantic")


def checks() -> list[tuple[str, str, bool]]:
    """Rows of subject, finding, and whether the finding is as it should be."""
    runtime = engine.versions()
    gpu = engine.gpu_available()
    rows = [("python", f"{platform.python_version()} on {platform.platform()}", True)]
    rows += [(name, version(name), True) for name in PACKAGES]
    rows += [
        ("onnxruntime", runtime["onnxruntime"], True),
        ("providers built in", ", ".join(runtime["providers"]), True),
        ("GPU", "CUDA device found" if gpu else "none usable", True),
        ("--device auto runs on", "CUDA" if gpu else "CPU", True),
        ("CPUs", str(usable_cpus()), True),
    ]
    rows.append(("models pulled to", str(store.folder()), True))
    for model in manifest.models():
        if model.file or model.is_here:
            damage = manifest.damage(model)
            rows.append((f"model {model.name}", damage or "sound", damage is None))
    return rows


@click.command(epilog="Example: raypipe doctor")
def doctor() -> None:
    """Checks versions, providers, devices, threads and models."""
    rows = checks()
    print_table(("what", "found", ""), *((what, found, "ok" if sound else "WRONG") for what, found, sound in rows))
    sys.exit(ExitStatus.DONE if all(sound for *_, sound in rows) else ExitStatus.MODEL)
