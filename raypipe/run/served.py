"""What a server runs, whether on Ray Serve or in one process: its operators, and the path through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raypipe.errors import ConfigError
from raypipe.graph import Graph, Operator
from raypipe.run.path import PagePath
from raypipe.run.replicas import ReplicaConfig
from raypipe.run.settings import GPU_BATCH_LINES, Serving
from raypipe.stages.base import Pool
from raypipe.web.jobs import JobsFactory
from raypipe.zoo import manifest

PER_BATCH = 8
"""Pages under way for each that is read at once, if batches are to be filled."""


@dataclass(frozen=True)
class ServedPipeline:
    """A pipeline as a server runs it.

    Attributes:
        drawings: The operators that draw overlays, by the name of the drawing.
        jobs_for: Makes the jobs; None: the server takes none.
    """

    graph: Graph
    drawings: Mapping[str, Operator]
    serving: Serving
    jobs_for: JobsFactory | None = None

    def check(self) -> None:
        """Makes sure that requests bring all columns that no stage writes, and no others.

        Raises:
            ConfigError: They do not.
        """
        given, needs = self.serving.input_columns, self.graph.needs
        self.graph.check_input(given, "input_columns")
        if unread := [name for name in given if name not in needs]:
            remedy = f"It reads {', '.join(needs)}." if needs else "Leave it out of input_columns."
            raise ConfigError(f"The pipeline reads no column {unread[0]!r} that comes with requests.", remedy)


def configs_of(served: ServedPipeline, pools: Sequence[Pool]) -> list[ReplicaConfig]:
    """What each operator's replicas run. On CPUs, a page is read as fast alone as in a batch."""
    configs = []
    graph, serving = served.graph, served.serving
    for operator, pool in zip(graph.operators, pools, strict=True):
        last, threads = operator is graph.operators[-1], max(1, int(pool.num_cpus))
        lines = serving.batch_lines
        configs.append(
            ReplicaConfig(
                operator=operator,
                last=last,
                drawings=served.drawings if last else {},
                threads=threads,
                parallel=threads,
                batch_lines=(GPU_BATCH_LINES if pool.num_gpus else 0) if lines is None else lines,
                batch_seconds=serving.batch_seconds,
            )
        )
    return configs


def path_of(served: ServedPipeline, configs: Sequence[ReplicaConfig], pools: Sequence[Pool]) -> PagePath:
    """The path of a page through the operators, before these exist."""
    at_once = min(config.parallel * (pool.max_size or pool.floor) for config, pool in zip(configs, pools, strict=True))
    # A page for each operator, and one that waits until the first is done.
    room = at_once * (PER_BATCH if any(config.batch_lines for config in configs) else len(configs) + 1)
    return PagePath(
        operators=(),
        names=[config.operator.name for config in configs],
        models=_models(served.graph),
        overlays=tuple(served.drawings),
        columns=configs[-1].written,
        needs=served.graph.needs,
        at_once=at_once,
        room=room,
    )


def _models(graph: Graph) -> list[dict[str, str]]:
    found = {stage.model: manifest.find(stage.model) for stage in graph.model_stages}
    return [
        {"name": model.name, "task": model.task, "family": model.family, "licence": model.licence}
        for model in found.values()
    ]
