"""The options of requests, and the negotiation of the answer's form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from starlette.requests import Request

from raypipe.stages.draw import Drawing
from raypipe.web.forms import Form, forms
from raypipe.web.problems import ProblemError

_RANGES = re.compile(r"^[1-9]\d{0,6}(-[1-9]\d{0,6})?(,[1-9]\d{0,6}(-[1-9]\d{0,6})?){0,99}$")
LONGEST_SHOWN = 60
"""How much of a wrong value a problem repeats."""


class Rendering(BaseModel):
    """How pages are answered: the options of every path that answers with pages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output_format: str | None = Field(
        None,
        description="format of the answer; if left out, the Accept header decides",
        json_schema_extra=lambda schema: schema.update(enum=list(forms())),
    )
    include_confidence: bool = Field(True, description="include confidences, 0 to 1")

    @model_validator(mode="before")
    @classmethod
    def _only_options(cls, given: Any) -> Any:
        if unknown := [name for name in given if name not in cls.model_fields]:
            raise ValueError(f"{unknown[0]} is not an option here; there are {', '.join(cls.model_fields)}.")
        return given

    @field_validator("output_format")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in forms():
            raise ValueError(f"choose one of {', '.join(forms())}")
        return value


class Selection(Rendering):
    """Which pages, too: the options of the result of a job."""

    pages: str | None = Field(
        None,
        description="pages to answer with, counted from 1, such as 1-3,7; if left out, all",
        pattern=_RANGES.pattern,
        max_length=400,
    )

    @field_validator("pages")
    @classmethod
    def _ascending(cls, value: str | None) -> str | None:
        for part in (value or "").split(","):
            first, _, last = part.partition("-")
            if last and int(first) > int(last):
                raise ValueError(f"{part} ends before it begins")
        return value

    def chosen(self, total: int) -> list[int]:
        """The numbers, from 0, of the pages to answer with of a document with `total` pages, ascending."""
        if self.pages is None:
            return list(range(total))
        wanted: set[int] = set()
        for part in self.pages.split(","):
            first, _, last = part.partition("-")
            wanted.update(range(int(first) - 1, min(int(last or first), total)))
        return sorted(page for page in wanted if page < total)


class Options(Selection):
    """The options of a request with documents: query parameters or, in a multipart request, form fields as well."""

    overlay: Literal["none", Drawing] = Field(
        "none",
        description="add a picture of each page with its regions and text drawn over it, or clean, as a JPEG without "
        "them (JSON formats)",
    )


def each_once(request: Request) -> None:
    """Refuses an option that is given twice in a request's URL, where one would have no effect; see `once`."""
    once(request.query_params.multi_items())


def once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Options by their names.

    Raises:
        ProblemError: 422, one is given twice.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            detail = f"{name[:LONGEST_SHOWN]} is given twice. Give each option once."
            raise ProblemError(422, "option_invalid", detail)
        found[name] = value
    return found


def with_form(options: Options, form: dict[str, str]) -> Options:
    """The options, overridden by those of a form.

    Raises:
        ProblemError: 422, a field is not an option or has a wrong value.
    """
    try:
        return Options.model_validate({**options.model_dump(exclude_defaults=True), **form})
    except ValidationError as error:
        raise ProblemError(422, "option_invalid", describe(error.errors())) from error


def describe(errors: Sequence[Mapping[str, Any]]) -> str:
    """Pydantic's errors about options, as text: what was given, and what the option takes."""
    return " ".join(_described(error) for error in errors)


def _described(error: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"] if part not in ("query", "body"))
    field = Options.model_fields.get(name)
    if field is None:  # Of all options together.
        return str(error["ctx"]["error"])
    if error["type"] == "value_error":
        reason = str(error["ctx"]["error"])
    elif choices := get_args(field.annotation) if get_origin(field.annotation) is Literal else ():
        reason = f"choose one of {', '.join(choices)}"
    else:
        kind = "true or false: " if field.annotation is bool else ""
        reason = f"it is {kind}{field.description}"
    return f"{name}={str(error['input'])[:LONGEST_SHOWN]!r} is wrong: {reason}."


def negotiate(accept: str | None, options: Rendering) -> Form:
    """The form of an answer.

    Raises:
        ProblemError: 406, the Accept header names none of them.
    """
    available = forms()
    if options.output_format:
        return available[options.output_format]
    weights = _weights(accept or "*/*")
    best = max(available.values(), key=lambda form: _weight(form.media_type, weights))  # The first of equals.
    if not _weight(best.media_type, weights):
        names = ", ".join(dict.fromkeys(form.media_type for form in available.values()))
        raise ProblemError(406, "not_acceptable", f"Accept one of {names}.")
    return best


def _weight(media_type: str, weights: Mapping[str, float]) -> float:
    return weights.get(media_type, weights.get(f"{media_type.split('/')[0]}/*", weights.get("*/*", 0.0)))


def _weights(accept: str) -> dict[str, float]:
    weights = {}
    for part in accept.split(",")[:50]:
        media_type, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        weights[media_type] = float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 1.0
    return weights
