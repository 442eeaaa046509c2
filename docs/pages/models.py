"""The models of the manifest."""

from __future__ import annotations

from collections.abc import Iterator

from pages.tables import code, table
from raypipe.zoo import manifest


def models() -> Iterator[str]:
    """The models of the manifest."""
    yield "# Models\n\n`raypipe models info NAME` prints the card of one.\n\n"
    rows = [
        (
            code(each.name),
            each.task,
            each.family,
            ", ".join(each.languages) or "any",
            _size(each),
            each.licence,
        )
        for each in manifest.models()
    ]
    yield table(("name", "task", "family", "languages", "comes with raypipe", "licence"), rows)
    yield "\n## Where they come from\n\n"
    rows = [
        (code(each.name), ", ".join(map(code, each.aliases)), each.provenance, each.advice)
        for each in manifest.models()
    ]
    yield table(("name", "also called", "provenance", "advice"), rows)


def _size(model: manifest.Model) -> str:
    if model.file:
        return f"yes, {model.bytes / 1e6:.1f} MB"
    return (
        f"no; `raypipe models pull` fetches {model.pull_bytes / 1e6:.0f} MB"
        if model.repository or model.checkpoint
        else "no"
    )
