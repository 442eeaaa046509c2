"""Visual NLP's programs on raypipe: change the imports and the line that reads, keep the rest."""

from raypipe.visual import enums, transformers, utils
from raypipe.visual.base import LightPipeline
from raypipe.visual.benchmark import Benchmark
from raypipe.visual.enums import *  # noqa: F403
from raypipe.visual.frame import Frame
from raypipe.visual.metrics import score
from raypipe.visual.ml import Pipeline, PipelineModel
from raypipe.visual.pretrained import PretrainedPipeline
from raypipe.visual.records import Row
from raypipe.visual.session import Session, start, version
from raypipe.visual.transformers import *  # noqa: F403
from raypipe.visual.utils import *  # noqa: F403

__all__ = [
    "Benchmark", "Frame", "LightPipeline", "Pipeline", "PipelineModel", "PretrainedPipeline", "Row", "Session", "score",
    "start", "version",
]  # fmt: skip
__all__ = sorted(__all__ + enums.__all__ + transformers.__all__ + utils.__all__)
