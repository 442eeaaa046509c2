"""Stages in folders: pyspark's `save`, `load`, `write` and `read`, for pipelines and for single stages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Self

from raypipe.errors import ConfigError, PageError, reason_of
from raypipe.files.paths import exists, join, read_file, write_file
from raypipe.visual import enums
from raypipe.visual.checked import checked
from raypipe.visual.parameters import Parameters
from raypipe.visual.paths import place

FILE = "pipeline.json"


class Savable:
    """What a folder can hold: stages with their parameters."""

    def _parts(self) -> Sequence[Parameters]:
        """The stages to be written."""
        raise NotImplementedError

    @classmethod
    def _known(cls) -> Mapping[str, type[Parameters]]:
        """The stages that may be read, by name."""
        raise NotImplementedError

    @classmethod
    def _of(cls, parts: list[Any]) -> Self:
        """What stages that were read are."""
        raise NotImplementedError

    def save(self, path: str | Path) -> None:
        """Writes the stages and their parameters to a folder, by its path or URI.

        Raises:
            ConfigError: The folder exists already.
        """
        self.write().save(path)

    def write(self) -> Saver:
        """A saver that can replace what exists: `write().overwrite().save(path)`."""
        return Saver(self._parts())

    @classmethod
    def read(cls) -> type[Self]:
        """What has a `load`: `read().load(path)`."""
        return cls

    @classmethod
    @checked
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote to a folder, by its path or URI.

        Raises:
            ConfigError: The folder holds something else, or a stage or parameter that is not known.
        """
        file = join(place(path), FILE)
        if not exists(file):
            raise ConfigError(f"{path} holds no pipeline.", "Give a folder that save(path) wrote here.")
        try:
            tables = json.loads(read_file(file))["stages"]
            return cls._of([_stage(cls._known(), table["type"], table["values"]) for table in tables])
        except (PageError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"{file} cannot be read: {reason_of(error)}."
            raise ConfigError(why, "Give a folder that save(path) wrote.") from error


class Saver:
    """Writes stages to a folder, and may replace others there."""

    def __init__(self, parts: Sequence[Parameters]) -> None:
        self._parts, self._replaces = parts, False

    def overwrite(self) -> Saver:
        """Lets `save` replace what exists."""
        self._replaces = True
        return self

    @checked
    def save(self, path: str | Path) -> None:
        """Writes the folder.

        Raises:
            ConfigError: It exists already and is not to be replaced.
        """
        file = join(place(path), FILE)
        if exists(file) and not self._replaces:
            raise ConfigError(f"{path} already holds a pipeline.", "Use write().overwrite().save(path).")
        stages = [{"type": type(each).__name__, "values": _enum(each.given)} for each in self._parts]
        write_file(file, json.dumps({"stages": stages}, indent=2).encode())


def _enum(value: Any) -> Any:
    """A value in which members of enumerations are replaced by the names of both."""
    if isinstance(value, Enum):
        return {"enum": type(value).__name__, "name": value.name}
    return {name: _enum(each) for name, each in value.items()} if isinstance(value, dict) else value


def _stage(known: Mapping[str, type[Parameters]], name: str, values: dict[str, Any]) -> Parameters:
    if name not in known:
        raise ConfigError(f"There is no stage {name!r}.", f"Use {', '.join(sorted(known))}.")
    return known[name](**{parameter: _value(value) for parameter, value in values.items()})


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"enum", "name"}:
            return getattr(enums, value["enum"])[value["name"]]
        return {name: _value(each) for name, each in value.items()}
    return value
