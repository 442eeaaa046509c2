"""ONNX Runtime, kept from reporting to its makers."""

from __future__ import annotations

import os
from typing import Any

TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Unless this is 1 when it is first imported, ONNX Runtime (from 1.29 on) sends names and hashes of models and the
machine's properties to Microsoft, and keeps an identifier of the machine in the home folder."""


def runtime() -> Any:
    """The module onnxruntime, which sends nothing: raypipe works offline, on pages that are nobody else's business.

    Setting `ORT_DISABLE_TELEMETRY=0` lets it report. A program that imports it before raypipe does has already let it
    report that the process began, but nothing else.
    """
    disabled = os.environ.setdefault(TELEMETRY, "1") != "0"
    import onnxruntime

    if disabled:
        onnxruntime.disable_telemetry_events()
    return onnxruntime
