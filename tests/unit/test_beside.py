"""Another program beside the engines of a bench."""

from __future__ import annotations

import shlex
import sys

import pytest

from raypipe.bench.beside import read
from raypipe.bench.report import Measured, Report, shares
from raypipe.bench.setting import BESIDE, Setting
from raypipe.errors import ConfigError


def program(code: str) -> str:
    return shlex.join((sys.executable, "-c", code))


COUNTS = program(
    "import json, sys; print(1); print(json.dumps(dict(pages=len(sys.argv) - 1, seconds=2.0, cpu_seconds=3)))"
)


def test_a_program_gets_the_files_and_says_how_long_it_took() -> None:
    found = read(COUNTS, ["a b.png", "c.png"])
    assert (found.pages, found.seconds, found.cpu_seconds) == (2, 2.0, 3)
    one = Measured.of("peer", Setting(engine=BESIDE, toml=COUNTS, batch_size=4, threads=2), [found])
    assert one.middle == 1 and one.steps == {"another program": 2000}
    assert [row[0] for row in shares(Report.of([one]))][1:] == ["another program"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-program", "cannot be run"),
        (program("import sys; sys.exit(chr(110) * 2)"), "ended with 1: nn"),
        (program("print(5)"), "last line must be JSON"),
        (program("print()"), "printed"),
        ('echo {\\"pages\\": 0}', "printed"),
    ],
)
def test_a_program_that_does_not_say_is_an_error(command: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(command, [])
