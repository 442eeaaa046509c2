"""One document from standard input to standard output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from raypipe.cli.main import cli
from raypipe.cli.stream import from_standard_input
from raypipe.errors import InputError, RaypipeError


@pytest.fixture
def only_opens(tmp_path: Path) -> str:
    """A pipeline without models."""
    path = tmp_path / "open.toml"
    path.write_text('[[stage]]\ntype = "BinaryToImage"\n', encoding="utf-8")
    return str(path)


def invoke(pipeline: str, data: bytes, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["run", "-", "--pipeline", pipeline, *arguments], input=data)


def test_a_document_goes_from_standard_input_to_standard_output(only_opens: str, page_png: bytes) -> None:
    done = invoke(only_opens, page_png, "--format", "json")
    found = json.loads(done.stdout)
    assert done.exit_code == 0 and found["pages"][0]["exception"] is None


def test_a_page_that_fails_is_said(only_opens: str) -> None:
    done = invoke(only_opens, b"no picture", "--format", "json")
    assert done.exit_code == 6 and "image_unknown" in done.stderr
    assert json.loads(done.stdout)["pages"][0]["exception"]


@pytest.mark.parametrize(
    ("data", "arguments", "says"),
    [
        (b"", [], "empty"),
        (b"x", ["other.png"], "alone"),
        (b"x", ["-o", "out"], "--output"),
        (b"x", ["--engine", "ray"], "--engine"),
        (b"x", ["--format", "json", "--format", "text"], "--format once"),
    ],
)
def test_what_cannot_be_done_with_it_is_refused(only_opens: str, data: bytes, arguments: list[str], says: str) -> None:
    done = invoke(only_opens, data, *arguments)
    assert isinstance(done.exception, RaypipeError) and says in str(done.exception)


def test_closed_standard_input_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="Standard input is empty"):
        from_standard_input()


def test_an_output_is_needed_otherwise(only_opens: str) -> None:
    done = CliRunner().invoke(cli, ["run", "a.png", "--pipeline", only_opens])
    assert done.exit_code == 2 and "--output" in done.stderr
