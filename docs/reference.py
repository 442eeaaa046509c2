"""Writes docs/reference/ from the code: `python docs/reference.py [FOLDER]`, or `make reference`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import click
import pyarrow as pa
from tables import code, default_of, fields_table, kind_of, table, text_of

import raypipe as rp
from raypipe import errors, types
from raypipe.cli.main import cli
from raypipe.columns import Column, arrow_of
from raypipe.errors import Code, ExitStatus, RaypipeError
from raypipe.images.kinds import KINDS
from raypipe.outputs.formats import FORMATS, text_columns
from raypipe.pipeline import Pipeline
from raypipe.run.settings import Serving
from raypipe.serving import Arguments
from raypipe.stages.base import Pool, Stage
from raypipe.stages.registry import STAGES
from raypipe.web.app import create
from raypipe.web.forms import forms
from raypipe.web.schema import STATUSES
from raypipe.web.settings import ServerSettings
from raypipe.zoo import manifest

FOLDER = Path(__file__).parent / "reference"
USUAL = (rp.ImageTextDetector, rp.ImageToText, rp.ImageDrawRegions)
RECORDS = (types.Region, types.Line, types.Word, types.PageMatrix, types.Character)
INPUTS = {
    "path": "where the document came from",
    "name": "the last part of its path",
    "content": "the encoded file, where it was in memory; gone after BinaryToImage unless it keeps its input",
    "pagenum": "number of the page in its document, from 0",
    "total_pages": "pages of the document",
    "exception": "why the page failed: stage, code, message; null where it did not",
}
STATUS = {
    ExitStatus.DONE: "All went well.",
    ExitStatus.INTERNAL: "An error in raypipe itself.",
    ExitStatus.PAGES: "The job finished, and some pages failed: their rows say why.",
}
WHY = {
    Code.FILE_MISSING: "the file cannot be read",
    Code.FILE_UNWRITABLE: "a file of this page cannot be written",
    Code.IMAGE_EMPTY: "the file has no bytes",
    Code.IMAGE_UNKNOWN: "the file is of no kind that is read",
    Code.IMAGE_TRUNCATED: "the file ends too early",
    Code.IMAGE_DAMAGED: "the picture cannot be decoded",
    Code.IMAGE_TOO_LARGE: "the file or picture is over a limit of BinaryToImage",
    Code.PAGE_MISSING: "the document has no such page, or it is over max_pages",
    Code.PAGE_FAILED: "a stage failed with this page",
    Code.PDF_DAMAGED: "the PDF cannot be opened",
    Code.PDF_UNSUPPORTED: "PDFs need the extra `pdf`",
    Code.WORKER_DIED: "the process that read the page died, again and again",
}


def _made(kind: type[Stage]) -> Stage:
    needed = {name: "out" for name, field in kind.model_fields.items() if field.is_required()}
    return kind.model_validate(needed)


def stages() -> Iterator[str]:
    """Stages: parameters, and columns in and out."""
    yield "# Stages\n\nParameters are given by keyword. `pretrained(NAME, lang=...)` makes a stage that runs a model.\n"
    for name, kind in STAGES.items():
        base = kind.__mro__[1]
        yield f"\n## {name}\n\n{text_of(kind)}\n\n"
        if base in STAGES.values():
            yield _other_defaults(kind, base)
            continue
        steps = _made(kind).steps()
        written = {column for step in steps for column in step.writes}
        dropped = {column for step in steps for column in step.drops}
        reads = dict.fromkeys(column for step in steps for column in step.reads if column not in written)
        yield f"Reads {_names(reads)}. Writes {_names(written - dropped)}.\n\n"
        yield fields_table(kind)
    yield f"\n## Pool\n\n{text_of(Pool)}\n\n{fields_table(Pool)}"


def _other_defaults(kind: type[Stage], base: type[Stage]) -> str:
    """What a stage that is another one with other defaults has to say."""
    known = base.model_fields
    same = [name for name, field in kind.model_fields.items() if field.default == known[name].default]
    if len(same) == len(known):
        return f"It has the parameters of [{base.__name__}](#{base.__name__.lower()}).\n"
    return f"It is [{base.__name__}](#{base.__name__.lower()}) with other defaults:\n\n{fields_table(kind, same)}"


def _names(columns: Iterable[str]) -> str:
    return ", ".join(code(name) for name in sorted(columns)) or "nothing"


def columns() -> Iterator[str]:
    """Columns and the records in them."""
    drawn = Pipeline([rp.BinaryToImage(keep_input=True), *map(_made, USUAL)])
    saved = Pipeline([*drawn.stages, rp.SaveImages(folder="out")])
    told = {**_described(saved), **INPUTS}
    yield "# Columns\n\nThe columns of a pipeline with all of the usual stages, and what they are in Parquet.\n\n"
    found = {**drawn.graph.columns, **saved.graph.columns}
    yield table(("column", "type", "what"), [(code(name), _arrow(found[name]), told.get(name, "")) for name in found])
    yield "\nCoordinates are pixels of the upright page at its full resolution.\n"
    for kind in RECORDS:
        yield f"\n## {kind.__name__}\n\n{text_of(kind)}\n\n"
        yield table(
            ("field", "type"),
            [(code(field.name), _plain(arrow_of(get_type_hints(kind)[field.name]))) for field in fields(kind)],
        )


def _described(pipeline: Pipeline) -> dict[str, str]:
    """What the parameters that name columns say of them: the stage that writes one knows it best."""
    found: dict[str, str] = {}
    for step in pipeline.graph.steps:
        for name, value in step.stage:
            if name.startswith(("output_col", "lines_", "positions_", "confidence_")) and value in step.writes:
                found[value] = type(step.stage).model_fields[name].description or ""
    return found


def _arrow(column: Column) -> str:
    return "picture: `origin`, `height`, `width`, ..." if column.role == "image" else _plain(column.arrow)


def _plain(arrow: pa.DataType) -> str:
    """An Arrow type, records by their name."""
    for kind in RECORDS:
        if is_dataclass(kind) and arrow == arrow_of(kind):
            return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return f"list of {_plain(arrow.value_type)}" if pa.types.is_list(arrow) else code(arrow)


def command_line() -> Iterator[str]:
    """The commands and their options."""
    yield "# Command line\n"
    yield from _command(cli, "raypipe", None)


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, help_option_names=["-h", "--help"])
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    yield f"\n## {context.command_path}\n\n```sh\n{usage}\n```\n\n{_help(command)}\n"
    options = [each for each in command.params if isinstance(each, click.Option)]
    if options:
        yield "\n" + table(("option", "value", "default", "what"), [_option(each, context) for each in options])
    if command.epilog:
        example = command.epilog.removeprefix("Example: ")
        yield f"\n```sh\n{example}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _command(command.commands[inner], inner, context)


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str, str]:
    default = option.get_default(context)
    shown = option.show_default and isinstance(default, (str, int, float, tuple, list)) and default not in ("", ())
    values = ", ".join(map(str, default)) if isinstance(default, (tuple, list)) else str(default)
    names = ", ".join([*option.opts, *option.secondary_opts])
    return code(names), "" if option.is_flag else _values(option), code(values) if shown else "", option.help or ""


def _values(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return ", ".join(code(each) for each in option.type.choices)
    kind = "number" if isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType)) else ""
    return (
        code(option.metavar) if option.metavar else kind or ("path" if isinstance(option.type, click.Path) else "text")
    )


def _help(command: click.Command) -> str:
    return "\n".join(line.strip() for line in (command.help or "").splitlines()).replace("\b", "")


def http() -> Iterator[str]:
    """The HTTP API, from its OpenAPI document, and the settings of a server."""
    edge: Any = create(SimpleNamespace(at_once=1), ServerSettings())  # type: ignore[arg-type]
    document = edge._app.openapi()
    yield f"# HTTP API\n\n{document['info']['description']} The server shows this document at `/docs`.\n"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"\n## {method.upper()} {path}\n\n{operation.get('description', operation['summary'])}\n"
            yield from _operation(operation)
    yield "\n## Answers\n"
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema and not name.startswith(("HTTPValidation", "Validation")):
            yield from _shape(name, schema)
    yield "\n## Problems\n\nA request that gets no result is answered with a `ProblemAnswer`.\n\n"
    yield table(("status", "why"), STATUSES.items())
    yield f"\n## Settings\n\n{text_of(Serving)} These are the `args` of `raypipe.serving:build`:\n\n"
    yield fields_table(Arguments)
    yield f"\n### ServerSettings\n\n{text_of(ServerSettings)}\n\n{fields_table(ServerSettings)}"


def _operation(operation: dict[str, Any]) -> Iterator[str]:
    if given := operation.get("parameters"):
        rows = [
            (
                code(each["name"]),
                kind_of(each["schema"]),
                default_of(each["schema"], False),
                each.get("description", ""),
            )
            for each in given
        ]
        yield "\n" + table(("parameter", "type", "default", "what"), rows)
    if body := operation.get("requestBody"):
        yield f"\nThe body is {', '.join(map(code, body['content']))}.\n"
    answers = operation["responses"]
    if content := answers.get("200", {}).get("content"):
        yield f"\nIt answers with {', '.join(map(code, content))}.\n"


def _shape(name: str, schema: dict[str, Any]) -> Iterator[str]:
    told = "\n".join(line.strip() for line in schema.get("description", "").partition("Attributes:")[0].splitlines())
    yield f"\n### {name}\n\n{told.strip()}\n\n"
    rows = [(code(field), kind_of(of), of.get("description", "")) for field, of in schema["properties"].items()]
    yield table(("field", "type", "what"), rows)


def formats() -> Iterator[str]:
    """Output formats, and kinds of file that are read."""
    columns = text_columns()
    yield "# Formats\n\n## Output formats\n\n"
    yield "`raypipe run --format NAME` writes a folder of this name, and a server answers in it.\n\n"
    rows = [
        (code(each.name), code(each.suffix), code(each.media_type), "yes" if each.column else "")
        for each in FORMATS.values()
    ]
    yield table(("name", "files end with", "media type", "for `output_format` of ImageToText"), rows)
    further = ", ".join(code(name) for name in columns if name not in FORMATS)
    yield f"\nImageToText also takes {further}. A server also answers in "
    yield ", ".join(f"`{form.name}` (`{form.media_type}`)" for form in forms().values() if form.name not in FORMATS)
    yield ".\n\n## Files that are read\n\nA file is known by its first bytes; names matter in folders and globs.\n\n"
    rows = [
        (each.name, ", ".join(map(code, sorted(each.suffixes))), "many" if each.page_count else "one")
        for each in KINDS.values()
    ]
    yield table(("kind", "names end with", "pages"), rows)


def failures() -> Iterator[str]:
    """Exit statuses, and why pages fail."""
    yield "# Errors\n\n## Exit statuses\n\n"
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RaypipeError)]
    told = {each.exit_status: text_of(each) for each in kinds} | STATUS
    raised = {each.exit_status: code(each.__name__) for each in kinds if each is not RaypipeError}
    yield table(
        ("status", "what", "in Python"), [(status.value, told[status], raised.get(status, "")) for status in ExitStatus]
    )
    yield "\n## Failures of pages\n\nA page that fails has an `exception`, and in JSON a `failure` with a code. "
    yield "A request for that page alone is answered with the HTTP status. Other stages may have others.\n\n"
    yield table(("code", "HTTP status", "why"), [(code(each.value), each.http_status, WHY[each]) for each in Code])


def models() -> Iterator[str]:
    """The models of the manifest."""
    yield "# Models\n\n`raypipe models info NAME` prints the card of one.\n\n"
    rows = [
        (
            code(each.name),
            each.task,
            each.family,
            ", ".join(each.languages) or "any",
            _size(each),
            each.licence,
        )
        for each in manifest.models()
    ]
    yield table(("name", "task", "family", "languages", "comes with raypipe", "licence"), rows)
    yield "\n## Where they come from\n\n"
    rows = [
        (code(each.name), ", ".join(map(code, each.aliases)), each.provenance, each.advice)
        for each in manifest.models()
    ]
    yield table(("name", "also called", "provenance", "advice"), rows)


def _size(model: manifest.Model) -> str:
    if model.file:
        return f"yes, {model.bytes / 1e6:.1f} MB"
    return (
        f"no; `raypipe models pull` fetches {model.pull_bytes / 1e6:.0f} MB"
        if model.repository or model.checkpoint
        else "no"
    )


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "stages": stages,
    "columns": columns,
    "command-line": command_line,
    "http": http,
    "formats": formats,
    "errors": failures,
    "models": models,
}


def write(folder: Path) -> None:
    """Writes all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / f"{name}.md").write_text("".join(page()), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
