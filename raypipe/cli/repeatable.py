"""Options that are given once for each of their values."""

from __future__ import annotations

from typing import Any

import click


class Repeatable(click.Option):
    """An option that may be repeated; its value is a tuple without repetitions. None of the values has a comma."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **{**attributes, "multiple": True})

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """See `click.Parameter`. Joined values are refused: as one name, some would have no effect."""
        for joined in (str(each) for each in value or () if "," in str(each)):
            single = [part for part in map(str.strip, joined.split(",")) if part]
            repeated = " ".join(f"{self.opts[0]} {part}" for part in single)
            raise click.BadParameter(f"{joined!r} has a comma. Repeat the option: {repeated}", ctx, self)
        return tuple(dict.fromkeys(super().type_cast_value(ctx, value)))
