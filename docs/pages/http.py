"""The HTTP API, from its OpenAPI document, and the settings of a server."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from pages.tables import code, default_of, fields_table, kind_of, table, text_of
from raypipe.run.settings import Serving
from raypipe.serving import Arguments
from raypipe.web.app import create
from raypipe.web.schema import STATUSES
from raypipe.web.settings import JobSettings, ServerSettings


def http() -> Iterator[str]:
    """The HTTP API, from its OpenAPI document, and the settings of a server."""
    edge: Any = create(SimpleNamespace(at_once=1, room=1), ServerSettings())  # type: ignore[arg-type]
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
    for model in (ServerSettings, JobSettings):
        yield f"\n### {model.__name__}\n\n{text_of(model)}\n\n{fields_table(model)}"


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
    text = "\n".join(line.strip() for line in schema.get("description", "").partition("Attributes:")[0].splitlines())
    yield f"\n### {name}\n\n{text.strip()}\n\n"
    rows = [(code(field), kind_of(of), of.get("description", "")) for field, of in schema["properties"].items()]
    yield table(("field", "type", "what"), rows)
