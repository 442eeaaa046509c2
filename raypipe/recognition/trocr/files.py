"""The files in a model's folder, and what those in JSON say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from raypipe.errors import ModelError, reason_of
from raypipe.recognition.trocr.generation import GenerationConfig

if TYPE_CHECKING:
    from tokenizers import Tokenizer

REMEDY = "Pull or import the model again."
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "do_sample": (None, False),
    "repetition_penalty": (None, 1, 1.0),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "suppress_tokens": (None, []),
    "begin_suppress_tokens": (None, []),
    "bad_words_ids": (None, []),
    "min_length": (None, 0),
}
"""Keys of generation_config.json that change what is read, with the values that have no effect."""

Configuration = TypeVar("Configuration", bound=BaseModel)


def configuration(folder: Path, name: str, kind: type[Configuration], **defaults: object) -> Configuration:
    """A model's JSON file as an object with the values that matter.

    Args:
        defaults: Values for keys that the file lacks.

    Raises:
        ModelError: The file cannot be read, or lacks a key.
    """
    try:
        return kind.model_validate(defaults | _json(folder / name))
    except ValidationError as error:
        raise ModelError(f"{folder / name} lacks what is needed: {reason_of(error)}.", REMEDY) from error


def generation_config(folder: Path) -> GenerationConfig:
    """The configuration of a model's tokens and search. Some models have parts of it only in config.json.

    Raises:
        ModelError: A file cannot be read, lacks a key, or asks for an unsupported kind of search.
    """
    config = _json(folder / "config.json") if (folder / "config.json").exists() else {}
    values = {
        key: value for part in (config.get("decoder", {}), config) for key, value in part.items() if value is not None
    }
    found = {key: values[key] for key in ("decoder_start_token_id", "eos_token_id", "pad_token_id") if key in values}
    settings = _json(folder / "generation_config.json")
    for key, harmless in UNSUPPORTED.items():
        if settings.get(key) not in harmless:
            raise ModelError(
                f"{folder / 'generation_config.json'} asks for {key}, which raypipe does not support.",
                "Remove it there if the model reads well without it.",
            )
    return configuration(folder, "generation_config.json", GenerationConfig, **found)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {reason_of(error)}.", REMEDY) from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object.", REMEDY)
    return {key: entry for key, entry in value.items() if entry is not None}


def tokenizer_of(folder: Path) -> Tokenizer:
    """A model's tokenizer.

    Raises:
        ModelError: Its file is missing or damaged.
    """
    from tokenizers import Tokenizer

    path = only(folder, "tokenizer.json")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # The library has no class of its own for what it raises.
        raise ModelError(f"{path} cannot be read: {reason_of(error)}.", REMEDY) from error


def only(folder: Path, pattern: str) -> Path:
    """The one file in a folder that matches a pattern.

    Raises:
        ModelError: There is none, or there are several.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ModelError(f"{folder} should have one {pattern}, but has {names}.", REMEDY)
    return found[0]
