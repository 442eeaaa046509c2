"""Which model a name from Visual NLP stands for here."""

from __future__ import annotations

import os
from difflib import SequenceMatcher

from raypipe.errors import ConfigError, ModelError
from raypipe.visual.once import warn
from raypipe.zoo import manifest
from raypipe.zoo.manifest import Model

VARIABLE = "RAYPIPE_ON_MISSING_MODEL"
CHOICES = ("error", "nearest")
"""What to do where a program names a model that is not on this machine."""


def on_missing(choice: str) -> None:
    """Sets, for this process and those that it starts, what to do about a missing model.

    Raises:
        ConfigError: It is not one of `CHOICES`.
    """
    if choice not in CHOICES:
        raise ConfigError(f"on_missing_model is {choice!r}.", f"Choose one of {', '.join(CHOICES)}.")
    os.environ[VARIABLE] = choice


def local(name: str, task: str, language: str, usual: str) -> str:
    """The model that a name stands for: itself if it is on this machine, else the nearest that is, if allowed.

    Among equally near ones `usual`, the stage's own model, wins.

    Raises:
        ModelError: It is not here, and no substitute is allowed; the message names the command that gets it and the
            nearest model that is here.
    """
    try:
        return manifest.resolve(name, task, language).name
    except ModelError as error:
        known = manifest.known(name)
        near = None if known and known.task != task else nearest(name, task, language, usual)
        if near is None:
            raise
        if os.environ.get(VARIABLE, CHOICES[0]) != "nearest":
            raise ModelError(
                str(error), f'To run with the nearest model here, {near}: start(on_missing_model="nearest").'
            ) from error
        warn(f"{name} is not on this machine. {near} is used instead: another network, which reads differently.")
        return near


def nearest(name: str, task: str, language: str, usual: str) -> str | None:
    """The model on this machine whose name shares the most parts with a name; None if there is none for the task."""
    here = [model for model in manifest.models() if model.task == task and model.is_here and model.reads(language)]
    parts = set(name.split("_"))

    def likeness(model: Model) -> tuple[int, bool, float]:
        alike = SequenceMatcher(None, name, model.name).ratio()
        return len(parts & set(model.name.split("_"))), model.name == usual, alike

    return max(here, key=likeness).name if here else None
