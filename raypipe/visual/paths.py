"""Paths as Spark's programs write them."""

from __future__ import annotations

import re
from pathlib import PurePath


def place(path: str | PurePath) -> str:
    """A path or URI from what Spark calls it.

    `file:/a` is /a; `dbfs:/a` is /dbfs/a, where Databricks mounts it; `s3a://a` and `s3n://a` are s3://a.
    """
    text = re.sub(r"^s3[an]://", "s3://", str(path))
    return re.sub(r"^(file:|dbfs:)/(?!/)", lambda found: "/" if found[1] == "file:" else "/dbfs/", text)
