"""Model names to files: the manifest, its checks, and where the files lie."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from raypipe.errors import ModelError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Model(BaseModel):
    """An entry of `models/manifest.toml`. `file` is empty where the weights are not shipped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    aliases: tuple[str, ...] = ()
    task: str
    family: str
    file: str
    bytes: int = 0
    sha256: str = ""
    languages: tuple[str, ...] = ()
    input: str = ""
    classes: str = ""
    licence: str
    provenance: str
    recipe: str = ""
    advice: str = ""

    @property
    def path(self) -> Path:
        """The model's file."""
        return models_folder() / self.file


def models_folder() -> Path:
    """The folder with the manifest and the model files: inside the installed package, or in a source checkout."""
    package = Path(__file__).parent
    installed = package / "models"
    return installed if (installed / "manifest.toml").exists() else package.parent / "models"


@cache
def manifest() -> tuple[Model, ...]:
    """All models that have a name here, in the order of the manifest."""
    try:
        entries = tomllib.loads((models_folder() / "manifest.toml").read_text(encoding="utf-8"))["model"]
    except OSError as error:
        raise ModelError(f"The model manifest cannot be read: {error}.", "Install raypipe again.") from error
    return tuple(Model(**entry) for entry in entries)


def find(name: str) -> Model:
    """The entry of a name or alias, whether its weights are here or not.

    Raises:
        ModelError: No model has that name.
    """
    for model in manifest():
        if name == model.name or name in model.aliases:
            return model
    raise ModelError(f"There is no model named {name!r}.", "`raypipe models list` prints those there are.")


def resolve(name: str, task: str, language: str | None = None) -> Model:
    """The entry of a model whose file is here.

    Args:
        name: A name or alias.
        task: `detection` or `recognition`.
        language: What it must read, if anything.

    Raises:
        ModelError: No such model, one of another task or language, or its weights are not here.
    """
    model = find(name)
    if model.task != task:
        raise ModelError(f"{name} is a {model.task} model, and {task} needs another.", "See `raypipe models list`.")
    if language and model.languages and language not in model.languages:
        raise ModelError(f"{name} does not read {language!r}.", f"It reads {', '.join(model.languages)}.")
    if not model.file:
        raise ModelError(f"The weights of {name} are not part of raypipe.", model.advice)
    if not model.path.exists():
        raise ModelError(f"The file of {name}, {model.path}, is missing.", "Install raypipe again.")
    return model


def damage(model: Model) -> str | None:
    """What is wrong with a model's file: None if its size and sha256 are those of the manifest."""
    if not model.path.exists():
        return "missing"
    if model.path.stat().st_size != model.bytes:
        return f"{model.path.stat().st_size} bytes instead of {model.bytes}"
    digest = hashlib.sha256(model.path.read_bytes()).hexdigest()
    return None if digest == model.sha256 else f"sha256 {digest} instead of {model.sha256}"
