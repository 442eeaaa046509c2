"""Visual NLP's stages and parameters in raypipe.visual: which work, which are not needed, which are not offered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pages.tables import code, table, text_of
from raypipe.visual.absent import ABSENT
from raypipe.visual.frame import ELSEWHERE
from raypipe.visual.ml import STAGES
from raypipe.visual.parameters import plain


def visual() -> Iterator[str]:
    """The stages, their parameters, and what is not offered."""
    yield (
        "# Visual NLP's stages\n\nIn `raypipe.visual`, each parameter `x` has `setX` and `getX`. It works; or it is "
        "accepted and not needed, which is logged once; or it is not offered, and an error says what to do instead.\n"
    )
    for name, kind in STAGES.items():
        yield f"\n## {name}\n\n{text_of(kind)}\n\n"
        base = kind.__mro__[1]
        if kind.parameters == base.parameters:
            yield f"It has the parameters of [{base.__name__}](#{base.__name__.lower()}).\n"
            continue
        rows = [
            (code(parameter), each.what, code(_shown(each.default)), each.note)
            for parameter, each in kind.parameters.items()
        ]
        yield table(("parameter", "what becomes of it", "default", "note"), rows)
    yield "\n## Stages that are not offered\n\n"
    stages: dict[str, list[str]] = {}
    for name, why in ABSENT.items():
        stages.setdefault(why, []).append(code(name))
    yield table(("stages", "what to do instead"), [(", ".join(names), why) for why, names in stages.items()])
    yield "\n## What frames do not do\n\n"
    yield table(("on a DataFrame", "use"), [(code(name), code(way)) for name, way in ELSEWHERE.items()])


def _shown(value: Any) -> Any:
    return "" if value is None else plain(value)
