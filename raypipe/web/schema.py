"""The shapes of the answers, for the OpenAPI document. Answers themselves are made in `answers.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from raypipe.errors import Failure
from raypipe.images.kinds import suffixes
from raypipe.outputs.formats import FORMATS
from raypipe.outputs.json import JsonPage
from raypipe.web.forms import forms
from raypipe.web.options import Options
from raypipe.web.problems import MEDIA_TYPE
from raypipe.web.uploads import FILE, FORM, NAME, PASSWORD


@dataclass(frozen=True, kw_only=True)
class PageAnswer(JsonPage):
    """A page, with the further columns of its pipeline under their names.

    With `include_confidence=false`, pages, lines and words have no `confidence`. `overlay` is a `data:` URL, present
    only if one was asked for.
    """

    overlay: str = ""


class OcrAnswer(BaseModel):
    """All pages of a request."""

    request_id: str
    models: list[dict[str, str]]
    pages: list[PageAnswer]
    timings: dict[str, float] = Field(description="seconds; steps are summed over pages")


@dataclass(frozen=True, kw_only=True)
class CorrectedPage(JsonPage):
    """A page of an answer, sent back. Its text is taken unchanged; further columns are left out."""

    pagenum: Annotated[int, Field(ge=0)]
    total_pages: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)] | None
    height: Annotated[int, Field(ge=1)] | None
    turned: Literal[0, 90, 180, 270] = 0
    lang: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35)] | None = None
    exception: str | None = None
    failure: Failure | None = None


class CorrectedPages(BaseModel):
    """The pages of one document, as answers have them."""

    pages: list[CorrectedPage] = Field(min_length=1)


class Item(BaseModel):
    """A page as Visual NLP's SageMaker product gives it."""

    text: str
    pagenum: int = Field(0, description="from 1; absent for pictures")
    exception: str = ""


class InvocationsAnswer(BaseModel):
    """The answer of `/invocations`."""

    items: list[Item]


class ProblemAnswer(BaseModel):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str


BINARY = {"schema": {"type": "string", "format": "binary"}}
PASSWORDS = {"type": "string", "format": "password", "description": "opens the PDFs of the form that need one"}


def uploading(fields: dict[str, Any]) -> dict[str, Any]:
    """The request body: bytes, a form of files and fields, or JSON with a file in base64."""
    files = {"type": "array", "items": BINARY["schema"], "description": "one or more files, in fields of any name"}
    form: dict[str, Any] = {
        "type": "object",
        "properties": {"file": files, PASSWORD: PASSWORDS, **fields},
        "required": ["file"],
    }
    member = {"type": "string", "contentEncoding": "base64", "description": "the document"}
    named = {"type": "string", "description": "what it is called"}
    plain = {**form, "properties": {**form["properties"], FILE: member, NAME: named}}
    content = dict.fromkeys(("application/octet-stream", "image/*", "application/pdf"), BINARY)
    structured = {FORM: {"schema": form}, "application/json": {"schema": plain}}
    return {"requestBody": {"required": True, "content": {**content, **structured}}}


CONTENT = {
    form.media_type: {"schema": form.schema}
    for form in reversed(forms().values())  # A media type stands for its first form.
}
"""The forms of an answer, by media type."""
UPLOAD = uploading({})
UPLOAD_WITH_OPTIONS = {**uploading(Options.model_json_schema()["properties"]), "x-suffixes": suffixes()}
"""With what a page needs to offer files to read: the suffixes of all kinds."""
_PLACE = "#/components/schemas/{model}"
CORRECTED: dict[str, Any] = {
    "x-formats": {
        each.name: {"suffix": each.suffix, "one_page": each.one_page, "originals": each.originals}
        for each in FORMATS.values()
    },
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": _PLACE.format(model=CorrectedPages.__name__)}},
            FORM: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {**BINARY["schema"], "description": "the document, which PDF needs"},
                        "pages": {"type": "string", "description": "the JSON"},
                        PASSWORD: {**PASSWORDS, "description": "opens the document, if it is locked"},
                    },
                    "required": ["file", "pages"],
                }
            },
        },
    },
}
STATUSES = {
    400: "disconnected, or not HTTP",
    401: "no valid key",
    403: "a page of another site sent it",
    404: "no such path or job, or the server takes no jobs",
    405: "the path takes other methods, which Allow names",
    406: "no such format, or one that holds fewer pages",
    408: "the body arrived too slowly",
    409: "the job is not finished",
    413: "too large, or too many pages or files",
    415: "neither an image nor a PDF",
    421: "the server has another name",
    422: "damaged, empty, or a wrong option",
    429: "too many requests; see Retry-After",
    431: "headers too large",
    500: "something unexpected",
    503: "no replica is ready; see Retry-After",
    504: "not ready in time",
    507: "no room for files that the format needs",
}
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}
PROBLEM: dict[int | str, dict[str, Any]] = {"default": {"description": "a problem", "content": _PROBLEM}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": _PROBLEM} for status, text in STATUSES.items()
}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the shape of problems, and with confidences as optional.

    FastAPI itself adds only the shapes of JSON answers.
    """
    schemas = document["components"]["schemas"]
    corrected = CorrectedPages.model_json_schema(ref_template=_PLACE)
    schemas.update({**corrected.pop("$defs"), **schemas, CorrectedPages.__name__: corrected})
    schemas["ProblemAnswer"] = ProblemAnswer.model_json_schema()
    for schema in schemas.values():
        if "confidence" in schema.get("required", ()):
            schema["required"].remove("confidence")
    return document
