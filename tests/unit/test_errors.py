from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from raypipe import errors
from raypipe.errors import Code, ExitStatus, Failure, PageError, RaypipeError, reason_of
from raypipe.web.problems import ProblemError


def kinds(of: type[RaypipeError]) -> Iterator[type[RaypipeError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


KINDS = [kind for kind in kinds(RaypipeError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_what_and_what_to_do(kind: type[RaypipeError]) -> None:
    error = kind("It broke.", "Mend it.")
    assert str(error) == "It broke. Mend it."
    assert error.remedy == "Mend it."
    assert isinstance(error, RaypipeError)


def test_kinds_can_be_told_apart_by_code_and_exit_status() -> None:
    found = [RaypipeError, *KINDS]
    assert len({kind.code for kind in found}) == len(found)
    assert len({kind.exit_status for kind in found}) == len(found)
    assert {kind.exit_status for kind in found} == set(ExitStatus) - {ExitStatus.DONE, ExitStatus.PAGES}


def test_no_remedy_leaves_no_trailing_space() -> None:
    assert str(RaypipeError("It broke.")) == "It broke."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("It ends early."), "It ends early"),
        (ValueError("one\n  two.\n"), "one two"),
        (EOFError(), "EOFError"),
    ],
)
def test_a_reason_ends_a_sentence(error: Exception, said: str) -> None:
    assert reason_of(error) == said


def test_a_page_error_does_not_stop_the_job() -> None:
    error = PageError("image_empty", "x.png is empty.", "Copy it again.")
    assert not isinstance(error, RaypipeError)
    assert (error.code, error.remedy, str(error)) == ("image_empty", "Copy it again.", "x.png is empty. Copy it again.")


@pytest.mark.parametrize(
    "error",
    [
        *(kind("It broke.", "Mend it.") for kind in (RaypipeError, *KINDS)),
        PageError(Code.IMAGE_EMPTY, "x.png is empty.", "Copy it again."),
        ProblemError(429, "overloaded", "Come again.", {"Retry-After": "2"}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_crosses_from_process_to_process(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)


@pytest.mark.parametrize("code", [*Code, "too_quiet"])
def test_a_failure_comes_back_from_its_text(code: str) -> None:
    failure = Failure("ImageToText", code, "a.png: line one\nand: two.")
    assert str(failure) == f"ImageToText {code}: a.png: line one\nand: two."
    assert Failure.parse(str(failure)) == failure


def test_a_text_that_is_no_failure_is_a_message() -> None:
    """A dataset may bring a column `exception` of its own."""
    for text in ("boom", "It broke at last: badly", ""):
        assert Failure.parse(text) == Failure("", Code.PAGE_FAILED, text)


def test_codes_have_the_status_of_their_request() -> None:
    statuses = {
        code: Failure("A", code, "").http_status for code in ("image_too_large", "image_unknown", "worker_died")
    }
    assert statuses == {"image_too_large": 413, "image_unknown": 415, "worker_died": 500}
    assert Failure("A", "image_empty", "").http_status == Failure("A", "too_quiet", "").http_status == 422
    assert f"{Code.IMAGE_EMPTY}" == "image_empty"
