"""Whether Ray is still there, told by sockets in place of its raylet and its head node."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from raypipe.run import presence


@pytest.fixture
def raylet(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "raylet"))
        listening.listen()
        yield listening


@pytest.fixture
def head() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def watched(raylet: socket.socket, head: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Iterator[presence.Presence]:
    context = SimpleNamespace(gcs_address=f"127.0.0.1:{head.getsockname()[1]}")
    monkeypatch.setattr(presence, "node_here", lambda: {"RayletSocketName": raylet.getsockname()})
    monkeypatch.setattr(presence.ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(presence, "LOOK_SECONDS", 0.0)
    found = presence.Presence()
    yield found
    found.close()


def test_nothing_is_lost_while_both_are_there(watched: presence.Presence) -> None:
    assert [watched.lost() for _ in range(3)] == [None] * 3


def test_a_raylet_that_ends_is_lost_at_once(watched: presence.Presence, raylet: socket.socket) -> None:
    connection, _ = raylet.accept()
    assert watched.lost() is None
    connection.close()
    assert (watched.lost() or "").startswith("Ray stopped on this machine: ")


def test_a_head_node_is_lost_once_it_has_been_silent_for_long(
    watched: presence.Presence, head: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    head.close()
    assert watched.lost() is None
    monkeypatch.setattr(presence, "SILENT_SECONDS", 0.0)
    assert (watched.lost() or "").startswith(f"The head node of the Ray cluster, {watched._head}, has not answered")
    monkeypatch.setattr(presence, "LOOK_SECONDS", 60.0)
    assert watched.lost() is None


def test_a_raylet_elsewhere_is_not_watched(
    head: socket.socket, monkeypatch: pytest.MonkeyPatch, watched: presence.Presence
) -> None:
    monkeypatch.setattr(presence, "node_here", dict)
    elsewhere = presence.Presence()
    assert elsewhere._raylet is None and elsewhere.lost() is None
