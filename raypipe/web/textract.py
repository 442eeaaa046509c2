"""Amazon Textract's DetectDocumentText: `POST /` as boto3 sends it once its `endpoint_url` is this server.

Protocol: AWS JSON 1.1, https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from raypipe.web.problems import ProblemError
from raypipe.web.service import Service

router = APIRouter()
MEDIA_TYPE = "application/x-amz-json-1.1"
TARGET = "Textract.DetectDocumentText"
TYPES = {
    "body_too_large": "DocumentTooLargeException",
    "image_too_large": "DocumentTooLargeException",
    "image_unknown": "UnsupportedDocumentException",
}
"""Textract's name for some problems; the rest go by their status."""
STATUSES = {
    400: "InvalidParameterException",
    422: "BadDocumentException",
    429: "ThrottlingException",
    500: "InternalServerError",
}


@router.post("/", include_in_schema=False)  # The protocol has a description of its own.
async def detect_document_text(request: Request) -> Response:
    """Amazon Textract's DetectDocumentText, for programs that use boto3 with `endpoint_url` and send `Bytes`."""
    service: Service = request.app.state.service
    try:
        if request.headers.get("x-amz-target") != TARGET:
            raise ProblemError(400, "no_such_target", f"Only {TARGET} is known here.")
        body = await service.textract(request, document_bytes)
    except ProblemError as problem:
        request.state.problem = problem.code
        return refused(problem, request.state.request_id)
    return Response(body, media_type=MEDIA_TYPE)


def document_bytes(body: bytes) -> bytes:
    """The document in a request; if there is none, a `ProblemError` says 400."""
    try:
        document = json.loads(body)["Document"]
        return base64.b64decode(document["Bytes"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        detail = 'Send {"Document": {"Bytes": BASE64}}. S3 is not read: nothing that a client names is opened.'
        raise ProblemError(400, "document_missing", detail) from error


def refused(problem: ProblemError, request_id: str) -> Response:
    """A problem as clients of AWS know it."""
    kind = TYPES.get(problem.code) or STATUSES.get(problem.status, "InvalidParameterException")
    if problem.status >= 500:
        kind = STATUSES[500]
    values: dict[str, Any] = {"__type": kind, "message": problem.detail, "code": problem.code, "request_id": request_id}
    status = 400 if problem.status < 429 else problem.status
    headers = {**problem.headers, "x-amzn-ErrorType": kind}
    return JSONResponse(values, status, headers, MEDIA_TYPE)
