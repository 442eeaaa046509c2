"""The OpenAPI document has an example of each answer, and samples of each operation."""

from __future__ import annotations

from typing import Any

import pytest
from asking import serving
from pydantic import TypeAdapter

from raypipe.web.schema import CorrectedPages, OcrAnswer


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with serving() as client:
        found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.mark.parametrize("path", ["/v1/ocr", "/v1/convert"])
def test_each_form_of_text_has_an_example(document: dict[str, Any], path: str) -> None:
    content = document["paths"][path]["post"]["responses"]["200"]["content"]
    without = [media_type for media_type, one in content.items() if "example" not in one]
    assert without == ["application/pdf"]
    assert "Walker" in content["application/alto+xml"]["example"] and content["text/plain"]["example"].startswith(
        "Dear"
    )
    TypeAdapter(OcrAnswer).validate_python(content["application/json"]["example"])


def test_shapes_have_examples_that_fit(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    CorrectedPages.model_validate(schemas["CorrectedPages"]["examples"][0])
    for name in ("InvocationsAnswer", "JobAnswer", "ProblemAnswer"):
        (example,) = schemas[name]["examples"]
        assert set(schemas[name]["required"]) <= set(example) <= set(schemas[name]["properties"])


def test_each_operation_has_samples(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            labels = [sample["label"] for sample in operation["x-codeSamples"]]
            assert labels == ["curl", "Python", "JavaScript"]
            for sample in operation["x-codeSamples"]:
                assert path.replace("{job}", "ID") in sample["source"], (path, method)
                assert ("letter.jpg" in sample["source"]) == (path in ("/v1/ocr", "/invocations", "/v1/jobs"))


def test_samples_show_the_key_where_one_is_needed() -> None:
    with serving(key_digests=("0" * 64,)) as client:
        paths = client.get("/openapi.json").json()["paths"]
    for path, shown in (("/v1/models", True), ("/healthz", False)):
        for sample in paths[path]["get"]["x-codeSamples"]:
            assert ("Bearer KEY" in sample["source"]) == shown
