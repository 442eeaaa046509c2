"""The code blocks of README.md and docs/: run as they stand, in a folder that has what they name."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import drawn
import pytest
import ray
from command import raypipe
from server import Server

import raypipe as rp
from raypipe.cli.main import cli
from raypipe.errors import ModelError

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "docs").exists():
    pytest.skip("needs a checkout", allow_module_level=True)
PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ONLY_PARSED = {"serve", "models pull", "models import", "plan", "bench"}
"""They go on for ever, need a network, or more pages than there are here, or read all of them many times."""

OF_OTHERS = {"--tmpfs"}
"""Options of other programs."""


def blocks(language: str) -> dict[str, list[str]]:
    found = {path.name: BLOCK.findall(path.read_text(encoding="utf-8")) for path in PROSE}
    return {
        name: codes
        for name, all_codes in found.items()
        if (codes := [code for marked, code in all_codes if marked == language])
    }


def commands(program: str) -> list[str]:
    """The commands of a program, each once, without what is said about them."""
    lines = [line.partition(" #")[0] for codes in blocks("sh").values() for code in codes for line in code.splitlines()]
    lines = [line.strip() for line in lines]
    return list(dict.fromkeys(line for line in lines if line.startswith(f"{program} ")))


def options(command: click.Command, above: click.Context | None = None) -> set[str]:
    """The options of a command and of those below it."""
    context = click.Context(command, parent=above, **command.context_settings)
    found = {name for parameter in command.get_params(context) for name in (*parameter.opts, *parameter.secondary_opts)}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            found |= options(below, context)
    return found


@pytest.mark.parametrize("page", [*PROSE, ROOT / "deploy/README.md"], ids=lambda page: page.name)
def test_options_in_the_text_exist(page: Path) -> None:
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page.read_text(encoding="utf-8"))
    named = {option for span in spans for option in re.findall(r"(?:^| )(--[a-z-]+)", span)}
    assert named - options(cli) <= OF_OTHERS


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the inputs that the documentation names, as the working folder."""
    for name in ("letters/a.jpg", "letters/b.jpg", "scans/c.tif", "photo.jpg", "letter.jpg", "examples/note.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        drawn.page(["One line"], (300, 100)).save(path)
    (tmp_path / "trocr-base-handwritten").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


NEEDS = {"README.md": "ray_cluster", "on-ray.md": "ray_cluster", "online.md": "server"}
PYTHON = [
    pytest.param(name, codes, id=name, marks=[pytest.mark.slow] if NEEDS.get(name) == "ray_cluster" else [])
    for name, codes in blocks("python").items()
]


@pytest.mark.parametrize(("name", "codes"), PYTHON)
def test_the_python_blocks_of_a_page_run(
    name: str, codes: list[str], desk: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(codes)
    needed = request.getfixturevalue(NEEDS[name]) if name in NEEDS else None
    if isinstance(needed, Server):
        text = text.replace("http://127.0.0.1:8000", needed.url)
    text = text.replace("s3://", f"{desk}/")
    pipeline = rp.standard()
    names: dict[str, Any] = {"rp": rp, "pipeline": pipeline, "other_pipeline": pipeline, "ray": ray}
    if name == "models.md":
        with pytest.raises(ModelError, match="raypipe models pull ocr_base_handwritten_v2_opt"):
            exec(compile(text, name, "exec"), names)
        return
    exec(compile(text, name, "exec"), names)
    if "print(" in text:
        assert "One line" in capsys.readouterr().out
    if "write_parquet" in text:
        assert list((desk / "out").glob("*.parquet"))


@pytest.mark.slow
def test_the_commands_run(desk: Path, ray_cluster: None) -> None:
    for command in commands("raypipe"):
        words = shlex.split(command)[1:]
        typed, _, place = command.partition(" > ")
        if any(typed.startswith(f"raypipe {name}") for name in ONLY_PARSED):
            parsed, above = cli, None
            while isinstance(parsed, click.Group):
                above = click.Context(parsed, parent=above, **parsed.context_settings)
                parsed = parsed.get_command(above, words.pop(0))
            parsed.make_context(None, words, parent=above)
            continue
        done = raypipe(*shlex.split(typed)[1:])
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if place:
            (desk / place).write_text(done.stdout, encoding="utf-8")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_requests_are_answered(desk: Path, server: Server) -> None:
    for request in commands("curl"):
        words = shlex.split(request.replace("http://127.0.0.1:8000", server.url))
        answer = subprocess.run([*words, "--silent", "--fail"], capture_output=True, text=True, timeout=120)
        assert answer.returncode == 0 and "One line" in answer.stdout, answer.stderr
