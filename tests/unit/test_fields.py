"""Options of commands from fields of models; and those of the server through each of its doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import click
import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel, Field

from raypipe.cli.fields import build, options_of
from raypipe.cli.main import cli
from raypipe.cli.serve import serve
from raypipe.errors import ConfigError
from raypipe.run.settings import Serving
from raypipe.serving import Arguments
from raypipe.web.settings import ServerSettings

ANOTHER = {
    "max_body_bytes": 7_000,
    "max_files": 3,
    "max_pages": 4,
    "max_uploads": 20,
    "max_uploads_per_client": 21,
    "max_uploads_bytes": 22,
    "min_upload_rate": 23,
    "max_requests": 5,
    "max_requests_per_client": 4,
    "pages_per_minute": 60,
    "cors_origins": ("https://a.example",),
    "host_names": ("ocr.example",),
    "pages_at_once": 6,
    "body_seconds": 7.5,
    "request_seconds": 8.5,
    "retry_after_seconds": 9,
    "log_file": Path("requests.jsonl"),
    "log_level": "WARNING",
    "trace_endpoint": "http://127.0.0.1:4318",
    "batch_lines": 10,
    "batch_seconds": 0.5,
    "merge_ingress": True,
    "input_columns": ("text_regions",),
    "ingress_replicas": 2,
}
"""A value of each setting that is not its default."""


class Inner(BaseModel):
    depth: int = Field(3, ge=1, description="how deep")


class Outer(BaseModel):
    inner: Inner = Inner()
    width: float | None = Field(None, gt=0, description="how wide")
    place: Path | None = Field(None, description="where")
    flat: bool = Field(False, description="whether it is flat")
    kind: Literal["PLAIN", "FANCY"] = Field("PLAIN", description="which kind")
    secret: str = Field("", description="not for the command line")


@click.command()
@options_of(Outer, leave_out=("secret",))
@click.option("--other")
def command(**values: Any) -> None:
    click.echo(build(Outer, values).model_dump_json())


def output(*arguments: str) -> str:
    return CliRunner().invoke(command, list(arguments)).output


def test_options_make_the_model() -> None:
    assert Outer.model_validate_json(output()) == Outer()
    words = output("--depth", "5", "--width", "2.5", "--place", "here", "--flat", "--other", "x")
    assert Outer.model_validate_json(words) == Outer(inner=Inner(depth=5), width=2.5, place=Path("here"), flat=True)


@pytest.mark.parametrize(
    "words", [["--depth", "0"], ["--width", "wide"], ["--width", "0"], ["--secret", "x"], ["--kind", "x"]]
)
def test_bounds_are_those_of_the_field(words: list[str]) -> None:
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 2 and words[0] in result.output


def test_help_tells_descriptions_and_defaults() -> None:
    assert " ".join(output("--help").split()).count("How deep. [default: 3]") == 1
    assert "Whether it is flat." in output("--help") and "default: None" not in output("--help")


def fields() -> Iterator[str]:
    yield from ServerSettings.model_fields
    yield from (name for name in Serving.model_fields if name != "settings")


def nested() -> dict[str, Any]:
    settings = {name: value for name, value in ANOTHER.items() if name in ServerSettings.model_fields}
    return {"settings": settings, **{name: value for name, value in ANOTHER.items() if name not in settings}}


def test_each_setting_has_another_value_here() -> None:
    """A new one needs one too, with which the tests below take it through all doors."""
    assert set(ANOTHER) == set(fields()) - {"key_digests"}
    default = Serving().model_dump()
    assert not [name for name, value in ANOTHER.items() if {**default, **default["settings"]}[name] == value]


def as_words(value: Any) -> list[str]:
    """What stands behind an option on the command line."""
    return list(value) if isinstance(value, tuple) else [] if value is True else [str(value)]


def parameters(words: list[str]) -> dict[str, Any]:
    """The values of `raypipe serve`, below its group, whose names of the help option it keeps from its first use on."""
    above = click.Context(cli, **cli.context_settings)
    return serve.make_context("serve", words, parent=above).params


def test_each_setting_is_an_option_of_the_command_line() -> None:
    words = [word for name, value in ANOTHER.items() for word in [f"--{name.replace('_', '-')}", *as_words(value)]]
    values = parameters(words)
    assert build(Arguments, values).with_keys() == Arguments(**nested())


def test_each_setting_is_an_argument_in_yaml() -> None:
    plain = Serving(**nested()).model_dump(mode="json")
    loaded = Arguments.model_validate(yaml.safe_load(yaml.safe_dump(plain)))
    assert loaded.model_dump(include=set(Serving.model_fields)) == Serving(**nested()).model_dump()
    assert loaded.with_keys().settings.max_pages == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--max-jobs 3", "^--max-jobs has no effect without jobs, their folder.$"),
        ("--jobs x --webhooks https://h.example/", "^webhooks and --webhook-key-file go together"),
        ("--cors-origins example.org", "^--cors-origins is wrong: 'example.org' has no scheme"),
    ],
)
def test_what_is_wrong_with_values_is_told_in_terms_of_options(words: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        build(Arguments, parameters(words.split()))


def test_the_keys_of_a_file_reach_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "keys").write_text("secret\n")
    values = parameters(["--api-key-file=~/keys", "--max-pages", "4"])
    settings = build(Arguments, values).with_keys().settings
    assert len(settings.key_digests) == 1 and settings.max_pages == 4
