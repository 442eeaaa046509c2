"""Markdown tables, and what they say of pydantic's fields."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(_cell(each) for each in line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def code(value: object) -> str:
    """A value in the type of code; nothing for nothing."""
    return f"`{value}`" if str(value) else ""


def text_of(kind: Any) -> str:
    """The docstring, without the parts that tell of attributes and errors."""
    text = (kind.__doc__ or "").split("\n    Attributes:")[0].split("\n    Raises:")[0]
    return "\n".join(line.strip() for line in text.strip().splitlines())


def fields_table(model: type[BaseModel], leave_out: Iterable[str] = ()) -> str:
    """The fields of a model: type, default, bounds and description."""
    schema = model.model_json_schema()
    needed = schema.get("required", ())
    rows = [
        (code(name), kind_of(of), default_of(of, name in needed), of.get("description") or _within(model, name))
        for name, of in schema["properties"].items()
        if name not in leave_out
    ]
    return table(("name", "type", "default", "what"), rows)


def _within(model: type[BaseModel], name: str) -> str:
    return model.model_fields[name].description or ""


def kind_of(schema: dict[str, Any]) -> str:
    """The type of a value, with its bounds."""
    if "enum" in schema:
        return ", ".join(code(json.dumps(each)) for each in schema["enum"])
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "anyOf" in schema:
        return " or ".join(kind_of({**each, **_listed(schema)}) for each in schema["anyOf"])
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    kind = {"array": "list", "null": "none"}.get(schema.get("type", "any"), schema.get("type", "any"))
    if kind == "list" and "items" in schema:
        kind = f"list of {kind_of(schema['items'])}"
    bounds = ", ".join(f"{words} {schema[key]:g}" for key, words in BOUNDS.items() if key in schema)
    return f"{kind} ({bounds})" if bounds else kind


def _listed(schema: dict[str, Any]) -> dict[str, Any]:
    return {"enum": schema["enum"]} if "enum" in schema else {}


def default_of(schema: dict[str, Any], needed: bool) -> str:
    """The default of a value; nothing where it is made of others."""
    if needed:
        return "required"
    return "" if isinstance(schema.get("default", {}), dict) else code(json.dumps(schema["default"]))
