"""Options that are repeated for further values."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from raypipe.cli.main import cli


@pytest.mark.parametrize(
    ("words", "repeated"),
    [
        ("run a.png --output out --format text,json", "--format text --format json"),
        ("convert out --format 'hocr, alto'", "--format hocr --format alto"),
        ("bench a.png --engine local,ray", "--engine local --engine ray"),
        ("serve --host-names a.example,b.example", "--host-names a.example --host-names b.example"),
        ("serve --cors-origins https://a.example,*", "--cors-origins https://a.example --cors-origins *"),
    ],
)
def test_joined_values_of_an_option_are_refused_with_what_to_write(words: str, repeated: str) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert f"has a comma. Repeat the option: {repeated}\n" in done.output
