"""Parameters in Visual NLP's spelling: setters and getters, made from the specifications of raypipe's stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any, ClassVar, Self

from pydantic import TypeAdapter, ValidationError

from raypipe.errors import ConfigError
from raypipe.stages.base import Stage
from raypipe.visual.once import warn

ELSEWHERE = {
    "extractParamMap": "given, the values that are set",
    "getParam": "getOrDefault(name)",
    "params": "explainParams()",
    "uid": "type(stage).__name__",
}
"""pyspark's attributes of stages that are not here, and what to use instead."""
WORKS, NOT_NEEDED, NOT_OFFERED = "works", "accepted, not needed", "not offered"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a stage.

    Attributes:
        default: Its value until it is set.
        what: Whether it works, is accepted and not needed, or is not offered.
        note: What it does; why it is not needed; or what to do instead.
        allowed: The values that it accepts; empty: any, unless the parameter is not offered.
        takes: The type of its values, where no field of raypipe's stage checks it; None: any.
        field: The field of raypipe's stage that it sets; None: the transformer itself acts on it.
        to_field: Turns its value into that of the field.
    """

    default: Any = None
    what: str = WORKS
    note: str = ""
    allowed: tuple[Any, ...] = ()
    takes: Any = None
    field: str | None = None
    to_field: Callable[[Any], Any] = lambda value: value


def not_needed(default: Any, note: str) -> Parameter:
    """A parameter that changes nothing here, and says so once."""
    return Parameter(default=default, what=NOT_NEEDED, note=note)


def not_offered(note: str, *allowed: Any) -> Parameter:
    """A parameter that is refused unless its value asks for nothing; the first such value is the default."""
    return Parameter(default=allowed[0] if allowed else None, what=NOT_OFFERED, note=note, allowed=allowed)


def plain(value: Any) -> Any:
    """A value without members of enumerations: a picture's type becomes its name, all others their values."""
    if isinstance(value, Enum):
        return value.name if isinstance(value.value, int) else value.value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


