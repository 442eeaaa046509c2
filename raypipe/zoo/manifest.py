"""Model names to files: the manifest, its checks, and where the files are: in the package or in the local store."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from raypipe.engine import cuda
from raypipe.errors import ConfigError, ModelError, nearest, reason_of
from raypipe.machine import fast_int8
from raypipe.plugins import Registry
from raypipe.types import Pixels
from raypipe.zoo import store

Precision = Literal["fp32", "int8", "fp16"]
"""What a network computes with."""

AUTO = "auto"
"""Stands for the language of each page, whichever it is."""


class Input(BaseModel):
    """What a network expects: pixels as (value - mean) / deviation, with values from 0 to 255.

    Attributes:
        channels: Their order; also that of `mean` and `deviation`.
        mean, deviation: One number for each channel.
        multiple: The sides are padded to a multiple of this many pixels.
        height: Height of the pictures in pixels; 0: any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Literal["BGR", "RGB"]
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    multiple: int = 1
    height: int = 0

    def fill(self, tensor: npt.NDArray[np.float32], pixels: Pixels) -> None:
        """Writes pixels (h, w, 3), BGR, into a tensor (3, h, w) as the network expects them."""
        planes = cv2.split(pixels)[:: 1 if self.channels == "BGR" else -1]
        means, deviations = np.array([self.mean, self.deviation], np.float32)
        for place, plane, mean, deviation in zip(tensor, planes, means, deviations, strict=True):
            # Looked up for each value that a byte can have, which takes two thirds of the time of the arithmetic.
            cv2.LUT(plane, np.arange(256, dtype=np.float32) * (1 / deviation) - mean / deviation, place)


class Model(BaseModel):
    """An entry of `models/manifest.toml`; another package adds one as an entry point of the group `raypipe.models`.

    Attributes:
        name, aliases: What it is called.
        task, family: `detection`, `recognition` or `language`, and the code that runs it; see `families.py` of each.
        file: In the folder of models, or a whole path if another package adds it; empty: the weights are not shipped.
        bytes, sha256: Of this file; left out, nothing verifies it.
        languages: Codes of those that it reads; empty: any.
        input: What the network takes; None: it has several networks, or none.
        finds: What a detector finds.
        classes: What its outputs stand for, for people.
        licence, provenance, recipe: Its licence, and where it came from and is made.
        advice: What to do if it is not on this machine and cannot be pulled.
        repository, checkpoint: Where it is pulled from on the Hugging Face hub: ONNX files, a PyTorch checkpoint.
        precision: What it computes with.
        exact: The name of the same network in float32, which runs instead where that is faster.
        half: Whether a float32 graph may compute in float16, to which it is converted when it is loaded.
        made: The file that a pull makes from what PP-OCR publishes.
        parameters: How many the network has.
        card: The file of its description, in the folder of models.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    aliases: tuple[str, ...] = ()
    task: str
    family: str
    file: str
    bytes: int = 0
    sha256: str = ""
    languages: tuple[str, ...] = ()
    input: Input | None = None
    finds: Literal["words", "lines"] | None = None
    classes: str = ""
    licence: str
    provenance: str
    recipe: str = ""
    advice: str = ""
    repository: str = ""
    checkpoint: str = ""
    precision: Precision = "fp32"
    exact: str = ""
    half: bool = False
    made: str = ""
    parameters: int = 0
    card: str = ""

    def reads(self, language: str) -> bool:
        """Whether it reads a language."""
        return language == AUTO or not self.languages or language in self.languages

    @property
    def path(self) -> Path:
        """The model's file, in the package or in the local store, or its folder there."""
        return models_folder() / self.file if self.file else store.location(self.name) / self.made

    @property
    def only_input(self) -> Input:
        """What its only network takes.

        Raises:
            ModelError: The manifest does not say.
        """
        if self.input is None:
            raise ModelError(f"The manifest does not describe the input of {self.name}.", "Add `input` to its entry.")
        return self.input

    @property
    def pull_bytes(self) -> int:
        """About how much a pull fetches."""
        return self.parameters * {"fp32": 4, "int8": 1, "fp16": 2}[self.precision]

    @property
    def halved(self) -> bool:
        """Whether its graph is converted to float16."""
        return self.half and self.precision == "fp16"

    @property
    def is_here(self) -> bool:
        """Whether it can be loaded."""
        return self.path.exists()


def models_folder() -> Path:
    """The folder with the manifest and the model files: in the installed package, or in a source checkout."""
    package = Path(__file__).parent.parent
    installed = package / "models"
    return installed if (installed / "manifest.toml").exists() else package.parent / "models"


