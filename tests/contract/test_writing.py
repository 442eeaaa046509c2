"""Where tasks that write may run on a Ray cluster."""

from __future__ import annotations

from typing import Any

from raypipe.run.jobs import TASK_CPUS, writing_cpus


def node(alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"Alive": alive, "Resources": resources}


def test_writing_waits_for_no_cpu_unless_a_node_without_cpus_could_get_it() -> None:
    assert writing_cpus([node(CPU=3), node(CPU=8, GPU=1), node(alive=False)]) == 0
    assert writing_cpus([node(memory=10**9), node(CPU=8)]) == writing_cpus([node(CPU=0), node(CPU=8)]) == TASK_CPUS