class Parameters:
    """An object with parameters: each has `setX(value)`, which returns the object, and `getX()`.

    Setters take several values as a list of them.

    A subclass names a stage of raypipe's; each of its fields becomes a parameter in camel case. `own` adds those that
    the stage does not have, and replaces those that mean something else here.
    """

    spec: ClassVar[type[Stage] | None] = None
    own: ClassVar[Mapping[str, Parameter]] = {}
    parameters: ClassVar[Mapping[str, Parameter]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        inherited = {name: each for base in reversed(cls.__mro__) for name, each in vars(base).get("own", {}).items()}
        taken = {each.field for each in inherited.values() if each.field}
        fields = cls.spec.model_fields if cls.spec else {}
        made = {
            camel(name): Parameter(default=field.default, note=field.description or "", field=name)
            for name, field in fields.items()
            if name not in taken
        }
        cls.parameters = {**made, **inherited}
        for name, parameter in cls.parameters.items():
            for verb, method in (("set", _setter), ("get", _getter)):
                called = f"{verb}{name[0].upper()}{name[1:]}"
                # Methods that a class defines itself stay.
                if not hasattr(cls, called) or hasattr(getattr(cls, called), "made"):
                    setattr(cls, called, method(name, parameter, f"{cls.__name__}.{called}"))

    def __init__(self, **values: Any) -> None:
        self.given: dict[str, Any] = {}
        """The values that are set."""
        for name, value in values.items():
            self._put(name, value)
        self.check()  # Once all are there: a model's options, and its languages, are not those of the default one.

    def __getattr__(self, name: str) -> Any:
        """Says which setter or getter may have been meant.

        Raises:
            AttributeError: There is no such attribute.
        """
        message = f"{type(self).__name__} has no {name}."
        if name in ELSEWHERE:
            message += f" Use {ELSEWHERE[name]}."
        elif name.startswith(("set", "get")):
            known = [each for each in dir(type(self)) if each.startswith(name[:3])]
            near = get_close_matches(name, known, 1, 0)
            message += f" The nearest is {near[0]}; explainParams() lists all."
        elif name in self.parameters:
            message += f" Its value is getOrDefault({name!r})."
        elif near := get_close_matches(name, [each for each in dir(type(self)) if each[0] != "_"], 1):
            message += f" The nearest is {near[0]}."
        raise AttributeError(message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.given.items())})"

    def set(self, name: str, value: Any) -> Self:
        """Sets a parameter.

        Raises:
            AttributeError: There is no such parameter.
            ConfigError: The value is wrong, or raypipe cannot do what it asks for.
        """
        before = dict(self.given)
        try:
            self._put(name, value)
            self.check()
        except ConfigError:
            self.given = before
            raise
        return self

    def _put(self, name: str, value: Any) -> None:
        """Sets a parameter without a look at the others."""
        if name not in self.parameters:
            getattr(self, f"set{name[:1].upper()}{name[1:]}")
        parameter = self.parameters[name]
        if (parameter.what == NOT_OFFERED or parameter.allowed) and plain(value) not in parameter.allowed:
            raise ConfigError(f"{type(self).__name__} does not offer {name}={value!r}.", parameter.note)
        if parameter.takes:
            self._check_type(name, value, parameter.takes)
        if parameter.what == NOT_NEEDED:
            warn(f"{type(self).__name__}: {name} is accepted and not needed. {parameter.note}")
        self.given[name] = value

    def _check_type(self, name: str, value: Any, takes: Any) -> None:
        try:
            TypeAdapter(takes).validate_python(value, strict=True)
        except ValidationError as error:
            raise self._refusal(name, value, error.errors()[0]["msg"]) from error

    def _refusal(self, name: str, value: Any, why: str) -> ConfigError:
        what = f"{type(self).__name__} cannot take {name}={value!r}: {why.removeprefix('Value error, ')}."
        return ConfigError(what, "explainParams() lists what it takes.")

    def getOrDefault(self, name: str) -> Any:  # noqa: N802 - Visual NLP's name, like all of these
        """The value of a parameter, as it was set, or its default.

        Raises:
            AttributeError: There is no such parameter.
        """
        if name not in self.parameters:
            getattr(self, f"get{name[:1].upper()}{name[1:]}")
        return self.given.get(name, self.parameters[name].default)

    def hasParam(self, name: str) -> bool:  # noqa: N802
        """Whether there is such a parameter."""
        return name in self.parameters

    def isSet(self, name: str) -> bool:  # noqa: N802
        """Whether a parameter is set, and not its default."""
        return name in self.given

    def explainParam(self, name: str) -> str:  # noqa: N802
        """What a parameter does, its default and its value.

        Raises:
            AttributeError: There is no such parameter.
        """
        value, each = self.getOrDefault(name), self.parameters[name]
        return f"{name}: {each.note} [{each.what}] (default: {each.default!r}, current: {value!r})"

    def explainParams(self) -> str:  # noqa: N802
        """A line for each parameter; see `explainParam`."""
        return "\n".join(map(self.explainParam, self.parameters))

    def copy(self) -> Self:
        """Another one with the same values."""
        other = copy(self)
        other.given = dict(self.given)
        return other

    def check(self) -> None:
        """Checks the values that are set.

        Raises:
            ConfigError: One is wrong.
        """
        if self.spec:
            self.stage()

    def stage(self) -> Stage:
        """The stage of raypipe's with these parameters.

        Raises:
            ConfigError: A value is wrong.
        """
        assert self.spec
        fields = {}
        for name, parameter in self.parameters.items():
            if parameter.field and (name in self.given or name in self.own_defaults()):
                fields[parameter.field] = parameter.to_field(plain(self.getOrDefault(name)))
        try:
            return self.spec.model_validate(fields)
        except ConfigError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            wrong = error.__cause__.errors()[0]
            for name, parameter in self.parameters.items():
                if parameter.field == wrong["loc"][0]:
                    raise self._refusal(name, wrong["input"], wrong["msg"]) from error
            raise

    @classmethod
    def own_defaults(cls) -> Sequence[str]:
        """Parameters whose default differs from that of the stage's field."""
        fields = cls.spec.model_fields if cls.spec else {}
        return [n for n, each in cls.parameters.items() if each.field and each.default != fields[each.field].default]


def camel(name: str) -> str:
    """A field's name in camel case."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def _setter(name: str, parameter: Parameter, called: str) -> Callable[..., Any]:
    def setter(self: Parameters, value: Any, *others: Any) -> Parameters:
        return self.set(name, [value, *others] if others else value)

    return _named(setter, called, f"{parameter.note} [{parameter.what}]")


def _getter(name: str, parameter: Parameter, called: str) -> Callable[..., Any]:
    def getter(self: Parameters) -> Any:
        return self.getOrDefault(name)

    return _named(getter, called, f"The value of {name}; by default {parameter.default!r}.")


def _named(method: Any, called: str, text: str) -> Callable[..., Any]:
    method.__qualname__, method.__name__ = called, called.partition(".")[2]
    method.__doc__, method.made = text, True
    return method  # type: ignore[no-any-return]
