"""The stages: parameters, and columns in and out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pages.tables import code, fields_table, text_of
from raypipe.stages.base import Pool, Stage
from raypipe.stages.registry import STAGES


def made(kind: type[Stage]) -> Stage:
    """A stage with its defaults."""
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
        steps = made(kind).steps()
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
