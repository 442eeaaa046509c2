"""What a stage is: a specification (frozen, serialisable) and the steps that carry it out.

A specification is a pydantic model: it can be printed, compared, pickled and written as TOML, and the documentation's
tables come from it. Its steps say, as data, which columns each reads, writes and drops, and which worker runs it. A
worker is created in the process that uses it, loads its model in `setup`, and fills in the columns of rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Protocol, Self, TypeVar

import cv2
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import override

from raypipe.columns import Column
from raypipe.engine.devices import gpu_available
from raypipe.engine.providers import Execution, Provider, Shapes
from raypipe.engine.session import Session
from raypipe.errors import Code, ConfigError, Failure, ModelError, PageError, nearest, reason_of
from raypipe.inputs.pages import Where
from raypipe.metrics import Metrics
from raypipe.types import Row
from raypipe.zoo import manifest


class Parameters(BaseModel):
    """Named values that a user gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, /, **values: Any) -> None:
        """Checks the values.

        Raises:
            ConfigError: One is missing, unknown or wrong.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            wrong = error.errors()[0]
            field, name = ".".join(str(part) for part in wrong["loc"]), type(self).__name__
            why = wrong["msg"].removeprefix("Value error, ")
            if not field:  # Values that do not go together.
                raise ConfigError(f"{name}: {why}.") from error
            fields = type(self).model_fields
            if wrong["type"] == "extra_forbidden":
                remedy = f"{nearest(field, fields)}It has {', '.join(fields)}."
                raise ConfigError(f"{name} has no parameter {field}.", remedy) from error
            meaning = getattr(fields.get(str(wrong["loc"][0])), "description", None)
            remedy = f"It means: {meaning}." if meaning else f"See {name}."
            raise ConfigError(f"{name} has a wrong {field}: {why}.", remedy) from error


class Pool(Parameters):
    """The actors that a stage runs in on Ray: a fixed `size`, or between `min_size` and `max_size`."""

    size: int | None = Field(None, ge=1, description="fixed number of actors")
    min_size: int | None = Field(None, ge=1, description="fewest actors")
    max_size: int | None = Field(None, ge=1, description="most actors")
    num_cpus: float = Field(1, gt=0, description="CPUs per actor, and threads per ONNX session (at least one)")
    num_gpus: float = Field(0, ge=0, description="GPUs per actor; fractions share a device")
    memory: int | None = Field(None, ge=1, description="bytes of memory reserved per actor")

    @model_validator(mode="after")
    def _one_way(self) -> Pool:
        if self.size is not None and (self.min_size is not None or self.max_size is not None):
            raise ConfigError("Pool takes size, or min_size and max_size.", "Give one or the other.")
        if (self.min_size or 1) > (self.max_size or self.min_size or 1):
            raise ConfigError("Pool has a min_size above its max_size.", "Raise max_size.")
        return self

    @property
    def floor(self) -> int:
        """Actors that the pool starts with, and its minimum."""
        return self.size or self.min_size or 1


class Stage(Parameters, ABC):
    """A part of a pipeline, as its user declares it. A subclass defines its parameters and `steps`."""

    pool: Pool | None = Field(None, description="dedicated actors on Ray; None: shares those of its neighbours")

    @property
    def name(self) -> str:
        """The stage's name in messages."""
        return type(self).__name__

    @abstractmethod
    def steps(self) -> tuple[Step, ...]:
        """The steps that carry the stage out, in order. The pool runs the last; those before it prepare the work.

        Raises:
            ConfigError: A parameter has no effect beside the others.
        """

    def check(self) -> None:
        """Checks that this machine has what the stage's workers load, without loading it.

        Raises:
            ModelError: A model is unknown or not on this machine.
            ConfigError: A file that a parameter names cannot be read.
        """


ModelName = Annotated[str, Field(description="name of a model, see `raypipe models list`")]


class Family(Protocol):
    """What a stage knows about a family of its models."""

    @property
    def options(self) -> frozenset[str]:
        """The options of the stage that this family uses and another one does not."""


