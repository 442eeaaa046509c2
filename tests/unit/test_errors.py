from __future__ import annotations

import pytest

from raypipe import errors
from raypipe.errors import PageError, RaypipeError

KINDS = [errors.ConfigError, errors.InputError, errors.ModelError, errors.DeviceError]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_what_and_what_to_do(kind: type[RaypipeError]) -> None:
    error = kind("It broke.", "Mend it.")
    assert str(error) == "It broke. Mend it."
    assert error.remedy == "Mend it."
    assert isinstance(error, RaypipeError)


def test_kinds_can_be_told_apart_by_code_and_exit_status() -> None:
    kinds = [RaypipeError, *KINDS]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert len({kind.exit_status for kind in kinds}) == len(kinds)
    assert 0 not in {kind.exit_status for kind in kinds}
    assert all(400 <= kind.http_status < 600 for kind in kinds)


def test_no_remedy_leaves_no_trailing_space() -> None:
    assert str(RaypipeError("It broke.")) == "It broke."


def test_a_page_error_does_not_stop_the_job() -> None:
    error = PageError("image_empty", "x.png is empty.", "Copy it again.")
    assert not isinstance(error, RaypipeError)
    assert (error.code, error.remedy, str(error)) == ("image_empty", "Copy it again.", "x.png is empty. Copy it again.")
