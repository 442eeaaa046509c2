"""Fixtures of the adapters' tests."""

from __future__ import annotations

from adapters import local_rows, pages

__all__ = ["local_rows", "pages"]
