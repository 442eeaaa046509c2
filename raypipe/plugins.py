"""Registries: things by name, raypipe's own and those that the entry points of other packages add."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from raypipe.errors import ConfigError, reason_of

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Things of one sort by name, raypipe's own first.

    Entry points are looked up when the registry is first used, and each is loaded when its value is.

    Args:
        group: The group of entry points that add to it, such as `raypipe.formats`.
        own: raypipe's own things by name.
        fits: Whether something can be in it.
    """

    def __init__(self, group: str, own: Mapping[str, T], fits: Callable[[Any], bool]) -> None:
        self.group = group
        self._fits = fits
        self._own = own
        self._loaded = dict(own)

    def __iter__(self) -> Iterator[str]:
        """The names.

        Raises:
            ConfigError: A package adds a name that is taken.
        """
        return iter((*self._own, *self._points))

    def __len__(self) -> int:
        return len(self._own) + len(self._points)

    def __getitem__(self, name: str) -> T:
        """What has this name.

        Raises:
            KeyError: Nothing has it.
            ConfigError: It cannot be loaded, or does not belong here.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(self._points[name])
        return self._loaded[name]

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        points: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            if point.name in self._own or point.name in points:
                other = package(points[point.name]) if point.name in points else "raypipe"
                raise ConfigError(
                    f"{package(point)} and {other} both call something {point.name!r} in {self.group}.",
                    f"Uninstall {package(point)}, or rename its entry point.",
                )
            points[point.name] = point
        return points

    def _load(self, point: EntryPoint) -> T:
        remedy = f"Fix {package(point)}, or uninstall it."
        try:
            found: T = point.load()
        except Exception as error:  # Importing another's package can raise anything.
            raise ConfigError(
                f"The plug-in {point.name!r} ({point.group}) of {package(point)} cannot be loaded: "
                f"{type(error).__name__}: {reason_of(error)}.",
                remedy,
            ) from error
        if not self._fits(found):
            raise ConfigError(f"{point.value}, a plug-in of {package(point)}, does not fit {self.group}.", remedy)
        # Classes and most records have a name, which the entry point must share.
        name = getattr(found, "__name__", getattr(found, "name", point.name))
        if name != point.name:
            raise ConfigError(f"{package(point)} has {name!r} as an entry point named {point.name!r}.", remedy)
        return found


def package(point: EntryPoint) -> str:
    """The package that an entry point belongs to."""
    return point.dist.name if point.dist else "An unknown package"


def installed() -> list[EntryPoint]:
    """The entry points of all packages whose groups are called after raypipe, known or not."""
    groups = sorted(group for group in entry_points().groups if group.startswith("raypipe."))
    return [point for group in groups for point in entry_points(group=group)]
