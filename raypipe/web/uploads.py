"""From request bodies to documents."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from raypipe.plurals import counted
from raypipe.web import given
from raypipe.web.options import once
from raypipe.web.problems import ProblemError
from raypipe.web.settings import ServerSettings

MOST_FIELDS = 32
LONGEST_NAME = 200
FORM_REMEDY = "Let your HTTP library make the form and its Content-Type, as `curl -F file=@page.jpg` does."
FORM = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
"""The type that curl gives to all data unless another is named."""
LOST_BYTES = b"\r\n\0"
"""What `curl -d` removes from a file: pictures and PDFs have some of these, unless they are tiny."""
URLENCODED_DETAIL = (
    "The body is that of a web form, or has lost its line ends and zeros, as curl -d takes them from a file. "
    "Send a file with --data-binary @page.jpg or -F file=@page.jpg, and JSON with -H 'Content-Type: application/json'."
)
PASSWORD = "password"
"""The field of a form that opens locked documents. It is not a query parameter, since addresses are logged."""
_AROUND_BASE64 = re.compile(r"^data:[^,]*;base64,|\s", re.IGNORECASE)
"""The beginning of a data URL, as browsers make it of a file, and the ends of lines that `base64` makes."""
FILE, NAME = "file", "name"
"""Members of a JSON body: the document, in base64, and its name."""


@dataclass(frozen=True)
class Upload:
    """A document of a request.

    Attributes:
        name: The client's name for it; only shown, never opened.
        columns: Columns that came with it, each as its `Column` encodes it.
        password: Its password, if it is locked; empty: none was given.
    """

    name: str
    content: bytes = field(repr=False)
    columns: Mapping[str, Any] = field(default_factory=dict, repr=False)
    password: str = field(default="", repr=False)


class _Parser(MultiPartParser):
    """Keeps files in memory, like the body: nothing is written to disk."""

    spool_max_size = sys.maxsize


async def uploads_of(request: Request, body: bytes, settings: ServerSettings) -> tuple[list[Upload], dict[str, str]]:
    """The documents of a request, and the options that came as form fields.

    Raises:
        ProblemError: 413 too many files; 415 fields of a web form, or a file as `curl -d` sends it; 422 a form or JSON
            that cannot be read or holds no file.
    """
    kind = media_type(request)
    if kind == "application/json":
        return await asyncio.to_thread(_plain, body)  # It may be long.
    if kind == URLENCODED and not any(each in body for each in LOST_BYTES):
        raise ProblemError(415, "form_urlencoded", URLENCODED_DETAIL)
    if kind != FORM:
        return [Upload(_named(request), body)], {}
    form = await _form(request, body, settings)
    try:
        return await _documents(form)
    finally:
        await form.close()


def _plain(body: bytes) -> tuple[list[Upload], dict[str, str]]:
    """The document in a JSON object, and its further members, which are options, as a form would have them."""
    try:
        members = {each: value for each, value in given.bounded(body).items() if value is not None}
        content = base64.b64decode(_AROUND_BASE64.sub("", members.pop(FILE)), validate=True)
        name, password = (_text(members.pop(each, "")) for each in (NAME, PASSWORD))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        detail = (
            f'Send {{"{FILE}": BASE64, "{NAME}": "page.jpg"}}, with options as further members, or the file as it is.'
        )
        raise ProblemError(422, "json_invalid", detail) from error
    options = {each: value if isinstance(value, str) else json.dumps(value) for each, value in members.items()}
    return [Upload(clean_name(name or "upload"), content, password=password)], options


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def media_type(request: Request) -> str:
    """The media type of a request's body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _form(request: Request, body: bytes, settings: ServerSettings) -> FormData:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    _, parameters = parse_options_header(request.headers["content-type"])
    if not parameters.get(b"boundary"):
        raise ProblemError(422, "form_damaged", f"The multipart form has no boundary. {FORM_REMEDY}")
    parser = _Parser(request.headers, stream(), max_files=settings.max_files, max_fields=MOST_FIELDS)  # type: ignore[arg-type]
    parser.max_part_size = len(body)  # It is bounded, and nearly all of it may be a field: pages to convert.
    try:
        return await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            detail = f"The form has more than {counted(settings.max_files, 'file')}, the limit of this server."
            raise ProblemError(413, "too_many_files", detail) from error
        detail = f"The multipart form cannot be read: {error.message.rstrip('.')}. {FORM_REMEDY}"
        raise ProblemError(422, "form_damaged", detail) from error
    except Exception as error:  # With hostile headers the parser lets exceptions of its decoders through.
        raise ProblemError(422, "form_damaged", f"The multipart form cannot be read. {FORM_REMEDY}") from error


async def _documents(form: FormData) -> tuple[list[Upload], dict[str, str]]:
    uploads, pairs = [], []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            uploads.append(Upload(clean_name(value.filename or "upload"), content))
        else:
            pairs.append((name, value))
    options = once(pairs)
    if not uploads:
        raise ProblemError(422, "no_file", f"The form holds no file with a filename. {FORM_REMEDY}")
    password = options.pop(PASSWORD, "")
    return [replace(upload, password=password) for upload in uploads], options


def _named(request: Request) -> str:
    """The file's name, if the client gave one in Content-Disposition."""
    headers = Message()
    headers["Content-Disposition"] = re.sub(r"[\r\n]", "", request.headers.get("content-disposition", ""))
    try:
        return clean_name(headers.get_filename() or "upload")
    except (LookupError, TypeError, ValueError):  # An unknown encoding, or parts that contradict each other.
        return "upload"


def clean_name(name: str) -> str:
    """The last part of a name, without control characters. It appears in the answer only, never in a log."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", last)[:LONGEST_NAME].strip() or "upload"
