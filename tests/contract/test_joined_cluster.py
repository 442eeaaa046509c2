"""A process that is on a Ray cluster: its address is accepted, that of another is refused."""

from __future__ import annotations

import logging
import socket

import pytest
import ray

from raypipe.errors import ConfigError
from raypipe.run.jobs import connect


def test_its_own_address_joins_nothing_new(ray_cluster: None) -> None:
    address = ray.get_runtime_context().gcs_address
    port = address.rpartition(":")[2]
    for same in (None, "auto", address, *([f"localhost:{port}"] if address.startswith("127.") else [])):
        connect(same)
    assert ray.get_runtime_context().gcs_address == address


def test_the_address_of_another_is_refused(ray_cluster: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"so it cannot join {address}") as caught:
            connect(address)
    assert "ray.shutdown()" in str(caught.value)


def test_an_address_that_cannot_be_compared_is_said_to_be_unused(
    ray_cluster: None, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, caplog.at_level(logging.WARNING):
        connect(f"ray://127.0.0.1:{other.getsockname()[1]}")
    assert "is ignored" in caplog.text


@pytest.mark.parametrize("address", [None, "auto"])
def test_credentials_that_its_workers_do_not_get_are_named(
    ray_cluster: None, address: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "not to be logged")
    with caplog.at_level(logging.WARNING):
        connect(address)
    assert "workers do not get its AWS_SESSION_TOKEN" in caplog.text, "its workers have the others from the start"
    assert "not to be logged" not in caplog.text
