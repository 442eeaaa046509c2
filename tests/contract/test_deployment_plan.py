"""How a pipeline is laid out on Ray Serve, without starting it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

import raypipe as rp
from raypipe import presets
from raypipe.graph import INPUT_COLUMNS
from raypipe.types import Row

if sys.platform == "win32":
    pytest.skip("Ray Serve is for Linux and macOS", allow_module_level=True)

from ray.exceptions import ActorDiedError

from raypipe.engine.session import Session
from raypipe.run.path import PagePath
from raypipe.run.pools import check_room, for_serving
from raypipe.run.replicas import OperatorReplica, Work, weight
from raypipe.run.served import ServedPipeline, configs_of
from raypipe.run.settings import Serving
from raypipe.serving import build
from raypipe.web.settings import digest


def work(**row: Any) -> Work:
    return Work(row, (), "none", 0.0)


@pytest.mark.parametrize(("cpus", "size", "threads"), [(1, 1, 1), (2, 1, 2), (4, 1, 4), (6, 2, 3), (16, 4, 4)])
def test_open_pools_take_the_machine(cpus: int, size: int, threads: int) -> None:
    assert for_serving(presets.standard().graph, cpus) == [rp.Pool(size=size, num_cpus=threads)]


def test_pools_are_kept_and_gpus_given() -> None:
    pools = rp.Pool(size=3), rp.Pool(min_size=1, max_size=4, num_gpus=0.5)
    assert for_serving(presets.standard(detector_pool=pools[0], recognizer_pool=pools[1]).graph, 8) == list(pools)
    assert [pool.num_gpus for pool in for_serving(presets.standard(use_gpu=True).graph, 8)] == [1]


def test_pools_must_fit_the_cluster() -> None:
    pools = [rp.Pool(size=2, num_cpus=2), rp.Pool(size=1, num_gpus=1)]
    check_room(pools, 5, 1)
    with pytest.raises(rp.ConfigError, match="need 5 CPUs, but the cluster has 4"):
        check_room(pools, 4, 1)
    with pytest.raises(rp.ConfigError, match="need 6 CPUs with the 1 for reading and writing"):
        check_room(pools, 5, 1, 1)
    with pytest.raises(rp.DeviceError, match="need 1 GPU, but the cluster has 0"):
        check_room(pools, 5, 0)


def test_a_batch_is_weighed_by_its_bytes() -> None:
    line = bytes(65_536)
    assert weight([work(path="a")], 4) == 1
    assert weight([work(crops={"pixels": line * 2, "widths": [1]}), work(content=line)], 9) == 5
    assert weight([work(content=line * 50)], 4) == 4, "a page that is too much for any batch goes alone"
    assert weight([work(content=line * 50), work()], 4) > 4


def names(application: Any) -> list[str]:
    """Deployments of an application, the ingress first."""
    bound = application._bound_deployment
    return [
        bound.name,
        *(part._bound_deployment.name for part in bound.init_args[0] if hasattr(part, "_bound_deployment")),
    ]


def test_a_deployment_an_operator() -> None:
    one = "BinaryToImage+ImageTextDetector+ImageToText"
    two = ["BinaryToImage+ImageTextDetector+ImageToText", "ImageToText"]
    pools = presets.standard(detector_pool=rp.Pool(size=1), recognizer_pool=rp.Pool(size=2))
    assert names(presets.standard().deployment()) == ["Ingress", one]
    assert names(pools.deployment()) == ["Ingress", *two]
    assert names(pools.deployment(Serving(merge_ingress=True))) == ["Ingress", two[1]]


def test_a_pool_is_placed_as_it_says() -> None:
    fixed, growing = (
        rp.Pool(size=3, num_cpus=2, num_gpus=0.5),
        rp.Pool(min_size=2, max_size=8, num_cpus=4, memory=10**9),
    )
    application = presets.standard(detector_pool=fixed, recognizer_pool=growing).deployment()
    first, second = (part._bound_deployment for part in application._bound_deployment.init_args[0])
    assert (first.num_replicas, first._deployment_config.autoscaling_config) == (3, None)
    assert first.ray_actor_options == {"num_cpus": 2, "num_gpus": 0.5}
    scaling = second._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (2, 8, 8)
    assert second.ray_actor_options == {"num_cpus": 4, "memory": 10**9}
    assert application._bound_deployment.ray_actor_options == {"num_cpus": 0}


def test_arguments_of_a_serve_config(tmp_path: Path) -> None:
    file, keys = tmp_path / "pipeline.toml", tmp_path / "keys"
    file.write_text('[[stage]]\ntype = "BinaryToImage"\n')
    keys.write_text("secret\n")
    application = build({"pipeline": file, "api_key_file": keys, "settings": {"max_requests": 5}})
    assert names(application) == ["Ingress", "BinaryToImage"]
    settings = application._bound_deployment.init_args[2]
    assert settings.max_requests == 5 and settings.key_digests == (digest("secret"),)
    with pytest.raises(rp.ConfigError, match="twice"):
        build({"pipeline": file, "toml": file.read_text()})


def replica_of(pipeline: rp.Pipeline) -> list[OperatorReplica]:
    """The replicas of a pipeline on CPUs, in this process."""
    configs = configs_of(ServedPipeline(pipeline.graph, pipeline.drawings(), Serving()), for_serving(pipeline.graph, 1))
    return [OperatorReplica(config) for config in configs]


@pytest.mark.parametrize("pools", [(None, None), (rp.Pool(size=1), rp.Pool(size=1))], ids=["one", "two operators"])
def test_a_replica_exists_once_its_models_have_run(pools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: set[str] = set()
    run = Session.run
    monkeypatch.setattr(
        Session, "run", lambda session, *arguments: ran.add(session.outputs[0]) or run(session, *arguments)
    )
    replicas = replica_of(presets.standard(detector_pool=pools[0], recognizer_pool=pools[1], use_gpu=False))
    assert len(ran) == 2
    seconds = [asyncio.run(replica.load_seconds()) for replica in replicas]
    assert all(second > 0 for second in seconds)


def test_a_replica_whose_model_does_not_run_does_not_come_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("CUDA error")

    monkeypatch.setattr(Session, "run", fail)
    with pytest.raises(RuntimeError, match="CUDA error"):
        replica_of(presets.standard(use_gpu=False))


class Dying:
    """An operator in this process whose first deaths are counted down."""

    def __init__(self, deaths: int) -> None:
        self.deaths, self.running, self.most_running = deaths, 0, 0

    async def __call__(self, work: Work) -> Work:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        if self.deaths > 0:
            self.deaths -= 1
            raise ActorDiedError()
        return work


def read(operator: Dying, rows: list[Row]) -> list[Row]:
    async def main() -> list[Row]:
        path = PagePath([operator], ["A", "B"], [], (), INPUT_COLUMNS, {}, 1, 2, asyncio.Lock())
        return [dict(found.page) for found in await asyncio.gather(*(path.read(row, "none") for row in rows))]

    return asyncio.run(main())


def test_pages_of_a_dead_replica_are_tried_again_one_by_one() -> None:
    operator = Dying(3)
    rows: list[Row] = [{"path": str(n), "exception": None} for n in range(3)]
    assert read(operator, rows) == rows
    assert operator.most_running == 3, "the first tries went together"


def test_a_page_that_kills_twice_has_an_exception() -> None:
    (row,) = read(Dying(2), [{"path": "a", "exception": None}])
    assert row["exception"].startswith("A+B worker_died: ")
