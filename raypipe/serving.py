"""What Serve's own commands and config files name: `raypipe.serving:build`, `raypipe.serving:app`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from raypipe import presets
from raypipe.errors import ConfigError
from raypipe.pipeline import Pipeline, load
from raypipe.run.settings import Serving
from raypipe.web.settings import read_keys

if TYPE_CHECKING:
    from ray.serve import Application


class Arguments(Serving):
    """The arguments of `raypipe.serving:build`: `args` in a Serve config, KEY=VALUE for `serve run`."""

    pipeline: Path | None = Field(None, description="TOML file that declares the pipeline; default: the standard one")
    toml: str = Field("", description="content of such a file, in its place")
    api_key_file: Path | None = Field(None, description="file with the accepted API keys, one per line")

    def declared(self) -> Pipeline:
        """The pipeline.

        Raises:
            ConfigError: It is wrong, or given twice.
        """
        if self.pipeline and self.toml:
            raise ConfigError("The pipeline is given twice.", "Give pipeline or toml.")
        if self.toml:
            return Pipeline.from_toml(self.toml)
        return load(self.pipeline) if self.pipeline else presets.standard()

    def with_keys(self) -> Serving:
        """The settings with the keys from the key file.

        Raises:
            ConfigError: The file cannot be read or holds no key.
        """
        if not self.api_key_file:
            return self
        keys = {"key_digests": read_keys(self.api_key_file)}
        return self.model_copy(update={"settings": self.settings.model_copy(update=keys)})


def build(values: dict[str, Any]) -> Application:
    """The application, for `serve run raypipe.serving:build` and for Serve's config files.

    Args:
        values: Fields of `Arguments`. Serve would make the model of a parameter's annotation, but not of one that is
            kept as text.

    Raises:
        ValidationError: A value is wrong.
        ConfigError: The pipeline or key file is wrong.
    """
    arguments = Arguments.model_validate(values)
    return arguments.declared().deployment(arguments.with_keys())


def __getattr__(name: str) -> Any:
    """`app`, the standard pipeline, for `serve build raypipe.serving:app`, which takes no builder."""
    if name == "app":
        return build({})
    raise AttributeError(name)
