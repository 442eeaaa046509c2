"""Requests made up from the OpenAPI document: no 5xx, and every answer as the document says."""

from __future__ import annotations

import pytest
from server import Server

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
MOST = 30
"""Made-up requests for each path."""


@pytest.mark.slow
def test_made_up_requests_are_answered_as_documented(server: Server) -> None:
    from hypothesis import HealthCheck, Phase, given, settings

    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=MOST,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            response = case.call(base_url=server.url)
            assert response.status_code < 500, (response.status_code, response.text)
            case.validate_response(
                response,
                checks=[
                    schemathesis.checks.CHECKS.get_one(name)
                    for name in ("not_a_server_error", "status_code_conformance", "content_type_conformance",
                                 "response_schema_conformance")
                ],
            )  # fmt: skip

        check()
    assert tried > 50