class ModelStage(Stage):
    """A stage that runs a model."""

    task: ClassVar[str]
    """What the model does, as the manifest says."""
    families: ClassVar[Mapping[str, Family]]

    model: ModelName
    use_gpu: bool | None = Field(None, description="True: CUDA or an error; False: CPU; None: CUDA if there is a GPU")
    precision: manifest.Precision | None = Field(
        None,
        description="number format that the model computes in, of those that it has; None: of int8 and fp32, int8 "
        "where the CPU multiplies it fast, and fp16 on GPUs that compute it fast",
    )
    provider: Provider = Field(
        "cuda",
        description="ONNX Runtime provider on a GPU, which must be asked for: cuda; cuda_graphs, which records and "
        "repeats the work of each shape; tensorrt, which first compiles the model, for minutes",
    )

    @model_validator(mode="after")
    def _uses_its_options(self) -> Self:
        """Refuses an option that would have no effect on the model.

        Raises:
            ConfigError: Such an option is set.
        """
        known = manifest.known(self.model)
        if known is None or known.task != self.task:  # `check` says so.
            return self
        manifest.suited(known, self.precision, on_gpu=False)
        self._check_provider(known)
        used = self.families[known.family].options
        for family in self.families.values():
            for option in sorted(family.options - used):
                if getattr(self, option) is not None:
                    raise ConfigError(
                        f"{self.name}'s {option} has no effect on {self.model}, a model of the family {known.family}.",
                        f"Leave {option} out, or choose a model that uses it.",
                    )
        return self

    def _check_provider(self, model: manifest.Model) -> None:
        if self.provider == "cuda":
            return
        what = f"{self.name}'s provider={self.provider!r} has no effect"
        if not self.use_gpu:
            raise ConfigError(
                f"{what} unless a GPU is asked for.", "Set use_gpu=True (--device cuda), or leave it out."
            )
        if model.input is None:
            raise ConfigError(f"{what} on {self.model}, which has several networks.", "Leave it out.")

    @classmethod
    def pretrained(cls, name: str, lang: str = "en", **parameters: object) -> Self:
        """The stage with a model that `raypipe models list` names.

        Raises:
            ModelError: The model is unknown, does not read `lang`, or its weights are not on this machine.
        """
        manifest.resolve(name, cls.task, lang)
        return cls.model_validate({"model": name, **parameters})

    @property
    def resolved(self) -> manifest.Model:
        """The model.

        Raises:
            ModelError: It is unknown, for another task, or not on this machine.
        """
        return manifest.resolve(self.model, self.task)

    @property
    def on_gpu(self) -> bool:
        """Whether this process runs the model on a GPU."""
        return self.use_gpu is not False and gpu_available()

    @property
    def running(self) -> manifest.Model:
        """The entry of the manifest whose file this process runs, in the `precision` it computes in; see `resolved`."""
        chosen = manifest.suited(self.resolved, self.precision, self.on_gpu)
        manifest.resolve(chosen.name, self.task)
        return chosen

    def session(self, source: Path, threads: int, metrics: Metrics, shapes: Shapes | None) -> Session:
        """A file of the running model, opened on the stage's device and with its settings; see `Session`."""
        execution = Execution(half=self.running.halved, provider=self.provider, shapes=shapes)
        return Session(source, self.use_gpu, threads, metrics, execution)

    @override
    def check(self) -> None:
        family = self.resolved.family
        if family not in self.families:
            raise ModelError(
                f"{self.model} belongs to the family {family!r}, which {self.name} cannot run.",
                f"It runs {', '.join(self.families)}.",
            )


S = TypeVar("S", bound=Stage)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One worker of a stage, and the columns it touches.

    Attributes:
        stage: The specification it carries out.
        worker: The class that runs it.
        reads: Columns that must exist.
        writes: Columns that it adds or replaces.
        drops: Columns that it removes.
        holds_model: Whether it loads a model, so that a dedicated pool may pay.
        opens: The columns with the documents that it opens, whose pages are counted before; None: it opens none.
    """

    stage: Stage
    worker: type[Worker[Any]]
    reads: Mapping[str, Column]
    writes: Mapping[str, Column]
    drops: tuple[str, ...] = ()
    holds_model: bool = False
    opens: Where | None = None


class Worker(Generic[S]):
    """Runs a step of a stage in one process. Keeps no state between calls.

    Args:
        spec: The stage.
        threads: CPU threads that one call may use.
        metrics: Where counts and seconds are added.
    """

    def __init__(self, spec: S, threads: int, metrics: Metrics) -> None:
        self.spec = spec
        self.threads = threads
        self.metrics = metrics

    def setup(self) -> None:
        """Loads what the worker needs, once in each process."""

    def warm_up(self) -> None:
        """Does what the first page would otherwise wait for, such as a first run of the model; called after `setup`."""

    def process(self, rows: Sequence[Row]) -> None:
        """Fills in the columns of rows that have no exception, in place: page by page, unless a worker overrides this.

        The columns that its step writes exist already and are empty. Errors of a single page go through `guard`.
        """
        for row in rows:
            with self.guard(row):
                self.process_page(row)

    def process_page(self, row: Row) -> None:
        """Fills in the columns of one row; its errors become the row's exception."""
        raise NotImplementedError

    @contextmanager
    def guard(self, row: Row) -> Iterator[None]:
        """Turns an error of one page into its row's `exception`: a `Failure` as text."""
        try:
            yield
        except PageError as error:
            row["exception"] = str(Failure(self.spec.name, error.code, str(error)))
        except (cv2.error, MemoryError) as error:
            place = f"{row.get('path')}, page {(row.get('pagenum') or 0) + 1}"
            message = f"{place}: {reason_of(error)}. Look at the picture; report it if it looks sound."
            row["exception"] = str(Failure(self.spec.name, Code.PAGE_FAILED, message))
