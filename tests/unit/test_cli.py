from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner, Result

from raypipe import presets
from raypipe.bench.setting import Setting
from raypipe.cli.main import cli, run_command
from raypipe.outputs.base import Document
from raypipe.outputs.formats import FORMATS
from raypipe.pipeline import Pipeline
from raypipe.zoo import manifest


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(commands(cli))


def test_the_commands_there_are() -> None:
    assert {("run",), ("show",), ("describe",), ("doctor",), ("models", "list")} <= set(COMMANDS)
    for command in COMMANDS:
        assert command[0] in invoke("--help").output


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["rnu"], "run"), (["models", "lst"], "list"), (["convert", "out", "--format", "txt"], "text")],
)
def test_a_misspelling_names_what_is_near(arguments: list[str], meant: str) -> None:
    assert f"Did you mean '{meant}'?" in invoke(*arguments).output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_an_example(command: tuple[str, ...], flag: str) -> None:
    result = invoke(*command, flag)
    assert result.exit_code == 0
    assert f"Example: raypipe {' '.join(command)}" in result.output


def test_every_option_is_explained() -> None:
    for command in COMMANDS:
        found: click.Command | None = cli
        for name in command:
            assert isinstance(found, click.Group)
            found = found.get_command(click.Context(found), name)
        assert found
        assert all(option.help for option in found.params if isinstance(option, click.Option)), command


