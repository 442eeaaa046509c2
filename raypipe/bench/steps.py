"""Where the time of a page goes, from the workers' metrics."""

from __future__ import annotations

from collections.abc import Mapping

from raypipe.metrics import AS_HALF, SECONDS, SESSION, files_run
from raypipe.pipeline import Pipeline
from raypipe.stages.base import ModelStage
from raypipe.stages.decode import ImageOpener
from raypipe.stages.detect import TextDetector
from raypipe.stages.recognize import LineCropper, TextReader
from raypipe.zoo import manifest

READ, OPEN, DETECT, CROP = (worker.__name__ for worker in (TextReader, ImageOpener, TextDetector, LineCropper))
OTHER = "another program"
REST = "waiting and other"
"""Time of the CPUs in which no step ran: the engine's own work, its waits, and that of other programs."""


def steps(pipeline: Pipeline | None, sums: Mapping[str, float], workers: int, seconds: float) -> dict[str, float]:
    """Seconds of each step of a round, in the order in which a page goes through them; None: another program's."""
    if pipeline is None:
        return {OTHER: workers * seconds}
    sessions = files_run(sums)
    detectors = _files(pipeline, "detection")
    detector = sum(value for name, value in sessions.items() if name.removesuffix(AS_HALF) in detectors)
    own = {f"{SESSION}{name}" for name in sessions}
    sums = {name.removesuffix(SECONDS): value for name, value in sums.items() if name.endswith(SECONDS)}
    known = sum(sessions.values()) - detector
    found = {
        "open": sums.pop(OPEN, 0.0),
        "decode": sums.pop("decode", 0.0),
        "scale": sums.pop("scale", 0.0),
        "cut lines": sums.pop("cut", 0.0),
        "search": sums.pop("search", 0.0),
    }
    around = sums.pop(DETECT, 0.0) + sums.pop(CROP, 0.0)
    found["find regions"] = around - found["decode"] - found["scale"] - found["cut lines"] - detector
    found["assemble lines"] = sums.pop(READ, 0.0) - known - found["search"]
    found |= {f"network {name}": value for name, value in sessions.items()}
    found |= {name: value for name, value in sums.items() if name not in own and name != "session"}
    found[REST] = workers * seconds - sum(found.values())
    return {name: value for name, value in found.items() if value > 0}


def _files(pipeline: Pipeline, task: str) -> set[str]:
    """The names of all model files that may run for a task."""
    stages = [stage for stage in pipeline.stages if isinstance(stage, ModelStage) and stage.task == task]
    names = {name for stage in stages for name in (stage.resolved.name, stage.resolved.exact) if name}
    return {manifest.find(name).path.stem for name in names}
