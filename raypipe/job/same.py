"""Whether the results in a folder come from the same pipeline."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from raypipe.errors import ConfigError, reason_of
from raypipe.files.paths import exists, read_file
from raypipe.job.folder import OutputFolder
from raypipe.pipeline import Pipeline

PLACEMENT = {"pool", "use_gpu", "provider", "folder"}
"""Parameters that say where a stage runs or writes: they do not change the rows."""


def declared_pipeline(folder: OutputFolder) -> Pipeline:
    """The pipeline that made the results in a folder.

    Raises:
        ConfigError: It is unknown, or this version of raypipe cannot make it.
    """
    if not exists(folder.declared):
        raise ConfigError(
            f"{folder} holds results, and no pipeline.toml that says which pipeline made them.",
            "Choose another folder, or put the file back.",
        )
    try:
        return Pipeline.from_toml(read_file(folder.declared).decode())
    except (ConfigError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{folder.declared} is damaged, or of another version of raypipe: {reason_of(error)}.",
            "Use that version, choose another folder, or pass --overwrite.",
        ) from error


def check_pipeline(folder: OutputFolder, pipeline: Pipeline) -> None:
    """Checks that the pipeline that made the results makes the same rows as this one.

    Raises:
        ConfigError: It does not, or is unknown.
    """
    before = [_rows_of(stage) for stage in declared_pipeline(folder).stages]
    now = [_rows_of(stage) for stage in pipeline.stages]
    if before == now:
        return
    raise ConfigError(
        f"{folder} holds the results of another pipeline, which {_difference(before, now)}.",
        "Choose another folder, or pass --overwrite.",
    )


def _difference(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> str:
    """What another pipeline has that this one has not."""
    stages, others = ([stage["type"] for stage in each] for each in (now, before))
    if stages != others:
        return f"has the stages {', '.join(others)}, not {', '.join(stages)}"
    pairs = zip(before, now, strict=True)
    wheres = (f"{new['type']}.{key}" for old, new in pairs for key in new if old.get(key) != new[key])
    return f"differs in {next(wheres)}"


def digest_of(pipeline: Pipeline) -> str:
    """A digest that is the same for all pipelines that make the same rows."""
    stages = [_rows_of(stage) for stage in pipeline.stages]
    return hashlib.sha256(json.dumps(stages, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _rows_of(stage: Any) -> dict[str, Any]:
    return {"type": stage.name, **stage.model_dump(exclude=PLACEMENT)}
