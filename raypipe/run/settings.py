"""How a pipeline is deployed on Ray Serve."""

from __future__ import annotations

from pydantic import Field

from raypipe.stages.base import Parameters
from raypipe.web.settings import ServerSettings

GPU_BATCH_LINES = 256
"""Line pictures in a batch on a GPU, unless the settings say otherwise."""
DRAIN_SECONDS = 60
"""How long a server that stops may take to finish what it has accepted."""


class Serving(Parameters):
    """How a pipeline is deployed."""

    settings: ServerSettings = Field(default_factory=ServerSettings, description="the limits of the server")
    batch_lines: int | None = Field(
        None,
        ge=0,
        description="most lines of several requests read together, estimated from the size of their pictures; 0: one "
        f"page at a time; if left out, {GPU_BATCH_LINES} on GPUs and 0 on CPUs",
    )
    batch_seconds: float = Field(0.005, ge=0, description="seconds that a batch waits for more pages")
    merge_ingress: bool = Field(
        False, description="run the first operator in the ingress: one hop less, but no second try when it dies"
    )
    input_columns: tuple[str, ...] = Field(
        (), description="columns that come with each request, as form fields in JSON, because no stage writes them"
    )
    ingress_replicas: int = Field(
        1,
        ge=1,
        description="processes that speak HTTP; each counts its own requests, uploads and quotas, so that all of them "
        "together allow that many times as much",
    )
