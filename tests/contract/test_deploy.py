"""The files in deploy/: Serve takes its configs, raypipe the arguments in them, and its command line the job's."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from raypipe import presets, serving
from raypipe.cli.main import cli
from raypipe.cli.run import run
from raypipe.pipeline import Pipeline
from raypipe.stages.base import ModelStage

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def manifest(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return loaded


def serve_configs() -> list[Any]:
    return [manifest("serve.yaml"), yaml.safe_load(manifest("rayservice.yaml")["spec"]["serveConfigV2"])]


@pytest.mark.parametrize("config", serve_configs(), ids=["serve.yaml", "rayservice.yaml"])
def test_serve_configs(config: dict[str, Any]) -> None:
    from ray.serve.schema import ServeDeploySchema

    (application,) = ServeDeploySchema.model_validate(config).applications
    assert application.import_path == "raypipe.serving:build" and callable(serving.build)
    arguments = serving.Arguments.model_validate(application.args)
    assert [stage.name for stage in Pipeline.from_toml(arguments.toml).stages] == [
        "BinaryToImage",
        "ImageTextDetector",
        "ImageToText",
    ]


@pytest.mark.parametrize("config", serve_configs(), ids=["serve.yaml", "rayservice.yaml"])
def test_the_models_are_the_default_ones(config: dict[str, Any]) -> None:
    """GPUs run them in float32, CPUs in int8, whose names end in `_opt`."""
    pipeline = Pipeline.from_toml(config["applications"][0]["args"]["toml"])
    served = [stage.model for stage in pipeline.stages if isinstance(stage, ModelStage)]
    assert [model.removesuffix("_opt") for model in served] == [
        model.removesuffix("_opt") for model in (presets.DETECTOR, presets.RECOGNIZER)
    ]


def test_only_kubernetes_publishes_the_port() -> None:
    assert [config["http_options"]["host"] for config in serve_configs()] == ["127.0.0.1", "0.0.0.0"]


@pytest.mark.parametrize(
    ("name", "cluster"), [("rayservice.yaml", "rayClusterConfig"), ("rayjob.yaml", "rayClusterSpec")]
)
def test_manifests_fit_together(name: str, cluster: str) -> None:
    spec = manifest(name)["spec"][cluster]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes
            assert container["resources"]["limits"] == container["resources"]["requests"]


def test_the_jobs_command_is_one() -> None:
    program, command, *arguments = shlex.split(manifest("rayjob.yaml")["spec"]["entrypoint"])
    assert (program, command) == ("raypipe", "run")
    # Below its group, whose names of the help option a command keeps from its first use on.
    above = click.Context(cli, **cli.context_settings)
    context = run.make_context("run", arguments, parent=above)
    assert context.params["sources"] == ("s3://BUCKET/scans/",) and context.params["overlay"] == "none"
