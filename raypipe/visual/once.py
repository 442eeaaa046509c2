"""Warnings that are given once: a parameter without effect, a model that stands in for another."""

from __future__ import annotations

import logging
from functools import cache

log = logging.getLogger("raypipe.visual")


@cache
def warn(message: str) -> None:
    """Logs a warning, but the same one only once."""
    log.warning(message)