@cache
def models() -> tuple[Model, ...]:
    """All models: those of the manifest, in its order, and those that other packages add.

    Raises:
        ModelError: The manifest cannot be read.
        ConfigError: A model of another package cannot be loaded, or has a name or alias that is taken.
    """
    found = tuple(registry().values())
    names: set[str] = set()
    for model in found:
        for name in (model.name, *model.aliases):
            if name in names:
                raise ConfigError(f"Two models are called {name!r}, one of them {model.name}.", "Rename one of them.")
            names.add(name)
    return found


def registry() -> Registry[Model]:
    """The models by name.

    Raises:
        ModelError: The manifest cannot be read.
    """
    try:
        entries = tomllib.loads((models_folder() / "manifest.toml").read_text(encoding="utf-8"))["model"]
    except OSError as error:
        raise ModelError(f"The model manifest cannot be read: {reason_of(error)}.", "Install raypipe again.") from error
    own = {entry["name"]: Model(**entry) for entry in entries}
    return Registry("raypipe.models", own, lambda found: isinstance(found, Model))


def known(name: str) -> Model | None:
    """The entry for a name or alias, even if its weights are not on this machine; None if no model has that name."""
    return next((model for model in models() if name == model.name or name in model.aliases), None)


def find(name: str) -> Model:
    """The entry for a name or alias, even if its weights are not on this machine.

    Raises:
        ModelError: No model has that name.
    """
    if model := known(name):
        return model
    near = nearest(name, [each for model in models() for each in (model.name, *model.aliases)])
    raise ModelError(f"There is no model named {name!r}.", f"{near}`raypipe models list` prints all models.")


def suitable(name: str, task: str, language: str | None = None) -> Model:
    """The entry of a model, by name or alias, for a task and a language, even if its weights are not on this machine.

    Raises:
        ModelError: The model is unknown, or for another task or language.
    """
    model = find(name)
    if model.task != task:
        raise ModelError(f"{name} is a {model.task} model, but a {task} model is needed.", "See `raypipe models list`.")
    if language and not model.reads(language):
        raise ModelError(f"{name} does not read {language!r}.", f"It reads {', '.join(model.languages)}.")
    return model


def resolve(name: str, task: str, language: str | None = None) -> Model:
    """The entry of a model for a task, as `suitable` gives it, whose files are on this machine.

    Raises:
        ModelError: There is none.
    """
    model = suitable(name, task, language)
    if not model.file and not model.is_here:
        where = f"and not in the local store {store.folder()}" if model.repository or model.checkpoint else ""
        raise ModelError(f"The weights of {name} are not part of raypipe {where}".strip() + ".", _remedy(model))
    if not model.is_here:
        remedy = "Install raypipe again. In the container of one small machine, CRAFT is left out."
        raise ModelError(f"The file of {name}, {model.path}, is missing.", remedy)
    return model


def suited(model: Model, precision: Precision | None, on_gpu: bool) -> Model:
    """The entry as it runs on this machine: the model itself, or the same network in float32 or float16.

    The precision is what it must compute with; None: what is fastest here. A GPU is slowed down by int8 graphs for
    CPUs.

    Raises:
        ConfigError: The model is not available in this precision.
    """
    exact = find(model.exact) if model.exact else model
    wanted = precision or _fastest(model, exact, on_gpu)
    for each in (model, exact):
        if wanted == each.precision:
            return each
    if wanted == "fp16" and exact.half:
        return exact.model_copy(update={"precision": "fp16"})
    others = [each.name for each in models() if each.exact == model.name and each.precision == wanted]
    raise ConfigError(
        f"{model.name} has no weights in {wanted}.",
        f"Take {others[0]}." if others else "Leave precision out; see `raypipe models list`.",
    )


def _fastest(model: Model, exact: Model, on_gpu: bool) -> Precision:
    if not model.exact:
        return model.precision
    if on_gpu:
        return "fp16" if exact.half and cuda.fast_half() else exact.precision
    return model.precision if fast_int8() else exact.precision


def _remedy(model: Model) -> str:
    """How to get a missing model, or what to use instead."""
    if not (model.repository or model.checkpoint):
        return model.advice
    pull = f"Run `raypipe models pull {model.name}`, on a cluster with {store.VARIABLE} set to a shared folder."
    return f"{pull} {model.advice}".strip()


def words_of(language: str) -> Model | None:
    """The word list of a language, None if there is none."""
    return next((model for model in models() if model.task == "language" and language in model.languages), None)


def damage(model: Model) -> str | None:
    """What is wrong with a model's files; None if sizes and sha256 match the manifest or the record, if given there."""
    if not model.file:
        return store.damage(model.name)
    if not model.sha256:
        return None if model.is_here else "missing"
    return store.difference(model.path, store.StoredFile(bytes=model.bytes, sha256=model.sha256))
