"""Without the parts of Ray that are not of its interface, datasets run all the same."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest

from raypipe.run import ending

WARNING = "This version of Ray is unknown"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module as it is where Ray's own executor is elsewhere."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "ray.data._internal.execution.streaming_executor", None)
        yield importlib.reload(ending)
    importlib.reload(ending)


def dataset(**context: object) -> SimpleNamespace:
    return SimpleNamespace(context=SimpleNamespace(**context))


def test_a_ray_with_another_executor_is_told_once(without: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    some = dataset(custom_execution_callback_classes=[])
    without.end_on_failure(some)
    without.end_on_failure(some)
    assert some.context.custom_execution_callback_classes == []
    assert [message[: len(WARNING)] for message in caplog.messages] == [WARNING]


def test_so_is_one_whose_datasets_take_no_callbacks(caplog: pytest.LogCaptureFixture) -> None:
    importlib.reload(ending).end_on_failure(dataset())
    assert WARNING in caplog.text


def test_an_executor_of_another_kind_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    some = dataset(custom_execution_callback_classes=[])
    importlib.reload(ending).end_on_failure(some)
    (callback,) = some.context.custom_execution_callback_classes
    executor = SimpleNamespace()
    callback().before_execution_starts(executor)
    assert type(executor) is SimpleNamespace and WARNING in caplog.text
