"""Which pages the tally suspects of killing their actors."""

from __future__ import annotations

from typing import Any

import pytest

from raypipe.run import tally
from raypipe.run.tally import NODES_A_TRY, Tally

PAGES = [("actor", "a.png", n) for n in range(3)]


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The nodes that are there; tests take some away."""
    nodes = {"n0", "n1", "n2", "n3"}

    def listed() -> list[dict[str, Any]]:
        return [{"NodeID": f"n{n}", "Alive": f"n{n}" in nodes} for n in range(10)]

    monkeypatch.setattr(tally.ray, "nodes", listed)
    return nodes


def test_finished_pages_are_no_suspects(alive: set[str]) -> None:
    found = Tally()
    assert found.begin(PAGES, "n0") == [0, 0, 0]
    found.finish(PAGES, {"pages_total": 3})
    assert found.begin(PAGES, "n0") == [0, 0, 0]
    assert found.sums()["pages_total"] == 3


def test_the_pages_of_a_dead_actor_are_tried_alone_until_one_has_killed_it_again(alive: set[str]) -> None:
    found = Tally()
    found.begin(PAGES, "n0")
    assert found.begin(PAGES, "n0") == [1, 1, 1]
    assert found.begin(PAGES, "n0") == [1, 1, 1], "they were not begun, and not counted"
    assert found.begin(PAGES[:1], "n0") == [1]
    found.finish(PAGES[:1], {})
    assert found.begin(PAGES[1:2], "n0") == [1]
    assert found.begin(PAGES, "n0") == [0, 2, 1]


def test_the_pages_of_a_node_that_left_are_no_suspects(alive: set[str]) -> None:
    found = Tally()
    for node in ("n0", "n1"):
        assert found.begin(PAGES, node) == [0, 0, 0]
        alive.remove(node)
    assert found.begin(PAGES, "n2") == [0, 0, 0]


def test_pages_that_take_one_node_after_the_other_with_them_are(alive: set[str]) -> None:
    found = Tally()
    for n in range(NODES_A_TRY):
        alive.add(f"n{n}")
        assert found.begin(PAGES, f"n{n}") == [0, 0, 0]
        alive.remove(f"n{n}")
    assert found.begin(PAGES, "n9") == [1, 1, 1]
