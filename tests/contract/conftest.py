"""Fixtures of the adapters' tests."""

from __future__ import annotations

from adapters import few_pages, local_rows, pages

__all__ = ["few_pages", "local_rows", "pages"]
