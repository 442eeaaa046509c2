"""What is said once: a parameter that needs nothing here, a model that stands in for another."""

from __future__ import annotations

import logging
from functools import cache

log = logging.getLogger("raypipe.visual")


@cache
def warn(message: str) -> None:
    """Logs a warning the first time that it is given."""
    log.warning(message)
