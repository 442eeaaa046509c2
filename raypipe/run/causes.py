"""The errors that processes of Ray's raised, taken from its reports, which are text."""

from __future__ import annotations

import re

from raypipe import errors
from raypipe.errors import RaypipeError

# Only the message of Ray's exception says it: its `cause` is a UserCodeException without the error wrapped in it, and
# if an actor does not start there is none.
_RAISED = re.compile(r"^(?:\w+\.)*(?!UserCodeException)(\w+(?:Error|Exception))(?:: (.+)|\(\))?$", re.MULTILINE)
_PLAIN = {
    "ActorDiedError": "a process died, maybe for lack of memory",
    "WorkerCrashedError": "a process died, maybe for lack of memory",
    "OutOfMemoryError": "memory ran out",
    "MemoryError": "memory ran out",
}
"""What errors are called that say little themselves."""


def cause(report: str, what: str, remedy: str) -> RaypipeError:
    """The error that a process raised, from Ray's report, which ends with hints of its own.

    Args:
        what: What came of it, and
        remedy: what to do, unless it is an error of raypipe's, which says both itself.
    """
    raised = _RAISED.findall(report)
    name, words = raised[-1] if raised else ("RayError", " ".join(report.split())[:200])
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, RaypipeError):
        return kind(words)
    reason = _PLAIN.get(name) or ": ".join(filter(None, (name, words.rstrip("."))))
    return RaypipeError(f"{what}: {reason}.", remedy)
