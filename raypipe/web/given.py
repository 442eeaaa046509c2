"""Columns that come with a request because the pipeline reads them and no stage writes them, such as regions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from raypipe.columns import Column
from raypipe.errors import ConfigError, reason_of
from raypipe.web.problems import ProblemError

MOST_ITEMS = 10_000
FARTHEST = 1_000_000
"""Largest number accepted: coordinates beyond it are on no page."""


def take_columns(form: dict[str, str], needs: Mapping[str, Column]) -> dict[str, Any]:
    """Removes the columns from a form and returns them, each as its `Column` encodes it.

    Each is a field with the column's name and JSON as its value.

    Raises:
        ProblemError: 422, one is missing or does not fit its column.
    """
    return {name: _value(form.pop(name, None), name, column) for name, column in needs.items()}


def _value(text: str | None, name: str, column: Column) -> Any:
    if text is None:
        raise ProblemError(
            422,
            "column_missing",
            f"The pipeline of this server reads {name}, which comes with the request. Send a multipart form with the "
            f"file and a field {name} that holds JSON.",
        )
    try:
        plain = bounded(text)
        return column.encode(column.decode(plain))
    except (ValueError, ConfigError, RecursionError) as error:
        detail = f"{name} does not hold what the pipeline reads: {reason_of(error)}."
        raise ProblemError(422, "column_invalid", detail) from error


def bounded(text: str | bytes) -> Any:
    """The plain values of a client's JSON.

    Raises:
        ValueError: It is not JSON, or has a number or list beyond the limits, or invalid text.
        RecursionError: It is nested too deeply.
    """
    plain = json.loads(text, parse_constant=_no_number)
    _check(plain)
    return plain


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number.")


def _check(value: Any) -> None:
    """Refuses coordinates outside any page, more items than any page has, and unpaired surrogates."""
    if isinstance(value, (list, dict)):
        if len(value) > MOST_ITEMS:
            raise ValueError(f"A list is longer than {MOST_ITEMS:,}.")
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(item)
    elif isinstance(value, (int, float)) and abs(value) > FARTHEST:
        raise ValueError(f"A number is beyond {FARTHEST:,}.")
    elif isinstance(value, str):
        value.encode()  # UnicodeEncodeError, a ValueError.