@pytest.mark.parametrize("option", ["--detectors", "--recognizers"])
@pytest.mark.parametrize("value", ["many", "0", "1:2:3", "-1", "1:", ":2", "1.5", "4:2", "\u00b2", ""])
def test_pool_sizes_that_make_no_sense_are_wrong_usage(tmp_path: Path, option: str, value: str) -> None:
    result = invoke("run", "in", "--output", str(tmp_path / "out"), f"{option}={value}")
    assert result.exit_code == 2
    assert option in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [["run", "in"], ["run", "--output", "out"], ["run", "in", "-o", "out", "--engine", "spark"], ["show", "/no/such"],
     ["run", "in", "-o", "out", "--batch-size", "0"], ["no_such_command"], ["models", "info"],
     ["show", "s3://bucket/a.png"]],
)  # fmt: skip
def test_wrong_usage(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.output


def test_models_list(fake_models: Path) -> None:
    result = invoke("models", "list")
    assert result.exit_code == 0
    for words in ("some_detector", "MIT", "not here"):
        assert words in result.output


def test_the_default_models_are_marked() -> None:
    lines = invoke("models", "list").output.splitlines()
    assert {line.split()[0] for line in lines if " default " in line} == {presets.DETECTOR, presets.RECOGNIZER}


@pytest.mark.parametrize("width", ["20", "80"])
def test_tables_are_whole_in_narrow_terminals(width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    listed = invoke("models", "list").output.splitlines()
    for model, line in zip(manifest.models(), listed[1:], strict=True):
        assert line.startswith(f"{model.name} ") and model.licence in line
        assert all(alias in line for alias in model.aliases)
    assert all(len(line.split()) > 1 for line in invoke("doctor").output.splitlines())


def test_the_doctor_needs_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the container of one small machine."""
    monkeypatch.setattr("raypipe.versions.PACKAGES", ("no-such-package",))
    assert "one process only" in " ".join(invoke("doctor").output.split())


def test_a_model_that_is_not_here_says_what_a_pull_fetches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAYPIPE_MODELS", str(tmp_path))
    (line,) = [line for line in invoke("models", "list").output.splitlines() if "ocr_base_printed_v2_opt" in line]
    assert "  ~334   not here  " in line


@pytest.mark.skipif(sys.platform == "win32", reason="names of files are never ASCII there")
def test_names_with_accents_where_the_locale_is_ascii(tmp_path: Path, page_png: bytes) -> None:
    (tmp_path / "caf\u00e9.png").write_bytes(page_png)
    (tmp_path / "open.toml").write_text('[[stage]]\ntype = "BinaryToImage"\n', encoding="utf-8")
    ascii_only = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    command = ["run", "caf*.png", "-o", "out", "--pipeline", "open.toml", "--overlay", "none", "--engine", "local"]
    done = subprocess.run(
        [sys.executable, "-m", "raypipe", *command], cwd=tmp_path, env=os.environ | ascii_only, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert [path.name for path in (tmp_path / "out/text").iterdir()] == ["caf\u00e9.png.txt"]


def test_a_home_that_the_shell_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "open.toml").write_text('[[stage]]\ntype = "BinaryToImage"\n', encoding="utf-8")
    assert invoke("describe", "--pipeline=~/open.toml").exit_code == 0
    assert "'~/open.toml' does not exist" not in invoke("show", "~/open.toml", "--pipeline=~/gone.toml").output


def test_letters_that_the_output_lacks_are_written_as_numbers(tmp_path: Path) -> None:
    (tmp_path / "open.toml").write_text('[[stage]]\ntype = "BinaryToImage"\ninput_col = "\u0142"', encoding="utf-8")
    command = [sys.executable, "-m", "raypipe", "describe", "--pipeline", tmp_path / "open.toml"]
    done = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": "latin-1"}, capture_output=True)
    assert done.returncode == 0 and rb"input_col='\u0142'" in done.stdout, done.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_a_line() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "raypipe", "models", "list"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 8 and done.stderr.startswith("raypipe: [Errno 28] No space left"), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that can close it")
def test_standard_output_that_is_closed_is_a_line() -> None:
    command = f"{shlex.quote(sys.executable)} -m raypipe run - --format json >&-"
    done = subprocess.run(command, shell=True, input=b"picture", stderr=subprocess.PIPE)
    assert done.returncode == 8 and done.stderr.decode().startswith("raypipe: Standard output is closed.")


def test_one_image_is_shown_and_no_list_or_archive(tmp_path: Path, page_png: bytes) -> None:
    """Their pictures would overwrite each other's overlay."""
    (tmp_path / "a.png").write_bytes(page_png)
    (tmp_path / "list.txt").write_text("a.png\na.png\n", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "a.png")
    for name in ("list.txt", "both.zip"):
        result = invoke("show", str(tmp_path / name), "--preset", "fast")
        assert result.exit_code == 6 and f"{name} is " in result.output, result.output


def test_the_command_ends_before_python_takes_objects_apart() -> None:
    """Python aborts if a thread of a native library gives an object back at that time, as Arrow's do."""
    program = """
import atexit, sys, threading, time
from raypipe.cli import main

class Last:
    def __del__(self) -> None:
        print("taken apart")

kept = Last()
atexit.register(print, "closed")
threading.Thread(target=lambda: (time.sleep(0.2), print("finished"))).start()
threading.Thread(target=threading.Event().wait, daemon=True).start()
sys.argv = ["raypipe", *sys.argv[1:]]
main.main()
"""
    for words, status in (("--version",), 0), (("describe", "--pipeline", "none.toml"), 2):
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
        assert done.returncode == status, done.stderr
        assert done.stdout.endswith("finished\nclosed\n")


def test_models_info(fake_models: Path) -> None:
    result = invoke("models", "info", "other_reader")
    assert result.exit_code == 0
    assert "name: some_reader\n" in result.output
    assert "languages: en, fr\n" in result.output
    assert "advice" not in result.output


def test_models_verify(fake_models: Path) -> None:
    result = invoke("models", "verify")
    assert result.exit_code == 4
    assert "some_detector: sound" in result.output
    assert "lost_reader: missing" in result.output
    assert "absent_reader" not in result.output


def test_describe_a_file(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text('[[stage]]\ntype = "BinaryToImage"\nmax_pages = 7\n', encoding="utf-8")
    assert "max_pages=7" in invoke("describe", "--pipeline", str(file)).output
    again = invoke("describe", "--toml", "--pipeline", str(file)).output
    assert Pipeline.from_toml(again).stages[0].max_pages == 7


def test_version() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert version("raypipe") in result.output


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["raypipe", *arguments])
    with pytest.raises(SystemExit) as caught:
        run_command()
    assert isinstance(caught.value.code, int)
    return caught.value.code


BROKEN = '[[stage]]\ntype = "NoSuchStage"\n'
MISSPELLED = """
[[stage]]
type = "BinaryToImage"

[[stage]]
type = "ImageDrawRegions"
input_col = "imaeg"
"""


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["models", "info", "no_such_model"], 4, "no_such_model"),
        (["models", "info", "other_raeder"], 4, "Did you mean 'other_reader'?"),
        (
            ["run", "open.toml", "-o", "out", "--pipeline", "misspelled.toml", "--overlay", "none"],
            2,
            "'image'? Correct",
        ),
        (["describe", "--pipeline", "gone.toml"], 2, "gone.toml"),
        (["describe", "--pipeline", "broken.toml"], 2, "NoSuchStage"),
        (["run", "gone.png", "-o", "out", "--pipeline", "open.toml", "--overlay", "none"], 3, "gone.png"),
        (["run", "in", "-o", "", "--pipeline", "open.toml"], 2, "has no name"),
        (["run", "in", "-o", "out", "--pipeline", "open.toml", "--detectors", "2"], 2, "--detectors"),
        (["run", "in", "-o", "out", "--pipeline", "open.toml", "--device", "cuda"], 2, "--device"),
        (["run", "in", "-o", "out", "--engine", "local", "--recognizers", "2"], 2, "--recognizers"),
        (["show", "open.toml", "--pipeline", "open.toml", "--device", "cpu"], 2, "--device"),
        (["show", "open.toml", "--pipeline", "open.toml", "--url", "http://127.0.0.1:1"], 2, "--pipeline"),
        (["serve", "--pipeline", "open.toml", "--device", "cpu"], 2, "--device"),
        (["bench", "in", "--json", "gone/a.json"], 2, "gone is not a writable folder"),
        (["show", "open.toml", "-o", "text.txt"], 2, "text.txt is no name of a picture"),
        (["serve", "--cors-origins", "https://example.org/"], 2, "--cors-origins is wrong: 'https://example.org/' has"),
        (["serve", "--cors-origins", "example.org"], 2, "'example.org' has no scheme"),
        (["serve", "--host-names", "example.org:8000"], 2, "--host-names is wrong: 'example.org:8000' has"),
        (["convert", "gone", "--format", "hocr"], 2, "gone holds no results of a job"),
        (
            ["run", "in", "-o", "out", "--recognizer", "absent_reader", "--detector", "db_detector"],
            4,
            "Take some_reader.",
        ),
        (  # The models have to be on the cluster, not here.
            ["run", "open.toml", "-o", "out", "--recognizer", "absent_reader", "--detector", "db_detector"]
            + ["--engine", "ray", "--address", "127.0.0.1:1"],
            2,
            "No Ray cluster answers at 127.0.0.1:1",
        ),
    ],
)
def test_an_error_is_a_line_and_an_exit_status(
    arguments: list[str],
    status: int,
    words: str,
    fake_models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.toml").write_text(BROKEN, encoding="utf-8")
    Path("open.toml").write_text(BROKEN.replace("NoSuchStage", "BinaryToImage"), encoding="utf-8")
    Path("misspelled.toml").write_text(MISSPELLED, encoding="utf-8")
    assert run_main(monkeypatch, *arguments) == status
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("raypipe: ")
    assert output.err.count("\n") == 1
    assert words in output.err


@pytest.mark.parametrize(("content", "status"), [(None, 0), (b"no picture", 6)])
def test_a_job_in_this_process(
    content: bytes | None, status: int, tmp_path: Path, page_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 6 where a page failed, and what failed is told."""
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(page_png)
    Path("b.png").write_bytes(content or page_png)
    Path("open.toml").write_text('[[stage]]\ntype = "BinaryToImage"\n', encoding="utf-8")
    arguments = ["run", "*.png", "-o", "out", "--pipeline", "open.toml", "--overlay", "none", "--engine", "local"]
    result = invoke(*arguments, "--format", "text", "--format", "text")
    assert result.exit_code == status, result.output
    assert "2 pages" in result.output and result.output.count("out/text/") == 1
    assert ("BinaryToImage image_unknown" in result.output) == (status == 6)
    assert sorted(path.name for path in Path("out/text").iterdir()) == ["a.png.txt", "b.png.txt"]
    again = invoke(*arguments)
    assert again.exit_code == status
    assert "already done: 2 pages" in again.output


def test_a_format_that_fails_is_a_line_and_an_exit_status(
    tmp_path: Path, page_png: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All pages are read, all other files written."""

    def render(document: Document) -> str:
        raise LookupError(document.name)

    monkeypatch.setitem(FORMATS._loaded, "hocr", replace(FORMATS["hocr"], render=render))
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(page_png)
    Path("open.toml").write_text('[[stage]]\ntype = "BinaryToImage"\n', encoding="utf-8")
    arguments = ["run", "a.png", "-o", "out", "--pipeline", "open.toml", "--overlay", "none", "--engine", "local"]
    assert run_main(monkeypatch, *arguments, "--format", "hocr", "--format", "text") == 8
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("1 file could not be written, first hocr of a.png: LookupError: a.png.")
    assert Path("out/text/a.png.txt").exists()


def test_a_document_in_every_format(tmp_path: Path, page_png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.png", "in/sub/b.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(page_png)
    Path("open.toml").write_text('[[stage]]\ntype = "BinaryToImage"\n', encoding="utf-8")
    arguments = ["run", "in", "-o", "out", "--pipeline", "open.toml", "--overlay", "none", "--engine", "local"]
    result = invoke(*arguments, *(f"--format={name}" for name in FORMATS))
    assert result.exit_code == 0, result.output
    for each in FORMATS.values():
        assert Path(f"out/{each.name}/sub/b.png{each.suffix}").exists()
    assert ElementTree.parse("out/hocr/sub/b.png.hocr").getroot().tag.endswith("html")


@pytest.mark.parametrize("phase", ["plan.prepare", "loop.run", "print_outcome"])
def test_a_job_that_is_stopped_says_so_whatever_it_does(
    phase: str, tmp_path: Path, page_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first file is listed, too, and while the summary is printed."""
    (tmp_path / "a.png").write_bytes(page_png)
    (tmp_path / "open.toml").write_text(BROKEN.replace("NoSuchStage", "BinaryToImage"), encoding="utf-8")

    def stop_here(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(f"raypipe.cli.run.{phase}", stop_here)
    stopped = invoke("run", str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "--engine", "local", "--overlay",
                     "none", "--pipeline", str(tmp_path / "open.toml"))  # fmt: skip
    assert stopped.exit_code == 128 + signal.SIGTERM
    assert "Stopped. What was read is in" in stopped.output


def test_a_command_that_is_stopped_has_the_exit_status_of_shells(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 would be an error in raypipe itself."""

    def stop_here(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("raypipe.cli.describe.chosen_pipeline", stop_here)
    stopped = invoke("describe")
    assert (stopped.exit_code, stopped.output) == (128 + signal.SIGINT, "\nStopped.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_server_that_is_stopped_before_it_listens_ends(tmp_path: Path) -> None:
    """It has a handler of its own: without one, the first process of a container does not get SIGTERM."""
    os.mkfifo(tmp_path / "keys")
    command = [sys.executable, "-m", "raypipe", "serve", "--engine", "local", "--api-key-file", tmp_path / "keys"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with server, (tmp_path / "keys").open("w"):  # Once the server has opened it.
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)
    assert (server.returncode, errors) == (128 + signal.SIGTERM, "\nStopped.\n")


def test_values_of_an_option_to_measure_may_be_given_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Setting] = []
    monkeypatch.setattr("raypipe.cli.bench.in_turn", lambda settings, *_: asked.extend(settings))
    invoke("bench", "in", "--vary", "threads=1", "--vary", "threads=2")
    assert [setting.threads for setting in asked] == [1, 2]


def test_a_preset_is_that_of_python() -> None:
    described = invoke("describe", "--toml", "--preset", "fast")
    assert Pipeline.from_toml(described.output) == presets.fast()
    assert invoke("describe", "--toml", "--precision", "fp32").output.count('precision = "fp32"') == 2
    refused = invoke("describe", "--preset", "fast", "--detector", "text_detector_db")
    assert refused.exit_code and "--detector cannot be combined with --preset" in str(refused.exception)


def test_a_key_without_a_server_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    refused = invoke("show", str(tmp_path / "a.png"), "--api-key", "key")
    assert "--api-key cannot be combined with reading on this machine" in str(refused.exception)


def test_a_pipeline_without_regions_has_no_overlays_unless_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page_png: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(page_png)
    Path("pipeline.toml").write_text('[[stage]]\ntype = "BinaryToImage"\n')
    arguments = ["run", "a.png", "--engine=local", "--threads=1", "--pipeline=pipeline.toml"]
    done = invoke(*arguments, "--output=out")
    assert done.exit_code == 0 and "overlays" not in done.output
    refused = invoke(*arguments, "--output=drawn", "--overlay=jpeg")
    assert "ImageDrawRegions reads the column 'text_regions'" in str(refused.exception)
