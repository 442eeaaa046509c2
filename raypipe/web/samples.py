"""Sample requests for each path in three languages, for the OpenAPI document: the extension `x-codeSamples`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SERVER = "http://127.0.0.1:8000"
"""Stands for the server's address; `/docs` puts its own there."""
FILES = {"application/octet-stream": "letter.jpg", "application/json": "pages.json"}
"""The file that is sent, by the media type of the body."""


@dataclass(frozen=True)
class Call:
    """A request: what a sample does. `file` is its body; empty: it has none."""

    method: str
    url: str
    headers: dict[str, str]
    file: str


def with_samples(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with samples of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["x-codeSamples"] = samples(_call(path, method.upper(), operation))
    return document


def samples(call: Call) -> list[dict[str, str]]:
    """A call in each language, as Redoc and other viewers of OpenAPI documents take it."""
    written = {"Shell": ("curl", _curl), "Python": ("Python", _python), "JavaScript": ("JavaScript", _javascript)}
    return [{"lang": language, "label": label, "source": write(call)} for language, (label, write) in written.items()]


def _call(path: str, method: str, operation: dict[str, Any]) -> Call:
    content = operation.get("requestBody", {}).get("content", {})
    sent = next((kind for kind in FILES if kind in content), "")
    headers = {"Content-Type": sent} if sent else {}
    if operation.get("security"):
        headers["Authorization"] = "Bearer KEY"
    return Call(method, SERVER + path.replace("{job}", "ID"), headers, FILES.get(sent, ""))


def _curl(call: Call) -> str:
    method = "" if call.method == ("POST" if call.file else "GET") else f" -X {call.method}"
    headers = "".join(f" -H '{name}: {value}'" for name, value in call.headers.items())
    body = f" --data-binary @{call.file}" if call.file else ""
    return f"curl{method}{headers}{body} {call.url}"


def _python(call: Call) -> str:
    body = f'data=Path("{call.file}").read_bytes(), ' if call.file else ""
    headers = f"headers={call.headers}, ".replace("'", '"') if call.headers else ""
    return (
        ("from pathlib import Path\n" if call.file else "")
        + "from urllib.request import Request, urlopen\n\n"
        + f'request = Request("{call.url}", {body}{headers}method="{call.method}")\n'
        + "with urlopen(request) as answer:\n    print(answer.read().decode())"
    )


def _javascript(call: Call) -> str:
    options = [f'method: "{call.method}"'] if call.method != "GET" else []
    if call.headers:
        options.append("headers: { " + ", ".join(f'"{name}": "{value}"' for name, value in call.headers.items()) + " }")
    if call.file:
        options.append("body: file")
    given = f", {{ {', '.join(options)} }}" if options else ""
    comment = f"// file is {call.file}, as from an <input type=file>.\n" if call.file else ""
    return f'{comment}const answer = await fetch("{call.url}"{given});\nconsole.log(await answer.text());'
