"""Ray Serve's own commands: `serve build`, `serve deploy` of deploy/serve.yaml on a cluster that runs, `serve run`."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from raypipe import presets

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "examples" / "note.jpg"
PATIENCE = 120


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@dataclass
class Cluster:
    """A Ray cluster that somebody else started: its addresses, and the environment with its token."""

    address: str
    dashboard: str
    environment: dict[str, str]

    def command(self, program: str, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name(program)), *arguments]

    def run(self, program: str, *arguments: str) -> str:
        command = self.command(program, *arguments)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster on which each test may start Serve with a port of its own."""
    port, dashboard, agent = free_ports(3)
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment.pop("RAY_ADDRESS", None)
    found = Cluster(f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}", environment)
    start = ["start", "--head", "--block", "--num-cpus=5", "--disable-usage-stats", "--node-ip-address=127.0.0.1"]
    ports = [f"--port={port}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}"]
    # The paths of Ray's sockets have little room.
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        command = found.command("ray", *start, *ports, f"--temp-dir={folder}")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=environment, start_new_session=True, **quiet)
        try:
            wait_for(found)
            yield found
        finally:
            process.terminate()
            process.wait(60)


def read(port: int) -> str:
    """The text of the page, once the server on a port is ready to read it, or the last trouble."""
    deadline = time.monotonic() + PATIENCE
    trouble = ""
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/readyz")
            if connection.getresponse().read() and connection.sock is not None:
                connection.request("POST", "/v1/ocr", PAGE.read_bytes())
                response = connection.getresponse()
                if response.status == 200:
                    return str(json.loads(response.read())["pages"][0]["text"])
                trouble = f"{response.status} {response.read()!r}"
        except (OSError, http.client.HTTPException) as problem:
            trouble = repr(problem)
        time.sleep(0.5)
    return trouble


def expected() -> str:
    (page,) = presets.standard().run(PAGE)
    return page.text


def test_build_writes_a_config_of_the_standard_pipeline(tmp_path: Path) -> None:
    serve = str(Path(sys.executable).with_name("serve"))
    command = [serve, "build", "raypipe.serving:app", "-o", str(tmp_path / "serve.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    (application,) = yaml.safe_load((tmp_path / "serve.yaml").read_text("utf-8"))["applications"]
    assert application["import_path"] == "raypipe.serving:app"
    assert {part["name"] for part in application["deployments"]} >= {"Ingress"}


@pytest.mark.slow
def test_deploy_puts_the_config_on_a_cluster_that_runs(cluster: Cluster, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    config = yaml.safe_load((ROOT / "deploy" / "serve.yaml").read_text("utf-8"))
    config["http_options"]["port"] = port
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(config), "utf-8")
    cluster.run("serve", "deploy", str(tmp_path / "serve.yaml"), "--address", cluster.dashboard)
    assert read(port) == expected()
    assert "RUNNING" in cluster.run("serve", "status", "--address", cluster.dashboard)
    cluster.run("serve", "shutdown", "-y", "--address", cluster.dashboard)


@pytest.mark.slow
def test_run_takes_arguments_as_words(cluster: Cluster, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    file = tmp_path / "pipeline.toml"
    file.write_text(presets.standard().to_toml(), "utf-8")
    cluster.run("serve", "start", "--http-port", str(port), "--address", cluster.address)
    words = cluster.command("serve", "run", "raypipe.serving:build", f"pipeline={file}", "--address", cluster.address)
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(words, env=cluster.environment, stdout=log, stderr=log)
        try:
            assert read(port) == expected(), (tmp_path / "log").read_text("utf-8")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


def wait_for(cluster: Cluster) -> None:
    """Waits until the cluster answers."""
    token = {"Authorization": f"Bearer {cluster.environment['RAY_AUTH_TOKEN']}"}
    asked = urllib.request.Request(f"{cluster.dashboard}/api/serve/applications/", headers=token)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(asked, timeout=PATIENCE).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the cluster does not answer"
        time.sleep(0.5)
