"""The files in deploy/: Serve takes its configs, raypipe the arguments in them, and its command line the job's."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from raypipe import presets, serving
from raypipe.cli.main import cli
from raypipe.cli.run import run
from raypipe.pipeline import Pipeline
from raypipe.run.settings import DRAIN_SECONDS
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
    for pod in pods(name, cluster):
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes
            assert container["resources"]["limits"] == container["resources"]["requests"]


def pods(name: str, cluster: str) -> Iterator[dict[str, Any]]:
    spec = manifest(name)["spec"][cluster]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        yield group["template"]["spec"]


@pytest.mark.parametrize(
    ("name", "cluster"), [("rayservice.yaml", "rayClusterConfig"), ("rayjob.yaml", "rayClusterSpec")]
)
def test_pods_run_as_nobody_else_and_have_time_to_stop(name: str, cluster: str) -> None:
    for pod in pods(name, cluster):
        assert pod["terminationGracePeriodSeconds"] > DRAIN_SECONDS
        user = pod["securityContext"]
        assert (user["runAsNonRoot"], user["runAsUser"]) == (True, 1000)
        for container in pod["containers"]:
            rights = container["securityContext"]
            assert rights == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
            assert "/models" in {mount["mountPath"] for mount in container["volumeMounts"]}
            assert "cuda" in container["image"]


def test_the_image_runs_as_a_numbered_user_and_sees_further_models() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    (user,) = (line.split()[1] for line in text.splitlines() if line.startswith("USER"))
    assert user == "1000:1000" and "RAYPIPE_MODELS=/models" in text
    extras = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(re.findall(r"EXTRAS=(\w+)", text)) <= set(extras)
    (callback,) = re.findall(r"CALLBACK_IMPORT_PATH=(\S+)", text)
    module, _, function = callback.partition(":")
    assert len(getattr(importlib.import_module(module), function)()) == 1


def test_the_image_is_built_from_what_the_wheel_needs() -> None:
    """The whole checkout, with its history, environments and outputs, stays behind."""
    first, *rest = (
        line for line in (DEPLOY.parent / ".dockerignore").read_text("utf-8").splitlines() if line[:1] not in ("#", "")
    )
    taken = {line[1:] for line in rest if line.startswith("!")}
    of_the_wheel = {"raypipe", "models", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE"}
    assert first == "*" and taken == {*of_the_wheel, "deploy/local.txt", "deploy/slim"}
    assert all((DEPLOY.parent / name).exists() for name in taken)


def test_the_small_image_has_what_raypipe_needs_without_ray() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text("utf-8"))["project"]
    own = {each for each in project["dependencies"] if not each.startswith(("ray[", "jinja2", "onnxruntime"))}
    listed = {line for line in (DEPLOY / "local.txt").read_text("utf-8").splitlines() if not line.startswith("#")}
    assert listed == {*own, "onnxruntime>=1.23", "fastapi", "prometheus-client", "uvicorn"}
    text = (DEPLOY / "Containerfile.local").read_text("utf-8")
    assert "USER 1000:1000" in text and "--no-deps /src" in text and "COPY --from=build" in text


def test_the_jobs_command_is_one() -> None:
    program, command, *arguments = shlex.split(manifest("rayjob.yaml")["spec"]["entrypoint"])
    assert (program, command) == ("raypipe", "run")
    # Below its group, whose names of the help option a command keeps from its first use on.
    above = click.Context(cli, **cli.context_settings)
    context = run.make_context("run", arguments, parent=above)
    assert context.params["sources"] == ("s3://BUCKET/scans/",) and context.params["overlay"] == "none"
