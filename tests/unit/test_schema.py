"""The description of the API."""

from __future__ import annotations

import json
import re

from asking import (
    serving,
)
from starlette.testclient import TestClient

from raypipe.web.options import Options
from raypipe.web.settings import digest


def test_the_description(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    for operation in operations:
        problems = [answer for status, answer in operation["responses"].items() if status[0] != "2"]
        assert {kind for answer in problems for kind in answer["content"]} == {"application/problem+json"}
    forms = [
        document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        for path in ("/v1/ocr", "/invocations")
    ]
    assert [set(form) for form in forms] == [{"file", "password", *Options.model_fields}, {"file", "password"}]
    assert set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document))) <= set(
        document["components"]["schemas"]
    )
    assert "ProblemAnswer" in document["components"]["schemas"]
    assert not any("security" in operation for operation in operations)


def test_the_description_says_which_paths_need_a_key() -> None:
    with serving(key_digests=(digest("first"),)) as client:
        document = client.get("/openapi.json").json()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    keyed = [path for path, methods in document["paths"].items() for one in methods.values() if "security" in one]
    jobs = ["/v1/jobs", *(f"/v1/jobs/{{job}}{part}" for part in ("", "", "/events", "/result"))]
    assert sorted(keyed) == ["/invocations", "/metrics", "/v1/convert", *jobs, "/v1/models", "/v1/ocr"]
