"""What Serve's own commands and config files name: `raypipe.serving:build`, `raypipe.serving:app`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from raypipe import presets
from raypipe.errors import ConfigError
from raypipe.hosts import is_loopback
from raypipe.pipeline import Pipeline, load
from raypipe.run.settings import Serving
from raypipe.stages.decode import BinaryToImage
from raypipe.web.settings import JobSettings, read_keys
from raypipe.web.webhooks import Webhooks, read_signing_keys

if TYPE_CHECKING:
    from ray.serve import Application

    from raypipe.web_jobs.manager import JobManagerFactory


class Arguments(Serving):
    """The arguments of `raypipe.serving:build`: `args` in a Serve config, KEY=VALUE for `serve run`."""

    pipeline: Path | None = Field(None, description="TOML file that declares the pipeline; default: the standard one")
    max_megapixels: float | None = Field(
        None, gt=0, description="largest picture, in millions of pixels; if left out, what the pipeline says"
    )
    toml: str = Field("", description="content of such a file, in its place")
    api_key_file: Path | None = Field(None, description="file with the accepted API keys, one per line")
    job_settings: JobSettings = Field(default_factory=JobSettings, description="what is kept of long work")

    def jobs_of(self, pipeline: Pipeline) -> JobManagerFactory | None:
        """What makes the jobs of a pipeline; None if no folder is set.

        Raises:
            ConfigError: The file with the keys of webhooks is wrong, or the pipeline reads columns of requests.
        """
        folder = self.job_settings.jobs
        if folder is None:
            return None
        # It imports the HTTP side, which loads the formats of other packages.
        from raypipe.web_jobs.manager import JobManagerFactory

        keys = self.job_settings.webhook_key_file
        webhooks = Webhooks(self.job_settings.allowed, read_signing_keys(keys)) if keys else None
        return JobManagerFactory(pipeline, self.job_settings, folder, webhooks)

    def limited(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline with the limit on the size of pictures.

        Raises:
            ConfigError: It opens no pictures.
        """
        if self.max_megapixels is None:
            return pipeline
        most = {"max_megapixels": self.max_megapixels}
        stages = [s.model_copy(update=most) if isinstance(s, BinaryToImage) else s for s in pipeline.stages]
        if not any(isinstance(stage, BinaryToImage) for stage in stages):
            raise ConfigError("max_megapixels has no effect: the pipeline has no BinaryToImage.", "Leave it out.")
        return Pipeline(stages)

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

    def with_keys(self, host: str = "") -> Serving:
        """The settings with the keys from the key file, and with the names of a server of this machine only.

        Args:
            host: Where the server listens; empty: unknown.

        Raises:
            ConfigError: The file cannot be read or holds no key.
        """
        keys = read_keys(self.api_key_file) if self.api_key_file else self.settings.key_digests
        names = self.settings.host_names or (("localhost",) if is_loopback(host) else ())
        settings = self.settings.model_copy(update={"key_digests": keys, "host_names": names})
        return self.model_copy(update={"settings": settings})


def build(values: dict[str, Any]) -> Application:
    """The application, for `serve run raypipe.serving:build` and for Serve's config files.

    Args:
        values: Fields of `Arguments`, as a dict: Serve makes a model from a parameter's annotation only where
            annotations are not kept as text.

    Raises:
        ConfigError: A value, the pipeline or the key file is wrong.
    """
    arguments = Arguments(**values)
    pipeline = arguments.limited(arguments.declared())
    return pipeline.deployment(arguments.with_keys(), arguments.jobs_of(pipeline))


def __getattr__(name: str) -> Any:
    """`app`, the standard pipeline, for `serve build raypipe.serving:app`, which takes no builder."""
    if name == "app":
        return build({})
    raise AttributeError(name)
