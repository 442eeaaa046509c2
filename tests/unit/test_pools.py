"""The pools on Ray Data: what they take of a cluster, alone and beside others."""

from __future__ import annotations

import pytest

import raypipe as rp
from raypipe.graph import graph_of
from raypipe.run.pools import READ_AND_WRITE_CPUS, for_data, writers

DECODE = graph_of([rp.BinaryToImage()])
MODELS = rp.standard().graph


@pytest.mark.parametrize(("cpus", "size"), [(2, 1), (3, 2), (65, 64)])
def test_a_pipeline_alone_takes_the_cluster(cpus: float, size: int) -> None:
    assert for_data(DECODE, cpus, 0) == [rp.Pool(size=size, num_cpus=1)]


def test_on_gpus_there_is_an_actor_for_each() -> None:
    assert for_data(MODELS, 16, 4) == [rp.Pool(size=4, num_gpus=1, num_cpus=3)]
    assert for_data(MODELS, 2, 1) == [rp.Pool(size=1, num_gpus=1, num_cpus=1)]
    assert for_data(MODELS, 256, 1) == [rp.Pool(size=1, num_gpus=1, num_cpus=16)]


@pytest.mark.parametrize("cpus", [2, 3, 5, 64])
def test_any_number_of_pipelines_find_room_in_one_dataset(cpus: float) -> None:
    taken = 0.0
    for _ in range(8):
        (pool,) = for_data(DECODE, cpus, 0, (taken, 0), shared=True)
        assert pool.size == max(1, cpus - 1), "each has an actor for each CPU"
        taken += pool.floor * pool.num_cpus
        assert taken + READ_AND_WRITE_CPUS < cpus


@pytest.mark.parametrize("cpus", [2, 3, 64])
def test_five_datasets_of_a_pipeline_each_can_be_united(cpus: float) -> None:
    (pool,) = for_data(DECODE, cpus, 0, shared=True)
    assert 5 * pool.floor * pool.num_cpus + READ_AND_WRITE_CPUS <= cpus


def test_pipelines_share_gpus_and_no_gpu_is_idle() -> None:
    (first,) = for_data(MODELS, 16, 4, shared=True)
    (second,) = for_data(MODELS, 16, 4, (4 * first.num_cpus, 4 * first.num_gpus), shared=True)
    assert (first.size, second.size) == (4, 4)
    assert first.num_gpus + second.num_gpus < 1
    assert 2 * first.num_gpus > 1, "two actors of a pipeline on one GPU would leave another idle"
    assert 2 * second.num_gpus > 1 - first.num_gpus


def test_pools_that_do_not_fit_beside_others_are_refused() -> None:
    graph = graph_of([rp.BinaryToImage(pool=rp.Pool(size=2))])
    assert for_data(graph, 4, 0, (1, 0)) == [rp.Pool(size=2)]
    with pytest.raises(rp.ConfigError, match=r"need 4\.5 CPUs with the 1 for reading and writing with the 1\.5 of"):
        for_data(graph, 4, 0, (1.5, 0))
    with pytest.raises(rp.ConfigError, match=r"the 3 of the dataset's other actors, but the cluster has 4"):
        for_data(DECODE, 4, 0, (3, 0))
    with pytest.raises(rp.DeviceError, match=r"2 GPUs with the 1 of the dataset's other actors"):
        for_data(graph_of([rp.BinaryToImage(pool=rp.Pool(num_gpus=1))]), 4, 1, (1, 1))


@pytest.mark.parametrize(("cpus", "gpus", "count"), [(0, 0, 1), (3, 0, 1), (4, 1, 2), (5, 0, 2), (1001, 0, 125)])
def test_one_task_writes_where_few_cpus_read(cpus: float, gpus: float, count: int) -> None:
    assert writers(MODELS, cpus, gpus) == count


def test_two_tasks_write_for_pools_that_can_grow_with_a_small_cluster() -> None:
    grows = graph_of([rp.BinaryToImage(pool=rp.Pool(min_size=1, max_size=64))])
    assert writers(grows, 3, 0) == 2
