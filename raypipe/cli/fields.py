"""Command-line options from the fields of models: name, type, bounds, default and help come from the field."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import click
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from raypipe.cli.repeatable import Repeatable
from raypipe.errors import ConfigError
from raypipe.files.paths import with_home

F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M", bound=BaseModel)


def options_of(model: type[BaseModel], leave_out: Container[str] = ()) -> Callable[[F], F]:
    """Adds an option for each field of a model and of the models in it; `build` takes their values."""
    fields = [(name, field) for name, field in _fields(model) if name not in leave_out]

    def add(command: F) -> F:
        for name, field in reversed(fields):
            command = _option(name, field)(command)
        return command

    return add


def build(model: type[M], values: Mapping[str, Any]) -> M:
    """Builds a model from the values of its options; other values are ignored.

    Raises:
        ConfigError: Options do not go together.
    """
    inner = {name: build(kind, values) for name, field in model.model_fields.items() if (kind := _inner(field))}
    try:
        return model(**inner, **{name: values[name] for name in model.model_fields if name in values})
    except ConfigError as error:
        raise ConfigError(_of_options(str(error), model)) from error


def _of_options(text: str, model: type[BaseModel]) -> str:
    """An error about a model's fields in terms of the options."""
    text = re.sub(rf"^{model.__name__} has a wrong (\w+)", lambda found: f"{_name(found[1])} is wrong", text)
    text = text.removeprefix(f"{model.__name__}: ")
    # A name of one word may be meant as a word.
    return re.sub(r"\w+_\w+", lambda found: _name(found[0]) if found[0] in model.model_fields else found[0], text)


def _name(field: str) -> str:
    """The option of a field."""
    return f"--{field.replace('_', '-')}"


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if kind := _inner(field):
            yield from _fields(kind)
        else:
            yield name, field


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, if it holds one."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _option(name: str, field: FieldInfo) -> Callable[[F], F]:
    help_text = f"{field.description or name}."
    option, help_text = _name(name), help_text[0].upper() + help_text[1:]
    if field.annotation is bool:
        return click.option(option, is_flag=True, help=help_text)
    if get_origin(field.annotation) is tuple:
        return click.option(option, cls=Repeatable, metavar="NAME", help=f"{help_text[:-1]} (repeatable).")
    if get_origin(field.annotation) is Literal:
        choice = click.Choice(get_args(field.annotation), case_sensitive=False)
        return click.option(option, type=choice, default=field.default, show_default=True, help=help_text)
    kind, *_ = get_args(field.annotation) or (field.annotation,)
    shown = field.default not in (None, "")
    return click.option(
        option,
        type=_checked(field),
        metavar={str: "TEXT", int: "INTEGER"}.get(kind, kind.__name__.upper()),
        default=field.default,
        show_default=shown,
        help=help_text,
    )


def _checked(field: FieldInfo) -> Callable[[Any], Any]:
    """Turns the text of an option into the field's value."""
    kind: Any = Annotated[field.annotation, field]
    adapter = TypeAdapter[Any](kind)
    is_path = Path in get_args(field.annotation)

    def check(value: Any) -> Any:
        try:
            return adapter.validate_python(with_home(value) if is_path and value else value)
        except ValidationError as error:
            raise click.BadParameter(f"{value!r}: {error.errors()[0]['msg']}") from error

    return check
