"""Examples of answers for the OpenAPI document, each made by the code that makes answers."""

from __future__ import annotations

import json
from typing import Any

from raypipe.outputs.base import Document
from raypipe.outputs.text import plain
from raypipe.types import Line, PageRecord, Word
from raypipe.web import answers
from raypipe.web.forms import Form, forms
from raypipe.web.jobs import JobAnswer
from raypipe.web.problems import ProblemError

REQUEST_ID = "8f6a0c3de1b24d0e9b7c5a4f21d3e6b7"
REQUEST = {
    "request_id": REQUEST_ID,
    "models": [{"name": "ocr_small_handwritten_v2", "task": "recognition", "family": "ctc", "licence": "Apache-2.0"}],
    "timings": {"total": 0.412, "upload": 0.003, "reading": 0.409, "queue": 0.001},
}
JOB = JobAnswer(
    id="2f1c9d7ab3e84d55a1c0e7f6b9d8c3a2",
    state="reading",
    names=["book.pdf"],
    pages=500,
    done=128,
    failures=[],
    created="2026-01-31T09:30:00Z",
    expires=None,
)
PROBLEM = ProblemError(429, "overloaded", "The server has 16 places, and none is free. Try again in 2 seconds.")


def with_examples(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with examples of its answers and bodies."""
    pages = _of_forms()
    for methods in document["paths"].values():
        for operation in methods.values():
            content = operation["responses"].get("200", {}).get("content", {})
            if forms()["ndjson"].media_type in content:  # Pages in any form.
                for media_type in content.keys() & pages.keys():
                    content[media_type]["example"] = pages[media_type]
    examples = {
        "CorrectedPages": {"pages": pages["application/json"]["pages"]},
        "InvocationsAnswer": answers.invocations([_page()], [True]),
        "JobAnswer": JOB.model_dump(),
        "ProblemAnswer": PROBLEM.document(REQUEST_ID),
    }
    for name, example in examples.items():
        document["components"]["schemas"][name]["examples"] = [example]
    return document


def _of_forms() -> dict[str, Any]:
    """An answer in each text form, by media type; a media type stands for its first form."""
    texts = [form for form in forms().values() if form.media_type != "application/pdf"]
    return {form.media_type: _rendered(form) for form in reversed(texts)}


def _rendered(form: Form) -> Any:
    page = _page()
    body = form.render(Document(path=page.path, name=page.name, pages=[page]), REQUEST).decode()
    return json.loads(body) if form.schema.get("type") != "string" else body


def _page() -> PageRecord:
    lines = [_line("Dear Mrs Walker,", 0.981, 90, 0), _line("thank you for the parcel.", 0.947, 150, 1)]
    return PageRecord(
        {
            "path": "letter.jpg",
            "name": "letter.jpg",
            "pagenum": 0,
            "total_pages": 1,
            "width": 800,
            "height": 500,
            "text": plain(lines),
            "lines": lines,
            "confidence": [0.96],
            "exception": None,
        }
    )


def _line(text: str, confidence: float, y: float, row: int) -> Line:
    """A line whose characters are all 20 pixels wide."""
    words, x = [], 60.0
    for each in text.split():
        width = 20.0 * len(each)
        words.append(Word(text=each, confidence=confidence, x=x + width / 2, y=y, width=width, height=40, angle=0))
        x += width + 20
    place = {"x": (40 + x) / 2, "y": y, "width": x - 80, "height": 40.0, "angle": 0.0}
    return Line(text=text, confidence=confidence, row=row, words=words, **place)
