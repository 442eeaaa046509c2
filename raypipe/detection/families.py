"""The detector families by name: how to open a model of each, its thresholds, and the options it uses.

Other packages add theirs as entry points of the group `raypipe.detectors`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raypipe.detection.base import Detector, Thresholds
from raypipe.detection.craft import Craft
from raypipe.detection.dbnet import DBNet
from raypipe.engine.session import Session
from raypipe.plugins import Registry
from raypipe.zoo.manifest import Input


@dataclass(frozen=True, kw_only=True)
class Family:
    """A detector family.

    Attributes:
        open: Makes a detector from a session and the manifest's description of its input.
        thresholds: The default thresholds.
        options: The options of `ImageTextDetector` that this family uses, of those that not every family uses.
    """

    open: Callable[[Session, Input], Detector]
    thresholds: Thresholds
    options: frozenset[str] = frozenset()


FAMILIES = Registry(
    "raypipe.detectors",
    {
        # Visual NLP's thresholds.
        "craft": Family(
            open=Craft,
            thresholds=Thresholds(score=0.7, text=0.4, link=0.4),
            options=frozenset(("link_threshold",)),
        ),
        # Between those of two PP-OCR programs.
        "db": Family(open=DBNet, thresholds=Thresholds(score=0.5, text=0.25, link=0)),
    },
    lambda found: isinstance(found, Family),
)
