"""The detector families by name: how a model of each is opened, its thresholds, and the options it uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from raypipe.detection.base import Detector, Thresholds
from raypipe.detection.craft import Craft
from raypipe.detection.dbnet import DBNet
from raypipe.engine import Session
from raypipe.zoo.manifest import Input


@dataclass(frozen=True, kw_only=True)
class Family:
    """A detector family.

    Attributes:
        open: Makes a detector of a session and of what the manifest says of its input.
        thresholds: Those in force where none are given.
        options: The options of `ImageTextDetector` that not every family uses, and this one does.
    """

    open: Callable[[Session, Input], Detector]
    thresholds: Thresholds
    options: frozenset[str] = frozenset()


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        # Visual NLP's thresholds.
        "craft": Family(
            open=Craft,
            thresholds=Thresholds(score=0.7, text=0.4, link=0.4),
            options=frozenset(("link_threshold",)),
        ),
        # Between those of two PP-OCR programs.
        "db": Family(open=DBNet, thresholds=Thresholds(score=0.5, text=0.25, link=0)),
    }
)
