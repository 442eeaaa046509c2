"""The container of one small machine: its steps, in a folder of their own, make a server that lacks nothing."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import drawn
import pytest
from hostile import GOOD
from server import Server, start

from raypipe.web.forms import forms

ROOT = Path(__file__).resolve().parents[2]
TEXT = ["A line of it"]


def steps(root: Path) -> Iterator[str]:
    """The commands that make the image's environment, but for the system's packages, with places below a folder.

    They may take from pip's cache, and compile little: what is asked for is compiled anyway.
    """
    *_, build, _ = (ROOT / "deploy" / "Containerfile.local").read_text("utf-8").split("\nFROM ")
    places = {
        "python3 -m": f"{shlex.quote(sys.executable)} -m",
        "pip --python": f"{shlex.quote(sys.executable)} -m pip --python",
        "/opt/raypipe": shlex.quote(str(root)),
        "/src": shlex.quote(str(ROOT)),
        "python3.11": f"python3.{sys.version_info.minor}",
        "--no-cache-dir ": "",
        "compileall": "compileall -l",
    }
    for command in re.findall(r"^RUN (.*)$", build.replace("\\\n", ""), re.MULTILINE):
        for place, here in places.items():
            command = command.replace(place, here)
        if "apt-get" not in command:
            yield command


def png() -> bytes:
    file = io.BytesIO()
    drawn.page(TEXT).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("image")
    for command in steps(folder / "opt"):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
        assert done.returncode == 0 and "slim: there is no" not in done.stderr, done.stderr[-3000:]
    python = (str(folder / "opt" / "bin" / "python"), "-I")
    running = start("--engine", "local", "--jobs", str(folder / "jobs"), python=python)
    yield running
    assert running.stop() == 0, running.log


def asked(server: Server, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection = server.connect()
    connection.request(method, path, body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.mark.slow
def test_every_kind_of_file_in_every_format(small_server: Server) -> None:
    page = png()
    for name, form in forms().items():
        status, content = asked(small_server, "POST", f"/v1/ocr?output_format={name}", page)
        assert (status, bool(content)) == (200, True), (name, content)
        if form.name == "json":
            assert json.loads(content)["pages"][0]["text"] == TEXT[0]
    for suffix, encode in GOOD:
        assert asked(small_server, "POST", "/v1/ocr", encode(0))[0] == 200, suffix


@pytest.mark.slow
def test_a_job(small_server: Server) -> None:
    status, answer = asked(small_server, "POST", "/v1/jobs", png())
    assert status == 202
    place = f"/v1/jobs/{json.loads(answer)['id']}"
    deadline = time.monotonic() + 60
    while json.loads(asked(small_server, "GET", place)[1])["state"] != "done" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert asked(small_server, "GET", f"{place}/result?output_format=text") == (200, f"{TEXT[0]}\n".encode())
    assert asked(small_server, "GET", f"{place}/result?output_format=pdf")[0] == 200
